"""The review: what a person says of readings. Every act is audited with its author, and none alters a value.

Before a reading is sent, a word about it is a change of its state and can be undone. Afterwards the dossier
may hold it: what is then said travels as a new revision of its attribution, and has a receipt of its own.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from devicehub.journal.failures import NotAllowed
from devicehub.journal.journal import Journal
from devicehub.journal.records import Attribution, Filing, State, StateChange
from devicehub.transport.hands import station_now
from devicehub.visit import gate, policy
from devicehub.visit.desk import Desk
from devicehub.visit.gate import Hold, Role

Reason = Literal[
    "wrong_patient",
    "moved",
    "position",
    "cuff",
    "device",
    "implausible",
    "interrupted",
    "duplicate",
    "test",
    "other",
]
"""Why a person acts. A closed list, which nobody can write a name into: it is audited and travels to the dossier."""

TRAY_LARGEST = 200
"""Readings shown of the tray, newest first; the rest comes up as these are dealt with."""


class Flagged(NotAllowed):
    """Not everything can be accepted at once: these readings must be looked at one by one."""

    def __init__(self, flagged: tuple[Filing, ...]) -> None:
        kinds = ", ".join(sorted({filing.reading.kind for filing in flagged}))
        super().__init__(f"à regarder une par une : {kinds} · to be looked at one by one: {kinds}")
        self.flagged = flagged


class Review:
    """A person's acts on readings. Each raises `NotAllowed` where the reading's state does not allow it."""

    def __init__(self, journal: Journal, desk: Desk) -> None:
        self._journal = journal
        self._desk = desk

    # ------------------------------------------------------------------------ the quarantine tray

    async def tray(self) -> list[Filing]:
        """The readings that belong to nobody yet, newest first; ``attribution.quarantine`` says why.

        Whether their values may be shown is the page's to decide.
        """
        return await self._journal.quarantined(TRAY_LARGEST)

    async def left_behind(self) -> list[Filing]:
        """The readings that wait for a decision in a visit that is not the open one, newest first."""
        here = self._desk.visit
        return await self._journal.to_review(but=here.id if here else None, limit=TRAY_LARGEST)

    async def assign(self, reading: UUID, visit: str, *, author: str, reason: Reason) -> Filing:
        """Give a reading of the tray to a recent visit (`Desk.recent`), which a person vouches for."""
        filing = await self._filing(reading)
        if filing.state != "quarantined":
            raise NotAllowed(
                "cette mesure n'est pas en quarantaine · this reading is not in quarantine"
            )
        state = self._desk.first_state(filing.reading, visit)
        return await self._revise(filing, "assign", visit, state, author, reason)

    async def discard(self, reading: UUID, *, author: str, reason: Reason) -> Filing:
        """Leave a reading of the tray to nobody, for good unless it is undone. It is kept as discarded."""
        return await self._journal.change(reading, "discarded", author=author, detail=reason)

    # ------------------------------------------------------------------------ before it is sent

    async def reading(self, reading: UUID) -> Filing | None:
        """One reading as it stands."""
        return await self._journal.reading(reading)

    async def history(self, reading: UUID) -> list[StateChange]:
        """Every state a reading has been in, oldest first."""
        return await self._journal.history(reading)

    async def hold(self, reading: UUID, role: Role) -> Hold | None:
        """Why this role cannot accept a reading; ``None`` where it can."""
        filing = await self._filing(reading)
        if gate.may(role, "type"):
            return None
        return gate.hold(filing.reading, self._desk.withheld)

    async def accept(self, reading: UUID, *, author: str) -> Filing:
        """Accept a reading that waits for a person: it goes to the dossier. Ask `hold` first."""
        return await self._journal.change(reading, "accepted", author=author)

    async def accept_all(self, *, author: str) -> list[Filing]:
        """Accept all that waits in the open visit, at once. Raises `Flagged`, having accepted nothing."""
        visit = self._desk.visit
        if visit is None:
            raise NotAllowed("aucune visite n'est ouverte · no visit is open")
        waiting = [f for f in await self._journal.of_visit(visit.id) if f.state == "to_review"]
        flagged = tuple(
            filing
            for filing in waiting
            if gate.hold(filing.reading, self._desk.withheld)
            or policy.flags(filing.reading, self._desk.doubt(filing.reading, visit.id))
        )
        if flagged:
            raise Flagged(flagged)
        return await self._journal.change_all(
            [filing.reading.id for filing in waiting], "accepted", author=author
        )

    async def reject(self, reading: UUID, *, author: str, reason: Reason) -> Filing:
        """Reject a reading that waits for a person. It is kept as rejected, with the reason."""
        return await self._journal.change(reading, "rejected", author=author, detail=reason)

    async def retake(self, reading: UUID, *, author: str, reason: Reason) -> Filing:
        """Reject a reading and expect its kind again in this visit."""
        filing = await self._journal.retake(reading, author=author, detail=reason)
        if filing.attribution.visit is not None:
            self._desk.expect(filing.attribution.visit, filing.reading.kind)
        return filing

    async def undo(self, reading: UUID, *, author: str) -> Filing:
        """Take back an acceptance that was not sent yet, a rejection, or a discarding."""
        before = (await self._filing(reading)).state
        state: State = "quarantined" if before == "discarded" else "to_review"
        return await self._journal.change(reading, state, author=author)

    # ------------------------------------------------------------------------- after it was sent

    async def retry(self, reading: UUID, *, author: str) -> Filing:
        """Send a reading once more that the dossier has refused."""
        return await self._journal.change(reading, "accepted", author=author)

    async def withdraw(self, reading: UUID, *, author: str, reason: Reason) -> Filing:
        """Take a reading back from the dossier, where it stays visible as withdrawn."""
        filing = await self._filing(reading)
        return await self._revise(filing, "withdraw", None, "withdrawn", author, reason)

    async def reassign(self, reading: UUID, visit: str, *, author: str, reason: Reason) -> Filing:
        """Move a reading to another recent visit; where it was sent already, the dossier moves it too."""
        filing = await self._filing(reading)
        if filing.state == "quarantined" or filing.attribution.visit == visit:
            raise NotAllowed(
                "choisissez une autre visite que la sienne · choose a visit other than its own"
            )
        state: State = "to_review" if filing.state == "to_review" else "accepted"
        return await self._revise(filing, "reassign", visit, state, author, reason)

    # ------------------------------------------------------------------------------ inside

    async def _filing(self, reading: UUID) -> Filing:
        filing = await self._journal.reading(reading)
        if filing is None:
            raise NotAllowed(f"cette mesure n'existe pas · there is no such reading ({reading})")
        return filing

    async def _revise(
        self,
        filing: Filing,
        action: Literal["assign", "reassign", "withdraw"],
        visit: str | None,
        state: State,
        author: str,
        reason: Reason,
    ) -> Filing:
        if visit is not None:
            self._check_visit(visit)
        attribution = Attribution(
            reading=filing.reading.id,
            revision=filing.attribution.revision + 1,
            action=action,
            visit=visit,
            author=author,
            reason=reason,
            at=station_now(),
        )
        return await self._journal.attribute(attribution, state)

    def _check_visit(self, visit: str) -> None:
        chosen = next((one for one in self._desk.recent if one.id == visit), None)
        if chosen is None:
            raise NotAllowed(
                "cette visite n'est pas une visite récente de ce poste · "
                "this visit is not a recent one of this station"
            )
        if chosen.locked:
            raise NotAllowed(
                "cette visite est verrouillée : confirmez d'abord le patient · "
                "this visit is locked: confirm the patient first"
            )
