"""Beats: where they are in all leads together, and how much each lead's beats resemble each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from devicehub.ecg.window import RATE, Floats, Window

BEFORE, AFTER = round(0.2 * RATE), round(0.4 * RATE)
"""Samples of a beat before and after its place in the train."""

FEWEST = 3
"""Beats without which nothing is said about their resemblance."""

REFRACTORY = 0.28
"""Seconds between two beats at least: a heart of 214 beats per minute."""


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats of a window. All arrays but ``places`` have one entry per lead."""

    places: np.ndarray
    """Sample numbers (at `RATE`) of the beats that lie wholly inside the window."""
    template: Floats
    """Median beat, lead × sample, millivolts, mean removed."""
    resemblance: Floats
    """Median correlation of single beats with the median beat, -1 to 1; 0 without enough beats."""
    resemblance_low: Floats
    """The same, of the 20th percentile beat."""
    snr_db: Floats
    """Power of the median beat over the median beat's deviation from it, decibels; -20 without beats."""
    snr_low_db: Floats
    """The same, of the 85th percentile deviation."""


def peaks(train: Floats, floor: float, apart: int) -> np.ndarray:
    """The places of the maxima of ``train`` from ``floor`` on, no two closer than ``apart``: the higher stays.

    The same as ``scipy.signal.find_peaks``, whose import alone would delay a stream's first verdict by two seconds.
    """
    slope = np.sign(np.diff(train))
    turns = np.flatnonzero(slope)
    tops = np.flatnonzero((slope[turns[:-1]] > 0) & (slope[turns[1:]] < 0))
    places = (turns[tops] + 1 + turns[tops + 1]) // 2
    places = places[train[places] >= floor]
    stays = np.ones(places.size, dtype=bool)
    for one in np.argsort(train[places])[::-1]:
        if stays[one]:
            near = np.abs(places - places[one]) < apart
            near[one] = False
            stays &= ~near
    return np.asarray(places[stays])


def find(window: Window, plausible: np.ndarray) -> Beats:
    """The beats of ``window``, on one train common to its ``plausible`` leads (or all, if under 3).

    The train is where the median over leads of the normalised 5-25 Hz envelope peaks: a fault in a
    few leads does not disturb it.
    """
    leads = window.qrs.shape[0]
    envelope = np.abs(window.qrs)
    envelope = envelope / np.maximum(np.percentile(envelope, 98, axis=1, keepdims=True), 1e-3)
    if plausible.sum() >= 3:
        envelope = envelope[plausible]
    train = np.median(np.minimum(envelope, 3.0), axis=0)
    train = ndimage.gaussian_filter1d(train, 0.02 * RATE, mode="nearest")
    floor = max(0.35 * float(np.percentile(train, 98)), 1e-6)
    places = peaks(train, floor, round(REFRACTORY * RATE))
    inside = places[(places >= BEFORE) & (places < train.size - AFTER)]
    if inside.size < FEWEST:
        none, silent = np.zeros(leads), np.full(leads, -20.0)
        return Beats(inside, np.zeros((leads, BEFORE + AFTER)), none, none, silent, silent)
    single = window.ecg[:, inside[:, None] + np.arange(-BEFORE, AFTER)]
    single = single - single.mean(axis=2, keepdims=True)
    template = np.median(single, axis=1)
    power = (template**2).mean(axis=1)
    own = (single**2).mean(axis=2)
    both = np.einsum("lbt,lt->lb", single, template) / template.shape[1]
    alike = both / (np.sqrt(own * power[:, None]) + 1e-9)
    rest = np.maximum(own - 2 * both + power[:, None], 0.0)
    floor_power = 1e-6
    return Beats(
        inside,
        template,
        np.median(alike, axis=1),
        np.percentile(alike, 20, axis=1),
        10 * np.log10((power + floor_power) / (np.median(rest, axis=1) + floor_power)),
        10 * np.log10((power + floor_power) / (np.percentile(rest, 85, axis=1) + floor_power)),
    )
