"""The summary of a visit in words: what stands, what was left out, what is missing. Pure.

A value is shown with everything that a physician needs to trust it or not, and nothing is judged: no word and no
colour says what is usual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from devicehub.driver import EcgPreparation, Kind
from devicehub.ecg.advice import name as electrode_name
from devicehub.journal.records import Filing, State, Visit
from devicehub.reading.derivation import Derivation, Member
from devicehub.reading.reading import Reading
from devicehub.station import telling
from devicehub.station.telling import Told
from devicehub.station.tile_view import CLOCK_OFF_FROM
from devicehub.station.words import Figure, Words
from devicehub.visit import policy
from devicehub.visit.dossier import EarlierValue
from devicehub.visit.earlier import Doubt
from devicehub.visit.operators import NOBODY
from devicehub.visit.plan import HERE, Absent
from devicehub.visit.review import TAKEN_BACK
from devicehub.visit.series import Series

ORDER: Final[tuple[Kind, ...]] = (
    "blood_pressure",
    "heart_rate",
    "oxygen_saturation",
    "body_temperature",
    "body_weight",
    "body_height",
    "body_mass_index",
    "body_composition",
    "glucose",
    "ecg_preparation",
)
"""In which order a physician finds the kinds; any other comes after."""

_LEFT_OUT: Final[frozenset[State]] = frozenset({"rejected", "withdrawn", "invalid"})


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One measurement of a series: where it was taken, when, what it gave, and whether the mean counts it."""

    label: str
    time: str
    text: str
    unit: str
    counted: bool
    confirmed: str
    flags: tuple[str, ...]
    acts: str


@dataclass(frozen=True, slots=True)
class Line:
    """One reading as the summary shows it. ``alerts`` are what to look at, ``notes`` where it comes from."""

    kind: Kind
    title: str
    figures: tuple[Figure, ...]
    source: str
    state: State
    state_word: str
    alerts: tuple[str, ...]
    notes: tuple[str, ...]
    label: str = ""
    """Where on the body and in which posture, as the operator said."""
    made_of: str = ""
    """What a derived value was computed from."""
    deviation: str = ""
    members: tuple[MemberLine, ...] = ()
    acts: str = ""
    """Where it is asked what can still be done with the reading, as it stands here; empty where nothing can."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A planned measurement that has not come, with what keeps it away."""

    title: str
    causes: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """What a visit's readings are told with. ``devices`` and ``people`` name ids as the practice does."""

    words: Words
    now: datetime
    devices: Mapping[str, str]
    people: Mapping[str, str]
    doubt: Callable[[Reading], Doubt | None]
    confirmed: Mapping[UUID, str]
    """Who accepted what waited for a person."""
    earlier: Sequence[EarlierValue] = ()
    series: Sequence[Series] = ()


def lines(filings: Sequence[Filing], around: Around) -> tuple[Line, ...]:
    """The readings that stand, in the order of their kinds; a series stands as its mean, with its members below."""
    standing = [filing for filing in filings if filing.state in HERE]
    inside = {
        member.reading
        for filing in standing
        if filing.reading.kind == "blood_pressure" and filing.reading.derivation is not None
        for member in filing.reading.derivation.members
    }
    shown = [filing for filing in standing if filing.reading.id not in inside]
    return tuple(_line(one, filings, around) for one in sorted(shown, key=_place))


def left_out(filings: Sequence[Filing], around: Around) -> tuple[Line, ...]:
    """The readings of the visit that do not stand: a person or the sensor's limits set them aside."""
    out = [
        filing
        for filing in filings
        if filing.state in _LEFT_OUT and filing.reading.source != "derived"
    ]
    return tuple(_line(one, filings, around) for one in sorted(out, key=_place))


def missing(absent: Iterable[Absent], words: Words) -> tuple[Missing, ...]:
    """What an open visit still expects, and why it has not come."""
    return tuple(
        Missing(words.kind(one.kind), tuple(telling.cause(words, why) for why in one.causes))
        for one in absent
    )


