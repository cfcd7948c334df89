"""A Health o meter Professional 1100L: a packet a second while the weight is locked, the later ones opened by ``6R``.

Source: *Pro Plus 1100KL* operation manual, pages 33 and 35. Every other patient's height is typed in, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import BodyHeight, BodyMassIndex, BodyWeight
from devicehub.testing.simulator import Message
from devicehub_simulators._scales import WEIGHING_SECONDS, Teller, body_mass_index

OPENS = b"\x1bR"
NONE = Decimal("0.0")


class HealthOMeter(Teller):
    """A stand-on scale in kilograms and centimetres, without patient identity."""

    def measure(self, now: datetime) -> Iterator[Message]:
        """Somebody is weighed; the locked weight is told until they step off."""
        weight = self.tenths(40, 140)
        height = self.tenths(150, 200) if self.chance.random() < 0.5 else NONE
        index = body_mass_index(weight, height) if height else NONE
        packet = (
            f"\x1bI0000000000\x1bW{weight}\x1bH{height}\x1bB{index}\x1bT0.0\x1bNm\x1bE".encode()
        )
        yield Message(
            after=self.chance.uniform(*WEIGHING_SECONDS),
            data=OPENS + packet,
            truth=BodyWeight(kilograms=weight, stable=True),
        )
        if height:
            yield Message(truth=BodyHeight(centimetres=height))
            yield Message(truth=BodyMassIndex(kilograms_per_square_metre=index))
        for _ in range(self.chance.randint(1, 4)):
            yield Message(after=1.0, data=OPENS + packet)


SIMULATOR = HealthOMeter
