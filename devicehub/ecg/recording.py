"""A recording of any length, and what the check says of it. Pure; `devicehub.ecg.files` reads them.

A recording of up to ten seconds is one window. A longer one is judged in windows of ten seconds every
five: its probabilities are the logistic means of theirs, so that neither one bad moment nor one
good one decides, and states, causes and electrodes are those of the window nearest to that mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from devicehub.ecg.check import LONGEST, SHORTEST, TooShort, assess
from devicehub.ecg.leads import spell
from devicehub.ecg.model import SURE, probability
from devicehub.ecg.verdict import LeadVerdict, Verdict
from devicehub.ecg.window import Floats

HOP = 5.0
"""Seconds between the beginnings of a long recording's windows."""

REST = 0.5
"""Seconds at a recording's end that make no window of their own."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording: ``signal_mv`` is lead × sample, millivolts, NaN where a sample is missing."""

    name: str
    signal_mv: Floats
    fs: float
    leads: tuple[str, ...]


def judge(recording: Recording, *, at: float | None = None, mains: int | None = None) -> Verdict:
    """The verdict on a recording; ``at``: as it stood that many seconds after the beginning.

    Raises `TooShort`.
    """
    signal = _without_padding(recording.signal_mv)
    if not signal.size:
        raise TooShort("every sample is missing (NaN): there is nothing to judge; record it again")
    if at is not None:
        signal = signal[:, : round(min(at * recording.fs, signal.shape[1]))][
            :, -round(LONGEST * recording.fs) :
        ]
    verdicts = [
        assess(window, recording.fs, recording.leads, mains=mains)
        for window in _windows(signal, recording.fs)
    ]
    if len(verdicts) == 1:
        return verdicts[0]
    whole = _mean([verdict.probability_bad for verdict in verdicts])
    typical = min(verdicts, key=lambda verdict: abs(verdict.probability_bad - whole))
    leads = {
        name: _averaged(lead, [verdict.leads[name] for verdict in verdicts])
        for name, lead in typical.leads.items()
    }
    seconds = signal.shape[1] / recording.fs
    return typical.model_copy(
        update={
            "at": seconds,
            "seconds": seconds,
            "probability_bad": whole,
            "ready": whole < 0.5,
            "leads": leads,
        }
    )


def as_json(recording: Recording, verdict: Verdict) -> dict[str, Any]:
    """The verdict as one JSON object; leads keep the names they have in the recording."""
    called = {spell(lead): lead for lead in recording.leads}
    told = verdict.model_dump(mode="json", exclude={"at", "frozen"})
    leads = {called.get(name, name): lead for name, lead in told.pop("leads").items()}
    first = {name: told.pop(name) for name in ("ready", "probability_bad", "swap")}
    return {
        "record": recording.name,
        **first,
        "leads": leads,
        "electrodes": told.pop("electrodes"),
        **told,
    }


def _windows(signal: Floats, fs: float) -> Iterator[Floats]:
    length, window = signal.shape[1], round(LONGEST * fs)
    if length < (SHORTEST - 0.01) * fs:
        raise TooShort(f"{length / fs:.1f} s of signal; the check needs {SHORTEST:g} s")
    if length <= window + REST * fs:
        yield signal[:, :window]
        return
    starts = list(range(0, length - window + 1, round(HOP * fs)))
    if length - window - starts[-1] > REST * fs:
        starts.append(length - window)
    for start in starts:
        yield signal[:, start : start + window]


def _without_padding(signal: Floats) -> Floats:
    """The signal without its beginning and end where no lead has a sample."""
    present = np.flatnonzero(np.isfinite(signal).any(axis=0))
    return signal[:, present[0] : present[-1] + 1] if present.size else signal[:, :0]


def _averaged(typical: LeadVerdict, all_of_it: Sequence[LeadVerdict]) -> LeadVerdict:
    mean = _mean([lead.probability_bad for lead in all_of_it])
    return typical.model_copy(update={"probability_bad": mean})


def _mean(probabilities: Sequence[float]) -> float:
    """The mean of probabilities on the logistic scale, none counting for more than certainty."""
    inside = np.clip(probabilities, *probability(np.array([-SURE, SURE])))
    return float(probability(np.log(inside / (1 - inside)).mean()))
