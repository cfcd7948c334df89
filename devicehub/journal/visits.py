"""The visits of the room. At most one is open; who the patient is, only the dossier knows."""

from __future__ import annotations

from datetime import datetime
from sqlite3 import Connection
from typing import Any

from devicehub.journal import audit
from devicehub.journal.failures import NotAllowed
from devicehub.journal.moment import from_text, to_text
from devicehub.journal.records import Visit

_SELECT = "SELECT id, opened_at, closed_at FROM visit"


def open_(database: Connection, visit: Visit, author: str) -> None:
    """Write a new, open visit. Opening the visit that is open changes nothing."""
    if visit.closed_at is not None:
        raise NotAllowed(f"visit {visit.id} is over: it cannot be opened")
    present = open_now(database)
    if present is not None:
        if present == visit:
            return
        raise NotAllowed(f"visit {present.id} is still open: close it first")
    if database.execute("SELECT 1 FROM visit WHERE id = ?", (visit.id,)).fetchone():
        raise NotAllowed(f"visit {visit.id} was closed: a new visit needs an id of its own")
    database.execute(
        "INSERT INTO visit (id, opened_at) VALUES (?, ?)", (visit.id, to_text(visit.opened_at))
    )
    audit.note(database, visit.opened_at, author, "open_visit", visit.id, None)


def close(database: Connection, visit: str, at: datetime, author: str) -> None:
    """Write when a visit ended; one that is closed keeps its end."""
    row = database.execute(f"{_SELECT} WHERE id = ?", (visit,)).fetchone()
    if row is None:
        raise NotAllowed(f"there is no visit {visit} in this journal")
    known = _visit(row)
    if known.closed_at is not None:
        return
    if at < known.opened_at:
        raise NotAllowed(f"visit {visit} cannot end before it began")
    database.execute("UPDATE visit SET closed_at = ? WHERE id = ?", (to_text(at), visit))
    audit.note(database, at, author, "close_visit", visit, None)


def since(database: Connection, moment: datetime) -> list[Visit]:
    """The visits that were open at a moment or later, by opening."""
    rows = database.execute(
        f"{_SELECT} WHERE closed_at IS NULL OR closed_at >= ? ORDER BY opened_at, id",
        (to_text(moment),),
    )
    return [_visit(row) for row in rows]


def open_now(database: Connection) -> Visit | None:
    """The visit that is open."""
    row = database.execute(f"{_SELECT} WHERE closed_at IS NULL").fetchone()
    return row and _visit(row)


def _visit(row: tuple[Any, ...]) -> Visit:
    visit, opened, closed = row
    return Visit(
        id=visit, opened_at=from_text(opened), closed_at=from_text(closed) if closed else None
    )
