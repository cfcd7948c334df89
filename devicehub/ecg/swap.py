"""Exchanged electrodes, seen in the median beat of twelve leads.

An exchange of limb electrodes is exact algebra on the leads, and what it leaves contradicts the chest
leads, which it does not move: lead I should resemble V5 and V6, P waves should be upright in I and II,
and a lead between two legs is flat. LA/RA, RA/LL and the exchanges with the neutral electrode can be
seen so. LA/LL cannot: published detectors find one in five (Xue et al., J Electrocardiol 2014;47:794),
so it is never named. Exchanged chest electrodes are a hint at best.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from devicehub.ecg.model import Logistic
from devicehub.ecg.verdict import SWAPS, Swap
from devicehub.ecg.window import RATE, Floats, Window

BEFORE, AFTER = round(0.26 * RATE), round(0.42 * RATE)
"""Samples of the beat looked at, before and after its place: P, QRS and T."""

P_WAVE, QRS, T_WAVE = slice(5, 48), slice(52, 84), slice(95, 165)
REST = np.r_[0:5, 48:52]
"""Samples whose median is the baseline: the beat's beginning, and the end of the PR segment."""

FEWEST = 3

_NAMES = ("I", "II", "III", "aVR", "aVL", "aVF")

LIMB_TERMS = (
    *(
        f"{lead}_expected_{how}"
        for how in ("as_is", "LA/RA", "LA/LL", "RA/LL")
        for lead in ("I", "II", "both")
    ),
    *(f"{lead}_{wave}_area" for lead in _NAMES for wave in ("P", "QRS", "T")),
    *(f"{lead}_{part}" for lead in _NAMES for part in ("P_peak", "QRS_mean", "T_mean", "R_peak")),
    *(f"{lead}_like_{chest}" for chest in ("V4", "V5", "V6") for lead in ("I", "II", "III")),
    *(f"{lead}_{wave}_like_V6" for wave in ("P", "T") for lead in ("I", "II")),
    *(f"{lead}_height" for lead in ("I", "II", "III")),
    *(f"{wave}_axis_{part}" for wave in ("QRS", "P", "T") for part in ("cos", "sin")),
)
"""What the swap model is given, in this order: see `limb_terms`."""

CHEST_PAIRS = ("V1/V2", "V2/V3", "V3/V4", "V4/V5", "V5/V6", "V1/V3", "V1/V6")
"""The exchanges of chest electrodes that may be hinted at."""

_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
CHEST_TERMS = (
    *(f"{pair}_gain" for pair in CHEST_PAIRS),
    *(f"{chest}_as_expected" for chest in _CHEST),
    *(f"{chest}_unexpected" for chest in _CHEST),
    *(f"{one}_like_{other}" for one, other in pairwise(_CHEST)),
    *(f"{one}_more_like_{other}" for one, other in zip(_CHEST, _CHEST[2:], strict=False)),
    *(
        f"{chest}_{part}"
        for part in ("R_peak", "S_peak", "peak_place", "T_mean", "P_mean", "QRS_mean")
        for chest in _CHEST
    ),
)
"""What the chest model is given, in this order: see `chest_terms`."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The median beat of the twelve standard leads in printed order, baseline at zero, mV."""

    leads: Floats

    @property
    def chest(self) -> Floats:
        """V1-V6."""
        return self.leads[6:]


def median_beat(window: Window, places: np.ndarray) -> Beat | None:
    """The beat of a window of exactly the twelve standard leads; None with fewer than 3 whole beats."""
    inside = places[(places >= BEFORE) & (places < window.ecg.shape[1] - AFTER)]
    if inside.size < FEWEST:
        return None
    return beat_of(np.median(window.ecg[:, inside[:, None] + np.arange(-BEFORE, AFTER)], axis=1))


def beat_of(template: Floats) -> Beat:
    """A beat from its samples (12 × 170 at 250 Hz), its baseline moved to zero."""
    return Beat(template - np.median(template[:, REST], axis=1, keepdims=True))


