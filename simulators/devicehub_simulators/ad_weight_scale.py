"""A scale in the manner of the A&D UC-352BLE: one indication once the figure has locked, in steps of 100 g."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from devicehub.driver import BodyWeight
from devicehub.gatt import weight_scale
from devicehub.testing.simulator import Message
from devicehub_simulators import _ad

STEP_SECONDS = 2.0


class AdWeightScale(_ad.AdDevice):
    """One scale; ``seed`` decides who steps on it."""

    kind = "UC-352BLE"
    service = weight_scale.SERVICE
    services = _ad.attributes(weight_scale.SERVICE, weight_scale.MEASUREMENT)

    def __init__(self, serial_number: str, seed: int) -> None:
        super().__init__(serial_number)
        self._chance = random.Random(seed)

    def measure(self, now: datetime) -> Iterator[Message]:
        """Somebody steps on and stands still."""
        measured = BodyWeight(
            kilograms=Decimal(self._chance.randint(400, 1400)) / 10,
            device_time=self.about.stamp(now + timedelta(seconds=STEP_SECONDS)),
        )
        yield Message(
            on=weight_scale.MEASUREMENT,
            data=weight_scale.encode(measured),
            after=STEP_SECONDS,
            truth=measured,
        )


SIMULATOR = AdWeightScale
