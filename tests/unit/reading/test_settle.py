"""Settle: two stable frames that agree on a load that came after an empty scale, and nothing else."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.devices import registry
from devicehub.driver import (
    BloodPressure,
    BodyTemperature,
    BodyWeight,
    CuffPressure,
    DeviceFacts,
    Flag,
    Glucose,
    Measurement,
    OxygenSaturation,
    Settles,
)
from devicehub.reading.settle import GIVEN_UP, IDLE, NO_LOAD, REJOINED, Settle, Settling

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
EMPTY = BodyWeight(kilograms=Decimal("0.00"), stable=True)


def settle(rule: Settles) -> Settle:
    return Settle(rule, Settling(idle_since=START))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stable(kilograms: str) -> BodyWeight:
    return BodyWeight(kilograms=Decimal(kilograms), stable=True)


def moving(kilograms: str) -> BodyWeight:
    return BodyWeight(kilograms=Decimal(kilograms), stable=False)


def weigh(scale: Settle, *frames: BodyWeight) -> list[Decimal | None]:
    """The weights finished by these frames, a quarter of a second apart."""
    found: list[Decimal | None] = []
    for index, frame in enumerate(frames):
        for finished in scale.finished([frame], at(index / 4)):
            assert isinstance(finished.measurement, BodyWeight)
            found.append(finished.measurement.kilograms)
    return found


def test_two_agreeing_stable_frames_finish_a_weight_once() -> None:
    assert weigh(settle(Settles.STREAM), EMPTY, *[stable("72.40")] * 5) == [Decimal("72.40")]


def test_a_lost_digit_does_not_pass() -> None:
    frames = (EMPTY, stable("7.40"), stable("72.40"), stable("72.40"))
    assert weigh(settle(Settles.STREAM), *frames) == [Decimal("72.40")]


def test_a_second_person_counts_only_after_the_load_has_left() -> None:
    first, second = [stable("72.40")] * 2, [stable("55.10")] * 3
    assert weigh(settle(Settles.STREAM), EMPTY, *first, *second) == [Decimal("72.40")]
    assert weigh(settle(Settles.STREAM), EMPTY, *first, moving("0.20"), *second) == [
        Decimal("72.40"),
        Decimal("55.10"),
    ]


def test_two_genuine_identical_weights_both_count() -> None:
    person = [stable("72.40")] * 2
    assert len(weigh(settle(Settles.STREAM), EMPTY, *person, EMPTY, *person)) == 2


def test_whoever_stands_there_when_the_line_opens_steps_off_first() -> None:
    assert weigh(settle(Settles.STREAM), *[stable("72.40")] * 4) == []


def test_a_load_that_was_there_before_rests_in_vain_until_the_scale_was_empty() -> None:
    scale = settle(Settles.STREAM)
    said = []
    for second, frame in enumerate(
        (
            stable("72.40"),
            stable("72.40"),
            EMPTY,
            moving("30.00"),
            stable("72.40"),
            stable("72.40"),
            stable("0.70"),
            EMPTY,
        )
    ):
        scale.finished([frame], at(second))
        said.append(scale.rests_in_vain)
    assert said == [True, True, False, False, False, True, True, False]


def test_a_hand_or_a_suitcase_lifted_again_is_nothing() -> None:
    frames = (EMPTY, moving("3.10"), stable("3.20"), moving("1.00"), EMPTY, EMPTY)
    assert weigh(settle(Settles.STREAM), *frames) == []


def test_after_a_silent_line_whoever_stands_there_steps_off_first() -> None:
    """One stepped off and another on while nothing was heard: the weight must not have begun with the first."""
    scale = settle(Settles.STREAM)
    for seconds, frame in ((0, EMPTY), (0.5, moving("71.00")), (9, stable("55.10"))):
        assert scale.finished([frame], at(seconds)) == []
    assert scale.finished([stable("55.10")], at(9.3)) == []
    assert scale.finished([EMPTY], at(12)) == []
    scale.finished([moving("40.00")], at(30))
    assert scale.finished([stable("55.10")], at(30.3)) == []
    (finished,) = scale.finished([stable("55.10")], at(30.6))
    assert finished.began == at(30)


def test_a_weight_began_when_the_load_came() -> None:
    scale = settle(Settles.STREAM)
    scale.finished([EMPTY], at(0))
    scale.live([moving("30.00")], at(3))
    scale.finished([stable("72.40")], at(4))
    (finished,) = scale.finished([stable("72.40")], at(5))
    assert finished.began == at(3)


def test_without_a_value_a_load_may_have_come_with_the_first_such_frame_or_after_the_last() -> None:
    scale = settle(Settles.STREAM)
    scale.finished([EMPTY], at(0))
    scale.live([BodyWeight()], at(3))
    scale.live([BodyWeight(flags=("unstable",))], at(5))
    scale.finished([stable("72.40")], at(6))
    (finished,) = scale.finished([stable("72.40")], at(7))
    assert (finished.began, finished.resumed) == (at(3), at(5))


def test_what_came_without_a_value_before_the_scale_was_empty_again_began_nothing() -> None:
    scale = settle(Settles.STREAM)
    for seconds, frame in ((0, EMPTY), (3, BodyWeight()), (4, EMPTY), (6, stable("72.40"))):
        assert scale.finished([frame], at(seconds)) == []
    (finished,) = scale.finished([stable("72.40")], at(7))
    assert (finished.began, finished.resumed) == (at(6), None)


def test_without_a_value_a_scale_nobody_saw_empty_stays_so() -> None:
    scale = settle(Settles.STREAM)
    assert weigh(scale, BodyWeight(), *[stable("72.40")] * 3) == []


def test_each_frame_of_a_checked_line_is_finished() -> None:
    pressure = BloodPressure(systolic_mmhg=Decimal(120), diastolic_mmhg=Decimal(80))
    cuff = settle(Settles.EACH)
    assert [f.measurement for f in cuff.finished([pressure], at(1))] == [pressure]
    assert [f.measurement for f in cuff.finished([pressure], at(2))] == [pressure]


def test_what_could_not_be_measured_is_never_finished() -> None:
    each = settle(Settles.EACH)
    nothing: list[Measurement] = [
        BloodPressure(flags=("cuff_loose",), device_time="2026-01-05T08:00:00"),
        BloodPressure(pulse_per_minute=Decimal(72)),
        CuffPressure(pressure_mmhg=Decimal(90)),
        DeviceFacts(serial_number="1"),
        BodyTemperature(celsius=Decimal(36), flags=("early_estimate",)),
        BodyWeight(kilograms=Decimal(70), stable=False),
    ]
    assert each.finished(nothing, at(1)) == []


def test_live_frames_after_idleness_tell_the_beginning() -> None:
    cuff = settle(Settles.EACH)
    cuff.live([CuffPressure(pressure_mmhg=Decimal(20))], START + IDLE)
    cuff.live([CuffPressure(pressure_mmhg=Decimal(90))], START + IDLE * 1.5)
    (finished,) = cuff.finished([BloodPressure(systolic_mmhg=Decimal(120))], START + IDLE * 2)
    assert finished.began == START + IDLE


def test_an_attempt_that_failed_lends_its_beginning_to_nobody() -> None:
    for failed in ([BloodPressure(flags=("measurement_failed",))], [BloodPressure()]):
        cuff = settle(Settles.EACH)
        cuff.live([CuffPressure(pressure_mmhg=Decimal(90))], at(10))
        assert cuff.finished(failed, at(11)) == []
        cuff.live([CuffPressure(pressure_mmhg=Decimal(30))], at(60))
        (finished,) = cuff.finished([BloodPressure(systolic_mmhg=Decimal(120))], at(62))
        assert (finished.began, finished.resumed) == (at(60), None)


def test_after_a_silence_it_is_the_same_measurement_or_another() -> None:
    """A disturbed radio and a cuff started again sound alike: it began between the first sign and the last return."""
    cuff = settle(Settles.EACH)
    for seconds in (10, 12, 30, 31, 40):
        cuff.live([CuffPressure(pressure_mmhg=Decimal(90))], at(seconds))
    (finished,) = cuff.finished([BloodPressure(systolic_mmhg=Decimal(120))], at(42))
    assert (finished.began, finished.resumed) == (at(10), at(40))


def test_an_attempt_silent_for_longer_than_any_measurement_lasts_is_over() -> None:
    longest = max(m.longest for driver in registry.installed().values() for m in driver.models)
    assert timedelta(seconds=longest) < GIVEN_UP
    cuff = settle(Settles.EACH)
    cuff.live([CuffPressure(pressure_mmhg=Decimal(90))], at(10))
    again = at(10) + GIVEN_UP
    cuff.live([CuffPressure(pressure_mmhg=Decimal(30))], again)
    (finished,) = cuff.finished([BloodPressure(systolic_mmhg=Decimal(120))], again + IDLE / 2)
    assert (finished.began, finished.resumed) == (again, None)


def test_a_result_long_after_the_last_live_value_has_no_known_beginning() -> None:
    cuff = settle(Settles.EACH)
    cuff.live([CuffPressure(pressure_mmhg=Decimal(90))], at(10))
    (finished,) = cuff.finished([BloodPressure(systolic_mmhg=Decimal(120))], at(60))
    assert finished.began is None


def test_live_frames_right_after_connecting_tell_nothing() -> None:
    cuff = settle(Settles.EACH)
    for seconds in (0.5, 3, 6):
        cuff.live([CuffPressure(pressure_mmhg=Decimal(90))], at(seconds))
    (finished,) = cuff.finished([BloodPressure(systolic_mmhg=Decimal(120))], at(7))
    assert finished.began is None


def test_live_frames_right_after_an_idle_link_was_made_anew_began_since_then() -> None:
    before = settle(Settles.EACH)
    assert before.idle_at(at(4)) is None, "watched for too short a time"
    left = before.idle_at(at(30))
    assert left == at(30)
    cuff = Settle(Settles.EACH, Settling(idle_since=at(31), last_idle=left))
    for seconds in (32, 33):
        cuff.live([CuffPressure(pressure_mmhg=Decimal(90))], at(seconds))
    assert cuff.idle_at(at(50)) is None, "it goes on, whatever its silence"
    (finished,) = cuff.finished([BloodPressure(systolic_mmhg=Decimal(120))], at(36))
    assert (finished.began, finished.resumed) == (at(30) - IDLE, at(32))
    cuff.live([CuffPressure(pressure_mmhg=Decimal(90))], at(37))
    (next_one,) = cuff.finished([BloodPressure(systolic_mmhg=Decimal(120))], at(40))
    assert next_one.began is None, "the idleness before the link was spent"


@pytest.mark.parametrize("seconds", [-1.0, REJOINED.total_seconds() + 1])
def test_an_idleness_of_long_ago_or_of_another_clock_tells_nothing(seconds: float) -> None:
    cuff = Settle(Settles.EACH, Settling(idle_since=at(99), last_idle=at(100 - seconds)))
    cuff.live([CuffPressure(pressure_mmhg=Decimal(90))], at(100))
    (finished,) = cuff.finished([BloodPressure(systolic_mmhg=Decimal(120))], at(102))
    assert finished.began is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["0.00", "0.30", "7.40", "55.10", "72.40"]), st.booleans()),
        max_size=60,
    ),
    st.integers(min_value=0, max_value=60),
)
def test_a_crash_between_two_frames_changes_nothing(
    frames: list[tuple[str, bool]], cut: int
) -> None:
    """The journalled state is the whole state: going on from it gives what never stopping gives."""
    whole, first = settle(Settles.STREAM), settle(Settles.STREAM)
    expected, found = [], []
    for index, (load, is_stable) in enumerate(frames):
        weight = BodyWeight(kilograms=Decimal(load), stable=is_stable)
        expected += whole.finished([weight], at(index))
        if index == cut:
            first = Settle(
                Settles.STREAM, Settling.model_validate_json(first.state.model_dump_json())
            )
        found += first.finished([weight], at(index))
    assert found == expected
    for finished in found:
        assert isinstance(finished.measurement, BodyWeight)
        assert finished.measurement.kilograms is not None
        assert finished.measurement.kilograms >= NO_LOAD


@pytest.mark.parametrize("flag", ["demo_data", "measurement_failed"])
def test_control_solution_and_failures_are_nobodys(flag: Flag) -> None:
    value = Glucose(milligrams_per_decilitre=Decimal(95), stored=True)
    each = settle(Settles.EACH)
    assert each.finished([value.model_copy(update={"flags": (flag,)})], at(1)) == []
    assert [finished.measurement for finished in each.finished([value], at(2))] == [value]


@pytest.mark.parametrize(("percent", "pulse", "count"), [(97, 72, 1), (97, None, 0), (None, 72, 0)])
def test_a_saturation_needs_its_pulse(percent: int | None, pulse: int | None, count: int) -> None:
    spot = OxygenSaturation.model_validate({"percent": percent, "pulse_per_minute": pulse})
    assert len(settle(Settles.EACH).finished([spot], at(1))) == count
