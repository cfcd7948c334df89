"""A blood-pressure series, on invented readings: every step is told in time, and the mean is of the right ones."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta
from decimal import Decimal
from typing import get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import LASTS, START, filed, pressure
from pydantic import ValidationError

from devicehub.journal.records import Filing, State
from devicehub.reading.derivation import Arm, Posture
from devicehub.reading.interval import Began
from devicehub.visit import series as the
from devicehub.visit.course import Course, derivation, look
from devicehub.visit.series import Series, SeriesRules

CUFF_SECONDS = LASTS.total_seconds()


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def measured(
    systolic: int | None,
    diastolic: int | None = 80,
    *,
    at: datetime,
    visit: str = "v1",
    device: str = "cuff",
) -> Filing:
    return filed(pressure(systolic, diastolic), at=at, visit=visit, device=device)


class Room:
    """A series, the visit's filings, and a clock."""

    def __init__(self, *, arm: Arm | None = "left", **rules: object) -> None:
        self.series = the.begin(
            uuid4(), "v1", START, SeriesRules.model_validate(rules), arm=arm, posture="seated"
        )
        self.filings: dict[UUID, Filing] = {}
        self.now = START

    def measured(self, filing: Filing) -> UUID:
        self.now = max(self.now, filing.reading.received_at)
        self.filings[filing.reading.id] = filing
        self.series = the.take(self.series, filing, self.filings)
        return filing.reading.id

    def measures(self, systolic: int, diastolic: int = 80) -> UUID:
        """Press the button as soon as the countdown allows it."""
        due = self.course().due_at or self.now
        begin = max(self.now, due)
        end = begin + seconds(CUFF_SECONDS)
        return self.measured(measured(systolic, diastolic, at=end))

    def become(self, reading: UUID, state: State) -> None:
        self.filings[reading] = self.filings[reading].model_copy(update={"state": state})

    def says(self, reading: UUID, arm: Arm, posture: Posture) -> None:
        """The operator corrects where a reading was taken."""
        self.series = the.relabel(self.series, reading, self.filings, arm=arm, posture=posture)

    def course(self) -> Course:
        return look(self.series, self.filings, self.now)

    def rested(self) -> Room:
        self.now = self.series.rest_over_at
        return self

    def tells_late(self, systolic: int, *, began: datetime) -> UUID:
        """The cuff's memory tells now what it measured before, and when that began."""
        filing = measured(systolic, at=self.now)
        known = Began(earliest=began - seconds(1), latest=began, known_from="device_clock")
        reading = filing.reading.model_copy(update={"began": known})
        return self.measured(filing.model_copy(update={"reading": reading}))


