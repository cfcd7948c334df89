"""The road of a frame on a real journal: committed first, read once, attributed or quarantined, recovered."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from vitals_room import NURSE

from devicehub.devices import registry
from devicehub.devices.intake import Intake, Source
from devicehub.driver import BodyWeight, Frame, Measurement, NotUnderstood
from devicehub.journal.failures import NotAllowed
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing
from devicehub.journal.seal import Seal
from devicehub.transport.hands import Arrival, station_now
from devicehub.visit import policy
from devicehub.visit.desk import Desk
from devicehub.visit.dossier import KnownVisit, Opening
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.policy import Confirm
from devicehub.visit.review import Flagged, Review

ALICE = PatientIdentity(family_name="TEST", given_name="Alice", born=date(1970, 1, 1), sex="F")
CUFF = Source("cuff", registry.find("sig_blood_pressure"), "C0:00:00:00:00:01", "simulator")
SCALE = Source("scale", registry.find("mt_sics"), "/dev/pts/0", "simulator")
PRESSURE = bytes.fromhex("04 7800 5000 5d00 4800")
"""120/80 mmHg, mean 93, pulse 72; no time stamp (flags 0x04)."""


class Shown:
    """What the page would have been told."""

    def __init__(self) -> None:
        self.live: list[Measurement] = []
        self.not_understood: list[str] = []

    def show_live(self, _device: str, measurements: Sequence[Measurement], _at: datetime) -> None:
        self.live += measurements

    def show_not_understood(self, device: str, _error: NotUnderstood) -> None:
        self.not_understood.append(device)


class Room:
    """A journal, a desk and an intake, with a visit that can be opened in the past."""

    def __init__(self, journal: Journal, confirm: Confirm = "none") -> None:
        self.journal = journal
        self.shown = Shown()
        self.behind = timedelta()
        """How far the desk's clock is behind: a visit can be opened in the past."""
        self.desk = Desk(
            journal,
            station="salle-1",
            grace=timedelta(seconds=120),
            confirm=confirm,
            dossier=Dossier(),
            seal=Seal(journal.path.parent / "identity.key"),
            show=lambda _visit, _identity: None,
            now=self.now,
            monotonic=lambda: self.now().timestamp(),
        )
        self.review = Review(journal, self.desk)
        self.intake = Intake(
            journal,
            self.desk,
            station="salle-1",
            secrets=journal.path.parent / "secrets",
            show_live=self.shown.show_live,
            show_not_understood=self.shown.show_not_understood,
        )

    def now(self) -> datetime:
        return station_now() - self.behind

    async def visit(self, since: timedelta) -> None:
        self.behind = since
        await self.desk.load()
        await self.desk.open_planned("v1", author="nurse")
        self.behind = timedelta()

    async def filings(self) -> list[Filing]:
        return await self.journal.latest(100)


class Dossier:
    """Has planned whatever it is asked for."""

    async def worklist(self, station: str) -> tuple[KnownVisit, ...]:
        return ()

    async def visit(self, visit: str) -> KnownVisit:
        return KnownVisit(visit=visit, state="planned", station="salle-1", identity=ALICE)

    async def open_visit(self, opening: Opening) -> KnownVisit:
        return await self.visit(opening.visit)

    async def entrust_visit(self, visit: str, responsible: str) -> None:
        return None

    async def close_visit(self, visit: str, at: datetime) -> None:
        return None


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        yield Room(journal)


def arrived(at: datetime | None = None) -> Arrival:
    moment = at or station_now()
    return Arrival(moment, moment)


async def test_a_pressure_within_the_visit_is_accepted(room: Room) -> None:
    await room.visit(timedelta(hours=1))
    await room.intake.open(CUFF).deliver(Frame.of("2a35", PRESSURE), arrived())
    (filing,) = await room.filings()
    assert (filing.state, filing.attribution.visit) == ("accepted", "v1")
    assert filing.reading.evidence[0].parts == (("2a35", PRESSURE.hex()),)
    assert filing.reading.measurement.model_dump()["systolic_mmhg"] == Decimal(120)


async def test_a_pressure_that_may_have_begun_before_the_visit_is_nobodys(room: Room) -> None:
    await room.visit(timedelta(seconds=10))
    await room.intake.open(CUFF).deliver(Frame.of("2a35", PRESSURE), arrived())
    (filing,) = await room.filings()
    assert (filing.state, filing.attribution.quarantine) == ("quarantined", "before_visit")


