"""When a preparation is ready, what it took, and what is filed of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devicehub.ecg.leads import ELECTRODES, STANDARD
from devicehub.ecg.preparation import (
    MDC_EVT_LEAD_NOISY,
    MDC_EVT_LEAD_OFF,
    MDC_EVT_LEADS_OFF,
    MDC_EVT_SIG_QUALITY,
    REMOVAL,
    STANDS,
    Preparation,
    codes_of,
    is_ready,
    nothing_touches,
)
from devicehub.ecg.verdict import Cause, ElectrodeVerdict, LeadVerdict, Verdict

BEGAN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def verdict(**changes: Any) -> Verdict:
    """All good and firm, but for what is said."""
    electrodes = {name: ElectrodeVerdict(state="good", contact="truth") for name in ELECTRODES}
    for name, state in changes.pop("electrodes", {}).items():
        cause: Cause | None = None if state == "good" else "off" if state == "off" else "mains"
        electrodes[name] = ElectrodeVerdict(state=state, cause=cause, contact="truth")
    leads = {name: LeadVerdict(state="good", probability_bad=0.1) for name in STANDARD}
    leads |= changes.pop("leads", {})
    ready = all(one.state == "good" for one in electrodes.values())
    known: dict[str, Any] = {
        "at": 20.0,
        "seconds": 10.0,
        "firm": ready,
        "ready": ready,
        "probability_bad": 0.1,
        "leads": leads,
        "electrodes": electrodes,
        "swap_visible": True,
    }
    return Verdict(**known | changes)


def poor(cause: str, value: float) -> LeadVerdict:
    return LeadVerdict(state="poor", probability_bad=0.9, causes={cause: value})  # type: ignore[dict-item]  # a cause


ALL_OFF = dict.fromkeys(ELECTRODES, "off")


@pytest.mark.parametrize(
    "not_yet", [{"firm": False}, {"frozen": True}, {"ready": False}, {"swap": "RA/LL"}]
)
def test_only_what_is_firm_of_now_and_not_exchanged_is_ready(not_yet: dict[str, Any]) -> None:
    assert is_ready(verdict())
    assert not is_ready(verdict(**not_yet))


def test_it_begins_when_something_touches_not_when_the_front_end_was_switched_on() -> None:
    preparation = Preparation(BEGAN)
    for second in range(0, 600, 10):
        preparation.see(verdict(electrodes=ALL_OFF), at(second))
    preparation.see(verdict(electrodes=ALL_OFF | {"RA": "good"}), at(595))
    assert preparation.began == at(590)
    preparation.see(verdict(), at(640))
    assert preparation.began == at(590)
    ended = preparation.end(at(650))
    assert ended is not None
    assert ended.measurement.ready
    assert ended.measurement.duration_seconds == 50
    assert ended.at == at(650)


def test_an_electrode_that_was_seen_to_again_is_a_retry_and_the_first_touch_is_none() -> None:
    preparation = Preparation(BEGAN)
    for second, state in enumerate(["off", "off", "good", "off", "off", "good", "poor", "good"]):
        preparation.see(verdict(electrodes={"V3": state}), at(second))
    assert preparation.retries == 2


def test_what_is_filed_says_every_electrode_lead_and_cause() -> None:
    preparation = Preparation(BEGAN)
    preparation.see(
        verdict(
            electrodes={"V3": "off"},
            leads={"V3": LeadVerdict(state="off", probability_bad=1.0, causes={"off": 1.0})},
        ),
        at(5),
    )
    ended = preparation.end(at(8))
    assert ended is not None
    filed = ended.measurement
    assert not filed.ready
    assert filed.electrodes["V3"] == "off"
    assert filed.leads["V3"] == "off"
    assert filed.causes == ("off",)
    assert filed.mdc_codes == (MDC_EVT_LEAD_OFF,)
    assert filed.duration_seconds == 8


def test_nothing_is_filed_before_a_lead_was_judged() -> None:
    preparation = Preparation(BEGAN)
    assert preparation.end(at(1)) is None
    preparation.see(verdict(leads={}).model_copy(update={"leads": {}}), at(1))
    assert preparation.end(at(2)) is None


def test_a_ready_one_is_filed_by_itself_when_the_clips_come_off() -> None:
    preparation = Preparation(BEGAN)
    for second in range(20, 31):
        preparation.see(verdict(), at(second))
    preparation.see(verdict(electrodes={"RA": "off"}), at(40))
    preparation.see(verdict(electrodes=ALL_OFF), at(45))
    ended = preparation.end_by_itself(at(60))
    assert ended is not None
    assert ended.measurement.ready
    assert ended.at == at(30)
    assert ended.measurement.duration_seconds == 20
    assert preparation.end_by_itself(at(30) + REMOVAL + timedelta(seconds=1)) is None


def test_one_that_was_never_ready_for_long_is_not_filed_by_itself() -> None:
    preparation = Preparation(BEGAN)
    preparation.see(verdict(), at(20))
    preparation.see(verdict(), at(20) + STANDS - timedelta(seconds=1))
    preparation.see(verdict(electrodes={"V1": "poor"}), at(26))
    preparation.see(verdict(), at(27))
    assert preparation.end_by_itself(at(28)) is None


def test_a_check_that_begins_anew_takes_ready_back_and_keeps_the_count() -> None:
    preparation = Preparation(BEGAN)
    for second, state in enumerate(["good", "poor", "good"]):
        preparation.see(verdict(electrodes={"V3": state}), at(second))
    preparation.forget()
    assert preparation.ready_since is None
    assert preparation.verdict is None
    assert preparation.retries == 1


def test_nothing_touches_is_the_devices_word_before_the_signals() -> None:
    flat = {name: LeadVerdict(state="off", probability_bad=1.0) for name in STANDARD}
    assert nothing_touches(verdict(electrodes=ALL_OFF))
    assert not nothing_touches(verdict(leads=flat))
    signal = verdict(leads=flat).model_copy(update={"electrodes": {}})
    assert nothing_touches(signal)
    assert not nothing_touches(verdict())


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        ({}, ()),
        ({"electrodes": {"V3": "off", "RA": "off"}}, (MDC_EVT_LEADS_OFF,)),
        ({"leads": {"II": poor("mains", 0.2)}}, (MDC_EVT_LEAD_NOISY,)),
        ({"leads": {"II": poor("weak", 0.01)}}, (MDC_EVT_SIG_QUALITY,)),
        ({"swap": "RA/LL"}, (MDC_EVT_SIG_QUALITY,)),
        (
            {"electrodes": {"V1": "off"}, "leads": {"II": poor("muscle", 0.1)}},
            (MDC_EVT_LEAD_NOISY, MDC_EVT_LEAD_OFF),
        ),
    ],
)
def test_codes_say_what_there_are_codes_for(found: dict[str, Any], codes: tuple[int, ...]) -> None:
    assert codes_of(verdict(**found)) == codes
