"""A Tanita SC-240: a line of named values with a checksum when the measurement is done.

Source: *SC-240* instruction manual, connection with a personal computer, output sample.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from devicehub.driver import BodyComposition, BodyMassIndex, BodyWeight, Measurement
from devicehub_simulators._scales import Teller, body_mass_index

TENTH = Decimal("0.1")


class TanitaAnalyser(Teller):
    """An analyser in kilograms; somebody of 170 cm has typed that in."""

    def result(self, now: datetime) -> tuple[bytes, Iterable[Measurement]]:
        """Weight, composition and body mass index."""
        weight, fat, ohms = self.tenths(45, 130), self.tenths(8, 40), self.tenths(300, 700)
        fat_mass = (weight * fat / 100).quantize(TENTH)
        lean, height = weight - fat_mass, Decimal(170)
        water = (lean * Decimal("0.73")).quantize(TENTH)
        joules = Decimal(self.chance.randint(5000, 9000))
        index = body_mass_index(weight, height)
        sealed = (
            f'{{0,16,~0,1,~1,1,~2,1,MO,"SC-240",SN,"00000002",Bt,0,GE,1,AG,30,Hm,{height},Pt,0.0,'
            f"Wk,{weight},FW,{fat},fW,{fat_mass},MW,{lean},wW,{water},MI,{index},rb,{joules},ZF,{ohms},"
        ).encode()
        return sealed + f"CS,{sum(sealed) % 256:02X}\r\n".encode(), (
            BodyWeight(kilograms=weight, stable=True),
            BodyComposition(
                fat_percent=fat,
                fat_free_kilograms=lean,
                water_kilograms=water,
                basal_metabolism_kilojoules=joules,
                impedance_ohms=ohms,
                kilograms=weight,
                centimetres=height,
            ),
            BodyMassIndex(kilograms_per_square_metre=index),
        )


SIMULATOR = TanitaAnalyser
