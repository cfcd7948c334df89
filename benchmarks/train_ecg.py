"""Train the models of the ECG check, and write ``devicehub/ecg/models.json``.

    python benchmarks/train_ecg.py FOLDER [--cross-validate]

FOLDER holds the development data: ``cinc2011_dev.npz`` with ``cinc2011_dev_labels.csv`` and
``cinc2011_dev_lead_labels.csv`` (PhysioNet/CinC Challenge 2011 set-a: Silva, Moody, Celi, CinC
2011;38:273; lead labels of ECGAssess: Kramer, Menon, Elgendi, Front Digit Health 2022,
10.3389/fdgth.2022.847555) and ``clean12_dev.npz`` (clean diagnostic ECGs of PTB-XL and CPSC2018).
None of it ships. ``--cross-validate`` prints the figures of 10-fold cross-validation by record, lead
model and record model both fitted inside each fold, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ecg_data
import numpy as np
from ecg_data import Floats, Recording
from scipy import ndimage, optimize, signal

from devicehub.ecg import model, swap
from devicehub.ecg.check import OFF_AT_LEAST, examine, off_leads
from devicehub.ecg.features import Figures
from devicehub.ecg.leads import STANDARD
from devicehub.ecg.verdict import SWAPS

LEAD_L2, RECORD_L2, SWAP_L2, CHEST_L2 = 2.0, 10.0, 10.0, 20.0
"""Ridge penalties on standardised terms, chosen by cross-validation; the figures hardly move with them."""

FOLDS, SHUFFLES = 10, (0, 1, 2)
"""Folds, and the seeds of the shuffles over which figures are averaged."""

VIEWS = ("10 s", "5 s", "3 s", "single")
"""How each lead is shown to the lead model: three lengths among twelve leads, and alone through the
band and rate of a pocket recorder (0.5-40 Hz, 300 Hz), so that it generalises over devices."""

FALSE_SWAPS, FALSE_CHEST = 0.007, 0.02
"""False alarms accepted when the decision points of the two swap models are set, over both bands. Below
the 1.5 % and 2.5 % that are promised, for they are known from a handful of records; sensitivity is flat
there. A chest hint needs six good chest leads besides, which leaves a quarter of its false alarms."""

LEAK = 0.06
"""Standard deviation of the potential between the legs, relative to lead II, in made neutral exchanges."""


# --------------------------------------------------------------------------------------- fitting


def fit_logistic(terms: Floats, bad: np.ndarray, l2: float) -> model.Logistic:
    """A ridge logistic regression."""
    mean, scale = terms.mean(axis=0), terms.std(axis=0) + 1e-9
    standard = (terms - mean) / scale

    def loss(values: Floats) -> tuple[float, Floats]:
        logit = standard @ values[1:] + values[0]
        rest = model.probability(logit) - bad
        total = np.sum(np.logaddexp(0, logit) - bad * logit) + l2 / 2 * np.sum(values[1:] ** 2)
        return float(total), np.concatenate(([rest.sum()], standard.T @ rest + l2 * values[1:]))

    found = optimize.minimize(
        loss, np.zeros(terms.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 1000}
    )
    return model.Logistic(mean, scale, found.x[1:], np.asarray(found.x[0]))


def fit_softmax(terms: Floats, kind: np.ndarray, weight: Floats, l2: float) -> model.Logistic:
    """A ridge softmax; its columns are kinds 1, 2, … each against kind 0."""
    kinds = int(kind.max()) + 1
    mean, scale = terms.mean(axis=0), terms.std(axis=0) + 1e-6
    standard = np.column_stack((np.ones(len(terms)), (terms - mean) / scale))
    wanted = np.eye(kinds)[kind]

    def loss(values: Floats) -> tuple[float, Floats]:
        matrix = values.reshape(-1, kinds)
        logit = standard @ matrix
        logit = logit - logit.max(axis=1, keepdims=True)
        sums = np.log(np.exp(logit).sum(axis=1))
        rest = (np.exp(logit - sums[:, None]) - wanted) * weight[:, None]
        slope = standard.T @ rest
        slope[1:] += l2 * matrix[1:]
        total = np.sum(weight * (sums - (logit * wanted).sum(axis=1)))
        return float(total + l2 / 2 * np.sum(matrix[1:] ** 2)), slope.ravel()

    found = optimize.minimize(
        loss,
        np.zeros(standard.shape[1] * kinds),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500},
    )
    matrix = found.x.reshape(-1, kinds)
    against = matrix[:, 1:] - matrix[:, :1]
    return model.Logistic(mean, scale, against[1:], against[0])


def moved(one: model.Logistic, threshold: float) -> model.Logistic:
    """The same model with its decision point at ``threshold`` of the old logit."""
    return model.Logistic(one.mean, one.scale, one.weights, one.intercept - threshold)


def folds_of(group: Sequence[Any], seed: int = 0) -> np.ndarray:
    """A fold number for each record, stratified by ``group``."""
    rng = np.random.default_rng(seed)
    folds = np.zeros(len(group), dtype=int)
    for one in sorted(set(group), key=str):
        places = np.flatnonzero(np.asarray(group) == one)
        folds[places] = rng.permutation(len(places)) % FOLDS
    return folds


def best_threshold(score: Callable[[float], float], logits: Floats) -> float:
    """Where ``score`` is best, among quantiles of ``logits``, smoothed over its neighbours."""
    tried = np.quantile(logits, np.linspace(0.3, 0.97, 200))
    scores = [score(float(at)) for at in tried]
    return float(tried[ndimage.gaussian_filter1d(scores, 4).argmax()])


def promised(bad: np.ndarray, margin: Floats) -> float:
    """The poorer of sensitivity and specificity, each less 1.5 standard errors: what other data will show."""
    _, sensitivity, specificity = ecg_data.figures(bad, margin)
    positive = int(bad.sum())
    return min(
        share - 1.5 * float(np.sqrt(share * (1 - share) / count))
        for share, count in ((sensitivity, positive), (specificity, bad.size - positive))
    )


# ------------------------------------------------------------------------------- lead and record


POCKET_HZ = 300


def pocket(signal_mv: Floats, fs: float) -> Floats:
    """Leads as a pocket recorder gives them: 0.5-40 Hz, `POCKET_HZ` samples per second, ±5 mV."""
    resampled = signal.resample_poly(np.clip(signal_mv, -5, 5), POCKET_HZ, round(fs), axis=-1)
    band = signal.butter(2, (0.5, 40), "bandpass", fs=POCKET_HZ, output="sos")
    return np.asarray(signal.sosfilt(band, resampled, axis=-1))


@dataclass(frozen=True)
class Shown:
    """A record's leads, in standard order, as each of `VIEWS` shows them."""

    terms: dict[str, Floats]
    figures: dict[str, Figures]
    """Of the views that hold all leads."""


