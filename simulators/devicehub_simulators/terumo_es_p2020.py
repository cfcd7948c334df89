"""A Terumo ES-P2020, invented: an arm in the cuff, a minute of patience, one line of text."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import BloodPressure
from devicehub.testing.simulator import Message

MEASURING_SECONDS = 40.0


class TerumoEsP2020:
    """One cuff; ``seed`` decides who sits down."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)

    def receive(self, data: bytes, now: datetime) -> bytes:
        """It takes no commands."""
        return b""

    def measure(self, now: datetime) -> Iterator[Message]:
        """Measure in silence, then tell."""
        systolic = self._chance.randint(95, 165)
        diastolic = systolic - self._chance.randint(30, 60)
        mean, pulse = (systolic + 2 * diastolic) // 3, self._chance.randint(52, 120)
        told = now.replace(microsecond=0, tzinfo=None)
        values = f"{systolic:03},{mean:03},{diastolic:03},{pulse:03}"
        text = f"R1,000000000,{told:%y%m%d,%H%M%S},{values},0000,0000,00000,000"
        sealed = b"\x02" + text.encode() + b"\x03"
        yield Message(
            data=sealed + bytes([sum(sealed) & 0xFF]),
            after=MEASURING_SECONDS,
            truth=BloodPressure(
                systolic_mmhg=Decimal(systolic),
                diastolic_mmhg=Decimal(diastolic),
                mean_mmhg=Decimal(mean),
                pulse_per_minute=Decimal(pulse),
                device_time=told.isoformat(),
            ),
        )


SIMULATOR = TerumoEsP2020
