"""History: a patient's earlier values as small plots. Pure: values in, places on a sheet out.

A plot shows where the values lie and nothing else: no limit, no colour and no word says what is usual. Its scale
spans at least what two careful measurements of one person can differ by, so that chance does not look like a
change; and no line is drawn across a time in which nobody measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from devicehub.driver import Kind, Measurement
from devicehub.journal.records import Filing
from devicehub.journal.states import ACCEPTED
from devicehub.station.words import Words
from devicehub.visit.dossier import EarlierValue

WIDTH: Final = 320.0
HEIGHT: Final = 132.0
"""The sheet of one plot, in the SVG's own units."""

LEFT, RIGHT, TOP, BOTTOM = 40.0, 8.0, 8.0, 20.0
"""Around the field in which values are drawn: room for what is written beside the axes."""

INSET: Final = 24.0
"""Between the field's sides and its first and last value: a date stands centred below each."""

GAP: Final = timedelta(days=400)
"""Two values further apart are not joined: a yearly visit is, a year left out is not."""

MOST_TICKS: Final = 4


class _Scale(NamedTuple):
    """How a kind is drawn: its fields, its unit and decimals, the least its axis spans, a top no value can pass."""

    high: str
    low: str | None
    unit: str
    digits: tuple[int, int]
    least: Decimal
    top: Decimal | None = None


