"""A&D and Omron devices through the hub's own Bluetooth: bond, passkey, clock, memory, keys. Only the air is not real."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from devicehub.devices import registry
from devicehub.driver import (
    BleDriver,
    BloodPressure,
    DeviceFacts,
    Frame,
    Measurement,
    Refused,
)
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.radio import Air, HubPort
from devicehub.testing.simulate import MakeBleSimulator
from devicehub.testing.simulator import BleSimulator
from devicehub.transport.ble import Radio, Sighting
from devicehub.transport.hands import Arrival, Hands, station_now
from devicehub.transport.virtual import virtual_radio
from devicehub_drivers import omron_eeprom as omron_driver
from devicehub_simulators import (
    ad_blood_pressure,
    ad_thermometer,
    ad_weight_scale,
    omron_blesmart,
    omron_eeprom,
)
from devicehub_simulators.ad_blood_pressure import AdBloodPressure
from devicehub_simulators.ad_thermometer import AdThermometer
from devicehub_simulators.ad_weight_scale import AdWeightScale
from devicehub_simulators.omron_blesmart import OmronBlesmart
from devicehub_simulators.omron_eeprom import OmronEeprom

ADDRESS = "C0:00:00:00:00:01"
PATIENCE = 20.0


@dataclass
class Hub:
    """Hands that decode what they are given, and keep what they are told to."""

    driver: BleDriver
    finished: asyncio.Queue[Measurement] = field(default_factory=asyncio.Queue)
    facts: list[DeviceFacts] = field(default_factory=list)
    secrets: MutableMapping[str, bytes] = field(default_factory=dict)

    async def deliver(self, frame: Frame, arrival: Arrival) -> None:
        for measurement in self.driver.decode(self.driver.unseal(frame, self.secrets)):
            if isinstance(measurement, DeviceFacts):
                self.facts.append(measurement)
            else:
                self.finished.put_nowait(measurement)

    async def next(self) -> Measurement:
        async with asyncio.timeout(PATIENCE):
            return await self.finished.get()


def hub(driver_id: str) -> Hub:
    driver = registry.find(driver_id)
    assert isinstance(driver, BleDriver)
    return Hub(driver)


class Device:
    """One simulated device on the air, and what it measured."""

    def __init__(self, simulator: BleSimulator, air: Air) -> None:
        self.truths: list[Measurement | None] = []
        self.passkeys: asyncio.Queue[int] = asyncio.Queue()
        self.body = Peripheral(
            simulator,
            air,
            ADDRESS,
            lambda event, message: (
                self.truths.append(message.truth) if event == "measured" else None
            ),
            self.passkeys.put_nowait,
        )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (
        ad_blood_pressure,
        ad_thermometer,
        ad_weight_scale,
        omron_blesmart,
        omron_eeprom,
    ):
        monkeypatch.setattr(module, "STEP_SECONDS", 0.005)


@contextlib.asynccontextmanager
async def on_air(simulator: BleSimulator) -> AsyncIterator[tuple[Device, HubPort]]:
    air = Air()
    device = Device(simulator, air)
    async with HubPort(air, "tcp-server:127.0.0.1:0") as port, device.body:
        yield device, port


async def seen(radio: Radio, wanted: Callable[[Sighting], bool] = lambda _: True) -> Sighting:
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()

    def heard(sighting: Sighting) -> None:
        if sighting.address == ADDRESS and wanted(sighting) and not found.done():
            found.set_result(sighting)

    radio.listen(heard)
    async with asyncio.timeout(PATIENCE):
        return await found


@contextlib.asynccontextmanager
async def talking(
    radio: Radio, hub: Hub, model: str | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    """The driver's own session with the device, as long as the block lasts."""
    hands = Hands(hub.deliver, lambda _frame, _arrival: None, hub.secrets)
    async with radio.connect(await seen(radio), hands, model) as link:
        talk = asyncio.ensure_future(hub.driver.session(link))
        try:
            yield talk
        finally:
            talk.cancel()
            await asyncio.wait((talk,))


