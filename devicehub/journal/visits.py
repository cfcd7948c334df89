"""The visits of the room. At most one is open; who the patient is, only the dossier knows.

A visit the dossier has not answered for (``unknown``) keeps its patient's identity, sealed; its readings wait
in the outbox. The dossier's answer erases the one and lets go of the others, in one transaction, but for those that
make somebody ask who the patient is, now that the dossier has told of before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from sqlite3 import Connection
from typing import Any
from uuid import UUID

from devicehub.driver import Kind
from devicehub.journal import audit, outbox, readings
from devicehub.journal.failures import NotAllowed
from devicehub.journal.moment import from_text, to_text
from devicehub.journal.records import AtDossier, Filing, Lock, Owed, Visit
from devicehub.reading.reading import Reading

_SELECT = (
    "SELECT id, opened_at, closed_at, plan, responsible, responsible_owed, planned, dossier "
    "FROM visit"
)


def open_(database: Connection, visit: Visit, sealed: bytes | None, author: str) -> None:
    """Write a new, open visit. Opening the visit that is open changes nothing."""
    if visit.closed_at is not None:
        raise NotAllowed(f"visit {visit.id} is over: it cannot be opened")
    present = _open_now(database)
    if present is not None:
        if present == visit:
            return
        raise NotAllowed(f"visit {present.id} is still open: close it first")
    if one(database, visit.id) is not None:
        raise NotAllowed(f"visit {visit.id} was closed: a new visit needs an id of its own")
    database.execute(
        "INSERT INTO visit "
        "(id, opened_at, plan, responsible, responsible_owed, planned, dossier, sealed) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            visit.id,
            to_text(visit.opened_at),
            json.dumps(visit.plan),
            visit.responsible,
            visit.responsible_owed,
            visit.planned,
            visit.at_dossier,
            sealed,
        ),
    )
    audit.note(database, visit.opened_at, author, "open_visit", visit.id, None)


def close(database: Connection, visit: str, at: datetime, author: str) -> None:
    """Write when a visit ended; one that is closed keeps its end."""
    known = _known(database, visit)
    if known.closed_at is not None:
        return
    if at < known.opened_at:
        raise NotAllowed(f"visit {visit} cannot end before it began")
    database.execute(
        "UPDATE visit_lock SET until = ? WHERE visit = ? AND until IS NULL", (to_text(at), visit)
    )
    database.execute("UPDATE visit SET closed_at = ? WHERE id = ?", (to_text(at), visit))
    audit.note(database, at, author, "close_visit", visit, None)


def lock(database: Connection, visit: str, at: datetime, author: str, reason: str) -> None:
    """Lock an open visit. Raises `NotAllowed` where it is closed; one that is locked stays so."""
    known = _known(database, visit)
    if known.closed_at is not None:
        raise NotAllowed(f"visit {visit} is closed")
    if known.locked:
        return
    _begin_lock(database, visit, at)
    audit.note(database, at, author, "lock_visit", visit, reason)


def unlock(database: Connection, visit: str, at: datetime, since: datetime, author: str) -> None:
    """A person has confirmed the patient. Raises `NotAllowed` where the visit is closed.

    The lock began ``since`` then: one that a full disk refused is written here, with its end.
    """
    known = _known(database, visit)
    if known.closed_at is not None:
        raise NotAllowed(f"visit {visit} is closed")
    if not known.locked:
        _begin_lock(database, visit, since)
        audit.note(database, since, audit.STATION, "lock_visit", visit, "not_kept")
    database.execute(
        "UPDATE visit_lock SET until = ? WHERE visit = ? AND until IS NULL", (to_text(at), visit)
    )
    audit.note(database, at, author, "unlock_visit", visit, None)


def entrust(
    database: Connection, visit: str, responsible: str, physician: str, at: datetime, author: str
) -> None:
    """Write who answers for an open visit; the audit names them by their id. Raises `NotAllowed` where it is closed."""
    if _known(database, visit).closed_at is not None:
        raise NotAllowed(f"visit {visit} is closed")
    database.execute(
        "UPDATE visit SET responsible = ?, responsible_owed = 1 WHERE id = ?", (responsible, visit)
    )
    audit.note(database, at, author, "entrust_visit", visit, physician)


def entrusted(database: Connection, visit: str, responsible: str) -> None:
    """The dossier has heard that this physician answers for a visit. If another does by now, it is still owed."""
    database.execute(
        "UPDATE visit SET responsible_owed = 0 WHERE id = ? AND responsible = ?",
        (visit, responsible),
    )


def expect(database: Connection, visit: str, kind: Kind) -> None:
    """Add a kind to what is to be measured in a visit; without a plan that is whatever the room measures."""
    known = _known(database, visit)
    if known.plan and kind not in known.plan:
        plan = json.dumps([*known.plan, kind])
        database.execute("UPDATE visit SET plan = ? WHERE id = ?", (plan, visit))


def answered(
    database: Connection,
    visit: str,
    at_dossier: AtDossier,
    doubt: Callable[[Reading], str | None],
    at: datetime,
    author: str,
) -> list[Filing]:
    """The dossier's answer about a visit. Its identity is erased, and what waited for it is due anew.

    First its readings are looked at once more, with what the dossier has told: ``doubt`` as for `readings.doubt`.
    Returns the filings that may go now, and those that wait for a person.
    """
    known = _known(database, visit)
    database.execute(
        "UPDATE visit SET dossier = ?, sealed = NULL WHERE id = ?", (at_dossier, visit)
    )
    audit.note(database, at, author, "answer_visit", visit, at_dossier)
    if known.at_dossier != "unknown":
        return []
    doubted = readings.doubt(database, visit, doubt, author=author, at=at)
    held = database.execute(
        "SELECT reading.number, reading.id FROM outbox "
        "JOIN reading ON reading.number = outbox.reading WHERE reading.visit = ? "
        "ORDER BY outbox.number",
        (visit,),
    ).fetchall()
    outbox.requeue(database, [number for number, _ in held])
    return readings.some(database, [*doubted, *(UUID(bytes=identity) for _, identity in held)])


def owed(database: Connection) -> list[Owed]:
    """The visits of which the dossier does not know all, by opening."""
    rows = database.execute(
        _SELECT.replace(" FROM", ", sealed FROM")
        + " WHERE dossier = 'unknown' OR (dossier = 'open' AND closed_at IS NOT NULL) "
        "OR responsible_owed ORDER BY opened_at, id"
    ).fetchall()
    return [Owed(visit=_visit(database, row[:-1]), sealed=row[-1]) for row in rows]


def sealed_identity(database: Connection, visit: str) -> bytes | None:
    """A visit's identity while the dossier does not hold it."""
    row = database.execute("SELECT sealed FROM visit WHERE id = ?", (visit,)).fetchone()
    return row[0] if row else None


