"""A Beurer BF 720: bonded, silent until one of its users has agreed, then a weight and a composition each time.

The composition has neither time nor user: they are in the weight just before. Somebody who steps off early
gets a composition of zeros, which is none.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BodyComposition, BodyWeight
from devicehub.gatt import body_composition, user_data, weight_scale
from devicehub.testing import about, users
from devicehub.testing.simulator import Access, Advertisement, Message

COMPANY = 0x0611
USER = 1
SECRETS: Mapping[str, bytes] = {"user": b"1", "pin": b"1234"}
"""What a hub must know of it, as `devicehub.gatt.user_data` names it."""

SETTLES_SECONDS = 3.0
ANALYSES_SECONDS = 6.0
ACTIVITY = "fff3"

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    weight_scale.SERVICE: {weight_scale.MEASUREMENT: frozenset({"indicate"})},
    body_composition.SERVICE: {body_composition.MEASUREMENT: frozenset({"indicate"})},
    "fff0": {ACTIVITY: frozenset({"read", "write"})},
    **users.SERVICES,
    **about.SERVICES,
}


class BeurerBf720:
    """One scale with one user."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="SIM-BF720", serial_number=serial_number)
        self.memory: list[Message] = []
        self.users = users.Users(pins={USER: int(SECRETS["pin"])})
        self.profile = {
            user_data.BIRTH: user_data.encode_birth(date(1970, 1, 1)),
            user_data.SEX: user_data.encode_sex("female"),
            user_data.HEIGHT: user_data.encode_height(165),
            user_data.CHANGE: user_data.encode_change(6),
            ACTIVITY: b"\x03",
        }
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its model, the weight service and its maker."""
        return Advertisement(
            name="BF720",
            services=(weight_scale.SERVICE,),
            company_data={COMPANY: b""},
            service_data={weight_scale.SERVICE: b"\x01"},
        )

    def read(self, on: str, now: datetime) -> bytes:
        """The user's profile, who it is, and what its clock says."""
        return self.profile[on] if on in self.profile else self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Take a consent, a profile or the time."""
        if on == user_data.CONTROL:
            return self.users.write(data)
        if on in self.profile:
            self.profile[on] = data
        else:
            self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Weigh, analyse and tell both, once somebody has agreed."""
        ended = now + timedelta(seconds=SETTLES_SECONDS + ANALYSES_SECONDS)
        weight = BodyWeight(
            kilograms=Decimal(self._chance.randint(4000, 14000)) / 100,
            device_time=self.about.stamp(ended),
            user_slot=USER,
        )
        composition = self._composition(weight)
        stayed = self._chance.random() < 0.8
        told = BodyComposition.model_validate(
            {
                name: value if stayed or name == "basal_metabolism_kilojoules" else Decimal(0)
                for name, value in composition.model_dump(exclude_none=True).items()
                if name.endswith(("_percent", "_kilograms", "_kilojoules", "_ohms"))
            }
        )
        yield from self.users.say(
            [
                Message(
                    on=weight_scale.MEASUREMENT,
                    data=weight_scale.encode(weight),
                    after=SETTLES_SECONDS + ANALYSES_SECONDS,
                    truth=weight,
                ),
                Message(
                    on=body_composition.MEASUREMENT,
                    data=body_composition.encode(told),
                    truth=composition if stayed else None,
                ),
            ]
        )

    def _composition(self, weight: BodyWeight) -> BodyComposition:
        kilograms = weight.kilograms or Decimal(0)
        return BodyComposition(
            fat_percent=Decimal(self._chance.randint(80, 450)) / 10,
            basal_metabolism_kilojoules=Decimal(self._chance.randint(5000, 9000)),
            muscle_percent=Decimal(self._chance.randint(250, 500)) / 10,
            soft_lean_kilograms=kilograms // 2,
            water_kilograms=kilograms // 2,
            impedance_ohms=Decimal(self._chance.randint(3000, 7000)) / 10,
            device_time=weight.device_time,
            user_slot=weight.user_slot,
        )


SIMULATOR = BeurerBf720
