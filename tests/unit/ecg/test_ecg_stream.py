"""The stream: provisional, firm, frozen; how soon a lost and a mended electrode show."""

from collections.abc import Iterator

import numpy as np
import pytest
from ecg_signals import FS, INDEPENDENT, drift, from_potentials, independent, mains, potentials
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from devicehub.ecg.leads import ELECTRODES
from devicehub.ecg.stream import HOP, Stream
from devicehub.ecg.verdict import ContactState, Verdict
from devicehub.testing.electrodes import Electrodes, faults

Signal = NDArray[np.float64]
LIMBS_AND_V1 = ("RA", "LA", "LL", "V1", "V6")


def eight(seconds: float = 30.0) -> Signal:
    signal = independent(seconds)
    return np.stack([signal[lead] for lead in INDEPENDENT])


def verdicts(signal: Signal, stream: Stream | None = None, chunk: int = 50) -> Iterator[Verdict]:
    stream = stream or Stream(INDEPENDENT, FS)
    for begin in range(0, signal.shape[1], chunk):
        yield from stream.push(signal[:, begin : begin + chunk])


def test_provisional_at_three_seconds_firm_at_ten() -> None:
    told = list(verdicts(eight(12)))
    assert [one.at for one in told] == pytest.approx(np.arange(3, 12.1, HOP))
    assert next(one.at for one in told if one.firm) == 10
    assert not told[0].ready  # a change must hold for two hops
    assert all(one.ready for one in told[1:])
    assert not any(one.frozen for one in told)


@pytest.mark.parametrize("chunk", [1, 7, 250, 333, 15000])
def test_the_size_of_the_chunks_changes_nothing(chunk: int) -> None:
    signal = eight(4.5)
    assert list(verdicts(signal, chunk=chunk)) == list(verdicts(signal))


def lost(kind: str, length: int) -> Signal:
    rng = np.random.default_rng(4)
    return {
        "flat": np.zeros(length),
        "noise": np.round(rng.standard_normal(length) * 0.4) * 0.005,
        "end stop": np.full(length, 300.0),
        "antenna": mains(3, 50, length / FS) + drift(4, 0.3, length / FS),
    }[kind]


@pytest.mark.parametrize("kind", ["flat", "noise", "end stop", "antenna"])
@pytest.mark.parametrize("moment", [12.0, 12.26, 12.49])
def test_a_lost_chest_electrode_shows_within_two_and_a_half_seconds_and_clears_as_fast(
    kind: str, moment: float
) -> None:
    signal = eight(25)
    begin, end = round(moment * FS), round((moment + 6) * FS)
    signal[4, begin:end] = lost(kind, end - begin)
    told = list(verdicts(signal))
    seen = next(one for one in told if one.electrodes["V3"].state != "good")
    assert moment < seen.at <= moment + 2.5
    assert not seen.ready
    assert not seen.firm
    others = {one: e.state for one, e in seen.electrodes.items() if one != "V3"}
    assert set(others.values()) == {"good"}
    mended = next(
        one for one in told if one.at > moment + 6 and one.electrodes["V3"].state == "good"
    )
    assert mended.at <= moment + 6 + 2.5
    assert not mended.firm
    assert not mended.ready
    ready = next(one for one in told if one.at >= mended.at and one.ready)
    assert ready.at <= mended.at + 4
    assert not any(one.firm for one in told if seen.at <= one.at < moment + 6 + 10)
    assert told[-1].ready


@pytest.mark.parametrize("electrode", LIMBS_AND_V1)
def test_a_lost_electrode_is_named_by_the_algebra_of_the_leads(electrode: str) -> None:
    at = potentials(independent(20))
    at[electrode][12 * FS :] += lost("end stop", 8 * FS)
    signal = from_potentials(at)
    told = list(verdicts(np.stack([signal[lead] for lead in INDEPENDENT])))
    seen = next(one for one in told if any(e.state == "off" for e in one.electrodes.values()))
    assert seen.at <= 14.5
    assert [name for name, e in seen.electrodes.items() if e.state == "off"] == [electrode]


@pytest.mark.parametrize(
    ("script", "electrode", "state", "cause"),
    [
        ("LA:off@12", "LA", "off", "off"),
        ("RA:dry@12", "RA", "poor", "mains"),
        ("RL:off@12", "RL", "off", "off"),
        ("V3:emg@12", "V3", "poor", "muscle"),
        ("V6:flat@12", "V6", "off", "off"),
        ("V1:saturated@12", "V1", "off", "off"),
    ],
)
def test_the_faults_of_the_invented_patient_are_named_in_time_and_stay_named(
    script: str, electrode: str, state: str, cause: str
) -> None:
    patient = Electrodes(1, sampling_hz=250, faults=faults(script))
    read = [patient.read() for _ in range(18 * 250)]
    signal = np.array([[sample[lead] / 1000 for sample in read] for lead in INDEPENDENT])
    told = list(verdicts(signal, Stream(INDEPENDENT, 250)))
    assert next(one for one in told if one.at == 12).ready
    for one in (one for one in told if one.at >= 14.5):
        blamed = {n: e for n, e in one.electrodes.items() if e.state in ("poor", "off")}
        assert set(blamed) == {electrode}
        assert (blamed[electrode].state, blamed[electrode].cause) == (state, cause)
        assert not one.ready


