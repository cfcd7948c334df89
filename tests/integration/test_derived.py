"""Derived readings and metrology on the whole road: journal, publisher, broker, dossier, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from invented import filed, height, pressure, weight
from processes import until
from vitals_room import BRUNO, DOCTOR, NURSE

from devicehub.delivery.dossier_api import DossierApi
from devicehub.delivery.publisher import Publisher
from devicehub.delivery.wire import StationTopics
from devicehub.devices import registry
from devicehub.devices.intake import Intake, Source
from devicehub.devices.upkeep import Upkeep
from devicehub.dossier.dossier import DossierSettings, running
from devicehub.dossier.store import DossierStore, Filed
from devicehub.dossier.visits import NewVisit, UnknownVisit
from devicehub.driver import BodyMassIndex, Frame, Kind
from devicehub.journal.journal import Journal
from devicehub.journal.metrology import MetrologyEntry
from devicehub.journal.records import Filing, State, Visit
from devicehub.journal.seal import Seal
from devicehub.journal.states import ACCEPTED
from devicehub.transport.hands import Arrival, station_now
from devicehub.visit import gate
from devicehub.visit import series as the
from devicehub.visit.deriver import Deriver, NoSeries, NotTaken
from devicehub.visit.desk import Desk
from devicehub.visit.dossier import KnownVisit, Opening
from devicehub.visit.ins import INS_NIR_TEST
from devicehub.visit.patient import Ins, PatientIdentity
from devicehub.visit.review import Review
from devicehub.visit.series import SeriesRules

if TYPE_CHECKING:
    from tests.integration.conftest import Nats

PATIENCE_SECONDS = 30.0
ALICE = PatientIdentity(family_name="TEST", given_name="Alice", born=date(1970, 1, 1), sex="F")
CUFF = Source("cuff", registry.find("sig_blood_pressure"), "C0:00:00:00:00:01", "simulator")
PRESSURE = bytes.fromhex("04 7800 5000 5d00 4800")
"""120/80 mmHg, mean 93, pulse 72; no time stamp (flags 0x04)."""


class Room:
    """A station without devices, its broker and its dossier."""

    def __init__(self, journal: Journal, desk: Desk, dossier: DossierApi, store: Path) -> None:
        self.journal = journal
        self.desk = desk
        self.dossier = dossier
        self.review = Review(journal, desk)
        self.store = store
        self.deriver = Deriver(
            journal,
            version="9",
            known=desk.patient_before,
            ended=desk.ended,
        )

    async def file(self, *filings: Filing) -> list[UUID]:
        await self.journal.file(filings)
        return [filing.reading.id for filing in filings]

    async def until(self, holds: Callable[[Sequence[Filed]], bool], visit: str) -> list[Filed]:
        """What the dossier has filed of a visit, once it ``holds``."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                found = await asyncio.to_thread(self._filed, visit)
                if holds(found):
                    return found
                await asyncio.sleep(0.02)

    async def receipted(self, reading: UUID) -> None:
        """Wait until the dossier's receipt has come for a reading as it stands now."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                filing = await self.journal.reading(reading)
                if filing is not None and filing.state == "filed":
                    return
                await asyncio.sleep(0.02)

    async def comes_again(self, visit: str) -> str:
        """Plan a visit at the dossier for the patient of an earlier one, and open it here."""

        def plan() -> str:
            with DossierStore(self.store, create=False) as dossier:
                patient = dossier.visit(visit, actor="test").patient
                new = NewVisit(who=patient, station="room-1", planned_at=station_now())
                return dossier.make_visit(new, actor="test")[0].known.visit

        again = await asyncio.to_thread(plan)
        return (await self.desk.open_planned(again, author="a", closes=visit)).id

    def _filed(self, visit: str) -> list[Filed]:
        with DossierStore(self.store, create=False) as dossier:
            try:
                return list(dossier.filed(visit))
            except UnknownVisit:  # it opens here first, and is told there as soon as may be
                return []


def of_kind(kind: Kind, filed: Sequence[Filed], *, withdrawn: bool = False) -> list[Filed]:
    return [
        one
        for one in filed
        if one.reading.kind == kind
        and one.reading.source == "derived"
        and one.withdrawn == withdrawn
    ]


@asynccontextmanager
async def at_work(room: Room, publisher: Publisher) -> AsyncIterator[None]:
    """Everything that runs, for as long as the context lasts."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(publisher.run()),
            group.create_task(room.desk.run()),
            group.create_task(room.deriver.run()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


@pytest.fixture
async def room(tmp_path: Path, nats: Nats) -> AsyncIterator[Room]:
    settings = DossierSettings(
        dossier="main",
        store=tmp_path / "dossier.sqlite",
        broker=nats.address(),
        simulation=True,
    )
    async with (
        running(settings) as dossier,
        DossierApi(dossier.url) as api,
        Journal(tmp_path / "journal.sqlite") as journal,
    ):
        desk = Desk(
            journal,
            station="room-1",
            grace=timedelta(seconds=120),
            confirm="none",
            dossier=api,
            seal=Seal(tmp_path / "identity.key"),
            show=lambda visit, _identity: show(visit),
        )
        its = Room(journal, desk, api, settings.store)

        shown: list[str] = []

        def show(visit: Visit | None) -> None:
            shown.extend([] if visit is None else [visit.id])
            for one in shown[-2:]:
                its.deriver.look_again(one)

        await desk.load()
        publisher = Publisher(
            journal,
            nats.address(client_id="station"),
            StationTopics("practice", "room-1"),
            station="room-1",
            boot=uuid4(),
            version="9",
        )
        async with at_work(its, publisher):
            yield its


async def test_a_body_mass_index_is_filed_superseded_and_withdrawn_with_its_members(
    room: Room,
) -> None:
    visit = (await room.desk.open(ALICE, author="a")).id
    (first, _rod) = await room.file(
        filed(weight("81"), visit=visit, at=station_now()),
        filed(height("180"), visit=visit, at=station_now()),
    )
    found = await room.until(lambda filed: bool(of_kind("body_mass_index", filed)), visit)
    (index,) = of_kind("body_mass_index", found)
    assert index.reading.measurement == BodyMassIndex(kilograms_per_square_metre=Decimal(25))
    assert index.reading.derived_from[0] == first
    assert {one.reading.id for one in found} >= set(index.reading.derived_from)

    (again,) = await room.file(filed(weight("78"), visit=visit, at=station_now()))
    found = await room.until(
        lambda filed: bool(of_kind("body_mass_index", filed, withdrawn=True)), visit
    )
    assert [one.reading.id for one in of_kind("body_mass_index", found, withdrawn=True)] == [
        index.reading.id
    ]

    await room.review.withdraw(again, 1, by=NURSE, reason="wrong_patient")
    found = await room.until(
        lambda filed: any(
            one.reading.id == index.reading.id for one in of_kind("body_mass_index", filed)
        ),
        visit,
    )
    # The retake is gone: the first weight stands again, and with it the index that was made of it.
    assert len(of_kind("body_mass_index", found)) == 1


async def test_a_member_given_to_another_patient_takes_the_index_from_the_first(room: Room) -> None:
    first = (await room.desk.open(ALICE, author="a")).id
    (scale, _rod) = await room.file(
        filed(weight("81"), visit=first, at=station_now()),
        filed(height("180"), visit=first, at=station_now()),
    )
    await room.until(lambda filed: bool(of_kind("body_mass_index", filed)), first)
    second = (await room.desk.open(ALICE, author="a", closes=first)).id
    await room.review.reassign(scale, 1, second, by=NURSE, reason="wrong_patient")
    found = await room.until(
        lambda filed: bool(of_kind("body_mass_index", filed, withdrawn=True)), first
    )
    assert of_kind("body_mass_index", found) == []


async def test_the_height_of_an_earlier_visit_is_marked(room: Room) -> None:
    earlier = (await room.desk.open(ALICE, author="a")).id
    then = datetime.now(UTC) - timedelta(days=30)
    (rod,) = await room.file(filed(height("180"), visit=earlier, at=then))
    await room.until(lambda filed: len(filed) == 1, earlier)
    visit = await room.comes_again(earlier)
    await room.file(filed(weight("81"), visit=visit, at=station_now()))
    found = await room.until(lambda filed: bool(of_kind("body_mass_index", filed)), visit)
    (index,) = of_kind("body_mass_index", found)
    assert index.reading.derivation is not None
    (_scale, known) = index.reading.derivation.members
    assert (known.reading, known.from_record) == (rod, True)


async def index_of_the_record(room: Room) -> tuple[UUID, str, Filed]:
    """A height of an earlier visit, a visit of the same patient's, and the index filed there of both."""
    earlier = (await room.desk.open(ALICE, author="a")).id
    then = datetime.now(UTC) - timedelta(days=30)
    (rod,) = await room.file(filed(height("180"), visit=earlier, at=then))
    await room.until(lambda filed: len(filed) == 1, earlier)
    visit = await room.comes_again(earlier)
    await room.file(filed(weight("81"), visit=visit, at=station_now()))
    found = await room.until(lambda filed: bool(of_kind("body_mass_index", filed)), visit)
    (index,) = of_kind("body_mass_index", found)
    return rod, visit, index


async def restarted(room: Room) -> Deriver:
    """What derives in the station's next run, of which the dossier has told nothing yet."""
    desk = Desk(
        room.journal,
        station="room-1",
        grace=timedelta(seconds=120),
        confirm="none",
        dossier=room.dossier,
        seal=Seal(room.journal.path.parent / "identity.key"),
        show=lambda _visit, _identity: None,
    )
    await desk.load()
    return Deriver(room.journal, version="9", known=desk.patient_before, ended=desk.ended)


async def state_of(room: Room, reading: UUID) -> str:
    filing = await room.journal.reading(reading)
    assert filing is not None
    return filing.state


@pytest.mark.parametrize("closed", [True, False])
async def test_a_restart_takes_no_index_back_of_which_the_dossier_says_nothing_yet(
    room: Room, *, closed: bool
) -> None:
    _rod, visit, index = await index_of_the_record(room)
    if closed:
        await room.desk.close(author="a")
    after = await restarted(room)
    await after.settle(visit)
    assert await state_of(room, index.reading.id) in ACCEPTED
    scale = index.reading.derived_from[0]
    await room.review.withdraw(scale, 1, by=NURSE, reason="device")
    await after.settle(visit)
    assert await state_of(room, index.reading.id) == "withdrawn"


async def test_a_height_that_was_somebody_elses_takes_the_index_of_a_later_visit_along(
    room: Room,
) -> None:
    rod, visit, index = await index_of_the_record(room)
    bruno = (await room.desk.open(BRUNO, author="a", closes=visit)).id
    await room.review.reassign(rod, 1, bruno, by=NURSE, reason="wrong_patient")
    found = await room.until(
        lambda filed: bool(of_kind("body_mass_index", filed, withdrawn=True)), visit
    )
    (dropped,) = of_kind("body_mass_index", found, withdrawn=True)
    assert dropped.reading.id == index.reading.id
    assert dropped.revisions[-1].reason == "superseded"
    assert of_kind("body_mass_index", found) == []


@pytest.mark.parametrize("again", [True, False])
async def test_no_index_is_made_or_kept_of_a_height_that_is_no_longer_the_patients(
    room: Room, *, again: bool
) -> None:
    rod, visit, index = await index_of_the_record(room)
    bruno = (await room.desk.open(BRUNO, author="a", closes=visit)).id
    await room.review.reassign(rod, 1, bruno, by=NURSE, reason="wrong_patient")
    await room.until(lambda filed: len(filed) == 1, bruno)
    if again:  # what the dossier said when the visit was opened is still at hand
        await room.file(filed(weight("80"), visit=visit, at=station_now()))
        await room.deriver.settle(visit)
    else:
        await (await restarted(room)).settle(visit)
    held = await room.journal.of_visit(visit)
    computed = [one for one in held if one.reading.source == "derived"]
    assert [(one.reading.id, one.state) for one in computed] == [(index.reading.id, "withdrawn")]


async def test_a_height_withdrawn_in_an_earlier_visit_takes_the_index_along(room: Room) -> None:
    rod, visit, index = await index_of_the_record(room)
    await room.review.withdraw(rod, 1, by=NURSE, reason="device")
    await room.until(lambda filed: bool(of_kind("body_mass_index", filed, withdrawn=True)), visit)
    assert await state_of(room, index.reading.id) == "withdrawn"


async def test_a_height_moved_to_its_patient_and_filed_so_serves_the_visits_opened_afterwards(
    room: Room,
) -> None:
    bruno = (await room.desk.open(BRUNO, author="a")).id
    (rod,) = await room.file(filed(height("180"), visit=bruno, at=station_now()))
    await room.until(lambda filed: len(filed) == 1, bruno)
    alice = (await room.desk.open(ALICE, author="a", closes=bruno)).id
    await room.review.reassign(rod, 1, alice, by=NURSE, reason="wrong_patient")
    await room.until(lambda filed: len(filed) == 1, alice)
    await room.receipted(rod)
    visit = await room.comes_again(alice)
    await room.file(filed(weight("81"), visit=visit, at=station_now()))
    found = await room.until(lambda filed: bool(of_kind("body_mass_index", filed)), visit)
    (index,) = of_kind("body_mass_index", found)
    assert index.reading.derived_from[1] == rod


async def test_a_weight_unlike_the_last_one_asks_who_it_is_before_anything_is_filed(
    room: Room,
) -> None:
    earlier = (await room.desk.open(ALICE, author="a")).id
    then = datetime.now(UTC) - timedelta(days=30)
    await room.file(filed(weight("60"), visit=earlier, at=then))
    await room.until(lambda filed: len(filed) == 1, earlier)
    visit = await room.comes_again(earlier)
    await until(lambda: bool(room.desk.earlier(visit)), "the dossier tells of before")
    unlike = filed(weight("81"), visit=visit, at=station_now()).reading
    assert room.desk.doubt(unlike, visit) == "weight_unlike_before"
    assert room.desk.first_state(unlike, visit) == "to_review"
    alike = filed(weight("61"), visit=visit, at=station_now()).reading
    assert room.desk.first_state(alike, visit) == "accepted"


async def test_a_weight_that_came_before_the_dossiers_answer_is_asked_about_and_its_index_never_left(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ALICE.model_copy(update={"ins": Ins(matricule="270017599999988", oid=INS_NIR_TEST)})
    before = (await room.desk.open(known, author="a")).id
    then = datetime.now(UTC) - timedelta(days=30)
    await room.file(filed(weight("60"), visit=before, at=then))
    await room.until(lambda filed: len(filed) == 1, before)

    may_answer, open_visit = asyncio.Event(), room.dossier.open_visit

    async def answers_late(opening: Opening) -> KnownVisit:
        await may_answer.wait()
        return await open_visit(opening)

    monkeypatch.setattr(room.dossier, "open_visit", answers_late)
    visit = (await room.desk.open(known, author="a", closes=before)).id
    scale, rod = await room.file(
        filed(weight("81"), visit=visit, at=station_now()),
        filed(height("180"), visit=visit, at=station_now()),
    )

    async def stand(*states: State) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                here = await room.journal.of_visit(visit)
                if [one.state for one in here] == list(states):
                    return
                await asyncio.sleep(0.02)

    await stand("accepted", "accepted", "accepted")
    may_answer.set()
    await stand("to_review", "filed", "withdrawn")
    (only,) = await room.until(bool, visit)
    assert only.reading.id == rod
    sent = await room.journal.store.read(
        lambda database: database.execute(
            "SELECT sent FROM reading WHERE visit = ?", (visit,)
        ).fetchall()
    )
    assert sent == [(0,), (1,), (0,)]

    await room.review.accept(scale, 1, by=NURSE)
    found = await room.until(lambda filed: bool(of_kind("body_mass_index", filed)), visit)
    assert {one.reading.id for one in found} >= {scale, rod}


async def test_a_series_is_filed_with_its_members_and_falls_with_one_of_them(room: Room) -> None:
    visit = (await room.desk.open(ALICE, author="a")).id
    rules = SeriesRules(rest_seconds=0, interval_seconds=0, count=2)
    await room.deriver.begin(visit, rules, arm="left", posture="seated")
    began = station_now()
    pressures = [
        filed(pressure(systolic), visit=visit, at=began + timedelta(minutes=2 * number))
        for number, systolic in enumerate((150, 141, 139), start=1)
    ]
    first, second = await room.file(*pressures[:2])
    found = await room.until(lambda filed: bool(of_kind("blood_pressure", filed)), visit)
    (mean,) = of_kind("blood_pressure", found)
    assert mean.reading.measurement.model_dump()["systolic_mmhg"] == Decimal(146)
    assert mean.reading.derived_from == (first, second)
    assert mean.reading.derivation is not None
    assert {member.arm for member in mean.reading.derivation.members} == {"left"}
    assert mean.reading.origin == "simulator"

    await room.review.withdraw(second, 1, by=NURSE, reason="cuff")
    await room.until(lambda filed: bool(of_kind("blood_pressure", filed, withdrawn=True)), visit)
    (third,) = await room.file(pressures[2])
    found = await room.until(lambda filed: bool(of_kind("blood_pressure", filed)), visit)
    (mean,) = of_kind("blood_pressure", found)
    assert mean.reading.derived_from == (first, third)


async def test_a_label_that_is_corrected_after_sending_withdraws_the_mean_and_files_another(
    room: Room,
) -> None:
    visit = (await room.desk.open(ALICE, author="a")).id
    rules = SeriesRules(rest_seconds=0, interval_seconds=0, count=2)
    await room.deriver.begin(visit, rules, arm="left", posture="seated")
    began = station_now()
    several = [
        filed(pressure(systolic), visit=visit, at=began + timedelta(minutes=2 * number))
        for number, systolic in enumerate((150, 141), start=1)
    ]
    first, second = await room.file(*several)
    found = await room.until(lambda filed: bool(of_kind("blood_pressure", filed)), visit)
    (wrong,) = of_kind("blood_pressure", found)

    async def corrected(reading: UUID) -> None:
        await room.deriver.relabel(visit, reading, arm="right", posture="seated", author="nurse")

    await corrected(second)
    found = await room.until(
        lambda filed: bool(of_kind("blood_pressure", filed, withdrawn=True)), visit
    )
    assert of_kind("blood_pressure", found) == [], "a mean never mixes arms"
    await corrected(first)
    await corrected(first)
    found = await room.until(lambda filed: bool(of_kind("blood_pressure", filed)), visit)
    (right,) = of_kind("blood_pressure", found)
    assert right.reading.measurement == wrong.reading.measurement
    assert right.reading.derivation is not None
    assert {member.arm for member in right.reading.derivation.members} == {"right"}
    members = [one for one in found if one.reading.id in (first, second)]
    assert [len(one.revisions) for one in members] == [1, 1], "a reading is never altered"
    audit = await room.journal.store.read(
        lambda database: database.execute(
            "SELECT author, subject, detail FROM audit WHERE act = 'relabel' ORDER BY number"
        ).fetchall()
    )
    what = "left seated > right seated"
    assert audit == [("nurse", str(second), what), ("nurse", str(first), what)]

    await room.review.withdraw(second, 1, by=NURSE, reason="cuff")
    with pytest.raises(NotTaken):
        await corrected(second)
    with pytest.raises(NotTaken):
        await corrected(right.reading.id)


async def test_a_series_that_is_done_leaves_later_readings_alone(room: Room) -> None:
    visit = (await room.desk.open(ALICE, author="a")).id
    rules = SeriesRules(rest_seconds=0, interval_seconds=0, count=3)
    await room.deriver.begin(visit, rules, arm="left", posture="seated")
    began = station_now()
    pressures = [
        filed(pressure(systolic), visit=visit, at=began + timedelta(minutes=2 * number))
        for number, systolic in enumerate((150, 141, 139, 200, 90, 121), start=1)
    ]
    first, second, third = await room.file(*pressures[:3])
    found = await room.until(lambda filed: bool(of_kind("blood_pressure", filed)), visit)
    (mean,) = of_kind("blood_pressure", found)
    for later in pressures[3:5]:
        await room.file(later)
        await room.deriver.settle(visit)
    found = await room.until(lambda filed: len(filed) >= 6, visit)
    assert of_kind("blood_pressure", found) == [mean]
    assert of_kind("blood_pressure", found, withdrawn=True) == []
    assert mean.reading.derived_from == (second, third)

    await room.review.withdraw(second, 1, by=NURSE, reason="cuff")
    await room.until(lambda filed: bool(of_kind("blood_pressure", filed, withdrawn=True)), visit)
    asked = await room.deriver.course(visit)
    assert asked is not None
    assert (asked[1].act, asked[1].number) == ("measure", 3)
    (again,) = await room.file(pressures[5])
    found = await room.until(lambda filed: bool(of_kind("blood_pressure", filed)), visit)
    (mean,) = of_kind("blood_pressure", found)
    assert mean.reading.derived_from == (third, again)
    assert mean.reading.derivation is not None
    assert [one.reading for one in mean.reading.derivation.members] == [first, third, again]


async def test_a_series_that_is_left_with_its_visit_files_what_it_has(room: Room) -> None:
    visit = (await room.desk.open(ALICE, author="a")).id
    rules = SeriesRules(rest_seconds=0, interval_seconds=0, count=2, standing_minutes=(1, 3))
    await room.deriver.begin(visit, rules, arm="left", posture="seated")
    began = station_now()
    for number, systolic in enumerate((150, 141), start=1):
        await room.file(
            filed(pressure(systolic), visit=visit, at=began + timedelta(minutes=2 * number))
        )
    await room.until(lambda filed: len(filed) == 2, visit)
    await room.desk.close(author="a")
    found = await room.until(lambda filed: bool(of_kind("blood_pressure", filed)), visit)
    assert len(found) == 3


async def test_a_series_survives_a_restart_and_ends_with_its_visit(room: Room) -> None:
    visit = (await room.desk.open(ALICE, author="a")).id
    rules = SeriesRules(rest_seconds=0, interval_seconds=0, count=3, standing_minutes=(1,))
    begun = await room.deriver.begin(visit, rules, arm=None, posture="lying")
    after = Deriver(room.journal, version="9", known=lambda _visit: None)
    await after.change(
        visit,
        begun.id,
        lambda series, now: the.put_cuff_on(the.cut_rest(series, now), "left", now),
    )
    resumed = await after.course(visit)
    assert resumed is not None
    assert (resumed[0].id, resumed[0].arm, resumed[1].act) == (begun.id, "left", "measure")
    await room.desk.close(author="a")
    await after.settle(visit)
    with pytest.raises(NoSeries):
        await after.change(visit, begun.id, the.stand_up)


async def test_a_device_without_its_check_is_kept_for_the_physician_and_says_so_in_the_dossier(
    room: Room,
) -> None:
    visit = (await room.desk.open(ALICE, author="a")).id
    intake = Intake(
        room.journal,
        room.desk,
        station="room-1",
        secrets=room.journal.path.parent / "secrets",
        upkeep=Upkeep({"cuff": ("calibration",)}, block=True),
        show_live=lambda *_: None,
        show_not_understood=lambda *_: None,
    )

    async def measured() -> Filing:
        now = station_now()
        await intake.open(CUFF).deliver(Frame.of("2a35", PRESSURE), Arrival(now, now))
        (filing,) = await room.journal.latest(1)
        # It may have begun before the visit was opened, a moment ago: a person vouches for it.
        return await room.review.assign(filing.reading.id, 1, visit, by=NURSE, reason="other")

    lapsed = await measured()
    assert lapsed.state == "to_review"
    assert gate.hold(lapsed.reading, ()) == "metrology_lapsed"
    assert lapsed.reading.metrology is not None
    assert lapsed.reading.metrology.worst == "missing"
    await room.journal.record_metrology(
        MetrologyEntry(
            device="cuff",
            act="calibration",
            done_on=date.today(),  # noqa: DTZ011 - a certificate bears a local day
            by="ACME",
            certificate="C-7",
            due=date.today() + timedelta(days=365),  # noqa: DTZ011 - as above
            author="tech",
            at=station_now(),
        )
    )
    in_force = await measured()
    assert (in_force.state, gate.hold(in_force.reading, ())) == ("accepted", None)
    await room.review.accept(lapsed.reading.id, lapsed.attribution.revision, by=DOCTOR)
    found = await room.until(lambda filed: len(filed) == 2, visit)
    told = {one.reading.id: one.reading.metrology for one in found}
    before, after = told[lapsed.reading.id], told[in_force.reading.id]
    assert before is not None
    assert after is not None
    assert (before.blocks, before.checks[0].standing) == (True, "missing")
    assert (after.blocks, after.checks[0].certificate) == (False, "C-7")
