"""The road of a frame on a real journal: committed first, read once, attributed or quarantined, recovered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from devicehub.devices import registry
from devicehub.devices.intake import Intake, Source
from devicehub.driver import BodyWeight, Frame, Measurement, NotUnderstood
from devicehub.journal.failures import NotAllowed
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing
from devicehub.journal.seal import Seal
from devicehub.transport.hands import Arrival, station_now
from devicehub.visit.desk import Desk
from devicehub.visit.dossier import KnownVisit, Opening
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.policy import Confirm
from devicehub.visit.review import Review

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
    await room.desk.open_planned("v2", author="nurse")
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


async def test_rubbish_is_kept_counted_and_shown_but_no_reading(room: Room) -> None:
    await room.visit(timedelta(hours=1))
    await room.intake.open(CUFF).deliver(Frame.of("2a35", PRESSURE[:4]), arrived())
    assert await room.filings() == []
    assert await room.journal.not_understood() == 1
    assert room.shown.not_understood == ["cuff"]


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


async def test_a_person_accepts_or_rejects_what_waits_and_only_once(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        room = Room(journal, confirm="every")
        await room.visit(timedelta(hours=1))
        conversation = room.intake.open(CUFF)
        for _ in range(2):
            await conversation.deliver(Frame.of("2a35", PRESSURE), arrived())
        first, second = await room.filings()
        assert (await journal.outbox()).waiting == 0
        await room.review.accept(first.reading.id, author="nurse")
        await room.review.reject(second.reading.id, author="nurse", reason="moved")
        with pytest.raises(NotAllowed):
            await room.review.reject(second.reading.id, author="nurse", reason="moved")
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
