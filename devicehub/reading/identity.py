"""The identity of a reading: made once, the same for the same measurement however often it arrives."""

from __future__ import annotations

from uuid import UUID, uuid5

from devicehub.driver import DeviceFacts, Kind

NAMESPACE = UUID("6f6d3c8e-5f0e-5b7c-9d2a-3d6f5d1c7a10")
"""The namespace of devicehub's readings: fixed for ever, or a stored measurement would be filed twice."""


def intrinsic(facts: DeviceFacts | None, address: str) -> str:
    """What identifies the physical device: its System ID, else its serial number, else its address."""
    if facts is not None and facts.system_id and facts.system_id.strip("0f"):
        return f"system-id:{facts.system_id}"
    if facts is not None and facts.serial_number:
        return f"serial-number:{facts.maker or ''}:{facts.model or ''}:{facts.serial_number}"
    return f"address:{address}"


def record_key(
    *, sequence: int | None, device_time: str | None, trusted: bool, frame: str, index: int
) -> str:
    """What tells a device's measurements apart: its own numbering or trusted time, else the journalled frame.

    ``frame`` names the journalled frame (station and number), ``index`` the measurement within it. A
    device that numbers or dates its records may send one again: it is the same reading.
    """
    if sequence is not None:
        return f"sequence:{sequence}:{device_time or ''}"
    if trusted and device_time is not None:
        return f"time:{device_time}"
    return f"frame:{frame}:{index}"


def reading_id(device: str, kind: Kind, key: str) -> UUID:
    """The reading's id: a UUIDv5 of device, kind and record key."""
    return uuid5(NAMESPACE, f"{device}\n{kind}\n{key}")
