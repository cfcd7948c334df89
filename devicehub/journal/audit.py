"""The audit: who did what to what, and when. Append-only; it names readings and visits, never a person examined.

Each line has a link: the SHA-256 of the link before it and of what the line says. Whoever changes, adds or takes
out a line in the file breaks the chain behind it (`verify`). Lines cut off at the end leave a whole chain; what
shows that is SQLite's own count of the lines ever written, which a deletion leaves as it was, and the revisions
of readings, each of which has a line (`verify_file`). Whoever rewrites all of these is noticed only by somebody
who has kept the last link outside the file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Literal, NamedTuple
from uuid import UUID

from devicehub.journal.failures import JournalFailed
from devicehub.journal.moment import to_text

STATION = "station"
"""The author of what the station decides by itself."""

Act = Literal[
    "accept",
    "answer_visit",
    "assign",
    "close_visit",
    "delegate",
    "discard",
    "doubt",
    "entrust_visit",
    "lock_visit",
    "open_visit",
    "reassign",
    "reject",
    "relabel",
    "retake",
    "retry",
    "type",
    "undo",
    "unlock_visit",
    "withdraw",
    "withhold",
]


class Line(NamedTuple):
    """One line. One written before there were links has none, and is held by the first link there is."""

    number: int
    at: str
    author: str
    act: str
    subject: str
    detail: str | None
    link: str | None


class AuditBroken(Exception):
    """The audit is not as it was written; ``number`` is the first line that shows it."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"le journal d'audit a été modifié à la ligne {number} ou avant ; gardez ce fichier tel quel · "
            f"the audit was changed at line {number} or before it; keep this file as it is"
        )
        self.number = number


class AuditCut(Exception):
    """Lines are missing at the end of the audit, though those that are there are whole."""


def note(
    database: Connection, at: datetime, author: str, act: Act, subject: str, detail: str | None
) -> None:
    """Write one line, in the transaction of the act itself."""
    last = database.execute("SELECT link FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    before = last[0] if last and last[0] else _held_without_link(_lines(database))
    said = (to_text(at), author, act, subject, detail)
    database.execute(
        "INSERT INTO audit (at, author, act, subject, detail, link) VALUES (?, ?, ?, ?, ?, ?)",
        (*said, _link(before, said)),
    )


def read(path: Path) -> list[Line]:
    """The audit of a journal, which may be in use, oldest line first. Raises `JournalFailed`."""
    with _snapshot(path) as database:
        return list(_lines(database))


def verify_file(path: Path) -> tuple[int, str | None]:
    """How many lines an audit that is whole to its end has, and its last link.

    Raises `AuditBroken`, `AuditCut`, `JournalFailed`.
    """
    with _snapshot(path) as database:
        lines = list(_lines(database))
        link = verify(lines)
        counted = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
        (written,) = counted.fetchone() or (0,)
        if written != len(lines):
            raise AuditCut(
                f"{written} lignes ont été écrites, il y en a {len(lines)} ; gardez ce fichier tel quel · "
                f"{written} lines were written, {len(lines)} are there; keep this file as it is"
            )
        told = {(line.at, line.author, line.act, line.subject) for line in lines}
        revised = database.execute(
            "SELECT at, author, action, id FROM attribution JOIN reading "
            "ON reading.number = attribution.reading WHERE attribution.revision > 1"
        )
        for at, author, action, reading in revised:
            subject = str(UUID(bytes=reading))
            if (at, author, action, subject) not in told:
                raise AuditCut(
                    f"la mesure {subject} a été révisée le {at} sans ligne d'audit ; gardez ce fichier tel quel · "
                    f"reading {subject} was revised at {at} without a line of audit; keep this file as it is"
                )
    return len(lines), link


def verify(lines: Iterable[Line]) -> str | None:
    """The last link of a chain that is whole; nothing where there is none yet. Raises `AuditBroken`."""
    without: list[Line] = []
    last: str | None = None
    number = 0
    for line in lines:
        number += 1
        if line.number != number or (last is not None and line.link is None):
            raise AuditBroken(line.number)
        if line.link is None:
            without.append(line)
            continue
        before = last or _held_without_link(without)
        if line.link != _link(before, line[1:-1]):
            raise AuditBroken(line.number)
        last = line.link
    return last


@contextmanager
def _snapshot(path: Path) -> Iterator[Connection]:
    """One committed state of a journal that may be in use."""
    if not path.exists():
        raise JournalFailed(
            f"il n'y a pas de journal en {path} ; vérifiez [station] data · "
            f"there is no journal at {path}; check [station] data"
        )
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            database.execute("BEGIN")
            yield database
    except sqlite3.Error as error:
        raise JournalFailed(
            f"le journal d'audit ne se lit pas dans {path} ({error}) ; gardez ce fichier tel quel · "
            f"the audit in {path} cannot be read ({error}); keep this file as it is"
        ) from error


def _lines(database: Connection) -> Iterator[Line]:
    rows = database.execute(
        "SELECT number, at, author, act, subject, detail, link FROM audit ORDER BY number"
    )
    return map(Line._make, rows)


def _held_without_link(lines: Iterable[Line]) -> str:
    held = sha256()
    for line in lines:
        held.update(_canonical(line[:-1]))
    return held.hexdigest()


def _link(before: str, said: tuple[Any, ...]) -> str:
    return sha256(before.encode() + _canonical(said)).hexdigest()


def _canonical(said: tuple[Any, ...]) -> bytes:
    return json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
