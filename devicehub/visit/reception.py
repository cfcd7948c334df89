"""Reception: who was scanned in, waiting for a person to open their visit.

A scan proposes, a person decides: a paper may lie in front of the reader by chance. Where the practice wants it
(``opens_visit``), a scan opens the visit by itself, but only while no other is open: nobody's visit is
ever closed by a scan. What was scanned is held in memory, for a minute at most, and nothing of it is logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID, uuid4

from devicehub.visit.ins import NotRead, NotReadReason
from devicehub.visit.patient import PatientIdentity, can_be_born
from devicehub.visit.scan import read_scan

log = logging.getLogger(__name__)

AT_THE_READER: Final = "reader"
"""The author of a visit that a scan opened by itself."""

PROPOSAL_SECONDS: Final = 60.0
"""Long enough to read a name aloud and be answered; then the person may have left."""
NOTICE_SECONDS: Final = 20.0

Notice = NotReadReason | Literal["same_patient", "unknown_visit", "visit_over", "dossier_silent"]


class NoSuchVisit(LookupError):
    """The dossier knows no visit of this id."""


class VisitOver(LookupError):
    """The visit of this id has been closed."""


class DossierSilent(Exception):
    """The dossier cannot be asked now. The message says to a person why and what to do."""


class NotOpened(Exception):
    """The visit cannot be opened now. The message says to a person why and what to do."""


class NotProposed(LookupError):
    """This proposal has expired, or another one has taken its place."""

    def __init__(self) -> None:
        super().__init__(
            "cette proposition n'est plus valable ; relisez le code · "
            "this proposal is no longer valid; read the code again"
        )


@dataclass(frozen=True)
class Proposal:
    """A visit that a person may open now. ``visit`` is its id where the dossier has planned it."""

    id: UUID
    identity: PatientIdentity
    visit: str | None = None


@dataclass(frozen=True)
class Waiting:
    """What the page shows of the reader. ``reader_lost`` says why it cannot be read, and what to do."""

    proposal: Proposal | None = None
    notice: Notice | None = None
    reader_lost: str | None = None


@dataclass(frozen=True)
class Doors:
    """The ways from here to the dossier and the desk, as `app` wires them.

    ``planned`` tells whom a visit is about; it raises `NoSuchVisit`, `VisitOver` or `DossierSilent`.
    ``open_visit`` gets the visit that is to be closed and the author, too, and raises `NotOpened`. ``visit`` is the
    id of the open visit, and ``present`` its patient, where that is known.
    """

    planned: Callable[[str], Awaitable[PatientIdentity]]
    open_visit: Callable[[Proposal, str | None, str], Awaitable[None]]
    visit: Callable[[], str | None]
    present: Callable[[], PatientIdentity | None]
    show: Callable[[Waiting], None]


class Reception:
    """Takes scans and holds one proposal, the newest. Its methods are called on the event loop."""

    def __init__(self, doors: Doors, *, simulation: bool, opens_visit: bool) -> None:
        self._doors = doors
        self._simulation = simulation
        self._opens_visit = opens_visit
        self._waiting = Waiting()
        self._opening = False
        self._expiry: asyncio.TimerHandle | None = None

    async def scan(self, line: bytes) -> None:
        """Take one line of the reader; what is wrong with it is shown."""
        try:
            proposal = await self._proposed(line)
        except NotRead as refused:
            self._notice(refused.reason)
        except NoSuchVisit:
            self._notice("unknown_visit")
        except VisitOver:
            self._notice("visit_over")
        except DossierSilent:
            self._notice("dossier_silent")
        else:
            if proposal is not None:
                await self._propose(proposal)

    async def open(self, proposal: UUID, *, author: str, closes: str | None = None) -> None:
        """Open the proposed visit. ``closes`` is the one that was seen open, which it ends.

        Raises `NotProposed`; or `NotOpened`, where another visit is open, too.
        """
        wanted = self._proposal(proposal)
        if self._opening:
            raise NotProposed
        self._opening = True
        try:
            await self._doors.open_visit(wanted, closes, author)
        finally:
            self._opening = False
        if self._waiting.proposal == wanted:
            self._hold(None)

    def ignore(self, proposal: UUID) -> None:
        """Forget the proposed visit. Raises `NotProposed`."""
        self._proposal(proposal)
        self._hold(None)

    def reader(self, lost: str | None) -> None:
        """The reader can be read, or why not."""
        self._waiting = replace(self._waiting, reader_lost=lost)
        self._doors.show(self._waiting)

    async def _proposed(self, line: bytes) -> Proposal | None:
        read = read_scan(line, simulation=self._simulation)
        if read is None:
            return None
        if isinstance(read, PatientIdentity):
            if not can_be_born(read.born, datetime.now().astimezone().date()):
                raise NotRead("damaged")
            return Proposal(uuid4(), read)
        # While the dossier is asked, the one before must not be opened in this one's place.
        self._hold(None)
        return Proposal(uuid4(), await self._doors.planned(read.visit), read.visit)

    async def _propose(self, proposal: Proposal) -> None:
        visit, present = self._doors.visit(), self._doors.present()
        if proposal.visit is None:
            is_open = present is not None and present.is_also(proposal.identity)
        else:
            is_open = visit == proposal.visit
        if is_open:
            self._notice("same_patient")
            return
        self._hold(proposal)
        if self._opens_visit and visit is None:
            try:
                await self.open(proposal.id, author=AT_THE_READER)
            except NotOpened:
                # It stays proposed: whoever presses Open is told why it does not open.
                log.warning("visit_not_opened_by_reader")

    def _proposal(self, proposal: UUID) -> Proposal:
        waiting = self._waiting.proposal
        if waiting is None or waiting.id != proposal:
            raise NotProposed
        return waiting

    def _hold(self, proposal: Proposal | None) -> None:
        self._show(replace(self._waiting, proposal=proposal, notice=None), PROPOSAL_SECONDS)

    def _notice(self, notice: Notice) -> None:
        """What waits is forgotten: whoever scanned again did not mean the one before."""
        log.info("scan_refused reason=%s", notice)
        self._show(replace(self._waiting, proposal=None, notice=notice), NOTICE_SECONDS)

    def _show(self, waiting: Waiting, seconds: float) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._waiting = waiting
        if waiting.proposal is not None or waiting.notice is not None:
            loop = asyncio.get_running_loop()
            self._expiry = loop.call_later(seconds, self._hold, None)
        self._doors.show(waiting)
