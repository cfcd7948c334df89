"""What the simulated serial scales share: who steps on, and how a result is told."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import BodyWeight, Measurement
from devicehub.testing.simulator import Message

NOBODY = Decimal("0.00")
LONGEST_COMMAND = 64
MOVING_SECONDS = (0.1, 0.3)
STAYS_SECONDS = 1.5
GONE_SECONDS = 0.5
WEIGHING_SECONDS = (2.0, 6.0)


class Platform:
    """A scale with a readability of 10 g that is asked for its weight; ``seed`` decides who steps on it."""

    end: bytes
    """What a command ends with."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._shown = NOBODY
        self._stable = True
        self._received = bytearray()

    def receive(self, data: bytes, now: datetime) -> bytes:
        """The answers to the commands that ``data`` finishes."""
        self._received += data
        *commands, rest = bytes(self._received).split(self.end)
        self._received = bytearray(rest[-LONGEST_COMMAND:])
        return b"".join(self.answer(command) for command in commands)

    def answer(self, command: bytes) -> bytes:
        """What the scale answers to one command, line end included."""
        raise NotImplementedError

    def measure(self, now: datetime) -> Iterator[Message]:
        """Somebody steps on, stands still, and steps off again."""
        weight = self._grams(4000, 14000)
        for _ in range(self._chance.randint(3, 6)):
            yield Message(after=self._chance.uniform(*MOVING_SECONDS))
            self._show(weight + self._grams(-300, 300), stable=False)
        yield Message(after=self._chance.uniform(*MOVING_SECONDS))
        self._show(weight, stable=True)
        yield Message(after=STAYS_SECONDS, truth=BodyWeight(kilograms=weight, stable=True))
        self._show(weight / 2 // Decimal("0.01") * Decimal("0.01"), stable=False)
        yield Message(after=self._chance.uniform(*MOVING_SECONDS))
        self._show(NOBODY, stable=True)
        yield Message(after=GONE_SECONDS)

    def _show(self, kilograms: Decimal, *, stable: bool) -> None:
        self._shown, self._stable = kilograms, stable

    def _grams(self, least: int, most: int) -> Decimal:
        """A weight between two limits, in steps of 10 g."""
        return Decimal(self._chance.randint(least, most)).scaleb(-2)


class Teller:
    """A device that tells one finished result at a time, unasked; ``seed`` decides whose."""

    def __init__(self, seed: int = 0) -> None:
        self.chance = random.Random(seed)

    def receive(self, data: bytes, now: datetime) -> bytes:
        """It does not listen."""
        return b""

    def tenths(self, least: int, most: int) -> Decimal:
        """A number between two limits, in steps of a tenth."""
        return Decimal(self.chance.randint(least * 10, most * 10)).scaleb(-1)

    def result(self, now: datetime) -> tuple[bytes, Iterable[Measurement]]:
        """The next result, as the device tells it and as it is meant."""
        raise NotImplementedError

    def measure(self, now: datetime) -> Iterator[Message]:
        """Somebody is measured, and the result is told."""
        told, meant = self.result(now)
        first, *others = meant
        yield Message(after=self.chance.uniform(*WEIGHING_SECONDS), data=told, truth=first)
        for other in others:
            yield Message(truth=other)


def body_mass_index(kilograms: Decimal, centimetres: Decimal) -> Decimal:
    """As a display shows it, to a tenth."""
    return (kilograms / (centimetres / 100) ** 2).quantize(Decimal("0.1"))
