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

OWN_DRIFT = 0.0001
"""As fast as a device's clock may run away by itself: five times what a cheap crystal does (20 parts in a million)."""

SETTING = timedelta(minutes=1)
"""A clock that was seen wrong is set within this: a session does it as soon as it has seen it."""

FIRST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LAST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
"""Between these a device's time can be reckoned with; a day is left for what a zone or a duration adds."""

How = Literal["device_clock", "none"]


class EarlierClock(BaseModel):
    """The clock a device had before it was set, as it was seen last."""

    model_config = ConfigDict(frozen=True)

    offset_seconds: float
    seen_at: AwareDatetime


class DeviceClock(BaseModel):
    """How far a device's clock is from the true time, as the station knows it, and when that was seen."""

    model_config = ConfigDict(frozen=True)

    offset_seconds: float
    """What must be added to the device's time to get Coordinated Universal Time, its zone included."""
    seen_at: AwareDatetime
    earlier: EarlierClock | None = None
    """What stamped the records that are older than its being set."""

    def after(self, known: DeviceClock | None) -> DeviceClock:
        """This clock, where ``known`` is the one that was seen in the connection before."""
        if known is None:
            return self
        passed = (self.seen_at - known.seen_at).total_seconds()
        moved = abs(self.offset_seconds - known.offset_seconds)
        if moved <= NEVER_SET.total_seconds() + OWN_DRIFT * abs(passed):
            return self.model_copy(update={"earlier": known.earlier})
        earlier = EarlierClock(offset_seconds=known.offset_seconds, seen_at=known.seen_at)
        return self.model_copy(update={"earlier": earlier})

    def may_not_have_stamped(self, bare: datetime, *, live: bool) -> bool:
        """Whether a record's own time, taken for Coordinated Universal Time, may be of the clock before this one.

        What was made ``live``, in this connection, is not.
        """
        by_this = _moved(bare, self.offset_seconds)
        if self.earlier is None or (live and by_this and by_this >= self.seen_at - RESOLUTION):
            return False
        by_earlier = _moved(bare, self.earlier.offset_seconds)
        if by_this is None or by_earlier is None:
            return True
        set_from, set_until = self.earlier.seen_at, self.earlier.seen_at + SETTING
        return by_this < set_from or by_earlier <= set_until


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
    the offset takes care of them, unless it leads beyond all years), nothing is corrected: the time of
    arrival is all there is.

    A wrong clock is usually set as soon as it has been seen, and nobody tells. What is in the memory was
    stamped by the clock that was seen. A stamp that a clock set right, to the station's ``zone`` or to
    Coordinated Universal Time, would give between then and now may be the new clock's: it is, for a
    measurement made ``live`` that the clock seen would put elsewhere; otherwise it may be either's, and is
    not used.

    Nor is one of the memory that the clock of an earlier connection may have made: a link that was lost
    between the clock's being set and the memory's being told leaves records of the clock that was wrong.
    """
    told = whole(device_time)
    if told is None or clock is None:
        return Stamp(device_time=device_time, corrected=None, offset_seconds=None, how="none")
    bare = told.replace(tzinfo=UTC)
    corrected = by_clock_seen = _moved(bare, clock.offset_seconds)

    def here(moment: datetime | None) -> bool:
        return moment is not None and clock.seen_at - RESOLUTION <= moment <= arrived + RESOLUTION

    def is_other(moment: datetime) -> bool:
        return by_clock_seen is None or abs(moment - by_clock_seen) > NEVER_SET

    local, universal = _moved(bare, -zone.total_seconds()) or bare, bare
    set_since = {one for one in (local, universal) if is_other(one) and here(one)}
    was_right = not is_other(local) and (here(local) or here(by_clock_seen))
    if set_since and not was_right:
        sure = live and len(set_since) == 1 and not here(by_clock_seen)
        corrected = set_since.pop() if sure else None
    elif by_clock_seen is None or by_clock_seen - arrived > LONGEST_LIVE_DRIFT:
        # A measurement cannot come from the future: another clock stamped it.
        corrected = None
    elif clock.may_not_have_stamped(bare, live=live):
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
    live: bool,
    zone: timedelta,
) -> bool:
    """Whether a measurement's own time can lie between two moments, by any clock its device may have had.

    That is the clock that was seen, or one set right since. A device that only seems to have fallen silent
    tells its memory late: its own time says so even where it cannot be corrected. What may
    be of the clock of an earlier connection can be much older. Of a clock that was never seen a measurement made
    ``live`` can have any time; a record told right after connecting is recent only if that clock, taken for
    right to within minutes, says so. A date that is not whole tells nothing, and anything can be.
    """
    told = whole(device_time)
    if told is None or (clock is None and live):
        return True
    bare = told.replace(tzinfo=UTC)
    if clock is None:
        early, late = earliest - LONGEST_LIVE_DRIFT, latest + LONGEST_LIVE_DRIFT
        return any(early <= one <= late for one in _meant(bare, None, zone))
    if clock.may_not_have_stamped(bare, live=live):
        return False
    meant = _meant(bare, clock, zone)
    return any(earliest - RESOLUTION <= one <= latest + RESOLUTION for one in meant)


def told_since(
    device_time: str | None, clock: DeviceClock | None, arrived: datetime, *, zone: timedelta
) -> datetime | None:
    """The earliest moment that a record's own time may mean, where nobody knows which clock stamped it.

    By every clock its device may have had, each taken for right to within minutes. ``None`` where its own
    time tells nothing: a date that is not whole, or one that has not come yet by any of them.
    """
    told = whole(device_time)
    if told is None:
        return None
    meant = _meant(told.replace(tzinfo=UTC), clock, zone)
    moments = (one - LONGEST_LIVE_DRIFT for one in meant)
    return min((one for one in moments if one <= arrived), default=None)


def _meant(bare: datetime, clock: DeviceClock | None, zone: timedelta) -> list[datetime]:
    """What a record's own time may mean: by a clock that is right, to the zone or not, and by the one that was seen."""
    offsets = (-zone.total_seconds(), 0.0, *(() if clock is None else (clock.offset_seconds,)))
    return [one for offset in offsets if (one := _moved(bare, offset)) is not None]


def _moved(bare: datetime, seconds: float) -> datetime | None:
    """A record's own time corrected; ``None`` where that leads beyond all years: no such clock has stamped it."""
    try:
        moment = bare + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return moment if FIRST <= moment <= LAST else None


def whole(device_time: str | None) -> datetime | None:
    """The naive moment behind a device time, or ``None`` where a part of the date is unknown."""
    if device_time is None:
        return None
    try:
        return datetime.fromisoformat(device_time)
    except ValueError:
        return None