class TestTheCourse:
    def test_the_rest_comes_first_and_counts_down(self) -> None:
        room = Room(rest_seconds=300)
        assert (room.course().act, room.course().due_at) == ("rest", START + seconds(300))
        assert room.rested().course().act == "measure"

    def test_the_rest_can_be_cut_short(self) -> None:
        room = Room(rest_seconds=300)
        room.series = the.cut_rest(room.series, START + seconds(20))
        room.now = START + seconds(20)
        assert room.course().act == "measure"

    def test_three_a_minute_apart_and_the_mean_of_the_last_two(self) -> None:
        room = Room().rested()
        acts, dues = [], []
        for systolic in (150, 140, 131):
            acts.append((room.course().act, room.course().number, room.course().count))
            dues.append(room.course().due_at)
            assert room.course().mean is None
            room.measures(systolic)
        assert acts == [("measure", 1, 3), ("measure", 2, 3), ("measure", 3, 3)]
        assert dues[1] == START + seconds(300 + CUFF_SECONDS + 60)
        course = room.course()
        assert course.act == "done"
        assert course.mean is not None
        # 135.5 lies between 135 and 136: half to even.
        assert course.mean.measurement.systolic_mmhg == Decimal(136)
        assert course.mean.deviation == {
            "systolic_mmhg": Decimal("6.4"),
            "diastolic_mmhg": Decimal("0.0"),
            "pulse_per_minute": Decimal("0.0"),
        }
        assert [member.counted for member in course.members] == [False, True, True]

    def test_the_first_is_left_out_where_the_practice_says_so(self) -> None:
        room = Room(count=3, mean_of_last=2, leave_out_first=True).rested()
        for systolic in (200, 120, 130):
            room.measures(systolic)
        mean = room.course().mean
        assert mean is not None
        assert mean.measurement.systolic_mmhg == Decimal(125)
        with pytest.raises(ValidationError):
            SeriesRules(count=2, mean_of_last=2, leave_out_first=True)

    def test_a_rejected_one_leaves_its_place_free(self) -> None:
        room = Room().rested()
        room.measures(150)
        second = room.measures(90)
        room.measures(140)
        assert room.course().act == "done"
        room.become(second, "rejected")
        assert (room.course().act, room.course().number, room.course().mean) == ("measure", 3, None)
        room.measures(130)
        mean = room.course().mean
        assert mean is not None
        assert mean.measurement.systolic_mmhg == Decimal(135)

    @pytest.mark.parametrize("state", ["rejected", "withdrawn", "invalid", "discarded", "refused"])
    def test_what_does_not_stand_does_not_count(self, state: State) -> None:
        room = Room(count=2).rested()
        first = room.measures(150)
        room.measures(140)
        room.become(first, state)
        assert room.course().mean is None

    def test_the_mean_is_settled_only_once_every_member_is_accepted(self) -> None:
        room = Room(count=2).rested()
        first, _second = room.measures(150), room.measures(140)
        room.become(first, "to_review")
        assert room.course().mean is not None
        assert not room.course().settled
        room.become(first, "filed")
        assert room.course().settled

    def test_a_measurement_during_the_rest_does_not_count(self) -> None:
        room = Room(count=1, mean_of_last=1)
        room.measured(measured(180, at=START + seconds(60)))
        room.rested()
        assert (room.course().act, room.course().members) == ("measure", ())

    def test_a_failed_measurement_does_not_count(self) -> None:
        room = Room(count=1, mean_of_last=1).rested()
        room.measured(measured(None, None, at=room.now + seconds(40)))
        assert room.course().act == "measure"

    def test_too_early_is_said_and_counts(self) -> None:
        room = Room(count=2).rested()
        room.measures(150)
        room.measured(measured(140, at=room.now + seconds(10 + CUFF_SECONDS)))
        assert [one.early for one in room.series.taken] == [False, True]
        assert room.course().mean is not None

    @pytest.mark.parametrize("device", ["cuff", "another-makers-cuff"])
    def test_any_cuff_will_do(self, device: str) -> None:
        room = Room(count=1, mean_of_last=1).rested()
        room.measured(measured(120, at=room.now + seconds(40), device=device))
        assert room.course().mean is not None

    def test_another_patients_reading_is_none_of_its_business(self) -> None:
        room = Room(count=1, mean_of_last=1).rested()
        room.measured(measured(120, at=room.now + seconds(40), visit="v2"))
        assert room.series.taken == ()

    def test_a_reading_that_leaves_the_visit_leaves_the_mean(self) -> None:
        room = Room(count=1, mean_of_last=1).rested()
        reading = room.measures(120)
        filing = room.filings[reading]
        moved = filing.attribution.model_copy(update={"visit": "v2", "revision": 2})
        room.filings[reading] = filing.model_copy(update={"attribution": moved})
        assert room.course().mean is None

    def test_the_same_reading_is_taken_once(self) -> None:
        room = Room(count=2).rested()
        filing = measured(120, at=room.now + seconds(40))
        room.measured(filing)
        room.measured(filing)
        assert len(room.series.taken) == 1

    def test_nothing_is_taken_after_its_end(self) -> None:
        room = Room().rested()
        room.series = the.end(room.series, room.now)
        room.measures(120)
        assert (room.course().act, room.series.taken) == ("done", ())


