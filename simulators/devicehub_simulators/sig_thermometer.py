"""A thermometer that speaks the Bluetooth SIG Health Thermometer Service (0x1809), invented but correct.

It asks for a bond, tells how the temperature rises, and keeps each finished one until a hub has confirmed
its indication.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BodyTemperature
from devicehub.gatt import thermometer
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, Message

BELOW_CELSIUS = (Decimal("2.4"), Decimal("0.9"), Decimal("0.2"))
"""How far below the final temperature it still is, step by step."""
STEP_SECONDS = 0.4

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    thermometer.SERVICE: {
        thermometer.MEASUREMENT: frozenset({"indicate"}),
        thermometer.INTERMEDIATE: frozenset({"notify"}),
    },
    **about.SERVICES,
}


class SigThermometer:
    """One ear thermometer."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="SIM-THERMO", serial_number=serial_number)
        self.memory: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        name = f"SIM-THERMO {self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=(thermometer.SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Who it is and what its clock says."""
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Set the clock."""
        self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Warm up and tell."""
        ended = now + timedelta(seconds=STEP_SECONDS * (len(BELOW_CELSIUS) + 1))
        measured = BodyTemperature(
            celsius=Decimal(self._chance.randint(358, 396)) / 10,
            site="ear",
            device_time=self.about.stamp(ended),
        )
        for below in BELOW_CELSIUS:
            rising = BodyTemperature(celsius=(measured.celsius or Decimal(0)) - below)
            yield Message(
                on=thermometer.INTERMEDIATE, data=thermometer.encode(rising), after=STEP_SECONDS
            )
        yield Message(
            on=thermometer.MEASUREMENT,
            data=thermometer.encode(measured),
            after=STEP_SECONDS,
            truth=measured,
        )


SIMULATOR = SigThermometer
