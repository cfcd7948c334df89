"""An OpenBCI Cyton with I, II and V1 to V6 on its eight channels, invented: 250 a second at a gain of 24, once told to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from devicehub.testing.simulator import Message
from devicehub_simulators._ecg import FrontEnd, signed_24

LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
ONE_COUNT = 4_500_000 / 24 / ((1 << 23) - 1)
COUNTED = 256
ANSWERS = {b"c": b"no daisy to remove!$$$", b"d": b"updating channel settings to default$$$"}


class OpenbciCyton(FrontEnd):
    """One board."""

    sampling_hz: ClassVar[float] = 250.0

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.streaming = False

    def receive(self, data: bytes, now: datetime) -> bytes:
        """Begin, stop, or answer in words."""
        if data in (b"b", b"s"):
            self.streaming = data == b"b"
            return b""
        return ANSWERS.get(data, b"")

    def measure(self, now: datetime) -> Iterator[Message]:
        """Stream for a while; nothing where nobody has asked for it."""
        for message in super().measure(now):
            yield message if self.streaming else Message(after=message.after)

    def packet(self) -> bytes:
        """Counter, eight channels, gravity, the end of a standard packet."""
        counter = self.patient.samples % COUNTED
        leads = self.patient.read()
        channels = b"".join(signed_24(leads[name], ONE_COUNT) for name in LEADS)
        return bytes((0xA0, counter)) + channels + bytes((0, 0, 0, 0, 0x1F, 0x40, 0xC0))


SIMULATOR = OpenbciCyton