def views(recording: Recording) -> Shown:
    """What the models are given of one record."""
    shown: dict[str, Floats] = {}
    figures: dict[str, Figures] = {}
    for view in VIEWS[:3]:
        samples = int(view.split()[0]) * recording.fs
        examined = examine(recording.signal_mv[:, :samples], recording.fs, recording.leads)
        shown[view], figures[view] = examined.terms, examined.figures
    alone = pocket(recording.signal_mv, recording.fs)
    single = [
        examine(lead[None], POCKET_HZ, (name,)).terms[:1]
        for name, lead in zip(recording.leads, alone, strict=True)
    ]
    order = [recording.leads.index(lead) for lead in STANDARD]
    shown["single"] = np.concatenate(single)[order]
    return Shown(shown, figures)


def fit_lead(shown: Sequence[Shown], labelled: Sequence[tuple[int, np.ndarray]]) -> model.Logistic:
    """The lead model on the labelled leads of some records."""
    terms = np.concatenate([shown[at].terms[view] for view in VIEWS for at, _ in labelled])
    bad = np.tile(np.concatenate([labels for _, labels in labelled]), len(VIEWS))
    return fit_logistic(terms, bad, LEAD_L2)


def record_row(lead: model.Logistic, terms: Floats) -> Floats:
    """One record's terms."""
    return model.record_terms(lead.logit(terms), terms)


