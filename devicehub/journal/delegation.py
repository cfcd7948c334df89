"""Which kinds of measurement the physician has delegated to assistants: append-only, the newest word of a kind counts."""

from __future__ import annotations

from datetime import datetime
from sqlite3 import Connection

from devicehub.driver import Kind
from devicehub.journal import audit
from devicehub.journal.moment import to_text


def record(database: Connection, kind: Kind, *, delegated: bool, author: str, at: datetime) -> None:
    """Write the physician's word on one kind, and note it in the audit."""
    database.execute(
        "INSERT INTO delegation (kind, delegated, author, at) VALUES (?, ?, ?, ?)",
        (kind, delegated, author, to_text(at)),
    )
    audit.note(database, at, author, "delegate" if delegated else "withhold", kind, None)


def withheld(database: Connection) -> frozenset[Kind]:
    """The kinds that are not delegated now. A kind nobody has spoken of is delegated."""
    newest: dict[Kind, bool] = dict(
        database.execute("SELECT kind, delegated FROM delegation ORDER BY number").fetchall()
    )
    return frozenset(kind for kind, delegated in newest.items() if not delegated)
