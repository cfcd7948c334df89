"""The fence: which visit a reading belongs to. A pure decision; never a guess about the person.

A reading is attributed to a visit only if the whole interval in which its measurement can have begun lies
inside the visit, touches no time in which it was locked, and began since the station's clock runs evenly.
Anything else is quarantined with the reason. A closed visit still receives readings for a grace period,
provided they *began* while it was open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devicehub.journal.records import Lock, QuarantineReason, Visit
from devicehub.reading.interval import Began
from devicehub.visit.even_clock import Even


@dataclass(frozen=True, slots=True)
class Attributed:
    """The visit a reading belongs to."""

    visit: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """The reading belongs to nobody yet, and why."""

    reason: QuarantineReason


def attribute(
    began: Began,
    arrived: datetime,
    visits: Sequence[Visit],
    *,
    grace: timedelta,
    even: Even,
) -> Attributed | Quarantined:
    """Decide for a measurement that began within ``began`` and arrived at ``arrived``.

    ``visits`` are the room's visits, in any order; at most one is open at any moment. ``even`` says since
    when their times and the reading's can be compared.
    """
    holding = [visit for visit in visits if _holds(visit, began)]
    if len(holding) == 1:
        (visit,) = holding
        if visit.closed_at is not None and arrived > visit.closed_at + grace:
            return Quarantined("after_visit")
        if any(_was_on(lock, began) for lock in visit.locks):
            return Quarantined("visit_locked")
        if began.earliest <= even.since:
            return Quarantined(even.why)
        return Attributed(visit.id)
    touched = [visit for visit in visits if _touches(visit, began)]
    if len(touched) > 1:
        return Quarantined("straddles_visits")
    if touched:
        begins_before = began.earliest <= touched[0].opened_at
        return Quarantined("before_visit" if begins_before else "after_visit")
    return Quarantined("no_visit")


def _holds(visit: Visit, began: Began) -> bool:
    closed = visit.closed_at is not None and began.latest >= visit.closed_at
    return visit.opened_at < began.earliest and not closed


def _touches(visit: Visit, began: Began) -> bool:
    over = visit.closed_at is not None and began.earliest > visit.closed_at
    return began.latest >= visit.opened_at and not over


def _was_on(lock: Lock, began: Began) -> bool:
    over = lock.until is not None and began.earliest > lock.until
    return began.latest >= lock.since and not over
