"""The pace of the outbox: what to send now, what to send again, and when. Pure; time is an argument.

The outbox is walked from its oldest item to its newest, over and over. An item is passed by while it
waits for its receipt, and while a retryable refusal holds it back. What has no receipt in time is sent
again after a pause that doubles from walk to walk; what is refused for now, after a pause of its own.
Too many items without receipt stop the walk: a dossier that says nothing is not buried.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from devicehub.journal.records import Due, Filing, Receipt

Key = tuple[UUID, int]
"""A reading and the revision of its attribution: what a receipt answers."""

WINDOW = 4096
"""Items that may be without receipt before the walk waits."""

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 60.0
"""Seconds; a pause is drawn between zero and a limit that doubles (full jitter)."""

SHORTEST_PAUSE = 0.5
"""Seconds a receipt is given at the least: it takes a flush of two disks."""


def key(filing: Filing) -> Key:
    """What the receipt for a filing will name."""
    return filing.reading.id, filing.attribution.revision


@dataclass(slots=True)
class Pace:
    """Where the walk stands and what waits."""

    place: int = 0
    """The last place in the outbox that was looked at."""
    waiting: dict[Key, float] = field(default_factory=dict)
    """What was sent, and until when its receipt is waited for."""
    held: dict[Key, float] = field(default_factory=dict)
    """What was refused for now, and until when it is not sent again."""
    _refusals: dict[UUID, int] = field(default_factory=dict)
    _silences: int = 0
    _doubles_at: float = 0.0
    _once_more: bool = False

    @property
    def is_full(self) -> bool:
        """Whether the walk must wait for receipts."""
        return len(self.waiting) >= WINDOW

    def start_over(self) -> None:
        """Everything without receipt may have been lost: send all of it, now."""
        self.place, self._silences, self._once_more = 0, 0, False
        self.waiting.clear()
        self.held.clear()
        self._refusals.clear()

    def take(self, due: Sequence[Due], *, after: int) -> list[Filing]:
        """Walk past these items, read behind the place ``after``; those that are to be sent now.

        None where the walk was started over while they were read: they are met again.
        """
        if not due or after != self.place:
            return []
        self.place = due[-1].number
        return [
            item.filing
            for item in due
            if key(item.filing) not in self.waiting and key(item.filing) not in self.held
        ]

    def sent(self, keys: Iterable[Key], now: float) -> None:
        """These are on their way."""
        until = now + _pause(self._silences)
        self.waiting.update((one, until) for one in keys)

    def answered(self, receipts: Iterable[Receipt], now: float) -> None:
        """These have their receipt."""
        for receipt in receipts:
            one = (receipt.id, receipt.revision)
            self.waiting.pop(one, None)
            self.held.pop(one, None)
            if receipt.result == "refused" and receipt.retryable:
                times = self._refusals.get(receipt.id, 0)
                self._refusals[receipt.id] = times + 1
                self.held[one] = now + _pause(times)
            else:
                self._refusals.pop(receipt.id, None)
                self._silences = 0

    def rest(self, *, at_end: bool, now: float) -> float | None:
        """How many seconds to wait before going on, unless something comes first; None for ever.

        ``at_end`` says that nothing was found behind the present place.
        """
        silent = [one for one, until in self.waiting.items() if until <= now]
        for one in silent:
            del self.waiting[one]
        free = [one for one, until in self.held.items() if until <= now]
        for one in free:
            del self.held[one]
        if silent and now >= self._doubles_at:
            # Batches fall silent one by one: the pause doubles once for all of them.
            self._silences += 1
            self._doubles_at = now + _limit(self._silences)
        self._once_more = self._once_more or bool(silent or free)
        if self._once_more and at_end:
            self.place, self._once_more = 0, False
            return 0.0
        if not at_end and not self.is_full:
            return 0.0
        deadlines = (*self.waiting.values(), *self.held.values())
        return min(deadlines) - now if deadlines else None


def _limit(times: int) -> float:
    return min(LONGEST_PAUSE, math.ldexp(FIRST_PAUSE, min(times, 10)))


def _pause(times: int) -> float:
    return max(SHORTEST_PAUSE, random.uniform(0, _limit(times)))  # noqa: S311 - spreads load, hides nothing
