"""The audit: who did what to what, and when. Append-only; it names readings and visits, never a person examined."""

from __future__ import annotations

from datetime import datetime
from sqlite3 import Connection
from typing import Literal

from devicehub.journal.moment import to_text

Act = Literal["change", "attribute", "open_visit", "close_visit"]


def note(
    database: Connection, at: datetime, author: str, act: Act, subject: str, detail: str | None
) -> None:
    """Write one line, in the transaction of the act itself."""
    database.execute(
        "INSERT INTO audit (at, author, act, subject, detail) VALUES (?, ?, ?, ?, ?)",
        (to_text(at), author, act, subject, detail),
    )
