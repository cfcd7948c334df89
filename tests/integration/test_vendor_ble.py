"""Vendors' cuffs and scales end to end: drivers on a bumble host, simulators on a virtual radio."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from devicehub.driver import BleDriver, BleLink, DeviceFacts, Frame, Overhear
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.radio import Air, HubPort
from devicehub.testing.simulator import BleSimulator, Message
from devicehub.transport.ble import Radio, Sighting
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.virtual import virtual_radio
from devicehub_drivers import (
    beurer_bf700,
    beurer_bm85,
    microlife_bp3gy1,
    transtek,
    xiaomi_s400,
    xiaomi_scale,
    yonker_bp,
)
from devicehub_simulators import beurer_bf700 as simulated_bf700
from devicehub_simulators import beurer_bm85 as simulated_bm85
from devicehub_simulators import microlife_bp3gy1 as simulated_microlife
from devicehub_simulators import transtek as simulated_transtek
from devicehub_simulators import xiaomi_s400 as simulated_s400
from devicehub_simulators import xiaomi_scale as simulated_mi
from devicehub_simulators import yonker_bp as simulated_yonker

ADDRESS = "C0:00:00:00:00:02"
PATIENCE = 20.0


@dataclass
class Heard:
    """What a driver made of what it was given, and what the simulators say is true."""

    driver: BleDriver
    secrets: dict[str, bytes] = field(default_factory=dict)
    found: Counter[str] = field(default_factory=Counter)
    truths: Counter[str] = field(default_factory=Counter)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, frame: Frame, _arrival: Arrival) -> None:
        for measurement in self.driver.decode(self.driver.unseal(frame, self.secrets)):
            if not isinstance(measurement, DeviceFacts):
                self.found[measurement.model_dump_json()] += 1
        self.changed.set()

    def event(self, name: str, message: Message) -> None:
        if name == "measured" and message.truth is not None:
            self.truths[message.truth.model_dump_json()] += 1
            self.changed.set()

    async def settled(self, count: int) -> None:
        """Waits until ``count`` measurements are true and as many found."""
        async with asyncio.timeout(PATIENCE):
            while min(self.found.total(), self.truths.total()) < count:
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
    for module in (simulated_bf700, simulated_transtek, simulated_yonker):
        monkeypatch.setattr(module, "STEP_SECONDS", 0.005)
    for module in (simulated_bm85, simulated_microlife):
        monkeypatch.setattr(module, "MEASURES_SECONDS", 0.005)
    monkeypatch.setattr(beurer_bm85, "SETTLE_SECONDS", 0.0)


async def seen(radio: Radio) -> Sighting:
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()
    radio.listen(lambda sighting: None if found.done() else found.set_result(sighting))
    async with asyncio.timeout(PATIENCE):
        return await found


@contextlib.asynccontextmanager
async def talking(radio: Radio, heard: Heard) -> AsyncIterator[asyncio.Task[None]]:
    hands = Hands(heard.deliver, lambda _frame, _arrival: None, heard.secrets)
    sighting = await seen(radio)
    async with contextlib.AsyncExitStack() as stack:
        session = heard.driver.session
        if isinstance(session, Overhear):
            task = asyncio.ensure_future(
                session(stack.enter_context(radio.overhear(sighting, hands)))
            )
        else:
            link: BleLink = await stack.enter_async_context(radio.connect(sighting, hands))
            task = asyncio.ensure_future(session(link))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait((task,))


@pytest.mark.parametrize(
    ("simulator", "driver", "count"),
    [
        (simulated_bm85.SIMULATOR("TEST-0001", seed=1), beurer_bm85.DRIVER, 2),
        (simulated_yonker.SIMULATOR("TEST-0001", seed=1), yonker_bp.DRIVER, 2),
        (simulated_bf700.SIMULATOR("TEST-0001", seed=4), beurer_bf700.DRIVER, 2),
    ],
    ids=lambda value: value.id if isinstance(value, BleDriver) else "",
)
async def test_what_is_measured_is_read(
    air: tuple[Air, Radio], simulator: BleSimulator, driver: BleDriver, count: int
) -> None:
    space, radio = air
    heard = Heard(driver)
    async with (
        Peripheral(simulator, space, ADDRESS, heard.event) as device,
        talking(radio, heard),
        asyncio.timeout(PATIENCE),
    ):
        await device.subscribed()
        for number in range(1, count + 1):
            await device.measure()
            await heard.settled(number)
    assert heard.found == heard.truths


async def test_a_microlife_tells_its_whole_memory(air: tuple[Air, Radio]) -> None:
    space, radio = air
    heard = Heard(microlife_bp3gy1.DRIVER)
    simulator = simulated_microlife.SIMULATOR("TEST-0001", seed=1)
    async with Peripheral(simulator, space, ADDRESS, heard.event) as device:
        await device.measure()
        await device.measure()
        async with talking(radio, heard) as session, asyncio.timeout(PATIENCE):
            await session
    assert heard.found == heard.truths
    assert heard.found.total() == 2


class WatchedTranstek(simulated_transtek.Transtek):
    """Says when a hub has written something."""

    def __init__(self) -> None:
        super().__init__("TEST-0001", seed=1)
        self.written = asyncio.Event()

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        answer = super().write(on, data, now)
        self.written.set()
        return answer

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            self.written.clear()
            await self.written.wait()


async def test_a_transtek_is_paired_then_read(air: tuple[Air, Radio]) -> None:
    space, radio = air
    heard = Heard(transtek.DRIVER)
    simulator = WatchedTranstek()
    async with Peripheral(simulator, space, ADDRESS, heard.event) as device:
        async with talking(radio, heard), asyncio.timeout(PATIENCE):
            await simulator.until(lambda: not simulator.pairing)
        assert heard.secrets == {"password": simulator.password}
        async with talking(radio, heard), asyncio.timeout(PATIENCE):
            await simulator.until(lambda: simulator.trusts)
            await device.measure()
            await heard.settled(2)
    assert heard.found == heard.truths


@pytest.mark.parametrize(
    ("simulator", "driver", "count"),
    [
        (simulated_mi.SIMULATOR("TEST-0001", seed=1), xiaomi_scale.DRIVER, 2),
        (simulated_s400.SIMULATOR("TEST-0001", seed=1), xiaomi_s400.DRIVER, 4),
    ],
    ids=lambda value: value.id if isinstance(value, BleDriver) else "",
)
async def test_what_is_advertised_is_overheard(
    air: tuple[Air, Radio], simulator: BleSimulator, driver: BleDriver, count: int
) -> None:
    space, radio = air
    heard = Heard(driver)
    if isinstance(simulator, simulated_s400.XiaomiS400):
        heard.secrets = {"bind_key": simulator.bind_key, "mac": simulator.mac}
    async with (
        Peripheral(simulator, space, ADDRESS, heard.event) as device,
        talking(radio, heard),
    ):
        for number in (1, 2):
            await device.measure()
            await heard.settled(count * number)
    assert heard.found == heard.truths
