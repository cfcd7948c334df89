"""Who is really in the room: the truth the fence cannot see, and a station whose desk decides without it.

People are honest: whoever opens or unlocks a visit does so for the patient who is there, and nobody leaves a
visit that is open before them. All else happens: the station ends at any moment and people change meanwhile,
its clock is set, patients are switched in mid-measurement, frames come late, memories are read hours later.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from devicehub.driver import BodyWeight, Kind
from devicehub.journal.journal import Journal
from devicehub.journal.records import Lock, Visit
from devicehub.journal.seal import Seal
from devicehub.reading.clock import Stamp
from devicehub.reading.interval import began
from devicehub.reading.reading import Device, DriverUsed, Evidence, Reading
from devicehub.visit.desk import Desk
from devicehub.visit.dossier import DossierUnreachable, KnownVisit, Opening
from devicehub.visit.fence import Attributed, Quarantined
from devicehub.visit.patient import PatientIdentity

T = TypeVar("T")

MORNING = datetime(2026, 11, 23, 8, tzinfo=UTC)
GRACE = timedelta(seconds=120)
LONGEST = 60.0
"""Seconds a device measures at the most."""

JUMPS = (5.0, 61.0, 600.0, 1200.0, 7200.0)
PAUSES = (0.0, 0.2, 1.0, 7.0, 30.0, 59.0, 61.0, 119.0, 121.0, 600.0)
"""Seconds: how far the clock is set, and how long nothing happens."""

PEOPLE = tuple(
    PatientIdentity(family_name="TEST", given_name=name, born=date(1970, 1, 1), sex="F")
    for name in ("Alice", "Bruno", "Chloé")
)


def drive(work: Coroutine[Any, Any, T]) -> T:
    """The result of what never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waited")


class NoDossier:
    """A dossier that is never there."""

    async def worklist(self, station: str) -> tuple[KnownVisit, ...]:
        raise DossierUnreachable(station)

    async def visit(self, visit: str) -> KnownVisit:
        raise DossierUnreachable(visit)

    async def open_visit(self, opening: Opening) -> KnownVisit:
        raise DossierUnreachable(opening.visit)

    async def entrust_visit(self, visit: str, responsible: str) -> None:
        raise DossierUnreachable(visit)

    async def close_visit(self, visit: str, at: datetime) -> None:
        raise DossierUnreachable(visit)


class Memory(Journal):
    """What a journal keeps of visits, without a disk: for many steps in little time."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))
        self.kept: dict[str, Visit] = {}
        self.frames = 0

    async def open_visit(self, visit: Visit, **_: object) -> None:
        assert all(known.closed_at for known in self.kept.values())
        self.kept[visit.id] = visit

    async def close_visit(self, visit: str, at: datetime, **_: object) -> None:
        known = self.kept[visit]
        assert at >= known.opened_at
        locks = tuple(lock.model_copy(update={"until": lock.until or at}) for lock in known.locks)
        self.kept[visit] = known.model_copy(update={"closed_at": at, "locks": locks})

    async def lock_visit(self, visit: str, at: datetime, **_: object) -> None:
        known = self.kept[visit]
        self.kept[visit] = known.model_copy(update={"locks": (*known.locks, Lock(since=at))})

    async def unlock_visit(self, visit: str, at: datetime, **_: object) -> None:
        known = self.kept[visit]
        locks = (*known.locks[:-1], known.locks[-1].model_copy(update={"until": at}))
        self.kept[visit] = known.model_copy(update={"locks": locks})

    async def visits(self, since: datetime) -> list[Visit]:
        return [v for v in self.kept.values() if v.closed_at is None or v.closed_at >= since]

    async def last_boundary(self) -> datetime | None:
        ends = (
            moment
            for visit in self.kept.values()
            for lock in (Lock(since=visit.opened_at, until=visit.closed_at), *visit.locks)
            for moment in (lock.since, lock.until)
        )
        return max((moment for moment in ends if moment is not None), default=None)

    async def withheld(self) -> frozenset[Kind]:
        return frozenset()

    async def last_frame(self) -> int:
        return self.frames

    async def sealed_identity(self, visit: str) -> bytes | None:
        return None


class Open(Seal):
    """A seal that seals nothing: no key, no cipher, no disk."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))

    def seal(self, plain: bytes, subject: str) -> bytes:
        return plain


