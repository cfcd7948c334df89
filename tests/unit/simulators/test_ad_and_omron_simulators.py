"""The simulated A&D and Omron devices: their truth is what their bytes say, and they refuse what real ones do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.devices import matching, registry
from devicehub.driver import BleDriver, BloodPressure, Frame, encode_date_time
from devicehub.gatt import device_information
from devicehub.testing.simulator import Advertisement, AttributeRefused, BleSimulator
from devicehub_simulators import _ad
from devicehub_simulators import omron_eeprom as monitor
from devicehub_simulators.ad_blood_pressure import AdBloodPressure
from devicehub_simulators.ad_thermometer import AdThermometer
from devicehub_simulators.ad_weight_scale import AdWeightScale
from devicehub_simulators.omron_blesmart import OmronBlesmart
from devicehub_simulators.omron_eeprom import OmronEeprom

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
KEY = b"TEST key 16 byte"
SENDING: dict[str, Callable[..., BleSimulator]] = {
    "ad_blood_pressure": AdBloodPressure,
    "ad_thermometer": AdThermometer,
    "ad_weight_scale": AdWeightScale,
    "omron_blesmart": OmronBlesmart,
}
MAKERS: dict[str, Callable[..., BleSimulator]] = {**SENDING, "omron_eeprom": OmronEeprom}


def driver(driver_id: str) -> BleDriver:
    found = registry.find(driver_id)
    assert isinstance(found, BleDriver)
    return found


class Seen:
    """An advertisement as matching looks at it."""

    def __init__(self, advertisement: Advertisement) -> None:
        self.name = advertisement.name
        self.services = frozenset(advertisement.services)
        self.company_data = advertisement.company_data
        self.service_data = advertisement.service_data


@pytest.mark.parametrize("driver_id", SENDING)
@given(seed=st.integers(0, 2**32))
def test_the_truth_is_what_the_driver_reads(driver_id: str, seed: int) -> None:
    simulator = SENDING[driver_id](serial_number="TEST-0001", seed=seed)
    for _ in range(3):
        (finished,) = simulator.measure(NOW)
        frame = Frame.of(finished.on, finished.data)
        assert list(driver(driver_id).decode(frame)) == [finished.truth]


@pytest.mark.parametrize("driver_id", MAKERS)
def test_its_own_driver_takes_it(driver_id: str) -> None:
    advertisement = MAKERS[driver_id](serial_number="TEST-0001", seed=1).advertisement
    drivers = list(registry.installed().values())
    assert matching.match(Seen(advertisement), drivers) is driver(driver_id)


def test_an_ad_clock_is_set_and_commands_are_taken() -> None:
    scale = AdWeightScale(serial_number="TEST-0001", seed=1)
    (before,) = scale.measure(NOW)
    assert before.truth is not None
    assert (before.truth.device_time or "") < "2021"
    assert list(scale.write("2a08", encode_date_time(NOW), NOW)) == []
    assert list(scale.write(_ad.COMMANDS, _ad.SEND_EVERYTHING, NOW)) == []
    (after,) = scale.measure(NOW)
    assert after.truth is not None
    assert after.truth.device_time == "2026-11-22T08:30:02"
    for on, data in (("2a08", bytes(7)), ("2a08", b"\0"), (_ad.COMMANDS, b"\x02\x01\x12")):
        with pytest.raises(AttributeRefused):
            scale.write(on, data, NOW)


def test_a_blesmart_clock_is_set() -> None:
    cuff = OmronBlesmart(serial_number="TEST-0001", seed=1)
    cuff.write("2a2b", device_information.encode_current_time(NOW), NOW)
    assert abs(cuff.about.clock_is_ahead) < timedelta(seconds=1)
    assert cuff.read("2a49", NOW) == b"\x07\x00"


def ask(simulator: OmronEeprom, on: str, data: bytes) -> list[bytes]:
    return [message.data for message in simulator.write(on, data, NOW)]


def command(kind: int, address: int = 0, size: int = 0) -> bytes:
    whole = b"\x08" + kind.to_bytes(2, "big") + address.to_bytes(2, "big") + bytes((size, 0))
    return whole + bytes([reduce(xor, whole)])


def test_an_eeprom_monitor_is_paired_unlocked_read_and_left() -> None:
    simulator = OmronEeprom(serial_number="TEST-0001", seed=1)
    to_device = monitor.TO_DEVICE[0]
    assert ask(simulator, to_device, command(0)) == []
    assert ask(simulator, monitor.UNLOCK, b"\x01" + KEY) == [b"\x81\x01"]
    assert simulator.advertisement.name.startswith("BLEsmart_00000244")
    assert ask(simulator, monitor.UNLOCK, b"\x02" + bytes(16)) == [b"\x82\x00"]
    assert ask(simulator, monitor.UNLOCK, b"\x00" + KEY) == [b"\x80\x00"]
    start = b"".join(ask(simulator, to_device, command(0, 0, 16)))
    assert (start[:6].hex(), reduce(xor, start[:24])) == ("188000000010", 0)
    assert ask(simulator, to_device, command(0x0F00))[0][:8].hex() == "088f000000000087"
    assert simulator.advertisement.name.startswith("BLESmart_00000244")
    assert ask(simulator, monitor.UNLOCK, b"\x02" + bytes(16)) == [b"\x82\x0f"]
    assert ask(simulator, monitor.UNLOCK, b"\x00" + KEY) == [b"\x80\x0f"]
    assert ask(simulator, monitor.UNLOCK, b"\x01" + KEY) == [b"\x81\x00"]
    *_, finished = simulator.measure(NOW)
    parts = tuple(
        (message.on, message.data)
        for message in simulator.write(to_device, command(0x0100, 0x02E8, 14), NOW)
    )
    eeprom = driver("omron_eeprom")
    frame = eeprom.unseal(Frame(parts, "HEM-6232T"), {})
    assert isinstance(finished.truth, BloodPressure)
    assert list(eeprom.decode(frame)) == [finished.truth]
    for wrong in (command(0x0100, 0xFFF0, 16), command(0x01C0, 0, 0), command(0)[:-1] + b"\0"):
        assert ask(simulator, to_device, wrong) == []
    with pytest.raises(AttributeRefused):
        ask(simulator, monitor.UNLOCK, b"\x02")
