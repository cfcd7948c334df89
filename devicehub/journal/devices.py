"""What is remembered of each device: the identity and facts it told, and how far its clock is off."""

from __future__ import annotations

from sqlite3 import Connection

from devicehub.driver import DeviceFacts
from devicehub.journal.records import DeviceRecord
from devicehub.reading.clock import DeviceClock


def remember(
    database: Connection,
    device: str,
    address: str,
    facts: DeviceFacts | None,
    clock: DeviceClock | None,
    intrinsic: str | None,
) -> DeviceRecord:
    """Merge what is new into what is known of the device at this address."""
    known = at(database, device, address) or DeviceRecord(
        id=device, intrinsic=None, facts=None, clock=None
    )
    record = DeviceRecord(
        id=device,
        intrinsic=intrinsic or known.intrinsic,
        facts=_merged(known.facts, facts),
        clock=clock or known.clock,
    )
    # It is replaced, not updated, so that its number says who spoke last under this name.
    database.execute(
        "INSERT OR REPLACE INTO device (id, address, intrinsic, facts, clock) VALUES (?, ?, ?, ?, ?)",
        (
            device,
            address,
            record.intrinsic,
            record.facts.model_dump_json() if record.facts else None,
            record.clock.model_dump_json() if record.clock else None,
        ),
    )
    return record


def newest(database: Connection, device: str) -> DeviceRecord | None:
    """What is known of the device that spoke last under this name."""
    row = database.execute(
        "SELECT intrinsic, facts, clock FROM device WHERE id = ? ORDER BY number DESC", (device,)
    ).fetchone()
    return row and _record(device, *row)


def at(database: Connection, device: str, address: str) -> DeviceRecord | None:
    """What is known of the device of this name at this address."""
    row = database.execute(
        "SELECT intrinsic, facts, clock FROM device WHERE id = ? AND address = ?", (device, address)
    ).fetchone()
    return row and _record(device, *row)


def _record(
    device: str, intrinsic: str | None, facts: str | None, clock: str | None
) -> DeviceRecord:
    return DeviceRecord(
        id=device,
        intrinsic=intrinsic,
        facts=DeviceFacts.model_validate_json(facts) if facts else None,
        clock=DeviceClock.model_validate_json(clock) if clock else None,
    )


def _merged(known: DeviceFacts | None, told: DeviceFacts | None) -> DeviceFacts | None:
    if known is None or told is None:
        return told or known
    return known.model_copy(update={name: getattr(told, name) for name in _said(told)})


def _said(facts: DeviceFacts) -> set[str]:
    return set(facts.model_dump(exclude_defaults=True))
