"""The frames in the journal: committed first, their fate said later."""

from __future__ import annotations

import json
from datetime import datetime
from sqlite3 import Connection
from typing import Any

from devicehub.driver import Frame
from devicehub.journal.failures import NotAllowed
from devicehub.journal.moment import from_text, to_text
from devicehub.journal.records import Fate, JournalledFrame
from devicehub.reading.reading import DriverUsed, Evidence, Origin
from devicehub.reading.settle import Settling

_SELECT = """
SELECT number, device, connection, driver, driver_version, origin, model, parts, first_byte,
    last_byte, settling, address FROM frame
"""


def commit(
    database: Connection,
    *,
    device: str,
    address: str,
    connection: str,
    driver: DriverUsed,
    origin: Origin,
    frame: Frame,
    first_byte: datetime,
    last_byte: datetime,
    settling: Settling,
) -> JournalledFrame:
    """Write a frame and give it its number."""
    row = (
        device,
        connection,
        driver.id,
        driver.version,
        origin,
        frame.model,
        json.dumps(frame.hex(), separators=(",", ":")),
        to_text(first_byte),
        to_text(last_byte),
        settling.model_dump_json(),
        address,
    )
    number = database.execute(
        "INSERT INTO frame (device, connection, driver, driver_version, origin, model, parts, "
        "first_byte, last_byte, settling, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    ).lastrowid
    return _frame((number, *row))


def settle(database: Connection, number: int, fate: Fate, detail: str | None) -> None:
    """Say what became of a frame. Raises `NotAllowed` for one that was never committed."""
    known = database.execute(
        "UPDATE frame SET fate = ?, detail = ? WHERE number = ?", (fate, detail, number)
    ).rowcount
    if not known:
        raise NotAllowed(f"there is no frame {number} in this journal")


def unread(database: Connection) -> list[JournalledFrame]:
    """The frames without fate, oldest first."""
    rows = database.execute(f"{_SELECT} WHERE fate IS NULL ORDER BY number")
    return [_frame(row) for row in rows]


def of_connection(database: Connection, connection: str) -> list[JournalledFrame]:
    """The frames of one connection, oldest first."""
    rows = database.execute(f"{_SELECT} WHERE connection = ? ORDER BY number", (connection,))
    return [_frame(row) for row in rows]


def one(database: Connection, number: int) -> JournalledFrame | None:
    """A frame by its number."""
    row = database.execute(f"{_SELECT} WHERE number = ?", (number,)).fetchone()
    return row and _frame(row)


def last(database: Connection) -> int:
    """The number of the last frame; 0 where there is none."""
    number: int = database.execute("SELECT coalesce(max(number), 0) FROM frame").fetchone()[0]
    return number


def not_understood(database: Connection) -> int:
    """How many frames were not understood."""
    count: int = database.execute(
        "SELECT count(*) FROM frame WHERE fate = 'not_understood'"
    ).fetchone()[0]
    return count


def last_not_understood(database: Connection, limit: int) -> list[tuple[JournalledFrame, str]]:
    """The frames that were not understood, each with the reason, newest first."""
    rows = database.execute(
        "SELECT number, detail FROM frame WHERE fate = 'not_understood' ORDER BY number DESC LIMIT ?",
        (limit,),
    ).fetchall()
    found = [(one(database, number), detail or "") for number, detail in rows]
    return [(frame, detail) for frame, detail in found if frame is not None]


def _frame(row: tuple[Any, ...]) -> JournalledFrame:
    number, device, connection, driver, version, origin, model, *said, address = row
    parts, first, last, settling = said
    return JournalledFrame(
        number=number,
        device=device,
        address=address,
        connection=connection,
        driver=DriverUsed(id=driver, version=version),
        origin=origin,
        settling=Settling.model_validate_json(settling),
        evidence=Evidence(
            number=number,
            parts=tuple((on, data) for on, data in json.loads(parts)),
            model=model,
            first_byte=from_text(first),
            last_byte=from_text(last),
        ),
    )
