import math
import statistics
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from devicehub.testing.electrodes import (
    ELECTRODES,
    LEADS,
    RAIL,
    BadFault,
    Electrodes,
    Fault,
    faults,
)

HERTZ = 500
Floats = npt.NDArray[np.floating[Any]]
CHEST = LEADS[6:]


def played(
    script: str = "",
    *,
    seconds: float = 4.0,
    seed: int = 1,
    sampling_hz: float = HERTZ,
    mains_hz: float = 50.0,
    rate: float | None = None,
) -> Floats:
    """Leads × samples, in microvolts."""
    patient = Electrodes(
        seed, faults=faults(script), sampling_hz=sampling_hz, mains_hz=mains_hz, rate=rate
    )
    count = round(seconds * patient.sampling_hz)
    return np.array([list(patient.read().values()) for _ in range(count)]).T


def noise(
    script: str, *, seconds: float = 4.0, sampling_hz: float = HERTZ, mains_hz: float = 50.0
) -> dict[str, Floats]:
    """What a fault adds to each lead: chance is the same with it and without it."""
    wrong, right = (
        played(one, seconds=seconds, sampling_hz=sampling_hz, mains_hz=mains_hz)
        for one in (script, "")
    )
    added = wrong - right
    return dict(zip(LEADS, added, strict=True))


def spectrum(values: Floats, hertz: float = HERTZ) -> tuple[Floats, Floats]:
    """Frequencies and power."""
    power: Floats = np.abs(np.fft.rfft((values - values.mean()) * np.hanning(len(values)))) ** 2
    at: Floats = np.fft.rfftfreq(len(values), 1 / hertz)
    return at, power


def share(values: Floats, low: float, high: float, hertz: float = HERTZ) -> float:
    at, power = spectrum(values, hertz)
    return float(power[(at >= low) & (at <= high)].sum() / power.sum())


def touched(added: dict[str, Floats], least: float = 5.0) -> set[str]:
    return {lead for lead, values in added.items() if values.std() > least}


# Which leads have an electrode in them.
REACH = {
    "RA": set(LEADS) - {"III"},
    "LA": set(LEADS) - {"II"},
    "LL": set(LEADS) - {"I"},
    **{chest: {chest} for chest in CHEST},
}


@pytest.mark.parametrize("electrode", REACH)
@pytest.mark.parametrize("kind", ["off", "dry", "mains", "emg", "motion", "drift", "saturated"])
def test_a_fault_is_in_the_leads_of_its_electrode_and_in_no_other(
    electrode: str, kind: str
) -> None:
    assert touched(noise(f"{electrode}:{kind}", seconds=6.0, sampling_hz=250)) == REACH[electrode]


@pytest.mark.parametrize("script", ["", "LA:off,V3:emg", "RL:off", "LA/RA:swap", "LL:drift"])
def test_the_equations_hold_whatever_is_wrong(script: str) -> None:
    leads = dict(zip(LEADS, played(script), strict=True))
    np.testing.assert_allclose(leads["III"], leads["II"] - leads["I"], atol=1e-6)
    np.testing.assert_allclose(leads["aVR"] + leads["aVL"] + leads["aVF"], 0, atol=1e-6)


def test_without_its_neutral_electrode_the_patient_hums_in_every_lead() -> None:
    added = noise("RL:off")
    assert touched(added, 50) == set(LEADS)
    for lead, values in added.items():
        hum = share(values, 49, 51) + share(values, 149, 151) + share(values, 249, 250)
        assert hum > 0.95, lead
    # Each electrode hums as loudly as its skin lets it: it is the same hum everywhere.
    assert abs(np.corrcoef(added["I"], added["V4"])[0, 1]) > 0.99


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_mains_has_its_frequency_its_harmonics_and_its_size(mains: float) -> None:
    values = noise("V3:mains", mains_hz=mains, seconds=8.0)["V3"]
    at, power = spectrum(values)
    lines = [power[np.abs(at - n * mains) < 1].sum() for n in (1, 3)]
    assert sum(lines) > 0.95 * power.sum()
    assert math.sqrt(lines[1] / lines[0]) == pytest.approx(0.25, rel=0.05)
    fundamental = math.sqrt(2) * values.std() * math.sqrt(lines[0] / power.sum())
    assert fundamental == pytest.approx(600, rel=0.05)


def test_a_size_multiplies_a_fault() -> None:
    once, twice = noise("V3:mains")["V3"], noise("V3:mainsx2")["V3"]
    np.testing.assert_allclose(twice, 2 * once, atol=1e-6)


def test_muscle_is_noise_of_its_band_and_size() -> None:
    values = noise("V5:emg", seconds=20.0)["V5"]
    assert values.std() == pytest.approx(400, rel=0.15)
    assert share(values, 20, 180) > 0.75
    assert share(values, 0, 5) < 0.05


