"""What the journal keeps, beside readings: journalled frames, attributions, states, receipts, visits."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from devicehub.driver import DeviceFacts, Kind
from devicehub.reading.clock import DeviceClock
from devicehub.reading.reading import DriverUsed, Evidence, Origin, Reading, Record
from devicehub.reading.settle import Settling

State = Literal[
    "quarantined",
    "discarded",
    "to_review",
    "rejected",
    "invalid",
    "accepted",
    "published",
    "filed",
    "refused",
    "withdrawn",
]
"""Where a reading stands. ``published`` is the broker's word, ``filed`` and ``refused`` are the dossier's."""

QuarantineReason = Literal[
    "no_visit",
    "straddles_visits",
    "before_visit",
    "after_visit",
    "unknown_time",
    "repeated_untimed",
    "visit_locked",
    "restarted",
    "clock_changed",
]
"""Why a reading belongs to nobody yet.

``visit_locked``: it may have begun while nobody had confirmed the patient; ``restarted``: it may have begun
before the station was started, and nobody saw who was there; ``clock_changed``: the station's clock was set
meanwhile, and its times cannot be compared with the visits'.
"""

AtDossier = Literal["unknown", "open", "closed"]
"""What the dossier has answered about a visit: nothing yet, that it is open, that it is closed."""

Fate = Literal["read", "nothing", "not_understood"]
"""What became of a frame: readings were made, nothing in it was a finished measurement, or it was not understood."""

Result = Literal["filed", "duplicate", "refused"]
"""The dossier's answer. A broker's PUBACK is not one."""


class Attribution(Record):
    """Which visit a reading belongs to, who decided it and why. A later revision replaces an earlier one."""

    reading: UUID
    revision: int = Field(ge=1)
    action: Literal["assign", "reassign", "withdraw"] = "assign"
    visit: str | None
    quarantine: QuarantineReason | None = None
    author: str
    reason: str | None = None
    at: AwareDatetime


class JournalledFrame(Record):
    """A frame on disk, before anything else learns of it."""

    number: int
    device: str
    address: str | None
    """Where it came from; ``None`` in a journal of before anybody noted it."""
    connection: str
    driver: DriverUsed
    origin: Origin
    settling: Settling
    """How far the measurement had settled before this frame."""
    evidence: Evidence


class Told(Record):
    """What a device, by its intrinsic id, told in a connection without a number of its own.

    ``content`` is `devicehub.reading.identity.content`: a hash, never a value.
    """

    device: str
    content: str
    connection: str


class Filing(Record):
    """A reading with its newest attribution and state."""

    reading: Reading
    attribution: Attribution
    state: State
    state_at: AwareDatetime
    detail: str | None = None

    @property
    def was_given(self) -> bool:
        """Whether a person gave it to its visit, or moved it there, and nothing has become of it since."""
        given = self.attribution.revision > 1 and self.attribution.action != "withdraw"
        return given and self.state_at == self.attribution.at


class Withdrawn(Record):
    """A reading that a person has taken back, and the visit it belonged to last: it is nobody's now.

    The attribution says who took it back, when and why.
    """

    filing: Filing
    visit: str


class Decided(Record):
    """A reading as a person has decided last, and who: it can be undone."""

    filing: Filing
    by: str


class Receipt(Record):
    """The dossier's answer for one reading and revision."""

    id: UUID
    revision: int
    result: Result
    reason: str | None = None
    retryable: bool = False


class Lock(Record):
    """A time in which nobody had confirmed that the visit's patient is the one in the room."""

    since: AwareDatetime
    until: AwareDatetime | None = None


class Visit(Record):
    """One identified patient, in one room, during one time window. The patient is known to the dossier alone."""

    id: str
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None = None
    locks: tuple[Lock, ...] = ()
    """In their order; the last may still go on."""
    plan: tuple[Kind, ...] = ()
    """What is to be measured."""
    responsible: str | None = None
    """The physician who answers for it, by the dossier's or the practice's name for them."""
    responsible_owed: bool = False
    """The dossier has not been told yet who that is."""
    planned: bool = False
    """It came from the dossier's worklist; else the station opened it and the dossier learns of it."""
    at_dossier: AtDossier = "open"

    @property
    def confirmed_since(self) -> datetime:
        """Since when its patient is the confirmed one: it was opened, or unlocked last."""
        return max((self.opened_at, *(lock.until for lock in self.locks if lock.until)))

    @property
    def locked(self) -> bool:
        """Whether a person must confirm the patient before anything more belongs to it."""
        return self.closed_at is None and bool(self.locks) and self.locks[-1].until is None


class Owed(Record):
    """A visit of which the dossier does not know all, and its sealed identity while the dossier holds none."""

    visit: Visit
    sealed: bytes | None


class Outbox(Record):
    """What is accepted and has no receipt: how many, and since when the oldest waits."""

    waiting: int
    oldest: AwareDatetime | None
    undo_until: AwareDatetime | None = None
    """When the last of them goes, where a person can still undo each of them."""


class Due(Record):
    """A filing in the outbox and its place there; a higher number became due later."""

    number: int
    filing: Filing


class StateChange(Record):
    """One step in the history of a reading: which state, under which revision, by whom."""

    revision: int
    state: State
    at: AwareDatetime
    author: str
    detail: str | None


class DeviceRecord(Record):
    """What is remembered of a device between connections: its identity, its facts, its clock."""

    id: str
    intrinsic: str | None
    facts: DeviceFacts | None
    clock: DeviceClock | None
