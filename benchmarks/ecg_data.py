"""The development data of the ECG check, as recordings with labels, and the figures of merit."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from devicehub.ecg import swap
from devicehub.ecg.check import examine
from devicehub.ecg.leads import STANDARD

Floats = NDArray[np.float64]

CHALLENGE_LEADS = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")
"""The column order of set-a: aVF stands before aVL. The lead labels follow it."""


@dataclass(frozen=True)
class Recording:
    """One recording. ``bad`` and ``bad_leads`` (standard order): 0 acceptable, 1 not, None unlabelled."""

    name: str
    signal_mv: Floats
    fs: int
    leads: tuple[str, ...]
    bad: int | None = None
    bad_leads: np.ndarray | None = None
    suspected_swap: bool = False


def challenge(folder: Path) -> list[Recording]:
    """The development half of PhysioNet/CinC Challenge 2011 set-a."""
    with np.load(folder / "cinc2011_dev.npz") as stored:
        counts = np.cumsum(stored["delta"], axis=2, dtype=np.int16)
        names = [str(name) for name in stored["ids"]]
    labels = _rows(folder / "cinc2011_dev_labels.csv")
    of_leads = _rows(folder / "cinc2011_dev_lead_labels.csv")
    order = [CHALLENGE_LEADS.index(lead) for lead in STANDARD]
    recordings = []
    for name, signal in zip(names, counts, strict=True):
        bad_leads = None
        if name in of_leads:
            columns = [int(of_leads[name][f"col{number}"]) for number in range(1, 13)]
            bad_leads = np.asarray(columns)[order]
        recordings.append(
            Recording(
                name,
                signal / 200.0,
                500,
                CHALLENGE_LEADS,
                {"acceptable": 0, "unacceptable": 1}.get(labels[name]["label"]),
                bad_leads,
                labels[name]["suspected_real_LA_RA_swap"] == "1",
            )
        )
    return recordings


def clean(folder: Path) -> list[Recording]:
    """Clean diagnostic 12-lead ECGs."""
    with np.load(folder / "clean12_dev.npz") as stored:
        return [
            Recording(str(name), signal / 1000.0, 500, STANDARD)
            for name, signal in zip(stored["ids"], stored["signal"], strict=True)
        ]


def beat(recording: Recording) -> Floats | None:
    """The median beat of a recording, twelve leads in standard order; None without three beats."""
    examined = examine(recording.signal_mv, recording.fs, recording.leads)
    found = swap.median_beat(examined.window, examined.beats.places)
    return None if found is None else found.leads


def auc(bad: np.ndarray, score: Floats) -> float:
    """The area under the ROC curve."""
    ranks, positive = stats.rankdata(score), int(bad.sum())
    above = ranks[bad == 1].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (bad.size - positive)))


def figures(bad: np.ndarray, margin: Floats) -> tuple[float, float, float]:
    """Accuracy, sensitivity and specificity of "bad where ``margin`` > 0"."""
    said = margin > 0
    return (
        float((said == bad).mean()),
        float(said[bad == 1].mean()),
        float(1 - said[bad == 0].mean()),
    )


def _rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["record"]: row for row in csv.DictReader(file)}
