"""An Omron HBP-9030, invented: an arm in the cuff, a minute of patience, one line in format 5."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import BloodPressure
from devicehub.testing.simulator import Message

MEASURING_SECONDS = 40.0
NOBODY = " " * 20


class OmronHbp:
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
        pulse, moved = self._chance.randint(52, 120), self._chance.random() < 0.3
        told = now.replace(second=0, microsecond=0, tzinfo=None)
        values = f"0,{systolic:03},{diastolic:03},{pulse:03},{moved:d}"
        yield Message(
            data=f"{told:%Y,%m,%d,%H,%M},{NOBODY},{values}\r\n".encode(),
            after=MEASURING_SECONDS,
            truth=BloodPressure(
                systolic_mmhg=Decimal(systolic),
                diastolic_mmhg=Decimal(diastolic),
                pulse_per_minute=Decimal(pulse),
                device_time=told.isoformat(),
                flags=("body_movement",) if moved else (),
            ),
        )


SIMULATOR = OmronHbp
