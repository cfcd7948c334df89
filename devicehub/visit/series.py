"""A series of blood pressures: what the operator says, and which readings it takes. Pure.

A series never starts a cuff: it tells the person when to press the button (`devicehub.visit.course`), and
takes the readings of whatever cuff they use. Its defaults follow the consensus of the Société française
d'hypertension artérielle (Denolle et al., Presse Med 2019, doi:10.1016/j.lpm.2019.09.060): rest, both arms the
first time and then the higher one, at least three measurements a minute apart, the mean of the last two, and a
standing test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from devicehub.driver import BloodPressure
from devicehub.journal.records import Filing, State
from devicehub.reading.derivation import Arm, Posture
from devicehub.reading.reading import Reading, Record

TOLERANCE = timedelta(seconds=10)
"""How much sooner than its minute a measurement may begin without being called early, or than the word on its arm or posture."""

WINDOW = timedelta(minutes=1)
"""How far from its minute a standing measurement still stands for it."""

STANDS: frozenset[State] = frozenset({"to_review", "accepted", "published", "filed"})
"""The states of a reading that has its place in a series; any other leaves its place free."""

Purpose = Literal["resting", "arm", "series", "standing", "after"]
"""What a reading was taken for. One that came ``after`` all that was asked for stands alone, for good."""

BOTH: frozenset[Arm] = frozenset({"left", "right"})


def other_arm(arm: Arm) -> Arm:
    """The one the cuff is not on."""
    return "right" if arm == "left" else "left"


class SeriesRules(Record):
    """How a practice takes a series. ``standing_minutes`` empty means no standing test."""

    rest_seconds: int = Field(300, ge=0, le=1800)
    count: int = Field(3, ge=1, le=10)
    interval_seconds: int = Field(60, ge=0, le=600)
    leave_out_first: bool = False
    mean_of_last: int = Field(2, ge=1, le=10)
    both_arms: bool = False
    standing_minutes: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.mean_of_last > self.count - self.leave_out_first:
            raise ValueError("the mean is of more measurements than the series counts")
        if any(minute < 1 for minute in self.standing_minutes):
            raise ValueError("a standing measurement comes a minute after standing up, or later")
        return self


class Taken(Record):
    """A reading that came during a series, labelled as the operator had said when it began."""

    reading: UUID
    at: AwareDatetime
    purpose: Purpose
    arm: Arm | None
    posture: Posture
    minute: int | None = None
    early: bool = False
    """It certainly began before its minute was over. It counts: the person sees it and may retake."""

    @property
    def stands_for(self) -> int | None:
        """The planned minute of standing it was taken at; none where the patient was not standing after all."""
        return self.minute if self.posture == "standing" else None


class EarlierArm(Record):
    """The arm the cuff was on before, until the operator said which one it is on now."""

    arm: Arm | None
    until: AwareDatetime


class Series(Record):
    """A series as it stands: what the operator said, and the readings that came, in their order."""

    id: UUID
    visit: str
    rules: SeriesRules
    started_at: AwareDatetime
    rest_over_at: AwareDatetime
    arm: Arm | None
    earlier_arms: tuple[EarlierArm, ...] = ()
    posture: Posture = "seated"
    arm_chosen: bool = False
    stood_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    taken: tuple[Taken, ...] = ()


# ------------------------------------------------------------------------------- what the operator says


def begin(
    series: UUID, visit: str, at: datetime, rules: SeriesRules, *, arm: Arm | None, posture: Posture
) -> Series:
    """Begin a series. ``arm`` is where the cuff is; both arms cannot be told apart without it."""
    if rules.both_arms and arm is None:
        raise ValueError("say which arm the cuff is on: both arms are to be measured")
    if posture == "standing":
        raise ValueError("a series begins seated or lying; the standing test comes after it")
    rest_over = at + timedelta(seconds=rules.rest_seconds)
    return Series(
        id=series,
        visit=visit,
        rules=rules,
        started_at=at,
        rest_over_at=rest_over,
        arm=arm,
        posture=posture,
    )


def cut_rest(series: Series, at: datetime) -> Series:
    """The patient has rested already."""
    return _with(series, rest_over_at=min(at, series.rest_over_at))


def put_cuff_on(series: Series, arm: Arm, at: datetime) -> Series:
    """The cuff is on this arm from now on."""
    before = EarlierArm(arm=series.arm, until=at)
    return _with(series, arm=arm, earlier_arms=(*series.earlier_arms, before))


def choose_arm(series: Series, arm: Arm, at: datetime) -> Series:
    """The series goes on with this arm."""
    return _with(put_cuff_on(series, arm, at), arm_chosen=True)


def stand_up(series: Series, at: datetime) -> Series:
    """The patient has just stood up."""
    return _with(series, stood_at=at)


def end(series: Series, at: datetime) -> Series:
    """Nothing more is taken into the series."""
    return _with(series, ended_at=series.ended_at or at)


def relabel(
    series: Series, reading: UUID, filings: Mapping[UUID, Filing], *, arm: Arm, posture: Posture
) -> Series:
    """The operator corrects what a reading was taken on.

    Once every measurement of the series proper was on something else than the series, alike, the series is on
    that too: the cuff was there all along. Until then it goes on as it was. ``filings`` are the visit's, by reading.
    """
    taken = tuple(
        one.model_copy(update={"arm": arm, "posture": posture}) if one.reading == reading else one
        for one in series.taken
    )
    changed = _with(series, taken=taken)
    its_own = [one for one in usable_of(changed, filings) if one.purpose == "series"]
    alike = {(one.arm, one.posture) for one in its_own} == {(arm, posture)}
    if alike and posture != "standing" and any(one.reading == reading for one in its_own):
        return _with(changed, arm=arm, earlier_arms=(), posture=posture)
    return changed


# --------------------------------------------------------------------------------------- what comes in


def take(series: Series, filing: Filing, filings: Mapping[UUID, Filing]) -> Series:
    """The series with a reading that has just come; the same series for one that is none of its business.

    One that comes when nothing is left to measure is noted as such and is never a member: not even when a
    member falls out later and its place is free again, for it was not measured for that place.
    One that is told late is what the operator had said when it began: what was said since is of another.
    ``filings`` are the visit's, by reading.
    """
    reading = filing.reading
    known = any(one.reading == reading.id for one in series.taken)
    if known or series.ended_at is not None or not _is_ours(series, filing):
        return series
    before, then = usable_of(series, filings), _when_it_began(series, reading)
    if reading.received_at < series.rest_over_at or reading.began.latest < series.started_at:
        one = _taken(then, reading, "resting")
    elif then.stood_at is not None and not standing_left(then, before, reading.received_at):
        one = _taken(then, reading, "after")
    elif then.stood_at is not None:
        minute = _nearest_minute(then, before, reading.received_at)
        one = _taken(then, reading, "standing", minute=minute)
    else:
        compared = arms_of(series, before)
        arms = series.rules.both_arms and not series.arm_chosen and len(compared) < len(BOTH)
        full = len(counting_of(series, before)) >= series.rules.count
        early = reading.began.latest < next_due(series, before) - TOLERANCE
        if full and not arms:
            one = _taken(then, reading, "after")
        else:
            one = _taken(then, reading, "arm" if arms else "series", early=early)
    return _with(series, taken=(*series.taken, one))


def _when_it_began(series: Series, reading: Reading) -> Series:
    """The series as the operator had described it when a reading began, at the latest that it can have."""
    began = reading.began.latest + TOLERANCE
    earlier = (one.arm for one in series.earlier_arms if began < one.until)
    stood = series.stood_at is not None and began >= series.stood_at
    return _with(series, arm=next(earlier, series.arm), stood_at=series.stood_at if stood else None)


def _is_ours(series: Series, filing: Filing) -> bool:
    reading = filing.reading
    return (
        reading.kind == "blood_pressure"
        and reading.source == "measured"
        and filing.attribution.visit == series.visit
        and reading.received_at >= series.started_at
    )


def _taken(
    series: Series,
    reading: Reading,
    purpose: Purpose,
    *,
    minute: int | None = None,
    early: bool = False,
) -> Taken:
    return Taken(
        reading=reading.id,
        at=reading.received_at,
        purpose=purpose,
        arm=series.arm,
        posture="standing" if purpose == "standing" else series.posture,
        minute=minute,
        early=early,
    )


# ---------------------------------------------------------------------------- what it is made of


def usable_of(series: Series, filings: Mapping[UUID, Filing]) -> list[Taken]:
    """What was taken between the rest and the last measurement, has a pressure, and still stands in the visit."""
    return [
        one
        for one in series.taken
        if one.purpose not in ("resting", "after") and _is_usable(series, filings.get(one.reading))
    ]


def aside_of(series: Series, filings: Mapping[UUID, Filing]) -> list[Taken]:
    """What came during the rest, or after all that was asked for, and still stands in the visit: it never counts."""
    return [
        one
        for one in series.taken
        if one.purpose in ("resting", "after") and _is_usable(series, filings.get(one.reading))
    ]


def _is_usable(series: Series, filing: Filing | None) -> bool:
    if filing is None or filing.attribution.visit != series.visit or filing.state not in STANDS:
        return False
    said = filing.reading.measurement
    return (
        isinstance(said, BloodPressure)
        and said.systolic_mmhg is not None
        and said.diastolic_mmhg is not None
        and "measurement_failed" not in said.flags
    )


def counting_of(series: Series, usable: Iterable[Taken]) -> list[Taken]:
    """The measurements of the series proper, on the arm and in the posture it goes on with."""
    return [
        one
        for one in usable
        if one.purpose == "series" and one.arm == series.arm and one.posture == series.posture
    ]


def takes_more(series: Series) -> bool:
    """Whether a measurement that falls out of the series proper leaves its place free: not once it ended or went on standing."""
    return series.ended_at is None and series.stood_at is None


def lacking_of(series: Series, counting: Sequence[Taken]) -> int:
    """How many measurements the mean lacks of a series in which as many came as it asks for: not all of them count."""
    came = sum(one.purpose == "series" for one in series.taken)
    return max(0, series.rules.count - len(counting)) if came >= series.rules.count else 0


def missed_minutes(series: Series, usable: Iterable[Taken], now: datetime) -> tuple[int, ...]:
    """The planned minutes of standing that went by without a measurement."""
    if series.stood_at is None:
        return ()
    over = series.ended_at or now
    return tuple(
        minute
        for minute in _free_minutes(series, usable)
        if over > series.stood_at + timedelta(minutes=minute) + WINDOW
    )


def standing_left(series: Series, usable: Sequence[Taken], now: datetime) -> list[int]:
    """The planned minutes of standing that are still to be measured, the next one first."""
    missed = missed_minutes(series, usable, now)
    return [minute for minute in _free_minutes(series, usable) if minute not in missed]


def _free_minutes(series: Series, usable: Iterable[Taken]) -> list[int]:
    done = {one.stands_for for one in usable if one.purpose == "standing"}
    return [minute for minute in sorted(series.rules.standing_minutes) if minute not in done]


def compared_of(series: Series, usable: Iterable[Taken]) -> list[Taken]:
    """The measurements by which the arms are compared, in the posture of the series."""
    return [
        one
        for one in usable
        if one.purpose == "arm" and one.arm is not None and one.posture == series.posture
    ]


def arms_of(series: Series, usable: Iterable[Taken]) -> set[Arm]:
    """The arms that were compared before one is chosen."""
    return {one.arm for one in compared_of(series, usable) if one.arm is not None}


def next_due(series: Series, usable: Sequence[Taken]) -> datetime:
    """When the next measurement may begin: after the rest, and a pause after the last one's end."""
    pause = timedelta(seconds=series.rules.interval_seconds)
    return max((series.rest_over_at, *(one.at + pause for one in usable)))


def _nearest_minute(series: Series, usable: Sequence[Taken], at: datetime) -> int | None:
    """The planned minute of standing that a measurement stands for, if one that is free is near enough."""
    if series.stood_at is None:
        return None
    free = [
        (abs(at - (series.stood_at + timedelta(minutes=minute))), minute)
        for minute in _free_minutes(series, usable)
    ]
    distance, minute = min(free, default=(WINDOW * 2, 0))
    return minute if distance <= WINDOW else None


def _with(series: Series, **changes: object) -> Series:
    return series.model_copy(update=changes)
