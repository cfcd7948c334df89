"""Is the ECG check right, and quick? Prints each figure with its limit, PASS or FAIL, and the peers beside it.

    python benchmarks/ecg.py FOLDER [--peers 40]

FOLDER holds the development data (see ``train_ecg.py``). Lead and record figures are those of 10-fold
cross-validation by record, models fitted anew inside each fold; the decision points are set over all
folds. Causes are added to clean ECGs in millivolts. Peers (dependency group ``peers``) are measured in
the same run on the same leads, as ratios; those that are not installed are named. Run it with
OMP_NUM_THREADS=1 on a quiet machine. Ends with 1 where a limit is broken.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ecg_data
import numpy as np
import train_ecg
from ecg_data import Floats, Recording
from scipy import signal

from devicehub.ecg.check import assess
from devicehub.ecg.leads import STANDARD
from devicehub.ecg.verdict import Cause

MILLISECONDS = 25.0
FAULTS = ("mains", "muscle", "drift")


def judge(what: str, figure: float, limit: float, *, least: bool = True) -> bool:
    """Print one line; whether the figure keeps its limit."""
    holds = figure >= limit if least else figure <= limit
    print(
        f"{'PASS' if holds else 'FAIL'}  {what:58} {figure:7.4f}  {'>=' if least else '<='} {limit:g}"
    )
    return holds


# ---------------------------------------------------------------------------------------- models


def judge_models(recordings: Sequence[Recording]) -> list[bool]:
    """Cross-validated lead and record figures."""
    shown = [train_ecg.views(one) for one in recordings]
    leads, lead_at, fits = train_ecg.cross_validate_leads(recordings, shown)
    records, record_at = train_ecg.cross_validate_records(recordings, shown, fits, lead_at)
    kept = []
    for what, found, at, view, limits in (
        ("lead, 10 s", leads, lead_at, "10 s", (0.99, 0.96, 0)),
        ("lead, 3 s", leads, lead_at, "3 s", (0, 0.94, 0)),
        ("lead alone, pocket recorder's band", leads, lead_at, "single", (0.96, 0, 0)),
        ("record, 10 s", records, record_at, "10 s", (0.97, 0.91, 0.90)),
    ):
        margin = found.margin(view, at)
        accuracy, sensitivity, specificity = ecg_data.figures(found.bad, margin)
        # Each shuffle has models of its own: their margins are ranked apart.
        parts = len(train_ecg.SHUFFLES)
        pairs = zip(np.split(found.bad, parts), np.split(margin, parts), strict=True)
        area = float(np.mean([ecg_data.auc(bad, one) for bad, one in pairs]))
        figures = (
            ("AUC", area),
            ("accuracy", accuracy),
            ("poorer of Se and Sp", min(sensitivity, specificity)),
        )
        for (name, figure), limit in zip(figures, limits, strict=True):
            if limit:
                kept.append(judge(f"{what}: {name}", figure, limit))
    return kept


# ---------------------------------------------------------------------------------------- causes


def disturbances(rng: np.random.Generator, fs: int, length: int) -> dict[str, tuple[Cause, Floats]]:
    """0.1 mV of mains, 0.06 mV rms of muscle, 2 mV peak to peak of drift; one lead's worth."""
    t = np.arange(length) / fs
    band = signal.butter(4, (20, 150), "bandpass", fs=fs, output="sos")
    muscle = signal.sosfilt(band, rng.standard_normal(length + 2000))[2000:]
    waves = [
        rng.uniform(0.5, 1) * np.sin(2 * np.pi * hertz * t + rng.uniform(0, 6.28))
        for hertz in rng.uniform(0.08, 0.45, 4)
    ]
    drift = np.sum(waves, axis=0)

    def mains(hertz: float) -> Floats:
        off = rng.uniform(-0.1, 0.1)
        return np.asarray(0.1 * np.sin(2 * np.pi * (hertz + off) * t + rng.uniform(0, 6.28)))

    return {
        "0.1 mV of 50 Hz": ("mains", mains(50)),
        "0.1 mV of 60 Hz": ("mains", mains(60)),
        "0.06 mV rms of muscle": ("muscle", 0.06 * muscle / muscle.std()),
        "2 mV of drift": ("drift", 2 * drift / np.ptp(drift)),
    }


def judge_clean(clean: Sequence[Recording]) -> list[bool]:
    """Causes, false alarms and false "not ready" on clean diagnostic ECGs."""
    rng = np.random.default_rng(7)
    found: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    refused = tried = leads = 0
    for one in clean:
        verdict = assess(one.signal_mv, one.fs, one.leads)
        refused += not verdict.ready
        for lead in verdict.leads.values():
            leads += 1
            alarms.update(list(lead.causes))
            alarms["any"] += bool(lead.causes)
        for name in ("II", "V2", "V5"):
            tried += 1
            place = one.leads.index(name)
            for what, (cause, added) in disturbances(rng, one.fs, one.signal_mv.shape[1]).items():
                disturbed = one.signal_mv.copy()
                disturbed[place] += added
                found[what] += cause in assess(disturbed, one.fs, one.leads).leads[name].causes
    kept = [judge('clean ECGs: false "not ready"', refused / len(clean), 0.02, least=False)]
    kept += [judge(f"{what} is named", hits / tried, 0.95) for what, hits in found.items()]
    kept += [
        judge(f"false alarms per clean lead: {cause}", alarms[cause] / leads, 0.025, least=False)
        for cause in (*FAULTS, "any")
    ]
    return kept