def limb_terms(beat: Beat, limb_from_chest: Floats) -> Floats:
    """`LIMB_TERMS`. ``limb_from_chest`` (2 × 6) predicts I and II from V1-V6.

    Areas are relative to the chest leads' rms and squashed by tanh; peaks and means are relative to
    the lead's own height; heights are decades below the tallest of I, II, III.
    """
    first, second, third = beat.leads[:3]
    expected = limb_from_chest @ beat.chest
    terms: list[float] = []
    for one, two in (
        (first, second),
        (-first, third),
        (second, first),
        (-third, -second),
    ):
        both = _alike(np.concatenate((one, two)), np.concatenate((expected[0], expected[1])))
        terms += [_alike(one, expected[0]), _alike(two, expected[1]), both]
    size = float(np.sqrt((beat.chest**2).mean())) + 1e-6
    limbs = beat.leads[:6]
    p_mean, qrs_mean, t_mean = (limbs[:, part].mean(axis=1) for part in (P_WAVE, QRS, T_WAVE))
    areas = np.tanh(np.stack((15 * p_mean, qrs_mean, 2 * t_mean), axis=1) / size)
    terms += areas.ravel().tolist()
    height = np.ptp(limbs, axis=1) + 0.02
    p_wave = limbs[:, P_WAVE]
    p_peak = p_wave[np.arange(6), np.abs(p_wave).argmax(axis=1)]
    parts = np.stack((p_peak, qrs_mean, t_mean, limbs[:, QRS].max(axis=1)), axis=1)
    terms += (parts / height[:, None]).ravel().tolist()
    for chest in beat.chest[3:]:
        terms += [_alike(limb, chest) for limb in (first, second, third)]
    last = beat.chest[5]
    for wave in (P_WAVE, T_WAVE):
        terms += [_alike(limb[wave], last[wave]) for limb in (first, second)]
    tall = np.ptp(beat.leads[:3], axis=1) + 0.01
    terms += np.maximum(np.log10(tall / tall.max()), -1.5).tolist()
    for mean in (qrs_mean, p_mean, t_mean):
        angle = np.arctan2((2 * mean[1] - mean[0]) / np.sqrt(3), mean[0])
        terms += [float(np.cos(angle)), float(np.sin(angle))]
    return np.asarray(terms)


def find_limb(beat: Beat, model: Logistic, limb_from_chest: Floats) -> Swap | None:
    """The exchange that the beat shows, or None. The model's columns are `SWAPS`, each against none."""
    against_none = model.logit(limb_terms(beat, limb_from_chest)[None])[0]
    best = int(against_none.argmax())
    return SWAPS[best] if against_none[best] > 0 else None


def chest_terms(beat: Beat, chest_from_rest: Floats) -> Floats:
    """`CHEST_TERMS`. ``chest_from_rest`` (6 × 8) predicts each chest lead from I, II and the others.

    A pair's gain is by how much the misfit of all six shrinks (log) when the two are exchanged back.
    """
    first_two, chest = beat.leads[:2], beat.chest
    power = float((chest**2).mean()) + 1e-9
    size = np.sqrt(power)

    def misfit(leads: Floats) -> float:
        expected = chest_from_rest @ np.concatenate((first_two, leads))
        return float(((leads - expected) ** 2).mean(axis=1).sum() / power)

    terms: list[float] = []
    now = misfit(chest)
    for pair in CHEST_PAIRS:
        one, other = int(pair[1]) - 1, int(pair[4]) - 1
        places = np.arange(6)
        places[[one, other]] = places[[other, one]]
        terms.append(float(np.log((misfit(chest[places]) + 1e-3) / (now + 1e-3))))
    expected = chest_from_rest @ np.concatenate((first_two, chest))
    terms += [_alike(lead, wanted) for lead, wanted in zip(chest, expected, strict=True)]
    terms += (np.sqrt(((chest - expected) ** 2).mean(axis=1)) / size).tolist()
    near = [_alike(one, other) for one, other in pairwise(chest)]
    far = [_alike(one, other) for one, other in zip(chest, chest[2:], strict=False)]
    terms += near
    terms += [two - one for two, one in zip(far, near, strict=False)]
    qrs = chest[:, QRS]
    for part in (
        qrs.max(axis=1) / size / 4,
        qrs.min(axis=1) / size / 4,
        np.abs(qrs).argmax(axis=1) / qrs.shape[1],
        chest[:, T_WAVE].mean(axis=1) / size,
        chest[:, P_WAVE].mean(axis=1) / size * 4,
        qrs.mean(axis=1) / size,
    ):
        terms += part.tolist()
    return np.asarray(terms)


def find_chest(beat: Beat, model: Logistic, chest_from_rest: Floats) -> str | None:
    """The pair of chest electrodes that may be exchanged, e.g. ``V1/V2``, or None. A hint, no more."""
    against_none = model.logit(chest_terms(beat, chest_from_rest)[None])[0]
    best = int(against_none.argmax())
    return CHEST_PAIRS[best] if against_none[best] > 0 else None


def _alike(one: Floats, other: Floats) -> float:
    """Correlation of two stretches, 0 where one is flat."""
    one, other = one - one.mean(), other - other.mean()
    return float(one @ other / np.sqrt((one @ one) * (other @ other) + 1e-9))
