"""A Yonker YK-IBPA1, invented: fifteen bytes by notification, and a clock nobody can set."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BloodPressure
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

SERVICE = "cdeacd80-5235-4c07-8846-93a37ee6b86d"
RESULT = "cdeacd81-5235-4c07-8846-93a37ee6b86d"
CUFF_PRESSURES = (40, 110, 170, 120, 60)
STEP_SECONDS = 0.3
CLOCK_IS_BEHIND = timedelta(days=400)
NOT_PERMITTED = 0x03


class YonkerBp:
    """One cuff."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {
        SERVICE: {RESULT: frozenset({"notify"})}
    }
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.memory: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name alone."""
        return Advertisement(name="YK-IBPA1")

    def read(self, on: str, now: datetime) -> bytes:
        """Nothing can be read."""
        raise AttributeRefused(NOT_PERMITTED)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Nothing can be written."""
        raise AttributeRefused(NOT_PERMITTED)

    def measure(self, now: datetime) -> Iterator[Message]:
        """Pump up, let go, and tell."""
        for pressure in CUFF_PRESSURES:
            data = b"\x80" + pressure.to_bytes(2, "big")
            yield Message(on=RESULT, data=data, after=STEP_SECONDS)
        systolic = self._chance.randint(95, 165)
        diastolic = systolic - self._chance.randint(30, 60)
        pulse = self._chance.randint(52, 98)
        told = (now - CLOCK_IS_BEHIND).replace(second=0, microsecond=0, tzinfo=None)
        date = (told.day, told.month, told.year - 2000, told.hour, told.minute)
        yield Message(
            on=RESULT,
            data=bytes((0x81, systolic, diastolic, pulse, 0, 0, *date, 0, 0, 0, 0)),
            after=STEP_SECONDS,
            truth=BloodPressure(
                systolic_mmhg=Decimal(systolic),
                diastolic_mmhg=Decimal(diastolic),
                pulse_per_minute=Decimal(pulse),
                device_time=told.isoformat(),
            ),
        )


SIMULATOR = YonkerBp