async def test_a_patient_changed_during_a_silent_radio_gets_nothing(room: Room) -> None:
    """The cuff is on the first patient; the radio is silent while the next visit is opened, and goes on."""
    await room.visit(timedelta(hours=1))
    start = station_now()
    conversation = room.intake.open(CUFF)
    inflating = Frame.of("2a36", bytes.fromhex("00 7800 ff07 ff07"))
    conversation.live(inflating, arrived(start + timedelta(seconds=10)))
    room.behind = -timedelta(seconds=13)
    await room.desk.open_planned("v2", author="nurse", closes="v1")
    room.behind = -timedelta(seconds=20)
    conversation.live(inflating, arrived(start + timedelta(seconds=18)))
    await conversation.deliver(Frame.of("2a35", PRESSURE), arrived(start + timedelta(seconds=20)))
    (filing,) = await room.filings()
    assert (filing.state, filing.attribution.quarantine) == ("quarantined", "straddles_visits")


async def test_two_genuine_identical_pressures_without_time_both_survive(room: Room) -> None:
    await room.visit(timedelta(hours=1))
    conversation = room.intake.open(CUFF)
    for _ in range(2):
        await conversation.deliver(Frame.of("2a35", PRESSURE), arrived())
    assert len(await room.filings()) == 2


async def test_a_timed_record_sent_again_is_the_same_reading(room: Room) -> None:
    await room.visit(timedelta(hours=1))
    now = station_now().replace(microsecond=0)
    stamp = now.year.to_bytes(2, "little") + bytes(
        (now.month, now.day, now.hour, now.minute, now.second)
    )
    clock = Frame.of("2a2b", stamp + bytes(3))
    record = Frame.of("2a35", bytes.fromhex("02 7800 5000 5d00") + stamp)
    for _ in range(2):
        conversation = room.intake.open(CUFF)
        await conversation.deliver(clock, arrived(now))
        await conversation.deliver(record, arrived(now + timedelta(seconds=2)))
    (filing,) = await room.filings()
    assert filing.reading.began.known_from == "device_clock"


def date_time(at: datetime) -> bytes:
    moment = (at.month, at.day, at.hour, at.minute, at.second)
    return at.year.to_bytes(2, "little") + bytes(moment)


async def tells(room: Room, source: Source, at: datetime, *, system_id: bytes | None) -> None:
    """A connection in which a cuff tells its clock, one timed pressure, and then perhaps who it is."""
    conversation = room.intake.open(source)
    await conversation.deliver(Frame.of("2a2b", date_time(at) + bytes(3)), arrived(at))
    record = Frame.of("2a35", bytes.fromhex("02 7800 5000 5d00") + date_time(at))
    await conversation.deliver(record, arrived(at + timedelta(seconds=2)))
    if system_id is not None:
        await conversation.deliver(Frame.of("2a23", system_id), arrived(at + timedelta(seconds=3)))


async def test_a_new_device_under_an_old_name_is_not_taken_for_the_old_one(room: Room) -> None:
    """It replaces a broken one, and says who it is only after its first record, which equals the old one's."""
    await room.visit(timedelta(hours=1))
    now, mine, its = station_now().replace(microsecond=0), b"\x01" * 8, b"\x02" * 8
    new = replace(CUFF, address="C0:00:00:00:00:02")
    await tells(room, CUFF, now, system_id=mine)
    await tells(room, new, now, system_id=its)
    devices = [filing.reading.device.intrinsic for filing in await room.filings()]
    assert devices == ["address:C0:00:00:00:00:02", "address:C0:00:00:00:00:01"]
    # Each of them tells its record again: the same readings, whoever spoke in between.
    await tells(room, CUFF, now, system_id=None)
    await tells(room, new, now, system_id=None)
    assert len(await room.filings()) == 2
    later = now + timedelta(minutes=1)
    await tells(room, CUFF, later, system_id=None)
    await tells(room, new, later, system_id=None)
    newest = [filing.reading.device.intrinsic for filing in (await room.filings())[:2]]
    assert newest == [f"system-id:{its.hex()}", f"system-id:{mine.hex()}"]


async def test_a_frame_of_the_device_before_is_read_as_its_own_after_a_crash(room: Room) -> None:
    await room.visit(timedelta(hours=1))
    conversation, now = room.intake.open(CUFF), station_now()
    await conversation.deliver(Frame.of("2a23", b"\x01" * 8), arrived())
    told = await room.journal.frame(1)
    assert told is not None
    await room.journal.commit_frame(
        device=CUFF.id,
        address=CUFF.address,
        connection=told.connection,
        driver=told.driver,
        origin="simulator",
        frame=Frame.of("2a35", PRESSURE),
        first_byte=now,
        last_byte=now,
        settling=told.settling,
    )
    assert await room.intake.recover([replace(CUFF, address="C0:00:00:00:00:02")]) == 1
    (filing,) = await room.filings()
    assert filing.reading.device.intrinsic == "system-id:" + "01" * 8


