"""A Jumper JPD-500F, invented: values once a second, pleth in between.

It streams while it is on and never finishes anything: no message has a truth.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

SERVICE = "cdeacb80-5235-4c07-8846-93a37ee6b86d"
STREAM = "cdeacb81-5235-4c07-8846-93a37ee6b86d"
NOT_PERMITTED = 0x03
NO_FINGER = bytes.fromhex("81 ff 7f 00")
SECONDS = 4
STEP_SECONDS = 0.5


class JumperOximeter:
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
        """Its name and its service."""
        return Advertisement(name="My Oximeter", services=(SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Nothing can be read."""
        raise AttributeRefused(NOT_PERMITTED)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Nothing can be written."""
        raise AttributeRefused(NOT_PERMITTED)

    def measure(self, now: datetime) -> Iterator[Message]:
        """A finger goes in, stays a few seconds, comes out."""
        yield Message(on=STREAM, data=NO_FINGER, after=STEP_SECONDS)
        percent, pulse = self._chance.randint(91, 99), self._chance.randint(50, 180)
        for _ in range(SECONDS):
            pleth = bytes(self._chance.randint(0, 100) for _ in range(10))
            yield Message(on=STREAM, data=b"\x80" + pleth, after=STEP_SECONDS)
            index = self._chance.randint(5, 120)
            values = bytes([0x81, pulse, percent, index])
            yield Message(on=STREAM, data=values, after=STEP_SECONDS)
        yield Message(on=STREAM, data=NO_FINGER, after=STEP_SECONDS)


SIMULATOR = JumperOximeter
