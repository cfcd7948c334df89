"""An ADS1298 on TI's twelve-lead board behind a microcontroller, invented: 500 a second, gain 6, 2.4 V."""

from __future__ import annotations

from typing import ClassVar

from devicehub_simulators._ecg import FrontEnd, signed_24

CHANNELS = ("V6", "I", "II", "V2", "V3", "V4", "V5", "V1")
POSITIVE = ("V6", "LA", "LL", "V2", "V3", "V4", "V5", "V1")
ONE_COUNT = 2_400_000 / 6 / ((1 << 23) - 1)
SENSES_RA = 1
"""The channel whose negative input is watched (LOFF_SENSN 02)."""


class Ads1298Bridge(FrontEnd):
    """One board with its detection switched on."""

    sampling_hz: ClassVar[float] = 500.0

    def packet(self) -> bytes:
        """Status and eight channels."""
        on = self.patient.contact
        leads = self.patient.read()
        positive = sum(1 << bit for bit, name in enumerate(POSITIVE) if not on[name])
        negative = 0 if on["RA"] else 1 << SENSES_RA
        status = 0xC << 20 | positive << 12 | negative << 4
        channels = b"".join(signed_24(leads[name], ONE_COUNT) for name in CHANNELS)
        return status.to_bytes(3, "big") + channels


SIMULATOR = Ads1298Bridge