def never_came(visit: Visit, filings: Iterable[Filing], words: Words) -> tuple[Missing, ...]:
    """What a closed visit had planned and did not get: nobody can look for a cause any more."""
    here = {filing.reading.kind for filing in filings if filing.state in HERE}
    kinds = dict.fromkeys(kind for kind in visit.plan if kind not in here)
    return tuple(Missing(words.kind(kind), ()) for kind in kinds)


def held_back(visit: Visit, quarantined: Iterable[Filing]) -> int:
    """How many readings that arrived during the visit belong to nobody: they may be this patient's."""
    end = visit.closed_at
    return sum(
        visit.opened_at <= one.reading.received_at
        and (end is None or one.reading.received_at < end)
        for one in quarantined
    )


def _place(filing: Filing) -> tuple[int, bool, datetime]:
    reading = filing.reading
    place = ORDER.index(reading.kind) if reading.kind in ORDER else len(ORDER)
    return place, reading.source != "derived", reading.received_at


def _line(filing: Filing, filings: Sequence[Filing], around: Around) -> Line:
    reading, words = filing.reading, around.words
    derivation = reading.derivation
    series = derivation if derivation and derivation.rule == "blood_pressure_series" else None
    return Line(
        kind=reading.kind,
        title=words.kind(reading.kind),
        figures=(*words.figures(reading.measurement), *_preparation(reading, words)),
        source=_source(reading, around),
        state=filing.state,
        state_word=words(f"state.{filing.state}"),
        alerts=_alerts(filing, around),
        notes=tuple(
            note for note in (*_notes(reading, around), _confirmed(reading, around)) if note
        ),
        label=_label(reading.id, around),
        made_of=_made_of(derivation, filings, around) if derivation and series is None else "",
        deviation=_deviation(series, words) if series else "",
        members=_members(series, filings, around) if series else (),
        acts=_acts(filing),
    )


def _acts(filing: Filing) -> str:
    """What was computed has none: it follows its sources. What waits or was rejected has them in its tile or the tray."""
    if filing.state not in TAKEN_BACK or filing.reading.source == "derived":
        return ""
    return f"/ask/reading/{filing.reading.id}/{filing.attribution.revision}"


def _source(reading: Reading, around: Around) -> str:
    author = around.people.get(reading.author or "", reading.author or "")
    return around.words(f"source.{reading.source}", author=author)


def _confirmed(reading: Reading, around: Around) -> str:
    """By whom a reading that waited for a person was accepted; nothing for any other."""
    author = around.confirmed.get(reading.id)
    if author is None:
        return ""
    if author == NOBODY.id:
        return around.words("summary.confirmed")
    return around.words("summary.confirmed_by", author=around.people.get(author, author))


def _alerts(filing: Filing, around: Around) -> tuple[str, ...]:
    reading, words = filing.reading, around.words
    said = [filing.detail] if filing.state == "refused" and filing.detail else []
    if filing.state == "to_review":
        said.append(words("summary.to_review"))
    flags = reading.measurement.flags
    doubts = policy.flags(reading, around.doubt(reading))
    said += [
        telling.doubt(words, code, reading.metrology, is_fact=filing.state != "to_review")
        for code in doubts
        # What was decided had been compared when it came, whatever this run of the station knows by now.
        if code not in {*flags, "impossible"}
        and (code != "nothing_to_compare" or filing.state == "to_review")
    ]
    return (*said, *words.flags(reading.measurement))