class TestOnceItIsDone:
    def done(self, arm: Arm | None = "left", **rules: object) -> tuple[Room, list[UUID]]:
        room = Room(arm=arm, **rules).rested()
        return room, [room.measures(systolic) for systolic in (150, 140, 131)]

    def test_a_later_reading_stands_alone_and_the_mean_stays(self) -> None:
        room, readings = self.done()
        done = room.course()
        for systolic in (200, 90, 180):
            room.measures(systolic)
        after = room.course()
        assert (after.act, after.mean, after.members) == ("done", done.mean, done.members)
        assert [member.reading for member in after.members] == readings

    @pytest.mark.parametrize("state", ["rejected", "withdrawn"])
    def test_a_member_that_falls_out_asks_for_one_and_never_takes_a_later_one_back(
        self, state: State
    ) -> None:
        room, (first, second, third) = self.done()
        alone = room.measures(200)
        room.become(second, state)
        course = room.course()
        assert (course.act, course.number, course.mean) == ("measure", 3, None)
        room.measured(room.filings[alone])  # it is seen again each time the visit is looked at
        assert room.course().act == "measure"
        again = room.measures(121)
        course = room.course()
        assert course.act == "done"
        assert [member.reading for member in course.members] == [first, third, again]
        assert course.mean is not None
        assert course.mean.members == (third, again)
        room.measures(200)
        assert room.course() == course

    def test_one_that_still_waits_to_be_reviewed_keeps_its_place(self) -> None:
        room, (_first, second, third) = self.done()
        room.become(third, "to_review")
        room.measures(200)
        mean = room.course().mean
        assert mean is not None
        assert mean.members == (second, third)

    def test_both_arms_then_the_series_and_no_more(self) -> None:
        room = Room(both_arms=True, count=2, arm="left").rested()
        room.measures(128)
        room.series = the.put_cuff_on(room.series, "right", room.now)
        room.measures(140)
        room.series = the.choose_arm(room.series, "right", room.now)
        room.measures(138)
        room.measures(136)
        done = room.course()
        assert (done.act, len(done.members)) == ("done", 4)
        room.measures(200)
        assert room.course() == done

    def test_what_comes_before_standing_up_is_said_is_no_seated_member(self) -> None:
        room, readings = self.done(standing_minutes=(1,))
        assert room.course().act == "stand_up"
        room.measures(100)
        course = room.course()
        assert (course.act, [one.reading for one in course.members]) == ("stand_up", readings)

    def test_after_the_last_standing_minute_nothing_more_is_a_member(self) -> None:
        room, readings = self.done(standing_minutes=(1,))
        room.series = the.stand_up(room.series, room.now)
        standing = room.measures(118)
        done = room.course()
        assert (done.act, done.members[-1].minute) == ("done", 1)
        room.measures(200)
        after = room.course()
        assert (after.act, after.mean) == ("done", done.mean)
        assert [member.reading for member in after.members] == [*readings, standing]


class TestBothArms:
    def test_each_arm_then_the_higher_is_proposed_and_the_person_chooses(self) -> None:
        room = Room(both_arms=True, count=2, arm="left").rested()
        assert room.course().act == "measure_arm"
        room.measures(128)
        assert room.course().act == "other_arm"
        room.series = the.put_cuff_on(room.series, "right", room.now)
        assert room.course().act == "measure_arm"
        room.measures(140)
        assert (room.course().act, room.course().proposed_arm) == ("choose_arm", "right")
        room.series = the.choose_arm(room.series, "left", room.now)
        for systolic in (130, 126):
            assert room.course().act == "measure"
            room.measures(systolic)
        course = room.course()
        assert course.act == "done"
        assert [(m.arm, m.counted) for m in course.members] == [
            ("left", False),
            ("right", False),
            ("left", True),
            ("left", True),
        ]

    def test_an_arm_nobody_named_is_never_guessed(self) -> None:
        room = Room(both_arms=True, arm="left").rested()
        room.measures(128)
        room.measures(140)  # the person forgot to say that the cuff has moved
        assert room.course().act == "other_arm"
        first, second = (one.reading for one in room.series.taken)
        room.says(second, "right", "seated")
        assert room.course().act == "choose_arm"
        assert first != second
        room.says(second, "right", "standing")
        assert room.course().act == "other_arm", "arms are compared in one posture"

    def test_it_cannot_begin_without_knowing_where_the_cuff_is(self) -> None:
        with pytest.raises(ValueError, match="which arm"):
            Room(both_arms=True, arm=None)

    def test_a_mean_never_mixes_arms(self) -> None:
        room = Room(count=2, arm="left").rested()
        room.measures(150)
        room.series = the.put_cuff_on(room.series, "right", room.now)
        room.measures(120)
        assert (room.course().mean, room.course().number) == (None, 2)


