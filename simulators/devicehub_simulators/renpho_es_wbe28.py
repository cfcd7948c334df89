"""A Renpho ES-WBE28: silent until its one user has agreed, then weights in steps of 0.05 kg, notified."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BodyMassIndex, BodyWeight
from devicehub.gatt import user_data, weight_scale
from devicehub.testing import about, users
from devicehub.testing.simulator import Access, Advertisement, Message

USER, PIN = 170, 9999
SETTLES_SECONDS = 3.0
RESERVED_FLAG = 0x40
COARSER = 10
"""Its step is ten of the service's."""

NOTICES, COMMANDS, AGE, ACTIVITY = "ffe1", "ffe2", "2a80", "2aff"
WRITE: frozenset[Access] = frozenset({"write"})
SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    weight_scale.SERVICE: {weight_scale.MEASUREMENT: frozenset({"notify"})},
    "181b": {NOTICES: frozenset({"notify"}), COMMANDS: WRITE},
    user_data.SERVICE: {
        user_data.CONTROL: frozenset({"write", "indicate"}),
        user_data.SEX: WRITE,
        user_data.HEIGHT: WRITE,
        user_data.BIRTH: WRITE,
        AGE: WRITE,
        ACTIVITY: WRITE,
    },
    **about.SERVICES,
}


class RenphoEsWbe28:
    """One scale."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="SIM-WBE28", serial_number=serial_number)
        self.memory: list[Message] = []
        self.users = users.Users(pins={USER: PIN})
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """The name all of them have."""
        return Advertisement(name="Renpho-Scale", services=("181b", weight_scale.SERVICE))

    def read(self, on: str, now: datetime) -> bytes:
        """Who it is and what its clock says."""
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Take a consent, a greeting, a profile or the time."""
        if on == user_data.CONTROL:
            return self.users.write(data)
        if on not in {COMMANDS, AGE, ACTIVITY, *users.SERVICES[user_data.SERVICE]}:
            self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Settle and tell, once somebody has agreed."""
        measured = BodyWeight(
            kilograms=Decimal(self._chance.randint(800, 2800)) * Decimal("0.05"),
            device_time=self.about.stamp(now + timedelta(seconds=SETTLES_SECONDS)),
            user_slot=USER,
        )
        fine = measured.model_copy(update={"kilograms": (measured.kilograms or 0) / COARSER})
        data = weight_scale.encode(fine, BodyMassIndex(kilograms_per_square_metre=Decimal(0)))
        yield from self.users.say(
            [
                Message(
                    on=weight_scale.MEASUREMENT,
                    data=bytes([data[0] | RESERVED_FLAG]) + data[1:],
                    after=SETTLES_SECONDS,
                    truth=measured,
                )
            ]
        )


SIMULATOR = RenphoEsWbe28
