"""Metrology: dates are judged, the day a check runs out is still in force, and only what is asked for lapses."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.reading.metrology import Check, Done, Standing, judge

TODAY = date(2026, 11, 22)
WARN = timedelta(days=30)


def done(due: date | None, *, check: Check = "verification", passed: bool = True) -> Done:
    return Done(check=check, done_on=date(2026, 1, 1), passed=passed, due=due, certificate="C-1")


@pytest.mark.parametrize(
    ("due", "standing"),
    [
        (None, "in_force"),
        (TODAY + timedelta(days=31), "in_force"),
        (TODAY + timedelta(days=30), "due_soon"),
        (TODAY, "due_soon"),
        (TODAY - timedelta(days=1), "overdue"),
    ],
)
def test_how_a_check_stands(due: date | None, standing: Standing) -> None:
    metrology = judge(("verification",), [done(due)], TODAY, warn=WARN, block=True)
    assert metrology is not None
    (checked,) = metrology.checks
    assert (checked.standing, checked.due, checked.certificate) == (standing, due, "C-1")
    assert metrology.lapsed == metrology.blocks == (standing == "overdue")
    assert metrology.worst == standing


def test_what_was_not_passed_is_not_in_force_whatever_its_date() -> None:
    failed = done(TODAY + timedelta(days=365), passed=False)
    metrology = judge(("verification",), [failed], TODAY, warn=WARN, block=True)
    assert metrology is not None
    assert (metrology.worst, metrology.blocks) == ("failed", True)


def test_what_is_asked_for_and_unknown_is_missing() -> None:
    metrology = judge(("verification",), [], TODAY, warn=WARN, block=False)
    assert metrology is not None
    assert (metrology.worst, metrology.lapsed, metrology.blocks) == ("missing", True, False)


def test_what_nobody_asks_for_is_told_and_holds_nothing_back() -> None:
    old = done(date(2020, 1, 1), check="calibration")
    metrology = judge((), [old], TODAY, warn=WARN, block=True)
    assert metrology is not None
    assert (metrology.worst, metrology.lapsed, metrology.blocks) == ("overdue", False, False)
    assert judge((), [], TODAY, warn=WARN, block=True) is None


@given(
    st.integers(-400, 400),
    st.integers(0, 365),
    st.booleans(),
    st.sampled_from([(), ("verification",)]),
)
def test_it_blocks_exactly_past_the_due_date_of_what_is_asked_for(
    days: int, warn: int, block: bool, required: tuple[Check, ...]
) -> None:
    found = judge(
        required,
        [done(TODAY + timedelta(days=days))],
        TODAY,
        warn=timedelta(days=warn),
        block=block,
    )
    assert found is not None
    assert found.lapsed == (days < 0 and bool(required))
    assert found.blocks == (found.lapsed and block)
    assert (found.worst == "due_soon") == (0 <= days <= warn)