async def ended(talk: asyncio.Task[None]) -> None:
    """The session has ended by itself; raises what it raised."""
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait((talk,))
    talk.result()


@pytest.mark.parametrize(
    ("driver_id", "make"),
    [
        ("ad_blood_pressure", AdBloodPressure),
        ("ad_thermometer", AdThermometer),
        ("ad_weight_scale", AdWeightScale),
    ],
)
async def test_an_ad_device_is_told_the_time_and_tells_what_it_kept_oldest_first(
    driver_id: str, make: MakeBleSimulator
) -> None:
    simulator = make(serial_number="TEST-0001", seed=1)
    collected = hub(driver_id)
    async with (
        on_air(simulator) as (device, port),
        virtual_radio(port.address, None) as radio,
    ):
        for _ in range(2):
            await device.body.measure()
        async with talking(radio, collected):
            stored = [await collected.next(), await collected.next()]
            await device.body.measure()
            fresh = await collected.next()
    assert [*stored, fresh] == device.truths
    assert all((one.device_time or "") < "2022" for one in stored)
    stamp = datetime.fromisoformat(fresh.device_time or "").astimezone()
    assert abs(stamp - station_now()) < timedelta(seconds=PATIENCE)
    assert collected.facts[0].serial_number == "TEST-0001"
    assert simulator.memory == []


async def test_a_blesmart_monitor_bonds_with_its_passkey(tmp_path: Path) -> None:
    collected = hub("omron_blesmart")
    async with on_air(OmronBlesmart("TEST-0001", seed=1)) as (device, port):

        async def passkey(_address: str) -> int:
            async with asyncio.timeout(PATIENCE):
                return await device.passkeys.get()

        await device.body.measure()
        async with (
            virtual_radio(port.address, tmp_path / "bonds", passkey) as radio,
            talking(radio, collected),
        ):
            assert await collected.next() == device.truths[0]
            await device.body.measure()
            fresh = await collected.next()
    assert fresh == device.truths[1]
    assert (fresh.device_time or "")[:10] >= f"{station_now() - timedelta(days=1):%Y-%m-%d}"
    assert collected.facts[0].clock is not None
    assert collected.facts[0].clock < "2022"


async def test_an_eeprom_monitor_is_paired_once_and_read_whole_each_time() -> None:
    simulator = OmronEeprom("TEST-0001", seed=1)
    collected = hub("omron_eeprom")
    async with (
        on_air(simulator) as (device, port),
        virtual_radio(port.address, None) as radio,
    ):
        await device.body.measure()
        async with talking(radio, collected) as talk:  # it tells its model itself
            await ended(talk)
        key = collected.secrets["key"]
        assert not simulator.pairing
        await device.body.measure()
        before = bytes(simulator.eeprom)
        async with talking(radio, collected, "HEM-6232T-E") as talk:
            await ended(talk)
        assert bytes(simulator.eeprom) == before
    assert collected.secrets == {"key": key}
    read = [await collected.next() for _ in range(3)]
    assert read == [device.truths[0], *device.truths]
    assert isinstance(read[2], BloodPressure)
    assert (read[2].sequence, read[2].user_slot, read[2].stored) == (2, 1, True)
    assert collected.finished.empty()


async def test_an_eeprom_monitor_that_is_not_to_be_paired_says_which_button(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator = OmronEeprom("TEST-0001", seed=1)
    simulator.pairing = False
    monkeypatch.setattr(omron_driver, "PAIRING_ATTEMPTS", 2)
    collected = hub("omron_eeprom")
    async with (
        on_air(simulator) as (_, port),
        virtual_radio(port.address, None) as radio,
    ):
        async with talking(radio, collected) as talk:
            with pytest.raises(Refused, match="until P blinks"):
                await ended(talk)
        collected.secrets["key"] = b"TEST key 16 byte"
        async with talking(radio, collected) as talk:
            with pytest.raises(Refused, match="pair it again"):
                await ended(talk)
        async with talking(radio, collected, "M7 Intelli IT") as talk:
            with pytest.raises(Refused, match="HEM number"):
                await ended(talk)
    assert collected.finished.empty()
