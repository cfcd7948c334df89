"""The desk: the room's visits, and what happens to a reading when it arrives there.

A visit opens here at once, on disk, under an id of the station's own choosing; the dossier learns of it when it
answers (`reconcile`). The id is also the key by which a repeated telling is one visit: nothing is mapped or
renamed afterwards. Until the dossier has answered, the patient's identity is in the journal, sealed, and the
visit's readings wait in the outbox; the answer tells of the patient's earlier visits, and what then makes somebody
ask who it is waits for a person before anything of the visit is let go.

After a restart the open visit is locked: nobody saw who was in the room meanwhile. What may have begun before
the restart, or while a visit is locked, belongs to nobody until a person says whose it is (`Review.assign`).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from devicehub.driver import Kind
from devicehub.journal.audit import STATION
from devicehub.journal.failures import JournalFull, NotAllowed
from devicehub.journal.journal import Journal
from devicehub.journal.records import Lock, Owed, State, Visit
from devicehub.journal.seal import Seal, SealBroken
from devicehub.reading.reading import Reading
from devicehub.transport.hands import station_now
from devicehub.visit import earlier, fence, policy
from devicehub.visit.dossier import (
    Dossier,
    DossierRefused,
    DossierUnreachable,
    EarlierValue,
    KnownVisit,
    Opening,
)
from devicehub.visit.earlier import Doubt
from devicehub.visit.even_clock import EvenClock
from devicehub.visit.fence import Attributed, Quarantined
from devicehub.visit.identities import Identities
from devicehub.visit.operators import Operator
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.policy import Confirm

log = logging.getLogger(__name__)

REMEMBERED = timedelta(days=2)
"""How far back the fence looks for the visit a stored record belongs to, and a person may assign to."""

LOOK_SECONDS = 1.0
"""How often the station's clock is looked at: two settings that undo each other are noticed in between."""

ASLEEP = timedelta(minutes=5)
"""A computer that has not looked at its clock for so long was asleep: nobody saw who was in the room meanwhile."""

RETRY_SECONDS = 5.0
"""How often a dossier that does not answer is asked again."""

AT_THE_PAGE = "page"
"""The author of what is done at the page of a station without operators."""

LockReason = Literal["asked", "restarted", "asleep"]
"""A person locked it, or the station was started, or woke, in mid-visit. A page that nobody touches locks no visit: the
patient may be resting before a series, and what begins then is theirs (`devicehub.station.sessions`)."""

ShowVisit = Callable[[Visit | None, PatientIdentity | None], None]
"""Called with the open visit whenever it changes; its identity is ``None`` while it is not known."""


VISIT_ID = r"^v-[0-9a-f]{20}$"


def new_visit() -> str:
    """The id of a visit to come, drawn at random."""
    return f"v-{secrets.token_hex(10)}"


