"""The station's clock as the fence needs it: it never goes back, and it says since when it ran evenly.

A reading is attributed by comparing when it began with when visits began and ended. That is right only while
both were written by one evenly running clock. A clock that is set, or a station that was off, ends that: what
began before is told apart from what began after, and is nobody's until a person says whose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Uneven = Literal["restarted", "clock_changed"]

JUMP = timedelta(seconds=1)
"""A clock that is further off than this since the last look has been set, beyond its allowed drift."""

DRIFT = 0.001
"""Twice as fast as a clock may be corrected without being set (NTP: 500 parts in a million; RFC 5905, 11.3)."""


@dataclass(frozen=True, slots=True)
class Even:
    """Since when what the clock says can be compared, and what ended the time before."""

    since: datetime
    why: Uneven


class EvenClock:
    """Watches the wall clock against one that nobody can set."""

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._now = now
        self._monotonic = monotonic
        self._seen, self._seen_at = now(), monotonic()
        self._latest = self._seen
        self.even = Even(self._seen, "restarted")

    def start(self, before: datetime | None) -> None:
        """The station was started; ``before`` is the latest moment it gave in an earlier run."""
        self._seen, self._seen_at = self._now(), self._monotonic()
        self._latest = self._seen if before is None else max(self._seen, before)
        self.even = Even(self._latest, "restarted")

    def look(self) -> datetime:
        """What the wall says, having noticed whether it was set: it counts as changed until the later of both times."""
        now, seconds = self._now(), self._monotonic()
        passed = seconds - self._seen_at
        expected = self._seen + timedelta(seconds=passed)
        if abs(now - expected) > JUMP + timedelta(seconds=DRIFT * passed):
            self.even = Even(max(self.even.since, now, expected), "clock_changed")
        self._seen, self._seen_at = now, seconds
        return now

    def moment(self) -> datetime:
        """The time, never before a moment given earlier."""
        self.look()
        self._latest = max(self._latest, self._seen)
        return self._latest
