"""A Medlab EG01010 with the older protocol, invented: lead II, once it is told how often. 20 µV a count: bind it as "EG01010, 20 µV"."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from devicehub.testing.simulator import Message
from devicehub_simulators._ecg import FrontEnd, counts

ONE_COUNT, ZERO, HIGHEST = 20.0, 128, 0xF6
AS_ASKED = b"S0"


class MedlabEg01010(FrontEnd):
    """One board."""

    sampling_hz: ClassVar[float] = 300.0

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.asked = False

    def receive(self, data: bytes, now: datetime) -> bytes:
        """It answers nothing; 300 samples a second is all it simulates."""
        self.asked = self.asked or data == AS_ASKED
        return b""

    def measure(self, now: datetime) -> Iterator[Message]:
        """Stream for a while."""
        for message in super().measure(now):
            yield message if self.asked else Message(after=message.after)

    def packet(self) -> bytes:
        """One sample; once a second before it a pulse, LEAD OFF where an electrode is, and a mark."""
        first = self.patient.samples % self.sampling_hz == 0
        off = not all(self.patient.contact[name] for name in ("RA", "LA", "LL"))
        count = counts(self.patient.read()["II"], ONE_COUNT, -ZERO, HIGHEST - ZERO)
        said = b"\xfb\x11" if off else b""
        said += bytes((0xFA, round(self.patient.heart.rate)))
        return (said + b"\xf8" if first else b"") + bytes((ZERO + count,))


SIMULATOR = MedlabEg01010
