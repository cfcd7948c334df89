"""Every cause, notice, doubt and step has its words in both languages, and none speaks of a patient's health."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import get_args
from uuid import uuid4

import pytest
from invented import START, filed, pressure, weight

from devicehub.devices.adoption import (
    Candidate,
    Challenge,
    NotAdopted,
    Sorted,
    Stage,
    Standing,
)
from devicehub.devices.binding import BleBinding
from devicehub.devices.commissioning import Double
from devicehub.devices.upkeep import Matter, Notice
from devicehub.journal.records import QuarantineReason
from devicehub.reading.derivation import Arm, Member, Posture
from devicehub.reading.metrology import Check, Checked, Metrology
from devicehub.station import telling
from devicehub.station.words import LANGUAGES, Language, Words
from devicehub.visit import series as the
from devicehub.visit.course import Act, look
from devicehub.visit.earlier import Doubt
from devicehub.visit.gate import Hold
from devicehub.visit.plan import Cause, CauseCode, NotFiled, NotFiledCode, Trouble
from devicehub.visit.series import SeriesRules

SPOKEN = pytest.mark.parametrize("language", LANGUAGES)
DAY = date(2026, 11, 22)


@SPOKEN
@pytest.mark.parametrize("code", get_args(CauseCode))
def test_every_cause_names_the_next_act(language: Language, code: CauseCode) -> None:
    detail = "before_visit" if code == "in_quarantine" else None
    for counts_from in (None, START):
        why = Cause(code, "Balance", detail, at=START, counts_from=counts_from)
        told = telling.cause(Words(language), why)
        assert told.what.endswith(".")
        assert told.act.endswith(".")
        assert "{" not in told.what + told.act


@SPOKEN
@pytest.mark.parametrize("reason", get_args(QuarantineReason))
def test_what_lies_in_the_tray_has_its_time_its_reason_and_what_works(
    language: Language, reason: QuarantineReason
) -> None:
    words, again = Words(language), START + timedelta(seconds=90)
    why = Cause("in_quarantine", "cuff", reason, at=START)
    told, waits = (telling.cause(words, one) for one in (why, replace(why, counts_from=again)))
    assert words.clock(START) in told.what
    assert words(f"reason.{reason}")[1:] in told.what
    assert {"fr": "à attribuer", "en": "to assign"}[language] in told.act
    assert words.clock(again) not in told.act
    assert words.clock(again) in waits.act


@SPOKEN
@pytest.mark.parametrize("why", get_args(Trouble))
@pytest.mark.parametrize("holder", [None, "minicom (pid 7)"])
def test_what_keeps_a_device_from_being_read_is_said_on_its_row(
    language: Language, why: Trouble, holder: str | None
) -> None:
    told = telling.trouble(Words(language), why, "Balance", holder)
    assert told.endswith(".")
    assert "{" not in told
    assert ("minicom" in told) == (holder is not None and why in {"port_held", "port_shared"})


@SPOKEN
@pytest.mark.parametrize("code", get_args(NotFiledCode))
@pytest.mark.parametrize("count", [1, 3])
def test_what_is_not_filed_is_never_measured_again(
    language: Language, code: NotFiledCode, count: int
) -> None:
    told = telling.not_filed(Words(language), NotFiled(code, count))
    assert str(count) in told.what
    assert told.act.startswith({"fr": "Ne refaites pas", "en": "Do not measure again"}[language])


@SPOKEN
@pytest.mark.parametrize("matter", get_args(Matter))
@pytest.mark.parametrize("check", get_args(Check))
def test_every_notice_of_a_device(language: Language, matter: Matter, check: Check) -> None:
    words = Words(language)
    plain = telling.notice(words, Notice(matter, check, DAY))
    blocking = telling.notice(words, Notice(matter, check, DAY, blocks=True))
    assert blocking == f"{plain} {words('notice.blocks')}"
    assert ("22" in plain) == (matter in {"check_due_soon", "check_overdue"})


@SPOKEN
@pytest.mark.parametrize(
    "code",
    [
        *get_args(Doubt),
        "metrology_lapsed",
        "unattended",
        "unusual",
        "half_a_pressure",
        "not_automatic",
    ],
)
def test_a_doubt_asks_and_never_judges(language: Language, code: str) -> None:
    text = telling.doubt(Words(language), code).lower()
    assert "normal" not in text  # "anormal" and "abnormal" too
    if code == "nothing_to_compare":
        return  # it is asked while it is so, and is over by then
    fact = telling.doubt(Words(language), code, is_fact=True).lower().rstrip(".")
    assert text.startswith(fact)
    assert not re.search("confirm|compar|check that|vérifiez", fact)


@SPOKEN
def test_every_step_of_a_series_is_told(language: Language) -> None:
    words = Words(language)
    series = the.begin(uuid4(), "v1", START, SeriesRules(), arm="left", posture="seated")
    at_rest = look(series, {}, START)
    for act in get_args(Act):
        seen = replace(at_rest, act=act, proposed_arm="right", number=2, minute=1)
        told = telling.course(words, series, seen, START + timedelta(hours=1))
        assert told == words(
            f"series.{act}",
            arm=words("arm.left"),
            other=words("arm.right"),
            proposed=words("arm.right"),
            number=2,
            count=3,
            minute=1,
        )
    early = replace(at_rest, act="measure", due_at=START + timedelta(seconds=30))
    assert telling.course(words, series, early, START) == words("series.wait")
    assert telling.course(words, series, at_rest, START) == words(
        "series.rest", arm="", other="", proposed="", number=None, count=3, minute=None
    )


@SPOKEN
def test_a_pause_says_which_arm_comes_next(language: Language) -> None:
    """It is used to move the cuff; what is there to read is not a wait beside two buttons without a question."""
    words, rules = Words(language), SeriesRules(both_arms=True)
    series = the.begin(uuid4(), "v1", START, rules, arm="left", posture="seated")
    soon = replace(look(series, {}, START), due_at=START + timedelta(seconds=30))
    told = telling.course(words, series, replace(soon, act="other_arm"), START)
    assert words("arm.right") in told
    assert told.startswith("Pause")
    later = START + timedelta(hours=1)
    after = telling.course(words, series, replace(soon, act="other_arm"), later)
    assert words("arm.right") in after
    assert not after.startswith("Pause")
    moved = the.put_cuff_on(series, "right", START)
    for act in ("measure_arm", "measure"):
        assert words("arm.right") in telling.course(words, moved, replace(soon, act=act), START)


@SPOKEN
@pytest.mark.parametrize("count", [1, 2])
def test_a_mean_that_is_not_there_says_what_is_missing_and_what_to_do(
    language: Language, count: int
) -> None:
    words = Words(language)
    series = the.begin(uuid4(), "v1", START, SeriesRules(), arm="left", posture="seated")
    seen = replace(look(series, {}, START), lacking=count)
    again = {"fr": "nouvelle série", "en": "new series"}[language]
    place_free = telling.no_mean(words, series, seen)
    assert place_free is not None
    assert str(count) in place_free
    assert again not in place_free
    for over in (the.end(series, START), the.stand_up(series, START)):
        told = telling.no_mean(words, over, seen)
        assert told is not None
        assert told.startswith(place_free)
        assert again in told
    assert telling.no_mean(words, series, replace(seen, lacking=0)) is None


@SPOKEN
def test_what_a_series_does_not_count_says_when_it_came(language: Language) -> None:
    for purpose in ("resting", "after"):
        told = Words(language)(f"series.aside.{purpose}", value="151/93")
        assert "151/93" in told
        assert {"fr": "ne compte pas", "en": "does not count"}[language] in told


@SPOKEN
@pytest.mark.parametrize("arm", [None, *get_args(Arm)])
@pytest.mark.parametrize("posture", get_args(Posture))
def test_every_label(language: Language, arm: Arm | None, posture: Posture) -> None:
    member = Member(reading=uuid4(), arm=arm, posture=posture, minute=3)
    parts = telling.label(Words(language), member).split(", ")
    assert len(parts) == (3 if arm else 2)
    assert parts[-1] == "3 min"


@SPOKEN
def test_every_double_and_every_stage_of_an_adoption(language: Language) -> None:
    words, scale = Words(language), BleBinding("scale", "Balance", None, "TEST")
    doubles: list[Standing] = ["look_alike", "not_adopted"]
    for standing in doubles:
        double = Double(Sorted(standing, scale), "c0:00:00:00:0a:2f", START)
        told = telling.double(words, double)
        assert "Balance" in told
        assert "0A:2F" in told, "as its label has it: two of one model are told apart"
    heard = Candidate("c0:00:00:00:0a:2f", "TEST-SCALE 3", START)
    challenge = Challenge("scale", "4711", "tina", START, frozenset(), (heard,))
    for stage in get_args(Stage):
        told = telling.adoption(words, challenge, stage)
        assert ("4711" in told) == (stage in {"waiting", "proposed"})
        shown = "TEST-SCALE 3" in told and "0A:2F" in told
        assert shown == (stage in {"proposed", "ambiguous"}), "what was heard, as its label has it"
        assert "donnez le code" not in told, "the page has no field for a code"
    for why in ("wrong_code", "nothing_woke", "ambiguous", "over"):
        assert telling.not_adopted(words, NotAdopted(why))


@pytest.mark.parametrize(
    ("checked", "said"),
    [
        (Checked(check="verification", standing="missing"), "Aucune trace"),
        (Checked(check="verification", standing="overdue", due=DAY), "échu depuis le 22/11/2026"),
        (
            Checked(check="verification", standing="failed", done_on=DAY, due=DAY),
            "refusé à son contrôle du 22/11/2026",
        ),
    ],
)
def test_what_lapsed_is_said_as_it_is_and_once(checked: Checked, said: str) -> None:
    good = Checked(check="calibration", standing="due_soon", due=DAY)
    metrology = Metrology(checks=(good, checked), lapsed=True, blocks=True)
    words = Words("fr")
    held = telling.hold(words, "metrology_lapsed", metrology)
    assert said in held
    assert "vérification périodique" in held
    assert "médecin" in held
    assert ("échu" in held) == (checked.standing == "overdue")
    reading = filed(weight("80"), at=START).reading.model_copy(update={"metrology": metrology})
    assert telling.flags(words, reading, None, "metrology_lapsed") == ()
    (warning,) = telling.flags(words, reading, None)
    assert held.startswith(warning)


def test_a_mode_that_needs_an_operator_is_said_to_whoever_may_accept_too() -> None:
    words = Words("fr")
    reading = filed(pressure(128), at=START).reading.model_copy(update={"automatic": False})
    (warning,) = telling.flags(words, reading, None)
    assert "Mode non entièrement automatique" in warning
    assert telling.flags(words, reading, None, "not_automatic") == (), "the hold says it there"
    assert telling.mode(words, reading) == "Mode non entièrement automatique."
    assert telling.mode(words, reading, "not_automatic") is None
    assert telling.mode(words, reading.model_copy(update={"automatic": True})) is None


@SPOKEN
@pytest.mark.parametrize("code", get_args(Hold))
def test_every_hold_names_the_physician(language: Language, code: Hold) -> None:
    told = telling.hold(Words(language), code)
    assert {"fr": "médecin", "en": "physician"}[language] in told
