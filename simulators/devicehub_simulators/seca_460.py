"""A seca scale with the interface 460, invented: a block a second, whatever happens.

Source: seca, *Description of New RS232 Interface*, 30-34-00-605 Ind. c. Its display code and states are invented, as the
sheet's could not be read: each scale can be given others.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import BodyWeight
from devicehub.testing.simulator import Message

SECOND = 1.0
EMPTY_SECONDS, MOVING_SECONDS, STANDING_SECONDS = 2, 1, 2
MOST_MOVED = 30
"""How many digits a weight sways while somebody steps on."""


class SecaScale:
    """One scale; ``seed`` decides who steps on. The rest is how it is built, and what it was set to."""

    def __init__(
        self,
        seed: int = 0,
        *,
        kind: str = "A0",
        display: str = "1",
        rest: str = "8000",
        zero: str = "8200",
        moving: str = "0000",
        decimals: int = 1,
        has_crc: bool = True,
    ) -> None:
        self._chance = random.Random(seed)
        self._kind, self._display = kind, display
        self._rest, self._zero, self._moving = rest, zero, moving
        self._decimals = decimals
        self._has_crc = has_crc

    @property
    def model(self) -> str:
        """What a technician who has watched it states."""
        step = Decimal(1).scaleb(-self._decimals)
        codes = f"kind {self._kind}, display {self._display}, state {self._rest}"
        return f"seca RS232, {codes} = kg {step}, zero state {self._zero}"

    def receive(self, data: bytes, now: datetime) -> bytes:
        """It does not listen."""
        return b""

    def measure(self, now: datetime) -> Iterator[Message]:
        """The empty scale, somebody steps on, stands, and steps off again."""
        digits = self._chance.randint(40, 140) * 10**self._decimals + self._chance.randint(0, 9)
        truth = BodyWeight(kilograms=Decimal(digits).scaleb(-self._decimals), stable=True)
        yield from self._says([0] * EMPTY_SECONDS, self._zero)
        sways = (self._chance.randint(-MOST_MOVED, MOST_MOVED) for _ in range(MOVING_SECONDS))
        yield from self._says([digits + sway for sway in sways], self._moving)
        first, second, *others = self._says([digits] * STANDING_SECONDS, self._rest)
        yield first
        yield Message(data=second.data, after=second.after, truth=truth)
        yield from others
        yield from self._says([digits // 2], self._moving)
        yield from self._says([0], self._zero)

    def _says(self, values: list[int], state: str) -> Iterator[Message]:
        for value in values:
            yield Message(data=self.block(value, state), after=SECOND)

    def block(self, value: int, state: str) -> bytes:
        """What it sends for the digits of its display."""
        said = f"{self._kind}{value:05}{self._display}{state}"
        check = remainder(int(said, 16)) if self._has_crc else 0
        return f"\x02{said}{check:02X}\r\n\x03".encode()


def remainder(number: int) -> int:
    """Long division by x⁸ + x² + x + 1, eight zeros behind."""
    number <<= 8
    while (length := number.bit_length()) > 8:
        number ^= 0x107 << (length - 9)
    return number


SIMULATOR = SecaScale
