"""Watchers of the board: what changed since each last asked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from devicehub.journal.records import Filing

FILINGS_KEPT = 256
"""How many filings wait for one slow follower before it is told that it missed some."""


@dataclass(frozen=True)
class Changes:
    """What changed since the watcher last asked: parts of the picture by name, and filings in order.

    ``missed`` counts the filings that a watcher was too slow to take; the parts are always whole.
    """

    parts: frozenset[str] = frozenset()
    filings: tuple[Filing, ...] = ()
    missed: int = 0


class Watcher:
    """One subscription. What changed while it is busy waits as a set of names: it never grows."""

    def __init__(self) -> None:
        self.ended = False
        self._wake = asyncio.Event()
        self._parts: set[str] = set()
        self._filings: deque[Filing] = deque(maxlen=FILINGS_KEPT)
        self._missed = 0

    async def changes(self, within: float) -> Changes:
        """What changed, as soon as something does; no changes after ``within`` seconds without any."""
        try:
            async with asyncio.timeout(within):
                await self._wake.wait()
        except TimeoutError:
            return Changes()
        self._wake.clear()
        changes = Changes(frozenset(self._parts), tuple(self._filings), self._missed)
        self._parts.clear()
        self._filings.clear()
        self._missed = 0
        return changes

    def note(self, parts: Sequence[str], filing: Filing | None = None) -> None:
        """Remember what changed, and wake the watcher."""
        self._parts.update(parts)
        if filing is not None:
            self._missed += len(self._filings) == FILINGS_KEPT
            self._filings.append(filing)
        self._wake.set()

    def end(self) -> None:
        """Ask the watcher to leave."""
        self.ended = True
        self._wake.set()
