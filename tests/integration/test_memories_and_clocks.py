"""What comes out of a device's memory, and what its clock says of it, through the hub's own intake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import cast

import pytest

from devicehub.devices import registry
from devicehub.devices.intake import Conversation
from devicehub.driver import BleDriver, DeviceFacts, Driver, Frame, Measurement, encode_date_time
from devicehub.journal.records import Filing
from devicehub.testing.room import Room
from devicehub.transport.hands import Arrival

CUFF = cast("BleDriver", registry.find("sig_blood_pressure"))
PRESSURE = bytes.fromhex("00 7800 5000 5d00")
"""120/80 mmHg, mean 93; neither time nor pulse."""
OTHER = bytes.fromhex("00 8200 5000 5d00")
"""130/80 mmHg."""
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=1)))
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A room in which one visit began two hours ago and the present one an hour ago."""
    async with Room(NOON - 2 * HOUR) as room:
        await room.visit("earlier")
        room.now = NOON - HOUR
        await room.visit("now")
        room.now = NOON
        yield room


class Cuff:
    """A cuff whose clock is wrong, and which is connected now."""

    def __init__(
        self, room: Room, driver: Driver = CUFF, *, ahead: timedelta | None = None
    ) -> None:
        self.room = room
        self.ahead = ahead
        self.conversation: Conversation = room.open(driver)

    async def greets(self) -> None:
        """It is asked what time it is."""
        if self.ahead is not None:
            clock = encode_date_time(self.room.now + self.ahead) + bytes(3)
            await self.hands_over("2a2b", clock)

    async def tells(
        self, pressure: bytes, measured: datetime | None = None, after: timedelta = SECOND
    ) -> Filing:
        """It tells a pressure, stamped by its clock where it says when it was measured."""
        data = pressure
        if measured is not None and self.ahead is not None:
            data = bytes([pressure[0] | 2]) + pressure[1:] + encode_date_time(measured + self.ahead)
        self.room.now += after
        await self.hands_over("2a35", data)
        return (await self.room.filings())[-1]

    async def hands_over(self, on: str, data: bytes) -> None:
        await self.conversation.deliver(Frame.of(on, data), Arrival(self.room.now, self.room.now))


def where(filing: Filing) -> str | None:
    return filing.attribution.visit or filing.attribution.quarantine


def told_from_memory(*, stored: bool) -> Driver:
    def decode(frame: Frame) -> Iterable[Measurement]:
        for one in CUFF.decode(frame):
            known = not isinstance(one, DeviceFacts)
            yield one.model_copy(update={"stored": stored}) if known else one

    return replace(CUFF, decode=decode)


# ------------------------------------------------------------------------- a link made anew


@pytest.mark.parametrize(
    ("opened", "whose"), [(20, "next"), (26, "straddles_visits"), (31, "straddles_visits")]
)
async def test_a_measurement_begun_while_an_idle_link_was_made_anew_began_since_then(
    room: Room, opened: int, whose: str
) -> None:
    """The driver leaves an idle cuff after 30 s, and comes back; the button was pressed meanwhile."""
    start, conversation, last_idle = room.now, room.open(CUFF), None
    for seconds in range(37):
        room.now = start + seconds * SECOND
        if seconds == opened:
            await room.visit("next")
        if seconds == 30:
            last_idle = conversation.idle_at_end()
        if seconds == 31:
            conversation = room.intake.open(conversation.source, last_idle)
        if seconds > 31:
            inflating = Frame.of("2a36", bytes.fromhex("00 7800 ff07 ff07"))
            conversation.live(inflating, Arrival(room.now, room.now))
    await conversation.deliver(Frame.of("2a35", PRESSURE), Arrival(room.now, room.now))
    (filing,) = await room.filings()
    assert where(filing) == whose
    assert filing.reading.began.known_from == "live_frames"


# ------------------------------------------------------------------------------ without a clock


async def test_what_was_told_before_is_nobodys_when_it_is_told_again(room: Room) -> None:
    assert where(await Cuff(room).tells(PRESSURE)) == "now"
    room.now += 5 * MINUTE
    assert where(await Cuff(room).tells(PRESSURE)) == "repeated_untimed"
    assert where(await Cuff(room).tells(OTHER)) == "now"
    assert len(await room.filings()) == 3


async def test_two_equal_measurements_made_while_the_hub_listens_are_two(room: Room) -> None:
    for _ in range(2):
        assert where(await Cuff(room).tells(PRESSURE, after=MINUTE)) == "now"
    cuff = Cuff(room)
    for _ in range(2):
        assert where(await cuff.tells(PRESSURE, after=MINUTE)) == "now"
    assert len(await room.filings()) == 4


