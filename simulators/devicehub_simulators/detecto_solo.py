"""A Detecto solo: a line of time, date, BMI, height and weight when its print key is pressed.

Source: *solo* owner's manual 0044-0391-0M, page 20. In pounds, feet and inches, as sold.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from devicehub.driver import (
    BodyHeight,
    BodyMassIndex,
    BodyWeight,
    Measurement,
    Said,
    centimetres,
    kilograms,
)
from devicehub_simulators._scales import Teller, body_mass_index


class SoloScale(Teller):
    """A clinical scale with its height rod."""

    def result(self, now: datetime) -> tuple[bytes, Iterable[Measurement]]:
        """Weight, height and body mass index."""
        pounds, inches = self.tenths(90, 300), self.tenths(60, 77)
        weight, height = kilograms(pounds), centimetres(inches)
        index = body_mass_index(weight, height)
        feet, rest = divmod(inches, Decimal(12))
        line = f"{now:%H:%M,%m/%d/%y},{index},{feet}'{rest:04.1f}\",{pounds}lb\r"
        return line.encode(), (
            BodyWeight(
                kilograms=weight,
                stable=True,
                said={"kilograms": Said(value=pounds, unit="[lb_av]")},
            ),
            BodyHeight(centimetres=height, said={"centimetres": Said(value=inches, unit="[in_i]")}),
            BodyMassIndex(kilograms_per_square_metre=index),
        )


SIMULATOR = SoloScale
