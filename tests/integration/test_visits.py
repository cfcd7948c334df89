"""Visits between a real journal and a real dossier: opened at once, told when it answers, locked after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any
from uuid import uuid4

import httpx
import pytest
from invented import filed, weight
from ports import free_port
from processes import until
from starlette.applications import Starlette
from vitals_room import ALICE, BRUNO, GRACE, NURSE, STATION, Clock, Room, dossier_on

from devicehub.delivery.dossier_api import DossierApi
from devicehub.delivery.wire import Item
from devicehub.dossier.api import api
from devicehub.dossier.filing import Arrival
from devicehub.dossier.store import DossierStore
from devicehub.journal.failures import JournalFull, NotAllowed
from devicehub.journal.records import Filing, State, Told
from devicehub.visit import desk as desk_module
from devicehub.visit.desk import Desk
from devicehub.visit.dossier import DossierRefused, DossierUnreachable, KnownVisit, Opening
from devicehub.visit.ins import INS_NIR_TEST
from devicehub.visit.operators import Operator
from devicehub.visit.patient import Ins, PatientIdentity

PAUL = Operator(id="paul", name="Dr TEST Paul", role="physician")
RENE = Operator(id="rene", name="Dr TEST René", role="physician")

DossierOn = Callable[[], AbstractAsyncContextManager[str]]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def dossier(tmp_path: Path, port: int) -> DossierOn:
    return partial(dossier_on, tmp_path, port)


@pytest.fixture
async def room(tmp_path: Path, url: str) -> AsyncIterator[Room]:
    async with Room(tmp_path, url) as opened:
        yield opened


def opened_at_dossier(folder: Path) -> list[str]:
    with (
        DossierStore(folder / "dossier.sqlite", create=False) as store,
        store._engine.connect() as c,
    ):
        return [row[0] for row in c.exec_driver_sql("SELECT id FROM visits ORDER BY opened_at")]


async def plan(url: str, **more: object) -> str:
    """The practice software plans a visit of Alice's; its id."""
    body = {
        "identity": ALICE.model_dump(mode="json"),
        "station": STATION,
        "planned_at": datetime.now(UTC).isoformat(),
        "plan": ["blood_pressure"],
        "responsible": "Dr TEST",
        **more,
    }
    async with httpx.AsyncClient(base_url=url) as client:
        answer = await client.post("/v1/visits", json=body)
    assert answer.status_code == 201, answer.text
    visit: str = answer.json()["visit"]
    return visit


# ------------------------------------------------------------------- the dossier is not there


async def test_without_a_dossier_a_visit_opens_all_the_same_and_is_told_later(
    room: Room, dossier: DossierOn, tmp_path: Path
) -> None:
    visit = await room.desk.open(ALICE, author="nurse")
    await room.settle()
    filing = await room.measure()
    assert (filing.state, filing.attribution.visit) == ("accepted", visit.id)
    assert not await room.desk.reconcile()
    assert "does not answer" in (room.desk.dossier_trouble or "")
    assert (await room.journal.outbox()).waiting == 1
    assert await room.journal.take_due(10) == [], "nothing leaves under an id nobody knows"
    sealed = await room.journal.sealed_identity(visit.id)
    assert sealed is not None
    assert not any(b"Alice" in part for part in files(tmp_path))

    async with dossier():
        assert await room.desk.reconcile()
        assert (await room.api.visit(visit.id)).identity == ALICE
    (due,) = await room.journal.take_due(10)
    assert due.filing == filing
    assert room.desk.dossier_trouble is None
    assert room.desk.visit is not None
    assert room.desk.visit.at_dossier == "open"
    assert await room.journal.sealed_identity(visit.id) is None
    await room.__aexit__()
    kept = (tmp_path / "journal.sqlite").read_bytes()
    assert sealed not in kept, "erased, not only forgotten"
    assert opened_at_dossier(tmp_path) == [visit.id]


async def test_a_name_sealed_before_hidden_signs_were_refused_still_reaches_the_dossier(
    tmp_path: Path, url: str, dossier: DossierOn
) -> None:
    older = PatientIdentity.model_construct(
        **{**dict(ALICE), "family_name": "TEST\u202eIASSE", "ins": None}
    )
    async with Room(tmp_path, url) as room:
        visit = await room.desk.open(older, author="nurse")
        assert not await room.desk.reconcile()
    async with Room(tmp_path, url) as room, dossier():
        assert await room.desk.reconcile()
        assert (await room.api.visit(visit.id)).identity.family_name == "TEST�IASSE"


