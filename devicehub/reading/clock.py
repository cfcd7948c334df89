"""The device's clock against the station's. Keep both times and the offset; never trust either silently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

RESOLUTION = timedelta(seconds=1)
"""Devices stamp whole seconds: a stamp is known to within one."""

LONGEST_LIVE_DRIFT = timedelta(minutes=2)
"""A live measurement whose stamp is further from its arrival than this has a clock nobody should rely on."""

How = Literal["device_clock", "none"]


class DeviceClock(BaseModel):
    """How far a device's clock is from the true time, as the station knows it, and when that was seen."""

    model_config = ConfigDict(frozen=True)

    offset_seconds: float
    """What must be added to the device's time to get Coordinated Universal Time, its zone included."""
    seen_at: AwareDatetime


class Stamp(BaseModel):
    """What is known of a measurement's own time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device_time: str | None
    corrected: AwareDatetime | None
    offset_seconds: float | None
    how: How


def compare(device_time: str | None, seen_at: datetime) -> DeviceClock | None:
    """The clock behind a time the device told at ``seen_at``; ``None`` where the date is not whole."""
    told = whole(device_time)
    if told is None:
        return None
    offset = seen_at.astimezone(UTC) - told.replace(tzinfo=UTC)
    return DeviceClock(offset_seconds=offset.total_seconds(), seen_at=seen_at)


def stamp(device_time: str | None, clock: DeviceClock | None, arrived: datetime) -> Stamp:
    """Correct a measurement's own time by its device's clock.

    Without a clock that was seen, or with a date that is not whole (1970 and the future are whole dates:
    the offset takes care of them), nothing is corrected: the time of arrival is all there is.
    """
    told = whole(device_time)
    if told is None or clock is None:
        return Stamp(device_time=device_time, corrected=None, offset_seconds=None, how="none")
    corrected = told.replace(tzinfo=UTC) + timedelta(seconds=clock.offset_seconds)
    if corrected - arrived > LONGEST_LIVE_DRIFT:
        # A measurement cannot come from the future: the clock was set after it was stamped.
        return Stamp(device_time=device_time, corrected=None, offset_seconds=None, how="none")
    return Stamp(
        device_time=device_time,
        corrected=corrected,
        offset_seconds=clock.offset_seconds,
        how="device_clock",
    )


def whole(device_time: str | None) -> datetime | None:
    """The naive moment behind a device time, or ``None`` where a part of the date is unknown."""
    if device_time is None:
        return None
    try:
        return datetime.fromisoformat(device_time)
    except ValueError:
        return None
