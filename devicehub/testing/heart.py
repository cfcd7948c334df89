"""An invented heart: a dipole that beats, breathes, and is seen by ten electrodes.

The dipole is a sum of Gaussian loops in time, one or two a wave (P, Q, R, S, T), each with a direction in the body: x to
the patient's left, y to the feet, z to the back, in microvolts. The potential of an electrode is its lead vector times
the dipole. The limb vectors are those of leads I and II, with a Wilson terminal of 0, so that Einthoven's and
Goldberger's equations hold by themselves; the chest vectors make R grow from V1 to V4 and S vanish. The rate breathes
(sinus arrhythmia), the dipole turns and swells a little with each breath, and each electrode's baseline follows it.

Pure: the same ``seed`` gives the same heart, sample by sample. Nothing here is noise or a fault: see
`devicehub.testing.electrodes`.

Sources: P. McSharry et al., IEEE Trans Biomed Eng 2003;50:289 (Gaussian waves); G. Dower et al., J Electrocardiol
1980;13:117 (lead vectors in the Frank system); time constants are ordinary resting values.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

LIMBS = ("RA", "LA", "LL", "RL")
CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
ELECTRODES = LIMBS + CHEST
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", *CHEST)

Vector = tuple[float, float, float]

_LEAD_I: Vector = (0.632, -0.235, 0.059)
_LEAD_II: Vector = (0.235, 1.066, -0.132)


def _combined(of_i: float, of_ii: float) -> Vector:
    x, y, z = (of_i * one + of_ii * two for one, two in zip(_LEAD_I, _LEAD_II, strict=True))
    return x, y, z


SEEN_FROM: dict[str, Vector] = {
    "RA": _combined(-1 / 3, -1 / 3),
    "LA": _combined(2 / 3, -1 / 3),
    "LL": _combined(-1 / 3, 2 / 3),
    # The right leg hangs on the same trunk as the left.
    "RL": _combined(-1 / 3, 2 / 3),
    "V1": (-0.515, 0.157, -0.917),
    "V2": (0.044, 0.164, -1.387),
    "V3": (0.882, 0.098, -1.277),
    "V4": (1.213, 0.127, -0.601),
    "V5": (1.125, 0.127, -0.086),
    "V6": (0.831, 0.076, 0.230),
}
"""How each electrode sees the dipole, against a terminal of 0."""


class Wave(NamedTuple):
    """One loop: its middle after R and its width in seconds, its greatest dipole in microvolts.

    ``stretches`` is how much of it moves with the length of the beat (Bazett's square root for T, nothing for QRS).
    """

    middle: float
    width: float
    dipole: Vector
    stretches: float = 0.0


WAVES = (
    Wave(-0.165, 0.020, (70.0, 110.0, -20.0), 0.2),
    Wave(-0.024, 0.008, (-120.0, -30.0, -260.0)),
    Wave(0.000, 0.011, (1150.0, 640.0, 60.0)),
    Wave(0.016, 0.011, (330.0, 60.0, 850.0)),
    Wave(0.036, 0.009, (-230.0, -60.0, 320.0)),
    Wave(0.255, 0.050, (250.0, 170.0, -170.0), 0.5),
    Wave(0.300, 0.028, (120.0, 80.0, -80.0), 0.5),
)
"""Ordinary conduction, an axis of about 45 degrees in the frontal plane."""

_WIDTHS_AWAY = 6.0
_BREATH_HERTZ = (0.18, 0.30)
_RATES = (55.0, 90.0)
_ARRHYTHMIA = 0.04
_JITTER = 0.01
_SWELLS, _TURNS = 0.04, 0.06
_BASELINE = (10.0, 60.0)
"""How far a breath moves an electrode's baseline, in microvolts."""


class Heart:
    """One heart; ``rate`` is in beats a minute, chosen by ``seed`` where it is ``None``."""

    def __init__(self, seed: int = 0, *, rate: float | None = None) -> None:
        chance = random.Random(f"heart {seed}")  # noqa: S311 - nobody's heart, and nothing secret
        self.rate = rate if rate is not None else chance.uniform(*_RATES)
        self.breath_hertz = chance.uniform(*_BREATH_HERTZ)
        self._size = chance.uniform(0.8, 1.2)
        self._baseline = {name: chance.uniform(*_BASELINE) for name in ELECTRODES}
        self._chance = chance
        self._beats: list[tuple[float, float]] = []
        """When R was or will be, and how long that beat is."""
        self._next = chance.uniform(0.2, 0.6)

    def dipole(self, at: float) -> Vector:
        """The dipole ``at`` so many seconds; time may only go on."""
        while self._next < at + 1.0:
            self._beats.append((self._next, self._interval(self._next)))
            self._next += self._beats[-1][1]
        while self._beats[0][0] < at - 1.0 and len(self._beats) > 1:
            self._beats.pop(0)
        x = y = z = 0.0
        for beat, interval in self._beats:
            since = at - beat
            if not -0.4 < since < 0.8:
                continue
            longer = math.sqrt(interval) - 1
            for middle, width, (east, south, back), stretches in WAVES:
                away = (since - middle * (1 + stretches * longer)) / width
                if -_WIDTHS_AWAY < away < _WIDTHS_AWAY:
                    size = math.exp(-0.5 * away * away)
                    x, y, z = x + size * east, y + size * south, z + size * back
        breath = math.sin(2 * math.pi * self.breath_hertz * at)
        swell, turn = self._size * (1 + _SWELLS * breath), _TURNS * breath
        return swell * (x - turn * y), swell * (y + turn * x), swell * z

    def potentials(self, at: float) -> dict[str, float]:
        """What each electrode has ``at`` so many seconds, in microvolts; time may only go on."""
        x, y, z = self.dipole(at)
        breath = math.sin(2 * math.pi * self.breath_hertz * at - 0.5)
        return {
            name: east * x + south * y + back * z + self._baseline[name] * breath
            for name, (east, south, back) in SEEN_FROM.items()
        }

    def _interval(self, at: float) -> float:
        breath = math.sin(2 * math.pi * self.breath_hertz * at)
        jitter = self._chance.gauss(0, _JITTER)
        return 60 / self.rate * (1 - _ARRHYTHMIA * breath + jitter)


def leads_of(potentials: dict[str, float]) -> dict[str, float]:
    """The twelve leads of nine electrodes (RL is in none), in microvolts."""
    right, left, foot = potentials["RA"], potentials["LA"], potentials["LL"]
    centre = (right + left + foot) / 3
    first, second = left - right, foot - right
    return {
        "I": first,
        "II": second,
        "III": second - first,
        "aVR": -(first + second) / 2,
        "aVL": first - second / 2,
        "aVF": second - first / 2,
        **{name: potentials[name] - centre for name in CHEST},
    }
