"""Lead algebra, colours, and which electrode a bad lead accuses."""

import subprocess
import sys

import pytest

from devicehub.ecg.electrodes import judge, spoilt_by
from devicehub.ecg.leads import (
    AHA,
    ELECTRODES,
    IEC,
    STANDARD,
    complete,
    electrodes_of,
    not_had,
    spell,
)
from devicehub.ecg.verdict import (
    Cause,
    ContactState,
    ElectrodeState,
    LeadState,
    LeadVerdict,
)


@pytest.mark.parametrize("given", [("I", "II"), ("I", "III"), ("II", "III")])
def test_two_limb_leads_give_all_six(given: tuple[str, str]) -> None:
    truth = {"I": 1.0, "II": 2.5, "III": 1.5, "aVR": -1.75, "aVL": -0.25, "aVF": 2.0}
    had = complete({lead: truth[lead] for lead in given})
    assert had == pytest.approx(truth)
    assert list(had) == list(truth)


def test_what_cannot_be_had_is_said() -> None:
    assert not_had(["I"]) == STANDARD[1:]
    assert not_had(["I", "II"]) == STANDARD[6:]
    assert not_had(["I", "II", *STANDARD[6:]]) == ()
    assert not_had(["ECG"]) == STANDARD


def test_a_lead_that_was_sent_is_never_replaced() -> None:
    assert complete({"I": 1.0, "II": 2.5, "III": 9.0})["III"] == 9.0


@pytest.mark.parametrize(
    ("told", "meant"),
    [("AVR", "aVR"), ("v1", "V1"), ("C4", "V4"), ("MDC_ECG_LEAD_aVF", "aVF"), (" II ", "II")],
)
def test_the_spellings_of_devices_are_known(told: str, meant: str) -> None:
    assert spell(told) == meant


def test_an_unknown_name_stays() -> None:
    assert spell("MLII") == "MLII"


def test_every_electrode_has_both_labels_all_different() -> None:
    for labels in (IEC, AHA):
        assert set(labels) == set(ELECTRODES)
        assert len({label.french for label in labels.values()}) == 10
        assert len({label.english for label in labels.values()}) == 10
    assert (IEC["RA"].name, IEC["RA"].french) == ("R", "rouge")
    assert AHA["LL"].english == "red"


def test_the_electrodes_of_a_chest_strap_are_nobodys() -> None:
    assert electrodes_of(["ECG"]) == ()
    assert electrodes_of(["I"]) == ("RA", "LA", "RL")


def leads(
    bad: dict[str, LeadState], cause: Cause = "off", derived: tuple[str, ...] = ()
) -> dict[str, LeadVerdict]:
    return {
        lead: LeadVerdict(
            state=bad.get(lead, "good"),
            probability_bad=0.9 if lead in bad else 0.1,
            causes={cause: 1.0} if lead in bad else {},
            derived=lead in derived,
        )
        for lead in STANDARD
    }


CHEST_OFF: dict[str, LeadState] = dict.fromkeys(STANDARD[6:], "poor")


@pytest.mark.parametrize(
    ("electrode", "bad"),
    [
        ("RA", {"I": "off", "II": "off", "aVR": "off", **CHEST_OFF}),
        ("LA", {"I": "off", "III": "off", "aVL": "off", **CHEST_OFF}),
        ("LL", {"II": "off", "III": "off", "aVF": "off", **CHEST_OFF}),
    ],
)
def test_a_lost_limb_electrode_is_named_and_hides_the_chest(
    electrode: str, bad: dict[str, LeadState]
) -> None:
    seen = judge(leads(bad))
    assert seen[electrode].state == "off"
    assert seen[electrode].contact == "signal"
    others = {"RA", "LA", "LL", "RL"} - {electrode}
    assert {seen[other].state for other in others} == {"good"}
    assert {seen[chest].state for chest in STANDARD[6:]} == {"unknown"}


@pytest.mark.parametrize("chest", STANDARD[6:])
def test_a_lost_chest_electrode_is_only_itself(chest: str) -> None:
    seen = judge(leads({chest: "off"}))
    assert {one for one, verdict in seen.items() if verdict.state != "good"} == {chest}
    assert seen[chest].cause == "off"


def test_the_same_mains_in_every_lead_is_the_neutral_electrode() -> None:
    seen = judge(leads(dict.fromkeys(STANDARD, "poor"), "mains"))
    assert (seen["RL"].state, seen["RL"].cause) == ("poor", "mains")
    assert seen["RA"].state == "unknown"


def test_a_derived_difference_of_two_lost_leads_is_no_evidence() -> None:
    bad: dict[str, LeadState] = {"I": "off", "II": "off", "III": "off"}
    assert judge(leads(bad, derived=("III",)))["RA"].state == "off"
    assert judge(leads(bad, derived=("III",)))["LA"].state == "good"
    assert judge(leads(bad))["LA"].state == "off"


def test_one_lead_alone_accuses_nobody() -> None:
    alone = {"I": LeadVerdict(state="poor", probability_bad=0.9, causes={"mains": 0.2})}
    assert {one.state for one in judge(alone).values()} == {"unknown"}
    assert {one.cause for one in judge(alone).values()} == {"mains"}


@pytest.mark.parametrize(
    ("told", "signal", "state"),
    [
        ("off", "good", "off"),
        ("connected", "good", "good"),
        ("connected", "poor", "poor"),
        ("connected", "off", "poor"),
        ("unknown", "off", "off"),
    ],
)
def test_what_the_device_knows_goes_before_the_signal(
    told: ContactState, signal: LeadState, state: ElectrodeState
) -> None:
    bad: dict[str, LeadState] = {} if signal == "good" else {"V2": signal}
    seen = judge(leads(bad), {"V2": told})["V2"]
    assert seen.state == state
    assert seen.contact == ("signal" if told == "unknown" else "truth")


def test_a_known_loss_accuses_no_other_electrode() -> None:
    contact: dict[str, ContactState] = dict.fromkeys(ELECTRODES, "connected")
    contact["LA"] = contact["LL"] = "off"
    bad: dict[str, LeadState] = dict.fromkeys(spoilt_by(contact), "off")
    seen = judge(leads(bad, derived=("III",)), contact)
    assert seen["LA"].state == seen["LL"].state == "off"
    assert {seen[one].state for one in ELECTRODES if one not in ("LA", "LL")} == {"good"}


def test_the_neutral_electrode_spoils_all_and_the_arm_not_lead_ii() -> None:
    assert spoilt_by({"RL": "off"}) == frozenset(STANDARD)
    assert "II" not in spoilt_by({"LA": "off"})
    assert spoilt_by({"V3": "off"}) == {"V3"}
    assert spoilt_by({"RA": "connected"}) == frozenset()


def test_records_and_words_need_no_numpy() -> None:
    code = (
        "import sys, devicehub.ecg.advice, devicehub.ecg.leads, devicehub.ecg.verdict;"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