@dataclass
class Measured:
    """A measurement that has begun: of whom, when, and when the station first saw it live."""

    person: PatientIdentity
    since: float
    first_live: datetime | None = None


@dataclass
class Instrument:
    """A device: what it measures, what it remembers, and how far its clock is off."""

    clock_off: float
    measuring: Measured | None = None
    memory: list[Measured] = field(default_factory=list)
    seen: tuple[datetime, float] | None = None
    """When, in the conversation that goes on, the station compared the clocks, and what it must add."""


class Truth:
    """The room as it is."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.off = 0.0
        self.present: PatientIdentity | None = None
        self.patients: dict[str, PatientIdentity] = {}
        self.alive = False
        self.journal = Memory()
        self.instruments = [Instrument(off) for off in (0.0, 37.0, -3600.0)]
        self.unread: list[tuple[Reading, PatientIdentity]] = []
        self.said: Counter[str] = Counter()
        self.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Have the station do something."""
        return drive(work)

    # ------------------------------------------------------------------------ what happens

    def now(self) -> datetime:
        """What the station's clock says."""
        return MORNING + timedelta(seconds=self.seconds + self.off)

    def pass_by(self, seconds: float) -> None:
        """Time passes."""
        self.seconds += seconds

    def set_clock(self, by: float) -> None:
        """The station's clock is set."""
        self.off += by

    @property
    def visit(self) -> Visit | None:
        """The visit that is open at the station, as the people there see it."""
        return self.desk.visit if self.alive else None

    @property
    def attended(self) -> bool:
        """Whether somebody sits before an open visit of theirs, and stays."""
        return self.visit is not None and not self.visit.locked

    def come(self, person: PatientIdentity | None) -> None:
        """Somebody comes in for who was there, or the room empties."""
        if not self.attended:
            self.present = person

    def open(self, person: PatientIdentity) -> None:
        """The next patient: they sit down, and their visit is opened."""
        if self.alive:
            self.present = person
            seen = self.visit.id if self.visit else None
            visit = self.do(self.desk.open(person, author="nurse", closes=seen))
            self.patients[visit.id] = person

    def close(self) -> None:
        """The visit ends."""
        if self.alive:
            self.do(self.desk.close(author="nurse"))

    def lock(self) -> None:
        """The visit is locked."""
        if self.alive:
            self.do(self.desk.lock(author="nurse", reason="asked"))

    def unlock(self) -> None:
        """A person confirms the patient, if it is they."""
        visit = self.visit
        if visit is None or not visit.locked:
            return
        if self.patients[visit.id] == self.present:
            # After a start the dossier, or the seal, tells the name again.
            self.desk._identities.keep(visit.id, self.patients[visit.id])
            self.do(self.desk.unlock(visit.id, author="nurse"))

    def crash(self) -> None:
        """The station ends."""
        self.alive = False
        for one in self.instruments:
            one.seen = None
            if one.measuring is not None:
                one.measuring.first_live = None

    def start(self) -> None:
        """The station starts."""
        if self.alive:
            return
        self.alive = True
        self.desk = Desk(
            self.journal,
            station="room-1",
            grace=GRACE,
            confirm="none",
            dossier=NoDossier(),
            seal=Open(),
            show=lambda _visit, _identity: None,
            now=self.now,
            monotonic=lambda: self.seconds,
        )
        self.do(self.desk.load())

    def recover(self) -> None:
        """What a crash has left unread is read."""
        if self.alive:
            unread, self.unread = self.unread, []
            for reading, person in unread:
                self._decide(reading, person, None)

    def begin(self, one: Instrument, *, live: bool) -> None:
        """A device begins to measure who is there."""
        if self.present is None or one.measuring is not None:
            return
        one.measuring = Measured(self.present, self.seconds)
        if live and self.alive:
            self.desk.look()
            one.measuring.first_live = self.now()

    def end(self, one: Instrument, *, remembers: bool, unread: bool) -> None:
        """A device has finished: it tells the station at once, or keeps it in its memory."""
        measured, one.measuring = one.measuring, None
        if measured is None:
            return
        if remembers or not self.alive or self.seconds - measured.since > LONGEST:
            one.memory.append(measured)
            return
        self.desk.look()
        reading = self._reading(measured.first_live, None)
        if unread:
            # It is on disk; the crash comes before anybody reads it.
            self.unread.append((reading, measured.person))
            self.crash()
        else:
            self._decide(reading, measured.person, None)

    def connect(self, one: Instrument) -> None:
        """A conversation begins: the clocks are compared."""
        if self.alive:
            self.desk.look()
            device = self.seconds + one.clock_off
            one.seen = (self.now(), (self.now() - MORNING).total_seconds() - device)

    def tell_memory(self, one: Instrument) -> None:
        """The oldest record of a memory comes in."""
        if not self.alive or one.seen is None or not one.memory:
            return
        measured = one.memory.pop(0)
        seen_at, add = one.seen
        self.desk.look()
        told = MORNING + timedelta(seconds=round(measured.since + one.clock_off) + add)
        self._decide(self._reading(None, told), measured.person, seen_at)

    # ---------------------------------------------------------------------- what is decided

    def _reading(self, first_live: datetime | None, corrected: datetime | None) -> Reading:
        at = self.now()
        self.journal.frames += 1
        stamp = Stamp(
            device_time=None,
            corrected=corrected,
            offset_seconds=None,
            how="none" if corrected is None else "device_clock",
        )
        evidence = Evidence(
            number=self.journal.frames, parts=(), model=None, first_byte=at, last_byte=at
        )
        return Reading(
            id=uuid4(),
            measurement=BodyWeight(
                kilograms=Decimal(70), stable=True, stored=corrected is not None
            ),
            device=Device(id="device", intrinsic="address:device"),
            driver=DriverUsed(id="some_driver", version="1"),
            origin="simulator",
            received_at=at,
            stamp=stamp,
            began=began(
                first_live=first_live,
                stamp=stamp,
                stamped="start",
                first_byte=at,
                longest=timedelta(seconds=LONGEST),
            ),
            evidence=(evidence,),
        )

    def _decide(
        self, reading: Reading, person: PatientIdentity, clock_seen: datetime | None
    ) -> None:
        decision = self.desk.attribute(reading, clock_seen=clock_seen)
        match decision:
            case Attributed(visit=visit):
                assert self.patients[visit] == person, "somebody else was being measured"
                self.said["attributed"] += 1
            case Quarantined(reason=reason):
                self.said[reason] += 1