def files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob("journal*") if path.is_file()]


class AnswerLost(DossierApi):
    """The dossier does what it is asked, and the station dies or the line breaks before it hears so."""

    lose = True

    async def open_visit(self, opening: Opening) -> KnownVisit:
        known = await super().open_visit(opening)
        if self.lose:
            self.lose = False
            raise DossierUnreachable("the line broke")
        return known


async def test_an_answer_that_is_lost_makes_no_second_visit(
    tmp_path: Path, url: str, dossier: DossierOn
) -> None:
    async with dossier(), AnswerLost(url) as losing:
        async with Room(tmp_path, url) as room:
            room.desk._dossier = losing
            visit = await room.desk.open(ALICE, author="nurse")
            assert not await room.desk.reconcile()
        async with Room(tmp_path, url, clock=room.clock) as again:
            assert await again.desk.reconcile()
            assert again.desk.identity(visit.id) == ALICE
        assert opened_at_dossier(tmp_path) == [visit.id]


async def test_its_end_is_told_later_too_with_its_own_time(room: Room, dossier: DossierOn) -> None:
    first = await room.desk.open(ALICE, author="nurse")
    room.clock.pass_by(timedelta(minutes=5))
    second = await room.desk.open(BRUNO, author="nurse", closes=first.id)
    assert not await room.desk.reconcile()
    async with dossier():
        assert await room.desk.reconcile()
        told = await room.api.visit(first.id)
        assert (told.state, told.opened_at, told.closed_at) == (
            "closed",
            first.opened_at,
            second.opened_at,
        )
        await room.desk.close(author="nurse")
        assert await room.desk.reconcile()
        assert (await room.api.visit(second.id)).state == "closed"
        assert await room.journal.owed_visits() == []


async def test_a_visit_the_dossier_refuses_holds_up_no_other(
    room: Room, dossier: DossierOn, tmp_path: Path
) -> None:
    nowhere = KnownVisit(visit=f"v-{1:020x}", state="planned", identity=BRUNO)
    room.desk.worklist = (nowhere,)
    await room.desk.open_planned(nowhere.visit, author="nurse")
    other = await room.desk.open(ALICE, author="nurse", closes=nowhere.visit)
    async with dossier():
        assert not await room.desk.reconcile()
        assert "knows no such visit" in (room.desk.dossier_trouble or "")
        assert opened_at_dossier(tmp_path) == [other.id]


# ----------------------------------------------------------------------------- the worklist


async def test_a_planned_visit_is_opened_from_the_worklist_even_offline(
    tmp_path: Path, url: str, dossier: DossierOn
) -> None:
    clock = Clock()
    async with Room(tmp_path, url, clock=clock) as room:
        async with dossier():
            planned = await plan(url)
            (listed,) = await room.desk.refresh_worklist()
            assert (listed.visit, listed.identity) == (planned, ALICE)
        with pytest.raises(DossierUnreachable):
            await room.desk.refresh_worklist()
        visit = await room.desk.open_planned(planned, author="nurse")
        assert (visit.plan, visit.responsible) == (("blood_pressure",), "Dr TEST")
        assert room.desk.worklist == ()
        assert room.desk.identity(visit.id) == ALICE
        assert await room.desk.open_planned(planned, author="nurse") == visit
    async with Room(tmp_path, url, clock=clock) as room:
        assert not await room.desk.reconcile()
        assert room.desk.identity(planned) == ALICE, (
            "it was sealed: the dossier has not answered yet"
        )
        unlocked = await room.desk.unlock(planned, author="nurse")
        assert (unlocked.plan, unlocked.responsible) == (("blood_pressure",), "Dr TEST")
        async with dossier():
            assert await room.desk.reconcile()
        assert opened_at_dossier(tmp_path) == [planned]


async def test_a_visit_is_opened_by_its_id_and_a_closed_one_is_not(
    room: Room, url: str, dossier: DossierOn
) -> None:
    async with dossier():
        planned = await plan(url)
        await room.desk.open_planned(planned, author="nurse")
        await room.desk.close(author="nurse")
        with pytest.raises(NotAllowed, match="closed"):
            await room.desk.open_planned(planned, author="nurse")
        with pytest.raises(DossierRefused, match="no such visit"):
            await room.desk.open_planned("v-0", author="nurse")
        assert room.desk.visit is None


