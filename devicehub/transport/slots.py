"""The places of an adapter: a dongle holds a few connections at once, and who waits gets one in turn.

The limit is configured, or learnt when the adapter refuses one more. Nobody starves: who has waited for
`TURN_SECONDS` is given the place of the connection that has been silent longest, if that is as long.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator
from typing import Protocol

TURN_SECONDS = 120.0
"""Longer than a cuff is silent while it measures (IEC 80601-2-30 allows 180 s, with pressures shown meanwhile)."""

log = logging.getLogger(__name__)


class Holder(Protocol):
    """Who has a place: an open connection."""

    @property
    def silent_seconds(self) -> float:
        """For how long nothing has come."""
        ...

    def close(self, reason: str) -> None:
        """End the connection; its device comes back and waits in turn."""
        ...


class Place:
    """One of an adapter's places, taken."""

    def __init__(self) -> None:
        self.holder: Holder | None = None
        """Known once the connection stands."""


class Slots:
    """An adapter's places. ``limit`` is ``None`` until one is known."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._taken: list[Place] = []
        self._waiting: deque[asyncio.Future[Place]] = deque()

    @property
    def free(self) -> bool:
        """Whether who comes now need not wait: a place that falls free is at once that of who waits."""
        return self.limit is None or len(self._taken) < self.limit

    @property
    def taken(self) -> int:
        """How many are taken."""
        return len(self._taken)

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncGenerator[Place]:
        """A place for as long as the block lasts; first come, first served."""
        place = await self._turn()
        try:
            yield place
        finally:
            self._leave(place)

    def refused(self) -> None:
        """The adapter took no more connections than stand: that is its limit from now on, and at least one."""
        self.limit = max(1, sum(place.holder is not None for place in self._taken))
        log.warning("radio_slots_learnt limit=%d", self.limit)

    def _take(self) -> Place:
        place = Place()
        self._taken.append(place)
        return place

    def _leave(self, place: Place) -> None:
        self._taken.remove(place)
        while self._waiting and self.free:
            # Taken for who waits: a newcomer must not slip in before it runs.
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(self._take())

    async def _turn(self) -> Place:
        if self.free:
            return self._take()
        turn: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            while not turn.done():
                await asyncio.wait((turn,), timeout=TURN_SECONDS)
                if not turn.done():
                    self._ask_for_place()
            return turn.result()
        except BaseException:
            if turn.done():
                self._leave(turn.result())
            else:
                self._waiting.remove(turn)
            raise

    def _ask_for_place(self) -> None:
        holders = [place.holder for place in self._taken if place.holder is not None]
        idle = max(holders, key=lambda holder: holder.silent_seconds, default=None)
        if idle is not None and idle.silent_seconds >= TURN_SECONDS:
            idle.close("it gives its place at the radio to a device that waits")