Happening = Callable[[Truth, Instrument, random.Random], None]

HAPPENINGS: dict[str, Happening] = {
    "pass": lambda truth, _, chance: truth.pass_by(chance.choice(PAUSES)),
    "begin": lambda truth, one, chance: truth.begin(one, live=chance.random() < 0.5),
    "end": lambda truth, one, chance: truth.end(
        one, remembers=chance.random() < 0.4, unread=chance.random() < 0.05
    ),
    "connect": lambda truth, one, _: truth.connect(one),
    "memory": lambda truth, one, _: truth.tell_memory(one),
    "recover": lambda truth, _, __: truth.recover(),
    "start": lambda truth, _, __: truth.start(),
    "unlock": lambda truth, _, __: truth.unlock(),
    "open": lambda truth, _, chance: truth.open(chance.choice(PEOPLE)),
    "come": lambda truth, _, chance: truth.come(chance.choice((*PEOPLE, None))),
    "close": lambda truth, _, __: truth.close(),
    "lock": lambda truth, _, __: truth.lock(),
    "set": lambda truth, _, chance: truth.set_clock(chance.choice(JUMPS) * chance.choice((-1, 1))),
    "crash": lambda truth, _, __: truth.crash(),
}
BUSY = (30, 20, 20, 8, 10, 5, 10, 10, 8, 8, 4, 3, 1, 1)
"""How often each happens in a room where everything happens at once."""
CALM = (60, 20, 20, 8, 10, 5, 10, 10, 3, 3, 1, 1, 0.5, 0.5)
"""And in one where a device that measures for minutes can come to its end."""


def step(truth: Truth, chance: random.Random, weights: Sequence[float]) -> None:
    """One thing happens."""
    happens = chance.choices(tuple(HAPPENINGS.values()), weights)[0]
    happens(truth, chance.choice(truth.instruments), chance)
