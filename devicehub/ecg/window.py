"""A window: one stretch of ECG split into bands, once, by its spectrum.

All filters are zero-phase gains on one FFT of the window, extended at both ends by its own odd
reflection, and the same step brings every sampling rate to `RATE`. A gain ``1 / (1 + (f/c)^2n)`` is
that of a Butterworth filter of order n run forwards and backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float64]

RATE = 250
"""Samples per second inside the check. It carries 0-110 Hz: mains, its first harmonic and muscle."""

REFLECTED = 1.0
"""Seconds of reflection at each end."""

PIVOT = 0.1
"""Seconds whose mean the reflection turns about: whole mains cycles, so that mains make no drift."""

CLIP = 40.0
"""Millivolts around the median beyond which a sample tells nothing more: the amplifier is at its end."""

EMG_BAND = (35.0, 110.0)
"""Hertz. Below lie QRS complexes, above it many devices filter."""

LINES = (50.0, 60.0)
"""Mains frequencies, hertz."""


@dataclass(frozen=True, slots=True)
class Window:
    """The bands of one window, each lead × sample at `RATE`, in millivolts."""

    raw: Floats
    """As given (lead × sample at ``fs``), gaps filled by straight lines."""
    fs: float
    """Sampling rate of ``raw``, hertz."""
    missing: Floats
    """Share of each lead's samples that were not numbers."""
    slow: Floats
    """Below 0.7 Hz: the baseline."""
    fast: Floats
    """What is left without the baseline."""
    ecg: Floats
    """0.5-40 Hz: the monitor band, in which beats are compared."""
    qrs: Floats
    """5-25 Hz: mostly QRS complexes."""
    emg: Floats
    """`EMG_BAND` without the mains lines."""
    emg_width: float
    """Hertz of that band which this sampling rate really carries."""

    @property
    def seconds(self) -> float:
        """The window's length."""
        return float(self.raw.shape[1] / self.fs)


def split(signal_mv: Floats, fs: float) -> Window:
    """The bands of ``signal_mv`` (lead × sample, millivolts; NaN where a sample is missing)."""
    raw, missing = _filled(np.asarray(signal_mv, dtype=np.float64))
    length = raw.shape[1]
    middle = np.median(raw, axis=1, keepdims=True)
    centred = np.clip(raw - middle, -CLIP, CLIP)
    edge = min(round(REFLECTED * fs), length - 1)
    pivot = max(round(PIVOT * fs), 1)
    extended = np.concatenate(
        (
            2 * centred[:, :pivot].mean(axis=1, keepdims=True) - centred[:, edge:0:-1],
            centred,
            2 * centred[:, -pivot:].mean(axis=1, keepdims=True) - centred[:, -2 : -2 - edge : -1],
        ),
        axis=1,
    )
    total = extended.shape[1]
    out = round(total * RATE / fs)
    first, last = round(edge * RATE / fs), round((edge + length) * RATE / fs)
    gains, width = _gains(total, out, fs)
    bins = gains.shape[1]
    spectrum = fft.rfft(extended, axis=1)[:, :bins]
    # One inverse transform for all bands: slow, without high end, ecg, qrs, emg.
    bands = fft.irfft(spectrum[None] * gains[:, None], n=out, axis=2) * (out / total)
    slow, whole, ecg, qrs, emg = bands[:, :, first:last]
    return Window(raw, fs, missing, slow, whole - slow, ecg, qrs, emg, width)


@lru_cache(maxsize=32)
def _gains(total: int, out: int, fs: float) -> tuple[Floats, float]:
    """The five bands' gains (band × bin) and the width of the EMG band in hertz."""
    bins = min(total // 2, out // 2) + 1
    hertz: Floats = np.arange(bins, dtype=np.float64) * (fs / total)
    slow = 1 / (1 + (hertz / 0.7) ** 8)
    whole = np.ones(bins)
    ecg = _high(hertz, 0.5) * _low(hertz, 40.0)
    qrs = _high(hertz, 5.0) * _low(hertz, 25.0)
    low, high = EMG_BAND[0], min(EMG_BAND[1], 0.45 * fs)
    emg = ((hertz >= low) & (hertz <= high)).astype(np.float64)
    for line in (*LINES, 2 * LINES[0]):
        emg[np.abs(hertz - line) < 1.5] = 0.0
    return np.stack((slow, whole, ecg, qrs, emg)), float(emg.sum() * fs / total)


def _low(hertz: Floats, corner: float) -> Floats:
    return np.asarray(1 / (1 + (hertz / corner) ** 4))


def _high(hertz: Floats, corner: float) -> Floats:
    return np.asarray(1 - _low(hertz, corner))


def _filled(signal: Floats) -> tuple[Floats, Floats]:
    """The signal with gaps bridged, and each lead's share of gaps."""
    gaps = ~np.isfinite(signal)
    missing = gaps.mean(axis=1)
    if not gaps.any():
        return signal, missing
    filled = signal.copy()
    places = np.arange(signal.shape[1])
    for lead in np.flatnonzero(gaps.any(axis=1)):
        known = ~gaps[lead]
        filled[lead] = np.interp(places, places[known], signal[lead, known]) if known.any() else 0.0
    return filled, missing