@dataclass(frozen=True)
class OutOfFold:
    """Labels, and logits of models that have not seen them by view, several shuffles side by side."""

    bad: np.ndarray
    logits: dict[str, Floats]
    off: dict[str, np.ndarray]
    """Whether a lead is off, which makes a record bad whatever its logit."""

    def margin(self, view: str, at: float) -> Floats:
        """What the check would say of one view with its decision point ``at``: bad above zero."""
        moved_logit = self.logits[view] - at
        least = float(np.log(OFF_AT_LEAST / (1 - OFF_AT_LEAST)))
        return np.where(self.off[view], np.maximum(moved_logit, least), moved_logit)


def cross_validate_leads(
    recordings: Sequence[Recording], shown: Sequence[Shown]
) -> tuple[OutOfFold, float, list[list[model.Logistic]]]:
    """The lead model's out-of-fold logits, its decision point, its fits by shuffle and fold.

    The decision point is where accuracy is best on average over the views.
    """
    labelled = labelled_of(recordings, np.arange(len(recordings)))
    fits: list[list[model.Logistic]] = []
    logits: dict[str, list[Floats]] = {view: [] for view in VIEWS}
    for seed in SHUFFLES:
        folds = folds_of([one.bad for one in recordings], seed)
        fitted = [
            fit_lead(shown, labelled_of(recordings, np.flatnonzero(folds != fold)))
            for fold in range(FOLDS)
        ]
        fits.append(fitted)
        for view in VIEWS:
            logits[view].append(
                np.concatenate(
                    [fitted[folds[at]].logit(shown[at].terms[view]) for at, _ in labelled]
                )
            )
    bad = np.tile(np.concatenate([labels for _, labels in labelled]), len(SHUFFLES))
    never = np.zeros(bad.size, dtype=bool)
    found = OutOfFold(
        bad,
        {view: np.concatenate(one) for view, one in logits.items()},
        dict.fromkeys(VIEWS, never),
    )

    def accuracy(at: float) -> float:
        return float(np.mean([ecg_data.figures(bad, found.margin(view, at))[0] for view in VIEWS]))

    return found, best_threshold(accuracy, found.logits["10 s"]), fits


def cross_validate_records(
    recordings: Sequence[Recording],
    shown: Sequence[Shown],
    fits: list[list[model.Logistic]],
    lead_threshold: float,
) -> tuple[OutOfFold, float]:
    """The record model's out-of-fold logits, on lead models of the same fold; its decision point."""
    judged = np.asarray([at for at, one in enumerate(recordings) if one.bad is not None])
    bad = np.asarray([recordings[at].bad for at in judged])
    logits: dict[str, list[Floats]] = {view: [] for view in VIEWS[:3]}
    offs: dict[str, list[np.ndarray]] = {view: [] for view in VIEWS[:3]}
    for seed, fitted in zip(SHUFFLES, fits, strict=True):
        folds = folds_of([one.bad for one in recordings], seed)
        out = {view: np.zeros(len(judged)) for view in VIEWS[:3]}
        off = {view: np.zeros(len(judged), dtype=bool) for view in VIEWS[:3]}
        for fold in range(FOLDS):
            leads = moved(fitted[fold], lead_threshold)
            rows = {
                view: np.stack([record_row(leads, shown[at].terms[view]) for at in judged])
                for view in VIEWS[:3]
            }
            outside = folds[judged] == fold
            whole = fit_logistic(rows["10 s"][~outside], bad[~outside], RECORD_L2)
            for view, terms in rows.items():
                out[view][outside] = whole.logit(terms[outside])
                for place in np.flatnonzero(outside):
                    one = shown[judged[place]]
                    off[view][place] = off_leads(
                        one.figures[view], leads.logit(one.terms[view]), STANDARD
                    ).any()
        for view in VIEWS[:3]:
            logits[view].append(out[view])
            offs[view].append(off[view])
    found = OutOfFold(
        np.tile(bad, len(SHUFFLES)),
        {view: np.concatenate(one) for view, one in logits.items()},
        {view: np.concatenate(one) for view, one in offs.items()},
    )
    return found, best_threshold(
        lambda at: promised(found.bad, found.margin("10 s", at)), found.logits["10 s"]
    )


