"""The blood-pressure series of the room's visits, so that a restart in the middle of one loses nothing."""

from __future__ import annotations

from datetime import datetime
from sqlite3 import Connection
from uuid import UUID

from devicehub.journal import audit


def keep(database: Connection, series: UUID, visit: str, content: str) -> None:
    """Write a series as it stands now."""
    database.execute(
        "INSERT INTO series (id, visit, content) VALUES (?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET content = excluded.content",
        (series.bytes, visit, content),
    )


def relabel(
    database: Connection,
    series: UUID,
    visit: str,
    content: str,
    reading: UUID,
    author: str,
    detail: str,
    at: datetime,
) -> None:
    """Write a series in which a person has corrected what a reading was taken on, and note it in the audit."""
    keep(database, series, visit, content)
    audit.note(database, at, author, "relabel", str(reading), detail)


def of_visit(database: Connection, visit: str) -> list[str]:
    """The series of a visit as they were kept, in the order they began."""
    rows = database.execute("SELECT content FROM series WHERE visit = ? ORDER BY number", (visit,))
    return [content for (content,) in rows]