async def test_equal_records_of_one_memory_are_two(room: Room) -> None:
    cuff = Cuff(room)
    for _ in range(2):
        assert where(await cuff.tells(PRESSURE)) == "now"
    again = Cuff(room)
    for _ in range(2):
        assert where(await again.tells(PRESSURE)) == "repeated_untimed"


async def test_another_device_may_measure_the_same(room: Room) -> None:
    await Cuff(room).tells(PRESSURE)
    cuff = Cuff(room)
    cuff.conversation = room.open(CUFF, "another cuff")
    assert where(await cuff.tells(PRESSURE)) == "now"


async def test_a_record_without_time_from_a_memory_is_nobodys(room: Room) -> None:
    memory = told_from_memory(stored=True)
    assert where(await Cuff(room, memory).tells(PRESSURE, after=MINUTE)) == "unknown_time"
    assert where(await Cuff(room, memory).tells(PRESSURE, after=MINUTE)) == "repeated_untimed"


async def test_a_live_measurement_comes_again_from_memory(room: Room) -> None:
    live, memory = told_from_memory(stored=False), told_from_memory(stored=True)
    assert where(await Cuff(room, live).tells(PRESSURE)) == "now"
    assert where(await Cuff(room, live).tells(PRESSURE)) == "now"
    assert where(await Cuff(room, memory).tells(PRESSURE)) == "repeated_untimed"


async def test_listening_begins_with_the_subscription(room: Room) -> None:
    await Cuff(room).tells(PRESSURE)
    cuff = Cuff(room)
    room.now += MINUTE  # so long the connection and the bond took
    cuff.conversation.hands.listening(room.now)
    assert where(await cuff.tells(PRESSURE)) == "repeated_untimed"


async def test_a_memory_whose_clock_nobody_saw_is_recent_only_where_its_own_time_says_so(
    room: Room,
) -> None:
    """A scale that is told the time, never asked for it, and tells a week of its memory as soon as it is linked."""
    scale = Cuff(room)
    scale.ahead = timedelta()
    assert where(await scale.tells(PRESSURE, measured=NOON - 90 * MINUTE)) == "unknown_time"
    assert where(await scale.tells(OTHER, measured=room.now)) == "now"
    scale.ahead = 7 * HOUR  # measured while the hub listened: its clock is wrong, and says nothing
    third = bytes.fromhex("00 8c00 5000 5d00")
    assert where(await scale.tells(third, measured=room.now, after=MINUTE)) == "now"


@pytest.mark.parametrize("ahead", [-2, -1, 0, 1, 2])
async def test_a_record_of_the_patient_before_is_not_the_next_ones_by_a_clock_nobody_saw(
    room: Room, ahead: int
) -> None:
    """Four minutes old, told as soon as the device is linked, half a minute after the patients have changed."""
    measured = room.now - 30 * SECOND
    await room.visit("next")
    room.now += 210 * SECOND
    cuff = Cuff(room)
    cuff.ahead = ahead * MINUTE
    told = await cuff.tells(PRESSURE, measured=measured)
    assert told.attribution.visit is None
    assert told.reading.began.earliest <= measured <= told.reading.began.latest


@pytest.mark.parametrize("timed", [True, False], ids=["timed", "untimed"])
async def test_what_was_told_before_anybody_knew_who_the_device_is_is_not_filed_twice(
    room: Room, *, timed: bool
) -> None:
    """Its identity could not be read the first time: the bond was made after that."""
    measured = NOON - MINUTE if timed else None
    for system_id in (None, bytes.fromhex("1122334455667788")):
        cuff = Cuff(room, ahead=timedelta())
        await cuff.greets()
        if system_id is not None:
            await cuff.hands_over("2a23", system_id)
        await cuff.tells(PRESSURE, measured)
        room.now += 30 * SECOND
    assert [where(filing) for filing in await room.filings()].count("now") == 1


async def test_what_a_cuff_may_have_recalled_is_nobodys_unless_it_was_seen_measuring(
    room: Room,
) -> None:
    """A person presses its memory button in mid-visit: it tells the patient before as it tells the present one."""
    yonker, on = registry.find("yonker_bp"), "cdeacd81-5235-4c07-8846-93a37ee6b86d"
    working, dated = bytes.fromhex("80 012c"), "0000 160b1a0b2d 00000000"
    cuff = Cuff(room, yonker)

    async def tells(pressures: str, tail: str = dated, after: timedelta = MINUTE) -> str | None:
        room.now += after
        await cuff.hands_over(on, bytes.fromhex("81" + pressures + tail))
        return where((await room.filings())[-1])

    def works() -> None:
        room.now += MINUTE
        cuff.conversation.live(Frame.of(on, working), Arrival(room.now, room.now))

    assert await tells("835a51") == "unknown_time"
    assert await tells("845a51", "0000 0000000000 00000000") == "unknown_time"
    assert await tells("855a51", "0000 160b1a0c00 00000000") == "unknown_time"  # a clock nobody saw
    works()
    assert await tells("784f48", after=SECOND) == "now"
    assert await tells("784f48") == "unknown_time"
    works()
    assert await tells("865a51", after=MINUTE) == "unknown_time"  # it was given up, or nobody knows
    cuff.conversation = room.open(yonker)
    assert await tells("784f48") == "repeated_untimed"
    works()
    assert await tells("875a51", after=SECOND) == "now"