def labelled_of(
    recordings: Sequence[Recording], places: np.ndarray
) -> list[tuple[int, np.ndarray]]:
    """The records among ``places`` whose leads are labelled, with their labels in standard order."""
    return [(int(at), labels) for at in places if (labels := recordings[at].bad_leads) is not None]


# ----------------------------------------------------------------------------------------- swaps


def rebuilt(first: Floats, second: Floats, chest: Floats) -> Floats:
    """Twelve leads from two limb leads and the chest leads."""
    third = second - first
    limbs = (first, second, third, -(first + second) / 2, first - second / 2, second - first / 2)
    return np.concatenate((np.stack(limbs), chest))


def exchanged(leads: Floats, kind: str, leak: float = 0.0, *, terminal: bool = True) -> Floats:
    """Twelve leads as they would be with two electrodes exchanged. Exact for RA, LA, LL.

    In an exchange with RL the legs are taken to differ by ``leak`` times lead II, and Wilson's
    terminal moves (unless not ``terminal``, for devices that keep it apart).
    """
    first, second, third, chest = leads[0], leads[1], leads[1] - leads[0], leads[6:]
    moved_terminal = float(terminal)
    if kind == "LA/RA":
        return rebuilt(-first, third, chest)
    if kind == "RA/LL":
        return rebuilt(-third, -second, chest)
    if kind == "LA/LL":
        return rebuilt(second, first, chest)
    if kind == "RA/RL":
        return rebuilt(leak * second - third, leak * second, chest - moved_terminal * second / 3)
    if kind == "LA/RL":
        return rebuilt(second - leak * second, second, chest - moved_terminal * third / 3)
    places = np.arange(12)
    one, other = (STANDARD.index(name) for name in kind.split("/"))
    places[[one, other]] = places[[other, one]]
    return leads[places]


def least_squares(given: Floats, wanted: Floats) -> Floats:
    """The matrix that predicts ``wanted`` from ``given`` (signals × samples), slightly ridged."""
    own = given @ given.T
    ridge = 1e-3 * np.trace(own) / len(own)
    return np.asarray(np.linalg.solve(own + ridge * np.eye(len(own)), given @ wanted.T).T)


def fit_linear(beats: Sequence[Floats]) -> tuple[Floats, Floats]:
    """``limb_from_chest`` and ``chest_from_rest``."""
    samples = np.concatenate([beat[:, ::2] for beat in beats], axis=1)
    first_two, chest = samples[:2], samples[6:]
    rest = np.concatenate((first_two, chest))
    matrix = np.zeros((6, 8))
    for lead in range(6):
        others = [place for place in range(8) if place != lead + 2]
        matrix[lead, others] = least_squares(rest[others], chest[lead][None])[0]
    return least_squares(chest, first_two), matrix


@dataclass(frozen=True)
class Examples:
    """Made exchanges as one swap model is given them, one entry per row."""

    terms: Floats
    kind: np.ndarray
    """0 none, else which exchange."""
    number: np.ndarray
    """Which person's."""
    recorded: np.ndarray
    """Whether the beat is as recorded, not through a monitor's band."""


