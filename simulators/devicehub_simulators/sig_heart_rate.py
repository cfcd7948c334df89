"""A chest strap that speaks the Bluetooth SIG Heart Rate Service (0x180D), invented but correct.

It streams while it is worn and never finishes anything: no message has a truth.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from devicehub.driver import HeartRate
from devicehub.gatt import heart_rate
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, Message

MESSAGES = 5
STEP_SECONDS = 1.0

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    heart_rate.SERVICE: {
        heart_rate.MEASUREMENT: frozenset({"notify"}),
        heart_rate.LOCATION: frozenset({"read"}),
    },
    **about.SERVICES,
}


class SigHeartRate:
    """One strap."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="SIM-HR", serial_number=serial_number)
        self.memory: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        name = f"SIM-HR {self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=(heart_rate.SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Where it is worn, who it is, and what its clock says."""
        if on == heart_rate.LOCATION:
            return heart_rate.encode_location("chest")
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Set the clock."""
        self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """A few seconds of somebody's heart: the first message before the strap has found it."""
        yield self._message(HeartRate(per_minute=Decimal(0), sensor_contact=False))
        rate = self._chance.randint(55, 95)
        for _ in range(MESSAGES):
            rate += self._chance.randint(-2, 2)
            interval = Decimal(1024 * 60 // rate) * 1000 / 1024
            beat = HeartRate(
                per_minute=Decimal(rate), sensor_contact=True, rr_milliseconds=(interval,)
            )
            yield self._message(beat)

    def _message(self, measurement: HeartRate) -> Message:
        data = heart_rate.encode(measurement)
        return Message(on=heart_rate.MEASUREMENT, data=data, after=STEP_SECONDS)


SIMULATOR = SigHeartRate
