"""Made twelve-lead ECGs with known answers: Gaussian waves, known amounts of every disturbance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from devicehub.ecg.leads import STANDARD

if TYPE_CHECKING:
    from numpy.typing import NDArray

FS = 500
INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

# Millivolts of P, Q, R, S and T: an unremarkable adult.
WAVES = {
    "I": (0.08, -0.03, 0.70, -0.10, 0.20),
    "II": (0.13, -0.05, 1.00, -0.15, 0.30),
    "V1": (0.05, 0.00, 0.20, -1.00, -0.05),
    "V2": (0.06, 0.00, 0.40, -1.40, 0.50),
    "V3": (0.06, 0.00, 0.80, -0.90, 0.55),
    "V4": (0.06, -0.03, 1.30, -0.50, 0.50),
    "V5": (0.06, -0.05, 1.20, -0.20, 0.40),
    "V6": (0.06, -0.05, 0.90, -0.08, 0.30),
}
PLACES = (-0.16, -0.03, 0.0, 0.035, 0.28)
WIDTHS = (0.022, 0.008, 0.011, 0.012, 0.045)
"""Seconds from the R wave, and standard deviation, of P, Q, R, S and T."""


def independent(
    seconds: float = 10.0,
    fs: float = FS,
    rate: float = 66.0,
    noise_mv: float = 0.005,
    seed: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """The eight leads a device measures, millivolts."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * fs)) / fs
    places, at = [], 0.3
    while at < seconds + 1:
        places.append(at)
        at += 60 / rate * (1 + 0.03 * rng.standard_normal())
    shapes = [
        sum(np.exp(-0.5 * ((t - beat - place) / width) ** 2) for beat in places)
        for place, width in zip(PLACES, WIDTHS, strict=True)
    ]
    return {
        lead: sum(mv * shape for mv, shape in zip(waves, shapes, strict=True))
        + noise_mv * rng.standard_normal(t.size)
        for lead, waves in WAVES.items()
    }


def twelve(signal: dict[str, NDArray[np.float64]] | None = None) -> NDArray[np.float64]:
    """Twelve leads in printed order (lead × sample), from eight."""
    eight = independent() if signal is None else signal
    first, second = eight["I"], eight["II"]
    third = second - first
    limbs = (first, second, third, -(first + second) / 2, first - second / 2, second - first / 2)
    return np.stack((*limbs, *(eight[lead] for lead in STANDARD[6:])))


def potentials(signal: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """The potential of every electrode, the right arm's at zero and the legs together."""
    first, second = signal["I"], signal["II"]
    terminal = (first + second) / 3
    zero = np.zeros_like(first)
    return {"RA": zero, "LA": first, "LL": second, "RL": second} | {
        chest: signal[chest] + terminal for chest in STANDARD[6:]
    }


def from_potentials(at: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """The eight leads that a device measures between electrodes at these potentials."""
    terminal = (at["RA"] + at["LA"] + at["LL"]) / 3
    return {"I": at["LA"] - at["RA"], "II": at["LL"] - at["RA"]} | {
        chest: at[chest] - terminal for chest in STANDARD[6:]
    }


def exchanged(one: str, other: str, leak: float = 0.03) -> dict[str, NDArray[np.float64]]:
    """The eight leads with two electrodes exchanged; the legs differ by ``leak`` of lead II."""
    at = potentials(independent())
    at["RL"] = at["RL"] * (1 - leak)
    at[one], at[other] = at[other], at[one]
    return from_potentials(at)


def mains(
    amplitude_mv: float, hertz: float, seconds: float = 10.0, fs: float = FS
) -> NDArray[np.float64]:
    """A mains line of this amplitude (peak)."""
    t = np.arange(round(seconds * fs)) / fs
    return np.asarray(amplitude_mv * np.sin(2 * np.pi * hertz * t + 0.7))


def muscle(
    rms_mv: float, seconds: float = 10.0, fs: float = FS, seed: int = 1
) -> NDArray[np.float64]:
    """Noise of this rms with a flat spectrum from 20 to 150 Hz, made in the spectrum itself."""
    rng = np.random.default_rng(seed)
    length = round(seconds * fs)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hertz = np.fft.rfftfreq(length, 1 / fs)
    spectrum[(hertz < 20) | (hertz > 150)] = 0
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(noise / noise.std() * rms_mv)


def drift(
    span_mv: float, hertz: float = 0.3, seconds: float = 10.0, fs: float = FS
) -> NDArray[np.float64]:
    """A slow wave, ``span_mv`` from bottom to top."""
    t = np.arange(round(seconds * fs)) / fs
    return np.asarray(span_mv / 2 * np.sin(2 * np.pi * hertz * t))
