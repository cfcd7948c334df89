"""The fence: no reading ever belongs to somebody who was not being measured."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from devicehub.journal.records import Lock, Visit
from devicehub.reading.interval import Began
from devicehub.visit.even_clock import Even, EvenClock
from devicehub.visit.fence import Attributed, Quarantined, attribute

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
GRACE = timedelta(seconds=120)
ALWAYS = Even(START - timedelta(days=1), "restarted")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def began(earliest: float, latest: float) -> Began:
    return Began(earliest=at(earliest), latest=at(latest), known_from="arrival")


A = Visit(id="a", opened_at=at(0), closed_at=at(100))
B = Visit(id="b", opened_at=at(100))


def decide(earliest: float, latest: float, arrived: float) -> Attributed | Quarantined:
    return attribute(began(earliest, latest), at(arrived), [A, B], grace=GRACE, even=ALWAYS)


def test_inside_one_visit() -> None:
    assert decide(10, 50, 60) == Attributed("a")
    assert decide(101, 150, 160) == Attributed("b")


def test_a_closed_visit_receives_what_began_in_it_for_a_grace() -> None:
    assert decide(10, 99, 100 + 120) == Attributed("a")
    assert decide(10, 99, 100 + 121) == Quarantined("after_visit")


def test_straddling_two_visits_belongs_to_nobody() -> None:
    assert decide(99, 101, 102) == Quarantined("straddles_visits")
    assert decide(99, 100, 102) == Quarantined("straddles_visits")
    assert decide(100, 100, 102) == Quarantined("straddles_visits")


def test_outside_of_every_visit() -> None:
    assert decide(-50, -10, 0) == Quarantined("no_visit")
    assert decide(-1, 5, 6) == Quarantined("before_visit")
    assert attribute(began(90, 110), at(111), [A], grace=GRACE, even=ALWAYS) == Quarantined(
        "after_visit"
    )
    assert attribute(began(0, 1), at(2), [], grace=GRACE, even=ALWAYS) == Quarantined("no_visit")


def test_what_may_have_begun_while_it_was_locked_belongs_to_nobody() -> None:
    locks = (Lock(since=at(20), until=at(40)), Lock(since=at(60)))
    visit = Visit(id="v", opened_at=at(0), locks=locks)

    def says(earliest: float, latest: float) -> Attributed | Quarantined:
        return attribute(began(earliest, latest), at(99), [visit], grace=GRACE, even=ALWAYS)

    assert says(1, 19) == says(41, 59) == Attributed("v")
    for locked in ((1, 20), (40, 45), (19, 41), (39, 40), (30, 35), (50, 60), (60, 60), (70, 80)):
        assert says(*locked) == Quarantined("visit_locked"), locked


def test_what_began_before_the_clock_ran_evenly_belongs_to_nobody() -> None:
    even = Even(at(50), "clock_changed")
    visit = Visit(id="v", opened_at=at(0))
    decision = attribute(began(49, 60), at(61), [visit], grace=GRACE, even=even)
    assert decision == Quarantined("clock_changed")
    decision = attribute(began(51, 60), at(61), [visit], grace=GRACE, even=even)
    assert decision == Attributed("v")


class Clocks:
    """A wall clock that can be set and one that cannot."""

    def __init__(self) -> None:
        self.wall, self.seconds = START, 0.0

    def pass_by(self, seconds: float, *, too_fast: float = 0) -> None:
        self.wall += timedelta(seconds=seconds * (1 + too_fast))
        self.seconds += seconds

    def even(self) -> EvenClock:
        return EvenClock(lambda: self.wall, lambda: self.seconds)


def test_a_clock_that_is_set_is_noticed_in_both_directions() -> None:
    clocks = Clocks()
    clock = clocks.even()
    clocks.pass_by(10)
    clocks.wall += timedelta(minutes=20)
    assert clock.moment() == at(1210)
    assert clock.even == Even(at(1210), "clock_changed")
    clocks.pass_by(10)
    clocks.wall -= timedelta(minutes=20)
    assert clock.moment() == at(1210), "it never goes back"
    assert clock.even == Even(at(1220), "clock_changed"), "as far as the old time had come"


def test_a_clock_that_is_corrected_slowly_is_even() -> None:
    clocks = Clocks()
    clock = clocks.even()
    for _ in range(100):
        clocks.pass_by(3600, too_fast=0.0005)
        clock.moment()
    assert clock.even == Even(START, "restarted")


def test_after_a_start_nothing_before_it_is_comparable() -> None:
    clocks = Clocks()
    clock = clocks.even()
    clock.start(at(300))
    assert clock.even == Even(at(300), "restarted")
    assert clock.moment() == at(300)


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
    decision = attribute(interval, at(earliest + width + later), visits, grace=GRACE, even=ALWAYS)
    if isinstance(decision, Attributed):
        moment = at(earliest + width * instant / 10)
        present = [
            v
            for v in visits
            if v.opened_at <= moment and (v.closed_at is None or moment < v.closed_at)
        ]
        assert [visit.id for visit in present] == [decision.visit]