async def test_two_who_open_the_same_planned_visit_at_once_open_it_once(
    room: Room, url: str, dossier: DossierOn
) -> None:
    async with dossier():
        planned = await plan(url)
        both = [room.desk.open_planned(planned, author=one) for one in ("nurse", "doctor")]
        first, second = await asyncio.gather(*both)
    assert first == second == room.desk.visit
    assert [line[:2] for line in await room.audit()] == [("nurse", "open_visit")]


async def test_of_two_who_open_another_visit_at_once_the_second_closes_nothing(room: Room) -> None:
    seen = await room.desk.open(ALICE, author="nurse")
    planned = KnownVisit(visit=f"v-{1:020x}", state="planned", identity=BRUNO)
    room.desk.worklist = (planned,)
    first, second = await asyncio.gather(
        room.desk.open(BRUNO, author="nurse", closes=seen.id),
        room.desk.open_planned(planned.visit, author="doctor", closes=seen.id),
        return_exceptions=True,
    )
    assert isinstance(second, NotAllowed)
    assert "regardez le patient affiché" in str(second)
    assert room.desk.visit == first
    assert room.desk.worklist == (planned,), "it can still be opened"
    kept = await room.journal.visits(seen.opened_at)
    assert [one.id for one in kept if one.closed_at is None] == [room.desk.visit.id]
    assert [line[:2] for line in await room.audit()].count(("nurse", "open_visit")) == 2
    assert "doctor" not in {author for author, _act, _subject in await room.audit()}


async def test_what_happens_while_a_physician_is_named_is_not_forgotten(room: Room) -> None:
    visit = (await room.desk.open(ALICE, author="nurse", plan=("body_weight",))).id
    naming = asyncio.create_task(room.desk.entrust(visit, PAUL, author="nurse"))
    answered = asyncio.create_task(room.desk._answered(visit, "open"))
    await asyncio.sleep(0)
    room.desk.expect(visit, "blood_pressure")
    await asyncio.gather(naming, answered)
    assert room.desk.visit is not None
    (kept,) = await room.journal.visits(room.desk.visit.opened_at)
    assert (kept.at_dossier, kept.responsible) == ("open", PAUL.name)
    assert (room.desk.visit.at_dossier, room.desk.visit.responsible) == ("open", PAUL.name)
    assert room.desk.visit.plan == ("body_weight", "blood_pressure")


async def test_earlier_values_come_with_the_visit(
    room: Room, url: str, dossier: DossierOn, tmp_path: Path
) -> None:
    async with dossier():
        first = await room.desk.open(ALICE, author="nurse")
        await room.settle()
        filing = await room.measure()
        await room.desk.reconcile()
        file_directly(tmp_path, filing)
        async with httpx.AsyncClient(base_url=url) as client:
            patient = (await client.get(f"/v1/visits/{first.id}")).json()["patient"]
        planned = await plan(url, patient=patient, identity=None)
        await room.desk.open_planned(planned, author="nurse", closes=first.id)
        (earlier,) = room.desk.earlier(planned)
        assert earlier.measurement == filing.reading.measurement
        assert earlier.reading == filing.reading.id


def file_directly(folder: Path, filing: Filing) -> None:
    """As if it had come over the broker."""
    item = Item(reading=filing.reading, attribution=filing.attribution)
    with DossierStore(folder / "dossier.sqlite", create=False) as store:
        arrival = Arrival("site", STATION, STATION, item)
        (receipt,) = store.file([arrival], accepts_simulators=True)
    assert receipt.result == "filed"


# ------------------------------------------------------- what came before the dossier's answer


KNOWN = ALICE.model_copy(update={"ins": Ins(matricule="270017599999988", oid=INS_NIR_TEST)})
"""Alice as her card tells her: the record knows her again."""


async def known_at_60_kilograms(room: Room, folder: Path) -> str:
    """Alice was weighed in an earlier visit, which is over; that visit's id."""
    first = await room.desk.open(KNOWN, author="nurse")
    await room.desk.close(author="nurse")
    assert await room.desk.reconcile()
    then = datetime.now(UTC) - timedelta(days=30)
    file_directly(folder, filed(weight("60"), visit=first.id, at=then))
    return first.id