# --------------------------------------------------------------------------------- with a clock


CLOCKS = {
    "right": timedelta(),
    "1970": datetime(1970, 1, 1, tzinfo=UTC) - NOON,
    "the future": timedelta(days=9000),
    "an hour ahead": HOUR,
    "an hour behind": -HOUR,
}


@pytest.mark.parametrize("ahead", CLOCKS.values(), ids=CLOCKS)
async def test_the_memory_is_corrected_by_the_clock_seen(room: Room, ahead: timedelta) -> None:
    cuff = Cuff(room, ahead=ahead)
    await cuff.greets()
    old = await cuff.tells(PRESSURE, measured=NOON - 30 * MINUTE)
    assert old.reading.stamp.corrected == NOON - 30 * MINUTE
    assert where(old) == "now"
    older = await cuff.tells(OTHER, measured=NOON - 90 * MINUTE)
    assert older.reading.stamp.corrected == NOON - 90 * MINUTE
    assert where(older) == "after_visit"  # the earlier one, whose grace is over


@pytest.mark.parametrize("ahead", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("zone", [UTC, NOON.tzinfo], ids=["universal time", "this zone"])
async def test_a_clock_set_after_it_was_seen_stamps_what_follows(
    room: Room, ahead: timedelta, zone: timezone
) -> None:
    cuff = Cuff(room, ahead=ahead)
    await cuff.greets()
    cuff.ahead = timedelta() if zone is not UTC else -HOUR
    new = await cuff.tells(PRESSURE, measured=NOON + MINUTE, after=61 * SECOND)
    assert where(new) == "now"
    assert new.reading.stamp.corrected in {None, NOON + MINUTE}


async def test_a_stamp_that_may_be_of_either_clock_is_not_used(room: Room) -> None:
    cuff = Cuff(room, ahead=HOUR)
    await cuff.greets()
    cuff.ahead = timedelta()
    new = await cuff.tells(PRESSURE, measured=NOON + SECOND, after=2 * SECOND)
    # By the clock before it is an hour old: as old as the visit.
    assert (where(new), new.reading.stamp.corrected) == ("straddles_visits", None)


async def test_a_record_beyond_all_years_is_nobodys_and_holds_up_no_other(room: Room) -> None:
    """The battery was changed: the cuff's clock is at 2020, and its memory says 9999."""
    cuff = Cuff(room, ahead=datetime(2020, 1, 1, tzinfo=UTC) - NOON)
    await cuff.greets()
    last = encode_date_time(datetime(9999, 12, 31, 12, tzinfo=UTC))
    await cuff.hands_over("2a35", b"\x02" + PRESSURE[1:] + last)
    beyond = (await room.filings())[-1]
    assert (where(beyond), beyond.reading.stamp.corrected) == ("unknown_time", None)
    assert where(await cuff.tells(OTHER, measured=NOON - MINUTE)) == "now"


async def test_a_clock_seen_yesterday_corrects_nothing_today(room: Room) -> None:
    cuff = Cuff(room, ahead=HOUR)
    await cuff.greets()
    today = Cuff(room, ahead=timedelta())
    new = await today.tells(PRESSURE, measured=NOON)
    assert (where(new), new.reading.stamp.corrected) == ("now", None)


async def test_after_a_change_of_batteries_the_clock_tells_the_same_times_again(room: Room) -> None:
    filings = []
    for pressure in (PRESSURE, OTHER):
        cuff = Cuff(room, ahead=datetime(2000, 1, 1, tzinfo=NOON.tzinfo) - room.now)
        await cuff.greets()
        filings.append(await cuff.tells(pressure, measured=room.now + MINUTE, after=MINUTE))
        room.now += 7 * MINUTE
    stamps = {filing.reading.measurement.device_time for filing in filings}
    assert stamps == {"2000-01-01T00:01:00"}
    assert [where(filing) for filing in filings] == ["now", "now"]
    assert len(await room.filings()) == 2


async def test_a_clock_that_stands_still_does_not_swallow_equal_measurements(room: Room) -> None:
    for after, expected in ((SECOND, "now"), (SECOND, "repeated_untimed"), (MINUTE, "now")):
        cuff = Cuff(room, ahead=datetime(2000, 1, 1, tzinfo=NOON.tzinfo) - room.now)
        await cuff.greets()
        assert where(await cuff.tells(PRESSURE, measured=room.now, after=after)) == expected
        room.now += 5 * MINUTE
    assert len(await room.filings()) == 3


async def test_a_record_told_before_and_after_the_clock_was_set_is_not_filed_twice(
    room: Room,
) -> None:
    cuff = Cuff(room, ahead=HOUR)
    await cuff.greets()
    first = await cuff.tells(PRESSURE, measured=NOON - 10 * MINUTE)
    assert where(first) == "now"
    room.now += 5 * MINUTE
    later = Cuff(room, ahead=timedelta())
    await later.greets()
    later.ahead = HOUR  # the record still says what the clock said then
    assert where(await later.tells(PRESSURE, measured=NOON - 10 * MINUTE)) != "earlier"
    assert [where(filing) for filing in await room.filings()].count("now") == 1


@pytest.mark.parametrize("ahead", [30 * MINUTE, -30 * MINUTE], ids=["ahead", "behind"])
@pytest.mark.parametrize("stored", [True, False], ids=["stored", "not said"])
@pytest.mark.parametrize("waited", [SECOND, 20 * SECOND], ids=["at once", "after a while"])
async def test_a_link_lost_after_the_clock_was_set_places_no_record_by_the_clock_that_is_right_now(
    room: Room, *, ahead: timedelta, stored: bool, waited: timedelta
) -> None:
    driver = told_from_memory(stored=True) if stored else CUFF
    await Cuff(room, driver, ahead=ahead).greets()
    for _ in range(2):  # and the link of the second time is lost as well
        room.now += MINUTE
        again = Cuff(room, driver, ahead=timedelta())
        await again.greets()
    again.ahead = ahead
    for pressure, ago in ((PRESSURE, 80 * MINUTE), (OTHER, 29 * MINUTE)):
        told = await again.tells(pressure, measured=NOON - ago, after=waited)
        assert where(told) == "unknown_time"
    again.ahead = timedelta()
    room.now += HOUR
    data = bytes.fromhex("00 8c00 5000 5d00")
    assert where(await again.tells(data, measured=room.now - 20 * MINUTE)) == "now"


async def test_a_cuff_that_measures_now_first_tells_what_it_measured_of_the_patient_before(
    room: Room,
) -> None:
    cuff = Cuff(room, ahead=timedelta())
    await cuff.greets()
    room.now += MINUTE
    began = room.now
    cuff.conversation.live(
        Frame.of("2a36", bytes.fromhex("00 5a00 ff07 ff07")), Arrival(room.now, room.now)
    )
    before = await cuff.tells(PRESSURE, measured=NOON - 90 * MINUTE)
    assert where(before) == "straddles_visits"
    assert where(await cuff.tells(OTHER, measured=began)) == "now"


async def test_what_another_clock_stamped_was_not_measured_now_for_all_the_live_frames(
    room: Room,
) -> None:
    cuff = Cuff(room, ahead=datetime(2000, 1, 1, tzinfo=NOON.tzinfo) - room.now)
    await cuff.greets()
    room.now += MINUTE
    cuff.conversation.live(
        Frame.of("2a36", bytes.fromhex("00 5a00 ff07 ff07")), Arrival(room.now, room.now)
    )
    cuff.ahead = timedelta()  # so its clock was before its batteries were changed
    assert where(await cuff.tells(PRESSURE, measured=NOON - 90 * MINUTE)) == "unknown_time"


async def test_the_station_changes_its_zone_between_measurement_and_delivery(room: Room) -> None:
    cuff = Cuff(room, ahead=timedelta())
    room.now = NOON.astimezone(timezone(timedelta(hours=-5)))
    wall = NOON.replace(tzinfo=room.now.tzinfo)  # the cuff still shows the old zone's time
    cuff.ahead = wall - room.now
    await cuff.greets()
    old = await cuff.tells(PRESSURE, measured=room.now - 30 * MINUTE)
    assert old.reading.stamp.corrected == NOON - 30 * MINUTE
    assert where(old) == "now"


async def test_a_crash_forgets_no_clock(room: Room) -> None:
    cuff = Cuff(room, ahead=HOUR)
    await cuff.greets()
    old = await cuff.tells(PRESSURE, measured=NOON - 90 * MINUTE)
    number = old.reading.evidence[0].number
    frame = await room.journal.frame(number)
    assert frame is not None
    await room.journal.commit_frame(
        device=frame.device,
        address=cuff.conversation.source.address,
        connection=frame.connection,
        driver=frame.driver,
        origin=frame.origin,
        frame=Frame.from_hex([list(part) for part in frame.evidence.parts]),
        first_byte=frame.evidence.first_byte,
        last_byte=frame.evidence.last_byte,
        settling=frame.settling,
    )
    assert await room.intake.recover([cuff.conversation.source]) == 1
    assert len(await room.filings()) == 1
