"""The automaticity gate: what an assistant's hands may accept, and that no role of theirs types a value."""

from __future__ import annotations

from typing import get_args

import pytest
from station_room import CUFF, filing, pressure

from devicehub.driver import Kind
from devicehub.reading.derivation import Derivation, Member, Rule
from devicehub.reading.derived import derive
from devicehub.visit import gate, policy


def test_no_assistant_and_no_technician_types_a_value() -> None:
    assert [role for role in get_args(gate.Role) if gate.may(role, "type")] == ["physician"]


def test_only_a_physician_delegates() -> None:
    assert [role for role in get_args(gate.Role) if gate.may(role, "delegate")] == ["physician"]


def test_a_technician_touches_no_patient() -> None:
    assert not gate.may("technician", "visit")
    assert not gate.may("technician", "decide")


@pytest.mark.parametrize(
    ("automatic", "withheld", "why"),
    [
        (True, (), None),
        (True, ("body_weight",), None),
        (True, ("blood_pressure",), "not_delegated"),
        (False, (), "not_automatic"),
        (False, ("blood_pressure",), "not_automatic"),
    ],
)
def test_a_reading_waits_for_the_physician(
    automatic: bool, withheld: tuple[Kind, ...], why: str | None
) -> None:
    reading = filing(CUFF, pressure(), "to_review").reading
    reading = reading.model_copy(update={"automatic": automatic})
    assert gate.hold(reading, withheld) == why


def test_what_the_physician_typed_waits_for_nobody() -> None:
    reading = filing(CUFF, pressure(), "accepted").reading
    typed = reading.model_copy(update={"automatic": False, "source": "typed", "author": "dr-test"})
    assert gate.hold(typed, ["blood_pressure"]) is None


@pytest.mark.parametrize(
    ("automatic", "source", "said"),
    [
        (False, "measured", ("not_automatic",)),
        (True, "measured", ()),
        (False, "typed", ()),
    ],
)
def test_a_mode_that_needs_judgement_is_a_doubt_for_whoever_may_accept(
    automatic: bool, source: str, said: tuple[str, ...]
) -> None:
    reading = filing(CUFF, pressure(), "to_review").reading
    reading = reading.model_copy(update={"automatic": automatic, "source": source})
    assert policy.flags(reading) == said


def test_a_mean_says_the_mode_of_its_members_and_an_index_leaves_it_to_them() -> None:
    """The pressures of a series are never typed; a height may be, and no device's mode is to blame for that."""
    reading = filing(CUFF, pressure(), "accepted").reading
    by_ear = reading.model_copy(update={"automatic": False})
    rules: list[tuple[Rule, tuple[str, ...]]] = [
        ("blood_pressure_series", ("not_automatic",)),
        ("body_mass_index", ()),
    ]
    for rule, said in rules:
        made = Derivation(rule=rule, members=(Member(reading=by_ear.id),))
        assert policy.flags(derive(pressure(), made, [by_ear], version="1")) == said