def since(database: Connection, moment: datetime) -> list[Visit]:
    """The visits that were open at a moment or later, by opening."""
    rows = database.execute(
        f"{_SELECT} WHERE closed_at IS NULL OR closed_at >= ? ORDER BY opened_at, id",
        (to_text(moment),),
    ).fetchall()
    return [_visit(database, row) for row in rows]


def last_boundary(database: Connection) -> datetime | None:
    """The latest moment at which any visit began, ended, was locked or unlocked."""
    (moment,) = database.execute(
        "SELECT max(moment) FROM (SELECT max(opened_at) AS moment FROM visit "
        "UNION ALL SELECT max(closed_at) FROM visit "
        "UNION ALL SELECT max(since) FROM visit_lock UNION ALL SELECT max(until) FROM visit_lock)"
    ).fetchone()
    return from_text(moment) if moment else None


def one(database: Connection, visit: str) -> Visit | None:
    """A visit by its id."""
    row = database.execute(f"{_SELECT} WHERE id = ?", (visit,)).fetchone()
    return row and _visit(database, row)


def _begin_lock(database: Connection, visit: str, since: datetime) -> None:
    database.execute("INSERT INTO visit_lock (visit, since) VALUES (?, ?)", (visit, to_text(since)))


def _open_now(database: Connection) -> Visit | None:
    """The visit that is open."""
    row = database.execute(f"{_SELECT} WHERE closed_at IS NULL").fetchone()
    return row and _visit(database, row)


def _known(database: Connection, visit: str) -> Visit:
    known = one(database, visit)
    if known is None:
        raise NotAllowed(f"there is no visit {visit} in this journal")
    return known


def _visit(database: Connection, row: tuple[Any, ...]) -> Visit:
    visit, opened, closed, plan, responsible, responsible_owed, planned, dossier = row
    locks = database.execute(
        "SELECT since, until FROM visit_lock WHERE visit = ? ORDER BY number", (visit,)
    )
    return Visit(
        id=visit,
        opened_at=from_text(opened),
        closed_at=from_text(closed) if closed else None,
        locks=tuple(
            Lock(since=from_text(since), until=from_text(until) if until else None)
            for since, until in locks
        ),
        plan=json.loads(plan),
        responsible=responsible,
        responsible_owed=bool(responsible_owed),
        planned=bool(planned),
        at_dossier=dossier,
    )
