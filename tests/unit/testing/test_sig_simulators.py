"""The simulated SIG devices: their truth is what their bytes say, and their clocks can be set."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BleDriver, Frame
from devicehub.gatt import device_information
from devicehub.testing.simulator import AttributeRefused
from devicehub_drivers import sig_blood_pressure, sig_thermometer
from devicehub_simulators.sig_blood_pressure import SigBloodPressure
from devicehub_simulators.sig_thermometer import SigThermometer

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
CLOCK = device_information.CURRENT_TIME


@pytest.mark.parametrize(
    ("make", "driver"),
    [
        (SigBloodPressure, sig_blood_pressure.DRIVER),
        (SigThermometer, sig_thermometer.DRIVER),
    ],
)
@given(seed=st.integers(0, 2**32))
def test_the_truth_is_what_the_driver_reads(
    make: type[SigBloodPressure] | type[SigThermometer], driver: BleDriver, seed: int
) -> None:
    simulator = make(serial_number="TEST-0001", seed=seed)
    for _ in range(3):
        *live, finished = simulator.measure(NOW)
        assert all(message.truth is None for message in live)
        assert len({message.on for message in (live[0], finished)}) == 2
        assert list(driver.decode(Frame.of(finished.on, finished.data))) == [finished.truth]
        for message in live:
            assert list(driver.decode(Frame.of(message.on, message.data)))


def test_the_same_seed_measures_the_same() -> None:
    one, two = (SigThermometer("TEST-0001", seed=7) for _ in range(2))
    assert list(one.measure(NOW)) == list(two.measure(NOW))


def test_the_clock_can_be_set_and_stamps_what_follows() -> None:
    cuff = SigBloodPressure("TEST-0001", seed=1)
    told = NOW + timedelta(days=400)
    assert list(cuff.write(CLOCK, device_information.encode_current_time(told), NOW)) == []
    assert cuff.read(CLOCK, NOW)[:7] == device_information.encode_current_time(told)[:7]
    *_, finished = cuff.measure(NOW)
    assert finished.truth is not None
    assert (finished.truth.device_time or "").startswith("2027-12-27T08:30")


@pytest.mark.parametrize("data", [b"", bytes(10), b"\xea\x07\x0b\x1f\x00\x00\x00\x00\x00\x00"])
def test_a_time_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(AttributeRefused) as refused:
        SigBloodPressure("TEST-0001", seed=1).write(CLOCK, data, NOW)
    assert refused.value.code == 0x13


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(AttributeRefused) as refused:
        SigBloodPressure("TEST-0001", seed=1).write("2a25", b"other", NOW)
    assert refused.value.code == 0x03
