"""Every figure has a unit, and the right value on a made signal whose answer is known."""

import numpy as np
import pytest
from ecg_signals import FS, drift, independent, mains, muscle
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from devicehub.ecg.features import Figures, measure
from devicehub.ecg.window import RATE, split


def figures(*leads: NDArray[np.float64], fs: float = FS, line: int | None = None) -> Figures:
    return measure(split(np.stack(leads), fs), line)[0]


@pytest.mark.parametrize("fs", [250, 300, 500, 1000])
@pytest.mark.parametrize("hertz", [49.9, 50.0, 50.13, 59.95, 60.0, 60.2])
def test_mains_is_its_amplitude_in_millivolts_at_any_rate(fs: float, hertz: float) -> None:
    heart = independent(fs=fs)["II"]
    seen = figures(heart + mains(0.1, hertz, fs=fs), fs=fs)
    assert seen.mains_mv[0] == pytest.approx(0.1, abs=0.006)
    assert seen.mains_hz[0] == round(hertz, -1)


def test_three_seconds_suffice_to_measure_mains() -> None:
    heart = independent(seconds=3)["II"]
    assert figures(heart + mains(0.1, 50.1, seconds=3)).mains_mv[0] == pytest.approx(0.1, abs=0.01)


def test_no_mains_in_a_clean_ecg_and_none_in_noise() -> None:
    seen = figures(independent()["II"], independent()["V2"], muscle(0.1))
    assert seen.mains_mv == pytest.approx(np.zeros(3), abs=0.012)


def test_only_the_line_that_is_asked_for() -> None:
    heart = independent()["II"]
    assert figures(heart + mains(0.2, 60), line=50).mains_mv[0] < 0.01
    assert figures(heart + mains(0.2, 60), line=60).mains_mv[0] == pytest.approx(0.2, abs=0.01)


def test_a_rate_that_cannot_carry_the_line_claims_none() -> None:
    assert figures(independent(fs=100)["II"], fs=100).mains_mv[0] == 0


@pytest.mark.parametrize("rms", [0.06, 0.15])
@pytest.mark.parametrize("fs", [300, 500, 1000])
def test_muscle_is_the_rms_of_20_to_150_hertz(rms: float, fs: float) -> None:
    heart = independent(fs=fs, noise_mv=0)["II"]
    if fs < 2 * 150:
        pytest.skip("this rate does not carry the noise as made")
    assert figures(heart + muscle(rms, fs=fs), fs=fs).muscle_mv[0] == pytest.approx(rms, rel=0.15)


def test_qrs_complexes_and_mains_are_no_muscle() -> None:
    heart = independent(noise_mv=0)["V4"]
    assert figures(heart).muscle_mv[0] < 0.01
    assert figures(heart + mains(0.5, 50)).muscle_mv[0] < 0.02


def test_a_rate_too_low_for_muscle_claims_none() -> None:
    assert figures(independent(fs=130, noise_mv=0.05)["II"], fs=130).muscle_mv[0] == 0


@pytest.mark.parametrize("hertz", [0.1, 0.3, 0.45])
def test_drift_is_peak_to_peak_in_millivolts(hertz: float) -> None:
    seen = figures(independent()["I"] + drift(2.0, hertz))
    assert seen.drift_mv[0] == pytest.approx(2.0, rel=0.12)


def test_beats_are_no_drift_even_slow_ones() -> None:
    for rate in (50, 66, 120):
        assert figures(independent(rate=rate)["V2"]).drift_mv[0] < 0.4


def test_mains_makes_no_drift() -> None:
    assert figures(independent()["I"] + mains(1.0, 50)).drift_mv[0] < 0.2


def test_the_longest_run_of_equal_samples_in_seconds() -> None:
    heart = independent()["II"]
    heart[1000:1750] = heart[1000]
    seen = figures(heart)
    assert seen.run_s[0] == pytest.approx(1.5, abs=0.01)
    assert seen.still[0] == pytest.approx(0.15, abs=0.01)
    assert seen.rail[0] == 0


