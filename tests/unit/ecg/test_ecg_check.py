"""One window: states, causes in physical units, electrodes, exchanges, on made signals."""

from collections.abc import Callable

import numpy as np
import pytest
from ecg_signals import (
    FS,
    INDEPENDENT,
    drift,
    exchanged,
    from_potentials,
    independent,
    mains,
    muscle,
    potentials,
    twelve,
)
from numpy.typing import NDArray

from devicehub.ecg import model, swap
from devicehub.ecg.check import TooShort, assess
from devicehub.ecg.leads import ELECTRODES, STANDARD
from devicehub.ecg.verdict import SWAPS, Cause, Verdict

Fault = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def test_a_clean_ecg_is_ready_and_firm_and_names_nothing() -> None:
    verdict = assess(twelve(), FS, STANDARD)
    assert verdict.ready
    assert verdict.firm
    assert verdict.probability_bad < 0.2
    assert {lead.state for lead in verdict.leads.values()} == {"good"}
    assert not any(lead.causes for lead in verdict.leads.values())
    assert {one.state for one in verdict.electrodes.values()} == {"good"}
    assert tuple(verdict.electrodes) == ELECTRODES
    assert verdict.swap is None
    assert verdict.swap_visible
    assert verdict.mains_hz is None


def test_three_seconds_give_a_provisional_verdict_and_less_gives_none() -> None:
    verdict = assess(twelve(independent(seconds=3)), FS, STANDARD)
    assert verdict.ready
    assert not verdict.firm
    with pytest.raises(TooShort, match=r"2\.5 s"):
        assess(twelve(independent(seconds=2.5)), FS, STANDARD)


FAULTS: dict[str, tuple[Cause, float, Fault]] = {
    "mains 50": ("mains", 0.1, lambda lead: lead + mains(0.1, 50.05)),
    "mains 60": ("mains", 0.1, lambda lead: lead + mains(0.1, 59.95)),
    "muscle": ("muscle", 0.06, lambda lead: lead + muscle(0.06)),
    "drift": ("drift", 2.0, lambda lead: lead + drift(2.0)),
    "flat": ("flat", 10.0, lambda lead: lead * 0),
    "end stop": ("saturated", 1.0, lambda lead: lead * 0 - 80),
}