@pytest.mark.parametrize("hertz", [100.0, 130.0, 250.0, 1000.0])
def test_muscle_is_as_loud_at_any_rate(hertz: float) -> None:
    values = noise("V5:emg", seconds=20.0, sampling_hz=hertz)["V5"]
    assert values.std() == pytest.approx(400, rel=0.15)


def test_drift_is_slow_and_millivolts() -> None:
    values = noise("LL:drift", seconds=40.0)["II"]
    assert share(values, 0, 0.5) > 0.95
    assert 4000 < np.ptp(values) < 14_000


def test_motion_is_steps_that_fade() -> None:
    values = noise("V2:motion", seconds=20.0)["V2"]
    steps = np.flatnonzero(np.abs(np.diff(values)) > 2000)
    assert 5 < len(steps) < 30
    first = steps[0] + 1
    later = values[first + round(0.2 * HERTZ)]
    assert abs(later) < abs(values[first])


def test_a_hanging_wire_drifts_to_a_rail_and_picks_up_the_mains() -> None:
    values = played("V4:off")[LEADS.index("V4")]
    assert abs(values[-1]) == pytest.approx(RAIL, rel=0.02)
    early = noise("V4:off", seconds=1.0)["V4"][:250]
    assert np.abs(np.diff(early)).max() > 500


def test_a_shorted_chest_electrode_is_a_flat_lead() -> None:
    values = played("V3:flat")[LEADS.index("V3")]
    # What is left is a third of what the limbs have: breath and skin.
    assert np.ptp(values) < 120
    assert np.ptp(played()[LEADS.index("V3")]) > 800


def test_a_saturated_electrode_stands_at_the_rail() -> None:
    patient = Electrodes(2, faults=faults("V1:saturated"))
    assert {abs(patient.potentials()["V1"]) for _ in range(100)} == {RAIL}


def test_swapped_arms_turn_lead_one_over_and_change_two_and_three() -> None:
    right, wrong = (dict(zip(LEADS, played(script), strict=True)) for script in ("", "LA/RA:swap"))
    np.testing.assert_allclose(wrong["I"], -right["I"], atol=1e-6)
    np.testing.assert_allclose(wrong["II"], right["III"], atol=1e-6)
    np.testing.assert_allclose(wrong["aVR"], right["aVL"], atol=1e-6)
    for chest in CHEST:
        np.testing.assert_allclose(wrong[chest], right[chest], atol=1e-6)


def test_an_arm_that_has_the_neutral_wire_leaves_a_lead_almost_flat() -> None:
    leads = dict(zip(LEADS, played("RA/RL:swap"), strict=True))
    assert np.ptp(leads["II"]) < 0.15 * np.ptp(played()[LEADS.index("II")])


def test_a_fault_begins_and_ends() -> None:
    added = noise("V6:mains@1-2")["V6"]
    assert not added[:HERTZ].any()
    assert not added[2 * HERTZ :].any()
    assert added[HERTZ : 2 * HERTZ].std() > 100


def test_contact_is_what_a_detection_would_say() -> None:
    patient = Electrodes(1, faults=faults("LA:off@1-2,V3:dry,V4:saturated"))
    said = []
    for _ in range(3 * HERTZ):
        said.append({name for name, on in patient.contact.items() if not on})
        patient.read()
    assert said == [set()] * HERTZ + [{"LA"}] * HERTZ + [set()] * HERTZ


def test_a_good_skin_is_quiet() -> None:
    # Between T and P, where the heart is silent, a lead moves by a few microvolts.
    ii = played(rate=60.0)[LEADS.index("II")]
    peak = int(np.argmax(ii[HERTZ : 3 * HERTZ])) + HERTZ
    silence = ii[peak + round(0.5 * HERTZ) : peak + round(0.65 * HERTZ)]
    assert statistics.pstdev(np.diff(silence)) < 12


def test_the_same_seed_gives_the_same_samples_to_the_last_bit() -> None:
    script = "LA:dry,V3:emg,LL:drift,V5:motion"
    np.testing.assert_array_equal(played(script), played(script))
    assert not np.array_equal(played(script), played(script, seed=2))


def test_a_script_is_read() -> None:
    assert faults("LA:off@5-12, V3:emg x2,LA/RA:swap@3") == (
        Fault("LA", "off", since=5, until=12),
        Fault("V3", "emg", size=2),
        Fault("LA", "swap", since=3, other="RA"),
    )
    assert faults("") == ()


@pytest.mark.parametrize(
    "script", ["LA", "LA:of", "C9:off", "LA:swap", "LA/RA:off", "LA:off@x", "LA/XX:swap"]
)
def test_a_fault_nobody_knows_is_named(script: str) -> None:
    with pytest.raises(BadFault):
        faults(script)


def test_a_rate_no_front_end_has_is_refused() -> None:
    with pytest.raises(ValueError, match="100 to 1000"):
        Electrodes(sampling_hz=50)
    assert set(Electrodes(sampling_hz=100).potentials()) == set(ELECTRODES)
