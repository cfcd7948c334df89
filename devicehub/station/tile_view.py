"""A measurement's tile in words: its state, its value, where it comes from, what a person may do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from devicehub.driver import Kind
from devicehub.journal.records import Filing, State
from devicehub.reading.reading import Reading
from devicehub.reading.typed import FIELDS
from devicehub.station import telling
from devicehub.station.board import LIVE_OF, Picture, Seen, tile_id
from devicehub.station.expecting import not_emptied
from devicehub.station.series_view import SeriesView
from devicehub.station.telling import Told
from devicehub.station.words import Figure, Words
from devicehub.visit.earlier import Doubt
from devicehub.visit.gate import Hold, Role, holds, may
from devicehub.visit.plan import Absent, Cause, CauseCode

LIVE_FOR: Final = timedelta(seconds=5)
"""A live value older than this is no longer live, and is not shown."""

CLOCK_OFF_FROM: Final = timedelta(minutes=2)
"""A device clock that is off by less is not worth a word on the page."""

ICONS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "blood_pressure": "cuff",
        "oxygen_saturation": "drop",
        "heart_rate": "heart",
        "body_temperature": "thermometer",
        "body_weight": "scale",
        "body_height": "height",
        "body_mass_index": "ratio",
        "body_composition": "scale",
        "glucose": "drop",
        "ecg_preparation": "heart",
    }
)
"""What can have a tile, in the order in which the tiles stand."""

_ANNOUNCED: Final[frozenset[State]] = frozenset({"refused", "invalid", "to_review", "filed"})
"""States that a screen reader says aloud; the steps between them pass in silence."""

_OVER: Final[frozenset[State]] = frozenset({"rejected", "withdrawn", "invalid"})
"""States of a reading in whose place another is expected."""

_SENT: Final[frozenset[State]] = frozenset({"published", "filed", "refused"})

_QUIET: Final[frozenset[CauseCode]] = frozenset(
    {
        "computed",
        "came_without",
        "not_measured",
        "asleep",
        "measuring",
        "withdrawn",
        "rejected",
        "impossible",
        "no_place",
    }
)
"""Causes that are no trouble: somebody only has to measure, or to wait."""

DoubtOf = Callable[[Reading, str], Doubt | None]


@dataclass(frozen=True)
class Undo:
    """What a touch takes back: the reading that was decided last, which may be another than the one that stands."""

    reading: str
    revision: int
    state: State
    """What was decided: the act names it, as it may be decided otherwise by now."""
    value: str
    word: str


@dataclass(frozen=True)
class TileView:
    """``state`` names the colour and the icon, ``word`` says it, ``say`` is read aloud."""

    id: str
    kind: Kind
    title: str
    icon: str
    state: str
    word: str
    main: Figure | None
    others: tuple[Figure, ...]
    source: str | None
    """Where a value comes from that no device measured."""
    live: Figure | None
    """What a device says now beside the value that stands."""
    is_live: bool
    earlier_live: bool
    """A device measures, and began before this visit: its value is not shown."""
    warnings: tuple[str, ...]
    hold: str | None
    notes: tuple[str, ...]
    absent: Told | None
    more: str | None
    """How many readings of this kind wait beside the one that is shown."""
    reading: str | None
    revision: int | None
    """That of its attribution: an act on the reading names what was shown."""
    can_decide: bool
    can_accept: bool
    undo: Undo | None
    can_retry: bool
    has_menu: bool
    can_type: bool
    series: SeriesView | None
    can_start_series: bool
    say: str


def tile_view(
    kind: Kind,
    picture: Picture,
    words: Words,
    now: datetime,
    *,
    role: Role,
    doubt: DoubtOf,
    absent: Absent | None,
    held: Cause | None,
    names: Mapping[str, str],
    series: SeriesView | None,
) -> TileView:
    """What a tile shows at this moment to somebody of this role. ``names`` are those of devices and operators.

    ``held`` is what came last and lies in the tray: a tile that has a value tells of it as an empty one does.
    """
    alike = _alike(kind, picture)
    filing = shown_of(kind, picture)
    live, earlier_live = _live(kind, picture, words, now)
    is_live = bool(live) and _supersedes(kind, filing, live)
    figures = words.figures(filing.reading.measurement) if filing else ()
    shown = live if is_live else figures
    why = absent.causes[0] if absent is not None else held
    told = telling.cause(words, why) if why is not None else None
    # What stands is not alive because a device has begun something else.
    state = _state(filing, absent, is_live=is_live or (earlier_live and filing is None))
    hold = None
    if filing is not None and filing.state in ("to_review", "refused"):
        hold = holds(role, filing.reading, picture.withheld)
    decides = may(role, "decide")
    stands = filing if filing is not None and not is_live else None
    by_person = stands is not None and stands.reading.source != "derived"
    word = words(f"state.{state}")
    return TileView(
        id=tile_id(kind),
        kind=kind,
        title=words(f"title.{kind}"),
        icon=ICONS[kind],
        state=state,
        word=word,
        main=shown[0] if shown else None,
        others=shown[1:],
        source=_source(stands, words, names),
        live=live[0] if live and not is_live else None,
        is_live=is_live,
        earlier_live=earlier_live,
        warnings=_warnings(stands, alike, picture, words, now, doubt, hold),
        hold=_hold(filing, hold, words),
        notes=_notes(stands, words, now, names),
        absent=None if is_live or earlier_live else told,
        more=_more(alike, filing, words),
        reading=str(stands.reading.id) if stands else None,
        revision=stands.attribution.revision if stands else None,
        can_decide=decides and stands is not None and stands.state == "to_review",
        can_accept=hold is None,
        undo=_undo(kind, picture, words) if decides and not is_live else None,
        can_retry=decides and hold is None and _has_state(stands, "refused"),
        has_menu=decides and by_person and _has_menu(stands),
        can_type=may(role, "type")
        and kind in FIELDS
        and (stands is None or stands.state in _OVER)
        and not is_live,
        series=series,
        can_start_series=kind == "blood_pressure"
        and (series is None or series.is_over)
        and not is_live
        and (stands is None or stands.state in _SENT | _OVER or _asks_anew(series)),
        say=_say(kind, stands, shown, word, words),
    )


def kinds_of(picture: Picture, told: Sequence[Kind]) -> tuple[tuple[Kind, ...], tuple[Kind, ...]]:
    """The kinds that have a tile, and those among them that are expected.

    ``told`` is what the room's devices can measure: without a plan, that is expected.
    """
    plan = picture.visit.plan if picture.visit is not None else ()
    expected = {kind for kind in (plan or told) if kind in ICONS}
    here = {filing.reading.kind for filing in picture.filings.values()}
    live = {
        LIVE_OF.get(one.kind, one.kind)
        for seen in picture.devices.values()
        if seen.live is not None and not seen.live.is_empty
        for one in seen.live.measurements
    }
    shown = expected | here | live
    return (
        tuple(kind for kind in ICONS if kind in shown),
        tuple(kind for kind in ICONS if kind in expected),
    )


def fresh(seen: Seen, now: datetime) -> bool:
    """Whether a device's live value may still be shown."""
    return seen.live is not None and now - seen.live.at <= LIVE_FOR


