"""Vendors' oximeters and a chest strap end to end: drivers on a bumble host, simulators on a virtual radio."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import pytest

from devicehub.driver import (
    BleDriver,
    DeviceFacts,
    EcgSamples,
    Frame,
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
from devicehub_drivers import berry_bm1000, jumper_oximeter, nonin_3230, polar_h10, wellue_o2ring
from devicehub_simulators import berry_bm1000 as simulated_berry
from devicehub_simulators import jumper_oximeter as simulated_jumper
from devicehub_simulators import nonin_3230 as simulated_nonin
from devicehub_simulators import polar_h10 as simulated_polar
from devicehub_simulators import wellue_o2ring as simulated_ring

ADDRESS = "C0:00:00:00:00:03"
PATIENCE = 20.0
SERIAL = "TEST-0001"


@dataclass
class Heard:
    """What a driver made of what it was given."""

    driver: BleDriver
    kept: list[Measurement] = field(default_factory=list)
    shown: list[Measurement] = field(default_factory=list)
    facts: list[DeviceFacts] = field(default_factory=list)
    truths: list[Measurement] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, frame: Frame, _arrival: Arrival) -> None:
        for measurement in self.driver.decode(self.driver.unseal(frame, {})):
            if isinstance(measurement, DeviceFacts):
                self.facts.append(measurement)
            else:
                self.kept.append(measurement)
        self.changed.set()

    def live(self, frame: Frame, _arrival: Arrival) -> None:
        self.shown += self.driver.decode(self.driver.unseal(frame, {}))
        self.changed.set()

    def event(self, name: str, message: Message) -> None:
        if name == "measured" and message.truth is not None:
            self.truths.append(message.truth)
        self.changed.set()

    def counts(self, number: int) -> bool:
        return len(self.kept) + len(self.shown) == number

    def shows(self, measurements: list[Measurement]) -> bool:
        return self.shown[-1:] == measurements

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not done():
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def air() -> AsyncIterator[tuple[Air, Radio]]:
    space = Air()
    async with (
        HubPort(space, "tcp-server:127.0.0.1:0") as port,
        virtual_radio(port.address, None) as radio,
    ):
        yield space, radio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (simulated_berry, simulated_jumper, simulated_nonin, simulated_polar):
        monkeypatch.setattr(module, "STEP_SECONDS", 0.005)
    monkeypatch.setattr(wellue_o2ring, "EVERY_SECONDS", 0.005)


@contextlib.asynccontextmanager
async def talking(
    air: tuple[Air, Radio], simulator: BleSimulator, heard: Heard
) -> AsyncIterator[Peripheral]:
    space, radio = air
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()
    async with Peripheral(simulator, space, ADDRESS, heard.event) as device:
        radio.listen(lambda sighting: None if found.done() else found.set_result(sighting))
        async with asyncio.timeout(PATIENCE):
            sighting = await found
        hands = Hands(heard.deliver, heard.live)
        async with radio.connect(sighting, hands) as link:
            session = asyncio.ensure_future(heard.driver.session(link))
            try:
                async with asyncio.timeout(PATIENCE):
                    await device.subscribed()
                    yield device
            finally:
                session.cancel()
                await asyncio.wait((session,))


async def test_a_nonin_is_told_that_its_value_is_kept(air: tuple[Air, Radio]) -> None:
    heard = Heard(nonin_3230.DRIVER)
    simulator = simulated_nonin.SIMULATOR(SERIAL, seed=1)
    async with talking(air, simulator, heard) as device:
        for count in (7, 14):
            await device.measure()
            await heard.until(partial(heard.counts, count))
            assert simulator.complete
    assert heard.kept == heard.truths
    assert len(heard.kept) == 2
    assert heard.facts[0].model == "3230"


@pytest.mark.parametrize(
    ("simulator", "driver", "count"),
    [
        (simulated_berry.SIMULATOR(SERIAL, seed=1), berry_bm1000.DRIVER, 3),
        (simulated_jumper.SIMULATOR(SERIAL, seed=1), jumper_oximeter.DRIVER, 6),
    ],
    ids=lambda value: value.id if isinstance(value, BleDriver) else "",
)
async def test_a_stream_is_shown_and_never_kept(
    air: tuple[Air, Radio], simulator: BleSimulator, driver: BleDriver, count: int
) -> None:
    heard = Heard(driver)
    async with talking(air, simulator, heard) as device:
        await device.measure()
        await heard.until(lambda: len(heard.shown) == count)
    first, *worn, last = heard.shown
    assert isinstance(first, OxygenSaturation)
    assert isinstance(last, OxygenSaturation)
    assert first.percent is None is last.percent
    assert all(isinstance(one, OxygenSaturation) and one.percent for one in worn)
    assert heard.kept == []


async def test_a_ring_is_asked_again_and_again(air: tuple[Air, Radio]) -> None:
    heard = Heard(wellue_o2ring.DRIVER)
    simulator = simulated_ring.SIMULATOR(SERIAL, seed=1)
    *_, worn, _off = iter_values(simulator)
    async with talking(air, simulator, heard):
        for values in (simulated_ring.FINDING, worn, simulated_ring.NOT_WORN):
            heard.shown.clear()
            simulator.values = values
            expected = list(wellue_o2ring.decode(Frame.of(wellue_o2ring.ANSWER, values)))
            await heard.until(partial(heard.shows, expected))
    assert heard.kept == []
    assert [facts.serial_number for facts in heard.facts] == [SERIAL]


def iter_values(simulator: simulated_ring.WellueO2ring) -> list[bytes]:
    """What the ring would answer at each step of a night."""
    return [simulator.values for _ in simulator.measure(datetime.now().astimezone())]


class WatchedStrap(simulated_polar.PolarH10):
    """Says when a hub has started its stream."""

    def __init__(self) -> None:
        super().__init__(SERIAL, seed=1)
        self.started = asyncio.Event()

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        answer = super().write(on, data, now)
        if self.streaming:
            self.started.set()
        return answer


async def test_a_strap_streams_and_a_lost_message_is_a_gap(air: tuple[Air, Radio]) -> None:
    heard = Heard(polar_h10.DRIVER)
    strap = WatchedStrap()
    strap.loses = 2
    async with talking(air, strap, heard) as device:
        await strap.started.wait()
        await device.measure()
        await heard.until(lambda: len(heard.shown) == 2 * simulated_polar.MESSAGES - 1)
    stretches = [one.microvolts[0] for one in heard.shown if isinstance(one, EcgSamples)]
    assert [(len(one), one.count(None)) for one in stretches] == [
        (73, 0),
        (73, 0),
        (146, 73),
        (73, 0),
        (73, 0),
    ]
    assert sum(isinstance(one, HeartRate) for one in heard.shown) == simulated_polar.MESSAGES
    assert heard.kept == []
    assert heard.facts[0].features == ("worn_on_chest",)
