"""A question about who the person is: asked where an adult is not like before, never about health."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BodyHeight, BodyTemperature, BodyWeight
from devicehub.visit.dossier import EarlierValue
from devicehub.visit.earlier import doubt, is_adult, known_height

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
BORN, CHILD = date(1970, 1, 1), date(2018, 5, 1)
MONTH = timedelta(days=30)


def weight(kilograms: str, ago: timedelta = MONTH) -> EarlierValue:
    measured = BodyWeight(kilograms=Decimal(kilograms))
    return EarlierValue(reading=uuid4(), measurement=measured, at=NOW - ago)


def height(centimetres: str, ago: timedelta = MONTH) -> EarlierValue:
    measured = BodyHeight(centimetres=Decimal(centimetres))
    return EarlierValue(reading=uuid4(), measurement=measured, at=NOW - ago)


def weighs(kilograms: str) -> BodyWeight:
    return BodyWeight(kilograms=Decimal(kilograms))


@pytest.mark.parametrize(
    ("before", "now", "ago", "asked"),
    [
        ("70", "76.9", MONTH, False),
        ("70", "77.1", MONTH, True),
        ("70", "62.9", MONTH, True),
        ("70", "63", MONTH, False),
        (
            "45",
            "49.9",
            MONTH,
            False,
        ),  # more than a tenth, less than clothes and another scale explain
        ("45", "50.1", MONTH, True),
        ("70", "80", MONTH * 12, False),
        ("70", "84.5", MONTH * 12, True),
        ("70", "150", timedelta(days=4 * 365), False),
    ],
)
def test_an_adults_weight(before: str, now: str, ago: timedelta, asked: bool) -> None:
    found = doubt(weighs(now), NOW, [weight(before, ago)], born=BORN)
    assert found == ("weight_unlike_before" if asked else None)


def test_only_the_last_weight_counts() -> None:
    earlier = [weight("100", MONTH * 5), weight("72", MONTH), weight("95", MONTH * 3)]
    assert doubt(weighs("71"), NOW, earlier, born=BORN) is None


def test_a_child_may_grow_but_not_shrink() -> None:
    assert doubt(weighs("40"), NOW, [weight("20", MONTH * 12)], born=CHILD) is None
    assert doubt(weighs("14"), NOW, [weight("25", MONTH)], born=CHILD) == "weight_unlike_before"
    taller, smaller = BodyHeight(centimetres=Decimal(130)), BodyHeight(centimetres=Decimal(117))
    assert doubt(taller, NOW, [height("120", MONTH * 12)], born=CHILD) is None
    assert doubt(smaller, NOW, [height("120")], born=CHILD) == "height_unlike_before"


def test_without_a_birth_date_nobody_is_taken_for_an_adult() -> None:
    assert doubt(weighs("40"), NOW, [weight("20")], born=None) is None


@pytest.mark.parametrize(("now", "asked"), [("174", False), ("175", True), ("165", True)])
def test_an_adults_height(now: str, asked: bool) -> None:
    measured = BodyHeight(centimetres=Decimal(now))
    found = doubt(measured, NOW, [height("170")], born=BORN)
    assert found == ("height_unlike_before" if asked else None)


def test_nothing_before_and_nothing_measured_ask_nothing() -> None:
    assert doubt(weighs("70"), NOW, [], born=BORN) is None
    assert doubt(weighs("70"), NOW, [height("170")], born=BORN) is None
    assert doubt(BodyWeight(kilograms=None), NOW, [weight("70")], born=BORN) is None
    fever = BodyTemperature(celsius=Decimal(41))
    assert doubt(fever, NOW, [weight("70")], born=BORN) is None


def test_what_comes_later_is_not_before() -> None:
    assert doubt(weighs("70"), NOW, [weight("100", -MONTH)], born=BORN) is None


def test_a_height_of_the_record_stands_for_today_while_it_may() -> None:
    told = height("170", timedelta(days=700))
    assert known_height([told], NOW, born=BORN) == told
    assert known_height([told], NOW, born=CHILD) is None
    assert known_height([told], NOW, born=None) is None
    assert known_height([height("170", timedelta(days=6 * 365))], NOW, born=BORN) is None
    assert known_height([weight("70")], NOW, born=BORN) is None


def test_grown_up_from_the_birthday_on() -> None:
    born = date(2006, 11, 23)
    assert not is_adult(born, NOW)
    assert is_adult(born, NOW + timedelta(days=1))


@given(st.decimals("0.2", "500", places=1), st.decimals("0.2", "500", places=1), st.booleans())
def test_a_value_is_never_altered_and_the_same_one_never_asked_about(
    before: Decimal, now: Decimal, grown: bool
) -> None:
    measured = BodyWeight(kilograms=now)
    doubt(measured, NOW, [weight(str(before))], born=BORN if grown else CHILD)
    assert measured.kilograms == now
    assert doubt(measured, NOW, [weight(str(now))], born=BORN) is None
