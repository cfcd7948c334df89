"""What a person says of readings, from the journal over a real broker into a real dossier and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from ports import free_port
from vitals_room import ALICE, BRUNO, DOCTOR, NURSE, STATION, Clock, Room, dossier_on

from devicehub.delivery.publisher import Publisher
from devicehub.delivery.wire import StationTopics
from devicehub.dossier.show import show
from devicehub.dossier.store import DossierStore, Filed
from devicehub.journal.failures import NotAllowed
from devicehub.journal.records import Receipt, State
from devicehub.visit.by_hand import ByHand
from devicehub.visit.review import Flagged

if TYPE_CHECKING:
    from tests.integration.conftest import RunningBroker

PATIENCE_SECONDS = 30.0
NOBODY_HEARS = "http://127.0.0.1:1"
HOUR = timedelta(hours=1)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    """Every reading waits for a person."""
    async with Room(tmp_path, NOBODY_HEARS, confirm="every") as opened:
        await opened.desk.open(ALICE, author="nurse")
        await opened.settle()
        yield opened


async def state_of(room: Room, reading: UUID) -> State:
    filing = await room.journal.reading(reading)
    assert filing is not None
    return filing.state


async def test_accept_reject_and_undo_until_it_is_sent(room: Room) -> None:
    one = (await room.measure()).reading.id
    await room.review.accept(one, 1, by=NURSE)
    assert (await room.review.undo(one, 1, by=NURSE)).state == "to_review"
    rejected = await room.review.reject(one, 1, by=NURSE, reason="moved")
    assert (rejected.state, rejected.detail) == ("rejected", "moved")
    assert (await room.review.undo(one, 1, by=NURSE)).state == "to_review"
    assert await room.journal.take_due(10, 0) == []
    await room.review.accept(one, 1, by=NURSE)
    await room.journal.visit_answered(room.desk.recent[0].id, "open")
    assert len(await room.journal.take_due(10, 0)) == 1
    with pytest.raises(NotAllowed, match="sent already"):
        await room.review.undo(one, 1, by=NURSE)
    acts = [act for _author, act, subject in await room.audit() if subject == str(one)]
    assert acts == ["accept", "undo", "reject", "undo", "accept"]


async def test_what_a_person_accepts_can_be_undone_whatever_becomes_of_the_visit(
    tmp_path: Path,
) -> None:
    async with Room(tmp_path, NOBODY_HEARS, confirm="flagged", undo_for=HOUR) as room:
        await room.desk.open(BRUNO, author="nurse")
        held = (await room.measure()).reading.id
        await room.settle()
        by_itself = (await room.measure()).reading.id
        several = [(await room.measure(moved=True)).reading.id for _ in range(3)]
        bruno = room.desk.recent[0].id
        await room.journal.visit_answered(bruno, "open")
        for one in several:
            await room.review.accept(one, 1, by=NURSE)
        await room.review.assign(held, 1, bruno, by=NURSE, reason="other")
        await room.desk.lock(author="nurse", reason="asked")
        alice = (await room.desk.open(ALICE, author="nurse", closes=bruno)).id
        await room.desk.close(author="nurse")
        await room.journal.visit_answered(alice, "open")
        assert await taken(room) == [by_itself]
        assert (await room.review.undo(several[0], 1, by=NURSE)).state == "to_review"
        assert (await room.review.undo(held, 2, by=NURSE)).state == "to_review"
        await room.review.reassign(several[1], 1, alice, by=NURSE, reason="wrong_patient")
        await room.review.withdraw(several[2], 1, by=NURSE, reason="wrong_patient")
        assert await taken(room) == [by_itself]
        await room.review.undo(several[1], 2, by=NURSE)
        assert (await room.journal.outbox()).waiting == 1
    async with Room(tmp_path, NOBODY_HEARS, clock=room.clock) as later:
        with pytest.raises(NotAllowed, match="identity is not known"):
            await later.review.accept(several[1], 2, by=NURSE)
        for visit, patient in ((alice, ALICE), (bruno, BRUNO)):
            later.desk._identities.keep(visit, patient)  # the dossier is heard again
        await later.review.accept(several[1], 2, by=NURSE)
        await later.review.accept(held, 2, by=NURSE)
        assert await taken(later) == [by_itself, several[1], held]
        await later.journal.receipts(
            [Receipt(id=held, revision=2, result="refused", reason="conflict")]
        )
    async with Room(tmp_path, NOBODY_HEARS, clock=room.clock, undo_for=HOUR) as again:
        await again.review.retry(held, 2, by=NURSE)
        assert await taken(again) == [by_itself, several[1], held], "a retry does not wait"


async def test_accepting_all_and_typing_can_be_undone_as_well(tmp_path: Path) -> None:
    async with Room(tmp_path, NOBODY_HEARS, confirm="every", undo_for=HOUR) as room:
        visit = (await room.desk.open(ALICE, author="nurse")).id
        await room.settle()
        seen = {(await room.measure()).reading.id: 1 for _ in range(2)}
        await room.journal.visit_answered(visit, "open")
        await room.review.accept_all(seen, by=NURSE)
        by_hand = ByHand(room.journal, room.desk, origin="simulator", version="0")
        typed = await by_hand.file(
            visit, "body_height", {"centimetres": Decimal(170)}, author="doctor", confirmed=True
        )
        assert await taken(room) == []
        for one in (*seen, typed.reading.id):
            assert (await room.review.undo(one, 1, by=DOCTOR)).state == "to_review"
        assert (await room.journal.outbox()).waiting == 0


async def taken(room: Room) -> list[UUID]:
    """What is sent now."""
    return [due.filing.reading.id for due in await room.journal.take_due(10, 0)]


@pytest.mark.parametrize("receipt", [True, False], ids=["filed", "on its way"])
async def test_what_was_sent_for_one_patient_is_not_forgotten_by_undoing_its_move_to_another(
    room: Room, *, receipt: bool
) -> None:
    alice = room.desk.recent[0].id
    one = (await room.measure()).reading.id
    await room.review.accept(one, 1, by=NURSE)
    await room.journal.visit_answered(alice, "open")
    assert len(await room.journal.take_due(10, 0)) == 1
    if receipt:
        await room.journal.receipts([Receipt(id=one, revision=1, result="filed")])
    bruno = (await room.desk.open(BRUNO, author="nurse", closes=alice)).id
    await room.review.reassign(one, 1, bruno, by=NURSE, reason="wrong_patient")
    with pytest.raises(NotAllowed, match="sent already"):
        await room.review.undo(one, 2, by=NURSE)
    await room.journal.visit_answered(bruno, "open")
    with pytest.raises(NotAllowed, match="sent already"):
        await room.review.undo(one, 2, by=NURSE)
    await room.review.withdraw(one, 2, by=NURSE, reason="wrong_patient")
    (due,) = await room.journal.take_due(10, 0)
    assert (due.filing.state, due.filing.attribution.revision) == ("withdrawn", 3)


async def test_a_retake_is_rejected_and_expected_again_even_after_a_restart(
    room: Room, tmp_path: Path
) -> None:
    alice = room.desk.recent[0].id
    await room.desk.open(BRUNO, author="nurse", plan=["body_weight"], closes=alice)
    await room.settle()
    filing = await room.measure()
    retaken = await room.review.retake(filing.reading.id, 1, by=NURSE, reason="cuff")
    assert (retaken.state, retaken.detail) == ("rejected", "cuff")
    visit = room.desk.visit
    assert visit is not None
    assert visit.plan == ("body_weight", "blood_pressure")
    assert (await room.audit())[-1] == ("nurse", "retake", str(filing.reading.id))
    await room.__aexit__()
    async with Room(tmp_path, NOBODY_HEARS, clock=room.clock) as again:
        assert again.desk.visit is not None
        assert again.desk.visit.plan == ("body_weight", "blood_pressure")


async def test_a_retake_without_a_plan_leaves_everything_expected_even_after_a_restart(
    room: Room, tmp_path: Path
) -> None:
    filing = await room.measure()
    await room.review.retake(filing.reading.id, 1, by=NURSE, reason="cuff")
    assert room.desk.visit is not None
    assert room.desk.visit.plan == ()
    await room.__aexit__()
    async with Room(tmp_path, NOBODY_HEARS, clock=room.clock) as again:
        assert again.desk.visit is not None
        assert again.desk.visit.plan == ()


async def test_all_are_accepted_at_once_only_where_none_is_flagged(room: Room) -> None:
    first, second = await room.measure(), await room.measure()
    flagged = await room.measure(moved=True)
    seen = {filing.reading.id: 1 for filing in (first, second, flagged)}
    with pytest.raises(Flagged, match="blood_pressure") as refusal:
        await room.review.accept_all(seen, by=NURSE)
    assert [filing.reading.id for filing in refusal.value.flagged] == [flagged.reading.id]
    assert await room.journal.counts() == {"to_review": 3}
    await room.review.reject(flagged.reading.id, 1, by=NURSE, reason="moved")
    unseen = await room.measure()
    accepted = await room.review.accept_all(seen, by=NURSE)
    assert await state_of(room, unseen.reading.id) == "to_review"
    assert {filing.reading.id for filing in accepted} == {first.reading.id, second.reading.id}
    assert await room.review.accept_all(seen, by=NURSE) == []
    await room.desk.open(BRUNO, author="nurse", closes=room.desk.recent[0].id)
    with pytest.raises(NotAllowed, match="not of the open visit"):
        await room.review.accept_all({unseen.reading.id: 1}, by=NURSE)
    await room.desk.close(author="nurse")
    with pytest.raises(NotAllowed, match="no visit is open"):
        await room.review.accept_all({unseen.reading.id: 1}, by=NURSE)


async def test_a_page_that_is_behind_decides_nothing_for_the_next_patient(room: Room) -> None:
    """Shown on one patient's tile, it was given to another meanwhile: in the window between, or before it."""
    alice = room.desk.recent[0]
    bruno = await room.desk.open(BRUNO, author="nurse", closes=alice.id)
    await room.settle()
    one, other = (await room.measure()).reading.id, (await room.measure()).reading.id
    await room.review.reassign(one, 1, alice.id, by=NURSE, reason="wrong_patient")
    before = await room.journal.reading(one)
    for act in (room.review.accept, room.review.undo):
        with pytest.raises(NotAllowed, match="seen in revision 1"):
            await act(one, 1, by=DOCTOR)
    for act_why in (room.review.reject, room.review.retake, room.review.withdraw):
        with pytest.raises(NotAllowed, match="seen in revision 1"):
            await act_why(one, 1, by=DOCTOR, reason="moved")
    with pytest.raises(NotAllowed, match="seen in revision 1"):
        await room.review.reassign(one, 1, bruno.id, by=DOCTOR, reason="wrong_patient")
    with pytest.raises(NotAllowed, match="not of the open visit"):
        await room.review.accept_all({one: 1, other: 1}, by=DOCTOR)
    assert await room.journal.reading(one) == before
    await room.review.reassign(one, 2, bruno.id, by=NURSE, reason="wrong_patient")
    with pytest.raises(NotAllowed, match="not the newest"):
        await room.review.accept_all({other: 1, one: 1}, by=DOCTOR)
    assert await state_of(room, other) == "to_review", "all of them, or none"
    assert len(await room.review.accept_all({other: 1, one: 3}, by=DOCTOR)) == 2


