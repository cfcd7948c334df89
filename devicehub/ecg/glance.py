"""A glance: the gross faults of the last second, which need no beats to be seen.

A window of ten seconds forgets slowly. So that a lost electrode shows within two seconds and a mended
one clears as fast, the stream also looks at the last `GLANCE` seconds alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from devicehub.ecg.check import ANTENNA_MV, JOLT, JOLT_MV, lost_not_small
from devicehub.ecg.features import mains_of, muscle_of, runs_of
from devicehub.ecg.verdict import Cause
from devicehub.ecg.window import Floats, split

GLANCE = 1.2
"""Seconds looked at. With two hops of half a second that is 2.2 s at most, and longer than the pause
between two beats of a heart of 50 per minute, so that a pause is not taken for a flat lead."""

STILL_MV = 0.025
"""Peak to peak at 0.5-40 Hz below this: nothing is there, at most the converter's own noise."""

HUGE_MV = 10.0
"""Peak to peak beyond this within a glance is no heart."""

MAINS_MV, MUSCLE_MV = 0.3, 0.15
"""Gross amounts; lesser ones are the whole window's matter."""


def glance(
    signal_mv: Floats,
    fs: float,
    names: Sequence[str],
    mains: int | None = None,
    usual_mv: Floats | None = None,
) -> list[dict[Cause, float]]:
    """Each lead's gross faults with their figures, from `GLANCE` seconds (lead × sample, mV).

    ``off`` is among them where no heart looks so: end stop, standstill, a huge signal, none at all, or
    an open input's mains. One small limb lead alone is small, not off: see `check.lost_not_small`.
    ``usual_mv``: the peak to peak of a usual second in each lead, where it is known; motion is told by it.
    """
    window = split(signal_mv, fs)
    run_s, still, rail = runs_of(window)
    mains_mv, _ = mains_of(window, mains)
    muscle_mv, _ = muscle_of(window)
    span = np.ptp(window.raw, axis=1)
    moved = np.zeros(len(names), dtype=bool)
    if usual_mv is not None:
        moved = np.ptp(window.fast, axis=1) > np.maximum(JOLT_MV, JOLT * usual_mv)
    dead = (still > 0.8) | (rail > 0.3) | (span > HUGE_MV)
    dead |= mains_mv >= ANTENNA_MV
    small = np.ptp(window.ecg, axis=1) < STILL_MV
    off = dead | lost_not_small(small, dead, names)
    faults: list[dict[Cause, float]] = []
    for lead in range(len(names)):
        seen: tuple[tuple[Cause, bool, float], ...] = (
            ("off", off[lead], 1.0),
            ("flat", still[lead] > 0.8, run_s[lead]),
            ("saturated", rail[lead] > 0.3, rail[lead]),
            ("mains", mains_mv[lead] >= MAINS_MV, mains_mv[lead]),
            ("muscle", muscle_mv[lead] >= MUSCLE_MV, muscle_mv[lead]),
            ("motion", moved[lead], span[lead]),
        )
        faults.append({cause: float(figure) for cause, is_there, figure in seen if is_there})
    return faults
