"""A monitor with a SunTech module, invented: somebody presses its button; it tells the hub only what it is asked.

A command that would start a measurement is unknown to it: no hub may send one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import BloodPressure
from devicehub.testing.simulator import Message

REQUEST = 5
BUSY, UNKNOWN = b"B", b"N"
INFLATION = (20, 60, 110, 150, 180)
STOPPED_BY_SOMEBODY = 86


class SuntechOem:
    """One module; ``seed`` decides whose arm is in the cuff."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._received = bytearray()
        self._cuff = 0
        self._measuring = False
        self._result = b"\0" * 18 + bytes([STOPPED_BY_SOMEBODY]) + b"\0\0"

    def receive(self, data: bytes, now: datetime) -> bytes:
        """The answers to the requests that ``data`` finishes."""
        self._received += data
        answers = b""
        while len(self._received) >= REQUEST:
            answers += self._answer(bytes(self._received[:REQUEST]))
            del self._received[:REQUEST]
        return answers

    def measure(self, now: datetime) -> Iterator[Message]:
        """Pump up, let go in steps, and know the result when the cuff is flat."""
        systolic = self._chance.randint(95, 165)
        diastolic = systolic - self._chance.randint(30, 60)
        mean, pulse = (systolic + 2 * diastolic) // 3, self._chance.randint(52, 120)
        self._measuring = True
        for pressure in (*INFLATION, *range(170, 40, -10)):
            self._cuff = pressure
            yield Message(after=1.0)
        self._cuff = 4
        yield Message(after=2.0)
        numbers = (systolic, diastolic, 0, 0, 0, 0, 0, pulse, mean)
        self._result = b"".join(number.to_bytes(2, "little") for number in numbers) + b"\0\0\0"
        self._measuring, self._cuff = False, 0
        yield Message(
            after=3.0,
            truth=BloodPressure(
                systolic_mmhg=Decimal(systolic),
                diastolic_mmhg=Decimal(diastolic),
                mean_mmhg=Decimal(mean),
                pulse_per_minute=Decimal(pulse),
            ),
        )

    def _answer(self, request: bytes) -> bytes:
        match request:
            case b"\x3a\x79\x05\x00\x48":
                told = self._cuff.to_bytes(2, "little")
            case b"\x3a\x79\x03\x00\x4a":
                told = BUSY if self._measuring else self._result
            case _:
                told = UNKNOWN
        answer = bytes((0x3E, len(told) + 3)) + told
        return answer + bytes([-sum(answer) & 0xFF])


SIMULATOR = SuntechOem
