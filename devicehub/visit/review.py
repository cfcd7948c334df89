"""The review: what a person says of readings. Every act is audited with its author, and none alters a value.

Every act on one reading comes through one door (`Review._asked`): there stand the revision that was seen, the state
it is for, the patient that has to be confirmed, and, where it may end at the dossier, the gate.

Before a reading is sent, a word about it is a change of its state and can be undone: what a person accepts stays
here for `Desk.undo_for`, so that they can. Afterwards the dossier may hold it: what is then said travels as a new
revision of its attribution, and has a receipt of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from devicehub.journal.failures import NotAllowed
from devicehub.journal.journal import Journal
from devicehub.journal.records import Attribution, Decided, Filing, State, StateChange, Withdrawn
from devicehub.journal.states import ACCEPTED
from devicehub.transport.hands import station_now
from devicehub.visit import gate, policy
from devicehub.visit.desk import REMEMBERED, Desk
from devicehub.visit.gate import Hold
from devicehub.visit.operators import Operator

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


TAKEN_BACK: Final[frozenset[State]] = ACCEPTED | {"refused"}
"""States of a reading that is withdrawn, or moved to another visit, by a new revision: it may be at the dossier."""


class Flagged(NotAllowed):
    """Not everything can be accepted at once: these readings must be looked at one by one."""

    def __init__(self, flagged: tuple[Filing, ...]) -> None:
        kinds = ", ".join(sorted({filing.reading.kind for filing in flagged}))
        super().__init__(f"à regarder une par une : {kinds} · to be looked at one by one: {kinds}")
        self.flagged = flagged


class Held(Exception):
    """What was asked ends at the dossier, and only the physician may lead this reading there."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(hold)
        self.hold = hold


