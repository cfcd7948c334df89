"""A Bluetooth device of the room as each radio hears it, and which radio is to talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from devicehub.devices.intake import Source
from devicehub.transport.ble import RSSI_UNKNOWN, Radio, Sighting

FRESH_SECONDS = 5.0
"""A sighting older than this says little about who hears the device best now."""

GATHER_SECONDS = 0.4
"""The same advertisement reaches every radio within some of its repetitions."""

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 15.0
"""Seconds before a device that could not be reached is tried again."""

CALL_EVERY = 10.0
"""Seconds between two calls of a device that goes on advertising although it has told all it holds. A meter whose
memory is read in a fifth of a second would be emptied five times a second, its battery with it."""

AWAY_SECONDS = 3.0
"""A device silent for this long was away: it comes back because it has something new, and is called at once."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One radio's newest sighting."""

    radio: Radio
    sighting: Sighting
    at: float

    @property
    def strength(self) -> int:
        """In dBm."""
        return RSSI_UNKNOWN if self.sighting.rssi is None else self.sighting.rssi


class Nearby:
    """One device, for the task that looks after it."""

    def __init__(self, source: Source, name: str) -> None:
        self.source = source
        self.name = name
        self.last_idle: datetime | None = None
        """When the driver ended the last conversation, if it did, and the device was idle then."""
        self.refused = False
        """Whether it did not take the last pair request."""
        self._heard: dict[str, Heard] = {}
        self._fresh = asyncio.Event()
        self._back = asyncio.Event()
        self._backoff = FIRST_BACKOFF
        self._called_at = self._last_sign = -math.inf
        self._rested_at = -math.inf

    def reached(self) -> None:
        """A connection stood: however it ends, the next failure is a first one."""
        self._backoff = FIRST_BACKOFF
        self._called_at = time.monotonic()

    def backoff(self) -> float:
        """How long to wait after a failure; twice as long after the next."""
        seconds, self._backoff = self._backoff, min(self._backoff * 2, LONGEST_BACKOFF)
        return seconds

    def put(self, radio: Radio, sighting: Sighting) -> None:
        """Keep each radio's newest sighting only."""
        now = time.monotonic()
        if now - self._last_sign >= AWAY_SECONDS:
            self._back.set()
        self._last_sign = now
        self._heard[radio.identity] = Heard(radio, sighting, now)
        self._fresh.set()

    def forget(self) -> None:
        """A sighting from before a connection says nothing about what is in range after it."""
        self._heard.clear()
        self._fresh.clear()
        self._back.clear()
        self._last_sign = time.monotonic()

    def rest(self) -> None:
        """The driver has ended the conversation: the device is called again when it comes back, or in a while."""
        self.forget()
        self._rested_at = self._called_at + CALL_EVERY

    def newest(self, radio: Radio) -> Sighting | None:
        """The last that one radio heard of it."""
        heard = self._heard.get(radio.identity)
        return None if heard is None else heard.sighting

    async def heard(self, radios: int) -> list[Heard]:
        """Who of so many radios hears it now; waits until one does, and a moment for the others."""
        await self._fresh.wait()
        if (rest := self._rested_at - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._back.wait(), rest)
        self._rested_at = -math.inf  # it is over, however the call to come may end
        if len(self._heard) < radios:
            await asyncio.sleep(GATHER_SECONDS)
        self._fresh.clear()
        limit = time.monotonic() - FRESH_SECONDS
        return [heard for heard in self._heard.values() if heard.at >= limit]


def choose(heard: Sequence[Heard], bonded: Sequence[str]) -> Heard | None:
    """The radio to talk through: one that holds the bond, else the best heard with a free place, else the best heard.

    ``bonded`` are the identities of the radios that hold a bond with the device. Where there are any and none of
    them hears it, the answer is ``None``: on another radio the device would have to be paired anew, which can
    cost it the bond it has.
    """
    fitting = [each for each in heard if not bonded or each.radio.identity in bonded]
    free = [each for each in fitting if each.radio.slots.free]
    return max(free or fitting, key=lambda each: each.strength, default=None)
