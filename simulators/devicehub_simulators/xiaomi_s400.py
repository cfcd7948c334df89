"""A Xiaomi Body Composition Scale S400, invented: sealed MiBeacon advertisements, two for each measurement.

Its bind key and address are made from its serial number, for whoever binds it in a test.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from devicehub.driver import BodyComposition, BodyWeight, HeartRate, encrypt_ccm
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

PLACE = "fe95"
IDLE, SEALED_OBJECT = b"\x08\x59", b"\x48\x59"
PRODUCT = b"\xd5\x3b"
OBJECT = b"\x16\x6e\x09"
PROFILE = 1
EXTENDED = bytes(3)
STEP_SECONDS = 0.5
NOT_PERMITTED = 0x03


class XiaomiS400:
    """One scale. Its name is told only to who asks for it, by a scan response."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {}
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.memory: list[Message] = []
        identity = random.Random(serial_number)
        self.bind_key, self.mac = identity.randbytes(16), identity.randbytes(6)
        self._chance = random.Random(seed)
        self._counter = 0
        self._shown = IDLE + PRODUCT + b"\x00"

    @property
    def secrets(self) -> Mapping[str, bytes]:
        """What its maker's application would tell."""
        return {"bind_key": self.bind_key, "mac": self.mac}

    @property
    def advertisement(self) -> Advertisement:
        """What it shows: there is no room for a name beside it."""
        return Advertisement(name="", service_data={PLACE: self._shown})

    def read(self, on: str, now: datetime) -> bytes:
        """Nothing can be read."""
        raise AttributeRefused(NOT_PERMITTED)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Nothing can be written."""
        raise AttributeRefused(NOT_PERMITTED)

    def measure(self, now: datetime) -> Iterator[Message]:
        """Somebody stands there barefoot, and leaves."""
        seconds = int(now.timestamp())
        at = datetime.fromtimestamp(seconds, tz=UTC).replace(tzinfo=None).isoformat()
        weight, pulse = self._chance.randint(450, 1300), self._chance.randint(1, 70)
        low, high = self._chance.randint(4500, 6500), self._chance.randint(3800, 4400)
        self._show(weight | pulse << 11 | low << 18, seconds)
        kilograms = Decimal(weight) / 10
        yield Message(
            after=STEP_SECONDS,
            truth=BodyWeight(kilograms=kilograms, device_time=at, user_slot=PROFILE),
        )
        rate = Decimal(pulse + 50)
        yield Message(truth=HeartRate(per_minute=rate, device_time=at, user_slot=PROFILE))
        yield Message(truth=_impedance(low, "50 kHz", at))
        self._show(high << 18, seconds)
        yield Message(after=STEP_SECONDS, truth=_impedance(high, "250 kHz", at))
        self._show(0, seconds)
        yield Message(after=STEP_SECONDS)

    def _show(self, values: int, seconds: int) -> None:
        self._counter = (self._counter + 1) % 256
        counters = PRODUCT + bytes([self._counter])
        plain = OBJECT + bytes([PROFILE])
        plain += values.to_bytes(4, "little") + seconds.to_bytes(4, "little")
        nonce = self.mac[::-1] + counters + EXTENDED
        sealed = encrypt_ccm(self.bind_key, nonce, plain, associated=b"\x11", tag=4)
        self._shown = SEALED_OBJECT + counters + sealed[:-4] + EXTENDED + sealed[-4:]


def _impedance(tenths: int, mode: str, at: str) -> BodyComposition:
    ohms = Decimal(tenths) / 10
    return BodyComposition(impedance_ohms=ohms, mode=mode, device_time=at, user_slot=PROFILE)


SIMULATOR = XiaomiS400
