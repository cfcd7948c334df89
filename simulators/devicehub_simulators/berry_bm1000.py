"""A BerryMed BM1000C, invented: packets of five octets, cut into notifications of twenty wherever they fall.

It streams while it is on and never finishes anything: no message has a truth. It sends ten packets a second where
a real one sends a hundred, to spare the virtual radio.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

SERVICE = "49535343-fe7d-4ae5-8fa9-9fafd205e455"
STREAM = "49535343-1e4d-4bd9-ba61-23c647249616"
NOT_PERMITTED = 0x03
NOTIFICATION = 20
SEARCHING_PACKETS, STEADY_PACKETS = 20, 60
STEP_SECONDS = 0.4
NO_PULSE, NO_PERCENT = 255, 127


class BerryBm1000:
    """One oximeter."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {
        SERVICE: {STREAM: frozenset({"notify"})}
    }
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.memory: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name; the service is not advertised."""
        return Advertisement(name="BerryMed")

    def read(self, on: str, now: datetime) -> bytes:
        """Nothing can be read."""
        raise AttributeRefused(NOT_PERMITTED)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Nothing can be written."""
        raise AttributeRefused(NOT_PERMITTED)

    def measure(self, now: datetime) -> Iterator[Message]:
        """A finger goes in; the pulse is found; the finger comes out."""
        percent, pulse = self._chance.randint(91, 99), self._chance.randint(50, 180)
        stream = bytes(self._chance.randint(0, 0x7F) for _ in range(self._chance.randint(0, 4)))
        for _ in range(SEARCHING_PACKETS):
            stream += self._packet(0x20, NO_PULSE, NO_PERCENT)
        for _ in range(STEADY_PACKETS):
            stream += self._packet(0, pulse, percent)
        for _ in range(SEARCHING_PACKETS):
            stream += self._packet(0x10, NO_PULSE, NO_PERCENT)
        for at in range(0, len(stream), NOTIFICATION):
            part = stream[at : at + NOTIFICATION]
            yield Message(on=STREAM, data=part, after=STEP_SECONDS)

    def _packet(self, status: int, pulse: int, percent: int) -> bytes:
        beep, pleth, bar = self._chance.choice((0, 0x40)), self._chance.randint(1, 100), 7
        third = status | (pulse & 0x80) >> 1 | bar
        return bytes([0x80 | beep | 5, pleth, third, pulse & 0x7F, percent])


SIMULATOR = BerryBm1000