# ----------------------------------------------------------------------------------------- swaps


def judge_swaps(usable: Sequence[Recording]) -> list[bool]:
    """Made exchanges of electrodes, cross-validated."""
    beats = train_ecg.beats_of(usable)
    linear = train_ecg.fit_linear([recorded for recorded, _ in beats])
    kept = []
    examples = train_ecg.swap_examples(beats, linear)
    for name, what, least, most in (
        ("swap", "exchanged limb electrodes", 0.95, 0.015),
        ("chest", "exchanged chest electrodes, a hint", 0.6, 0.025),
    ):
        at, logits = train_ecg.cross_validate_swap(name, examples[name])
        hits, false, banded = train_ecg.swap_figures(examples[name], logits, at)
        kept.append(judge(f"{what}: mean sensitivity", float(hits.mean()), least))
        kept.append(judge(f"{what}: false alarms", false, most, least=False))
        kept.append(judge(f"{what}: the same, 0.5-40 Hz", banded, most, least=False))
    return kept


# ----------------------------------------------------------------------------------------- peers


def neurokit2(module: Any, lead: Floats, fs: int) -> float:
    """Mean template-match quality, its best method for this; high is good."""
    cleaned = module.ecg_clean(lead, sampling_rate=fs)
    return float(np.mean(module.ecg_quality(cleaned, sampling_rate=fs, method="templatematch")))


def ecg_integrity(module: Any, lead: Floats, fs: int) -> float:
    """Its own lead score; high is good."""
    told = module.aggregate_results({"lead": module.run_detectors(lead, fs=fs, line_freq=50)})
    return float(told.to_dict()["aggregate_score"])


def biosppy(module: Any, lead: Floats, fs: int) -> float:
    """Its level 3 quality: 0, 0.5 or 1."""
    return float(module.ecg_sqi_level3(lead, fs, 0.8, 16))


PEERS: dict[str, tuple[str, Callable[[Any, Floats, int], float]]] = {
    "neurokit2": ("neurokit2", neurokit2),
    "ecg-integrity": ("ecg_integrity", ecg_integrity),
    "biosppy": ("biosppy.quality", biosppy),
}


def ours(one: Recording) -> Floats:
    """Badness of each lead, in the recording's order."""
    leads = assess(one.signal_mv, one.fs, one.leads).leads
    return np.array([leads[lead].probability_bad for lead in one.leads])


def theirs(module: Any, peer: Callable[[Any, Floats, int], float]) -> Callable[[Recording], Floats]:
    """The same of a peer, which sees one lead at a time; what it cannot digest is bad."""

    def badness(one: Recording) -> Floats:
        scores = []
        for lead in one.signal_mv:
            try:
                scores.append(-peer(module, lead, one.fs))
            except Exception:  # noqa: BLE001  a peer may fail in any way on a dead lead
                scores.append(1.0)
        return np.nan_to_num(np.array(scores, dtype=np.float64), nan=1.0)

    return badness


def measure(
    subject: Callable[[Recording], Floats], asked: Sequence[Recording]
) -> tuple[float, float]:
    """Median milliseconds per twelve leads of 10 s, and the AUC over labelled leads."""
    took, scores, labels = [], [], []
    for one in asked:
        began = time.perf_counter()
        badness = subject(one)
        took.append(1e3 * (time.perf_counter() - began))
        scores.append(badness[[one.leads.index(lead) for lead in STANDARD]])
        if one.bad_leads is not None:
            labels.append(one.bad_leads)
    area = ecg_data.auc(np.concatenate(labels), np.concatenate(scores))
    return float(np.median(took)), area


def judge_speed(recordings: Sequence[Recording], count: int) -> list[bool]:
    """Milliseconds, and the peers' beside ours. The AUC is in-sample for us: see the figures above."""
    labelled = [one for one in recordings if one.bad_leads is not None][:count]
    measure(ours, labelled[:3])
    milliseconds, _ = measure(ours, labelled)
    kept = [
        judge("ms per 12 leads × 10 s, exchanges included", milliseconds, MILLISECONDS, least=False)
    ]
    for name, (module, peer) in PEERS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                imported = importlib.import_module(module)
            except ImportError as missing:
                print(f"      {name}: not installed ({missing.name}); dependency group peers")
                continue
            took, area = measure(theirs(imported, peer), labelled)
        print(
            f"      {name:14} {took:7.1f} ms, {took / milliseconds:5.1f} times ours; lead AUC {area:.4f}"
        )
    return kept


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description="Measure the ECG check.")
    parser.add_argument("folder", type=Path, help="the development data")
    parser.add_argument("--peers", type=int, default=40, help="records given to the peers")
    asked = parser.parse_args()
    recordings, clean = ecg_data.challenge(asked.folder), ecg_data.clean(asked.folder)
    usable = [one for one in recordings if one.bad == 0 and not one.suspected_swap] + clean
    kept = judge_models(recordings)
    kept += judge_clean(clean)
    kept += judge_swaps(usable)
    kept += judge_speed(recordings, asked.peers)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