def test_an_end_stop_is_an_extreme_value_held() -> None:
    clipped = np.clip(independent()["V4"] * 5 + drift(8), -2.5, 2.5)
    seen = figures(clipped, np.full(5000, -80.0), np.zeros(5000))
    assert seen.rail[0] == pytest.approx(np.mean(np.abs(clipped) == 2.5), abs=0.02)
    assert seen.rail[1:].tolist() == [1, 0]
    assert seen.run_s[1:] == pytest.approx([10, 10], abs=0.01)


def test_signal_to_noise_of_the_beats_in_decibels() -> None:
    clean = independent(noise_mv=0)["II"]
    window = split(clean[None], FS)
    _, beats = measure(window)
    power = (beats.template[0] ** 2).mean()
    for wanted in (10.0, 15.0, 20.0):
        rng = np.random.default_rng(3)
        noise = np.fft.rfft(rng.standard_normal(clean.size))
        hertz = np.fft.rfftfreq(clean.size, 1 / FS)
        noise[(hertz < 2) | (hertz > 25)] = 0
        added = np.fft.irfft(noise, clean.size)
        added *= np.sqrt(power / 10 ** (wanted / 10)) / added.std()
        seen = figures(clean + added)
        assert seen.snr_db[0] == pytest.approx(wanted, abs=2.0)


def test_beats_resemble_each_other_until_noise_hides_them() -> None:
    heart = independent()["II"]
    quiet, loud = figures(heart), figures(heart + muscle(0.8))
    assert quiet.resemblance[0] > 0.98
    assert figures(muscle(0.5)).resemblance[0] < 0.6
    assert quiet.snr_db[0] > 15 > loud.snr_db[0]


def test_a_jolt_is_the_worst_second_over_the_usual_one() -> None:
    heart = independent()["II"]
    jolted = heart.copy()
    jolted[2250:2300] += 6.0
    assert figures(heart).jolt[0] < 1.3
    seen = figures(jolted)
    assert seen.jolt_mv[0] > 5
    assert seen.jolt[0] > 4


def test_kurtosis_tells_noise_from_beats_and_sines() -> None:
    seen = figures(mains(1, 20), muscle(1), independent(noise_mv=0)["V4"])
    assert seen.kurtosis[0] == pytest.approx(1.5, abs=0.1)
    assert seen.kurtosis[1] == pytest.approx(3.0, abs=0.4)
    assert seen.kurtosis[2] > 8


def test_missing_samples_are_counted_and_bridged() -> None:
    heart = independent()["II"]
    gappy = heart.copy()
    gappy[1000:2000] = np.nan
    seen = figures(heart, gappy, np.full(5000, np.nan))
    assert seen.missing == pytest.approx([0, 0.2, 1.0])
    assert np.isfinite(seen.snr_db).all()


@pytest.mark.parametrize("fs", [100, 130, 250, 300, 360, 500, 1000])
def test_any_rate_comes_to_the_same_beats(fs: float) -> None:
    window = split(independent(fs=fs)["II"][None], fs)
    assert window.ecg.shape[1] == pytest.approx(10 * RATE, abs=1)
    _, beats = measure(window)
    assert 9 <= beats.places.size <= 11
    assert np.ptp(beats.template[0]) == pytest.approx(1.1, rel=0.15)


@given(
    gain=st.floats(0.5, 2.0),
    offset=st.floats(-300, 300),
)
@settings(max_examples=25, deadline=None)
def test_figures_in_millivolts_follow_the_gain_and_ignore_the_offset(
    gain: float, offset: float
) -> None:
    heart = independent()["II"] + mains(0.1, 50) + drift(1.0)
    plain, scaled = figures(heart), figures(heart * gain + offset)
    for name in ("mains_mv", "muscle_mv", "drift_mv", "qrs_mv", "span_mv"):
        assert getattr(scaled, name)[0] == pytest.approx(getattr(plain, name)[0] * gain, rel=0.02)
    for name in ("resemblance", "kurtosis", "jolt"):
        assert getattr(scaled, name)[0] == pytest.approx(getattr(plain, name)[0], rel=0.02)