def shown_of(kind: Kind, picture: Picture) -> Filing | None:
    """The reading of a kind that its tile shows.

    What waits for a person or was refused, then what was computed from the others, then the newest that stands. Of
    those that wait, the one that came first: what comes meanwhile stands behind it, and never in its place while
    somebody reads it.
    """
    alike = _alike(kind, picture)
    newest = sorted(alike, key=lambda filing: filing.reading.received_at, reverse=True)
    waiting = [filing for filing in alike if filing.state == "to_review"]
    waiting += [filing for filing in alike if filing.state == "refused"]
    standing = [filing for filing in newest if filing.state not in _OVER]
    derived = [filing for filing in standing if filing.reading.source == "derived"]
    return next(iter((*waiting, *derived, *standing, *newest)), None)


def _alike(kind: Kind, picture: Picture) -> list[Filing]:
    """The visit's readings of a kind, in the order they came to it: one given to it from the tray is older than its place."""
    return [filing for filing in picture.filings.values() if filing.reading.kind == kind]


def _live(
    kind: Kind, picture: Picture, words: Words, now: datetime
) -> tuple[tuple[Figure, ...], bool]:
    """What a device says of a kind now, and whether one is at it that began before this visit.

    A load that is no weight to come is not shown: it would look like one. Nor is an empty scale, which measures nobody.
    """
    visit = picture.visit
    if visit is None:
        return (), False
    earlier = False
    for seen in picture.devices.values():
        if seen.live is None or not fresh(seen, now):
            continue
        if seen.live.is_empty or not_emptied(seen, now):
            continue
        if seen.live.since < visit.confirmed_since:
            earlier |= LIVE_OF.get(seen.kind, seen.kind) == kind if seen.kind else False
            earlier |= any(LIVE_OF.get(m.kind, m.kind) == kind for m in seen.live.measurements)
            continue
        said = [m for m in seen.live.measurements if LIVE_OF.get(m.kind, m.kind) == kind]
        if said:
            return tuple(figure for m in said for figure in words.figures(m)), False
    return (), earlier


def _supersedes(kind: Kind, filing: Filing | None, live: Sequence[Figure]) -> bool:
    """Whether what is live takes the place of the last reading.

    A scale goes on telling the weight after its reading was made: that stands beside it. A cuff that inflates
    has begun a new measurement. What waits for a person stays where their hand already is.
    """
    if filing is None or filing.state in _OVER:
        return True
    return kind in LIVE_OF.values() and filing.state != "to_review" and bool(live)


