"""An analyser that speaks the Bluetooth SIG Body Composition Service (0x181B), invented but correct.

It asks for a bond and keeps each composition until a hub has confirmed its indication. What it tells fits
one packet of the smallest Bluetooth connection. Somebody in shoes is weighed and not analysed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BodyComposition
from devicehub.gatt import body_composition
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, Message

ANALYSES_SECONDS = 8.0
FEATURES = ("time_stamp", "muscle_percentage", "body_water_mass", "impedance", "weight")

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    body_composition.SERVICE: {
        body_composition.MEASUREMENT: frozenset({"indicate"}),
        body_composition.FEATURE: frozenset({"read"}),
    },
    **about.SERVICES,
}


class SigBodyComposition:
    """One analyser."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="SIM-BODY", serial_number=serial_number)
        self.memory: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        name = f"SIM-BODY {self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=(body_composition.SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """What it can tell, who it is, and what its clock says."""
        if on == body_composition.FEATURE:
            return body_composition.encode_feature(FEATURES, mass_code=6)
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Set the clock."""
        self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Weigh, analyse and tell."""
        measured = self._measured(now + timedelta(seconds=ANALYSES_SECONDS))
        yield Message(
            on=body_composition.MEASUREMENT,
            data=body_composition.encode(measured),
            after=ANALYSES_SECONDS,
            truth=measured,
        )

    def _measured(self, ended: datetime) -> BodyComposition:
        kilograms = Decimal(self._chance.randint(4000, 14000)) / 100
        time = self.about.stamp(ended)
        if self._chance.random() < 0.1:
            return BodyComposition(
                kilograms=kilograms, device_time=time, flags=("measurement_failed",)
            )
        return BodyComposition(
            fat_percent=Decimal(self._chance.randint(80, 450)) / 10,
            muscle_percent=Decimal(self._chance.randint(250, 500)) / 10,
            water_kilograms=kilograms // 2,
            impedance_ohms=Decimal(self._chance.randint(3000, 7000)) / 10,
            kilograms=kilograms,
            device_time=time,
        )


SIMULATOR = SigBodyComposition
