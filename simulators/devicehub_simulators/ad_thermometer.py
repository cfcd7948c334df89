"""A thermometer in the manner of the A&D UT-201BLE: silent while it measures, then one indication."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from devicehub.driver import BodyTemperature
from devicehub.gatt import thermometer
from devicehub.testing.simulator import Message
from devicehub_simulators import _ad

STEP_SECONDS = 2.0


class AdThermometer(_ad.AdDevice):
    """One thermometer; ``seed`` decides whose axilla it is in."""

    kind = "UT201BLE"
    service = thermometer.SERVICE
    services = _ad.attributes(thermometer.SERVICE, thermometer.MEASUREMENT)

    def __init__(self, serial_number: str, seed: int) -> None:
        super().__init__(serial_number)
        self._chance = random.Random(seed)

    def measure(self, now: datetime) -> Iterator[Message]:
        """Warm up and tell."""
        measured = BodyTemperature(
            celsius=Decimal(self._chance.randint(355, 395)) / 10,
            site="axilla",
            device_time=self.about.stamp(now + timedelta(seconds=STEP_SECONDS)),
        )
        yield Message(
            on=thermometer.MEASUREMENT,
            data=thermometer.encode(measured),
            after=STEP_SECONDS,
            truth=measured,
        )


SIMULATOR = AdThermometer
