"""Features: what is measured in each lead, in physical units, and what the models are given.

Every figure has a definition, a unit and a test on a made signal whose answer is known. The kinds of
fault follow Jekova et al. (Physiol Meas 2012;33:1463): missing signal, steep and high artefacts,
baseline drift, mains, muscle; the resemblance of beats follows Orphanidou et al. (IEEE J Biomed
Health Inform 2015;19:832); kurtosis and band power Clifford et al. (Physiol Meas 2012;33:1419).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from scipy import fft

from devicehub.ecg import beats as beat_finding
from devicehub.ecg.beats import Beats
from devicehub.ecg.window import LINES, RATE, Floats, Window

RUN, STOP = 0.1, 0.02
"""Seconds of equal samples from which on they are a standstill; at an extreme value, an end stop."""

STOP_MV = 5.0
"""A lead that never moves stands at an end stop beyond this, else it is merely flat."""

OFFSET_MV = 200.0
"""Two electrodes differ by 100 mV at most each (ANSI/AAMI EC12): a lead beyond this is at a stop, moving or not."""

EMG_REFERENCE = 130.0
"""Hertz. The muscle figure is scaled from the band really seen to 20-150 Hz, as if its spectrum were flat."""


EMG_LEAST = 40.0
"""Hertz of the EMG band below which no muscle is claimed: what is left is mostly QRS complexes."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured, one entry per lead."""

    missing: Floats
    """Share of the samples that never came (0-1)."""
    rail: Floats
    """Share of the samples at the amplifier's end stop: in runs of at least 20 ms at an extreme, or
    beyond 200 mV (0-1)."""
    run_s: Floats
    """Longest run of equal samples, seconds."""
    still: Floats
    """Share of the window within runs of at least 0.1 s (0-1)."""
    drift_mv: Floats
    """Peak to peak below 0.7 Hz."""
    span_mv: Floats
    """Peak to peak without the baseline."""
    height_mv: Floats
    """99.5th percentile of the distance from the baseline."""
    steep_mv_s: Floats
    """99.9th percentile of the slope without the baseline, mV/s."""
    mains_mv: Floats
    """Amplitude of the mains line (peak, not rms), the stronger of those looked for."""
    mains_hz: Floats
    """Its frequency, 50 or 60."""
    muscle_mv: Floats
    """40th percentile of the rms of 0.1 s pieces in the EMG band, scaled to 20-150 Hz; 0 where the
    sampling rate carries too little of that band."""
    muscle_high_mv: Floats
    """The 75th percentile of the same, whatever is carried."""
    qrs_mv: Floats
    """99th percentile of the absolute value at 5-25 Hz."""
    kurtosis: Floats
    """Fourth standardised moment without the baseline; 3 for Gaussian noise, 1.5 for a sine."""
    jolt_mv: Floats
    """Peak to peak of the second with the largest one."""
    jolt: Floats
    """That, over the median second's."""
    resemblance: Floats
    """See `Beats`."""
    resemblance_low: Floats
    snr_db: Floats
    snr_low_db: Floats


NAMES = tuple(field.name for field in fields(Figures))


