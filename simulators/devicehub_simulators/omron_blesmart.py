"""A monitor in the manner of the Omron HEM-9200T: a passkey for its bond, a clock to be set, then what it holds."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BloodPressure
from devicehub.gatt import blood_pressure
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, Message

MODEL_ID = "00000116"
FEATURES = ("body_movement_detection", "cuff_fit_detection", "irregular_pulse_detection")
STEP_SECONDS = 2.0
NEVER_SET = timedelta(days=-2500)

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    blood_pressure.SERVICE: {
        blood_pressure.MEASUREMENT: frozenset({"indicate"}),
        blood_pressure.FEATURE: frozenset({"read"}),
    },
    **about.SERVICES,
}


class OmronBlesmart:
    """One monitor; ``seed`` decides whose arm is in it."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "passkey"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(
            model="HEM-9200T", serial_number=serial_number, clock_is_ahead=NEVER_SET
        )
        self.memory: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name in the pairing mode, without most of the address that a real one repeats there."""
        name = f"BLEsmart_{MODEL_ID}{self.about.serial_number[-4:]}"
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
        systolic = self._chance.randint(95, 165)
        diastolic = systolic - self._chance.randint(30, 60)
        measured = BloodPressure(
            systolic_mmhg=Decimal(systolic),
            diastolic_mmhg=Decimal(diastolic),
            pulse_per_minute=Decimal(self._chance.randint(52, 98)),
            device_time=self.about.stamp(now + timedelta(seconds=STEP_SECONDS)),
            user_slot=1,
            flags=("body_movement",) if self._chance.random() < 0.1 else (),
        )
        yield Message(
            on=blood_pressure.MEASUREMENT,
            data=blood_pressure.encode(measured),
            after=STEP_SECONDS,
            truth=measured,
        )


SIMULATOR = OmronBlesmart
