"""A cuff that speaks the Bluetooth SIG Blood Pressure Service (0x1810), invented but correct.

It asks for a bond, shows the pressure in the cuff while it measures, and keeps each finished measurement
until a hub has confirmed its indication.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BloodPressure, Flag
from devicehub.gatt import blood_pressure
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, Message

FEATURES = ("body_movement_detection", "cuff_fit_detection", "irregular_pulse_detection")
STATUS: tuple[Flag, ...] = ("body_movement", "cuff_loose", "irregular_pulse")
CUFF_MMHG = (30, 80, 130, 170, 140, 100, 60)
STEP_SECONDS = 0.2
UNKNOWN_USER = 255

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    blood_pressure.SERVICE: {
        blood_pressure.MEASUREMENT: frozenset({"indicate"}),
        blood_pressure.INTERMEDIATE: frozenset({"notify"}),
        blood_pressure.FEATURE: frozenset({"read"}),
    },
    **about.SERVICES,
}


class SigBloodPressure:
    """One cuff."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="SIM-BP", serial_number=serial_number)
        self.memory: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        name = f"SIM-BP {self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=(blood_pressure.SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """What it can detect, who it is, and what its clock says."""
        if on == blood_pressure.FEATURE:
            return blood_pressure.encode_feature(FEATURES)
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Set the clock."""
        self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Pump up, let go, and tell."""
        for pressure in CUFF_MMHG:
            yield Message(
                on=blood_pressure.INTERMEDIATE,
                data=blood_pressure.encode_intermediate(Decimal(pressure)),
                after=STEP_SECONDS,
            )
        measured = self._measured(now + timedelta(seconds=STEP_SECONDS * (len(CUFF_MMHG) + 1)))
        # A cuff for several users says 255 where nobody has chosen.
        user = UNKNOWN_USER if measured.user_slot is None else measured.user_slot
        yield Message(
            on=blood_pressure.MEASUREMENT,
            data=blood_pressure.encode(measured.model_copy(update={"user_slot": user})),
            after=STEP_SECONDS,
            truth=measured,
        )

    def _measured(self, ended: datetime) -> BloodPressure:
        systolic = self._chance.randint(95, 165)
        diastolic = systolic - self._chance.randint(30, 60)
        return BloodPressure(
            systolic_mmhg=Decimal(systolic),
            diastolic_mmhg=Decimal(diastolic),
            mean_mmhg=Decimal(diastolic + (systolic - diastolic) // 3),
            pulse_per_minute=Decimal(self._chance.randint(52, 98)),
            device_time=self.about.stamp(ended),
            user_slot=self._chance.choice((None, 1, 2)),
            flags=(self._chance.choice(STATUS),) if self._chance.random() < 0.2 else (),
        )


SIMULATOR = SigBloodPressure
