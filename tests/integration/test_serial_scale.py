"""The simulated scale on a pseudo-terminal, through pyserial and the scale's driver."""

import asyncio
import contextlib
import os
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from devicehub.devices import registry
from devicehub.driver import BodyWeight, Frame, LinkLost, Measurement, SerialDriver
from devicehub.testing.replay import replay
from devicehub.testing.simulator import Message
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.serial import open_line, origin_of
from devicehub.transport.tape import Header, Tape, load
from devicehub_simulators.mt_sics import MtSicsScale

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

from devicehub.testing.pty_body import PtyBody

DRIVER = cast("SerialDriver", registry.find("mt_sics"))
PATIENCE = 30.0
EMPTY = BodyWeight(kilograms=Decimal(0), stable=True)


class Hub:
    """Decodes what the driver's session hands over."""

    def __init__(self) -> None:
        self.kept: list[BodyWeight] = []
        self.shown: list[BodyWeight] = []
        self.arrivals: list[Arrival] = []
        self._news = asyncio.Condition()

    @property
    def hands(self) -> Hands:
        return Hands(self._keep, self._show)

    async def _keep(self, frame: Frame, arrival: Arrival) -> None:
        self.kept += self._weights(frame)
        self.arrivals.append(arrival)
        async with self._news:
            self._news.notify_all()

    def _show(self, frame: Frame, _arrival: Arrival) -> None:
        self.shown += self._weights(frame)

    def _weights(self, frame: Frame) -> list[BodyWeight]:
        return [one for one in DRIVER.decode(frame) if isinstance(one, BodyWeight)]

    async def keeps(self, wanted: Measurement) -> None:
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: wanted in self.kept)

    async def read(self, port: str, tape: Tape | None = None) -> None:
        async with open_line(port, DRIVER.line, self.hands, tape=tape) as link:
            await DRIVER.session(link)


async def test_what_stood_on_the_scale_is_what_is_read_and_the_tape_replays_it(
    tmp_path: Path,
) -> None:
    happened: list[tuple[Message, datetime]] = []
    hub = Hub()
    body = PtyBody(MtSicsScale(seed=7), lambda step, at: happened.append((step, at)))
    header = Header(
        device="a simulated scale",
        driver=DRIVER.id,
        origin="synthetic",
        recorded=datetime.now().astimezone(),
        hub="0.1.0",
    )
    with Tape(tmp_path / "scale.jsonl", header) as tape:
        async with body:
            assert origin_of(body.path) == "simulator"
            reading = asyncio.create_task(hub.read(body.path, tape))
            await hub.keeps(EMPTY)
            await asyncio.wait_for(body.measure(), PATIENCE)
            (stood,) = [place for place, (step, _) in enumerate(happened) if step.truth is not None]
            (told, came), (_, left) = happened[stood : stood + 2]
            truth = told.truth
            assert isinstance(truth, BodyWeight)
            await hub.keeps(truth)
        with pytest.raises(LinkLost):  # the body is gone: unplugged
            async with asyncio.timeout(PATIENCE):
                await reading
    on = hub.arrivals[hub.kept.index(truth)]
    assert came <= on.last < left
    assert on.first <= on.last
    assert {one.kilograms for one in hub.kept} == {0, truth.kilograms}
    assert all(one.stable is False for one in hub.shown)
    replayed = replay(DRIVER, load(tmp_path / "scale.jsonl"))
    assert [one for one in replayed if one in hub.kept] == hub.kept


async def test_the_port_may_be_closed_and_opened_again() -> None:
    async with PtyBody(MtSicsScale(), lambda _step, _at: None) as body:
        for _ in range(3):
            hub = Hub()
            reading = asyncio.create_task(hub.read(body.path))
            await hub.keeps(EMPTY)
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
        path = body.path
    assert not os.path.exists(path)  # noqa: PTH110 - a device's name, gone with its device
