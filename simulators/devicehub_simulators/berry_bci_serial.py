"""A Berry finger oximeter on a cable, invented: packets of five octets, whether a finger is in or not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime

from devicehub.testing.simulator import Message

NO_FINGER = bytes((0x80, 0, 0x50, 0x7F, 0x7F))
SECOND = 100
"""Packets a second."""


class BerryBciSerial:
    """One oximeter; ``seed`` decides whose finger is in. It never says that a value is finished."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)

    def receive(self, data: bytes, now: datetime) -> bytes:
        """It takes no commands."""
        return b""

    def measure(self, now: datetime) -> Iterator[Message]:
        """No finger, a finger for three seconds, no finger."""
        pulse, percent = self._chance.randint(48, 180), self._chance.randint(90, 100)
        yield Message(data=NO_FINGER * SECOND, after=1.0)
        for _ in range(3):
            packets = (self._packet(pulse, percent) for _ in range(SECOND))
            yield Message(data=b"".join(packets), after=1.0)
        yield Message(data=NO_FINGER * SECOND, after=1.0)

    def _packet(self, pulse: int, percent: int) -> bytes:
        pleth = self._chance.randrange(1, 101)
        return bytes((0x87, pleth, pulse >> 1 & 0x40 | pleth // 10, pulse & 0x7F, percent))


SIMULATOR = BerryBciSerial
