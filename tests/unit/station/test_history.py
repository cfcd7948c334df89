"""Earlier values as plots: places, ticks and gaps, with nothing said about health."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import filed, pressure, weight

from devicehub.driver import BloodPressure, BodyWeight, Glucose, OxygenSaturation
from devicehub.journal.records import State
from devicehub.reading.derivation import Derivation, Member
from devicehub.reading.derived import derive
from devicehub.station import history
from devicehub.station.history import MOST_TICKS, Value, histories, plot, values_of
from devicehub.station.words import Words
from devicehub.visit.dossier import EarlierValue

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DAY = timedelta(days=1)
FRENCH, ENGLISH = Words("fr"), Words("en")
LEAST = Decimal(4)


def at(days: float, value: str, low: str | None = None) -> Value:
    return Value(NOW + DAY * days, Decimal(value), None if low is None else Decimal(low))


def texts(ticks: tuple[history.Tick, ...]) -> list[str]:
    return [tick.text for tick in ticks]


def weighed(days: float, kilograms: str) -> EarlierValue:
    measured = BodyWeight(kilograms=Decimal(kilograms))
    return EarlierValue(reading=uuid4(), measurement=measured, at=NOW + DAY * days)


def test_values_lie_in_the_field_the_higher_the_more() -> None:
    drawn = plot([at(-30, "70"), at(-20, "74"), at(0, "72")], FRENCH, least=LEAST)
    xs, ys = [mark.x for mark in drawn.marks], [mark.y for mark in drawn.marks]
    assert xs == sorted(xs)
    assert ys[1] < ys[2] < ys[0], "up is more"
    assert texts(drawn.up) == ["70", "71", "72", "73", "74"]
    assert drawn.up[0].at == drawn.bottom
    assert drawn.up[-1].at == drawn.top


def test_a_single_value_stands_in_the_middle_of_a_scale_of_its_own() -> None:
    drawn = plot([at(0, "71.4")], FRENCH, least=LEAST)
    (mark,) = drawn.marks
    assert mark.x == (drawn.left + drawn.right) / 2
    assert drawn.top < mark.y < drawn.bottom
    assert drawn.lines == ()
    assert texts(drawn.across) == ["22/11/2026"]


def test_equal_values_lie_on_one_height_and_chance_does_not_look_like_a_change() -> None:
    drawn = plot([at(-2, "70"), at(-1, "70"), at(0, "70")], FRENCH, least=LEAST)
    assert len({mark.y for mark in drawn.marks}) == 1
    nearly = plot([at(-1, "70.0"), at(0, "70.1")], FRENCH, least=LEAST)
    assert abs(nearly.marks[0].y - nearly.marks[1].y) < 5, "100 g is no slope"


def test_a_share_never_has_a_scale_beyond_the_whole() -> None:
    drawn = plot([at(-1, "98"), at(0, "99")], FRENCH, least=Decimal(6), top=Decimal(100))
    assert texts(drawn.up) == ["94", "96", "98", "100"]


def test_no_line_crosses_a_time_without_measurement() -> None:
    values = [at(-2000, "70"), at(-1900, "70"), at(-800, "71"), at(-100, "72"), at(0, "72")]
    drawn = plot(values, FRENCH, least=LEAST)
    assert [len(points.split()) for points in drawn.lines] == [2, 2]
    assert len(drawn.marks) == 5, "a value alone between two gaps is a dot"


def test_pairs_are_bars_and_are_never_joined() -> None:
    drawn = plot([at(-1, "140", "85"), at(0, "128", "76")], FRENCH, least=Decimal(40))
    assert drawn.lines == ()
    for mark in drawn.marks:
        assert mark.foot is not None
        assert mark.foot > mark.y
    assert texts(drawn.up) == ["60", "80", "100", "120", "140"]


@pytest.mark.parametrize(
    ("days", "first", "last"),
    [
        (3, "19/11/2026", "22/11/2026"),
        (20, "02/11/2026", "16/11/2026"),
        (100, "09/2026", "11/2026"),
        (700, "01/2025", "07/2026"),
        (2000, "2022", "2026"),
        (30 * 365, "2000", "2020"),
    ],
)
def test_dates_are_days_months_years_or_decades(days: int, first: str, last: str) -> None:
    drawn = plot([at(-days, "70"), at(0, "71")], FRENCH, least=LEAST)
    assert (texts(drawn.across)[0], texts(drawn.across)[-1]) == (first, last)
    assert 1 <= len(drawn.across) <= MOST_TICKS


@given(
    st.lists(
        st.tuples(
            st.integers(-40_000, 0), st.decimals(20, 300, places=2), st.booleans(), st.booleans()
        ),
        min_size=1,
        max_size=40,
    )
)
def test_whatever_was_measured_fits_on_the_sheet(
    told: list[tuple[int, Decimal, bool, bool]],
) -> None:
    values = sorted(
        (
            Value(NOW + DAY * days, value, value / 2 if pair else None)
            for days, value, pair, _ in told
        ),
        key=lambda value: value.at,
    )
    drawn = plot(values, FRENCH, least=LEAST)
    for mark in drawn.marks:
        assert drawn.left <= mark.x <= drawn.right
        assert drawn.top <= mark.y <= (mark.foot or mark.y) <= drawn.bottom
    assert 2 <= len(drawn.up) <= MOST_TICKS + 1
    assert 1 <= len(drawn.across) <= MOST_TICKS
    assert all(one.at <= other.at for one, other in pairwise(drawn.across))
    assert len(set(texts(drawn.up))) == len(drawn.up)


def test_nothing_is_no_plot() -> None:
    with pytest.raises(ValueError, match="nothing"):
        plot([], FRENCH, least=LEAST)


def test_the_mean_stands_for_its_series_and_what_was_rejected_for_nothing() -> None:
    members = [filed(pressure(150, 90), at=NOW), filed(pressure(140, 88), at=NOW)]
    derivation = Derivation(
        rule="blood_pressure_series",
        members=tuple(Member(reading=one.reading.id) for one in members),
    )
    mean = BloodPressure(systolic_mmhg=Decimal(145), diastolic_mmhg=Decimal(89))
    derived = members[0].model_copy(
        update={"reading": derive(mean, derivation, [one.reading for one in members], version="1")}
    )
    rejected = filed(pressure(200, 100), at=NOW, state="rejected")
    (value,) = values_of("blood_pressure", [], [*members, derived, rejected])
    assert (value.high, value.low, value.is_today) == (Decimal(145), Decimal(89), True)


@pytest.mark.parametrize("state", get_args(State))
def test_of_this_visit_only_what_was_accepted_is_drawn(state: State) -> None:
    (old, *here) = values_of(
        "body_weight", [weighed(-9, "71")], [filed(weight("64"), at=NOW, state=state)]
    )
    assert (old.high, old.is_today) == (Decimal(71), False)
    drawn = state in {"accepted", "published", "filed"}
    assert [value.is_today for value in here] == ([True] if drawn else [])


def test_an_earlier_glucose_has_its_plot() -> None:
    measured = Glucose(milligrams_per_decilitre=Decimal(104))
    earlier = EarlierValue(reading=uuid4(), measurement=measured, at=NOW - DAY)
    (told,) = histories([earlier], [], FRENCH)
    assert (told.kind, told.rows[0].text) == ("glucose", "104 mg/dL")
    assert len(told.plot.marks) == 1


def test_what_could_not_be_measured_is_no_value() -> None:
    half = filed(pressure(None, 80), at=NOW)
    assert values_of("blood_pressure", [], [half]) == ()
    empty = EarlierValue(reading=uuid4(), at=NOW, measurement=OxygenSaturation(percent=None))
    assert histories([empty], [], FRENCH) == ()


def test_a_history_says_in_words_what_it_shows() -> None:
    (told,) = histories(
        [weighed(-400, "69.15"), weighed(-10, "71")], [filed(weight("71.45"), at=NOW)], FRENCH
    )
    assert (told.kind, told.title, told.unit) == ("body_weight", "Poids", "kg")
    assert told.said.replace("\N{NO-BREAK SPACE}", " ") == (
        "Poids : 3 valeurs du 18/10/2025 au 22/11/2026 ; la dernière est 71,45 kilogrammes."
    )
    assert [(row.text, row.is_today) for row in told.rows] == [
        ("71,45 kg", True),
        ("71,0 kg", False),
        ("69,15 kg", False),
    ]


def test_today_alone_is_no_history() -> None:
    assert histories([], [filed(weight("71"), at=NOW)], FRENCH) == ()