@pytest.mark.parametrize("lead", ["II", "V2", "V5"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_cause_is_named_with_its_figure(fault: str, lead: str) -> None:
    cause, amount, disturb = FAULTS[fault]
    signal = twelve()
    place = STANDARD.index(lead)
    signal[place] = disturb(signal[place])
    verdict = assess(signal, FS, STANDARD)
    assert verdict.leads[lead].causes[cause] == pytest.approx(amount, rel=0.2)
    others = {name: one.causes for name, one in verdict.leads.items() if name != lead}
    assert not any(cause in causes for causes in others.values())


@pytest.mark.parametrize(
    "gross", [mains(0.35, 50), muscle(0.2), drift(6)], ids=["mains", "muscle", "drift"]
)
def test_a_gross_amount_makes_a_lead_poor_whatever_the_model_thinks(
    gross: NDArray[np.float64],
) -> None:
    signal = twelve()
    signal[STANDARD.index("V6")] += gross
    verdict = assess(signal, FS, STANDARD)
    assert verdict.leads["V6"].state != "good"
    assert verdict.leads["V6"].probability_bad >= 0.5
    assert verdict.electrodes["V6"].state != "good"


def test_a_lead_that_lives_beyond_what_electrodes_differ_by_is_at_a_stop() -> None:
    signal = twelve()
    signal[STANDARD.index("V4")] += 290
    verdict = assess(signal, FS, STANDARD)
    assert verdict.leads["V4"].state == "off"
    assert verdict.leads["V4"].causes["saturated"] == 1
    assert assess(twelve() + 90, FS, STANDARD).ready


@pytest.mark.parametrize(
    "nothing",
    [
        lambda rng: np.zeros(5000),
        lambda rng: np.round(rng.standard_normal(5000) * 0.4) * 0.005,
        lambda rng: np.full(5000, 80.0),
        lambda rng: mains(3, 50) + drift(5) + 0.05 * rng.standard_normal(5000),
        lambda rng: np.full(5000, np.nan),
    ],
    ids=["zeros", "converter noise", "end stop", "antenna", "no samples"],
)
def test_what_no_heart_gives_is_off_and_never_ready(
    nothing: Callable[[np.random.Generator], NDArray[np.float64]],
) -> None:
    signal = twelve()
    signal[STANDARD.index("V3")] = nothing(np.random.default_rng(0))
    verdict = assess(signal, FS, STANDARD)
    assert verdict.leads["V3"].state == "off"
    assert "off" in verdict.leads["V3"].causes
    assert verdict.electrodes["V3"].state == "off"
    assert {one for one, e in verdict.electrodes.items() if e.state != "good"} == {"V3"}
    assert not verdict.ready


@pytest.mark.parametrize("electrode", ["RA", "LA", "LL", "V1", "V6"])
def test_a_disturbed_electrode_is_found_through_all_leads_that_hold_it(electrode: str) -> None:
    at = potentials(independent())
    at[electrode] = at[electrode] + mains(2.5, 50) + muscle(0.6) + drift(3)
    eight = from_potentials(at)
    verdict = assess(np.stack([eight[lead] for lead in INDEPENDENT]), FS, INDEPENDENT)
    assert verdict.electrodes[electrode].state in ("poor", "off")
    blamed = {one for one, e in verdict.electrodes.items() if e.state in ("poor", "off")}
    assert blamed == {electrode}
    assert verdict.mains_hz == 50
    assert not verdict.ready


def test_one_limb_lead_without_beats_is_small_not_off() -> None:
    eight = independent()
    # An axis of 30 degrees lies across lead III, which then holds next to nothing.
    eight["II"] = eight["I"] + 0.004 * np.random.default_rng(1).standard_normal(5000)
    verdict = assess(twelve(eight), FS, STANDARD)
    assert verdict.leads["III"].state != "off"
    assert not [one for one, e in verdict.electrodes.items() if e.state == "off"]


def test_missing_leads_are_derived_and_marked() -> None:
    eight = independent()
    verdict = assess(np.stack([eight[lead] for lead in INDEPENDENT]), FS, INDEPENDENT)
    assert tuple(verdict.leads) == STANDARD
    assert {name for name, lead in verdict.leads.items() if lead.derived} == set(STANDARD[2:6])
    assert verdict.ready
    assert verdict.not_had == ()


@pytest.mark.parametrize("fs", [130, 250, 500])
def test_a_chest_strap_gives_one_lead_and_no_electrodes(fs: float) -> None:
    verdict = assess(independent(fs=fs)["V5"][None], fs, ["ECG"])
    assert tuple(verdict.leads) == ("ECG",)
    assert verdict.ready
    assert verdict.electrodes == {}
    assert verdict.not_had == STANDARD
    assert not verdict.swap_visible
    noisy = assess(muscle(0.6, fs=500)[None], 500, ["ECG"])
    assert not noisy.ready


def test_the_order_of_the_leads_does_not_matter() -> None:
    order = [3, 11, 0, 5, 4, 1, 2, 6, 10, 7, 9, 8]
    signal = twelve()
    signal[7] += muscle(0.2)
    shuffled = assess(signal[order], FS, [STANDARD[place] for place in order])
    assert shuffled == assess(signal, FS, STANDARD)


def test_the_verdict_is_json_and_comes_back() -> None:
    signal = twelve()
    signal[6] += mains(0.2, 60)
    verdict = assess(signal, FS, STANDARD, contact={"RA": "connected", "V6": "off"})
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_the_device_knows_best_that_an_electrode_is_off() -> None:
    verdict = assess(twelve(), FS, STANDARD, contact={"LA": "off", "RA": "connected"})
    assert verdict.electrodes["LA"].model_dump() == {
        "state": "off",
        "cause": "off",
        "contact": "truth",
    }
    assert verdict.leads["I"].state == "off"
    assert verdict.leads["II"].state == "good"
    assert verdict.probability_bad == 1
    assert not verdict.ready


@pytest.mark.parametrize("leak", [0.0, 0.03])
@pytest.mark.parametrize("kind", SWAPS)
def test_an_exchange_of_limb_electrodes_is_seen(kind: str, leak: float) -> None:
    one, other = kind.split("/")
    eight = exchanged(one, other, leak)
    assert assess(twelve(eight), FS, STANDARD).swap == kind


def test_left_arm_and_left_leg_cannot_be_seen_and_nothing_is_claimed() -> None:
    assert assess(twelve(exchanged("LA", "LL")), FS, STANDARD).swap is None


def test_no_exchange_is_looked_for_where_the_limb_leads_are_bad_or_not_there() -> None:
    eight = exchanged("RA", "LA")
    at = potentials(eight)
    at["RA"] = at["RA"] + muscle(1.5)
    verdict = assess(twelve(from_potentials(at)), FS, STANDARD)
    assert not verdict.swap_visible
    assert verdict.swap is None
    assert not assess(np.stack([eight["I"], eight["II"]]), FS, ("I", "II")).swap_visible


def test_the_shipped_models_fit_the_terms_by_name() -> None:
    models = model.load()
    for one, names in (
        (models.lead, model.LEAD_TERMS),
        (models.record, model.RECORD_TERMS),
        (models.swap, swap.LIMB_TERMS),
        (models.chest, swap.CHEST_TERMS),
    ):
        assert one.mean.shape == one.scale.shape == (len(names),)
        assert one.weights.shape[0] == len(names)
    assert models.swap.weights.shape[1] == len(SWAPS)
    assert models.chest.weights.shape[1] == len(swap.CHEST_PAIRS)


@pytest.mark.parametrize(
    ("term", "sign"),
    [
        ("still", 1),
        ("drift", 1),
        ("mains", 1),
        ("muscle", 1),
        ("qrs", -1),
        ("snr", -1),
        ("jolt", 1),
    ],
)
def test_more_of_a_fault_never_makes_a_lead_better(term: str, sign: int) -> None:
    weight = model.load().lead.weights[model.LEAD_TERMS.index(term)]
    assert np.sign(weight) == sign
