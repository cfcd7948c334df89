"""The outbox: what the dossier has not answered for. A reading leaves it by a receipt, and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from sqlite3 import Connection
from uuid import UUID

from devicehub.journal import readings
from devicehub.journal.moment import from_text, to_text
from devicehub.journal.readings import Standing
from devicehub.journal.records import Due, Filing, Outbox, Receipt, State
from devicehub.journal.states import BY_DELIVERY, check

BROKER = "broker"
DOSSIER = "dossier"


def items(database: Connection, limit: int, after: int) -> list[Due]:
    """What is due behind the place ``after``, oldest first.

    What a person can still undo waits, and so does what belongs to a visit the dossier does not know yet.
    """
    rows = database.execute(
        "SELECT outbox.number, filing.* FROM outbox JOIN filing ON filing.number = outbox.reading "
        "WHERE outbox.number > ? AND undo_until IS NULL AND NOT EXISTS (SELECT 1 FROM visit "
        "WHERE visit.id = filing.visit AND visit.dossier = 'unknown') "
        "ORDER BY outbox.number LIMIT ?",
        (after, limit),
    )
    return [Due(number=row[0], filing=readings.filing_from(row[1:])) for row in rows]


def take(database: Connection, limit: int, after: int, now: datetime) -> list[Due]:
    """What is due, to be sent now: from here on no person can keep it back."""
    _let_go(database, now)
    due = []
    for item in items(database, limit, after):
        if readings.stands(database, item.filing):
            due.append(item)
        else:
            # Whoever derives has not seen yet that its source is gone, or a person is asked about it. It is met again.
            until = to_text(now + readings.DERIVED_AFTER)
            database.execute(
                "UPDATE outbox SET undo_until = ? WHERE number = ?", (until, item.number)
            )
    database.executemany(
        "UPDATE reading SET sent = 1 WHERE id = ? AND sent = 0",
        [(item.filing.reading.id.bytes,) for item in due],
    )
    return due


def summary(database: Connection) -> Outbox:
    """How much is due, and since when."""
    waiting, oldest = database.execute(
        "SELECT (SELECT count(*) FROM outbox), (SELECT at FROM outbox ORDER BY number LIMIT 1)"
    ).fetchone()
    undoable, last = database.execute(
        "SELECT count(*), max(undo_until) FROM outbox WHERE undo_until IS NOT NULL"
    ).fetchone()
    return Outbox(
        waiting=waiting,
        oldest=from_text(oldest) if oldest else None,
        undo_until=from_text(last) if last and undoable == waiting else None,
    )


def undo_until(database: Connection) -> datetime | None:
    """When the first of what a person can still undo may go."""
    (first,) = database.execute(
        "SELECT min(undo_until) FROM outbox WHERE undo_until IS NOT NULL"
    ).fetchone()
    return from_text(first) if first else None


def requeue(database: Connection, readings: Sequence[int]) -> None:
    """Put what waited behind all the rest: whoever walks the outbox has passed it by, and meets it again."""
    for reading in readings:
        database.execute(
            "REPLACE INTO outbox (reading, revision, at, undo_until) "
            "SELECT reading, revision, at, undo_until FROM outbox WHERE reading = ?",
            (reading,),
        )


def _let_go(database: Connection, now: datetime) -> None:
    """End the undoing of what has waited for its moment, or for nobody knows how long: the clock was set back."""
    moment = to_text(now)
    rows = database.execute(
        "SELECT reading FROM outbox WHERE undo_until IS NOT NULL AND (undo_until <= ? OR at > ?) "
        "ORDER BY number",
        (moment, moment),
    ).fetchall()
    database.executemany("UPDATE outbox SET undo_until = NULL WHERE reading = ?", rows)
    requeue(database, [reading for (reading,) in rows])


def mark_published(
    database: Connection, keys: Sequence[tuple[UUID, int]], at: datetime
) -> list[Filing]:
    """Take in the broker's word."""
    changed = []
    for reading, revision in keys:
        standing = _awaiting(database, reading, revision)
        if standing is not None and standing.state == "accepted":
            _deliver(database, standing, "published", BROKER, None, at)
            changed.append(reading)
    return readings.some(database, changed)


def receipts(database: Connection, batch: Sequence[Receipt], at: datetime) -> list[Filing]:
    """Take in the dossier's word."""
    changed = []
    for receipt in batch:
        standing = _awaiting(database, receipt.id, receipt.revision)
        if standing is None:
            continue
        if standing.state == "withdrawn":
            _answer_withdrawal(database, standing, receipt, at)
        else:
            _answer(database, standing, receipt, at)
        changed.append(receipt.id)
    return readings.some(database, changed)


def _awaiting(database: Connection, reading: UUID, revision: int) -> Standing | None:
    """Where a reading stands if this revision of it awaits a receipt."""
    standing = readings.standing_of(database, reading)
    if standing is None:
        return None
    waits = database.execute(
        "SELECT 1 FROM outbox WHERE reading = ? AND revision = ?", (standing.number, revision)
    ).fetchone()
    return standing if waits else None


def _answer(database: Connection, standing: Standing, receipt: Receipt, at: datetime) -> None:
    state: State = "filed"
    if receipt.result == "refused":
        state = "accepted" if receipt.retryable else "refused"
    _deliver(database, standing, state, DOSSIER, receipt.reason, at)
    if state != "accepted":
        _leave(database, standing)


def _answer_withdrawal(
    database: Connection, standing: Standing, receipt: Receipt, at: datetime
) -> None:
    """Filed or refused, the reading stays withdrawn; a refusal is kept for a person to see."""
    if receipt.result == "refused":
        detail = f"refused: {receipt.reason or 'no reason given'}"
        readings.put_state(database, standing, "withdrawn", author=DOSSIER, detail=detail, at=at)
    if receipt.result != "refused" or not receipt.retryable:
        _leave(database, standing)


def _leave(database: Connection, standing: Standing) -> None:
    database.execute("DELETE FROM outbox WHERE reading = ?", (standing.number,))


def _deliver(
    database: Connection,
    standing: Standing,
    state: State,
    author: str,
    detail: str | None,
    at: datetime,
) -> None:
    check(BY_DELIVERY, standing.state, state)
    database.execute("UPDATE reading SET sent = 1 WHERE number = ?", (standing.number,))
    readings.put_state(database, standing, state, author=author, detail=detail, at=at)
