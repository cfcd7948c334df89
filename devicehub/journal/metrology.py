"""The metrology log of the devices (carnet métrologique): append-only, one line an act.

A line that was wrong is not altered: a new line says what is right, and the newest of each check counts.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Final, Literal, get_args

from pydantic import AwareDatetime, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from devicehub.journal.failures import JournalFailed
from devicehub.journal.moment import from_text, to_text
from devicehub.journal.schema import MIGRATIONS
from devicehub.journal.store import explained, open_beside
from devicehub.reading.metrology import RUNS_OUT, Check, Done
from devicehub.reading.reading import Record

MetrologyAct = Literal[Check, "repair", "battery"]
"""A check, or something else the log tells of: a repair, a new battery."""

CHECKS: tuple[Check, ...] = get_args(Check)

OLDEST: Final = date(1900, 1, 1)
"""No device of today was checked before: the year was mistyped."""

LONGEST: Final = timedelta(days=3653)
"""No check holds for longer than ten years: the year was mistyped."""


class MetrologyEntry(Record):
    """One line of the log. ``by`` did it (a body's or a person's name at work), ``author`` wrote it down.

    Raises ``ValidationError`` for a line that cannot be: at its field, in words « French · English ».
    """

    device: str
    act: MetrologyAct
    done_on: date
    by: str
    passed: bool = True
    certificate: str | None = None
    due: date | None = Field(None, validate_default=True)
    note: str | None = None
    author: str
    at: AwareDatetime

    @field_validator("by", "certificate", "note", mode="before")
    @classmethod
    def _can_be_read(cls, text: object) -> object:
        if isinstance(text, str) and not text.strip():
            raise PydanticCustomError("blank", "est vide · is empty")
        if isinstance(text, str) and not all(map(readable, text)):
            raise PydanticCustomError(
                "unreadable",
                "une seule ligne de texte lisible, sans caractère de contrôle · "
                "one line of readable text, without control characters",
            )
        return text

    @field_validator("done_on")
    @classmethod
    def _has_its_year(cls, done_on: date) -> date:
        if done_on < OLDEST:
            raise PydanticCustomError(
                "year", "avant 1900, vérifiez l’année · before 1900, check the year"
            )
        return done_on

    @field_validator("due")
    @classmethod
    def _ends_as_its_act_does(cls, due: date | None, told: ValidationInfo) -> date | None:
        act, done_on = told.data.get("act"), told.data.get("done_on")  # none where itself refused
        if _is_endless(act, due, passed=told.data.get("passed", False)):
            raise PydanticCustomError(
                "due_missing",
                "à remplir, car ce contrôle ne vaut que jusqu’à une échéance · "
                "to be filled in, for this check holds only until it is due",
            )
        if due is not None and act is not None and act not in CHECKS:
            raise PydanticCustomError(
                "due_needless",
                "à laisser vide, car une réparation ou une pile n’a pas d’échéance · "
                "to be left empty, for a repair or a battery is not due again",
            )
        if due is not None and done_on is not None and due - done_on > LONGEST:
            raise PydanticCustomError(
                "due_late",
                "plus de dix ans après l’acte, vérifiez l’année · "
                "more than ten years after it was done, check the year",
            )
        if due is not None and done_on is not None and due < done_on:
            raise PydanticCustomError(
                "due_before_done",
                "ce jour précède celui où l’acte a été fait · "
                "this day is before the day it was done",
            )
        return due


def readable(one: str) -> bool:
    """Whether a character can be read on a line: also the no-break space, which ``isprintable`` denies."""
    return one.isprintable() or unicodedata.category(one) == "Zs"


def _is_endless(act: MetrologyAct | None, due: date | None, *, passed: bool) -> bool:
    """Whether a check that holds for a time only would hold for good."""
    return act in RUNS_OUT and passed and due is None


def record(database: Connection, entry: MetrologyEntry) -> None:
    """Write one line."""
    database.execute(
        "INSERT INTO metrology "
        "(device, act, done_on, by, passed, certificate, due, note, author, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.device,
            entry.act,
            entry.done_on.isoformat(),
            entry.by,
            entry.passed,
            entry.certificate,
            entry.due.isoformat() if entry.due else None,
            entry.note,
            entry.author,
            to_text(entry.at),
        ),
    )


def log(database: Connection, device: str | None = None) -> list[MetrologyEntry]:
    """The log, of one device or of all, in the order it was written."""
    rows = database.execute(
        "SELECT device, act, done_on, by, passed, certificate, due, note, author, at "
        "FROM metrology WHERE device = ? OR ? IS NULL ORDER BY number",
        (device, device),
    )
    return [_entry(row) for row in rows]


def newest(database: Connection, device: str) -> list[Done]:
    """The newest line of each check of a device; of two of one day, the one written last.

    A line of before that lacks the day it runs out is the record of no check.
    """
    found: dict[Check, MetrologyEntry] = {}
    for entry in log(database, device):
        if entry.act not in CHECKS or _is_endless(entry.act, entry.due, passed=entry.passed):
            continue
        before = found.get(entry.act)
        if before is None or entry.done_on >= before.done_on:
            found[entry.act] = entry
    return [
        Done(
            check=check,
            done_on=entry.done_on,
            passed=entry.passed,
            due=entry.due,
            certificate=entry.certificate,
        )
        for check, entry in found.items()
    ]


def as_csv(entries: Iterable[MetrologyEntry]) -> str:
    """The log as a table with a head, for an inspector."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(MetrologyEntry.model_fields), lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        row = entry.model_dump(mode="json")
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula is kept a text (OWASP, CSV Injection)."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value


@contextmanager
def beside(path: Path) -> Iterator[Connection]:
    """The journal of a station that may be running, for this log alone.

    The log is read anew for every measurement, so a line may be added from outside; nothing else may.
    Raises `JournalFailed` where there is no journal of this version, or the file or the disk fails.
    """
    if not path.exists():
        raise JournalFailed(
            f"il n'y a pas de journal en {path} ; démarrez la station une fois · "
            f"there is no journal at {path}; start the station once"
        )
    try:
        with closing(open_beside(path)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version != len(MIGRATIONS):
                raise JournalFailed(
                    f"{path} est d'une autre version de devicehub ; démarrez la station une fois avec celle-ci · "
                    f"{path} is of another version of devicehub; start the station once with this one"
                )
            yield database
    except sqlite3.Error as failure:
        told = explained(failure, path)
        raise told if told is not failure else JournalFailed(f"{path}: {failure}") from failure


def _entry(row: tuple[Any, ...]) -> MetrologyEntry:
    """A line as it was written, perhaps when more was let in: the log shows it, and nothing stops for it."""
    device, act, done_on, by, passed, certificate, due, note, author, at = row
    return MetrologyEntry.model_construct(
        device=device,
        act=act,
        done_on=date.fromisoformat(done_on),
        by=by,
        passed=bool(passed),
        certificate=certificate,
        due=date.fromisoformat(due) if due else None,
        note=note,
        author=author,
        at=from_text(at),
    )
