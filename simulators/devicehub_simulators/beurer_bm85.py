"""A Beurer BM 85, invented: two users, pulse and status in the wrong byte order, and no mean pressure.

Its frames look like those its driver's docstring cites: flags 0x56, a byte of user that no flag announces.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BloodPressure, encode_date_time, encode_sfloat
from devicehub.gatt import blood_pressure
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, Message

FLAGS = 0x56
IRREGULAR = 0x0004
MEASURES_SECONDS = 2.0

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    blood_pressure.SERVICE: {
        blood_pressure.MEASUREMENT: frozenset({"indicate"}),
        blood_pressure.FEATURE: frozenset({"read"}),
    },
    **about.SERVICES,
}


class BeurerBm85:
    """One cuff. It has no seconds in its display, and sends none."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="BM85", serial_number=serial_number)
        self.memory: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        return Advertisement(name="BM85", services=(blood_pressure.SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """What it can detect, who it is, and what its clock says."""
        if on == blood_pressure.FEATURE:
            return blood_pressure.encode_feature(("irregular_pulse_detection",))
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Set the clock."""
        self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Measure without telling anything, then indicate."""
        ended = self.about.clock(now + timedelta(seconds=MEASURES_SECONDS)).replace(second=0)
        systolic = self._chance.randint(95, 165)
        diastolic = systolic - self._chance.randint(30, 60)
        pulse, user = self._chance.randint(52, 98), self._chance.randint(0, 1)
        irregular = self._chance.random() < 0.2
        data = bytes([FLAGS])
        for pressure in (systolic, diastolic, 0):
            data += encode_sfloat(Decimal(pressure))
        data += encode_date_time(ended) + encode_sfloat(Decimal(pulse))[::-1] + bytes([user])
        data += (IRREGULAR if irregular else 0).to_bytes(2, "big")
        yield Message(
            on=blood_pressure.MEASUREMENT,
            data=data,
            after=MEASURES_SECONDS,
            truth=BloodPressure(
                systolic_mmhg=Decimal(systolic),
                diastolic_mmhg=Decimal(diastolic),
                pulse_per_minute=Decimal(pulse),
                user_slot=user,
                device_time=ended.replace(microsecond=0, tzinfo=None).isoformat(),
                flags=("irregular_pulse",) if irregular else (),
            ),
        )


SIMULATOR = BeurerBm85
