"""A Medlab EG05000 with five electrodes, invented: seven waves 300 times a second, its state once a second.

Which bit is which electrode's is this simulator's choice (RA, LA, LL, RL, chest), and so is a scale of 20 µV a count: bind it
as the model "EG05000, 20 µV". The chest electrode is where V2 is.
"""

from __future__ import annotations

from typing import ClassVar

from devicehub_simulators._ecg import FrontEnd, counts

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V2")
ELECTRODES = ("RA", "LA", "LL", "RL", "V2")
ONE_COUNT, ZERO, HIGHEST = 20.0, 128, 0xF7
WAVES, SETTINGS = 0x7F, 0b0000_0111
"""All seven; 300 blocks a second at the second amplification."""


class MedlabEg(FrontEnd):
    """One board."""

    sampling_hz: ClassVar[float] = 300.0

    def packet(self) -> bytes:
        """The samples of all leads; before them, once a second, the state and a pulse."""
        on, first = self.patient.contact, self.patient.samples % self.sampling_hz == 0
        leads = self.patient.read()
        samples = bytes(
            ZERO + counts(leads[name], ONE_COUNT, -ZERO, HIGHEST - ZERO) for name in LEADS
        )
        number = len(samples) << 4
        wave = bytes((0xF8, number | (0xF8 + sum(samples)) & 0x0F)) + samples
        if not first:
            return wave
        bits = sum(1 << bit for bit, name in enumerate(ELECTRODES) if on[name])
        state = bytes((bits, WAVES, SETTINGS, 0))
        rate = round(self.patient.heart.rate)
        pulse = bytes((0xFA, (0xFA + rate) & 0x7F, rate))
        return bytes((0xFC, (0xFC + sum(state)) & 0x7F)) + state + pulse + wave


SIMULATOR = MedlabEg
