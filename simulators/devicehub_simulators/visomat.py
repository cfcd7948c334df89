"""A Visomat Double Comfort, invented, whose memory holds the newest result alone: each is told once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import BloodPressure
from devicehub.testing.simulator import Message

ASK_MEMORY = b"\x02R00\x03"
MEASURING_SECONDS = 60.0


class Visomat:
    """One cuff; ``seed`` decides who uses it."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._memories: dict[int, list[str]] = {1: [], 2: []}
        self._received = b""

    def receive(self, data: bytes, now: datetime) -> bytes:
        """Its memory for each request."""
        self._received += data
        asked, self._received = self._received.count(ASK_MEMORY), self._received[-4:]
        return self._memory() * asked

    def measure(self, now: datetime) -> Iterator[Message]:
        """Measure and keep the result."""
        systolic = self._chance.randint(95, 165)
        diastolic = systolic - self._chance.randint(30, 60)
        pulse, user = self._chance.randint(52, 120), self._chance.choice((1, 2))
        told = now.replace(second=0, microsecond=0, tzinfo=None)
        yield Message(after=MEASURING_SECONDS)
        record = f"{told:%y%m%d%H%M}0{systolic:03}{diastolic:03}{pulse:03}"
        self._memories = {1: [], 2: [], user: [record]}
        yield Message(
            after=1.0,
            truth=BloodPressure(
                systolic_mmhg=Decimal(systolic),
                diastolic_mmhg=Decimal(diastolic),
                pulse_per_minute=Decimal(pulse),
                device_time=told.isoformat(),
                user_slot=user,
                stored=True,
            ),
        )

    def _memory(self) -> bytes:
        blocks = (
            f"M{user}{len(records):02}{''.join(records) or '1'}"
            for user, records in self._memories.items()
        )
        return b"\x02" + "".join(blocks).encode() + b"\x03"


SIMULATOR = Visomat