def _state(filing: Filing | None, absent: Absent | None, *, is_live: bool) -> str:
    if is_live:
        return "measuring"
    trouble = absent is not None and absent.causes[0].code not in _QUIET
    if filing is None:
        return "absent" if trouble else "waiting"
    if filing.state == "to_review":
        return "to_review"
    return filing.state


def _has_state(filing: Filing | None, *states: State) -> bool:
    return filing is not None and filing.state in states


def _has_menu(filing: Filing | None) -> bool:
    """Whether a reading is withdrawn or moved by now, where it was undone before."""
    given = filing is not None and filing.was_given and filing.state == "accepted"
    return given or _has_state(filing, *_SENT)


def _undo(kind: Kind, picture: Picture, words: Words) -> Undo | None:
    decided = picture.decided.get(kind)
    filing = picture.filings.get(decided) if decided is not None else None
    if filing is None or not _has_state(filing, "accepted", "rejected") or filing.was_given:
        return None
    figure = words.figures(filing.reading.measurement)[0]
    return Undo(
        reading=str(filing.reading.id),
        revision=filing.attribution.revision,
        state=filing.state,
        value=f"{figure.text}\N{NO-BREAK SPACE}{figure.unit}".rstrip(),
        word=words(f"state.{filing.state}"),
    )


def _asks_anew(series: SeriesView | None) -> bool:
    """Whether a series says to begin another: what it says can be done at once."""
    return series is not None and series.no_mean is not None


def _source(filing: Filing | None, words: Words, names: Mapping[str, str]) -> str | None:
    if filing is None or filing.reading.source == "measured":
        return None
    reading = filing.reading
    if reading.source == "typed":
        author = reading.author or ""
        return words("source.typed", author=names.get(author, author))
    if reading.derivation is not None and reading.derivation.rule == "blood_pressure_series":
        return words.count("source.mean", len(reading.derived_from))
    return words("source.derived")


def _warnings(
    filing: Filing | None,
    alike: Sequence[Filing],
    picture: Picture,
    words: Words,
    now: datetime,
    doubt: DoubtOf,
    held: Hold | None,
) -> tuple[str, ...]:
    """What a person should know before trusting the value, each once."""
    if filing is None:
        return ()
    said: list[str] = []
    reading = filing.reading
    last = max(one.reading.received_at for one in alike)
    if filing.state in ("to_review", "refused") and reading.received_at < last:
        said.append(words("tile.not_the_last", time=words.moment(reading.received_at, now)))
    if filing.state == "refused" and filing.detail:
        said.append(filing.detail)
    unlike = None
    if filing.state == "to_review" and picture.visit is not None:
        unlike = doubt(reading, picture.visit.id)
    flags = telling.flags(words, reading, unlike, held, is_fact=filing.state != "to_review")
    return tuple(dict.fromkeys([*said, *flags]))


def _hold(filing: Filing | None, held: Hold | None, words: Words) -> str | None:
    if filing is None or held is None:
        return None
    return telling.hold(words, held, filing.reading.metrology)


def _notes(
    filing: Filing | None, words: Words, now: datetime, names: Mapping[str, str]
) -> tuple[str, ...]:
    """Which device measured, when the value came, and what its clock and its checks say."""
    if filing is None:
        return ()
    reading, stamp = filing.reading, filing.reading.stamp
    notes = []
    if reading.source == "measured":
        notes.append(names.get(reading.device.id, reading.device.id))
    notes.append(words("reading.received", time=words.moment(reading.received_at, now)))
    off = _clock_off(reading)
    if stamp.device_time is not None and off >= CLOCK_OFF_FROM:
        told = words("reading.device_time", time=words.device_time(stamp.device_time, now))
        notes += [told, words("reading.clock_off", length=words.duration(off))]
    if reading.measurement.stored:
        notes.append(words("reading.memory"))
    for check in reading.metrology.checks if reading.metrology is not None else ():
        if check.standing == "due_soon" and check.due is not None:
            name = words(f"check.{check.check}")
            notes.append(words("reading.check_due", check=name, day=words.day(check.due)))
    return tuple(notes)


def _more(alike: Sequence[Filing], shown: Filing | None, words: Words) -> str | None:
    waiting = sum(filing.state == "to_review" and filing is not shown for filing in alike)
    return words.count("tile.more", waiting) if waiting else None


def _say(
    kind: Kind, filing: Filing | None, shown: Sequence[Figure], word: str, words: Words
) -> str:
    if filing is None or filing.state not in _ANNOUNCED or not shown:
        return ""
    return words("tile.announced", kind=words.kind(kind), value=shown[0].spoken, state=word)


def _clock_off(reading: Reading) -> timedelta:
    """How far the device's clock is from local time: its offset to UTC, less the zone people live in."""
    if reading.stamp.offset_seconds is None:
        return timedelta()
    zone = reading.received_at.astimezone().utcoffset() or timedelta()
    return abs(timedelta(seconds=reading.stamp.offset_seconds) + zone)