class Desk:
    """Opens, locks and closes visits, and decides with them. At most one visit is open.

    `load` it before anything else and keep `run` running. ``author`` is always the person who acts.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        station: str,
        grace: timedelta,
        confirm: Confirm,
        undo_for: timedelta = timedelta(),
        dossier: Dossier,
        seal: Seal,
        show: ShowVisit,
        now: Callable[[], datetime] = station_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._station = station
        self._grace = grace
        self._confirm = confirm
        self._dossier = dossier
        self._show = show
        self._clock = EvenClock(now, monotonic)
        self._first_frame = 0
        self._visits: list[Visit] = []
        self._identities = Identities(journal, dossier, seal)
        self._acting = asyncio.Lock()
        self._news = asyncio.Event()
        self.undo_for = undo_for
        """How long what a person accepts stays here, where it can be undone, before it goes."""
        self.worklist: tuple[KnownVisit, ...] = ()
        """The visits planned for this station, as the dossier said last (`refresh_worklist`)."""
        self.dossier_trouble: str | None = None
        """Why the dossier does not know all of this room's visits, in words; ``None`` when it does."""
        self.withheld: frozenset[Kind] = frozenset()
        """The kinds that the physician has not delegated to assistants."""

    # ------------------------------------------------------------------------- what is so

    @property
    def visit(self) -> Visit | None:
        """The visit that is open, locked or not."""
        return next((visit for visit in self._visits if visit.closed_at is None), None)

    @property
    def recent(self) -> tuple[Visit, ...]:
        """The visits of this station a reading may be assigned to, newest first."""
        return tuple(reversed(self._visits))

    def identity(self, visit: str) -> PatientIdentity | None:
        """Whom a recent visit is about, as far as this run of the station knows. See `look_up`."""
        return self._identities.of(visit)

    def earlier(self, visit: str) -> tuple[EarlierValue, ...]:
        """Values of the same patient's earlier visits, newest first; nothing where the dossier gave none."""
        return self._identities.earlier(visit)

    def ended(self, visit: str) -> datetime | None:
        """When a recent visit was closed; ``None`` while it is open, and for one that is not recent."""
        known = next((one for one in self._visits if one.id == visit), None)
        return known.closed_at if known else None

    def patient_before(self, visit: str) -> tuple[Sequence[EarlierValue], date] | None:
        """What the dossier knew of a visit's patient from before, and when they were born; ``None`` before it has told."""
        known = self._identities.told(visit)
        return None if known is None else (known.earlier, known.identity.born)

    def check_confirmed(self, visit: str) -> None:
        """Raises `NotAllowed` for a visit that is locked: of it nothing is said, nor shown, before its patient is confirmed."""
        present = self.visit
        if present is not None and present.id == visit and present.locked:
            raise NotAllowed(
                "cette visite est verrouillée : confirmez d'abord le patient · "
                "this visit is locked: confirm the patient first"
            )

    def check_open(self, visit: str) -> None:
        """Raises `NotAllowed` where this visit is not the one that is open: the page may show the patient before."""
        if self.visit is None or self.visit.id != visit:
            raise NotAllowed(
                "cette visite n'est plus celle qui est ouverte ; regardez le patient affiché · "
                "this visit is no longer the open one; look at the patient that is shown"
            )

    # ---------------------------------------------------------------------- a person's acts

    async def open(
        self,
        identity: PatientIdentity,
        *,
        author: str,
        plan: Sequence[Kind] = (),
        responsible: str | None = None,
        closes: str | None = None,
        visit: str | None = None,
    ) -> Visit:
        """Close the visit that is open, and open one for this patient. It does not wait for the dossier.

        ``closes`` is the visit that the one who asks has seen open: `NotAllowed` where another one is. Who may be
        heard twice draws its id (``visit``) before with `new_visit`: asked again, this is the visit that was opened
        then. Raises `NotAllowed` where it is over by now, or somebody else's.
        """
        opened = await self._open(
            visit or new_visit(),
            identity,
            author,
            plan,
            responsible,
            planned=False,
            closes=closes,
        )
        if self.identity(opened.id) != identity:
            raise NotAllowed(
                "la visite est déjà ouverte, sous d'autres traits ; regardez le patient affiché, et fermez-la s'ils "
                "sont faux · the visit is open already, with other traits; look at the patient that is shown, and "
                "close it if they are wrong"
            )
        return opened

    async def open_planned(
        self, visit: str, *, author: str, responsible: str | None = None, closes: str | None = None
    ) -> Visit:
        """Close the visit that is open, and open this one of the dossier's. ``closes`` is as for `open`.

        ``responsible`` answers for it where the dossier has named nobody.
        From the worklist it opens without waiting for the dossier. Raises `DossierUnreachable` or
        `DossierRefused` for an id that is not on it, `NotAllowed` for a visit that was closed.
        """
        present = self.visit
        if present is not None and present.id == visit:
            return present
        known = self._identities.learn(await self.planned(visit))
        opened = await self._open(
            visit,
            known.identity,
            author,
            known.plan,
            known.responsible or responsible,
            planned=True,
            closes=closes,
            responsible_owed=known.responsible is None and responsible is not None,
        )
        self.worklist = tuple(one for one in self.worklist if one.visit != visit)
        return opened

    async def planned(self, visit: str) -> KnownVisit:
        """A visit that can be opened, from the worklist or from the dossier. Raises as `open_planned` does."""
        known = next((one for one in self.worklist if one.visit == visit), None)
        known = known or await self._dossier.visit(visit)
        if known.state == "closed" or any(v.id == visit and v.closed_at for v in self._visits):
            raise NotAllowed(
                "cette visite est close ; ouvrez-en une nouvelle · this visit is closed; open a new one"
            )
        return known

    async def close(self, *, author: str, wanted: str | None = None) -> None:
        """Close the open visit, if there is one. It still receives what began in it, for the grace.

        A person names the visit they mean (``wanted``): `NotAllowed` where it is not the one that is open.
        """
        async with self._acting:
            if wanted is not None:
                self.check_open(wanted)
            await self._close(author)

    async def entrust(self, visit: str, physician: Operator, *, author: str) -> None:
        """This physician answers for the open visit; the dossier is told. Raises `NotAllowed` for any other visit."""
        async with self._acting:
            present = self.visit
            if present is None or present.id != visit:
                raise NotAllowed("cette visite est close · this visit is closed")
            if present.responsible == physician.name:
                return
            await self._journal.entrust_visit(
                visit,
                physician.name,
                self._clock.moment(),
                physician=physician.id,
                author=author,
            )
            named = {"responsible": physician.name, "responsible_owed": True}
            # The dossier may have answered meanwhile, or a measurement be expected again.
            self._put((self.visit or present).model_copy(update=named))
            self._news.set()

    async def lock(
        self,
        *,
        author: str,
        reason: LockReason,
        since: datetime | None = None,
        wanted: str | None = None,
    ) -> None:
        """Lock the open visit, if there is one: what begins from now on, or ``since`` then, is nobody's.

        ``wanted`` is as for `close`.
        """
        async with self._acting:
            if wanted is not None:
                self.check_open(wanted)
            visit = self.visit
            if visit is None or visit.locked:
                return
            at = since or self._clock.moment()
            self._put(visit.model_copy(update={"locks": (*visit.locks, Lock(since=at))}))
            await self._journal.lock_visit(visit.id, at, author=author, reason=reason)

    async def unlock(self, wanted: str, *, author: str) -> Visit:
        """A person confirms that the patient of this visit, which is open, is the one in the room.

        Raises `NotAllowed` where it is not the one that is open and locked, or nobody can say whom it is about.
        """
        async with self._acting:
            visit = self.visit
            if visit is None or visit.id != wanted or not visit.locked:
                raise NotAllowed(
                    "cette visite n'est pas verrouillée ; regardez le patient affiché · "
                    "this visit is not locked; look at the patient that is shown"
                )
            if self.identity(visit.id) is None:
                raise NotAllowed(
                    "l'identité du patient n'est pas connue tant que le dossier ne répond pas ; attendez, "
                    "ou fermez la visite et ouvrez-en une · the patient's identity is not known while the "
                    "dossier does not answer; wait, or close the visit and open another"
                )
            at, lock = self._clock.moment(), visit.locks[-1]
            await self._journal.unlock_visit(visit.id, at, since=lock.since, author=author)
            last = lock.model_copy(update={"until": at})
            locks = (*visit.locks[:-1], last)
            unlocked = (self.visit or visit).model_copy(update={"locks": locks})
            self._put(unlocked)
            return unlocked

    def expect(self, visit: str, kind: Kind) -> None:
        """A measurement is to be done again: it is part of the visit's plan. `Review.retake` says so.

        An empty plan expects whatever the room measures, and stays empty.
        """
        known = next((one for one in self._visits if one.id == visit), None)
        if known is not None and known.plan and kind not in known.plan:
            self._put(known.model_copy(update={"plan": (*known.plan, kind)}))

    async def delegate(self, kind: Kind, *, delegated: bool, author: str) -> None:
        """The physician says whether assistants may accept readings of a kind. What waits already, waits on."""
        await self._journal.delegate(kind, delegated=delegated, author=author)
        self.withheld = await self._journal.withheld()

    # -------------------------------------------------------------------- what the fence says

    def look(self) -> None:
        """Notice whether the station's clock has been set. Whoever stamps a time looks just then."""
        self._clock.look()

    def attribute(
        self, reading: Reading, *, clock_seen: datetime | None = None
    ) -> Attributed | Quarantined:
        """Which visit a reading belongs to, or why it belongs to nobody yet.

        ``clock_seen`` is when the device's clock was compared with the station's, where it was.
        """
        self.look()
        even = self._clock.even
        if reading.measurement.stored and reading.stamp.corrected is None:
            # It came from a memory, where it may have been for a year.
            return Quarantined("unknown_time")
        decision = fence.attribute(
            reading.began, reading.received_at, self._visits, grace=self._grace, even=even
        )
        if isinstance(decision, Attributed):
            if any(evidence.number <= self._first_frame for evidence in reading.evidence):
                return Quarantined("restarted")
            by_clock = reading.began.known_from == "device_clock"
            if by_clock and clock_seen is not None and clock_seen <= even.since:
                return Quarantined(even.why)
        return decision

    def first_state(self, reading: Reading, visit: str | None) -> State:
        """Where a reading starts, new or newly out of quarantine."""
        doubt = None if visit is None else self.doubt(reading, visit)
        return policy.first_state(reading, visit, self._confirm, doubt, self.withheld)

    def doubt(self, reading: Reading, visit: str) -> Doubt | None:
        """Whether a reading is unlike what the dossier knows of this visit's patient: then ask who it is.

        What no sensor can have measured says nothing of who stood there.
        """
        return self._doubter(visit)(reading)

    # ------------------------------------------------------------------------ start and dossier

    async def load(self) -> None:
        """Take up the visits the journal knows. One that is open was open when the station ended: it is locked."""
        self._clock.start(await self._journal.last_boundary())
        self._visits = await self._journal.visits(self._clock.moment() - REMEMBERED)
        self._first_frame = await self._journal.last_frame()
        self.withheld = await self._journal.withheld()
        try:
            await self.lock(author=STATION, reason="restarted")
        except JournalFull as error:
            # It is locked all the same: confirming the patient writes it, or the next start locks it again.
            log.critical("visit.lock_not_kept %s", error)
        visit = self.visit
        if visit is not None:
            self._put(visit)
        self._news.set()

    async def run(self) -> None:
        """Keep the dossier and the desk in step, and an eye on the clock, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_looking(), name="desk-clock")
            tasks.create_task(self._keep_told(), name="desk-dossier")

    async def _keep_looking(self) -> None:
        wall, moment = self._clock.look(), self._clock.moment()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            seen, before = wall, moment
            wall, moment = self._clock.look(), self._clock.moment()
            # By the wall: once it was set back, the moments stand still until it has caught up.
            if wall - seen >= ASLEEP:
                try:
                    await self.lock(author=STATION, reason="asleep", since=before)
                except JournalFull as error:
                    # It is locked all the same: confirming the patient writes it, or the next start locks it again.
                    log.critical("visit.lock_not_kept %s", error)

    async def _keep_told(self) -> None:
        while True:
            self._news.clear()
            done = await self.reconcile()
            try:
                async with asyncio.timeout(None if done else RETRY_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def reconcile(self) -> bool:
        """Tell the dossier what it does not know of the room's visits, and learn whose the open one is.

        Returns whether nothing is left to do; `dossier_trouble` says what hinders.
        """
        troubles = []
        for owed in await self._journal.owed_visits():
            try:
                await self._tell(owed)
            except (DossierRefused, SealBroken) as error:
                # The others may fare better. Its readings wait; a person can move them elsewhere.
                log.error("visit.refused visit=%s %s", owed.visit.id, error)  # noqa: TRY400 - no fault of ours
                troubles.append(str(error))
            except (DossierUnreachable, JournalFull, OSError) as error:
                log.warning("visit.not_told visit=%s %s", owed.visit.id, error)
                troubles.append(str(error))
                break
        visit = self.visit
        if visit is not None and self.identity(visit.id) is None:
            try:
                await self.look_up(visit.id)
            except (DossierUnreachable, DossierRefused, SealBroken, OSError) as error:
                log.warning("visit.not_identified visit=%s %s", visit.id, error)
                troubles.append(str(error))
            else:
                self._tell_page()
        self.dossier_trouble = troubles[0] if troubles else None
        return not troubles

    async def refresh_worklist(self) -> tuple[KnownVisit, ...]:
        """Ask the dossier which visits are planned. Raises `DossierUnreachable` or `DossierRefused`."""
        planned = await self._dossier.worklist(self._station)
        here = {visit.id for visit in self._visits}
        self.worklist = tuple(one for one in planned if one.visit not in here)
        return self.worklist

    async def look_up(self, visit: str) -> PatientIdentity:
        """Whom a recent visit is about. Raises as `Identities.look_up` does."""
        return await self._identities.look_up(visit)

    # ------------------------------------------------------------------------------ inside

    async def _open(
        self,
        visit_id: str,
        identity: PatientIdentity,
        author: str,
        plan: Sequence[Kind],
        responsible: str | None,
        *,
        planned: bool,
        closes: str | None,
        responsible_owed: bool = False,
    ) -> Visit:
        async with self._acting:
            # Somebody else may have opened one while the dossier was asked, or just now.
            present = self.visit
            if present is not None and present.id == visit_id:
                return present
            if present is not None and present.id != closes:
                raise NotAllowed(
                    "une autre visite vient d'être ouverte ; regardez le patient affiché · "
                    "another visit has just been opened; look at the patient that is shown"
                )
            if any(one.id == visit_id for one in self._visits):
                raise NotAllowed("cette visite est close · this visit is closed")
            # The old visit ends first: whatever begins from now on is not its own.
            await self._close(author)
            visit = Visit(
                id=visit_id,
                opened_at=self._clock.moment(),
                plan=tuple(plan),
                responsible=responsible,
                responsible_owed=responsible_owed,
                planned=planned,
                at_dossier="unknown",
            )
            sealed = self._identities.sealed(visit.id, identity)
            await self._journal.open_visit(visit, author=author, sealed=sealed)
            self._identities.keep(visit.id, identity)
            self._visits.append(visit)
            self._forget()
            self._tell_page()
            self._news.set()
            return visit

    async def _close(self, author: str) -> None:
        visit = self.visit
        if visit is None:
            return
        at = self._clock.moment()
        self._put(visit.model_copy(update={"closed_at": at, "locks": _ended(visit.locks, at)}))
        try:
            await self._journal.close_visit(visit.id, at, author=author)
        except JournalFull:
            # On disk it is open: it stays so here, and nobody's until a person has confirmed the patient.
            open_lock = () if visit.locked else (Lock(since=at),)
            self._put(visit.model_copy(update={"locks": (*visit.locks, *open_lock)}))
            self._tell_page()
            raise
        self._news.set()

    async def _tell(self, owed: Owed) -> None:
        visit = owed.visit
        if visit.at_dossier == "unknown":
            identity = None
            if not visit.planned:
                identity = self.identity(visit.id)
                identity = identity or self._identities.unsealed(visit.id, owed.sealed or b"")
            opening = Opening(
                visit=visit.id,
                station=self._station,
                opened_at=visit.opened_at,
                identity=identity,
                plan=visit.plan,
                responsible=visit.responsible,
            )
            self._identities.learn(await self._dossier.open_visit(opening))
            await self._answered(visit.id, "open")
        if visit.responsible_owed and visit.responsible is not None:
            await self._tell_responsible(visit.id, visit.responsible)
        if visit.closed_at is not None:
            await self._dossier.close_visit(visit.id, visit.closed_at)
            await self._answered(visit.id, "closed")

    async def _tell_responsible(self, visit: str, responsible: str) -> None:
        try:
            await self._dossier.entrust_visit(visit, responsible)
        except DossierRefused as error:
            # A dossier too old to be told has the visit all the same: nothing waits for this.
            log.warning("visit.responsible_refused visit=%s code=%s", visit, error.code)
        await self._journal.visit_entrusted(visit, responsible)
        for known in self._visits:
            if known.id == visit and known.responsible == responsible:
                self._put(known.model_copy(update={"responsible_owed": False}))
                break

    def _doubter(self, visit: str) -> Callable[[Reading], Doubt | None]:
        """`doubt` with what is known of the visit's patient now, whatever is learnt or forgotten meanwhile."""
        told, identity = self._identities.told(visit), self.identity(visit)
        born = identity.born if identity else None
        # An answer to come asks by itself (`_answered`). One that was given to an earlier run of the station does not.
        is_answered = any(one.id == visit and one.at_dossier != "unknown" for one in self._visits)
        withheld = told is None and is_answered
        before = None if withheld else self.earlier(visit)

        def doubt(reading: Reading) -> Doubt | None:
            if reading.plausibility == "impossible":
                return None
            return earlier.doubt(reading.measurement, reading.received_at, before, born=born)

        return doubt

    async def _answered(self, visit: str, at_dossier: Literal["open", "closed"]) -> None:
        # The first answer tells of before: what has come meanwhile is asked about before it may go.
        await self._journal.visit_answered(visit, at_dossier, doubt=self._doubter(visit))
        for known in self._visits:
            if known.id == visit:
                self._put(known.model_copy(update={"at_dossier": at_dossier}))
                break

    def _put(self, visit: Visit) -> None:
        """Replace a visit, and show it where it is, or was, the open one."""
        before = self.visit
        self._visits = [visit if known.id == visit.id else known for known in self._visits]
        if before is not None and before.id == visit.id:
            self._tell_page()

    def _tell_page(self) -> None:
        visit = self.visit
        self._show(visit, None if visit is None else self.identity(visit.id))

    def _forget(self) -> None:
        """Identities of visits nobody can assign to any more leave the memory."""
        oldest = self._clock.moment() - REMEMBERED
        self._visits = [v for v in self._visits if v.closed_at is None or v.closed_at >= oldest]
        self._identities.forget_but([visit.id for visit in self._visits])


def _ended(locks: tuple[Lock, ...], at: datetime) -> tuple[Lock, ...]:
    return tuple(lock.model_copy(update={"until": lock.until or at}) for lock in locks)