async def test_what_was_told_last_says_whether_a_device_may_have_left_by_itself(room: Room) -> None:
    inflating = Frame.of("2a36", bytes.fromhex("00 7800 ff07 ff07"))
    cuff = room.intake.open(CUFF)
    told = [cuff.has_told]
    await cuff.deliver(Frame.of("2a23", b"\x01" * 8), arrived())
    told.append(cuff.has_told)
    cuff.live(inflating, arrived())
    told.append(cuff.has_told)
    await cuff.deliver(Frame.of("2a35", PRESSURE), arrived())
    told.append(cuff.has_told)
    cuff.live(inflating, arrived())
    told.append(cuff.has_told)
    assert told == [False, False, False, True, False], "who it is, is no result; the next goes on"


async def test_an_oximeter_may_leave_once_the_finger_is_out(room: Room) -> None:
    oximeter = room.intake.open(
        Source("oximeter", registry.find("sig_pulse_oximeter"), "C0:00:00:00:00:03", "simulator")
    )
    told = []
    for values in ("00 6200 4800", "00 ff07 ff07"):
        oximeter.live(Frame.of("2a5f", bytes.fromhex(values)), arrived())
        told.append(oximeter.has_told)
    assert told == [False, True]


@pytest.mark.parametrize("rubbish", [PRESSURE[:4], b""], ids=["cut short", "refused as too long"])
async def test_rubbish_is_kept_counted_and_shown_but_no_reading(room: Room, rubbish: bytes) -> None:
    await room.visit(timedelta(hours=1))
    await room.intake.open(CUFF).deliver(Frame.of("2a35", rubbish), arrived())
    assert await room.filings() == []
    assert await room.journal.not_understood() == 1
    assert room.shown.not_understood == ["cuff"]


