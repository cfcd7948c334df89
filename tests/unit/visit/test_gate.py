"""The automaticity gate: what an assistant's hands may accept, and that no role of theirs types a value."""

from __future__ import annotations

from typing import get_args

import pytest
from station_room import CUFF, filing, pressure

from devicehub.driver import Kind
from devicehub.visit import gate


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
