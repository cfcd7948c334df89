"""A room with an ECG front end whose electrodes the test puts on, and whose time passes as fast as the check can follow."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from devicehub.devices import registry
from devicehub.devices.intake import Source
from devicehub.devices.news import Condition, DeviceNews
from devicehub.devices.preparations import EcgShown, Preparations
from devicehub.driver import SERIAL, Frame
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing, Visit
from devicehub.journal.seal import Seal
from devicehub.testing.electrodes import faults
from devicehub.testing.simulate import installed
from devicehub.visit.desk import Desk
from devicehub.visit.dossier import KnownVisit, Opening
from devicehub.visit.patient import PatientIdentity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devicehub.visit.dossier import Dossier

FRONT_END = "ads1298_bridge"
PIECE = 20
"""Samples in a frame, as the driver groups them: 40 ms."""
PATIENCE = 40.0
ALICE = PatientIdentity(family_name="TEST", given_name="Alice", born=date(1970, 1, 1), sex="F")


class EveryVisit:
    """A dossier that knows every visit, all of the same invented person."""

    async def worklist(self, station: str) -> tuple[KnownVisit, ...]:
        return ()

    async def visit(self, visit: str) -> KnownVisit:
        return KnownVisit(visit=visit, state="planned", station="room-1", identity=ALICE)

    async def open_visit(self, opening: Opening) -> KnownVisit:
        return await self.visit(opening.visit)

    async def entrust_visit(self, visit: str, responsible: str) -> None:
        return None

    async def close_visit(self, visit: str, at: datetime) -> None:
        return None


@dataclass
class FrontEnd:
    """A simulated front end on somebody, and the stream it sends."""

    preparations: Preparations
    clock: Callable[[], datetime]
    pass_by: Callable[[timedelta], None]
    shown: Callable[[], EcgShown | None]
    device: str = "ecg"
    model: str = "ADS1298ECG-FE, 500 Hz, gain 6"
    wears: Any = field(default_factory=lambda: installed()[FRONT_END](seed=1))  # type: ignore[call-arg]  # a serial one
    sent: int = 0
    """Samples since the check's stream began."""

    def tell(self, condition: Condition) -> None:
        """The connection's condition."""
        source = Source(
            self.device, registry.find(FRONT_END), "pty:1", "simulator", model=self.model
        )
        self.preparations.device(DeviceNews(source, "ECG", condition, self.clock()))
        self.sent = 0

    def script(self, text: str) -> None:
        """What is wrong with which electrode from now on."""
        self.wears.patient.faults = faults(text)

    async def play(self, seconds: float) -> None:
        """So many seconds of the stream, the check never more than half a second behind."""
        driver = registry.find(FRONT_END)
        for number in range(round(seconds * 500 / PIECE)):
            data = b"".join(self.wears.packet() for _ in range(PIECE))
            self.pass_by(timedelta(seconds=PIECE / 500))
            measurements = list(driver.decode(Frame(((SERIAL, data),), self.model)))
            self.preparations.live(self.device, measurements, self.clock())
            self.sent += PIECE
            if number % 12 == 11:
                await self.until_judged()

    async def until_judged(self) -> None:
        """The check has seen what was sent."""

        def judged() -> bool:
            shown = self.shown()
            if shown is None or shown.verdict is None:
                return False
            return shown.verdict.at >= self.sent / 500 - 0.5

        await until(judged)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - told by another process
            await asyncio.sleep(0.005)


class EcgRoom:
    """Journal, desk, preparations and one front end, used as ``async with``."""

    def __init__(self, folder: Path, dossier: Dossier | None = None) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.seconds = 0.0
        self.shown: dict[str, EcgShown | None] = {}
        self.traces: list[tuple[str, str]] = []
        self.journal = Journal(folder / "journal.sqlite")
        self.desk = Desk(
            self.journal,
            station="room-1",
            grace=timedelta(seconds=120),
            confirm="none",
            dossier=dossier or EveryVisit(),
            seal=Seal(folder / "identity.key"),
            show=self._visit,
            now=lambda: self.now,
            monotonic=lambda: self.seconds,
        )
        self.preparations = Preparations(
            self.journal,
            self.desk,
            show=self.shown.__setitem__,
            show_trace=lambda device, drawn: self.traces.append((device, drawn)),
            now=lambda: self.now,
        )
        self.front_end = FrontEnd(
            self.preparations,
            clock=lambda: self.now,
            pass_by=self.pass_by,
            shown=lambda: self.shown.get("ecg"),
        )
        self._stack = AsyncExitStack()
        self._running: asyncio.Task[None] | None = None

    def _visit(self, visit: Visit | None, _identity: PatientIdentity | None) -> None:
        self.preparations.visit(visit)

    def pass_by(self, time: timedelta) -> None:
        """Time passes."""
        self.now += time
        self.seconds += time.total_seconds()

    def has_ended(self) -> bool:
        """Whether the stream has ended for the page."""
        return self.shown["ecg"] is None

    def ecg(self) -> EcgShown:
        """What the page would show."""
        shown = self.shown["ecg"]
        assert shown is not None
        return shown

    async def open(self, visit: str) -> None:
        """A visit begins, and the one before ends."""
        present = self.desk.visit
        await self.desk.open_planned(visit, author="test", closes=present.id if present else None)
        self.pass_by(timedelta(seconds=1))

    async def filings(self, count: int) -> list[Filing]:
        """The preparations in the journal, once there are so many."""
        async with asyncio.timeout(PATIENCE):
            while len(found := await self.journal.latest(50)) < count:  # noqa: ASYNC110 - filed by a task
                await asyncio.sleep(0.01)
        return found

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.journal)
        await self.desk.load()
        self._running = asyncio.create_task(self.preparations.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
        await self._stack.aclose()