async def states(room: Room, *filings: Filing) -> list[State]:
    stand = [await room.journal.reading(filing.reading.id) for filing in filings]
    return [one.state for one in stand if one is not None]


async def test_what_came_before_the_dossiers_answer_is_asked_about_when_it_answers(
    room: Room, dossier: DossierOn, tmp_path: Path
) -> None:
    async with dossier():
        await known_at_60_kilograms(room, tmp_path)
    visit = await room.desk.open(KNOWN, author="nurse")
    await room.settle()
    unlike, alike, vouched = [await room.weigh(kilograms) for kilograms in (95, 61, 94)]
    assert await states(room, unlike, alike, vouched) == ["accepted"] * 3
    await room.review.undo(vouched.reading.id, 1, by=NURSE)
    await room.review.accept(vouched.reading.id, 1, by=NURSE)
    assert not await room.desk.reconcile()

    async with dossier():
        assert await room.desk.reconcile()
    assert await states(room, unlike, alike, vouched) == ["to_review", "accepted", "accepted"]
    assert [due.filing.reading.id for due in await room.journal.take_due(10)] == [
        alike.reading.id,
        vouched.reading.id,
    ]
    asked = ("station", "doubt", str(unlike.reading.id))
    assert [line for line in await room.audit() if line[1] == "doubt"] == [asked]

    await room.review.accept(unlike.reading.id, 1, by=NURSE)
    await room.desk.close(author="nurse")
    async with dossier():
        assert await room.desk.reconcile()
    assert await states(room, unlike) == ["accepted"], "it was asked once"
    assert unlike.attribution.visit == visit.id


async def test_a_station_that_ends_before_it_hears_the_answer_asks_at_the_next_one(
    tmp_path: Path, url: str, dossier: DossierOn
) -> None:
    async with dossier(), AnswerLost(url) as losing:
        async with Room(tmp_path, url) as room:
            await known_at_60_kilograms(room, tmp_path)
            room.desk._dossier = losing
            await room.desk.open(KNOWN, author="nurse")
            await room.settle()
            unlike = await room.weigh(95)
            await room.desk.close(author="nurse")
            assert not await room.desk.reconcile()
            assert await room.journal.take_due(10) == []
        async with Room(tmp_path, url, clock=room.clock) as again:
            assert await states(again, unlike) == ["accepted"]
            assert await again.journal.take_due(10) == []
            assert await again.desk.reconcile()
            assert await states(again, unlike) == ["to_review"]
            assert await again.journal.take_due(10) == []
            (left,) = await again.review.left_behind()
            assert left.reading.id == unlike.reading.id


async def test_a_visit_that_was_answered_before_the_restart_is_asked_about_until_it_is_known_again(
    tmp_path: Path, url: str, dossier: DossierOn
) -> None:
    """A scale's memory may tell what belongs to a visit of this morning, of which this run has not heard."""
    async with dossier(), Room(tmp_path, url) as room:
        await known_at_60_kilograms(room, tmp_path)
        visit = await room.desk.open(KNOWN, author="nurse")
        assert await room.desk.reconcile()
        await room.desk.close(author="nurse")
        assert await room.desk.reconcile()
        unlike = await room.weigh(95)
        clock = room.clock
    async with dossier(), Room(tmp_path, url, clock=clock) as again:
        assert again.desk.first_state(unlike.reading, visit.id) == "to_review"
        assert again.desk.doubt(unlike.reading, visit.id) == "nothing_to_compare"
        await again.desk.look_up(visit.id)
        assert again.desk.doubt(unlike.reading, visit.id) == "weight_unlike_before"


async def test_the_answer_asks_about_what_was_assigned_before_it_as_assigning_does_after_it(
    room: Room, dossier: DossierOn, tmp_path: Path
) -> None:
    async with dossier():
        other = await known_at_60_kilograms(room, tmp_path)
    nobodys = [await room.weigh(kilograms) for kilograms in (95, 96, 97)]
    assert await states(room, *nobodys) == ["quarantined"] * 3
    visit = (await room.desk.open(KNOWN, author="nurse")).id
    before, after, moved = (filing.reading.id for filing in nobodys)
    assigned = await room.review.assign(before, 1, visit, by=NURSE, reason="moved")
    assert assigned.state == "accepted"
    await room.review.assign(moved, 1, other, by=NURSE, reason="moved")
    await room.review.reassign(moved, 2, visit, by=NURSE, reason="moved")
    async with dossier():
        assert await room.desk.reconcile()
    await room.review.assign(after, 1, visit, by=NURSE, reason="moved")
    # To move what was accepted for somebody else asks nothing, before the answer or after it.
    assert await states(room, *nobodys) == ["to_review", "to_review", "accepted"]


