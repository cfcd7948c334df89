"""Serial cuffs and oximeters on pseudo-terminals: unplugged in the middle of a message, and plugged in again elsewhere."""

import asyncio
import os
import sys
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from devicehub.devices import registry
from devicehub.driver import SERIAL, CuffPressure, Frame, LinkLost, SerialDriver
from devicehub.testing.replay import converse
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.serial import open_line
from devicehub.transport.tape import load

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

from devicehub.testing.pty_body import PtyBody
from devicehub.testing.pty_port import pty_port
from devicehub_simulators.suntech_oem import SuntechOem

PATIENCE = 20.0
CAPTURES = Path(__file__).parents[1] / "captures"


class Hub:
    """What a session hands over on one line."""

    def __init__(self, driver: SerialDriver) -> None:
        self.driver = driver
        self.handed: list[bytes] = []
        self._news = asyncio.Condition()
        self._loop = asyncio.get_running_loop()
        self._telling: set[asyncio.Task[None]] = set()
        self.opened = asyncio.Event()

    async def _keep(self, frame: Frame, _arrival: Arrival) -> None:
        self.handed.append(frame.data)
        await self._tell()

    def _show(self, frame: Frame, _arrival: Arrival) -> None:
        self.handed.append(frame.data)
        task = self._loop.create_task(self._tell())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def has(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.handed) >= count)

    async def read(self, port: str) -> None:
        async with open_line(port, self.driver.line, Hands(self._keep, self._show)) as link:
            self.opened.set()
            await self.driver.session(link)


@pytest.mark.parametrize(
    ("name", "capture"),
    [
        ("and_tm2657", "troubles"),
        ("berry_bci_serial", "a_finger"),
        ("contec_cms50d", "old_firmware"),
        ("nonin_serial", "format_2"),
        ("nonin_serial", "spot_checks"),
        ("omron_hbp", "hbp_9030"),
        ("terumo_es_p2020", "published_lines"),
    ],
)
async def test_unplugged_in_the_middle_of_a_message_and_plugged_in_elsewhere(
    name: str, capture: str
) -> None:
    driver = cast("SerialDriver", registry.find(name))
    played = load(CAPTURES / name / f"{capture}.jsonl")
    wanted = [handed.frame.data for handed in converse(driver, played)]
    said = b"".join(step.data for step in played.steps if step.by == "device")
    framer = driver.line.framer()
    whole = next(at for at in range(1, len(said) + 1) if framer.feed(said[at - 1 : at]))
    with pty_port(held=True) as (device, port):
        before = Hub(driver)
        reading = asyncio.create_task(before.read(port))
        await asyncio.wait_for(before.opened.wait(), PATIENCE)
        os.write(device, said[: whole - 2])
    with suppress(LinkLost):
        async with asyncio.timeout(PATIENCE):
            await reading
    assert before.handed == []
    with pty_port(held=True) as (device, port):
        after = Hub(driver)
        reading = asyncio.create_task(after.read(port))
        await asyncio.wait_for(after.opened.wait(), PATIENCE)
        os.write(device, said)
        await after.has(len(wanted))
    with suppress(LinkLost):
        async with asyncio.timeout(PATIENCE):
            await reading
    assert after.handed == wanted


async def test_a_suntech_module_is_asked_and_answers() -> None:
    driver = cast("SerialDriver", registry.find("suntech_oem"))
    async with PtyBody(SuntechOem(seed=7), lambda _step, _at: None) as body:
        hub = Hub(driver)
        reading = asyncio.create_task(hub.read(body.path))
        await hub.has(2)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
    for data in hub.handed:
        shown = driver.decode(driver.unseal(Frame.of(SERIAL, data), {}))
        assert list(shown) == [CuffPressure(pressure_mmhg=Decimal(0))]