def test_what_the_device_reports_shows_at_once() -> None:
    stream = Stream(INDEPENDENT, FS)
    connected: dict[str, ContactState] = dict.fromkeys(ELECTRODES, "connected")
    (first,) = stream.push(np.empty((8, 0)), connected)
    assert {one.state for one in first.electrodes.values()} == {"good"}
    assert not first.ready
    told = [*verdicts(eight(12), stream)]
    assert told[-1].ready
    assert told[-1].firm
    (off,) = stream.push(np.empty((8, 0)), connected | {"LA": "off"})
    assert off.electrodes["LA"].state == "off"
    assert off.electrodes["LA"].contact == "truth"
    assert {e.state for name, e in off.electrodes.items() if name != "LA"} == {"good"}
    assert not off.ready
    assert not off.firm
    (back,) = stream.push(np.empty((8, 0)), connected)
    assert back.electrodes["LA"].state == "good"
    assert not back.ready
    assert stream.push(np.empty((8, 0)), connected) == []
    told = [*verdicts(eight(12), stream)]
    assert next(one.at for one in told if one.ready) <= back.at + 4
    # Ten seconds after the first half, in which the wire may still have been open.
    assert next(one.at for one in told if one.firm) == pytest.approx(back.at + 10.5)


def test_a_lost_electrode_that_comes_back_is_not_blamed_for_having_been_off() -> None:
    stream = Stream(INDEPENDENT, FS)
    connected: dict[str, ContactState] = dict.fromkeys(ELECTRODES, "connected")
    signal = eight(40)
    signal[4, 14 * FS : 18 * FS] = 300.0
    stream.push(signal[:, : 14 * FS], connected)
    stream.push(signal[:, 14 * FS : 18 * FS], connected | {"V3": "off"})
    told = stream.push(signal[:, 18 * FS - 10 :], connected)
    assert {one.electrodes["V3"].state for one in told} == {"good"}
    assert told[-1].ready


def test_a_gap_freezes_the_verdict_and_starts_the_ten_seconds_again() -> None:
    signal = eight(30)
    signal[:, 12 * FS : 13 * FS] = np.nan
    told = {one.at: one for one in verdicts(signal)}
    assert told[12.0].firm
    assert told[12.5].frozen
    assert told[12.5].ready
    assert not told[12.5].firm
    assert told[12.5].leads == told[12.0].leads
    assert told[15.5].frozen
    assert not told[16.0].frozen
    assert not told[22.5].firm
    assert told[23.0].firm


def test_a_single_bad_moment_does_not_flicker() -> None:
    signal = eight(20)
    signal[4, round(12.3 * FS) : round(12.35 * FS)] = 0
    told = list(verdicts(signal))
    assert {one.electrodes["V3"].state for one in told} == {"good"}


def test_a_chest_strap_of_130_hertz() -> None:
    strap = independent(15, fs=130)["V5"][None]
    told = list(verdicts(strap, Stream(["ECG"], 130)))
    assert told[-1].ready
    assert told[-1].firm
    assert told[-1].electrodes == {}


def test_missing_samples_come_as_none_too() -> None:
    stream = Stream(["I"], 250)
    lead: list[float | None] = list(independent(4, fs=250)["I"])
    lead[10] = None
    assert [one.at for one in stream.push([lead])] == [3.0, 3.5, 4.0]


@given(
    st.lists(st.integers(0, 400), max_size=25),
    st.integers(0, 2**32 - 1),
    st.sampled_from([100.0, 130.0, 250.0]),
)
@settings(max_examples=15, deadline=None)
def test_any_chunks_and_any_nonsense_give_ordered_verdicts(
    chunks: list[int], seed: int, fs: float
) -> None:
    rng = np.random.default_rng(seed)
    stream, last = Stream(["I", "II"], fs), 0.0
    for length in chunks:
        noise = rng.standard_normal((2, length)) * 10 ** rng.uniform(-3, 3)
        noise[rng.random(noise.shape) < 0.02] = np.nan
        for one in stream.push(noise):
            assert one.at > last
            last = one.at
            assert 0 <= one.probability_bad <= 1
