"""The logistic models: what they are given, and the coefficients that ship beside this file.

``models.json`` is written by ``benchmarks/train_ecg.py``. Each model's decision point is moved into
its intercept when it is trained: a probability of 0.5 is where "bad" begins.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from devicehub.ecg.features import Figures
from devicehub.ecg.window import Floats

FILE = Path(__file__).with_name("models.json")

LEAD_TERMS = (
    "still",
    "drift",
    "drift_excess",
    "steep",
    "height_excess",
    "mains",
    "muscle",
    "qrs",
    "qrs_lack",
    "kurtosis",
    "jolt",
    "snr",
    "short",
)
"""What the lead model is given, in this order: see `lead_terms`."""

RECORD_TERMS = (
    "worst",
    "worst_three",
    "worst_half",
    "all",
    "best_three",
    "bad_expected",
    "bad_counted",
    *(f"{name}_max" for name in LEAD_TERMS[:-1]),
)
"""What the record model is given, in this order: see `record_terms`."""

SURE = 6.0
"""A lead's logit counts no further than this in the record model."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic model, or several (one column each) of a softmax."""

    mean: Floats
    scale: Floats
    weights: Floats
    intercept: Floats

    def logit(self, terms: Floats) -> Floats:
        """The linear part for each row of ``terms``."""
        return np.asarray(((terms - self.mean) / self.scale) @ self.weights + self.intercept)


@dataclass(frozen=True, slots=True)
class Models:
    """Everything that was learnt."""

    lead: Logistic
    record: Logistic
    swap: Logistic
    """One column per `devicehub.ecg.verdict.SWAPS`, each against no exchange."""
    chest: Logistic
    """One column per `devicehub.ecg.swap.CHEST_PAIRS`, each against no exchange."""
    limb_from_chest: Floats
    """2 × 6: leads I and II from V1-V6, least squares on beats."""
    chest_from_rest: Floats
    """6 × 8: each of V1-V6 from I, II and the other five."""


@lru_cache(maxsize=1)
def load() -> Models:
    """The shipped models."""
    return read(json.loads(FILE.read_text("utf-8")))


def read(stored: dict[str, Any]) -> Models:
    """The models of a parsed ``models.json``."""
    logistic = {
        name: Logistic(*(np.asarray(one[part]) for part in Logistic.__slots__))
        for name, one in stored["logistic"].items()
    }
    return Models(
        logistic["lead"],
        logistic["record"],
        logistic["swap"],
        logistic["chest"],
        np.asarray(stored["linear"]["limb_from_chest"]),
        np.asarray(stored["linear"]["chest_from_rest"]),
    )


def probability(logit: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -40, 40))))


def lead_terms(figures: Figures, seconds: float) -> Floats:
    """Lead × `LEAD_TERMS`: decimal logarithms of the figures, and what lies beyond a usual range.

    A weak signal and a huge one are both bad, so height and QRS have an excess or lack of their own:
    decades above 5 mV, decades below 0.06 mV, decades of drift above 1.6 mV. ``short`` is how many
    decades the window falls short of ten seconds.
    """

    def log(values: Floats, least: float) -> Floats:
        return np.asarray(np.log10(values + least))

    drift, qrs = log(figures.drift_mv, 0.05), log(figures.qrs_mv, 0.005)
    return np.stack(
        (
            figures.still,
            drift,
            np.maximum(drift - 0.2, 0),
            log(figures.steep_mv_s, 0.5),
            np.maximum(log(figures.span_mv, 0.05) - 0.7, 0),
            log(figures.mains_mv, 0.003),
            log(figures.muscle_high_mv, 0.003),
            qrs,
            np.maximum(-1.2 - qrs, 0),
            log(figures.kurtosis, 1.0),
            log(figures.jolt, 0.1),
            (figures.snr_db + figures.snr_low_db) / 2,
            np.full(drift.shape, max(1 - np.log10(seconds), 0.0)),
        ),
        axis=1,
    )


def record_terms(logits: Floats, terms: Floats) -> Floats:
    """`RECORD_TERMS` of one record from its leads' logits and `lead_terms`."""
    falling = np.sort(np.clip(logits, -SURE, SURE))[::-1]
    quarter, half = max(len(falling) // 4, 1), max(len(falling) // 2, 1)
    bad = probability(logits)
    summary = (
        falling[0],
        falling[:quarter].mean(),
        falling[:half].mean(),
        falling.mean(),
        falling[-quarter:].mean(),
        np.sqrt(bad.sum()),
        (bad > 0.5).sum(),
    )
    return np.concatenate((summary, terms[:, :-1].max(axis=0)))
