"""Other hearts and other devices: what is unusual but clean is neither a bad signal nor an exchange."""

from collections.abc import Callable

import ecg_signals
import numpy as np
import pytest
from ecg_signals import FS, mains, twelve
from numpy.typing import NDArray
from scipy import signal

from devicehub.ecg.check import assess
from devicehub.ecg.leads import STANDARD

Floats = NDArray[np.float64]
LIMBS = ("I", "II")
P, Q, R, S, T = range(5)

HEARTS: dict[str, Callable[[str, list[float]], list[float]]] = {
    "no P waves": lambda _, waves: [0.0, *waves[Q:]],
    "giant T waves": lambda _, waves: [*waves[:T], 4 * waves[T]],
    "inverted T waves": lambda _, waves: [*waves[:T], -waves[T]],
    "low voltage": lambda _, waves: [0.25 * wave for wave in waves],
    "low voltage in the limbs": lambda lead, waves: [
        (0.2 if lead in LIMBS else 1.0) * wave for wave in waves
    ],
    "high voltage": lambda _, waves: [2.5 * wave for wave in waves],
    "no R in V1 to V3": lambda lead, waves: (
        [waves[P], -0.4, 0.0, waves[S], waves[T]] if lead in {"V1", "V2", "V3"} else waves
    ),
}


@pytest.mark.parametrize("heart", HEARTS)
@pytest.mark.parametrize("widened", [1.0, 2.2], ids=["narrow", "wide"])
def test_an_unusual_heart_is_no_bad_signal_and_no_exchange(
    heart: str, widened: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    waves = {lead: HEARTS[heart](lead, list(own)) for lead, own in ecg_signals.WAVES.items()}
    monkeypatch.setattr(ecg_signals, "WAVES", waves)
    p, q, r, s, t = ecg_signals.WIDTHS
    monkeypatch.setattr(ecg_signals, "WIDTHS", (p, widened * q, widened * r, widened * s, t))
    verdict = assess(twelve(), FS, STANDARD)
    assert verdict.ready
    assert {lead.state for lead in verdict.leads.values()} == {"good"}
    assert verdict.swap is None


def band(low: float, high: float) -> Callable[[Floats], Floats]:
    sections = signal.butter(2, (low, high), "bandpass", fs=FS, output="sos")
    return lambda leads: np.asarray(signal.sosfilt(sections, leads, axis=1))


DEVICES: dict[str, Callable[[Floats], Floats]] = {
    "0.05-40 Hz": band(0.05, 40),
    "0.5-40 Hz": band(0.5, 40),
    "0.5-100 Hz": band(0.5, 100),
    "steps of 12.5 µV": lambda leads: np.round(leads / 0.0125) * 0.0125,
    "half the gain": lambda leads: leads / 2,
    "twice the gain": lambda leads: leads * 2,
    "a little mains": lambda leads: leads + mains(0.03, 60),
    "electrode offsets": lambda leads: leads + np.linspace(-100, 100, 12)[:, None],
    "a tenth of a second too short": lambda leads: leads[:, :-50],
    "the first fifth of a second held": lambda leads: np.concatenate(
        (np.repeat(leads[:, 100:101], 100, axis=1), leads[:, 100:]), axis=1
    ),
}


@pytest.mark.parametrize("device", DEVICES)
def test_another_device_changes_nothing(device: str) -> None:
    verdict = assess(DEVICES[device](twelve()), FS, STANDARD)
    assert verdict.ready
    assert {lead.state for lead in verdict.leads.values()} == {"good"}
    assert not any(lead.causes for lead in verdict.leads.values())
    assert verdict.swap is None