LABELS = st.tuples(st.sampled_from(get_args(Arm)), st.sampled_from(get_args(Posture)))


class TestCorrecting:
    def taken(self, *systolic: int) -> tuple[Room, list[UUID]]:
        room = Room(count=len(systolic), mean_of_last=1, arm="left").rested()
        return room, [room.measures(one) for one in systolic]

    def test_one_on_the_other_arm_leaves_its_place_free_until_it_is_said_to_be_right(self) -> None:
        room, (_, _, last) = self.taken(150, 140, 130)
        before = room.course()
        room.says(last, "right", "seated")
        course = room.course()
        assert (course.act, course.number, course.mean) == ("measure", 3, None)
        assert [m.arm for m in course.members] == ["left", "left", "right"]
        assert room.series.arm == "left"
        room.says(last, "left", "seated")
        assert room.course() == before

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
    def test_a_cuff_that_was_on_the_other_arm_all_along_takes_the_series_there(
        self, order: tuple[int, ...]
    ) -> None:
        room, readings = self.taken(150, 140, 130)
        before = room.course().mean
        for one in order:
            room.says(readings[one], "right", "seated")
        assert room.series.arm == "right"
        assert room.course().mean == before, "the values are what they were"
        assert [m.arm for m in room.course().members] == ["right"] * 3

    def test_one_that_no_longer_stands_holds_the_others_back_from_nothing(self) -> None:
        room, (first, second) = self.taken(150, 140)
        room.become(first, "rejected")
        room.says(second, "right", "seated")
        assert room.series.arm == "right"

    def test_a_mean_that_goes_says_how_many_measurements_are_lacking(self) -> None:
        room, (first, _, last) = self.taken(150, 140, 130)
        assert room.course().lacking == 0
        room.says(last, "right", "seated")
        assert (room.course().act, room.course().lacking) == ("measure", 1)
        room.become(first, "withdrawn")
        assert room.course().lacking == 2
        room.become(first, "accepted")
        room.measures(128)
        assert room.course().lacking == 0

    def test_a_series_that_has_not_come_so_far_lacks_nothing(self) -> None:
        room = Room().rested()
        room.measures(150)
        room.series = the.end(room.series, room.now)
        assert room.course().lacking == 0, "it was stopped: nobody waits for its mean"

    @pytest.mark.parametrize("ends", [True, False])
    def test_past_its_end_or_its_standing_a_series_takes_no_other(self, *, ends: bool) -> None:
        room, (_, _, last) = self.taken(150, 140, 130)
        room.series = (the.end if ends else the.stand_up)(room.series, room.now)
        room.become(last, "rejected")
        assert (room.course().act, room.course().lacking) == ("done", 1)
        room.measures(128)
        assert room.course().lacking == 1

    def test_what_came_during_the_rest_or_after_all_stands_aside(self) -> None:
        room = Room(count=1, mean_of_last=1)
        early = room.measured(measured(160, at=START + seconds(50)))
        room.rested().measures(150)
        late = room.measures(140)
        beside = [(one.reading, one.purpose) for one in the.aside_of(room.series, room.filings)]
        assert beside == [(early, "resting"), (late, "after")]
        room.become(early, "rejected")
        assert [one.reading for one in the.aside_of(room.series, room.filings)] == [late]

    def test_a_series_never_goes_on_standing(self) -> None:
        room, (only,) = self.taken(150)
        room.says(only, "left", "standing")
        assert (room.series.posture, room.course().act) == ("seated", "measure")

    @given(said=st.lists(st.tuples(st.integers(0, 2), LABELS), max_size=12))
    def test_a_mean_has_one_label_and_what_is_taken_back_was_never_said(
        self, said: list[tuple[int, tuple[Arm, Posture]]]
    ) -> None:
        room, readings = self.taken(150, 140, 130)
        before = room.series
        for which, (arm, posture) in said:
            room.says(readings[which], arm, posture)
            counted = {(m.arm, m.posture) for m in room.course().members if m.counted}
            assert counted <= {(room.series.arm, room.series.posture)}
            assert room.series.posture != "standing"
        for one in readings:
            room.says(one, "left", "seated")
        assert room.series == before