async def test_what_was_shown_as_one_patients_is_not_withdrawn_from_another(tmp_path: Path) -> None:
    """Two browsers with the dialog of a filed reading: one gives it to its patient, the other withdraws it."""
    async with Room(tmp_path, NOBODY_HEARS) as room:
        bruno = await room.desk.open(BRUNO, author="nurse")
        alice = await room.desk.open(ALICE, author="nurse", closes=bruno.id)
        await room.settle()
        one = (await room.measure()).reading.id
        for visit in (alice, bruno):
            await room.journal.visit_answered(visit.id, "open")
        assert await taken(room) == [one]
        await room.journal.receipts([Receipt(id=one, revision=1, result="filed")])
        await room.review.reassign(one, 1, bruno.id, by=NURSE, reason="wrong_patient")
        await room.journal.receipts([Receipt(id=one, revision=2, result="filed")])
        with pytest.raises(NotAllowed, match="seen in revision 1"):
            await room.review.withdraw(one, 1, by=DOCTOR, reason="wrong_patient")
        assert await state_of(room, one) == "filed"


async def test_only_what_is_flagged_waits_where_the_practice_wants_that(tmp_path: Path) -> None:
    async with Room(tmp_path, NOBODY_HEARS, confirm="flagged") as room:
        await room.desk.open(ALICE, author="nurse")
        await room.settle()
        assert (await room.measure()).state == "accepted"
        assert (await room.measure(moved=True)).state == "to_review"