def measure(window: Window, mains: int | None = None) -> tuple[Figures, Beats]:
    """The figures of every lead, and the beats. ``mains``: look at 50 or 60 Hz only; None: at both."""
    run_s, still, rail = runs_of(window)
    qrs_mv = np.percentile(np.abs(window.qrs), 99, axis=1)
    fast = window.fast
    magnitude = np.abs(fast)
    height_mv = np.percentile(magnitude, 99.5, axis=1)
    mains_mv, mains_hz = mains_of(window, mains)
    plausible = (rail < 0.01) & (run_s < 1) & (height_mv < 6) & (qrs_mv > 0.05) & (mains_mv < 1)
    beats = beat_finding.find(window, plausible)
    muscle_mv, muscle_high_mv = muscle_of(window)
    centred = fast - fast.mean(axis=1, keepdims=True)
    squares = centred**2
    seconds = fast[:, : fast.shape[1] // RATE * RATE].reshape(fast.shape[0], -1, RATE)
    spans = np.ptp(seconds, axis=2)
    return (
        Figures(
            missing=window.missing,
            rail=rail,
            run_s=run_s,
            still=still,
            drift_mv=np.ptp(window.slow, axis=1),
            span_mv=np.ptp(fast, axis=1),
            height_mv=height_mv,
            steep_mv_s=np.percentile(np.abs(np.diff(fast, axis=1)), 99.9, axis=1) * RATE,
            mains_mv=mains_mv,
            mains_hz=mains_hz,
            muscle_mv=muscle_mv,
            muscle_high_mv=muscle_high_mv,
            qrs_mv=qrs_mv,
            kurtosis=(squares**2).mean(axis=1) / (squares.mean(axis=1) + 1e-9) ** 2,
            jolt_mv=spans.max(axis=1),
            jolt=spans.max(axis=1) / (np.median(spans, axis=1) + 1e-3),
            resemblance=beats.resemblance,
            resemblance_low=beats.resemblance_low,
            snr_db=beats.snr_db,
            snr_low_db=beats.snr_low_db,
        ),
        beats,
    )


def runs_of(window: Window) -> tuple[Floats, Floats, Floats]:
    """Of each lead: longest run of equal samples (s), share in long runs, share at an end stop."""
    leads, length = window.raw.shape
    moves = np.abs(np.diff(window.raw, axis=1)) > 1e-9
    low, high = window.raw.min(axis=1), window.raw.max(axis=1)
    longest, still, rail = np.zeros(leads), np.zeros(leads), np.zeros(leads)
    for lead in range(leads):
        ends = np.concatenate((np.flatnonzero(moves[lead]), [length - 1]))
        runs = np.diff(ends, prepend=-1)
        longest[lead] = runs.max() / window.fs
        still[lead] = runs[runs >= RUN * window.fs].sum() / length
        if high[lead] - low[lead] <= 1e-9:
            rail[lead] = float(abs(high[lead]) > STOP_MV)
            continue
        value = window.raw[lead, ends]
        extreme = (value - low[lead] <= 1e-9) | (high[lead] - value <= 1e-9)
        rail[lead] = runs[extreme & (runs >= max(STOP * window.fs, 3))].sum() / length
    return longest, still, np.maximum(rail, (np.abs(window.raw) > OFFSET_MV).mean(axis=1))


def mains_of(window: Window, mains: int | None) -> tuple[Floats, Floats]:
    """Amplitude (mV) and frequency of the strongest mains line of each lead.

    Power in the line's bins of a Hann spectrum, less what the bins beside it hold on average: a line
    that lies between two bins, or wavers, is measured whole, and broadband noise is not mains.
    """
    fast, lines = window.fast, (float(mains),) if mains else LINES
    length = fast.shape[1]
    taper, places = _mains_bins(length, lines, window.fs)
    power = np.zeros((len(lines), fast.shape[0]))
    spectrum = fft.rfft(fast * taper, axis=1)
    squares = (spectrum.real**2 + spectrum.imag**2) * (4 / length) ** 2
    for row, (line, beside) in enumerate(places):
        if line.size:
            noise = np.median(squares[:, beside], axis=1) / np.log(2)
            power[row] = squares[:, line].sum(axis=1) - line.size * noise
    strongest = power.argmax(axis=0)
    # A Hann window's power is 1.5 times that of its peak bin.
    amplitude = np.sqrt(np.maximum(power.max(axis=0), 0.0) / 1.5)
    return amplitude, np.asarray(lines)[strongest]


@lru_cache(maxsize=32)
def _mains_bins(
    length: int, lines: tuple[float, ...], fs: float
) -> tuple[Floats, tuple[tuple[np.ndarray, np.ndarray], ...]]:
    hertz = np.fft.rfftfreq(length, 1 / RATE)
    half = max(0.5, 2.1 * RATE / length)
    places = []
    for line in lines:
        away = np.abs(hertz - line)
        seen = line + half < 0.49 * fs
        places.append(
            (
                np.flatnonzero((away <= half) & seen),
                np.flatnonzero((away > 2 * half) & (away < 2 * half + 4)),
            )
        )
    return np.hanning(length), tuple(places)


def muscle_of(window: Window) -> tuple[Floats, Floats]:
    """`Figures.muscle_mv` and `Figures.muscle_high_mv`."""
    piece = round(0.1 * RATE)
    emg = window.emg
    if not window.emg_width:
        return np.zeros(emg.shape[0]), np.zeros(emg.shape[0])
    pieces = emg[:, : emg.shape[1] // piece * piece].reshape(emg.shape[0], -1, piece)
    rms = np.sqrt((pieces**2).mean(axis=2)) * np.sqrt(EMG_REFERENCE / window.emg_width)
    quiet, busy = np.percentile(rms, (40, 75), axis=1)
    return (quiet if window.emg_width >= EMG_LEAST else np.zeros_like(quiet)), busy
