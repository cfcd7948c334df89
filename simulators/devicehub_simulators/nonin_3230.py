"""A Nonin 3230, invented: one message a second while a finger is in, until SmartPoint, and until it is told.

It counts the messages of a contact, from 1 again after each.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from devicehub.driver import OxygenSaturation
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

SERVICE = "46a970e0-0d5f-11e2-8b5e-0002a5d5c51b"
MEASUREMENT = "0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b"
CONTROL = "1447af80-0d60-11e2-88b6-0002a5d5c51b"
COMPLETE = bytes.fromhex("62 4e 4d 49")
NOT_ALLOWED = 0x13
ENCRYPTED, WELL_IN, SEARCHING, SMART_POINT = 0x40, 0x10, 0x08, 0x04
MISSING = (127, 511)
STEP_SECONDS = 1.0


class Nonin3230:
    """One oximeter. ``complete`` is whether its display says that the value was kept."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {
        SERVICE: {MEASUREMENT: frozenset({"notify"}), CONTROL: frozenset({"write"})},
        **about.SERVICES,
    }
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="3230", serial_number=serial_number)
        self.memory: list[Message] = []
        self.complete = False
        self._chance = random.Random(seed)
        self._count = 0

    @property
    def advertisement(self) -> Advertisement:
        """Its name with the serial number, and its maker's service."""
        name = f"Nonin3230_{self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=(SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Who it is, and what its clock says."""
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """The hub has kept the value; or sets the clock."""
        if on != CONTROL:
            self.about.write(on, data, now)
        elif data == COMPLETE:
            self.complete = True
        else:
            raise AttributeRefused(NOT_ALLOWED)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """A finger goes in, the pulse is found, the value settles; the finger comes out."""
        self.complete, self._count = False, 0
        percent, pulse = self._chance.randint(91, 100), self._chance.randint(50, 110)
        amplitude = self._chance.randint(20, 1500)
        yield self._message(ENCRYPTED | SEARCHING, MISSING, 0)
        yield self._message(ENCRYPTED | WELL_IN | SEARCHING, MISSING, 0)
        yield self._message(ENCRYPTED | WELL_IN, (percent - 2, pulse + 5), amplitude)
        yield self._message(ENCRYPTED | WELL_IN, (percent - 1, pulse + 2), amplitude)
        truth = OxygenSaturation(
            percent=Decimal(percent),
            pulse_per_minute=Decimal(pulse),
            perfusion_index_percent=Decimal(amplitude).scaleb(-2),
        )
        good = ENCRYPTED | WELL_IN | SMART_POINT
        yield self._message(good, (percent, pulse), amplitude, truth)
        yield self._message(good, (percent, pulse + 1), amplitude)
        yield self._message(ENCRYPTED, MISSING, 0)

    def _message(
        self,
        status: int,
        values: tuple[int, int],
        amplitude: int,
        truth: OxygenSaturation | None = None,
    ) -> Message:
        self._count += 1
        percent, pulse = values
        data = bytes([10, status, 30]) + amplitude.to_bytes(2, "big")
        data += self._count.to_bytes(2, "big") + bytes([percent]) + pulse.to_bytes(2, "big")
        return Message(on=MEASUREMENT, data=data, after=STEP_SECONDS, truth=truth)


SIMULATOR = Nonin3230
