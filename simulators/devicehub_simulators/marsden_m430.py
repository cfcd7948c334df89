"""A Marsden M-430: a print of 217 bytes, seven rows of 31, when its send key is pressed.

Source: github.com/medipi/MediPi, class ``M430Measurement``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from devicehub.driver import BodyHeight, BodyMassIndex, BodyWeight, Measurement
from devicehub_simulators._scales import Teller, body_mass_index

END = "\r\n\n"


class MarsdenScale(Teller):
    """A column scale in kilograms and centimetres."""

    def result(self, now: datetime) -> tuple[bytes, Iterable[Measurement]]:
        """Weight, height and body mass index."""
        weight, height = self.tenths(40, 150), self.tenths(150, 200)
        index = body_mass_index(weight, height)
        rows = (
            f"GROSS WEIGHT      {weight:>7} kg{END}",
            f"TARE WEIGHT       {'0.0':>7} kg{END}",
            f"NET WEIGHT       {weight:>8} kg{END}",
            f"HEIGHT            {height:>7} cm{END}",
            f"BMI               {index:>7}   {END}",
            f"{now:%d/%m/%Y   %H:%M}  \r\n\r\n    {END}",
            f"{'':26}\r\n\n\n\n",
        )
        time = f"{now:%Y-%m-%dT%H:%M:00}"
        return "".join(rows).encode(), (
            BodyWeight(kilograms=weight, stable=True, device_time=time),
            BodyHeight(centimetres=height, device_time=time),
            BodyMassIndex(kilograms_per_square_metre=index, device_time=time),
        )


SIMULATOR = MarsdenScale
