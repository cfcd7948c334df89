"""ProtoCentral's ADS1293 breakout with the maker's Arduino program, invented, and with it a scale: bind it as "ADS1293, 0.1 µV".

Its chest electrode is where V5 is.
"""

from __future__ import annotations

from typing import ClassVar

from devicehub_simulators._ecg import FrontEnd, counts

HEAD, END = b"\x0a\xfa\x0c\x00\x02", b"\x00\x0b"
LEADS = ("I", "II", "V5")
ONE_COUNT = 0.1
LOWEST, HIGHEST = -(1 << 23), (1 << 23) - 1


class ProtocentralAds1293(FrontEnd):
    """One breakout."""

    sampling_hz: ClassVar[float] = 100.0

    def packet(self) -> bytes:
        """One sample of three channels."""
        leads = self.patient.read()
        channels = (counts(leads[name], ONE_COUNT, LOWEST, HIGHEST) for name in LEADS)
        return HEAD + b"".join(one.to_bytes(4, "little", signed=True) for one in channels) + END


SIMULATOR = ProtocentralAds1293
