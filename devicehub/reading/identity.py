"""The identity of a reading: made once, the same for the same measurement however often it arrives."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID, uuid5

from devicehub.driver import DeviceFacts, Kind, Measurement
from devicehub.reading.reading import Reading

NAMESPACE = UUID("6f6d3c8e-5f0e-5b7c-9d2a-3d6f5d1c7a10")
"""The namespace of devicehub's readings: fixed for ever, or a stored measurement would be filed twice."""


SAME_MOMENT = timedelta(minutes=1)
"""Two corrections of one device time differ by seconds: by the clock's resolution, and its drift."""

_NOT_COMPARED = frozenset({"stored", "flags", "said"})


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


def likeness(known: Reading, new: Reading) -> Literal["same", "repeated", "other"]:
    """What a reading is to one that has its id already.

    The ``same`` record, sent again. ``other``: their values contradict each other, so the device's
    numbering or clock has begun again. ``repeated``: equal values with the same stamp, from moments that
    are not the same: a record sent again after the clock was set, or a measurement with a clock that
    stands still. Nobody can tell.
    """
    before, after = (one.measurement.model_dump(exclude=set(_NOT_COMPARED)) for one in (known, new))
    if any(
        value is not None and after[name] is not None and value != after[name]
        for name, value in before.items()
    ):
        return "other"
    first, second = known.stamp.corrected, new.stamp.corrected
    if first is not None and second is not None and abs(second - first) > SAME_MOMENT:
        return "repeated"
    return "same"


def content(measurement: Measurement) -> str:
    """A hash of all a measurement says but that it was stored: a live one may come again from memory."""
    return sha256(measurement.model_dump_json(exclude={"stored"}).encode()).hexdigest()
