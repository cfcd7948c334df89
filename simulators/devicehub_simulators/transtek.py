"""A Medisana BS 444, invented, that also guards its data as a Trisa does: password once, challenge ever after.

Setting the clock starts the data; every weight it tells carries the time as seconds from 2010.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BodyComposition, BodyWeight, encode_float32, encode_sfloat
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

SERVICE, WEIGHT, BODY, FROM_SCALE, TO_SCALE = "78b2", "8a21", "8a22", "8a82", "8a81"
PASSWORD, CHALLENGE, SET_CLOCK, ANSWER, DISCONNECT = b"\xa0", b"\xa1", 0x02, 0x20, 0x22
WEIGHT_FLAGS, BODY_FLAGS = 0x19, 0x6F
FINISHED = 0x09
STEP_SECONDS = 0.5
NOT_PERMITTED, NOT_AUTHORISED = 0x03, 0x08
EPOCH = datetime(2010, 1, 1)  # noqa: DTZ001 - a device's own time has no zone


class Transtek:
    """One scale. ``pairing`` is what its button does: the next contact is told the password.

    ``trusts`` says that a hub has answered the challenge.
    """

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {
        SERVICE: {
            WEIGHT: frozenset({"indicate"}),
            BODY: frozenset({"indicate"}),
            FROM_SCALE: frozenset({"indicate"}),
            TO_SCALE: frozenset({"write"}),
        }
    }
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.memory: list[Message] = []
        self.pairing = True
        self.trusts = False
        self._chance = random.Random(seed)
        self.password = self._chance.randbytes(4)
        self._challenge = b""
        self._clock: tuple[int, datetime] | None = None

    @property
    def advertisement(self) -> Advertisement:
        """A name of digits and the maker's service."""
        return Advertisement(name="013197000000", services=(SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Nothing can be read."""
        raise AttributeRefused(NOT_PERMITTED)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """The time, answered by password or challenge until the hub has proved itself; the answer; the end."""
        if data[0] == ANSWER:
            mixed = zip(self._challenge, self.password, strict=False)
            if not self._challenge or data[1:] != bytes(a ^ b for a, b in mixed):
                raise AttributeRefused(NOT_AUTHORISED)
            self.trusts = True
        elif data[0] == SET_CLOCK:
            self._clock = (int.from_bytes(data[1:5], "little"), now)
            if self.pairing:
                return [Message(on=FROM_SCALE, data=PASSWORD + self.password)]
            if not self._challenge:
                self._challenge = self._chance.randbytes(4)
                return [Message(on=FROM_SCALE, data=CHALLENGE + self._challenge)]
        elif data[0] == DISCONNECT:
            self.pairing = False
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Somebody stands there barefoot: a weight, then what goes with it."""
        seconds, since = self._clock or (0, now)
        seconds += int((now - since).total_seconds())
        time, told = seconds.to_bytes(4, "little"), (EPOCH + timedelta(seconds=seconds)).isoformat()
        user = self._chance.randint(1, 8)
        kilograms = Decimal(self._chance.randint(450, 1300)) / 10
        fat, water, muscle, bone = (Decimal(self._chance.randint(120, 480)) / 10 for _ in range(4))
        data = bytes([WEIGHT_FLAGS]) + encode_float32(kilograms) + time + bytes([user, FINISHED])
        yield Message(
            on=WEIGHT,
            data=data + bytes(8),
            after=STEP_SECONDS,
            truth=BodyWeight(kilograms=kilograms, stable=True, device_time=told, user_slot=user),
        )
        data = bytes([BODY_FLAGS]) + time + bytes([user]) + (2100).to_bytes(2, "little")
        data += b"".join(map(encode_sfloat, (fat, water, muscle, bone)))
        yield Message(
            on=BODY,
            data=data + bytes(3),
            after=STEP_SECONDS,
            truth=BodyComposition(
                fat_percent=fat,
                water_percent=water,
                muscle_percent=muscle,
                bone_kilograms=bone,
                device_time=told,
                user_slot=user,
            ),
        )


SIMULATOR = Transtek