async def test_the_tray_is_listed_assigned_discarded_and_discarding_undone(room: Room) -> None:
    await room.desk.open(BRUNO, author="nurse", closes=room.desk.recent[0].id)
    held, other = await room.measure(), await room.measure()
    assert [filing.reading.id for filing in await room.review.tray()] == [
        other.reading.id,
        held.reading.id,
    ]
    bruno, alice = room.desk.recent
    assigned = await room.review.assign(
        held.reading.id, 1, alice.id, by=NURSE, reason="interrupted"
    )
    assert (assigned.state, assigned.attribution.action) == ("to_review", "assign")
    with pytest.raises(NotAllowed, match="no longer waits to be assigned"):
        await room.review.assign(held.reading.id, 2, bruno.id, by=NURSE, reason="other")
    discarded = await room.review.discard(other.reading.id, 1, by=NURSE, reason="test")
    assert (discarded.state, discarded.detail) == ("discarded", "test")
    assert await room.review.tray() == []
    await room.review.undo(other.reading.id, 1, by=NURSE)
    assert [filing.reading.id for filing in await room.review.tray()] == [other.reading.id]
    for unknown in (room.review.discard, room.review.withdraw):
        with pytest.raises(NotAllowed):
            await unknown(uuid4(), 1, by=NURSE, reason="other")


