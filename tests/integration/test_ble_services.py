"""Streams, stored records and segments end to end: drivers on a bumble host, to simulated devices over a virtual air."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import ModuleType

import pytest

from devicehub.driver import (
    BleDriver,
    BloodPressure,
    DeviceFacts,
    Frame,
    Glucose,
    HeartRate,
    Measurement,
    OxygenSaturation,
)
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.radio import Air, HubPort
from devicehub.testing.simulator import BleSimulator, Message
from devicehub.transport.ble import Radio, Sighting
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.virtual import virtual_radio
from devicehub_drivers import (
    sig_generic_health_sensor,
    sig_glucose,
    sig_heart_rate,
    sig_pulse_oximeter,
)
from devicehub_simulators import sig_generic_health_sensor as simulated_sensor
from devicehub_simulators import sig_glucose as simulated_meter
from devicehub_simulators import sig_heart_rate as simulated_strap
from devicehub_simulators import sig_pulse_oximeter as simulated_oximeter

ADDRESS = "C0:00:00:00:00:01"
PATIENCE = 20.0


@dataclass
class Collected:
    """Hands that decode what they are given."""

    driver: BleDriver
    finished: asyncio.Queue[Measurement] = field(default_factory=asyncio.Queue)
    live: asyncio.Queue[Measurement] = field(default_factory=asyncio.Queue)
    facts: list[DeviceFacts] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)

    @property
    def hands(self) -> Hands:
        return Hands(self._deliver, self._live)

    async def _deliver(self, frame: Frame, arrival: Arrival) -> None:
        for measurement in self.driver.decode(frame):
            if isinstance(measurement, DeviceFacts):
                self.facts.append(measurement)
            else:
                self.parts.append(len(frame.parts))
                self.finished.put_nowait(measurement)

    def _live(self, frame: Frame, arrival: Arrival) -> None:
        for measurement in self.driver.decode(frame):
            self.live.put_nowait(measurement)


@dataclass
class Room:
    """The air, the hub's radio, and the device that is in."""

    air: Air
    radio: Radio
    devices: contextlib.AsyncExitStack
    measured: list[Message] = field(default_factory=list)

    async def add(self, simulator: BleSimulator) -> Peripheral:
        def event(name: str, message: Message) -> None:
            if name == "measured":
                self.measured.append(message)

        return await self.devices.enter_async_context(
            Peripheral(simulator, self.air, ADDRESS, event)
        )

    @contextlib.asynccontextmanager
    async def session(self, collected: Collected) -> AsyncIterator[asyncio.Task[None]]:
        """The driver's own session, as long as the block lasts."""
        found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()

        def heard(sighting: Sighting) -> None:
            if not found.done():
                found.set_result(sighting)

        self.radio.listen(heard)
        async with (
            asyncio.timeout(PATIENCE),
            self.radio.connect(await found, collected.hands) as link,
        ):
            talking = asyncio.ensure_future(collected.driver.session(link))
            try:
                yield talking
            finally:
                talking.cancel()
                await asyncio.wait((talking,))


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    air = Air()
    async with (
        HubPort(air, "tcp-server:127.0.0.1:0") as port,
        contextlib.AsyncExitStack() as devices,
        virtual_radio(port.address, None) as radio,
    ):
        yield Room(air, radio, devices)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    module: ModuleType
    for module in (simulated_sensor, simulated_meter, simulated_strap, simulated_oximeter):
        monkeypatch.setattr(module, "STEP_SECONDS", 0.005)


async def test_a_heart_rate_is_shown_and_never_finished(room: Room) -> None:
    strap = await room.add(simulated_strap.SIMULATOR("TEST-0001", seed=1))
    collected = Collected(sig_heart_rate.DRIVER)
    async with room.session(collected):
        await strap.subscribed()
        await strap.measure()
        shown = [await collected.live.get() for _ in range(1 + simulated_strap.MESSAGES)]
    assert all(isinstance(one, HeartRate) for one in shown)
    assert collected.finished.empty()
    assert collected.facts[0].features == ("worn_on_chest",)


async def test_an_oximeter_finishes_its_spot_check(room: Room) -> None:
    oximeter = await room.add(simulated_oximeter.SIMULATOR("TEST-0001", seed=1))
    collected = Collected(sig_pulse_oximeter.DRIVER)
    async with room.session(collected):
        await oximeter.subscribed()
        await oximeter.measure()
        found = await collected.finished.get()
    assert isinstance(found, OxygenSaturation)
    assert found == room.measured[0].truth
    assert collected.live.qsize() == len(simulated_oximeter.SETTLING)


async def test_an_oximeter_sends_what_it_stored_then_what_it_measures(room: Room) -> None:
    simulator = simulated_oximeter.SIMULATOR("TEST-0001", seed=1)
    *_, away = simulator.measure(datetime(2026, 11, 21, 21, 5, tzinfo=UTC))
    assert isinstance(away.truth, OxygenSaturation)
    simulator.records.append(away.truth)
    oximeter = await room.add(simulator)
    collected = Collected(sig_pulse_oximeter.DRIVER)
    async with room.session(collected):
        stored = await collected.finished.get()
        await oximeter.measure()
        live = await collected.finished.get()
    assert stored == away.truth.model_copy(update={"stored": True})
    assert live == room.measured[0].truth


async def test_a_meter_sends_its_memory_each_time_it_is_asked(room: Room) -> None:
    meter = await room.add(simulated_meter.SIMULATOR("TEST-0001", seed=1))
    for _ in range(6):
        await meter.measure()
    truths = [message.truth for message in room.measured]
    for _ in range(2):
        collected = Collected(sig_glucose.DRIVER)
        async with room.session(collected) as talking:
            await talking
        found = [collected.finished.get_nowait() for _ in range(6)]
        assert found == truths
        assert collected.finished.empty()
        contexts = [isinstance(one, Glucose) and one.meal is not None for one in found]
        assert collected.parts == [2 if one else 1 for one in contexts]
        assert {True, False} == set(contexts)


async def test_a_meter_without_records_has_nothing_to_say(room: Room) -> None:
    await room.add(simulated_meter.SIMULATOR("TEST-0001", seed=1))
    collected = Collected(sig_glucose.DRIVER)
    async with room.session(collected) as talking:
        await talking
    assert collected.finished.empty()


async def test_a_sensor_sends_its_memory_in_segments_then_what_it_measures(room: Room) -> None:
    cuff = await room.add(simulated_sensor.SIMULATOR("TEST-0001", seed=1))
    await cuff.measure()
    await cuff.measure()
    collected = Collected(sig_generic_health_sensor.DRIVER)
    async with room.session(collected):
        stored = [await collected.finished.get() for _ in range(2)]
        live = await _live(cuff, collected)
    assert [*stored, live] == [message.truth for message in room.measured]
    assert isinstance(live, BloodPressure)
    assert [one.sequence for one in stored] == [0, 1]
    assert collected.parts == [5, 5, 1]
    assert collected.facts[0].clock is not None


async def _live(cuff: Peripheral, collected: Collected) -> Measurement:
    simulator = cuff.simulator
    assert isinstance(simulator, simulated_sensor.SigGenericHealthSensor)
    while not simulator.is_live:  # noqa: ASYNC110 - a simulator is pure, it has no events
        await asyncio.sleep(0.01)
    await cuff.measure()
    return await collected.finished.get()
