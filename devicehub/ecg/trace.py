"""A trace: the leads as they are drawn, live, with no more samples than a screen can show.

Each pair of drawn samples is the lowest and the highest of its stretch, in the order in which they came, so that no
R wave gets lost between two pixels. The slow part is taken away with a single pole at 0.5 Hz, as a monitor does; what is
checked is the signal as it came.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np

from devicehub.ecg.leads import complete, spell
from devicehub.ecg.window import Floats

DRAWN_HZ = 250
"""Drawn samples a second where the device sends more: 25 mm/s is four pixels a millimetre at best."""
STEP_MV = 0.005
"""What a drawn number is worth: less than a tenth of a pixel."""
PIECE = 0.05
"""Seconds in the shortest piece, so that a screen is drawn twenty times a second at most."""
CORNER_HZ = 0.5
FAR_MV = 20.0
"""Beyond this the signal has jumped, as when an electrode is put on: the line begins where it now is."""
LARGEST = 4000
"""±20 mV: further is off every screen."""


class Trace:
    """The drawing of one stream, piece by piece."""

    def __init__(self, leads: Sequence[str], fs: float) -> None:
        self.leads = tuple(map(spell, leads))
        self.names = tuple(complete(dict.fromkeys(self.leads, 0.0)))
        self._fold = max(1, round(fs / DRAWN_HZ))
        self.hertz = fs / self._fold
        self._pole = 1 - math.exp(-2 * math.pi * CORNER_HZ / fs)
        self._least = math.ceil(PIECE * fs)
        self._level: Floats | None = None
        self._kept: Floats = np.empty((len(self.names), 0))
        self._drawn = 0

    def push(self, samples_mv: Floats) -> str | None:
        """What these samples let draw, as JSON; None as long as it is less than a piece.

        ``at`` counts drawn samples from the stream's beginning; ``leads`` holds `STEP_MV` each, null in a gap.
        """
        had = complete(dict(zip(self.leads, samples_mv, strict=True)))
        fresh = self._level_taken_away(np.stack(list(had.values())))
        self._kept = np.concatenate((self._kept, fresh), axis=1)
        pair = 2 * self._fold if self._fold > 1 else 1
        take = self._kept.shape[1] // pair * pair
        if take < self._least:
            return None
        whole, self._kept = self._kept[:, :take], self._kept[:, take:]
        drawn = whole if self._fold == 1 else _extremes(whole, pair)
        at, self._drawn = self._drawn, self._drawn + drawn.shape[1]
        gaps = np.isnan(drawn)
        steps = np.clip(np.where(gaps, 0, drawn) / STEP_MV, -LARGEST, LARGEST).round().astype(int)
        rows = {
            name: [None if gap else value for value, gap in zip(row, lost, strict=True)]
            for name, row, lost in zip(self.names, steps.tolist(), gaps.tolist(), strict=True)
        }
        told = {"at": at, "hertz": self.hertz, "leads": rows}
        return json.dumps(told, separators=(",", ":"))

    def _level_taken_away(self, samples: Floats) -> Floats:
        out = np.empty_like(samples)
        level = self._level
        for place, column in enumerate(samples.T):
            here = np.isfinite(column)
            if level is None:
                level = np.where(here, column, 0.0)
            off = np.where(here, column - level, 0.0)
            level = level + np.where(np.abs(off) > FAR_MV, off, self._pole * off)
            out[:, place] = column - level
        self._level = level
        return out


def _extremes(samples: Floats, size: int) -> Floats:
    """Of every ``size`` samples the lowest and the highest, in order; both NaN where one is missing."""
    parts = samples.reshape(len(samples), -1, size)
    places = np.sort(np.stack((parts.argmin(axis=2), parts.argmax(axis=2)), axis=2), axis=2)
    # To numpy a sample that is missing is both the lowest and the highest.
    return np.asarray(np.take_along_axis(parts, places, axis=2).reshape(len(samples), -1))