def _notes(reading: Reading, around: Around) -> tuple[str, ...]:
    words, now = around.words, around.now
    at = words("summary.at", time=words.moment(reading.received_at, now))
    index = reading.derivation is not None and reading.derivation.rule == "body_mass_index"
    if reading.source == "typed" or index:
        return (at,)
    device = reading.device
    notes = [around.devices.get(device.id, device.id)]
    notes += [" ".join(part for part in (device.maker, device.model) if part)]
    if device.serial_number:
        notes.append(words("summary.serial", number=device.serial_number))
    if reading.source == "derived":
        return tuple(
            note for note in (*notes, at) if note
        )  # the mean of a series: its members' cuff
    notes.append(words("reading.received", time=words.moment(reading.received_at, now)))
    stamp = reading.stamp
    if stamp.device_time is not None:
        time = words.device_time(stamp.device_time, now)
        notes.append(words("reading.device_time", time=time))
    if stamp.offset_seconds is not None:
        zone = reading.received_at.astimezone().utcoffset() or timedelta()
        off = abs(timedelta(seconds=stamp.offset_seconds) + zone)
        if off >= CLOCK_OFF_FROM:
            notes.append(words("reading.clock_off", length=words.duration(off)))
    if reading.measurement.stored:
        notes.append(words("reading.memory"))
    for one in reading.metrology.checks if reading.metrology is not None else ():
        if one.due is not None and one.standing in ("in_force", "due_soon"):
            check, day = words(f"check.{one.check}"), words.day(one.due)
            notes.append(words("summary.in_force", check=check, day=day))
    return tuple(note for note in notes if note)


def _label(reading: UUID, around: Around) -> str:
    """What the operator said of a reading that a series took, and that stands by itself."""
    for series in around.series:
        for one in series.taken:
            if one.reading == reading and one.purpose != "after":
                member = Member(
                    reading=reading, arm=one.arm, posture=one.posture, minute=one.stands_for
                )
                return telling.label(around.words, member)
    return ""


def _made_of(derivation: Derivation, filings: Sequence[Filing], around: Around) -> str:
    words = around.words
    here = {filing.reading.id: filing.reading.measurement for filing in filings}
    before = {one.reading: one for one in around.earlier}
    parts = []
    for member in derivation.members:
        old = before.get(member.reading) if member.from_record else None
        measurement = here.get(member.reading) or (old.measurement if old else None)
        if measurement is None:
            continue
        figure = words.figures(measurement)[0]
        text = f"{figure.label} {figure.text} {figure.unit}"
        if old is not None:
            day = words.day(old.at.astimezone().date())
            text = words("summary.from_record", value=text, day=day)
        parts.append(text)
    return words("summary.made_of", parts=", ".join(parts)) if parts else ""


def _members(
    series: Derivation, filings: Sequence[Filing], around: Around
) -> tuple[MemberLine, ...]:
    words = around.words
    here = {filing.reading.id: filing for filing in filings}
    found = [(member, here[member.reading]) for member in series.members if member.reading in here]
    out = []
    for member, filing in found:
        reading = filing.reading
        figures = words.figures(reading.measurement)
        pulse = "".join(f" · {one.label} {one.text} {one.unit}" for one in figures[1:2])
        out.append(
            MemberLine(
                label=telling.label(words, member),
                time=words.clock(reading.received_at, seconds=False),
                text=figures[0].text,
                unit=figures[0].unit + pulse,
                counted=member.counted,
                confirmed=_confirmed(reading, around),
                flags=words.flags(reading.measurement),
                acts=_acts(filing),
            )
        )
    return tuple(out)


def _deviation(series: Derivation, words: Words) -> str:
    told = series.deviation or {}
    pair = [told.get(name) for name in ("systolic_mmhg", "diastolic_mmhg")]
    counted = sum(member.counted for member in series.members)
    if any(value is None for value in pair):
        return words.count("summary.mean", counted)
    text = "/".join(words.number(value, 1, 1) for value in pair if value is not None)
    return words.count("summary.mean_deviation", counted, deviation=text)


def _preparation(reading: Reading, words: Words) -> tuple[Figure, ...]:
    """How long the electrodes took, how often it was begun again, and what was left to see to."""
    said = reading.measurement
    if not isinstance(said, EcgPreparation):
        return ()
    length = words.duration(timedelta(seconds=float(said.duration_seconds)))
    poor = [
        electrode_name(electrode, words.language)
        for electrode, state in said.electrodes.items()
        if state not in ("good", "unknown")
    ]
    told = {
        "duration": length,
        "retries": words.number(Decimal(said.retries), 0, 0),
        "electrodes": ", ".join(poor),
    }
    return tuple(
        Figure(label, text, "", f"{label} {text}")
        for name, text in told.items()
        if text and (label := words(f"preparation.{name}"))
    )
