"""The check of one window: figures, models and algebra make a verdict. Pure: samples in, verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from devicehub.ecg import electrodes, model, swap
from devicehub.ecg.beats import Beats
from devicehub.ecg.features import NAMES, Figures, measure
from devicehub.ecg.leads import CHEST_LEADS, LIMB_LEADS, STANDARD, complete, not_had, spell
from devicehub.ecg.verdict import Cause, ContactState, LeadState, LeadVerdict, Verdict
from devicehub.ecg.window import Floats, Window, split

SHORTEST, LONGEST = 3.0, 10.0
"""Seconds of the shortest window that can be judged, and of the one that makes a verdict firm."""

SATURATED, STILL, FLAT_S = 0.05, 0.5, 1.0
"""End stops in 5 % of the samples, standstills in half the window or of one second: no heart does that."""

LIMITS: tuple[tuple[Cause, str, float], ...] = (
    ("flat", "run_s", FLAT_S),
    ("saturated", "rail", SATURATED),
    ("mains", "mains_mv", 0.06),
    ("muscle", "muscle_mv", 0.037),
    ("drift", "drift_mv", 1.7),
)
"""Causes are named from here on: above what clean diagnostic ECGs show, well below 0.1 mV of mains, 0.06 mV of
muscle, 2 mV of drift. The middle column names the figure of `Figures`."""

WEAK_MV, NOTHING_MV = 0.05, 0.02
"""At 5-25 Hz: weak below the first, no electrode below the second."""

SMALL_MV = 0.15
"""At 5-25 Hz: a limb lead below this may be off because it lies between two legs."""

GROSS: tuple[tuple[str, float], ...] = (("mains_mv", 0.3), ("muscle_mv", 0.15), ("drift_mv", 4.5))
"""From here on a lead is poor whatever the model thinks: no lead that an expert accepted showed so much."""

OFF_AT_LEAST = 0.55
"""Probability of being bad that a lead which is off has at least, and a record with such a lead."""

ANTENNA_MV = 1.0
"""Mains from here on, without beats, are what an open electrode picks up."""

JOLT, JOLT_MV = 3.0, 2.5
"""Motion: the worst second is three times the usual one, and has 2.5 mV peak to peak."""


class TooShort(ValueError):
    """Fewer than three seconds: nothing can be said yet."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was measured in a window, before anything is concluded. Arrays have one entry per lead."""

    names: tuple[str, ...]
    """Leads in standard order, derived ones included, then leads of other names."""
    derived: frozenset[str]
    window: Window
    figures: Figures
    beats: Beats
    terms: Floats
    """Lead × `model.LEAD_TERMS`."""


def assess(
    signal_mv: Floats,
    fs: float,
    leads: Sequence[str],
    *,
    contact: Mapping[str, ContactState] | None = None,
    mains: int | None = None,
) -> Verdict:
    """The verdict on one window of 3 to 10 s.

    ``signal_mv``: lead × sample, millivolts, NaN where a sample is missing. ``fs``: hertz. ``leads``:
    names in the order of the rows. ``contact``: what the device says of its electrodes. ``mains``: 50
    or 60 where only that line is to be looked at; by default both are. Raises `TooShort`.
    """
    return conclude(examine(signal_mv, fs, leads, mains), contact or {})


def examine(
    signal_mv: Floats, fs: float, leads: Sequence[str], mains: int | None = None
) -> Examined:
    """The figures of one window. Raises `TooShort`."""
    if signal_mv.shape[1] < (SHORTEST - 0.01) * fs:
        raise TooShort(f"{signal_mv.shape[1] / fs:.1f} s of signal; the check needs {SHORTEST:g} s")
    given = dict(zip((spell(lead) for lead in leads), signal_mv, strict=True))
    had = complete(given)
    window = split(np.stack(list(had.values())), fs)
    figures, beats = measure(window, mains)
    return Examined(
        tuple(had),
        frozenset(had.keys() - given.keys()),
        window,
        figures,
        beats,
        model.lead_terms(figures, window.seconds),
    )


