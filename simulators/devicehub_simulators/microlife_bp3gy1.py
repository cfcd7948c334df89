"""A Microlife BP3GY1-2N, invented: it keeps every measurement and tells all of them whenever it is asked.

Its memory outlives what a hub has heard: nothing but its own button would clear it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BloodPressure
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

SERVICE, ANSWER, COMMAND = "fff0", "fff1", "fff2"
FROM_HUB, FROM_CUFF = b"\x4d\xff", b"\x4d\x3a"
SET_CLOCK, GET_MEMORY, GOODBYE = 0x0D, bytes(7) + b"\xfd", 0x04
ACKNOWLEDGED = b"\x81"
PREAMBLE = bytes(38)
SLOTS = 99
NOTIFICATION_BYTES = 20
MEASURES_SECONDS = 2.0
NOT_PERMITTED, VALUE_NOT_ALLOWED = 0x03, 0x13


class MicrolifeBp3gy1:
    """One cuff. A result is heard of only by asking."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {
        SERVICE: {ANSWER: frozenset({"notify"}), COMMAND: frozenset({"write"})}
    }
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.memory: list[Message] = []
        self._records: list[bytes] = []
        self._clock_is_ahead = timedelta(0)
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and a service that many makers use."""
        return Advertisement(name="BP3GY1-2N", services=(SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Nothing can be read."""
        raise AttributeRefused(NOT_PERMITTED)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """A command: the clock, the memory, or goodbye."""
        if data[:2] != FROM_HUB or len(data) < 6 or sum(data[:-1]) % 256 != data[-1]:
            raise AttributeRefused(VALUE_NOT_ALLOWED)
        payload = data[4:-1]
        if payload == GET_MEMORY:
            empty = bytes(10) * min(1, SLOTS - len(self._records))
            return _notifications(PREAMBLE + b"".join(self._records) + empty)
        if payload[0] == SET_CLOCK:
            year, month, day, hour, minute, second = payload[1:7]
            told = datetime(2000 + year, month, day, hour, minute, second, tzinfo=now.tzinfo)
            self._clock_is_ahead = told - now
            return _notifications(ACKNOWLEDGED)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Measure and remember."""
        ended = now + self._clock_is_ahead + timedelta(seconds=MEASURES_SECONDS)
        told = ended.replace(second=0, microsecond=0, tzinfo=None)
        systolic = self._chance.randint(95, 165)
        diastolic = systolic - self._chance.randint(30, 60)
        pulse = self._chance.randint(52, 98)
        yield Message(
            after=MEASURES_SECONDS,
            truth=BloodPressure(
                systolic_mmhg=Decimal(systolic),
                diastolic_mmhg=Decimal(diastolic),
                pulse_per_minute=Decimal(pulse),
                device_time=told.isoformat(),
                stored=True,
            ),
        )
        date = (told.year - 2000, told.month, told.day, told.hour, told.minute)
        self._records = [
            *self._records[1 - SLOTS :],
            bytes((systolic, diastolic, pulse, *date, 0, 0)),
        ]


def _notifications(payload: bytes) -> list[Message]:
    body = FROM_CUFF + (len(payload) + 1).to_bytes(2, "big") + payload
    whole = body + bytes([sum(body) % 256])
    starts = range(0, len(whole), NOTIFICATION_BYTES)
    return [Message(on=ANSWER, data=whole[at : at + NOTIFICATION_BYTES]) for at in starts]


SIMULATOR = MicrolifeBp3gy1
