"""Clock, interval and identity: what is known of when, and which measurement is which."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BodyTemperature, DeviceFacts
from devicehub.reading import clock, identity, interval
from devicehub.reading.clock import NEVER_SET, RESOLUTION

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "offset"),
    [
        ("2026-01-05T12:00:00", 0.0),
        ("2026-01-05T11:58:30", 90.0),
        ("2026-01-05T13:00:00", -3600.0),
        ("1970-01-01T00:00:00", (datetime(2026, 1, 5, 12) - datetime(1970, 1, 1)).total_seconds()),  # noqa: DTZ001 - device times have no zone
    ],
)
def test_an_offset_corrects_any_whole_date(told: str, offset: float) -> None:
    seen = clock.compare(told, NOON)
    assert seen is not None
    assert seen.offset_seconds == offset
    later = (datetime.fromisoformat(told) + timedelta(seconds=40)).isoformat()
    stamp = clock.stamp(later, seen, NOON + timedelta(seconds=45), live=True, zone=timedelta())
    assert stamp.corrected == NOON + timedelta(seconds=40)
    assert stamp.device_time == later


@pytest.mark.parametrize("told", [None, "--11-22T08:30:00", "2026-11T08:30:00", "T08:30:00"])
def test_a_partial_date_is_no_clock(told: str | None) -> None:
    assert clock.compare(told, NOON) is None
    seen = clock.compare("2026-01-05T12:00:00", NOON)
    assert clock.stamp(told, seen, NOON, live=True, zone=timedelta()).corrected is None


def test_without_a_clock_nothing_is_corrected() -> None:
    stamp = clock.stamp("2026-01-05T12:00:00", None, NOON, live=True, zone=timedelta())
    assert (stamp.corrected, stamp.how) == (None, "none")


def test_a_stamp_from_the_future_was_made_by_another_clock() -> None:
    seen = clock.compare("2026-01-05T12:00:00", NOON)
    assert (
        clock.stamp("2026-01-05T15:00:00", seen, NOON, live=True, zone=timedelta()).corrected
        is None
    )


def test_the_interval_is_the_most_cautious_of_what_is_known() -> None:
    none = clock.stamp(None, None, NOON, live=True, zone=timedelta())
    longest = timedelta(seconds=60)
    by_arrival = interval.began(
        first_live=None, stamp=none, stamped="end", first_byte=NOON, longest=longest
    )
    assert (by_arrival.earliest, by_arrival.latest) == (NOON - longest, NOON)
    seen = clock.compare("2026-01-05T12:00:00", NOON)
    stamp = clock.stamp("2026-01-05T11:59:50", seen, NOON, live=True, zone=timedelta())
    at = NOON - timedelta(seconds=10)
    start = interval.began(
        first_live=None, stamp=stamp, stamped="start", first_byte=NOON, longest=longest
    )
    assert (start.earliest, start.latest) == (at - RESOLUTION, at + RESOLUTION)
    end = interval.began(
        first_live=None, stamp=stamp, stamped="end", first_byte=NOON, longest=longest
    )
    assert (end.earliest, end.latest) == (at - RESOLUTION - longest, at + RESOLUTION)
    live = interval.began(
        first_live=at, stamp=stamp, stamped="end", first_byte=NOON, longest=longest
    )
    assert (live.earliest, live.latest, live.known_from) == (at, at, "live_frames")
    paused = interval.began(
        first_live=at, resumed=NOON, stamp=stamp, stamped="end", first_byte=NOON, longest=longest
    )
    assert (paused.earliest, paused.latest) == (at, NOON)
    ago = clock.stamp("2026-01-05T11:00:00", seen, NOON, live=True, zone=timedelta())
    from_memory = interval.began(
        first_live=at, stamp=ago, stamped="start", first_byte=NOON, longest=longest
    )
    assert (from_memory.earliest, from_memory.latest) == (NOON - timedelta(hours=1, seconds=1), at)


def test_a_record_sent_again_is_the_same_reading() -> None:
    def reading(frame: str, time: str | None, *, trusted: bool) -> object:
        key = identity.record_key(
            sequence=None, device_time=time, trusted=trusted, frame=frame, index=0
        )
        return identity.reading_id("serial-number:::1", "blood_pressure", key)

    timed = "2026-01-05T12:00:00"
    assert reading("s:1", timed, trusted=True) == reading("s:2", timed, trusted=True)
    assert reading("s:1", timed, trusted=False) != reading("s:2", timed, trusted=False)
    assert reading("s:1", None, trusted=True) != reading("s:2", None, trusted=True)
    assert reading("s:1", None, trusted=True) == reading("s:1", None, trusted=True)


def test_a_device_is_known_by_itself_before_its_address() -> None:
    facts = DeviceFacts(maker="ACME", model="M", serial_number="42", system_id="0011223344556677")
    assert identity.intrinsic(facts, "C0:00") == "system-id:0011223344556677"
    blank = facts.model_copy(update={"system_id": "0000000000000000"})
    assert identity.intrinsic(blank, "C0:00") == "serial-number:ACME:M:42"
    assert identity.intrinsic(None, "C0:00") == "address:C0:00"


SECONDS = st.integers(0, 7200)
AHEAD = st.one_of(st.integers(-10, 10), st.integers(-7300, 7300), st.integers(-(10**9), 10**9))
ZONES = st.sampled_from([timedelta(hours=hours) for hours in (-5, 0, 1, 2)])


@given(ahead=AHEAD, ago=SECONDS, waited=SECONDS, zone=ZONES)
def test_a_record_of_the_memory_is_placed_where_it_was_or_nowhere(
    ahead: int, ago: int, waited: int, zone: timedelta
) -> None:
    shown = (NOON + timedelta(seconds=ahead) + zone).replace(tzinfo=None)
    seen = clock.compare(shown.isoformat(), NOON)
    told = (shown - timedelta(seconds=ago)).isoformat()
    arrived = NOON + timedelta(seconds=waited)
    stamp = clock.stamp(told, seen, arrived, live=False, zone=zone)
    assert stamp.corrected in {None, NOON - timedelta(seconds=ago)}


@given(ahead=AHEAD, later=SECONDS, waited=SECONDS, zone=ZONES, kept=st.booleans())
def test_a_live_measurement_is_placed_where_it_was_or_nowhere(
    ahead: int, later: int, waited: int, zone: timedelta, kept: bool
) -> None:
    """Whether the clock was set after it was seen or not: nobody tells the hub."""
    error = timedelta(seconds=ahead)
    seen = clock.compare((NOON + error + zone).replace(tzinfo=None).isoformat(), NOON)
    truth = NOON + timedelta(seconds=later)
    told = (truth + (error if kept else timedelta()) + zone).replace(tzinfo=None).isoformat()
    arrived = truth + timedelta(seconds=waited)
    stamp = clock.stamp(told, seen, arrived, live=True, zone=zone)
    assert stamp.corrected is None or abs(stamp.corrected - truth) <= NEVER_SET


@given(
    ahead=AHEAD,
    ago=SECONDS,
    gap=st.integers(60, 7200),
    waited=SECONDS,
    zone=ZONES,
    old=st.booleans(),
)
def test_a_record_is_placed_where_it_was_or_nowhere_though_its_clock_was_set_in_an_earlier_connection(
    ahead: int, ago: int, gap: int, waited: int, zone: timedelta, *, old: bool
) -> None:
    """The link of the first connection was lost once the clock was set, before the memory was told."""
    error, again = timedelta(seconds=ahead), NOON + timedelta(seconds=gap)
    seen = clock.compare((NOON + error + zone).replace(tzinfo=None).isoformat(), NOON)
    then = clock.compare((again + zone).replace(tzinfo=None).isoformat(), again)
    assert then is not None
    truth = (NOON if old else again) - timedelta(seconds=ago)
    shown = truth + (error if truth < NOON else timedelta()) + zone
    told, arrived = shown.replace(tzinfo=None).isoformat(), again + timedelta(seconds=waited)
    stamp = clock.stamp(told, then.after(seen), arrived, live=False, zone=zone)
    tolerated = NEVER_SET + timedelta(seconds=clock.OWN_DRIFT * gap)
    assert stamp.corrected is None or abs(stamp.corrected - truth) <= tolerated


def test_a_clock_that_was_set_is_relied_on_for_what_it_stamps_from_then_on() -> None:
    wrong = clock.compare("2026-01-05T11:00:00", NOON)
    again = NOON + timedelta(minutes=10)
    right = clock.compare("2026-01-05T12:10:00", again)
    assert right is not None
    known = right.after(wrong)
    later = clock.compare("2026-01-06T12:10:00", again + timedelta(days=1))
    assert later is not None
    for seen in (known, later.after(known)):
        told = clock.stamp("2026-01-05T12:05:00", seen, seen.seen_at, live=False, zone=timedelta())
        assert told.corrected == NOON + timedelta(minutes=5)
        old = clock.stamp("2026-01-05T11:55:00", seen, seen.seen_at, live=False, zone=timedelta())
        assert old.corrected is None


ENDS = ["0001-01-01T00:00:00", "1582-10-15T00:00:00", "9999-12-31T23:59:59"]
"""The first and the last time that can be said, and the first that Bluetooth can say."""


@pytest.mark.parametrize("zone", [timedelta(hours=-5), timedelta(hours=2)])
@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("told", [*ENDS, "2026-01-05T12:00:00"])
@pytest.mark.parametrize("shown", [*ENDS, "2020-01-01T00:00:00"])
def test_a_time_beyond_all_years_is_no_clock(
    shown: str, told: str, zone: timedelta, *, live: bool
) -> None:
    earlier = clock.compare("2020-01-01T00:00:00", NOON - timedelta(days=1))
    seen = clock.compare(shown, NOON)
    assert seen is not None
    for known in (seen, seen.after(earlier)):
        stamp = clock.stamp(told, known, NOON, live=live, zone=zone)
        since = clock.told_since(told, known, NOON, zone=zone)
        begun = interval.began(
            first_live=None,
            stamp=stamp,
            stamped="end",
            first_byte=NOON,
            longest=timedelta(minutes=4),
            told_since=since,
        )
        assert begun.earliest <= begun.latest <= NOON
        if told in ENDS:
            # What was seen with that very time is as old as that; anything else was not made now.
            known_now = clock.could_be(
                told, known, earliest=NOON - RESOLUTION, latest=NOON, live=live, zone=zone
            )
            assert known_now == (told == shown and not (known.earlier and not live))


@pytest.mark.parametrize("shown", ENDS)
def test_a_clock_at_the_end_of_all_years_may_be_set_right_like_any_other(shown: str) -> None:
    seen = clock.compare(shown, NOON)
    told = clock.stamp(
        "2026-01-05T12:01:00", seen, NOON + timedelta(minutes=2), live=True, zone=timedelta()
    )
    assert told.corrected == NOON + timedelta(minutes=1)


def test_a_hash_tells_what_was_said_but_not_that_it_was_stored() -> None:
    said = BodyTemperature.model_validate({"celsius": "36.6"})
    stored = said.model_copy(update={"stored": True})
    other = said.model_copy(update={"device_time": "2026-01-05T12:00:00"})
    assert identity.content(said) == identity.content(stored) != identity.content(other)
