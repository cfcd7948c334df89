"""A HealthyPi v4 as it is delivered, invented: its ECG, a finger in the probe, and a lead status that stays 0."""

from __future__ import annotations

from typing import ClassVar

from devicehub_simulators._ecg import FrontEnd, counts

HEAD, END = b"\x0a\xfa\x14\x00\x02", b"\x00\x0b"
ONE_COUNT = 2_420_000 / 12 / ((1 << 23) - 1) * 1024
LOWEST, HIGHEST = -(1 << 15), (1 << 15) - 1
CONSTANTS = bytes((80, 120))


class Healthypi(FrontEnd):
    """One board."""

    sampling_hz: ClassVar[float] = 125.0

    def packet(self) -> bytes:
        """One sample and the values beside it."""
        count = counts(self.patient.read()["I"], ONE_COUNT, LOWEST, HIGHEST)
        light = (100_000).to_bytes(4, "little") + (90_000).to_bytes(4, "little")
        values = (3380).to_bytes(2, "little") + bytes((14, 97, round(self.patient.heart.rate)))
        ecg = count.to_bytes(2, "little", signed=True) + b"\0\0"
        return HEAD + ecg + light + values + CONSTANTS + b"\0" + END


SIMULATOR = Healthypi
