"""A Contec CMS50D+ with firmware 4.6, invented: messages of nine octets for thirty seconds after each request."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from devicehub.testing.simulator import Message

ASK_LIVE = bytes.fromhex("7d81a1808080808080")
LASTS = timedelta(seconds=30)
SECOND = 60
"""Messages a second."""


class ContecCms50d:
    """One oximeter; ``seed`` decides whose finger is in. It never says that a value is finished."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._received = b""
        self._until: datetime | None = None

    def receive(self, data: bytes, now: datetime) -> bytes:
        """A request is good for thirty seconds."""
        self._received = (self._received + data)[-len(ASK_LIVE) :]
        if self._received == ASK_LIVE:
            self._until = now + LASTS
        return b""

    def measure(self, now: datetime) -> Iterator[Message]:
        """No finger, a finger for three seconds, no finger; silence where nobody has asked."""
        pulse, percent = self._chance.randint(48, 180), self._chance.randint(90, 100)
        shown = [(255, 127), *[(pulse, percent)] * 3, (255, 127)]
        for second, values in enumerate(shown, start=1):
            heard = self._until is not None and now + timedelta(seconds=second) <= self._until
            messages = (self._message(*values) for _ in range(SECOND))
            yield Message(data=b"".join(messages) if heard else b"", after=1.0)

    def _message(self, pulse: int, percent: int) -> bytes:
        pleth = self._chance.randrange(128)
        out = 0x80 if percent > 100 else 0
        octets = (out | 7, pleth, pleth // 8, pulse, percent, 0, 0)
        high = sum(octet >> 7 << at for at, octet in enumerate(octets))
        return bytes((0x01, 0x80 | high, *(0x80 | octet for octet in octets)))


SIMULATOR = ContecCms50d