class TestToldLate:
    """A link is lost, the cuff keeps what it measured and tells it when something else has been said."""

    def test_a_second_left_told_after_the_cuff_went_right_is_left(self) -> None:
        room = Room(both_arms=True, arm="left").rested()
        room.measures(150)
        again = room.now + seconds(60)
        room.now = again + seconds(80)
        room.series = the.put_cuff_on(room.series, "right", room.now)
        room.now += seconds(30)
        room.tells_late(149, began=again)
        assert [member.arm for member in room.course().members] == ["left", "left"]
        assert room.course().act == "measure_arm", "the right one was never measured"
        room.measures(140)
        assert room.course().act == "choose_arm"

    def test_of_a_cuff_that_went_to_and_fro_each_has_the_arm_of_its_beginning(self) -> None:
        room = Room(count=5, arm=None).rested()
        arms: tuple[Arm | None, ...] = (None, "left", "right")
        began: list[datetime] = []
        for arm in arms:
            if arm is not None:
                room.series = the.put_cuff_on(room.series, arm, room.now)
            began.append(room.now + seconds(1))
            room.now += seconds(60)
        for one in began:
            room.tells_late(150, began=one)
        assert tuple(one.arm for one in room.series.taken) == arms

    @pytest.mark.parametrize(
        ("before", "arm"), [(the.TOLERANCE, "right"), (the.TOLERANCE + seconds(1), "left")]
    )
    def test_the_button_may_be_pressed_just_before_the_arm_is_said(
        self, before: timedelta, arm: Arm
    ) -> None:
        room = Room(count=1, mean_of_last=1, arm="left").rested()
        room.series = the.put_cuff_on(room.series, "right", room.now + before)
        room.measures(150)
        assert [one.arm for one in room.series.taken] == [arm]

    def test_where_the_cuff_was_on_the_other_arm_all_along_so_is_what_is_told_late(self) -> None:
        room = Room(count=2, arm="left").rested()
        began = room.now
        room.series = the.put_cuff_on(room.series, "left", room.now + seconds(60))
        first = room.measures(150)
        room.says(first, "right", "seated")
        room.now += seconds(60)
        room.tells_late(149, began=began)
        assert [one.arm for one in room.series.taken] == ["right", "right"]

    def test_a_seated_one_told_after_standing_up_stands_for_no_minute(self) -> None:
        room = Room(count=1, mean_of_last=1, standing_minutes=(1,)).rested()
        room.measures(150)
        began = room.now + seconds(70)
        room.series = the.stand_up(room.series, began + seconds(80))
        room.now = began + seconds(120)
        late = room.tells_late(149, began=began)
        course = room.course()
        assert (course.act, course.minute) == ("measure_standing", 1)
        assert late not in {member.reading for member in course.members}
        room.measures(140)
        assert [m.minute for m in room.course().members] == [None, 1]

    def test_a_series_kept_before_the_arms_had_their_times_goes_on(self) -> None:
        room = Room(arm="left").rested()
        kept = room.series.model_dump(mode="json", exclude={"earlier_arms"})
        assert Series.model_validate(kept) == room.series


