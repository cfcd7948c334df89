"""ProtoCentral's ADS1292R shield with the maker's Arduino program, invented."""

from __future__ import annotations

from typing import ClassVar

from devicehub_simulators._ecg import FrontEnd, counts

HEAD, END = b"\x0a\xfa\x09\x00\x02", b"\x00\x0b"
ONE_COUNT = 2_420_000 / 12 / ((1 << 23) - 1) * 1024
LOWEST, HIGHEST = -(1 << 15), (1 << 15) - 1


class ProtocentralAds1292r(FrontEnd):
    """One shield."""

    sampling_hz: ClassVar[float] = 125.0

    def packet(self) -> bytes:
        """One sample and the rates beside it."""
        count = counts(self.patient.read()["I"], ONE_COUNT, LOWEST, HIGHEST)
        rates = (14).to_bytes(2, "little") + round(self.patient.heart.rate).to_bytes(2, "little")
        return HEAD + count.to_bytes(2, "little", signed=True) + b"\0\0" + rates + b"\0" + END


SIMULATOR = ProtocentralAds1292r
