"""Expected but absent: each cause is found where it is so, and the likeliest is told first."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import START, filed, pressure, weight

from devicehub.driver import Kind
from devicehub.journal.records import Filing, Lock, QuarantineReason, State, Visit
from devicehub.reading.clock import Stamp
from devicehub.reading.interval import Began
from devicehub.visit.even_clock import Even
from devicehub.visit.fence import Attributed, attribute
from devicehub.visit.plan import (
    LIKELIEST,
    Absent,
    Cause,
    Condition,
    NotFiled,
    RoomDevice,
    Snapshot,
    Trouble,
    absent,
    in_tray,
    not_filed,
)

LATER, BEFORE = START + timedelta(minutes=3), START - timedelta(minutes=3)
LONGEST = timedelta(seconds=90)
VISIT = Visit(id="v1", opened_at=START, plan=("blood_pressure", "body_weight"))
CUFF = RoomDevice("cuff", "Tensiomètre", frozenset[Kind]({"blood_pressure"}), on_radio=True)
SCALE = RoomDevice("scale", "Balance", frozenset[Kind]({"body_weight"}), on_radio=False)
READY = replace(CUFF, condition="waiting", heard_at=LATER)


def room(*devices: RoomDevice, **changes: Any) -> Snapshot:
    visit = VISIT.model_copy(update={"plan": ("blood_pressure",)})
    return replace(Snapshot(visit=visit, devices=devices, now=LATER), **changes)


def cause(snapshot: Snapshot) -> Cause:
    (one,) = absent(snapshot)
    return one.causes[0]


def in_state(state: State) -> Filing:
    return filed(pressure(120), at=LATER, state=state)


class TestTheDevices:
    def test_none_tells_this_kind(self) -> None:
        assert cause(room(SCALE)) == Cause("no_device")

    def test_one_that_was_never_heard_might_tell_it_where_no_other_does(self) -> None:
        unknown = replace(CUFF, name="Nouveau", tells=None)
        assert cause(room(SCALE, unknown)) == Cause("unknown_device", "Nouveau")
        (one,) = absent(room(READY, unknown))
        assert [each.device for each in one.causes] == ["Tensiomètre"]

    def test_it_was_not_heard_since_the_visit_was_opened(self) -> None:
        assert cause(room(CUFF)) == Cause("asleep", "Tensiomètre")
        heard_before = replace(CUFF, condition="waiting", heard_at=BEFORE)
        assert cause(room(heard_before)) == Cause("asleep", "Tensiomètre")

    def test_of_one_that_nobody_adopted_it_is_not_said_that_it_sleeps(self) -> None:
        unadopted = replace(CUFF, trouble="not_adopted")
        assert cause(room(unadopted)) == Cause("not_adopted", "Tensiomètre")
        unknown = replace(unadopted, tells=None)
        assert cause(room(SCALE, unknown)) == Cause("unknown_not_adopted", "Tensiomètre")

    def test_who_has_the_port_is_named(self) -> None:
        held = replace(SCALE, condition="lost", trouble="port_held", holder="minicom (pid 7)")
        visit = VISIT.model_copy(update={"plan": ("body_weight",)})
        told = cause(room(held, visit=visit))
        assert told == Cause("port_held", "Balance", "minicom (pid 7)")

    @pytest.mark.parametrize("trouble", get_args(Trouble))
    def test_it_cannot_be_talked_to(self, trouble: Trouble) -> None:
        held = replace(READY, condition="lost", trouble=trouble)
        assert cause(room(held)) == Cause(trouble, "Tensiomètre")

    def test_its_link_was_lost(self) -> None:
        assert cause(room(replace(READY, condition="lost"))) == Cause("link_lost", "Tensiomètre")

    def test_its_driver_has_failed(self) -> None:
        assert cause(room(replace(READY, condition="failed"))) == Cause(
            "device_failed", "Tensiomètre"
        )

    def test_no_radio_hears(self) -> None:
        assert cause(room(READY, radio_fault="switched_off")) == Cause(
            "radio_down", "Tensiomètre", "switched_off"
        )

    def test_a_dead_radio_does_not_hinder_a_wire(self) -> None:
        wired = replace(READY, on_radio=False, condition="connected")
        assert cause(room(wired, radio_fault="unplugged")) == Cause("not_measured", "Tensiomètre")

    @pytest.mark.parametrize("condition", ["not_seen", "waiting", "lost"])
    def test_a_wire_without_its_device(self, condition: Condition) -> None:
        wired = replace(CUFF, on_radio=False, condition=condition)
        assert cause(room(wired)) == Cause("unplugged", "Tensiomètre")

    @pytest.mark.parametrize("condition", ["waiting", "connecting", "connected"])
    def test_it_is_there_and_nothing_was_measured(self, condition: Condition) -> None:
        there = replace(READY, condition=condition)
        assert cause(room(there)) == Cause("not_measured", "Tensiomètre")

    def test_it_is_measuring(self) -> None:
        assert cause(room(replace(READY, condition="measuring"))) == Cause(
            "measuring", "Tensiomètre"
        )

    def test_it_could_not_measure_in_this_visit(self) -> None:
        failed = replace(READY, could_not_measure_at=LATER)
        (one,) = absent(room(failed))
        assert [each.code for each in one.causes] == ["could_not_measure", "not_measured"]
        long_ago = replace(READY, could_not_measure_at=BEFORE)
        assert cause(room(long_ago)).code == "not_measured"

    def test_of_two_devices_the_one_that_is_there_comes_first(self) -> None:
        other = replace(CUFF, id="cuff-2", name="Autre")
        (one,) = absent(room(other, READY))
        assert [(each.code, each.device) for each in one.causes] == [
            ("not_measured", "Tensiomètre"),
            ("asleep", "Autre"),
        ]


class TestWhatComesAlongside:
    def test_an_oximeter_that_has_measured_is_not_said_to_have_told_nothing(self) -> None:
        visit = VISIT.model_copy(update={"plan": ("heart_rate",)})
        kinds = frozenset[Kind]({"blood_pressure", "heart_rate"})
        there = replace(READY, tells=kinds, condition="connected")
        came = filed(pressure(120), at=LATER, state="filed", device="cuff")
        assert cause(room(there, visit=visit)).code == "not_measured"
        told = cause(room(there, visit=visit, filings=[came]))
        assert told == Cause("came_without", "Tensiomètre")
        other = filed(pressure(120), at=LATER, state="filed", device="another")
        assert cause(room(there, visit=visit, filings=[other])).code == "not_measured"

    def test_a_body_mass_index_waits_for_what_it_is_made_of(self) -> None:
        visit = VISIT.model_copy(update={"plan": ("body_mass_index",)})
        assert cause(room(SCALE, visit=visit)) == Cause("computed")


class TestTheVisit:
    def test_it_is_locked(self) -> None:
        locked = VISIT.model_copy(update={"locks": (Lock(since=LATER),), "plan": VISIT.plan[:1]})
        assert cause(room(READY, visit=locked)) == Cause("visit_locked")

    def test_the_reading_is_in_quarantine_when_it_came_and_why(self) -> None:
        held = filed(pressure(120), at=LATER, visit=None, state="quarantined", device="cuff")
        told = Cause("in_quarantine", "cuff", "no_visit", at=LATER)
        assert cause(room(READY, quarantined=[held])) == told

    @pytest.mark.parametrize(
        "held",
        [
            filed(weight("80"), at=LATER, visit=None, state="quarantined"),
            filed(pressure(120), at=BEFORE, visit=None, state="quarantined"),
        ],
        ids=["another kind", "of before"],
    )
    def test_what_else_is_in_quarantine_is_no_cause(self, held: Filing) -> None:
        assert cause(room(READY, quarantined=[held])).code == "not_measured"

    def test_the_last_one_was_rejected(self) -> None:
        assert cause(room(READY, filings=[in_state("rejected")])).code == "rejected"

    def test_of_what_cannot_be_it_is_not_said_that_nothing_came(self) -> None:
        (one,) = absent(room(READY, filings=[in_state("invalid")]))
        assert one.causes[0] == Cause("impossible", "device-1")

    def test_the_last_one_was_taken_back(self) -> None:
        gone = in_state("withdrawn")
        told = cause(room(READY, withdrawn=[gone]))
        assert told == Cause("withdrawn", "device-1", at=gone.attribution.at)
        another = filed(weight("80"), at=LATER, state="withdrawn")
        assert cause(room(READY, withdrawn=[another])).code == "not_measured"
        after = in_state("rejected").model_copy(update={"state_at": LATER + LONGEST})
        told = cause(room(READY, withdrawn=[gone], filings=[after]))
        assert told.code == "rejected", "it is no longer the last one"

    @pytest.mark.parametrize("state", ["to_review", "accepted", "published", "filed", "refused"])
    def test_what_has_come_is_not_absent(self, state: State) -> None:
        assert absent(room(READY, filings=[in_state(state)])) == ()

    @pytest.mark.parametrize("state", ["rejected", "invalid", "withdrawn"])
    def test_what_does_not_count_is_still_to_come(self, state: State) -> None:
        assert [one.kind for one in absent(room(READY, filings=[in_state(state)]))] == [
            "blood_pressure"
        ]

    def test_the_order_is_that_of_the_plan_and_nothing_unplanned_is_missed(self) -> None:
        everything = Snapshot(visit=VISIT, devices=[CUFF, SCALE], now=LATER)
        assert [one.kind for one in absent(everything)] == ["blood_pressure", "body_weight"]
        nothing = VISIT.model_copy(update={"plan": ()})
        assert absent(replace(everything, visit=nothing)) == ()


def late(seconds: int, reason: QuarantineReason = "before_visit", **changes: Any) -> Filing:
    """In the tray: it came so long after the visit was opened, and began up to `LONGEST` before it came."""
    at = START + timedelta(seconds=seconds)
    held = filed(pressure(120), at=at, visit=None, state="quarantined", device="cuff")
    began = Began(earliest=at - LONGEST, latest=at, known_from="arrival")
    reading = held.reading.model_copy(update={"began": began, **changes})
    attribution = held.attribution.model_copy(update={"quarantine": reason})
    return held.model_copy(update={"reading": reading, "attribution": attribution})


class TestInTheTray:
    @pytest.mark.parametrize("unlocked", [None, START + timedelta(seconds=40)])
    def test_from_when_on_a_new_measurement_counts(self, unlocked: datetime | None) -> None:
        locks = (Lock(since=START, until=unlocked),) if unlocked else ()
        visit = VISIT.model_copy(update={"locks": locks, "plan": VISIT.plan[:1]})
        held = late(48, "visit_locked" if unlocked else "before_visit")
        told = cause(room(READY, visit=visit, quarantined=[held], now=START))
        assert told.counts_from == (unlocked or START) + LONGEST
        # The fence says the same of one that begins then and lasts no time at all, the hardest case.
        again = Began(
            earliest=told.counts_from - LONGEST + timedelta(microseconds=1),
            latest=told.counts_from,
            known_from="arrival",
        )
        even = Even(START - timedelta(days=1), "restarted")
        said = attribute(again, told.counts_from, [visit], grace=timedelta(), even=even)
        assert said == Attributed("v1")

    def test_once_that_time_has_come_it_is_told_no_longer(self) -> None:
        held, over = late(48), START + LONGEST
        assert cause(room(READY, quarantined=[held], now=over)).counts_from is None

    @pytest.mark.parametrize("reason", ["unknown_time", "repeated_untimed", "clock_changed"])
    def test_where_waiting_does_not_help_no_time_is_told(self, reason: QuarantineReason) -> None:
        told = cause(room(READY, quarantined=[late(48, reason)], now=START))
        assert (told.detail, told.counts_from) == (reason, None)

    def test_while_the_visit_is_locked_nothing_counts_whenever_it_begins(self) -> None:
        locked = VISIT.model_copy(update={"locks": (Lock(since=START + timedelta(seconds=50)),)})
        told = in_tray(
            room(READY, visit=locked, quarantined=[late(48)], now=START), "blood_pressure"
        )
        assert told is not None
        assert told.counts_from is None

    def test_one_that_was_seen_beginning_says_nothing_of_the_next(self) -> None:
        paused = Began(earliest=BEFORE, latest=LATER, known_from="live_frames")
        held = late(48, began=paused)
        assert cause(room(READY, quarantined=[held], now=START)).counts_from is None

    def test_beside_a_value_a_later_one_is_told_and_an_earlier_one_is_not(self) -> None:
        came = in_state("filed")
        later = room(READY, filings=[came], quarantined=[late(200)])
        assert absent(later) == ()
        told = in_tray(later, "blood_pressure")
        assert told is not None
        assert (told.code, told.at) == ("in_quarantine", START + timedelta(seconds=200))
        assert in_tray(later, "body_weight") is None
        assert in_tray(room(filings=[came], quarantined=[late(100)]), "blood_pressure") is None

    def test_what_a_memory_tells_of_before_is_no_later_one(self) -> None:
        stamp = Stamp(device_time=None, corrected=BEFORE, offset_seconds=0.0, how="device_clock")
        of_before = late(200, "no_visit", stamp=stamp)
        shown = room(READY, filings=[in_state("filed")], quarantined=[of_before])
        assert in_tray(shown, "blood_pressure") is None

    def test_what_is_computed_after_it_does_not_hide_it(self) -> None:
        mean = filed(pressure(120), at=START + timedelta(seconds=300))
        derived = mean.reading.model_copy(update={"source": "derived"})
        shown = room(
            filings=[in_state("filed"), mean.model_copy(update={"reading": derived})],
            quarantined=[late(200)],
        )
        assert in_tray(shown, "blood_pressure") is not None


class TestNotFiled:
    def test_a_broker_that_is_down_is_no_cause_of_absence(self) -> None:
        down = room(READY, filings=[in_state("accepted")], broker_up=False)
        assert absent(down) == ()
        assert not_filed(down) == NotFiled("broker_down", 1)

    def test_a_dossier_that_is_silent(self) -> None:
        silent = room(READY, filings=[in_state("published")], broker_up=True, dossier_up=False)
        assert not_filed(silent) == NotFiled("dossier_silent", 1)

    def test_a_dossier_that_refused(self) -> None:
        refused = room(READY, filings=[in_state("refused")], broker_up=True, dossier_up=True)
        assert not_filed(refused) == NotFiled("refused", 1)

    def test_nothing_waits(self) -> None:
        assert not_filed(room(READY, filings=[in_state("filed")], broker_up=False)) is None
        assert not_filed(room(READY, filings=[in_state("accepted")])) is None


devices = st.builds(
    RoomDevice,
    st.just("d"),
    st.just("D"),
    st.sampled_from([None, *(frozenset[Kind]({kind}) for kind in VISIT.plan)]),
    st.booleans(),
    st.sampled_from(get_args(Condition)),
    st.sampled_from([None, *get_args(Trouble)]),
    st.sampled_from([None, BEFORE, LATER]),
    st.sampled_from([None, BEFORE, LATER]),
)


@given(st.lists(devices, max_size=4), st.sampled_from([None, "stuck"]), st.booleans())
def test_what_is_absent_always_has_a_cause_and_the_order_holds(
    several: list[RoomDevice], fault: str | None, locked: bool
) -> None:
    locks = (Lock(since=START),) if locked else ()
    visit = VISIT.model_copy(update={"locks": locks})
    found: tuple[Absent, ...] = absent(
        Snapshot(visit=visit, devices=several, now=LATER, radio_fault=fault)
    )
    assert [one.kind for one in found] == list(VISIT.plan)
    for one in found:
        ranks = [LIKELIEST[each.code] for each in one.causes]
        assert ranks
        assert all(first <= second for first, second in itertools.pairwise(ranks))
