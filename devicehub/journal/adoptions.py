"""Which physical devices belong to the room, by a deliberate act: append-only, the newest act of a device counts."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Literal

from pydantic import AwareDatetime

from devicehub.journal.moment import from_text, to_text
from devicehub.reading.reading import Record


class Adoption(Record):
    """A physical device was made the room's ``device``, or let go. ``code`` is what the page showed meanwhile."""

    device: str
    act: Literal["adopted", "released"] = "adopted"
    address: str
    intrinsic: str | None = None
    code: str | None = None
    author: str
    at: AwareDatetime


def record(database: Connection, adoption: Adoption) -> None:
    """Write one act."""
    database.execute(
        "INSERT INTO adoption (device, act, address, intrinsic, code, author, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            adoption.device,
            adoption.act,
            adoption.address,
            adoption.intrinsic,
            adoption.code,
            adoption.author,
            to_text(adoption.at),
        ),
    )


def present(database: Connection) -> list[Adoption]:
    """The devices that belong to the room now, by their ids."""
    rows = database.execute(
        "SELECT device, act, address, intrinsic, code, author, at FROM adoption ORDER BY number"
    )
    newest: dict[str, Adoption] = {}
    for device, act, address, intrinsic, code, author, at in rows:
        newest[device] = Adoption(
            device=device,
            act=act,
            address=address,
            intrinsic=intrinsic,
            code=code,
            author=author,
            at=from_text(at),
        )
    return [newest[device] for device in sorted(newest) if newest[device].act == "adopted"]
