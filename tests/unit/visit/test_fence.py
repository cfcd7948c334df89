"""The fence: no reading ever belongs to somebody who was not being measured."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from devicehub.journal.records import Visit
from devicehub.reading.interval import Began
from devicehub.visit.fence import Attributed, Quarantined, attribute

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
GRACE = timedelta(seconds=120)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def began(earliest: float, latest: float) -> Began:
    return Began(earliest=at(earliest), latest=at(latest), known_from="arrival")


A = Visit(id="a", opened_at=at(0), closed_at=at(100))
B = Visit(id="b", opened_at=at(100))


def decide(earliest: float, latest: float, arrived: float) -> Attributed | Quarantined:
    return attribute(began(earliest, latest), at(arrived), [A, B], grace=GRACE)


def test_inside_one_visit() -> None:
    assert decide(10, 50, 60) == Attributed("a")
    assert decide(100, 150, 160) == Attributed("b")


def test_a_closed_visit_receives_what_began_in_it_for_a_grace() -> None:
    assert decide(10, 99, 100 + 120) == Attributed("a")
    assert decide(10, 99, 100 + 121) == Quarantined("after_visit")


def test_straddling_two_visits_belongs_to_nobody() -> None:
    assert decide(99, 101, 102) == Quarantined("straddles_visits")
    assert decide(99, 100, 102) == Quarantined("straddles_visits")


def test_outside_of_every_visit() -> None:
    assert decide(-50, -10, 0) == Quarantined("no_visit")
    assert decide(-1, 5, 6) == Quarantined("before_visit")
    assert attribute(began(90, 110), at(111), [A], grace=GRACE) == Quarantined("after_visit")
    assert attribute(began(0, 1), at(2), [], grace=GRACE) == Quarantined("no_visit")


@st.composite
def rooms(draw: st.DrawFn) -> list[Visit]:
    """Visits one after the other, with pauses or without, the last one open or not."""
    moments = sorted(draw(st.lists(st.integers(0, 1000), min_size=1, max_size=12)))
    visits = [
        Visit(id=f"v{index}", opened_at=at(opened), closed_at=at(closed))
        for index, (opened, closed) in enumerate(zip(moments[::2], moments[1::2], strict=False))
    ]
    if len(moments) % 2:
        visits.append(Visit(id="open", opened_at=at(moments[-1])))
    return draw(st.permutations(visits))


@given(
    rooms(), st.integers(-50, 1050), st.integers(0, 200), st.integers(0, 400), st.integers(0, 10)
)
def test_whoever_gets_it_was_there_at_every_possible_beginning(
    visits: list[Visit], earliest: int, width: int, later: int, instant: int
) -> None:
    interval = began(earliest, earliest + width)
    decision = attribute(interval, at(earliest + width + later), visits, grace=GRACE)
    if isinstance(decision, Attributed):
        moment = at(earliest + width * instant / 10)
        present = [
            v
            for v in visits
            if v.opened_at <= moment and (v.closed_at is None or moment < v.closed_at)
        ]
        assert [visit.id for visit in present] == [decision.visit]
