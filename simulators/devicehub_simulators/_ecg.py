"""What the simulated ECG front ends share: a patient with electrodes, and a stream that is cut into small pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from devicehub.testing.electrodes import Electrodes
from devicehub.testing.simulator import Message

PIECE_SECONDS = 0.04


class FrontEnd(ABC):
    """A front end that streams by itself; ``seed`` decides whose heart it hears. It never finishes anything.

    ``patient`` may be given faults (`devicehub.testing.electrodes.faults`); ``stretch_seconds`` is how long one measurement streams.
    """

    sampling_hz: ClassVar[float]

    def __init__(self, seed: int = 0) -> None:
        self.patient = Electrodes(seed, sampling_hz=self.sampling_hz)
        self.stretch_seconds = 0.8

    def receive(self, data: bytes, now: datetime) -> bytes:
        """It takes no commands."""
        return b""

    def measure(self, now: datetime) -> Iterator[Message]:
        """Stream for a while."""
        for _ in range(max(1, round(self.stretch_seconds / PIECE_SECONDS))):
            due = round((self.patient.seconds + PIECE_SECONDS) * self.sampling_hz)
            pieces = [self.packet() for _ in range(due - self.patient.samples)]
            yield Message(data=b"".join(pieces), after=PIECE_SECONDS)

    @abstractmethod
    def packet(self) -> bytes:
        """What is sent of the next sample."""


def counts(microvolts: float, one_count: float, lowest: int, highest: int) -> int:
    """What a converter makes of a voltage, at its limits where it is beyond them."""
    return max(lowest, min(highest, round(microvolts / one_count)))


def signed_24(microvolts: float, one_count: float) -> bytes:
    """The same as 24 bits, two's complement, high octet first."""
    return counts(microvolts, one_count, -(1 << 23), (1 << 23) - 1).to_bytes(3, "big", signed=True)