class TestStanding:
    def stood(self) -> Room:
        room = Room(count=1, mean_of_last=1, standing_minutes=(1, 3)).rested()
        room.measures(130)
        assert room.course().act == "stand_up"
        room.series = the.stand_up(room.series, room.now)
        return room

    def test_at_one_and_at_three_minutes(self) -> None:
        room = self.stood()
        up = room.now
        told = []
        for systolic in (110, 118):
            told.append((room.course().act, room.course().minute, room.course().due_at))
            room.measures(systolic)
        assert told == [
            ("measure_standing", 1, up + timedelta(minutes=1)),
            ("measure_standing", 3, up + timedelta(minutes=3)),
        ]
        course = room.course()
        assert course.act == "done"
        assert [(m.posture, m.minute, m.counted) for m in course.members] == [
            ("seated", None, True),
            ("standing", 1, False),
            ("standing", 3, False),
        ]
        assert course.mean is not None
        assert course.mean.measurement.systolic_mmhg == Decimal(130)

    def test_a_missed_minute_is_said_and_not_caught_up(self) -> None:
        room = self.stood()
        room.now += timedelta(minutes=2, seconds=10)
        assert room.course().missed_minutes == (1,)
        assert room.course().minute == 3

    def test_a_measurement_far_from_its_minute_stands_for_none(self) -> None:
        room = self.stood()
        room.measured(measured(110, at=room.now + timedelta(minutes=9)))
        assert room.series.taken[-1].minute is None
        assert room.course().missed_minutes == (1, 3)

    def test_a_series_does_not_begin_standing(self) -> None:
        with pytest.raises(ValueError, match="seated or lying"):
            the.begin(uuid4(), "v1", START, SeriesRules(), arm=None, posture="standing")


@given(
    st.lists(st.tuples(st.integers(60, 240), st.integers(30, 140)), min_size=3, max_size=6),
    st.integers(1, 3),
)
def test_the_mean_is_that_of_the_last(values: list[tuple[int, int]], last: int) -> None:
    room = Room(count=len(values), mean_of_last=last).rested()
    readings = [room.measures(systolic, diastolic=diastolic) for systolic, diastolic in values]
    mean = room.course().mean
    assert mean is not None
    assert mean.members == tuple(readings[-last:])
    systolics = [systolic for systolic, _ in values[-last:]]
    assert mean.measurement.systolic_mmhg is not None
    assert abs(mean.measurement.systolic_mmhg - Decimal(sum(systolics)) / last) <= Decimal("0.5")
    if last > 1:
        assert mean.deviation is not None
        told = float(mean.deviation["systolic_mmhg"])
        assert told == pytest.approx(statistics.stdev(systolics), abs=0.06)
    else:
        assert mean.deviation is None


@given(
    st.lists(st.sampled_from(["measure", "reject", "other", "stand", "wait", "cut"]), max_size=30)
)
def test_whatever_happens_the_course_can_be_told_and_the_mean_is_of_what_stands(
    acts: list[str],
) -> None:
    room = Room(rest_seconds=60, both_arms=True, standing_minutes=(1, 3))
    for act in acts:
        if act == "measure":
            room.measured(measured(120, at=room.now + seconds(CUFF_SECONDS)))
        elif act == "reject" and room.series.taken:
            room.become(room.series.taken[-1].reading, "rejected")
        elif act == "other":
            room.series = the.choose_arm(room.series, "right", room.now)
        elif act == "stand":
            room.series = the.stand_up(room.series, room.now)
        elif act == "cut":
            room.series = the.cut_rest(room.series, room.now)
        else:
            room.now += seconds(90)
        course = room.course()
        assert Series.model_validate_json(room.series.model_dump_json()) == room.series
        if course.mean is not None:
            said = derivation(course)
            counted = [member for member in said.members if member.counted]
            assert {room.filings[member.reading].state for member in counted} == {"accepted"}
            assert len({(member.arm, member.posture) for member in counted}) == 1
            assert all(member.posture == "seated" for member in counted)
