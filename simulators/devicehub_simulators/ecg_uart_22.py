"""A twelve-lead front end with packets of 22 octets, invented, and with it its rate (500 a second) and scale (5 µV).

Bind it as the model "500 Hz, 5 µV". Its checksum, whose formula nobody has published, is 0.
"""

from __future__ import annotations

from typing import ClassVar

from devicehub_simulators._ecg import FrontEnd, counts

LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
ELECTRODES = ("LA", "RA", "V1", "V2", "V3", "V4", "V5", "V6")
ONE_COUNT, ZERO, HIGHEST = 5.0, 2048, 4095
COUNTED = 64


class EcgUart22(FrontEnd):
    """One front end."""

    sampling_hz: ClassVar[float] = 500.0

    def packet(self) -> bytes:
        """Head, eight samples with their electrodes' contact, end."""
        counter, on = self.patient.samples % COUNTED, self.patient.contact
        leads = self.patient.read()
        data = bytearray((0xE8, counter, 0x11, 0x20, 0))
        for lead, electrode in zip(LEADS, ELECTRODES, strict=True):
            count = ZERO + counts(leads[lead], ONE_COUNT, -ZERO, HIGHEST - ZERO)
            left_leg = 0x40 if lead == "II" and on["LL"] else 0
            data += bytes((count & 0x7F, count >> 7 | (0x20 if on[electrode] else 0) | left_leg))
        return bytes(data) + b"\x8e"


SIMULATOR = EcgUart22
