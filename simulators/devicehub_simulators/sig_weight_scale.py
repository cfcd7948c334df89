"""A scale that speaks the Bluetooth SIG Weight Scale Service (0x181D), invented but correct.

It asks for a bond, weighs in steps of 0.1 kg, and keeps each weight until a hub has confirmed its
indication.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BodyWeight
from devicehub.gatt import weight_scale
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, Message

SETTLES_SECONDS = 3.0

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    weight_scale.SERVICE: {
        weight_scale.MEASUREMENT: frozenset({"indicate"}),
        weight_scale.FEATURE: frozenset({"read"}),
    },
    **about.SERVICES,
}


class SigWeightScale:
    """One scale without a keyboard: it knows neither heights nor people."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="SIM-SCALE", serial_number=serial_number)
        self.memory: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        name = f"SIM-SCALE {self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=(weight_scale.SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """What it can tell, who it is, and what its clock says."""
        if on == weight_scale.FEATURE:
            return weight_scale.encode_feature(("time_stamp",), mass_code=3)
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Set the clock."""
        self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Settle and tell."""
        measured = BodyWeight(
            kilograms=Decimal(self._chance.randint(400, 1400)) / 10,
            device_time=self.about.stamp(now + timedelta(seconds=SETTLES_SECONDS)),
        )
        yield Message(
            on=weight_scale.MEASUREMENT,
            data=weight_scale.encode(measured),
            after=SETTLES_SECONDS,
            truth=measured,
        )


SIMULATOR = SigWeightScale
