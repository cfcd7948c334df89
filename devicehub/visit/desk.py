"""The desk: the room's visits, and what happens to a reading when it arrives there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from devicehub.journal.journal import Journal
from devicehub.journal.records import State, Visit
from devicehub.reading.reading import Reading
from devicehub.transport.hands import station_now
from devicehub.visit import fence
from devicehub.visit.fence import Attributed, Quarantined
from devicehub.visit.patient import PatientIdentity

Confirm = Literal["every", "flagged", "none"]
"""Which readings wait for a person before they are filed."""

REMEMBERED = timedelta(days=2)
"""How far back the fence looks for the visit a stored record belongs to."""

AT_THE_PAGE = "page"
"""The author of a decision made at the station's page, which does not know its operators yet."""

ShowVisit = Callable[[Visit | None, PatientIdentity | None], None]


class Desk:
    """Opens and closes visits, and decides with them. At most one visit is open."""

    def __init__(
        self,
        journal: Journal,
        *,
        grace: timedelta,
        confirm: Confirm,
        open_at_dossier: Callable[[PatientIdentity], Awaitable[str]],
        close_at_dossier: Callable[[str], Awaitable[None]],
        ask_dossier: Callable[[str], Awaitable[PatientIdentity]],
        show: ShowVisit,
        now: Callable[[], datetime] = station_now,
    ) -> None:
        self._journal = journal
        self._grace = grace
        self._confirm = confirm
        self._open_at_dossier = open_at_dossier
        self._close_at_dossier = close_at_dossier
        self._ask_dossier = ask_dossier
        self._show = show
        self._now = now
        self._visits: list[Visit] = []

    async def load(self) -> None:
        """Take up the visits the journal knows, after a start or a crash."""
        self._visits = await self._journal.visits(self._now() - REMEMBERED)
        visit = self.open_visit_now
        if visit is not None:
            self._show(visit, None)

    @property
    def open_visit_now(self) -> Visit | None:
        """The visit that is open."""
        return next((visit for visit in self._visits if visit.closed_at is None), None)

    async def identify(self) -> None:
        """Ask the dossier again whose visit is open: the identity lives in memory only."""
        visit = self.open_visit_now
        if visit is not None:
            self._show(visit, await self._ask_dossier(visit.id))

    async def open(self, identity: PatientIdentity) -> str:
        """Close the visit that is open and open one for this patient; its opaque id.

        The old visit ends before the dossier is even asked: whatever begins from now on is not its own.
        """
        await self.close()
        visit = Visit(id=await self._open_at_dossier(identity), opened_at=self._now())
        await self._journal.open_visit(visit)
        self._visits.append(visit)
        self._show(visit, identity)
        return visit.id

    async def close(self) -> None:
        """Close the open visit, if there is one."""
        visit = self.open_visit_now
        if visit is None:
            return
        closed = visit.model_copy(update={"closed_at": self._now()})
        self._visits[self._visits.index(visit)] = closed
        self._show(None, None)
        await self._journal.close_visit(visit.id, closed.closed_at or self._now())
        await self._close_at_dossier(visit.id)

    async def confirm(self, reading: UUID, accepted: bool) -> None:
        """Take a person's word on a reading that waits for it.

        Raises `devicehub.journal.failures.NotAllowed` where it does not wait.
        """
        state: State = "accepted" if accepted else "rejected"
        await self._journal.change(reading, state, author=AT_THE_PAGE)

    def attribute(self, reading: Reading) -> Attributed | Quarantined:
        """Which visit a reading belongs to, or why it belongs to nobody yet."""
        if reading.measurement.stored and reading.stamp.corrected is None:
            # It came from a memory, where it may have been for a year.
            return Quarantined("unknown_time")
        return fence.attribute(reading.began, reading.received_at, self._visits, grace=self._grace)

    def first_state(self, reading: Reading, visit: str | None) -> State:
        """Where a new reading starts."""
        if visit is None:
            return "quarantined"
        if reading.plausibility == "impossible":
            return "invalid"
        flagged = (
            reading.unattended or reading.plausibility == "unusual" or reading.measurement.flags
        )
        if self._confirm == "every" or (self._confirm == "flagged" and flagged):
            return "to_review"
        return "accepted"