async def test_the_worklist_tells_of_before_and_after_a_restart_the_answer_does(
    tmp_path: Path, url: str, dossier: DossierOn
) -> None:
    clock = Clock()
    async with Room(tmp_path, url, clock=clock) as room:
        async with dossier():
            before = await known_at_60_kilograms(room, tmp_path)
            async with httpx.AsyncClient(base_url=url) as client:
                patient = (await client.get(f"/v1/visits/{before}")).json()["patient"]
            planned = await plan(url, patient=patient, identity=None)
            await room.desk.refresh_worklist()
        await room.desk.open_planned(planned, author="nurse")
        await room.settle()
        asked = await room.weigh(95)
        assert asked.state == "to_review"
        await room.review.accept(asked.reading.id, 1, by=NURSE)
    async with Room(tmp_path, url, clock=clock) as room:
        with pytest.raises(DossierUnreachable):
            await room.desk.refresh_worklist()
        assert not await room.desk.reconcile()
        await room.desk.unlock(planned, author="nurse")
        await room.settle()
        unlike = await room.weigh(96)
        assert await states(room, asked, unlike) == ["accepted"] * 2
        async with dossier():
            assert await room.desk.reconcile()
        assert await states(room, asked, unlike) == ["accepted", "to_review"]


async def test_the_answer_that_comes_while_a_frame_is_read_asks_about_all_of_it(
    room: Room, dossier: DossierOn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dossier():
        await known_at_60_kilograms(room, tmp_path)
        await room.desk.open(KNOWN, author="nurse")
        await room.settle()
        is_repeated = room.journal.is_repeated
        looked: list[Told] = []

        async def answers_meanwhile(said: Told) -> bool:
            looked.append(said)
            if len(looked) == 3:  # the weight has been looked at, the height is
                assert await room.desk.reconcile()
            return await is_repeated(said)

        monkeypatch.setattr(room.journal, "is_repeated", answers_meanwhile)
        unlike = await room.weigh(95, index_and_height=bytes.fromhex("2501 0807"))
        assert len(looked) > 3
        assert unlike.state == "to_review"


# --------------------------------------------------------------------- who answers for it


async def test_who_answers_for_a_visit_may_change_while_it_is_open_and_the_dossier_hears_of_it(
    tmp_path: Path, url: str, dossier: DossierOn
) -> None:
    clock = Clock()
    async with Room(tmp_path, url, clock=clock) as room:
        async with dossier():
            planned = await plan(url, responsible=None)
            visit = await room.desk.open_planned(planned, author="nurse", responsible=PAUL.name)
            assert visit.responsible == PAUL.name
            assert await room.desk.reconcile()
            assert (await room.api.visit(planned)).responsible == PAUL.name
        await room.desk.entrust(planned, RENE, author="nurse")
        await room.desk.entrust(planned, RENE, author="nurse")
        assert not await room.desk.reconcile()
    async with Room(tmp_path, url, clock=clock) as room:
        assert room.desk.visit is not None
        assert room.desk.visit.responsible == RENE.name
        await room.desk.close(author="nurse")
        with pytest.raises(NotAllowed, match="closed"):
            await room.desk.entrust(planned, PAUL, author="nurse")
        async with dossier():
            assert await room.desk.reconcile()
            told = await room.api.visit(planned)
            assert (told.responsible, told.state) == (RENE.name, "closed")
        assert await room.journal.owed_visits() == []
        named = [line for line in await room.audit() if line[1] == "entrust_visit"]
        assert named == [("nurse", "entrust_visit", planned)], "the same word twice is one"


class AnotherWordMeanwhile(DossierApi):
    """While the dossier hears who answers for a visit, somebody names another physician."""

    desk: Desk

    async def entrust_visit(self, visit: str, responsible: str) -> None:
        await super().entrust_visit(visit, responsible)
        if responsible == PAUL.name:
            await self.desk.entrust(visit, RENE, author="nurse")


async def test_a_word_that_comes_while_the_dossier_hears_the_one_before_is_told_too(
    room: Room, url: str, dossier: DossierOn
) -> None:
    async with dossier(), AnotherWordMeanwhile(url) as between:
        planned = await plan(url, responsible=None)
        room.desk._dossier, between.desk = between, room.desk
        await room.desk.open_planned(planned, author="nurse", responsible=PAUL.name)
        await room.desk.reconcile()
        assert [owed.visit.id for owed in await room.journal.owed_visits()] == [planned]
        await room.desk.reconcile()
        assert (await room.api.visit(planned)).responsible == RENE.name


async def test_a_dossier_too_old_to_hear_who_answers_takes_the_visit_all_the_same(
    room: Room, url: str, dossier: DossierOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicehub.dossier.dossier.api", older_api)
    async with dossier():
        planned = await plan(url, responsible=None)
        await room.desk.open_planned(planned, author="nurse", responsible=PAUL.name)
        assert await room.desk.reconcile()
        assert room.desk.dossier_trouble is None
        assert (await room.api.visit(planned)).responsible is None
        assert room.desk.visit is not None
        assert room.desk.visit.responsible == PAUL.name
        await room.desk.close(author="nurse")
        assert await room.desk.reconcile()
        assert (await room.api.visit(planned)).state == "closed"
        assert await room.journal.owed_visits() == []


def older_api(store: DossierStore, **more: Any) -> Starlette:
    """The dossier's API as it was before it could be told who answers for a visit."""
    app = api(store, **more)
    paths = [getattr(route, "path", "") for route in app.router.routes]
    del app.router.routes[paths.index("/v1/visits/{visit}/responsible")]
    return app


# ------------------------------------------------------------------------------- the lock


async def test_after_a_crash_nothing_is_attributed_until_a_person_confirms_the_patient(
    tmp_path: Path, url: str
) -> None:
    clock = Clock()
    async with Room(tmp_path, url, clock=clock) as room:
        visit = await room.desk.open(ALICE, author="nurse")
        await room.settle()
    async with Room(tmp_path, url, clock=clock) as room:
        locked = room.desk.visit
        assert locked is not None
        assert (locked.id, locked.locked) == (visit.id, True)
        assert not await room.desk.reconcile()
        assert room.shown[-1] == (locked, ALICE), "the page can ask: is this Alice?"
        early = await room.measure()
        assert early.attribution.quarantine == "visit_locked"
        await room.settle()
        held = await room.measure()
        assert (held.state, held.attribution.quarantine) == ("quarantined", "visit_locked")
        with pytest.raises(NotAllowed, match="locked"):
            await room.review.assign(held.reading.id, 1, visit.id, by=NURSE, reason="interrupted")
        await room.desk.unlock(visit.id, author="nurse")
        with pytest.raises(NotAllowed):
            await room.desk.unlock(visit.id, author="nurse")
        straddling = await room.measure()
        assert straddling.attribution.quarantine == "visit_locked"
        await room.settle()
        assert (await room.measure()).attribution.visit == visit.id
        assigned = await room.review.assign(
            held.reading.id, 1, visit.id, by=NURSE, reason="interrupted"
        )
        assert (assigned.attribution.visit, assigned.attribution.revision) == (visit.id, 2)
        assert (assigned.attribution.author, assigned.attribution.reason) == (
            "nurse",
            "interrupted",
        )
        assert await room.audit() == [
            ("nurse", "open_visit", visit.id),
            ("station", "lock_visit", visit.id),
            ("nurse", "unlock_visit", visit.id),
            ("nurse", "assign", str(held.reading.id)),
        ]


@pytest.mark.parametrize("counted", [True, False], ids=["time counted on", "time stood still"])
async def test_a_computer_that_slept_in_mid_visit_asks_who_is_there_now(
    room: Room, monkeypatch: pytest.MonkeyPatch, *, counted: bool
) -> None:
    """The clock that nobody can set counts the sleep on some systems, and stands still on others."""
    monkeypatch.setattr(desk_module, "LOOK_SECONDS", 0.01)
    visit = await room.desk.open(ALICE, author="nurse")
    running = asyncio.create_task(room.desk.run())
    try:
        await room.settle()
        assert (await room.measure()).attribution.visit == visit.id
        asleep = timedelta(minutes=30)
        if counted:
            room.clock.pass_by(asleep)
        else:
            room.clock.now += asleep
        await until(lambda: room.desk.visit is not None and room.desk.visit.locked, "it is locked")
        await room.settle()
        assert (await room.measure()).attribution.quarantine == "visit_locked"
        assert room.desk.visit is not None
        slept = room.desk.visit.locks[-1].since
        assert room.clock.now - slept > asleep, "what began during the sleep is nobody's either"
    finally:
        running.cancel()
        await asyncio.wait({running})


async def test_a_computer_that_slept_after_its_clock_was_set_back_asks_too(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The desk's own time stands still until the clock has caught up with what it was."""
    monkeypatch.setattr(desk_module, "LOOK_SECONDS", 0.01)

    async def looked() -> None:
        await until(lambda: room.desk._clock._seen == room.clock.now, "the clock was looked at")

    await room.desk.open(ALICE, author="nurse")
    running = asyncio.create_task(room.desk.run())
    try:
        await looked()
        room.clock.now -= timedelta(hours=1)
        await looked()
        room.clock.pass_by(timedelta(minutes=1))
        await looked()
        room.clock.now += timedelta(minutes=61)
        await until(lambda: room.desk.visit is not None and room.desk.visit.locked, "it is locked")
        await room.settle()
        assert (await room.measure()).attribution.quarantine == "visit_locked"
    finally:
        running.cancel()
        await asyncio.wait({running})


@asynccontextmanager
async def full_disk(room: Room) -> AsyncIterator[None]:
    """Nothing that has a line in the audit finds room on the disk."""

    def fill(database: Connection) -> None:
        database.execute("CREATE TABLE bulk (bytes BLOB)")
        database.execute(
            "CREATE TRIGGER bulky AFTER INSERT ON audit "
            "BEGIN INSERT INTO bulk VALUES (zeroblob(50000)); END"
        )
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")

    def empty(database: Connection) -> None:
        database.execute("PRAGMA max_page_count = 100000")
        database.execute("DROP TRIGGER bulky")
        database.execute("DROP TABLE bulk")

    await room.journal.store.write(fill)
    yield
    await room.journal.store.write(empty)


async def test_a_visit_the_full_disk_did_not_let_close_is_shown_and_ends_with_the_next(
    room: Room,
) -> None:
    visit = await room.desk.open(ALICE, author="nurse")
    async with full_disk(room):
        with pytest.raises(JournalFull):
            await room.desk.close(author="nurse", wanted=visit.id)
    shown, _ = room.shown[-1]
    assert shown is not None, "the page can name it"
    assert (shown, shown.id, shown.locked) == (room.desk.visit, visit.id, True)
    following = await room.desk.open(BRUNO, author="nurse", closes=shown.id)
    assert room.desk.visit == following


async def lock(room: Room, visit: str) -> None:
    await room.desk.lock(author="nurse", reason="asked", wanted=visit)


async def close(room: Room, visit: str) -> None:
    await room.desk.close(author="nurse", wanted=visit)


@pytest.mark.parametrize("act", [lock, close])
async def test_a_lock_the_full_disk_did_not_take_is_kept_with_its_end(
    room: Room, act: Callable[[Room, str], Awaitable[None]]
) -> None:
    visit = await room.desk.open(ALICE, author="nurse")
    await room.settle()
    async with full_disk(room):
        with pytest.raises(JournalFull):
            await act(room, visit.id)
        assert (await room.journal.visits(visit.opened_at))[0].locks == ()
    assert (await room.measure()).attribution.quarantine == "visit_locked"
    unlocked = await room.desk.unlock(visit.id, author="doctor")
    assert not unlocked.locked
    assert await room.journal.visits(visit.opened_at) == [unlocked]
    assert [line[:2] for line in await room.audit()] == [
        ("nurse", "open_visit"),
        ("station", "lock_visit"),
        ("doctor", "unlock_visit"),
    ]
    assert (await room.measure()).attribution.quarantine == "visit_locked", (
        "it may have begun before"
    )
    await room.settle()
    assert (await room.measure()).attribution.visit == visit.id


async def test_a_lock_by_hand_keeps_what_begins_from_now_on_from_the_visit(room: Room) -> None:
    visit = await room.desk.open(ALICE, author="nurse")
    await room.settle()
    await room.desk.lock(author="nurse", reason="asked")
    await room.desk.lock(author="nurse", reason="asked")
    assert (await room.measure()).attribution.quarantine == "visit_locked"
    await room.desk.unlock(visit.id, author="doctor")
    await room.settle()
    assert (await room.measure()).attribution.visit == visit.id
    assert [line[:2] for line in await room.audit()] == [
        ("nurse", "open_visit"),
        ("nurse", "lock_visit"),
        ("doctor", "unlock_visit"),
    ]


async def test_nobody_confirms_a_patient_whose_name_is_not_known(
    tmp_path: Path, url: str, dossier: DossierOn
) -> None:
    clock = Clock()
    async with dossier(), Room(tmp_path, url, clock=clock) as room:
        visit = await room.desk.open(ALICE, author="nurse")
        await room.desk.reconcile()
    async with Room(tmp_path, url, clock=clock) as room:
        assert not await room.desk.reconcile()
        with pytest.raises(NotAllowed, match="identity is not known"):
            await room.desk.unlock(visit.id, author="nurse")
        async with dossier():
            assert await room.desk.reconcile()
        assert not (await room.desk.unlock(visit.id, author="nurse")).locked
        assert room.desk.identity(visit.id) == ALICE


async def test_nothing_is_assigned_to_a_patient_whose_name_is_not_known(
    tmp_path: Path, url: str, dossier: DossierOn
) -> None:
    clock = Clock()
    async with dossier(), Room(tmp_path, url, clock=clock) as room:
        visit = await room.desk.open(ALICE, author="nurse")
        await room.desk.close(author="nurse")
        await room.desk.reconcile()
    async with Room(tmp_path, url, clock=clock) as room:
        held = await room.measure()
        assert held.state == "quarantined"
        with pytest.raises(NotAllowed, match="identity is not known"):
            await room.review.assign(held.reading.id, 1, visit.id, by=NURSE, reason="interrupted")
        kept = await room.journal.reading(held.reading.id)
        assert kept is not None
        assert kept.state == "quarantined"
        async with dossier():
            assert await room.desk.look_up(visit.id) == ALICE
        given = await room.review.assign(
            held.reading.id, 1, visit.id, by=NURSE, reason="interrupted"
        )
        assert given.attribution.visit == visit.id


async def test_the_key_is_private_and_another_key_opens_nothing(tmp_path: Path, url: str) -> None:
    async with Room(tmp_path, url) as room:
        await room.desk.open(ALICE, author="nurse")
    key = tmp_path / "identity.key"
    assert key.stat().st_mode & 0o077 == 0
    key.write_bytes(bytes(32))
    async with Room(tmp_path, url, clock=room.clock) as room:
        assert not await room.desk.reconcile()
        assert "was not sealed with the key" in (room.desk.dossier_trouble or "")
        assert room.desk.visit is not None
        assert room.desk.identity(room.desk.visit.id) is None


# -------------------------------------------------------------------- switching, and clocks


async def test_a_switch_in_mid_measurement_gives_it_to_neither(room: Room) -> None:
    first = await room.desk.open(ALICE, author="nurse")
    await room.settle()
    second = await room.desk.open(BRUNO, author="nurse", closes=first.id)
    filing = await room.measure()
    assert filing.attribution.quarantine == "straddles_visits"
    assert [visit.id for visit in room.desk.recent] == [second.id, first.id]
    with pytest.raises(NotAllowed, match="recent"):
        await room.review.assign(filing.reading.id, 1, "v-0", by=NURSE, reason="other")
    with pytest.raises(NotAllowed, match="no such reading"):
        await room.review.assign(uuid4(), 1, first.id, by=NURSE, reason="other")
    given = await room.review.assign(filing.reading.id, 1, first.id, by=NURSE, reason="interrupted")
    assert given.attribution.visit == first.id


@pytest.mark.parametrize("jump", [timedelta(minutes=20), -timedelta(minutes=20)])
async def test_a_clock_that_is_set_lets_nothing_slip_into_a_former_visit(
    room: Room, jump: timedelta
) -> None:
    first = await room.desk.open(ALICE, author="nurse")
    room.clock.pass_by(timedelta(minutes=25))
    second = await room.desk.open(BRUNO, author="nurse", closes=first.id)
    room.clock.pass_by(timedelta(minutes=1))
    room.clock.now += jump
    filing = await room.measure()
    assert filing.attribution.quarantine in {"clock_changed", "straddles_visits"}
    await room.settle()
    room.clock.pass_by(abs(jump) + GRACE)
    assert (await room.measure()).attribution.visit == second.id