def beats_of(recordings: Sequence[Recording]) -> list[tuple[Floats, Floats]]:
    """Each recording's median beat: as recorded, and through the band of a monitor or pocket recorder."""
    both = []
    for one in recordings:
        seen = replace(one, signal_mv=pocket(one.signal_mv, one.fs), fs=POCKET_HZ)
        recorded, banded = ecg_data.beat(one), ecg_data.beat(seen)
        if recorded is not None and banded is not None:
            both.append((recorded, banded))
    return both


def swap_examples(
    beats: Sequence[tuple[Floats, Floats]], linear: tuple[Floats, Floats]
) -> dict[str, Examples]:
    """Every exchange made on every beat, for both swap models."""
    rng = np.random.default_rng(0)
    limb: list[tuple[Floats, int, int, bool]] = []
    chest: list[tuple[Floats, int, int, bool]] = []
    for number, seen in enumerate(beats):
        for beat, recorded in zip(seen, (True, False), strict=True):
            for kind, name in enumerate(("none", *SWAPS)):
                for terminal in (True, False) if "RL" in name else (True,):
                    leak = LEAK * rng.standard_normal()
                    leads = beat if not kind else exchanged(beat, name, leak, terminal=terminal)
                    terms = swap.limb_terms(swap.beat_of(leads), linear[0])
                    limb.append((terms, kind, number, recorded))
            for kind, name in enumerate(("none", *swap.CHEST_PAIRS)):
                leads = exchanged(beat, name) if kind else beat
                terms = swap.chest_terms(swap.beat_of(leads), linear[1])
                chest.append((terms, kind, number, recorded))
    return {
        name: Examples(*(np.asarray(column) for column in zip(*rows, strict=True)))
        for name, rows in (("swap", limb), ("chest", chest))
    }


SWAP_FITS = {"swap": (SWAP_L2, 3.0, FALSE_SWAPS), "chest": (CHEST_L2, 5.0, FALSE_CHEST)}
"""Penalty, weight of the unexchanged, accepted false alarms."""


def fit_swap(name: str, terms: Floats, kind: np.ndarray) -> model.Logistic:
    """One of the two swap models, its decision point not yet set."""
    l2, weight_none, _ = SWAP_FITS[name]
    return fit_softmax(terms, kind, np.where(kind == 0, weight_none, 1.0), l2)


def cross_validate_swap(name: str, examples: Examples) -> tuple[float, Floats]:
    """The decision point for the accepted false alarms, and the out-of-fold logits of each shuffle."""
    terms, kind, number = examples.terms, examples.kind, examples.number
    logits = np.zeros((len(SHUFFLES), len(terms), int(kind.max())))
    for seed, out in zip(SHUFFLES, logits, strict=True):
        folds = np.random.default_rng(seed).permutation(number.max() + 1) % FOLDS
        for fold in range(FOLDS):
            outside = folds[number] == fold
            fitted = fit_swap(name, terms[~outside], kind[~outside])
            out[outside] = fitted.logit(terms[outside])
    _, _, accepted = SWAP_FITS[name]
    unexchanged = logits[:, kind == 0].max(axis=2)
    return float(np.quantile(unexchanged, 1 - accepted, axis=1).mean()), logits


def swap_figures(examples: Examples, logits: Floats, at: float) -> tuple[Floats, float, float]:
    """Sensitivity to each exchange and false alarms as recorded, and false alarms in a monitor's band."""
    alarm, found = logits.max(axis=2) > at, logits.argmax(axis=2) + 1
    kind, recorded = examples.kind, examples.recorded
    hits = [
        (alarm & (found == one))[:, recorded & (kind == one)].mean()
        for one in range(1, logits.shape[2] + 1)
    ]
    false, banded = (
        float(alarm[:, (kind == 0) & chosen].mean()) for chosen in (recorded, ~recorded)
    )
    return np.asarray(hits), false, banded


# ----------------------------------------------------------------------------------------- report


