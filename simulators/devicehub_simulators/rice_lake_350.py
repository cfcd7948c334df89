"""A Rice Lake wheelchair scale: one line when its print key is held.

Source: *350-10 Series* operator manual, section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from devicehub.driver import BodyWeight, Measurement
from devicehub_simulators._scales import Teller


class RiceLakeScale(Teller):
    """A scale in kilograms, gross."""

    def result(self, now: datetime) -> tuple[bytes, Iterable[Measurement]]:
        """A weight."""
        weight = self.tenths(40, 200)
        return f"{weight:>9} kg Gross \r\n".encode(), (BodyWeight(kilograms=weight, stable=True),)


SIMULATOR = RiceLakeScale
