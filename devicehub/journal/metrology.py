"""The metrology log of the devices (carnet métrologique): append-only, one line an act.

A line that was wrong is not altered: a new line says what is right, and the newest of each check counts.
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Literal, Self, get_args

from pydantic import AwareDatetime, Field, model_validator

from devicehub.journal.failures import JournalFailed
from devicehub.journal.moment import from_text, to_text
from devicehub.journal.schema import MIGRATIONS
from devicehub.journal.store import explained, open_beside
from devicehub.reading.metrology import Check, Done
from devicehub.reading.reading import Record

MetrologyAct = Literal[Check, "repair", "battery"]
"""A check, or something else the log tells of: a repair, a new battery."""

CHECKS: tuple[Check, ...] = get_args(Check)


class MetrologyEntry(Record):
    """One line of the log. ``by`` did it (a body's or a person's name at work), ``author`` wrote it down."""

    device: str
    act: MetrologyAct
    done_on: date
    by: str = Field(min_length=1)
    passed: bool = True
    certificate: str | None = None
    due: date | None = None
    note: str | None = None
    author: str
    at: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.due is not None and self.due < self.done_on:
            raise ValueError("the next one is due before this one was done")
        if self.due is not None and self.act not in CHECKS:
            raise ValueError(f"a {self.act} is not due again")
        return self


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
    """The newest line of each check of a device; of two of one day, the one written last."""
    found: dict[Check, MetrologyEntry] = {}
    for entry in log(database, device):
        if entry.act not in CHECKS:
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
    device, act, done_on, by, passed, certificate, due, note, author, at = row
    return MetrologyEntry(
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
