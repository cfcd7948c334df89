"""What devices told, by hash: whoever tells the same again may only be emptying its memory."""

from __future__ import annotations

from collections.abc import Iterable
from sqlite3 import Connection

from devicehub.journal.records import Told


def remember(database: Connection, told: Iterable[Told]) -> None:
    """Keep in which connection each was told first."""
    database.executemany(
        "INSERT INTO told (device, content, connection) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(one.device, one.content, one.connection) for one in told],
    )


def is_repeated(database: Connection, told: Told) -> bool:
    """Whether the device told the same in an earlier connection."""
    row = database.execute(
        "SELECT connection FROM told WHERE device = ? AND content = ?", (told.device, told.content)
    ).fetchone()
    return row is not None and row[0] != told.connection
