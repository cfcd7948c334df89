"""What the tests of the page hold: a hub of real parts behind its server, and a page whose complaints are kept."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ports import free_port
from starlette.applications import Starlette
from station_room import LISTED, TELLS, filing

from devicehub.delivery.dossier_api import DossierApi
from devicehub.devices.passkeys import Passkeys
from devicehub.devices.preparations import Preparations
from devicehub.driver import Kind, Measurement
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing, State, Visit
from devicehub.journal.seal import Seal
from devicehub.reading.reading import Plausibility
from devicehub.station.board import Board
from devicehub.station.ecg_board import EcgBoard
from devicehub.station.ecg_panel import EcgPanel
from devicehub.station.expecting import Listed
from devicehub.station.hub import Hub
from devicehub.station.rendering import Rendering
from devicehub.station.routes import Group, station_app
from devicehub.station.server import serve
from devicehub.station.sessions import Sessions
from devicehub.visit.by_hand import ByHand
from devicehub.visit.deriver import Deriver
from devicehub.visit.desk import Desk
from devicehub.visit.operators import Operators
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.reception import Reception
from devicehub.visit.review import TRAY_LARGEST, Review
from devicehub.visit.series import SeriesRules

if TYPE_CHECKING:
    from playwright.async_api import Page

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Station:
    """The page's server on a port of its own, which can be stopped and started under the browser."""

    folder: Path
    board: Board = field(default_factory=lambda: Board(simulation=True))
    reception: Reception | None = None
    more: list[Group] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=lambda: list(LISTED))
    rules: SeriesRules = field(default_factory=SeriesRules)
    dossier: str = NOWHERE
    idle: timedelta = timedelta(minutes=5)
    port: int = 0
    passkeys: Passkeys = field(init=False)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _serving: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.passkeys = Passkeys(self.board.passkeys)
        self.operators = Operators.of(self.folder)
        self.sessions = Sessions(self.operators, idle=self.idle)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Everything behind the page."""
        self.journal = await self._stack.enter_async_context(
            Journal(self.folder / "journal.sqlite")
        )
        dossier = await self._stack.enter_async_context(DossierApi(self.dossier))
        self.desk = Desk(
            self.journal,
            station="room-1",
            grace=timedelta(seconds=120),
            confirm="flagged",
            dossier=dossier,
            seal=Seal(self.folder / "identity.key"),
            show=self.board.visit,
        )
        await self.desk.load()
        self.deriver = Deriver(
            self.journal, version="9", known=self.desk.patient_before, show=self.board.series
        )
        self.hub = Hub(
            board=self.board,
            desk=self.desk,
            review=Review(self.journal, self.desk),
            deriver=self.deriver,
            by_hand=ByHand(self.journal, self.desk, origin="simulator", version="9"),
            sessions=self.sessions,
            rendering=Rendering(),
            language="fr",
            rules=self.rules,
            listed=self.listed,
            tells=lambda driver: TELLS.get(driver, frozenset()),
            passkeys=self.passkeys,
            reception=self.reception,
        )
        self.ecg = EcgBoard()
        self.preparations = Preparations(
            self.journal, self.desk, show=self.ecg.show, show_trace=self.ecg.trace
        )
        self.journal.on_change.append(self.board.filing)

    def app(self) -> Starlette:
        """The page as an application."""
        ecg = EcgPanel(self.hub, self.ecg, self.preparations, labels="iec")
        return station_app(self.hub, more=[*self.more, ecg])

    async def start(self) -> None:
        """Serve the page; the first time, open everything behind it."""
        if not self.port:
            self.port = free_port()
            await self.open()
        ready = asyncio.Event()
        self._serving = asyncio.create_task(
            serve(self.app(), "127.0.0.1", self.port, None, lambda _port: ready.set())
        )
        await ready.wait()

    async def stop(self) -> None:
        """Serve the page no longer. What is behind it stays."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait({self._serving})
            self._serving = None

    async def end(self) -> None:
        """Stop serving, and close everything."""
        await self.stop()
        await self._stack.aclose()

    async def visit(
        self, patient: PatientIdentity, *, plan: tuple[Kind, ...] = (), responsible: str = "Dr TEST"
    ) -> Visit:
        """Open a visit, and close the one that is open."""
        present = self.desk.visit
        return await self.desk.open(
            patient,
            author="page",
            plan=plan,
            responsible=responsible,
            closes=present.id if present else None,
        )

    async def file(
        self,
        device: str,
        measurement: Measurement,
        state: State = "accepted",
        *,
        plausibility: Plausibility = "plausible",
        automatic: bool = True,
    ) -> Filing:
        """A reading arrives in the open visit, or in the tray where there is none."""
        visit = self.desk.visit
        made = filing(
            device,
            measurement,
            state if visit else "quarantined",
            visit=visit.id if visit else None,
            quarantine=None if visit else "no_visit",
            plausibility=plausibility,
        )
        reading = made.reading.model_copy(update={"automatic": automatic})
        (filed,) = await self.journal.file([made.model_copy(update={"reading": reading})])
        waiting = await self.journal.quarantined(TRAY_LARGEST)
        self.board.tray(waiting, len(waiting))
        self.board.undecided(await self.journal.undecided())
        return filed

    async def state(self, filing: Filing) -> State:
        """Where a reading stands on the disk."""
        now = await self.journal.reading(filing.reading.id)
        assert now is not None
        return now.state


@dataclass
class Watched:
    """A page whose every complaint is kept: script errors, refused resources, policy violations."""

    page: Page
    complaints: list[str]
