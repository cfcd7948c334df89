"""The device's clock against the station's. Keep both times and the offset; never trust either silently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

RESOLUTION = timedelta(seconds=1)
"""Devices stamp whole seconds: a stamp is known to within one."""

LONGEST_LIVE_DRIFT = timedelta(minutes=2)
"""A live measurement whose stamp is further from its arrival than this has a clock nobody should rely on."""

NEVER_SET = timedelta(seconds=4)
"""A clock this near to the right time is left as it is: to be set means to jump."""

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


def stamp(
    device_time: str | None,
    clock: DeviceClock | None,
    arrived: datetime,
    *,
    live: bool,
    zone: timedelta,
) -> Stamp:
    """Correct a measurement's own time by its device's clock, as it was seen when this connection began.

    Without a clock that was seen, or with a date that is not whole (1970 and the future are whole dates:
    the offset takes care of them), nothing is corrected: the time of arrival is all there is.

    A wrong clock is usually set as soon as it has been seen, and nobody tells. What is in the memory was
    stamped by the clock that was seen. A stamp that a clock set right, to the station's ``zone`` or to
    Coordinated Universal Time, would give between then and now may be the new clock's: it is, for a
    measurement made ``live`` that the clock seen would put elsewhere; otherwise it may be either's, and is
    not used.
    """
    told = whole(device_time)
    if told is None or clock is None:
        return Stamp(device_time=device_time, corrected=None, offset_seconds=None, how="none")
    bare = told.replace(tzinfo=UTC)
    by_clock_seen = bare + timedelta(seconds=clock.offset_seconds)
    corrected: datetime | None = by_clock_seen

    def here(moment: datetime) -> bool:
        return clock.seen_at - RESOLUTION <= moment <= arrived + RESOLUTION

    def is_other(moment: datetime) -> bool:
        return abs(moment - by_clock_seen) > NEVER_SET

    local, universal = bare - zone, bare
    set_since = {one for one in (local, universal) if is_other(one) and here(one)}
    was_right = not is_other(local) and (here(local) or here(by_clock_seen))
    if set_since and not was_right:
        sure = live and len(set_since) == 1 and not here(by_clock_seen)
        corrected = set_since.pop() if sure else None
    elif by_clock_seen - arrived > LONGEST_LIVE_DRIFT:
        # A measurement cannot come from the future: another clock stamped it.
        corrected = None
    return Stamp(
        device_time=device_time,
        corrected=corrected,
        offset_seconds=None if corrected is None else (corrected - bare).total_seconds(),
        how="none" if corrected is None else "device_clock",
    )


def could_be(
    device_time: str | None,
    clock: DeviceClock | None,
    *,
    earliest: datetime,
    latest: datetime,
    zone: timedelta,
) -> bool:
    """Whether a measurement's own time can lie between two moments, by any clock its device may have had.

    That is the clock that was seen, or one set right since. A device that only seems to have fallen silent
    tells its memory late: its own time says so even where it cannot be corrected. Without a clock that was
    seen, or a date that is not whole, nothing is known and anything can be.
    """
    told = whole(device_time)
    if told is None or clock is None:
        return True
    bare = told.replace(tzinfo=UTC)
    candidates = (bare + timedelta(seconds=clock.offset_seconds), bare - zone, bare)
    return any(earliest - RESOLUTION <= one <= latest + RESOLUTION for one in candidates)


def whole(device_time: str | None) -> datetime | None:
    """The naive moment behind a device time, or ``None`` where a part of the date is unknown."""
    if device_time is None:
        return None
    try:
        return datetime.fromisoformat(device_time)
    except ValueError:
        return None