SCALES: Final[dict[Kind, _Scale]] = {
    "blood_pressure": _Scale("systolic_mmhg", "diastolic_mmhg", "mmhg", (0, 0), Decimal(40)),
    "body_weight": _Scale("kilograms", None, "kilograms", (1, 2), Decimal(4)),
    "body_mass_index": _Scale(
        "kilograms_per_square_metre", None, "kilograms_per_square_metre", (1, 1), Decimal(2)
    ),
    "body_temperature": _Scale("celsius", None, "celsius", (1, 1), Decimal(2)),
    "oxygen_saturation": _Scale("percent", None, "percent", (0, 0), Decimal(6), Decimal(100)),
    # ISO 15197 (6.3.3) lets each of two strips be 15 mg/dL off.
    "glucose": _Scale(
        "milligrams_per_decilitre", None, "milligrams_per_decilitre", (0, 0), Decimal(30)
    ),
}
"""The kinds that are drawn, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Value:
    """What was measured once. ``low`` is there for a pair, which is drawn as a bar."""

    at: datetime
    high: Decimal
    low: Decimal | None = None
    is_today: bool = False
    """It is of the visit that is looked at."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A value's place; ``foot`` is where a bar ends."""

    x: float
    y: float
    foot: float | None
    is_today: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, and what is written there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything that is drawn. ``lines`` are the points of each stretch that is joined, as SVG writes them."""

    marks: tuple[Mark, ...]
    lines: tuple[str, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True, slots=True)
class Row:
    """One value in words, for the table beside the plot."""

    day: str
    text: str
    is_today: bool


@dataclass(frozen=True, slots=True)
class History:
    """The values of one kind: the plot, the same in words, and one sentence that says what is to be seen."""

    kind: Kind
    title: str
    unit: str
    said: str
    plot: Plot
    rows: tuple[Row, ...]


def histories(
    earlier: Sequence[EarlierValue], today: Sequence[Filing], words: Words
) -> tuple[History, ...]:
    """A history for each kind of which there is an earlier value."""
    known = {one.kind for one in earlier}
    drawn = (
        _history(kind, values_of(kind, earlier, today), words) for kind in SCALES if kind in known
    )
    return tuple(one for one in drawn if one is not None)


def values_of(
    kind: Kind, earlier: Iterable[EarlierValue], today: Iterable[Filing]
) -> tuple[Value, ...]:
    """The values of a kind in the order of their times; what could not be measured is left out.

    Of today's only those that somebody, or the rule of the practice, has accepted; where a series gave a mean, the mean alone.
    """
    here = [one.reading for one in today if one.state in ACCEPTED and one.reading.kind == kind]
    derived = [reading for reading in here if reading.source == "derived"]
    before = (_value(one.measurement, one.at) for one in earlier if one.kind == kind)
    now = (_value(one.measurement, one.received_at, is_today=True) for one in derived or here)
    found = (value for value in (*before, *now) if value is not None)
    return tuple(sorted(found, key=lambda value: value.at))


def plot(
    values: Sequence[Value], words: Words, *, least: Decimal, top: Decimal | None = None
) -> Plot:
    """Where everything lies. ``least`` is what the upright axis spans at least, ``top`` what it never passes.

    Raises ``ValueError`` where there is no value.
    """
    if not values:
        raise ValueError("nothing to draw")
    ends = [end for value in values for end in (value.high, value.low) if end is not None]
    heights = _heights(min(ends), max(ends), least, top)
    first, last = values[0].at, values[-1].at

    def x(at: datetime) -> float:
        room = WIDTH - LEFT - RIGHT - 2 * INSET
        share = (at - first) / (last - first) if last > first else 0.5
        return round(LEFT + INSET + room * share, 1)

    def y(value: Decimal) -> float:
        room = HEIGHT - TOP - BOTTOM
        share = (value - heights[0]) / (heights[-1] - heights[0])
        return round(HEIGHT - BOTTOM - room * float(share), 1)

    digits = max(0, -int((heights[1] - heights[0]).normalize().as_tuple().exponent))
    return Plot(
        marks=tuple(
            Mark(x(v.at), y(v.high), None if v.low is None else y(v.low), v.is_today)
            for v in values
        ),
        lines=tuple(
            " ".join(f"{x(value.at)},{y(value.high)}" for value in stretch)
            for stretch in _stretches(values)
        ),
        across=tuple(Tick(x(at), text) for at, text in _dates(first, last, words)),
        up=tuple(Tick(y(height), words.number(height, digits, digits)) for height in heights),
    )


def _history(kind: Kind, values: Sequence[Value], words: Words) -> History | None:
    if not values or all(value.is_today for value in values):
        return None
    scale = SCALES[kind]

    def written(value: Value) -> str:
        pair = (value.high,) if value.low is None else (value.high, value.low)
        return "/".join(words.number(one, *scale.digits) for one in pair)

    days = [words.day(value.at.astimezone().date()) for value in values]
    unit = words(f"unit.{scale.unit}")
    return History(
        kind=kind,
        title=words.kind(kind),
        unit=unit,
        said=words.count(
            "history.said",
            len(values),
            kind=words.kind(kind),
            first=days[0],
            last=days[-1],
            newest=written(values[-1]),
            unit=words(f"spoken.{scale.unit}"),
        ),
        plot=plot(values, words, least=scale.least, top=scale.top),
        rows=tuple(
            Row(day, f"{written(value)} {unit}", value.is_today)
            for day, value in zip(reversed(days), reversed(values), strict=True)
        ),
    )


def _value(measurement: Measurement, at: datetime, *, is_today: bool = False) -> Value | None:
    """A measurement as it is drawn; ``None`` where it failed, or half of a pair is missing."""
    scale = SCALES[measurement.kind]
    high: Decimal | None = getattr(measurement, scale.high)
    low: Decimal | None = getattr(measurement, scale.low) if scale.low is not None else None
    if high is None or (low is None) != (scale.low is None):
        return None
    return None if "measurement_failed" in measurement.flags else Value(at, high, low, is_today)


def _stretches(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """The runs of single values that lie near enough in time to be joined; a bar is never joined."""
    cuts = [n for n, (a, b) in enumerate(pairwise(values), start=1) if b.at - a.at > GAP]
    for begin, end in pairwise((0, *cuts, len(values))):
        if end - begin > 1 and values[begin].low is None:
            yield values[begin:end]


# ------------------------------------------------------------------------------------- the upright axis


def _heights(low: Decimal, high: Decimal, least: Decimal, top: Decimal | None) -> list[Decimal]:
    """Round values from at or below ``low`` to at or above ``high``, evenly spaced, at most `MOST_TICKS` spaces."""
    missing = max(least - (high - low), Decimal(0))
    bottom, ceiling = low - missing / 2, high + missing / 2
    if top is not None and ceiling > top:
        bottom, ceiling = bottom - (ceiling - top), max(top, high)
    step = next(step for step in _round_steps() if _spaces(bottom, ceiling, step) <= MOST_TICKS)
    start = (bottom / step).to_integral_value(ROUND_FLOOR)
    count = _spaces(bottom, ceiling, step)
    return [(start + number) * step for number in range(count + 1)]


def _spaces(bottom: Decimal, ceiling: Decimal, step: Decimal) -> int:
    first = (bottom / step).to_integral_value(ROUND_FLOOR)
    last = (ceiling / step).to_integral_value(ROUND_CEILING)
    return max(int(last - first), 1)


def _round_steps() -> Iterator[Decimal]:
    step = Decimal("0.1")
    while True:
        yield from (step, step * 2, step * 5)
        step *= 10


# ---------------------------------------------------------------------------------------- the time axis

_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
"""Spaces between dates, in months; below them, days."""
_DAYS: Final = (1, 2, 7, 14)


def _dates(first: datetime, last: datetime, words: Words) -> Iterator[tuple[datetime, str]]:
    """Dates to write below: whole days, months or years, as few as tell where in time the values lie."""
    begin, end = first.astimezone().date(), last.astimezone().date()
    if end - begin < timedelta(days=2):
        yield first + (last - first) / 2, words.day(begin)
        return
    days, months = _marks(begin, end)
    for day in days:
        at = datetime(day.year, day.month, day.day, tzinfo=first.astimezone().tzinfo)
        at = min(max(at, first), last)
        if months is None:
            yield at, words.day(day)
        elif months < 12:
            yield at, words("date.month", month=f"{day.month:02}", year=f"{day.year:04}")
        else:
            yield at, f"{day.year:04}"


def _marks(begin: date, end: date) -> tuple[list[date], int | None]:
    """The dates, and how many months lie between two of them; ``None`` where they are days."""
    for step in _DAYS:
        count = (end - begin).days // step + 1
        if count <= MOST_TICKS:
            return [begin + timedelta(days=step * number) for number in range(count)], None
    first, last = begin.year * 12 + begin.month - 1, end.year * 12 + end.month - 1
    for step in _MONTHS:
        months = range(-(-first // step) * step, last + 1, step)
        firsts = (date(month // 12, month % 12 + 1, 1) for month in months)
        dates = [day for day in firsts if begin <= day <= end]
        if 0 < len(dates) <= MOST_TICKS:
            return dates, step
    return [begin], 12
