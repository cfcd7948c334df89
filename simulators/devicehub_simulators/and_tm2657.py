"""An A&D TM-2657P, invented: an arm in the cuff, a minute of patience, one line of fields."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import xor

from devicehub.driver import BloodPressure
from devicehub.testing.simulator import Message

MEASURING_SECONDS = 35


class AndTm2657:
    """One cuff; ``seed`` decides who sits down, and whether they keep still."""

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
        moved = self._chance.random() < 0.3
        told = now.replace(second=0, microsecond=0, tzinfo=None)
        fields = (
            *("TM2657", f"{told:%y%m%d%H%M}", "RA", "M", "E00", f"S{systolic:3}", f"M{mean:3}"),
            *(f"D{diastolic:3}", f"P{pulse:3}", "I00", "L232", "p173", "i 0", f"m{moved:d}", "r0"),
            *(f"t{MEASURING_SECONDS:3}", "cN", "l  "),
        )
        text = "".join(f"{field}\x1e" for field in fields).encode()
        yield Message(
            data=b"\x16\x16\x0100\x02" + text + b"\x03" + bytes([reduce(xor, text, 0)]),
            after=MEASURING_SECONDS,
            truth=BloodPressure(
                systolic_mmhg=Decimal(systolic),
                diastolic_mmhg=Decimal(diastolic),
                mean_mmhg=Decimal(mean),
                pulse_per_minute=Decimal(pulse),
                device_time=told.isoformat(),
                flags=("body_movement",) if moved else (),
            ),
        )


SIMULATOR = AndTm2657
