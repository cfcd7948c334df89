"""A blood-pressure monitor in the manner of the A&D UA-651BLE: silent while it measures, then one indication."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from devicehub.driver import BloodPressure
from devicehub.gatt import blood_pressure
from devicehub.testing.simulator import Message
from devicehub_simulators import _ad

STEP_SECONDS = 2.0


class AdBloodPressure(_ad.AdDevice):
    """One monitor; ``seed`` decides whose arm is in it."""

    kind = "UA-651BLE"
    service = blood_pressure.SERVICE
    services = _ad.attributes(blood_pressure.SERVICE, blood_pressure.MEASUREMENT)

    def __init__(self, serial_number: str, seed: int) -> None:
        super().__init__(serial_number)
        self._chance = random.Random(seed)

    def measure(self, now: datetime) -> Iterator[Message]:
        """Pump up, let go, and tell."""
        systolic = self._chance.randint(95, 165)
        diastolic = systolic - self._chance.randint(30, 60)
        measured = BloodPressure(
            systolic_mmhg=Decimal(systolic),
            diastolic_mmhg=Decimal(diastolic),
            mean_mmhg=Decimal(diastolic + (systolic - diastolic) // 3),
            pulse_per_minute=Decimal(self._chance.randint(52, 98)),
            device_time=self.about.stamp(now + timedelta(seconds=STEP_SECONDS)),
            flags=("irregular_pulse",) if self._chance.random() < 0.1 else (),
        )
        yield Message(
            on=blood_pressure.MEASUREMENT,
            data=blood_pressure.encode(measured),
            after=STEP_SECONDS,
            truth=measured,
        )


SIMULATOR = AdBloodPressure
