"""Every simulator with its driver over what stands for the air or the line: a Bluetooth stack, a pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from devicehub.devices import registry
from devicehub.driver import (
    BleDriver,
    Frame,
    LinkLost,
    Measurement,
    NotUnderstood,
    Overhear,
    SerialDriver,
    Settles,
)
from devicehub.reading.settle import Settle, Settling
from devicehub.testing import simulate
from devicehub.testing.looped_link import model_of, secrets_of
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.radio import Air, HubPort
from devicehub.testing.simulate import is_ble, make_serial
from devicehub.testing.simulator import Advertisement, BleSimulator, Message, SerialSimulator
from devicehub.transport.ble import Radio, Sighting
from devicehub.transport.hands import Arrival, Hands, station_now
from devicehub.transport.serial import open_line
from devicehub.transport.virtual import virtual_radio

ADDRESS = "C0:00:00:00:00:01"
PATIENCE = 15.0
HASTE = 0.02
SECONDS_OF_ASKED = 8.0

SIMULATORS = simulate.installed()
DRIVERS = {name: registry.find(name) for name in SIMULATORS if name in registry.installed()}
BLE = [name for name, driver in DRIVERS.items() if isinstance(driver, BleDriver)]
SERIAL = [name for name, driver in DRIVERS.items() if isinstance(driver, SerialDriver)]


class Hub:
    """Decodes and settles what a session hands over."""

    def __init__(self, driver: BleDriver | SerialDriver, secrets: dict[str, bytes]) -> None:
        self.driver = driver
        self.secrets = secrets
        self.found: list[Measurement] = []
        self.shown: list[Measurement] = []
        self._settle = Settle(driver.settles, Settling(idle_since=station_now()))

    @property
    def hands(self) -> Hands:
        return Hands(self._deliver, self._live, self.secrets)

    async def _deliver(self, frame: Frame, arrival: Arrival) -> None:
        said = self._said(frame)
        self.shown += said
        self.found += [done.measurement for done in self._settle.finished(said, arrival.last)]

    def _live(self, frame: Frame, arrival: Arrival) -> None:
        said = self._said(frame)
        self.shown += said
        self._settle.live(said, arrival.last)

    def _said(self, frame: Frame) -> list[Measurement]:
        try:
            return list(self.driver.decode(self.driver.unseal(frame, self.secrets)))
        except NotUnderstood:
            return []


class Hurried:
    """A simulator that does not make a test wait."""

    def __init__(self, simulator: BleSimulator, haste: float) -> None:
        self._simulator = simulator
        self._haste = haste
        self.services = simulator.services
        self.bonding = simulator.bonding
        self.memory = simulator.memory

    @property
    def advertisement(self) -> Advertisement:
        return self._simulator.advertisement

    def read(self, on: str, now: datetime) -> bytes:
        return self._simulator.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterator[Message]:
        return self._hurry(self._simulator.write(on, data, now))

    def measure(self, now: datetime) -> Iterator[Message]:
        return self._hurry(self._simulator.measure(now))

    def _hurry(self, messages: Iterable[Message]) -> Iterator[Message]:
        return hurry(messages, self._haste)


class HurriedLine:
    """The same for a simulator on a line."""

    def __init__(self, simulator: SerialSimulator, haste: float) -> None:
        self._simulator = simulator
        self._haste = haste

    def receive(self, data: bytes, now: datetime) -> bytes:
        return self._simulator.receive(data, now)

    def measure(self, now: datetime) -> Iterator[Message]:
        return hurry(self._simulator.measure(now), self._haste)


def hurry(messages: Iterable[Message], haste: float) -> Iterator[Message]:
    for message in messages:
        yield replace(message, after=message.after * haste)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a condition of several parts
            await asyncio.sleep(0.01)


def filed(truths: Iterable[Measurement]) -> list[Measurement]:
    """The truths a hub files: not that nothing could be measured."""
    at = station_now()
    each = Settle(Settles.EACH, Settling(idle_since=at))
    return [done.measurement for done in each.finished(truths, at)]


async def seen(radio: Radio) -> Sighting:
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()

    def heard(sighting: Sighting) -> None:
        if sighting.address == ADDRESS and not found.done():
            found.set_result(sighting)

    radio.listen(heard)
    async with asyncio.timeout(PATIENCE):
        return await found


@pytest.mark.parametrize("name", BLE)
async def test_over_the_air(name: str) -> None:
    driver, make = DRIVERS[name], SIMULATORS[name]
    assert isinstance(driver, BleDriver)
    assert is_ble(make)
    overheard = isinstance(driver.session, Overhear)
    simulator = make(serial_number="TEST-0001", seed=1)
    hub = Hub(driver, dict(secrets_of(simulator)))
    truths: list[Measurement] = []
    passkeys: asyncio.Queue[int] = asyncio.Queue()

    def happened(event: str, message: Message) -> None:
        if event == "measured" and message.truth is not None:
            truths.append(message.truth)

    async def ask(_device: str) -> int:
        return await passkeys.get()

    air = Air()
    body = Hurried(simulator, 1.0 if overheard else HASTE)
    async with (
        HubPort(air, "tcp-server:127.0.0.1:0") as port,
        Peripheral(body, air, ADDRESS, happened, passkeys.put_nowait) as peripheral,
        virtual_radio(port.address, None, ask) as radio,
    ):
        if not overheard:
            await peripheral.measure()
        async with session(radio, await seen(radio), hub) as talking:
            if not filed(truths):
                await peripheral.measure()
            wanted = filed(truths)
            await until(lambda: len(hub.found) >= len(wanted) or talking.done())
            if not wanted:  # a device that is only ever shown
                await until(lambda: bool(hub.shown))
    assert hub.found[: len(filed(truths))] == filed(truths)
    assert hub.shown


@contextlib.asynccontextmanager
async def session(
    radio: Radio, sighting: Sighting, hub: Hub
) -> AsyncIterator[asyncio.Future[None]]:
    """The driver's own session, as long as the block lasts."""
    assert isinstance(hub.driver, BleDriver)
    async with contextlib.AsyncExitStack() as open_link:
        if isinstance(hub.driver.session, Overhear):
            overheard = open_link.enter_context(radio.overhear(sighting, hub.hands))
            talking = asyncio.ensure_future(hub.driver.session(overheard))
        else:
            link = await open_link.enter_async_context(radio.connect(sighting, hub.hands))
            talking = asyncio.ensure_future(hub.driver.session(link))
        try:
            yield talking
        finally:
            talking.cancel()
            await asyncio.wait((talking,))
            if not talking.cancelled():
                talking.result()


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are Unix's")
@pytest.mark.parametrize("name", SERIAL)
async def test_over_a_line(name: str) -> None:
    from devicehub.testing.pty_body import PtyBody

    driver = DRIVERS[name]
    assert isinstance(driver, SerialDriver)
    simulator = make_serial(SIMULATORS[name])(seed=1)
    hub = Hub(driver, dict(secrets_of(simulator)))
    truths: list[Measurement] = []

    def happened(message: Message, _at: datetime) -> None:
        if message.truth is not None:
            truths.append(message.truth)

    opened = asyncio.Event()

    async def talk(port: str) -> None:
        with contextlib.suppress(LinkLost):
            async with open_line(port, driver.line, hub.hands, model=model_of(simulator)) as link:
                opened.set()
                await driver.session(link)

    # One that only answers is asked in real time: its measurement must last for several questions.
    steps = list(make_serial(SIMULATORS[name])(seed=1).measure(station_now()))
    lasts = sum(step.after for step in steps)
    speaks = any(step.data for step in steps)
    haste = HASTE if speaks else min(1.0, SECONDS_OF_ASKED / lasts)
    if driver.settles is Settles.STREAM:
        haste = 1.0
    async with PtyBody(HurriedLine(simulator, haste), happened) as body:
        talking = asyncio.ensure_future(talk(body.path))
        try:
            await asyncio.wait_for(opened.wait(), PATIENCE)
            polled = not speaks and any("body_weight" in model.reads for model in driver.models)
            if polled and driver.settles is Settles.STREAM:
                await until(lambda: bool(hub.shown))  # the empty scale
            await asyncio.wait_for(body.measure(), PATIENCE)
            async with asyncio.timeout(PATIENCE):
                while not (hub.shown or filed(truths)):
                    await body.measure()  # it streams only once the driver has told it to
            await until(lambda: bool(hub.shown) and len(hub.found) >= len(filed(truths)))
        finally:
            talking.cancel()
            await asyncio.wait((talking,))
    assert hub.found == filed(truths)
