"""The course of a blood-pressure series: what the person does next, until when they wait, and the mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal
from uuid import UUID

from devicehub.driver import BloodPressure
from devicehub.journal.records import Filing
from devicehub.journal.states import ACCEPTED
from devicehub.reading.derivation import Arm, Derivation, Member
from devicehub.visit.series import (
    BOTH,
    Series,
    SeriesRules,
    Taken,
    arms_of,
    compared_of,
    counting_of,
    lacking_of,
    missed_minutes,
    next_due,
    standing_left,
    takes_more,
    usable_of,
)

_VALUES = ("systolic_mmhg", "diastolic_mmhg", "mean_mmhg", "pulse_per_minute")
_MEAN_DIGIT, _DEVIATION_DIGIT = Decimal(1), Decimal("0.1")

Act = Literal[
    "rest",
    "measure_arm",
    "other_arm",
    "choose_arm",
    "measure",
    "stand_up",
    "measure_standing",
    "done",
]
"""What comes next: wait, put the cuff on the other arm, choose the arm, press the button, stand up."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of the members that count, and the sample standard deviation of each value."""

    measurement: BloodPressure
    deviation: Mapping[str, Decimal] | None
    members: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """A series seen at one moment.

    ``due_at`` is when the countdown ends; before it the person waits, from it on they press the button.
    ``number`` of ``count`` is the measurement that comes next. ``mean`` is there once its members are all
    there, ``settled`` once each of them is accepted. ``lacking`` is how many it lacks where as many came.
    """

    act: Act
    due_at: datetime | None
    number: int | None
    count: int
    minute: int | None
    proposed_arm: Arm | None
    members: tuple[Member, ...]
    mean: Mean | None
    settled: bool
    lacking: int
    missed_minutes: tuple[int, ...]


def look(series: Series, filings: Mapping[UUID, Filing], now: datetime) -> Course:
    """Where the series stands at ``now``: what the person does next, and the mean as far as it is known."""
    usable = usable_of(series, filings)
    counting = counting_of(series, usable)
    mean = _mean(series.rules, counting, filings)
    settled = mean is not None and all(filings[one].state in ACCEPTED for one in mean.members)
    act, due, minute = _next(series, usable, counting, now)
    return Course(
        act=act,
        due_at=due,
        number=len(counting) + 1 if act == "measure" else None,
        count=series.rules.count,
        minute=minute,
        proposed_arm=_higher_arm(series, usable, filings) if act == "choose_arm" else None,
        members=_members(usable, mean),
        mean=mean,
        settled=settled,
        lacking=lacking_of(series, counting),
        missed_minutes=missed_minutes(series, usable, now),
    )


def derivation(course: Course) -> Derivation:
    """How the mean of a course came about, for the derived reading. The course must have one."""
    if course.mean is None:
        raise ValueError("the series has no mean yet")
    deviation = course.mean.deviation
    return Derivation(
        rule="blood_pressure_series",
        members=course.members,
        deviation=None if deviation is None else dict(deviation),
    )


def _next(
    series: Series,
    usable: Sequence[Taken],
    counting: Sequence[Taken],
    now: datetime,
) -> tuple[Act, datetime | None, int | None]:
    rules = series.rules
    if series.ended_at is not None:
        return "done", None, None
    if now < series.rest_over_at:
        return "rest", series.rest_over_at, None
    due = next_due(series, usable)
    if rules.both_arms and not series.arm_chosen and series.stood_at is None:
        measured = arms_of(series, usable)
        if measured == BOTH:
            return "choose_arm", None, None
        return ("other_arm" if series.arm in measured else "measure_arm"), due, None
    if len(counting) < rules.count and takes_more(series):
        return "measure", due, None
    left = standing_left(series, usable, now)
    if not left:
        return "done", None, None
    if series.stood_at is None:
        return "stand_up", None, None
    return "measure_standing", series.stood_at + timedelta(minutes=left[0]), left[0]


def _higher_arm(
    series: Series, usable: Iterable[Taken], filings: Mapping[UUID, Filing]
) -> Arm | None:
    """The arm with the higher systolic pressure, which the consensus goes on with."""
    measured = compared_of(series, usable)
    highest = max(measured, key=lambda one: _pressures(filings[one.reading]), default=None)
    return None if highest is None else highest.arm


def _pressures(filing: Filing) -> tuple[Decimal, ...]:
    said = filing.reading.measurement
    return tuple(getattr(said, name) or Decimal(0) for name in ("systolic_mmhg", "diastolic_mmhg"))


# ---------------------------------------------------------------------------------------------- the mean


def _mean(
    rules: SeriesRules, counting: Sequence[Taken], filings: Mapping[UUID, Filing]
) -> Mean | None:
    if len(counting) < rules.count:
        return None
    eligible = counting[1:] if rules.leave_out_first else counting
    members = tuple(one.reading for one in eligible[-rules.mean_of_last :])
    said = [filings[one].reading.measurement for one in members]
    pressures = [one for one in said if isinstance(one, BloodPressure)]
    means: dict[str, Decimal] = {}
    deviations: dict[str, Decimal] = {}
    for name in _VALUES:
        values = [value for one in pressures if (value := getattr(one, name)) is not None]
        if len(values) == len(members):
            means[name] = rounded(sum(values, Decimal(0)) / len(values), _MEAN_DIGIT)
            if len(values) > 1:
                deviations[name] = rounded(_deviation(values), _DEVIATION_DIGIT)
    flags = tuple(sorted({flag for one in pressures for flag in one.flags}))
    return Mean(
        measurement=BloodPressure.model_validate({**means, "flags": flags}),
        deviation=deviations or None,
        members=members,
    )


def rounded(value: Decimal, digit: Decimal) -> Decimal:
    """A computed value to its last meaningful digit, half to even."""
    return value.quantize(digit, rounding=ROUND_HALF_EVEN)


def _deviation(values: Sequence[Decimal]) -> Decimal:
    mean = sum(values, Decimal(0)) / len(values)
    squares = sum(((value - mean) ** 2 for value in values), Decimal(0))
    return (squares / (len(values) - 1)).sqrt()


def _members(usable: Sequence[Taken], mean: Mean | None) -> tuple[Member, ...]:
    counted = frozenset(mean.members) if mean is not None else frozenset()
    return tuple(
        Member(
            reading=one.reading,
            counted=one.reading in counted,
            arm=one.arm,
            posture=one.posture,
            minute=one.stands_for,
        )
        for one in usable
    )