def conclude(examined: Examined, contact: Mapping[str, ContactState]) -> Verdict:
    """The verdict on what was measured."""
    models = model.load()
    figures, names = examined.figures, examined.names
    logits = models.lead.logit(examined.terms)
    off = off_leads(figures, logits, names)
    spoilt = electrodes.spoilt_by(contact)
    leads: dict[str, LeadVerdict] = {}
    gross = np.any([getattr(figures, name) >= limit for name, limit in GROSS], axis=0)
    probable = np.maximum(model.probability(logits), np.where(gross, 0.5, 0.0))
    for place, (name, bad) in enumerate(zip(names, probable.tolist(), strict=True)):
        causes = _causes(figures, place, off=bool(off[place]), bad=bad >= 0.5)
        state: LeadState = "off" if off[place] else "poor" if bad >= 0.5 else "good"
        if name in spoilt:
            state, bad, causes = "off", 1.0, {"off": 1.0, **causes}  # noqa: PLW2901  the device knows
        leads[name] = LeadVerdict(
            state=state,
            probability_bad=max(bad, OFF_AT_LEAST) if state == "off" else bad,
            causes=causes,
            derived=name in examined.derived,
        )
    record = _record(logits, examined, leads)
    visible = names == STANDARD and _limbs_speak(figures, leads)
    beat = swap.median_beat(examined.window, examined.beats.places) if visible else None
    chest_good = all(leads[chest].state == "good" for chest in CHEST_LEADS if chest in leads)
    seconds = examined.window.seconds
    return Verdict(
        at=seconds,
        seconds=seconds,
        firm=seconds >= LONGEST - 0.01,
        ready=record < 0.5,
        probability_bad=record,
        leads=leads,
        electrodes=electrodes.judge(leads, contact),
        swap=swap.find_limb(beat, models.swap, models.limb_from_chest) if beat else None,
        swap_visible=beat is not None,
        chest_swap_hint=swap.find_chest(beat, models.chest, models.chest_from_rest)
        if beat and chest_good
        else None,
        mains_hz=_mains_hz(examined, leads),
        not_had=not_had(names),
    )


def off_leads(figures: Figures, logits: Floats, names: Sequence[str]) -> np.ndarray:
    """Which leads show what no connected electrode shows; one truth value each.

    End stop, standstill, no samples; or nothing at 5-25 Hz; or, where the model calls the lead bad, no
    beat that resembles another, or mains enough for an open input.
    """
    dead = (
        (figures.rail > SATURATED)
        | (figures.still > STILL)
        | (figures.run_s > FLAT_S)
        | (figures.missing > STILL)
    )
    no_beats = (figures.resemblance < 0.6) & (figures.snr_db < 0)
    silent = (figures.qrs_mv < NOTHING_MV) | (
        (logits >= 0) & (no_beats | (figures.mains_mv >= ANTENNA_MV))
    )
    return np.asarray(dead | lost_not_small(silent, dead, names))


def lost_not_small(silent: np.ndarray, dead: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Which of the ``silent`` leads have lost an electrode, besides those that are surely ``dead``.

    A lost limb electrode is in two of I, II and III: where only one of them is silent, the heart's axis
    lies across it, or it lies between two legs.
    """
    places = [place for place, name in enumerate(names) if name in LIMB_LEADS]
    if len(places) < len(LIMB_LEADS) or (dead | silent)[places[:3]].sum() >= 2:
        return silent
    kept = silent.copy()
    kept[places] = False
    return kept


def _causes(figures: Figures, place: int, *, off: bool, bad: bool) -> dict[Cause, float]:
    """What is wrong with one lead, or present without yet being too much."""
    own = {name: float(getattr(figures, name)[place]) for name in NAMES}
    causes: dict[Cause, float] = {}
    if off:
        causes["off"] = max(own["rail"], own["still"], own["missing"]) or 1.0
    for cause, name, limit in LIMITS:
        if own[name] >= limit:
            causes[cause] = own[name]
    if own["jolt_mv"] >= JOLT_MV and own["jolt"] >= JOLT:
        causes["motion"] = own["jolt_mv"]
    if bad and own["qrs_mv"] < WEAK_MV:
        causes["weak"] = own["qrs_mv"]
    if bad and not causes:
        causes["unclear"] = own["snr_db"]
    return causes


def _record(logits: Floats, examined: Examined, leads: Mapping[str, LeadVerdict]) -> float:
    """The probability that the whole record is bad: its own model for twelve leads, else the worst lead.

    With a lead off, nothing is ready whatever the model thinks of the rest.
    """
    if any(lead.probability_bad == 1 for lead in leads.values()):
        return 1.0
    if examined.names != STANDARD:
        return max(lead.probability_bad for lead in leads.values())
    terms = model.record_terms(logits, examined.terms)
    whole = float(model.probability(model.load().record.logit(terms[None]))[0])
    off = any(lead.state == "off" for lead in leads.values())
    return max(whole, OFF_AT_LEAST) if off else whole


def _limbs_speak(figures: Figures, leads: Mapping[str, LeadVerdict]) -> bool:
    """Whether there is enough to look for an exchange in: beats in most leads, good or poor.

    One limb lead may be off because it is flat: an exchange with RL puts two electrodes on the legs.
    """
    limbs = [leads[lead].state != "off" for lead in STANDARD[:3]]
    small = figures.qrs_mv[:3] < SMALL_MV
    chest = sum(leads[lead].state != "off" for lead in CHEST_LEADS)
    beats = float(np.median(figures.snr_db)) > 0
    return beats and sum(limbs) >= 2 and chest >= 4 and bool(np.all(limbs | small))


def _mains_hz(examined: Examined, leads: Mapping[str, LeadVerdict]) -> int | None:
    if not any("mains" in lead.causes for lead in leads.values()):
        return None
    strongest = int(examined.figures.mains_mv.argmax())
    return int(examined.figures.mains_hz[strongest])
