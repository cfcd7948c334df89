"""A scale that speaks MT-SICS level 0: ``SI``, ``S``, ``Z``, ``@`` and ``I4``; ``ES`` to anything else.

Source: *Reference Manual MT-SICS* (Mettler Toledo 11781363), chapter 2. The weight field is ten characters
wide and right-aligned; ``S`` marks a stable weight, ``D`` a moving one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import BodyWeight
from devicehub.testing.simulator import Message

END = b"\r\n"
NOBODY = Decimal("0.00")
LONGEST_COMMAND = 64
MOVING_SECONDS = (0.1, 0.3)
STAYS_SECONDS = 1.5
GONE_SECONDS = 0.5


class MtSicsScale:
    """A platform scale with a readability of 10 g; ``seed`` decides who steps on it."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._shown = NOBODY
        self._stable = True
        self._received = bytearray()

    def receive(self, data: bytes, now: datetime) -> bytes:
        """The answers to the commands that ``data`` finishes."""
        self._received += data
        *commands, rest = bytes(self._received).split(END)
        self._received = bytearray(rest[-LONGEST_COMMAND:])
        return b"".join(self._answer(command) + END for command in commands if command)

    def measure(self, now: datetime) -> Iterator[Message]:
        """Somebody steps on, stands still, and steps off again."""
        weight = self._grams(4000, 14000)
        for _ in range(self._chance.randint(3, 6)):
            yield Message(after=self._chance.uniform(*MOVING_SECONDS))
            self._show(weight + self._grams(-300, 300), stable=False)
        yield Message(after=self._chance.uniform(*MOVING_SECONDS))
        self._show(weight, stable=True)
        # Told before a hub can have read it twice: whoever compares never meets a reading nobody measured.
        yield Message(truth=BodyWeight(kilograms=weight, stable=True))
        yield Message(after=STAYS_SECONDS)
        self._show(weight / 2 // Decimal("0.01") * Decimal("0.01"), stable=False)
        yield Message(after=self._chance.uniform(*MOVING_SECONDS))
        self._show(NOBODY, stable=True)
        yield Message(after=GONE_SECONDS)

    def _answer(self, command: bytes) -> bytes:
        match command:
            case b"SI":
                return self._weight()
            case b"S":
                return self._weight() if self._stable else b"S I"
            case b"Z":
                return b"Z A" if self._stable and self._shown == NOBODY else b"Z I"
            case b"@" | b"I4":
                return b'I4 A "0123456789"'
            case _:
                return b"ES"

    def _weight(self) -> bytes:
        return f"S {'S' if self._stable else 'D'} {self._shown:>10} kg".encode()

    def _show(self, kilograms: Decimal, *, stable: bool) -> None:
        self._shown, self._stable = kilograms, stable

    def _grams(self, least: int, most: int) -> Decimal:
        """A weight between two limits, in steps of 10 g."""
        return Decimal(self._chance.randint(least, most)).scaleb(-2)


SIMULATOR = MtSicsScale