async def test_of_a_burst_of_rubbish_every_frame_is_kept_and_few_are_told(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    conversation, now = room.intake.open(CUFF), station_now()

    async def rubbish(after: timedelta) -> None:
        await conversation.deliver(Frame.of("2a35", PRESSURE[:4]), arrived(now + after))

    def told() -> list[str]:
        return [line.rpartition("in_a_row=")[2] for line in caplog.messages if "in_a_row" in line]

    for number in range(120):
        await rubbish(timedelta(seconds=number))
        if number % 2:  # a line of which every other message is whole
            await conversation.deliver(
                Frame.of("2a35", PRESSURE), arrived(now + timedelta(seconds=number))
            )
        if number == 60:  # who connects anew has no new fault
            conversation = room.intake.open(CUFF)
    assert await room.journal.not_understood() == 120
    assert told() == ["1", "10", "100"]
    assert room.shown.not_understood == ["cuff"] * 3
    await rubbish(timedelta(minutes=5))
    assert told() == ["1", "10", "100", "1"]


async def test_an_impossible_value_is_kept_as_invalid(room: Room) -> None:
    await room.visit(timedelta(hours=1))
    wrong = bytes.fromhex("00 5000 7800 5d00")
    await room.intake.open(CUFF).deliver(Frame.of("2a35", wrong), arrived())
    assert [filing.state for filing in await room.filings()] == ["invalid"]


async def test_what_the_device_doubts_waits_for_a_person(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        room = Room(journal, confirm="flagged")
        await room.visit(timedelta(hours=1))
        moved = bytes.fromhex("10 7800 5000 5d00 0100")
        conversation = room.intake.open(CUFF)
        await conversation.deliver(Frame.of("2a35", moved), arrived())
        await conversation.deliver(Frame.of("2a35", PRESSURE), arrived())
        states = [filing.state for filing in await room.filings()]
        assert sorted(states) == ["accepted", "to_review"]


@pytest.mark.parametrize("said", ["ff07 5000 5d00", "ff07 5000 ff07", "7800 ff07 ff07"])
async def test_half_a_pressure_waits_for_a_person(tmp_path: Path, said: str) -> None:
    """0x07FF is the SFLOAT for what could not be measured."""
    async with Journal(tmp_path / "journal.sqlite") as journal:
        room = Room(journal, confirm="flagged")
        await room.visit(timedelta(hours=1))
        half = Frame.of("2a35", bytes.fromhex("00" + said))
        await room.intake.open(CUFF).deliver(half, arrived())
        (filing,) = await room.filings()
        assert (filing.state, filing.attribution.visit) == ("to_review", "v1")
        assert policy.flags(filing.reading) == ("half_a_pressure",)
        with pytest.raises(Flagged):
            await room.review.accept_all({filing.reading.id: 1}, by=NURSE)
        assert (await room.review.accept(filing.reading.id, 1, by=NURSE)).state == "accepted"


async def test_a_person_accepts_or_rejects_what_waits_and_only_once(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        room = Room(journal, confirm="every")
        await room.visit(timedelta(hours=1))
        conversation = room.intake.open(CUFF)
        for _ in range(2):
            await conversation.deliver(Frame.of("2a35", PRESSURE), arrived())
        first, second = await room.filings()
        assert (await journal.outbox()).waiting == 0
        await room.review.accept(first.reading.id, 1, by=NURSE)
        await room.review.reject(second.reading.id, 1, by=NURSE, reason="moved")
        with pytest.raises(NotAllowed):
            await room.review.reject(second.reading.id, 1, by=NURSE, reason="moved")
        states = {filing.reading.id: filing.state for filing in await room.filings()}
        assert states == {first.reading.id: "accepted", second.reading.id: "rejected"}
        await room.desk.reconcile()
        assert (await journal.outbox()).waiting == 1


async def test_a_scale_that_repeats_itself_fills_no_disk(room: Room) -> None:
    await room.visit(timedelta(hours=1))
    conversation = room.intake.open(SCALE)
    empty, loaded = (Frame.of("-", line) for line in (b"S S      0.00 kg", b"S S     72.40 kg"))
    for frame in [empty] * 50 + [loaded] * 50 + [empty] * 50 + [loaded] * 50:
        await conversation.deliver(frame, arrived())
    readings = [filing.reading.measurement for filing in await room.filings()]
    assert readings == [BodyWeight(kilograms=Decimal("72.40"), stable=True)] * 2
    last = await room.journal.frame(8)
    assert last is not None
    assert await room.journal.frame(9) is None


async def test_a_frame_its_driver_stumbles_over_is_kept_and_holds_up_no_other(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    def decode(frame: Frame) -> Sequence[Measurement]:
        if frame.data == PRESSURE:
            raise OverflowError("invented")
        return list(CUFF.driver.decode(frame))

    await room.visit(timedelta(hours=1))
    source = replace(CUFF, driver=replace(CUFF.driver, decode=decode))
    conversation = room.intake.open(source)
    with pytest.raises(OverflowError):
        await conversation.deliver(Frame.of("2a35", PRESSURE), arrived())
    stumbled = await room.journal.frame(1)
    assert stumbled is not None
    await room.journal.commit_frame(
        device=CUFF.id,
        address=CUFF.address,
        connection=stumbled.connection,
        driver=stumbled.driver,
        origin="simulator",
        frame=Frame.of("2a35", bytes.fromhex("04 8200 5000 5d00 4800")),
        first_byte=station_now(),
        last_byte=station_now(),
        settling=stumbled.settling,
    )
    assert await room.intake.recover([source]) == 2
    (filing,) = await room.filings()
    assert filing.reading.measurement.model_dump()["systolic_mmhg"] == Decimal(130)
    assert await room.journal.last_not_understood(9) == [(stumbled, "OverflowError: invented")]
    assert room.shown.not_understood == ["cuff"]
    assert "frame_not_read device=cuff frame=1" in caplog.text
    assert await room.intake.recover([source]) == 0


async def test_a_frame_the_disk_keeps_from_being_read_is_read_later(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.visit(timedelta(hours=1))

    async def failing(_told: object) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(room.journal, "is_repeated", failing)
        with pytest.raises(sqlite3.OperationalError):
            await room.intake.open(CUFF).deliver(Frame.of("2a35", PRESSURE), arrived())
        with pytest.raises(sqlite3.OperationalError):
            await room.intake.recover([CUFF])
    assert await room.intake.recover([CUFF]) == 1
    assert len(await room.filings()) == 1


async def test_a_frame_whose_reading_a_crash_prevented_is_read_at_the_next_start(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    loaded = Frame.of("-", b"S S     72.40 kg")
    async with Journal(path) as journal:
        room = Room(journal)
        await room.visit(timedelta(hours=1))
        conversation = room.intake.open(SCALE)
        await conversation.deliver(Frame.of("-", b"S S      0.00 kg"), arrived())
        await conversation.deliver(loaded, arrived())
        # The crash comes after the commit of the second agreeing frame and before it is read.
        last = await journal.frame(2)
        assert last is not None
        settled = last.settling.model_copy(
            update={"candidate": Decimal("72.40"), "began": station_now()}
        )
        now = station_now()
        await journal.commit_frame(
            device=SCALE.id,
            address=SCALE.address,
            connection=last.connection,
            driver=last.driver,
            origin="simulator",
            frame=loaded,
            first_byte=now,
            last_byte=now,
            settling=settled,
        )
    async with Journal(path) as journal:
        room = Room(journal)
        await room.desk.load()
        assert await room.intake.recover([CUFF]) == 0
        assert await room.intake.recover([SCALE]) == 1
        assert await room.intake.recover([SCALE]) == 0
        (filing,) = await room.filings()
        # Nobody saw who stood there at the crash: a person says whose it is.
        assert (filing.state, filing.attribution.quarantine) == ("quarantined", "restarted")
        assert filing.reading.measurement == BodyWeight(kilograms=Decimal("72.40"), stable=True)
