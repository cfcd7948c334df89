"""When a measurement can have begun. The fence relies on both ends of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from devicehub.reading.clock import RESOLUTION, Stamp

KnownFrom = Literal["live_frames", "device_clock", "arrival"]


class Began(BaseModel):
    """The interval in which a measurement can have begun, ends included, and how it is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    earliest: AwareDatetime
    latest: AwareDatetime
    known_from: KnownFrom


def began(
    *,
    first_live: datetime | None,
    resumed: datetime | None = None,
    stamp: Stamp,
    stamped: Literal["start", "end"],
    first_byte: datetime,
    longest: timedelta,
    told_since: datetime | None = None,
) -> Began:
    """The interval in which a measurement began.

    Known from its live frames where there were some (until they ``resumed``, where they had paused: it may
    have begun then, in place of an attempt given up); else from the device's corrected time, to within the
    clock's resolution (and the model's ``longest`` duration where it stamps the end); else it lies
    between the frame's first byte less the model's ``longest`` duration and that byte. A record of the memory
    may be older than that: it began after the moment it may be ``told_since`` (`clock.told_since`), less that duration.

    A corrected time before the live frames says that they may have been another's: a cuff that measures now
    may first tell what its memory has held since the last patient. Then both beginnings count.
    """
    before = RESOLUTION + (longest if stamped == "end" else timedelta())
    if first_live is not None:
        earliest, latest = first_live, resumed or first_live
        if stamp.corrected is not None and stamp.corrected + RESOLUTION < first_live:
            earliest = stamp.corrected - before
        return Began(earliest=earliest, latest=latest, known_from="live_frames")
    if stamp.corrected is not None:
        return Began(
            earliest=stamp.corrected - before,
            latest=min(stamp.corrected + RESOLUTION, max(first_byte, stamp.corrected)),
            known_from="device_clock",
        )
    since = first_byte if told_since is None else min(told_since - RESOLUTION, first_byte)
    return Began(earliest=since - longest, latest=first_byte, known_from="arrival")
