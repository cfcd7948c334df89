"""A Health o meter Professional baby scale: its locked weight once a second, in seven characters.

Source: the maker's communication protocol sheets, as github.com/STocidlowski/ScaleReporter keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from devicehub.driver import BodyWeight
from devicehub.testing.simulator import Message
from devicehub_simulators._scales import WEIGHING_SECONDS, Teller


class PelstarScale(Teller):
    """A baby scale in kilograms."""

    def measure(self, now: datetime) -> Iterator[Message]:
        """A child is weighed; the locked weight is told until it is taken off."""
        weight = self.tenths(2, 20)
        packet = b"\x01\x82\xd7\xe4" + f"{weight:07.2f}\r".encode()
        yield Message(
            after=self.chance.uniform(*WEIGHING_SECONDS),
            data=packet,
            truth=BodyWeight(kilograms=weight, stable=True),
        )
        for _ in range(self.chance.randint(1, 4)):
            yield Message(after=1.0, data=packet)


SIMULATOR = PelstarScale
