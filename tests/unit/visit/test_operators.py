"""The operators' file: PINs that cannot be read back, changes by another process, damage."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from devicehub.visit.operators import Operator, Operators, OperatorsUnreadable, WrongOperator

ANNE = Operator(id="anne", name="TEST Anne", role="assistant")
PAUL = Operator(id="paul", name="TEST Paul", role="physician", subject="8990000001")


@pytest.fixture
def book(tmp_path: Path) -> Operators:
    return Operators.of(tmp_path / "station")


def test_a_station_without_a_file_has_no_operators(book: Operators) -> None:
    assert book.all() == ()
    assert book.by_pin("anne", "1234") is None


def test_a_name_is_kept_as_long_as_it_was_measured(book: Operators) -> None:
    longest = "T" * 80
    book.add(PAUL.model_copy(update={"name": f" {longest}  "}), "2468")
    assert [one.name for one in book.all()] == [longest]
    with pytest.raises(WrongOperator):
        book.add(PAUL.model_copy(update={"name": f"{longest}T"}), "2468")


def test_the_pin_opens_and_no_other(book: Operators) -> None:
    book.add(ANNE, "1357")
    book.add(PAUL, "2468")
    known = book.by_pin("anne", "1357")
    assert known is not None
    assert known.role == "assistant"
    assert book.by_pin("anne", "2468") is None
    assert book.by_pin("nobody", "1357") is None


def test_the_file_holds_no_pin_and_is_the_stations_alone(book: Operators, tmp_path: Path) -> None:
    book.add(ANNE, "135713571357")
    path = tmp_path / "station" / "operators.json"
    assert "135713571357" not in path.read_text("utf-8")
    assert json.loads(path.read_text("utf-8"))[0]["pin"].startswith("$argon2id$")
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0


def test_another_process_adds_and_removes(book: Operators, tmp_path: Path) -> None:
    assert book.all() == ()
    elsewhere = Operators.of(tmp_path / "station")
    elsewhere.add(ANNE, "1357")
    elsewhere.add(PAUL, None)
    assert [operator.id for operator in book.all()] == ["anne", "paul"]
    elsewhere.remove("anne")
    assert book.by_pin("anne", "1357") is None
    assert book.by_subject("8990000001") is not None
    assert book.by_subject("somebody else") is None
    with pytest.raises(KeyError):
        elsewhere.remove("anne")


def test_adding_again_changes_the_pin_and_the_role(book: Operators) -> None:
    book.add(ANNE, "1357")
    book.add(ANNE.model_copy(update={"role": "physician"}), "8642")
    assert book.by_pin("anne", "1357") is None
    known = book.by_pin("anne", "8642")
    assert known is not None
    assert known.role == "physician"


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", "１２３４"])
def test_a_pin_that_is_none_is_refused(book: Operators, pin: str) -> None:
    with pytest.raises(WrongOperator):
        book.add(ANNE, pin)
    assert book.all() == ()


@pytest.mark.parametrize("id_", ["", "Anne", "an ne", "page", "a" * 33])
def test_an_id_the_audit_could_not_carry_is_refused(book: Operators, id_: str) -> None:
    with pytest.raises(WrongOperator):
        book.add(ANNE.model_copy(update={"id": id_}), "1357")


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_a_name_the_dossier_would_refuse_of_a_physician_is_refused(
    book: Operators, name: str
) -> None:
    with pytest.raises(WrongOperator, match="80"):
        book.add(ANNE.model_copy(update={"name": name}), "1357")
    book.add(ANNE.model_copy(update={"name": "x" * 80}), "1357")


def test_without_a_pin_the_provider_must_know_them(book: Operators) -> None:
    with pytest.raises(WrongOperator):
        book.add(ANNE, None)


def test_a_damaged_file_lets_nobody_in_and_is_not_overwritten(
    book: Operators, tmp_path: Path
) -> None:
    book.add(ANNE, "1357")
    path = tmp_path / "station" / "operators.json"
    path.write_text(path.read_text("utf-8")[:-5], "utf-8")
    with pytest.raises(OperatorsUnreadable, match=r"operators\.json"):
        book.by_pin("anne", "1357")
    with pytest.raises(OperatorsUnreadable):
        book.add(PAUL, "2468")
    assert "anne" in path.read_text("utf-8")
