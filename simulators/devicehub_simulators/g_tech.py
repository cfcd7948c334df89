"""A G-Tech GL-150: 27 bytes of height, weight, gender, obesity and BMI when somebody was measured.

Source: the public integration whose class ``GTech_GL150`` describes the message.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from devicehub.driver import BodyHeight, BodyMassIndex, BodyWeight, Measurement
from devicehub_simulators._scales import Teller, body_mass_index


class GTechScale(Teller):
    """A body scale with an ultrasonic height meter."""

    def result(self, now: datetime) -> tuple[bytes, Iterable[Measurement]]:
        """Weight, height and body mass index."""
        weight, height = self.tenths(40, 150), self.tenths(150, 200)
        index = body_mass_index(weight, height)
        message = f"\x02{height:05},{weight:05},M,110.0,{index:05}\x03"
        return message.encode(), (
            BodyWeight(kilograms=weight, stable=True),
            BodyHeight(centimetres=height),
            BodyMassIndex(kilograms_per_square_metre=index),
        )


SIMULATOR = GTechScale