class Review:
    """A person's acts on readings. ``by`` is always who acts, ``revision`` that of the attribution they have seen.

    Each raises `NotAllowed` where the reading's state does not allow it, its attribution is another by now, or its
    visit is locked, and `Held` where the gate keeps it from whoever asks.
    """

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

    async def withdrawn(self) -> list[Withdrawn]:
        """What was taken back while a visit is still recent (`REMEMBERED`), the newest first; of a locked visit nothing."""
        found = await self._journal.withdrawn(since=station_now() - REMEMBERED, limit=TRAY_LARGEST)
        return [one for one in found if not self._is_locked(one.visit)]

    async def decided(self) -> list[Decided]:
        """What a person decided and can undo, the newest first; of a locked visit nothing.

        A rejection or discarding for as long as a visit is recent (`REMEMBERED`), an acceptance until it is sent.
        """
        found = await self._journal.decided(since=station_now() - REMEMBERED, limit=TRAY_LARGEST)
        return [one for one in found if not self._is_locked(one.filing.attribution.visit)]

    async def assign(
        self, reading: UUID, revision: int, visit: str, *, by: Operator, reason: Reason
    ) -> Filing:
        """Give a reading of the tray to a recent visit (`Desk.recent`) whose patient is known: a person vouches for it.

        One that the gate holds waits there for the physician (`Desk.first_state`).
        """
        filing = await self._asked(reading, revision, by)
        if filing.state != "quarantined":
            raise NotAllowed(
                "Ce relevé n’attend plus d’être attribué : regardez où il en est."
                " · This reading no longer waits to be assigned: see where it is."
            )
        state = self._desk.first_state(filing.reading, visit)
        return await self._revise(filing, "assign", visit, state, by, reason)

    async def discard(
        self, reading: UUID, revision: int, *, by: Operator, reason: Reason
    ) -> Filing:
        """Leave a reading of the tray to nobody, for good unless it is undone. It is kept as discarded."""
        await self._asked(reading, revision, by, only="quarantined")
        return await self._journal.change(
            reading, revision, "discarded", author=by.id, detail=reason
        )

    # ------------------------------------------------------------------------ before it is sent

    async def reading(self, reading: UUID) -> Filing | None:
        """One reading as it stands."""
        return await self._journal.reading(reading)

    async def history(self, reading: UUID) -> list[StateChange]:
        """Every state a reading has been in, oldest first."""
        return await self._journal.history(reading)

    async def accept(self, reading: UUID, revision: int, *, by: Operator) -> Filing:
        """Accept a reading that waits for a person: it goes to the dossier."""
        filing = await self._asked(reading, revision, by, only="to_review", gated=True)
        self._check_named(filing.attribution.visit)
        return await self._journal.change(
            reading, revision, "accepted", author=by.id, undo_for=self._desk.undo_for
        )

    async def accept_all(self, seen: Mapping[UUID, int], *, by: Operator) -> list[Filing]:
        """Accept at once those of the ``seen`` readings of the open visit that still wait, and no other.

        Each stands with the revision in which it was seen. Raises `Flagged`, or `NotAllowed` where one is not the open
        visit's, or its attribution is another by now, having accepted nothing.
        """
        visit = self._desk.visit
        if visit is None:
            raise NotAllowed("aucune visite n'est ouverte · no visit is open")
        self._desk.check_confirmed(visit.id)
        here = {filing.reading.id: filing for filing in await self._journal.of_visit(visit.id)}
        if not here.keys() >= seen.keys():
            raise NotAllowed(
                "ces mesures ne sont pas de la visite ouverte ; regardez le patient affiché · "
                "these readings are not of the open visit; look at the patient that is shown"
            )
        waiting = [here[one] for one in seen if here[one].state == "to_review"]
        flagged = tuple(
            filing
            for filing in waiting
            if gate.hold(filing.reading, self._desk.withheld)
            or policy.flags(filing.reading, self._desk.doubt(filing.reading, visit.id))
        )
        if flagged:
            raise Flagged(flagged)
        return await self._journal.change_all(
            {filing.reading.id: seen[filing.reading.id] for filing in waiting},
            "accepted",
            author=by.id,
            undo_for=self._desk.undo_for,
        )

    async def reject(self, reading: UUID, revision: int, *, by: Operator, reason: Reason) -> Filing:
        """Reject a reading that waits for a person. It is kept as rejected, with the reason."""
        await self._asked(reading, revision, by, only="to_review")
        return await self._journal.change(
            reading, revision, "rejected", author=by.id, detail=reason
        )

    async def retake(self, reading: UUID, revision: int, *, by: Operator, reason: Reason) -> Filing:
        """Reject a reading and expect its kind again in this visit."""
        await self._asked(reading, revision, by, only="to_review")
        filing = await self._journal.retake(reading, revision, author=by.id, detail=reason)
        if filing.attribution.visit is not None:
            self._desk.expect(filing.attribution.visit, filing.reading.kind)
        return filing

    async def undo(
        self, reading: UUID, revision: int, *, by: Operator, only: State | None = None
    ) -> Filing:
        """Take back an acceptance that was not sent yet, a rejection, or a discarding; ``only`` is the one that was seen."""
        before = (await self._asked(reading, revision, by, only=only)).state
        state: State = "quarantined" if before == "discarded" else "to_review"
        return await self._journal.change(reading, revision, state, author=by.id)

    # ------------------------------------------------------------------------- after it was sent

    async def retry(self, reading: UUID, revision: int, *, by: Operator) -> Filing:
        """Send a reading once more that the dossier has refused."""
        await self._asked(reading, revision, by, only="refused", gated=True)
        return await self._journal.change(reading, revision, "accepted", author=by.id)

    async def withdraw(
        self, reading: UUID, revision: int, *, by: Operator, reason: Reason
    ) -> Filing:
        """Take a reading back from the dossier, where it stays visible as withdrawn."""
        filing = await self._asked(reading, revision, by)
        return await self._revise(filing, "withdraw", None, "withdrawn", by, reason)

    async def reassign(
        self, reading: UUID, revision: int, visit: str, *, by: Operator, reason: Reason
    ) -> Filing:
        """Move a reading to another recent visit; where it was sent already, the dossier moves it too."""
        filing = await self._asked(reading, revision, by, gated=True)
        if filing.state == "quarantined" or filing.attribution.visit == visit:
            raise NotAllowed(
                "choisissez une autre visite que la sienne · choose a visit other than its own"
            )
        state: State = "to_review" if filing.state == "to_review" else "accepted"
        return await self._revise(filing, "reassign", visit, state, by, reason)

    # ------------------------------------------------------------------------------ inside

    async def _asked(
        self,
        reading: UUID,
        revision: int,
        by: Operator,
        *,
        only: State | None = None,
        gated: bool = False,
    ) -> Filing:
        """The reading that somebody acts on, where they may: the one door of every act.

        ``only`` is the one state the act is for; the journal knows where else it cannot lead. ``gated`` is an act by
        which a reading may end at the dossier.
        """
        filing = await self._journal.reading(reading)
        if filing is None:
            raise NotAllowed(f"cette mesure n'existe pas · there is no such reading ({reading})")
        # The page has its own words for this, and for a state that is another (`refusal.moved_on`).
        if filing.attribution.revision != revision:
            raise NotAllowed(f"seen in revision {revision}; it is in {filing.attribution.revision}")
        if filing.attribution.visit is not None:
            self._desk.check_confirmed(filing.attribution.visit)
        if only is not None and filing.state != only:
            raise NotAllowed(f"this is for a reading that is {only}; it is {filing.state}")
        hold = gate.holds(by.role, filing.reading, self._desk.withheld) if gated else None
        if hold is not None:
            raise Held(hold)
        return filing

    async def _revise(
        self,
        filing: Filing,
        action: Literal["assign", "reassign", "withdraw"],
        visit: str | None,
        state: State,
        by: Operator,
        reason: Reason,
    ) -> Filing:
        if visit is not None:
            self._check_visit(visit)
        attribution = Attribution(
            reading=filing.reading.id,
            revision=filing.attribution.revision + 1,
            action=action,
            visit=visit,
            author=by.id,
            reason=reason,
            at=station_now(),
        )
        # Who moves or withdraws corrects what may be at the dossier already: that does not wait.
        undo_for = self._desk.undo_for if action == "assign" else timedelta()
        return await self._journal.attribute(attribution, state, undo_for=undo_for)

    def _is_locked(self, visit: str | None) -> bool:
        here = self._desk.visit
        return here is not None and here.locked and here.id == visit

    def _check_visit(self, visit: str) -> None:
        if all(one.id != visit for one in self._desk.recent):
            raise NotAllowed(
                "cette visite n'est pas une visite récente de ce poste · "
                "this visit is not a recent one of this station"
            )
        self._desk.check_confirmed(visit)
        self._check_named(visit)

    def _check_named(self, visit: str | None) -> None:
        if visit is None or self._desk.identity(visit) is None:
            # A person vouches for whose it is: nobody can, of a visit without a name.
            raise NotAllowed(
                "l'identité du patient de cette visite n'est pas connue tant que le dossier ne répond pas ; attendez "
                "sa réponse · the patient's identity is not known while the dossier does not answer; wait for it"
            )