# ------------------------------------------------------------------------ as far as the dossier


@asynccontextmanager
async def practice(folder: Path, broker: RunningBroker) -> AsyncIterator[Room]:
    """A room whose accepted readings go to a dossier at once."""
    async with (
        dossier_on(folder, free_port(), broker.address()) as url,
        Room(folder, url, clock=Clock()) as room,
    ):
        publisher = Publisher(
            room.journal,
            broker.address(),
            StationTopics("practice", STATION),
            station=STATION,
            boot=uuid4(),
            version="0",
        )
        tasks = [asyncio.create_task(publisher.run()), asyncio.create_task(room.desk.run())]
        try:
            yield room
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def until(room: Room, condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what the journal becomes, woken by its changes."""
    changed = asyncio.Event()
    room.journal.on_change.append(lambda _filing: changed.set())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():
            await changed.wait()
            changed.clear()


async def test_a_withdrawal_and_a_move_travel_and_have_their_receipts(
    tmp_path: Path, broker: RunningBroker
) -> None:
    """Each out of a visit that is over: that is when a mistake is found."""
    async with practice(tmp_path, broker) as room:
        alice = await room.desk.open(ALICE, author="nurse")
        await room.settle()
        reading = (await room.measure()).reading.id

        async def is_filed() -> bool:
            return await state_of(room, reading) == "filed"

        await until(room, is_filed)
        bruno = await room.desk.open(BRUNO, author="nurse", closes=alice.id)
        await room.review.reassign(reading, 1, bruno.id, by=DOCTOR, reason="wrong_patient")
        await until(room, is_filed)
        with pytest.raises(NotAllowed, match="other than its own"):
            await room.review.reassign(reading, 2, bruno.id, by=DOCTOR, reason="wrong_patient")
        await room.desk.close(author="nurse")
        await room.review.withdraw(reading, 2, by=DOCTOR, reason="device")

        async def nothing_waits() -> bool:
            return (await room.journal.outbox()).waiting == 0

        await until(room, nothing_waits)
        assert await state_of(room, reading) == "withdrawn"
        states = [(s.revision, s.state) for s in await room.journal.history(reading)]
        assert [one for one in states if one[1] == "filed"] == [(1, "filed"), (2, "filed")]
    (filed,) = in_the_dossier(tmp_path)
    assert (filed.visit, filed.withdrawn) == (bruno.id, True)
    assert [(one.action, one.visit, one.author, one.reason) for one in filed.revisions] == [
        ("assign", alice.id, "devicehub", None),
        ("reassign", bruno.id, "doctor", "wrong_patient"),
        ("withdraw", None, "doctor", "device"),
    ]
    table = "\n".join(show(tmp_path / "dossier.sqlite"))
    assert "déplacé (mauvais patient)" in table
    assert "retiré (appareil en cause)" in table


async def test_a_visit_opened_without_the_dossier_is_filed_once_it_is_there(
    tmp_path: Path, broker: RunningBroker
) -> None:
    async with Room(tmp_path, NOBODY_HEARS) as room:
        visit = await room.desk.open(ALICE, author="nurse")
        await room.settle()
        reading = (await room.measure()).reading.id
        await room.desk.close(author="nurse")
    async with practice(tmp_path, broker) as later:

        async def is_filed() -> bool:
            return await state_of(later, reading) == "filed"

        await until(later, is_filed)
        assert await later.desk.reconcile()
        assert await later.journal.owed_visits() == []
    (filed,) = in_the_dossier(tmp_path)
    assert (filed.visit, filed.revision) == (visit.id, 1)


def in_the_dossier(folder: Path) -> list[Filed]:
    with DossierStore(folder / "dossier.sqlite", create=False) as store:
        return list(store.filed())
