"""Scales end to end: their drivers on a bumble host, over an HCI socket, to simulated scales. Only the air is not real."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from devicehub.driver import BleDriver, DeviceFacts, Frame, Measurement, Refused
from devicehub.gatt import user_data
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.radio import Air, HubPort
from devicehub.testing.simulator import BleSimulator, Message
from devicehub.transport.ble import Radio, Sighting
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.virtual import virtual_radio
from devicehub_drivers import beurer_bf720, renpho_es_wbe28, sig_body_composition, sig_weight_scale
from devicehub_simulators import beurer_bf720 as simulated_beurer
from devicehub_simulators import renpho_es_wbe28 as simulated_renpho
from devicehub_simulators import sig_body_composition as simulated_analyser
from devicehub_simulators import sig_weight_scale as simulated_scale

SCALE = "C0:00:00:00:00:01"
PATIENCE = 20.0


@dataclass
class Room:
    """The air, the hub's plug, and the scale that is in."""

    air: Air
    port: HubPort
    devices: contextlib.AsyncExitStack
    measured: list[Message] = field(default_factory=list)

    async def add(self, simulator: BleSimulator) -> Peripheral:
        def event(name: str, message: Message) -> None:
            if name == "measured":
                self.measured.append(message)

        return await self.devices.enter_async_context(Peripheral(simulator, self.air, SCALE, event))


@dataclass
class Collected:
    """Hands that decode what they are given."""

    driver: BleDriver
    secrets: dict[str, bytes] = field(default_factory=dict)
    finished: asyncio.Queue[Measurement] = field(default_factory=asyncio.Queue)

    @property
    def hands(self) -> Hands:
        return Hands(self._deliver, lambda _frame, _arrival: None, self.secrets)

    async def _deliver(self, frame: Frame, arrival: Arrival) -> None:
        for measurement in self.driver.decode(frame):
            if not isinstance(measurement, DeviceFacts):
                self.finished.put_nowait(measurement)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    air = Air()
    async with (
        HubPort(air, "tcp-server:127.0.0.1:0") as port,
        contextlib.AsyncExitStack() as devices,
    ):
        yield Room(air, port, devices)


@pytest.fixture
async def radio(room: Room) -> AsyncIterator[Radio]:
    async with virtual_radio(room.port.address, None) as radio:
        yield radio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (simulated_beurer, simulated_renpho, simulated_scale):
        monkeypatch.setattr(module, "SETTLES_SECONDS", 0.005)
    for module in (simulated_beurer, simulated_analyser):
        monkeypatch.setattr(module, "ANALYSES_SECONDS", 0.005)


async def seen(radio: Radio) -> Sighting:
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()
    radio.listen(lambda sighting: None if found.done() else found.set_result(sighting))
    async with asyncio.timeout(PATIENCE):
        return await found


@contextlib.asynccontextmanager
async def session(radio: Radio, collected: Collected) -> AsyncIterator[asyncio.Task[None]]:
    async with radio.connect(await seen(radio), collected.hands) as link:
        talking = asyncio.ensure_future(collected.driver.session(link))
        try:
            yield talking
        finally:
            talking.cancel()
            await asyncio.wait((talking,))


@pytest.mark.parametrize(
    ("simulator", "driver", "count"),
    [
        (simulated_scale.SIMULATOR("TEST-0001", seed=1), sig_weight_scale.DRIVER, 2),
        (simulated_analyser.SIMULATOR("TEST-0001", seed=1), sig_body_composition.DRIVER, 2),
        (simulated_renpho.SIMULATOR("TEST-0001", seed=1), renpho_es_wbe28.DRIVER, 2),
        (simulated_beurer.SIMULATOR("TEST-0001", seed=1), beurer_bf720.DRIVER, 4),
    ],
    ids=lambda value: value.id if isinstance(value, BleDriver) else "",
)
async def test_a_scale_is_read(
    room: Room, radio: Radio, simulator: BleSimulator, driver: BleDriver, count: int
) -> None:
    scale = await room.add(simulator)
    collected = Collected(driver, dict(simulated_beurer.SECRETS))
    if driver is not beurer_bf720.DRIVER:
        collected.secrets.clear()
    async with session(radio, collected), asyncio.timeout(PATIENCE):
        await scale.subscribed()
        await scale.measure()
        await scale.measure()
        found = [await collected.finished.get() for _ in range(count)]
    assert found == [message.truth for message in room.measured]
    assert collected.finished.empty()


async def test_a_beurer_profile_is_committed_as_it_was(room: Room, radio: Radio) -> None:
    simulator = simulated_beurer.SIMULATOR("TEST-0001", seed=1)
    before = dict(simulator.profile)
    scale = await room.add(simulator)
    collected = Collected(beurer_bf720.DRIVER, dict(simulated_beurer.SECRETS))
    async with session(radio, collected), asyncio.timeout(PATIENCE):
        await scale.measure()
        await collected.finished.get()
    assert simulator.profile == before | {user_data.CHANGE: user_data.encode_change(7)}


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [
        ({}, "create one, then give its number and PIN"),
        ({"pin": b"0000"}, "the code is not the one of this user"),
        ({"user": b"7", "pin": b"1234"}, "no such user"),
        ({"pin": b"12a4"}, "a number from 0 to 9999"),
    ],
)
async def test_a_beurer_that_is_not_agreed_with_says_so(
    room: Room, radio: Radio, secrets: dict[str, bytes], reason: str
) -> None:
    await room.add(simulated_beurer.SIMULATOR("TEST-0001", seed=1))
    async with session(radio, Collected(beurer_bf720.DRIVER, secrets)) as talking:
        with pytest.raises(Refused, match=reason):
            async with asyncio.timeout(PATIENCE):
                await talking
