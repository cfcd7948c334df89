"""What the journal keeps, beside readings: journalled frames, attributions, states, receipts, visits."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from devicehub.driver import DeviceFacts
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
]
"""Why a reading belongs to nobody yet."""

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


class Receipt(Record):
    """The dossier's answer for one reading and revision."""

    id: UUID
    revision: int
    result: Result
    reason: str | None = None
    retryable: bool = False


class Visit(Record):
    """One identified patient, in one room, during one time window. The patient is known to the dossier alone."""

    id: str
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None = None


class Outbox(Record):
    """What is accepted and has no receipt: how many, and since when the oldest waits."""

    waiting: int
    oldest: AwareDatetime | None


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
