"""The blood-pressure series of the room's visits, so that a restart in the middle of one loses nothing."""

from __future__ import annotations

from sqlite3 import Connection
from uuid import UUID


def keep(database: Connection, series: UUID, visit: str, content: str) -> None:
    """Write a series as it stands now."""
    database.execute(
        "INSERT INTO series (id, visit, content) VALUES (?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET content = excluded.content",
        (series.bytes, visit, content),
    )


def of_visit(database: Connection, visit: str) -> list[str]:
    """The series of a visit as they were kept, in the order they began."""
    rows = database.execute("SELECT content FROM series WHERE visit = ? ORDER BY number", (visit,))
    return [content for (content,) in rows]


def visits_of(database: Connection, reading: UUID) -> list[str]:
    """Every visit a reading was ever attributed to."""
    rows = database.execute(
        "SELECT DISTINCT attribution.visit FROM attribution "
        "JOIN reading ON reading.number = attribution.reading "
        "WHERE reading.id = ? AND attribution.visit IS NOT NULL",
        (reading.bytes,),
    )
    return [visit for (visit,) in rows]