def report(name: str, found: OutOfFold, at: float) -> None:
    """Print the cross-validated figures of one model."""
    for view in found.logits:
        margin = found.margin(view, at)
        accuracy, sensitivity, specificity = ecg_data.figures(found.bad, margin)
        shuffles = zip(
            np.split(found.bad, len(SHUFFLES)), np.split(margin, len(SHUFFLES)), strict=True
        )
        area = np.mean([ecg_data.auc(bad, one) for bad, one in shuffles])
        print(
            f"{name:7}{view:7} n {found.bad.size // len(SHUFFLES):5}  AUC {area:.4f}  "
            f"accuracy {accuracy:.4f}  Se {sensitivity:.4f}  Sp {specificity:.4f}"
        )


def report_swaps(
    name: str, kinds: Sequence[str], examples: Examples, logits: Floats, at: float
) -> None:
    """Print the cross-validated figures of one swap model."""
    hits, false, banded = swap_figures(examples, logits, at)
    each = "  ".join(f"{one} {hit:.3f}" for one, hit in zip(kinds, hits, strict=True))
    print(
        f"{name:7}mean Se {hits.mean():.4f} at {false:.4f} false alarms "
        f"({banded:.4f} in a monitor's band):  {each}"
    )


def stored(one: model.Logistic) -> dict[str, Any]:
    """A model as JSON, six significant digits."""
    return {part: rounded(getattr(one, part)) for part in model.Logistic.__slots__}


def rounded(values: Floats) -> Any:
    """Nested lists of numbers with six significant digits."""
    if np.ndim(values) == 0:
        return float(f"{float(values):.6g}")
    return [rounded(one) for one in values]


def main() -> int:
    """Train, and write; or cross-validate, and print."""
    parser = argparse.ArgumentParser(description="Train the models of the ECG check.")
    parser.add_argument("folder", type=Path, help="the development data")
    parser.add_argument("--cross-validate", action="store_true", help="only print figures")
    asked = parser.parse_args()

    recordings = ecg_data.challenge(asked.folder)
    shown = [views(one) for one in recordings]
    leads, lead_at, fits = cross_validate_leads(recordings, shown)
    report("lead", leads, lead_at)
    records, record_at = cross_validate_records(recordings, shown, fits, lead_at)
    report("record", records, record_at)

    usable = [one for one in recordings if one.bad == 0 and not one.suspected_swap]
    usable += ecg_data.clean(asked.folder)
    beats = beats_of(usable)
    linear = fit_linear([recorded for recorded, _ in beats])
    examples = swap_examples(beats, linear)
    swaps = {name: cross_validate_swap(name, one) for name, one in examples.items()}
    for name, kinds in (("swap", SWAPS), ("chest", swap.CHEST_PAIRS)):
        report_swaps(name, kinds, examples[name], swaps[name][1], swaps[name][0])
    if asked.cross_validate:
        return 0

    places = np.arange(len(recordings))
    lead = moved(
        fit_lead(shown, labelled_of(recordings, places)),
        lead_at,
    )
    labelled = [at for at in places if recordings[at].bad is not None]
    record = fit_logistic(
        np.stack([record_row(lead, shown[at].terms["10 s"]) for at in labelled]),
        np.asarray([recordings[at].bad for at in labelled]),
        RECORD_L2,
    )
    logistic = {
        "lead": lead,
        "record": moved(record, record_at),
        **{
            name: moved(fit_swap(name, one.terms, one.kind), swaps[name][0])
            for name, one in examples.items()
        },
    }
    written = {
        "about": "written by benchmarks/train_ecg.py; the terms are named in model.py and swap.py",
        "logistic": {name: stored(one) for name, one in logistic.items()},
        "linear": dict(
            zip(("limb_from_chest", "chest_from_rest"), map(rounded, linear), strict=True)
        ),
    }
    model.FILE.write_text(json.dumps(written, separators=(",", ":")) + "\n", "utf-8")
    print(f"written: {model.FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
