"""Frames in a row that nobody understands: told at the first, then at each tenfold.

A line at the wrong speed makes thousands in an hour. Each is in the journal, and counted there: a later driver may
read it. Who looks at a log or listens at the broker needs to know that they come, and how many, not each.
"""

from __future__ import annotations

from datetime import datetime, timedelta

CALM = timedelta(minutes=1)
"""Without one for so long, the next begins a new burst."""


class Bursts:
    """What each device has sent lately that was not understood."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[datetime, int]] = {}

    def worth_telling(self, device: str, at: datetime) -> int | None:
        """Which frame of its burst this is, where it is the first, the tenth, the hundredth and so on."""
        last, count = self._last.get(device, (at, 0))
        count = count + 1 if at - last < CALM else 1
        self._last[device] = (at, count)
        return count if str(count).strip("0") == "1" else None
