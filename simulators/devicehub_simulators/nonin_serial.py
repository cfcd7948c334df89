"""A Nonin oximeter, invented: with an even seed a 9560 in format 13, with an odd one an OEM III in format 2.

The 9560 keeps each spot-check until it is acknowledged, and sends what it kept before the next one. The OEM III sends
three packets of 25 frames a second, whether a finger is in or not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import OxygenSaturation
from devicehub.testing.simulator import Message

ACKNOWLEDGE = b"\x06"
SMART_POINT, LOW_BATTERY = 0x20, 0x01
NO_FINGER, FIRST, ALWAYS = 0x08, 0x01, 0x80
MISSING = (511, 127)
MEASURING_SECONDS = 12.0
PACKET_SECONDS = 1 / 3


class NoninSerial:
    """One oximeter; ``seed`` decides whose finger is in, and how it tells."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._streams = bool(seed % 2)
        self._kept: list[bytes] = []

    def receive(self, data: bytes, now: datetime) -> bytes:
        """An acknowledged spot-check is forgotten."""
        for _ in range(data.count(ACKNOWLEDGE)):
            del self._kept[:1]
        return b""

    def measure(self, now: datetime) -> Iterator[Message]:
        """A finger is in for a while."""
        pulse, percent = self._chance.randint(48, 180), self._chance.randint(90, 100)
        return self._stream(pulse, percent) if self._streams else self._spot(pulse, percent, now)

    def _spot(self, pulse: int, percent: int, now: datetime) -> Iterator[Message]:
        told = now.replace(microsecond=0, tzinfo=None)
        digits = bytes.fromhex(f"{told:%Y%m%d%H%M%S}00")
        body = digits + b"\x02\x00" + pulse.to_bytes(2, "big") + bytes((0, percent))
        for kept in self._kept:
            yield Message(data=kept, after=0.5)
        yield Message(after=MEASURING_SECONDS)
        spot = b"\x00\x02\x00\x0d\x00\x0e" + body + bytes((sum(body) & 0xFF, 3))
        self._kept.append(spot)
        yield Message(
            data=spot,
            truth=OxygenSaturation(
                percent=Decimal(percent),
                pulse_per_minute=Decimal(pulse),
                device_time=told.isoformat(),
                stored=False,
            ),
        )

    def _stream(self, pulse: int, percent: int) -> Iterator[Message]:
        def packet(values: tuple[int, int], status: int = 0, status2: int = 0) -> bytes:
            low = values[0] & 0x7F
            told = (values[0] >> 7, low, values[1], 48, 0, 0, 0, status2, *[0] * 17)
            frames = []
            for number, value in enumerate(told):
                first = FIRST if number == 0 else 0
                frame = bytes((1, ALWAYS | status | first, self._chance.randrange(256), value))
                frames.append(frame + bytes([sum(frame) & 0xFF]))
            return b"".join(frames)

        for _ in range(3):
            yield Message(data=packet(MISSING, NO_FINGER), after=PACKET_SECONDS)
        for _ in range(4):
            yield Message(data=packet((pulse, percent)), after=PACKET_SECONDS)
        good = packet((pulse, percent), status2=SMART_POINT)
        truth = OxygenSaturation(percent=Decimal(percent), pulse_per_minute=Decimal(pulse))
        yield Message(data=good, after=PACKET_SECONDS, truth=truth)
        for _ in range(3):
            good = packet((pulse, percent), status2=SMART_POINT)
            yield Message(data=good, after=PACKET_SECONDS)
        for _ in range(3):
            yield Message(data=packet(MISSING, NO_FINGER), after=PACKET_SECONDS)


SIMULATOR = NoninSerial
