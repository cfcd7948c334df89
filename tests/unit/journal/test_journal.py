"""The journal as the rest of the station sees it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from sqlite3 import Connection, IntegrityError
from typing import Any
from uuid import UUID, uuid4

import pytest

from devicehub.driver import DeviceFacts
from devicehub.journal import outbox
from devicehub.journal.failures import NotAllowed
from devicehub.journal.journal import Journal
from devicehub.journal.readings import DERIVED_AFTER
from devicehub.journal.records import Attribution, Due, Filing, Outbox, Receipt, Told, Visit
from devicehub.reading.clock import DeviceClock

MakeFiling = Callable[..., Filing]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def settled(journal: Journal, arguments: dict[str, Any], *filings: Filing) -> list[Filing]:
    frame = await journal.commit_frame(**arguments)
    return await journal.settle_frame(frame.number, "read", filings)


def revised(filing: Filing, **changes: Any) -> Attribution:
    at = {"revision": filing.attribution.revision + 1, "author": "nurse", "at": NOON}
    return filing.attribution.model_copy(update=at | changes)


def receipt(filing: Filing, result: str = "filed", **more: Any) -> Receipt:
    revision = filing.attribution.revision
    return Receipt.model_validate(
        {"id": filing.reading.id, "revision": revision, "result": result} | more
    )


class TestFrames:
    async def test_a_frame_comes_back_as_it_was(
        self, journal: Journal, frame_arguments: dict[str, Any]
    ) -> None:
        first = await journal.commit_frame(**frame_arguments)
        second = await journal.commit_frame(**frame_arguments | {"connection": "other"})
        assert (first.number, second.number) == (1, 2)
        assert first.evidence.parts == (("2a35", "1e78"), ("2a36", ""))
        assert await journal.frame(1) == first
        assert await journal.frame(9) is None
        assert await journal.unread_frames() == [first, second]
        assert await journal.frames_of("other") == [second]

    async def test_a_frame_is_unread_until_its_fate_is_known(
        self, journal: Journal, frame_arguments: dict[str, Any]
    ) -> None:
        for _ in range(3):
            await journal.commit_frame(**frame_arguments)
        await journal.settle_frame(1, "not_understood", detail="one byte too many")
        await journal.settle_frame(2, "nothing")
        assert [frame.number for frame in await journal.unread_frames()] == [3]
        assert await journal.not_understood() == 1
        with pytest.raises(NotAllowed, match="no frame 7"):
            await journal.settle_frame(7, "nothing")

    async def test_a_crash_leaves_the_frame_to_be_read(
        self, tmp_path: Path, frame_arguments: dict[str, Any]
    ) -> None:
        async with Journal(tmp_path / "journal.sqlite") as before:
            frame = await before.commit_frame(**frame_arguments)
        async with Journal(tmp_path / "journal.sqlite") as after:
            assert await after.unread_frames() == [frame]


class TestReadings:
    async def test_a_reading_comes_back_as_it_was(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        filed = filing()
        assert await settled(journal, frame_arguments, filed) == [filed]
        assert await journal.reading(filed.reading.id) == filed
        assert await journal.reading(uuid4()) is None
        assert await journal.latest(10) == [filed]
        assert await journal.of_visit("visit-1") == [filed]
        assert await journal.counts() == {"accepted": 1}

    async def test_the_same_reading_again_changes_nothing(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        seen: list[Filing] = []
        journal.on_change.append(seen.append)
        filed, other = filing(), filing()
        await settled(journal, frame_arguments, filed)
        await journal.receipts([receipt(filed)])
        again = filed.model_copy(update={"state": "to_review"})
        assert await settled(journal, frame_arguments, again, other) == [other]
        assert [(f.reading.id == filed.reading.id, f.state) for f in seen] == [
            (True, "accepted"),
            (True, "filed"),
            (False, "accepted"),
        ]
        assert (await journal.outbox()).waiting == 1

    async def test_a_filing_that_cannot_be_leaves_the_frame_unread(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        impossible = [
            filing("filed"),
            filing("accepted", visit=None),
            filing("quarantined", visit="visit-1"),
            filing().model_copy(update={"attribution": filing().attribution}),
        ]
        for wrong in impossible:
            with pytest.raises(NotAllowed):
                await settled(journal, frame_arguments, filing(), wrong)
        assert len(await journal.unread_frames()) == len(impossible)
        assert not await journal.latest(10)

    async def test_a_persons_word_is_kept_with_its_author(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        doubtful = filing("to_review")
        await settled(journal, frame_arguments, doubtful)
        assert (await journal.outbox()).waiting == 0
        identity = doubtful.reading.id
        await journal.change(identity, 1, "rejected", author="nurse", detail="moved")
        await journal.change(identity, 1, "to_review", author="nurse")
        accepted = await journal.change(identity, 1, "accepted", author="physician")
        assert accepted.state == "accepted"
        assert accepted.attribution == doubtful.attribution
        assert [(c.state, c.author, c.detail) for c in await journal.history(identity)] == [
            ("to_review", "devicehub", None),
            ("rejected", "nurse", "moved"),
            ("to_review", "nurse", None),
            ("accepted", "physician", None),
        ]
        assert [due.filing for due in await journal.take_due(10)] == [accepted]
        lines = await journal.store.read(
            lambda db: db.execute("SELECT author, act, subject, detail FROM audit").fetchall()
        )
        assert [line[:2] for line in lines] == [
            ("nurse", "reject"),
            ("nurse", "undo"),
            ("physician", "accept"),
        ]
        assert lines[0][2:] == (str(identity), "to_review -> rejected moved")
        with pytest.raises(NotAllowed, match="cannot become withdrawn"):
            await journal.change(identity, 1, "withdrawn", author="nurse")
        with pytest.raises(NotAllowed, match="no reading"):
            await journal.change(uuid4(), 1, "accepted", author="nurse")

    async def test_the_audit_cannot_be_rewritten(self, journal: Journal) -> None:
        def rewrite(statement: str, database: Connection) -> None:
            database.execute(statement)

        await journal.open_visit(Visit(id="v", opened_at=NOON))
        for statement in ("DELETE FROM audit", "UPDATE audit SET author = 'nobody'"):
            with pytest.raises(IntegrityError, match="append-only"):
                await journal.store.write(partial(rewrite, statement))

    async def test_a_failing_listener_harms_nobody(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        def fail(_filing: Filing) -> None:
            raise ValueError("a mistake in the page")

        seen: list[Filing] = []
        journal.on_change += [fail, seen.append]
        assert await settled(journal, frame_arguments, filing()) == seen


class TestOutbox:
    async def test_a_reading_leaves_by_a_receipt_alone(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        one, two, kept_back = filing(), filing(), filing("to_review")
        await settled(journal, frame_arguments, one, two, kept_back)
        assert await journal.outbox() == Outbox(waiting=2, oldest=NOON)
        published = await journal.mark_published([(one.reading.id, 1), (one.reading.id, 2)])
        assert [f.state for f in published] == ["published"]
        assert not await journal.mark_published([(one.reading.id, 1), (uuid4(), 1)])
        assert [d.filing.reading.id for d in await journal.take_due(9)] == [
            one.reading.id,
            two.reading.id,
        ]
        filed = await journal.receipts([receipt(one), receipt(two, "duplicate")])
        assert [f.state for f in filed] == ["filed", "filed"]
        assert await journal.outbox() == Outbox(waiting=0, oldest=None)
        assert not await journal.receipts([receipt(one), receipt(one, "refused")])
        assert not await journal.mark_published([(one.reading.id, 1)])

    async def test_items_are_walked_by_their_place(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        filings = [filing() for _ in range(5)]
        await settled(journal, frame_arguments, *filings)
        first = await journal.take_due(3)
        rest = await journal.take_due(3, after=first[-1].number)
        assert [due.filing for due in first + rest] == filings

    async def test_a_refusal_waits_for_a_person_and_a_retryable_one_in_the_outbox(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        final, passing = filing(), filing()
        await settled(journal, frame_arguments, final, passing)
        await journal.mark_published([(final.reading.id, 1), (passing.reading.id, 1)])
        changed = await journal.receipts(
            [
                receipt(final, "refused", reason="conflict"),
                receipt(passing, "refused", reason="visit unknown", retryable=True),
            ]
        )
        assert [(f.state, f.detail) for f in changed] == [
            ("refused", "conflict"),
            ("accepted", "visit unknown"),
        ]
        assert [d.filing.reading.id for d in await journal.take_due(9)] == [passing.reading.id]
        await journal.change(final.reading.id, 1, "accepted", author="nurse")
        assert (await journal.outbox()).waiting == 2
        assert [f.state for f in await journal.receipts([receipt(final)])] == ["filed"]

    async def test_a_receipt_for_an_old_revision_changes_nothing(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        filed = filing()
        await settled(journal, frame_arguments, filed)
        moved = await journal.attribute(
            revised(filed, action="reassign", visit="visit-2"), "accepted"
        )
        assert not await journal.receipts([receipt(filed)])
        assert [due.filing for due in await journal.take_due(9)] == [moved]
        assert await journal.of_visit("visit-2") == [moved]
        assert not await journal.of_visit("visit-1")
        assert [f.state for f in await journal.receipts([receipt(moved)])] == ["filed"]

    async def test_a_withdrawal_travels_and_stays(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        filed = filing()
        await settled(journal, frame_arguments, filed)
        await journal.receipts([receipt(filed)])
        withdrawal = revised(filed, action="withdraw", visit=None, reason="wrong patient")
        with pytest.raises(NotAllowed, match="does not make it"):
            await journal.attribute(withdrawal, "accepted")
        taken_back = await journal.attribute(withdrawal, "withdrawn")
        assert [due.filing for due in await journal.take_due(9)] == [taken_back]
        await journal.mark_published([(filed.reading.id, 2)])
        waits = receipt(taken_back, "refused", reason="locked", retryable=True)
        assert [f.detail for f in await journal.receipts([waits])] == ["refused: locked"]
        assert (await journal.outbox()).waiting == 1
        assert [f.state for f in await journal.receipts([receipt(taken_back)])] == ["withdrawn"]
        assert (await journal.outbox()).waiting == 0
        with pytest.raises(NotAllowed, match="not the newest"):
            await journal.attribute(withdrawal, "withdrawn")

    async def test_what_a_person_decided_is_found_for_as_long_as_it_can_be_undone(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        waiting = [filing(state="to_review") for _ in range(3)]
        by_rule, nobodys = filing(), filing(state="quarantined", visit=None)
        computed = filing(state="to_review")
        reading = computed.reading.model_copy(update={"source": "derived"})
        computed = computed.model_copy(update={"reading": reading})
        await settled(journal, frame_arguments, *waiting, by_rule, nobodys, computed)
        decided = partial(journal.decided, since=datetime(2000, 1, 1, tzinfo=UTC), limit=9)
        assert await decided() == []
        accepted, rejected, again = [one.reading.id for one in waiting]
        await journal.change(accepted, 1, "accepted", author="nurse")
        await journal.change(rejected, 1, "rejected", author="nurse", detail="moved")
        await journal.change(computed.reading.id, 1, "rejected", author="nurse")
        await journal.change(nobodys.reading.id, 1, "discarded", author="doctor", detail="test")
        await journal.change(again, 1, "rejected", author="nurse", detail="moved")
        await journal.change(again, 1, "to_review", author="nurse")
        found = await decided()
        assert [(one.filing.reading.id, one.by) for one in found] == [
            (nobodys.reading.id, "doctor"),
            (rejected, "nurse"),
            (accepted, "nurse"),
        ]
        assert await decided(limit=1) == found[:1]
        assert await decided(since=found[0].filing.state_at + HOUR) == found[2:]
        await journal.take_due(9)
        assert await decided() == found[:2]

    async def test_what_was_withdrawn_is_found_with_the_visit_it_was_taken_from(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        first, second, computed, stays = filing(), filing(), filing(), filing()
        reading = computed.reading.model_copy(update={"source": "derived"})
        computed = computed.model_copy(update={"reading": reading})
        await settled(journal, frame_arguments, first, second, computed, stays)
        moved = await journal.attribute(
            revised(second, action="reassign", visit="visit-2"), "accepted"
        )
        gone = [
            await journal.attribute(
                revised(one, action="withdraw", visit=None, at=NOON + n * HOUR), "withdrawn"
            )
            for n, one in enumerate((first, moved, computed))
        ]
        found = await journal.withdrawn(since=NOON, limit=9)
        assert [(one.filing, one.visit) for one in found] == [
            (gone[1], "visit-2"),
            (gone[0], "visit-1"),
        ]
        assert await journal.withdrawn(since=NOON + HOUR, limit=9) == found[:1]
        assert await journal.withdrawn(since=NOON, limit=1) == found[:1]
        await journal.attribute(revised(gone[1], action="reassign", visit="visit-1"), "accepted")
        assert await journal.withdrawn(since=NOON, limit=9) == found[1:]


class TestUndo:
    """What a person accepts stays here for a while. What the clock says is the test's to say."""

    async def walk(self, journal: Journal, now: datetime, after: int = 0) -> list[Due]:
        return await journal.store.write(partial(outbox.take, limit=9, after=after, now=now))

    async def test_it_stays_until_its_moment_and_nobody_waits_for_it(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        doubtful, other = filing("to_review"), filing()
        await settled(journal, frame_arguments, doubtful)
        accepted = await journal.change(
            doubtful.reading.id, 1, "accepted", author="nurse", undo_for=HOUR
        )
        until = accepted.state_at + HOUR
        summary = Outbox(waiting=1, oldest=accepted.state_at, undo_until=until)
        assert await journal.outbox() == summary
        assert await journal.undo_until() == until
        await settled(journal, frame_arguments, other)
        assert await journal.outbox() == Outbox(waiting=2, oldest=accepted.state_at)
        (due,) = await self.walk(journal, until - timedelta(microseconds=1))
        assert due.filing == other
        # Whoever has come to the end of the outbox meets it there.
        (due,) = await self.walk(journal, until, after=due.number)
        assert due.filing == accepted
        assert await journal.undo_until() is None
        with pytest.raises(NotAllowed, match="sent already"):
            await journal.change(doubtful.reading.id, 1, "to_review", author="nurse")

    async def test_undoing_it_leaves_nothing_to_send(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        one = filing("to_review")
        await settled(journal, frame_arguments, one)
        for _ in range(2):
            accepted = await journal.change(
                one.reading.id, 1, "accepted", author="nurse", undo_for=HOUR
            )
            await journal.change(one.reading.id, 1, "to_review", author="nurse")
            assert await self.walk(journal, accepted.state_at + HOUR) == []
            assert await journal.outbox() == Outbox(waiting=0, oldest=None)

    async def test_it_outlasts_the_station(
        self, tmp_path: Path, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        first, second = filing("to_review"), filing("to_review")
        async with Journal(tmp_path / "journal.sqlite") as before:
            await settled(before, frame_arguments, first, second)
            for one in (first, second):
                await before.change(one.reading.id, 1, "accepted", author="nurse", undo_for=HOUR)
        async with Journal(tmp_path / "journal.sqlite") as after:
            until = await after.undo_until()
            assert until is not None
            await after.change(first.reading.id, 1, "to_review", author="nurse")
            assert await after.take_due(9, 0) == []
            (due,) = await self.walk(after, until + HOUR)
            assert due.filing.reading == second.reading

    async def test_a_clock_that_is_set_back_keeps_nothing_here(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        one = filing("to_review")
        await settled(journal, frame_arguments, one)
        accepted = await journal.change(
            one.reading.id, 1, "accepted", author="nurse", undo_for=HOUR
        )
        (due,) = await self.walk(journal, accepted.state_at - timedelta(days=1))
        assert due.filing == accepted

    async def test_a_moment_from_before_the_clock_was_set_back_is_not_handed_on(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        one, other = filing("to_review"), filing("to_review")
        await settled(journal, frame_arguments, one, other)
        for each in (one, other):
            accepted = await journal.change(
                each.reading.id, 1, "accepted", author="nurse", undo_for=HOUR
            )
        at = accepted.state_at - timedelta(days=365)
        made = filing()
        of = {"source": "derived", "derived_from": (other.reading.id,)}
        derived = made.model_copy(
            update={"reading": made.reading.model_copy(update=of), "state_at": at}
        )
        await journal.file([derived])
        standing = await journal.reading(one.reading.id)
        assert standing is not None
        await journal.attribute(
            revised(standing, action="reassign", visit="visit-2", at=at), "accepted"
        )
        taken = await self.walk(journal, at + timedelta(seconds=2))
        expected = {one.reading.id, other.reading.id, derived.reading.id}
        assert {due.filing.reading.id for due in taken} == expected

    async def test_what_is_derived_outstays_a_source_that_is_undone_at_the_last_moment(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        source, made = filing("to_review"), filing()
        await settled(journal, frame_arguments, source)
        accepted = await journal.change(
            source.reading.id, 1, "accepted", author="nurse", undo_for=HOUR
        )
        of = {"source": "derived", "derived_from": (source.reading.id,)}
        changes = {"reading": made.reading.model_copy(update=of), "state_at": accepted.state_at}
        await journal.file([made.model_copy(update=changes)])
        await journal.change(source.reading.id, 1, "to_review", author="nurse")
        assert await self.walk(journal, accepted.state_at + HOUR) == []

    async def test_what_is_derived_does_not_leave_while_a_source_waits_for_a_person(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        source, made = filing(), filing()
        await settled(journal, frame_arguments, source)
        of = {"source": "derived", "derived_from": (source.reading.id,)}
        await journal.file(
            [made.model_copy(update={"reading": made.reading.model_copy(update=of)})]
        )
        asked = await journal.change(source.reading.id, 1, "to_review", author="nurse")
        at, later = asked.state_at + HOUR, asked.state_at + HOUR + DERIVED_AFTER
        assert await self.walk(journal, at) == []
        assert await self.walk(journal, later) == [], "however long that takes"
        await journal.change(source.reading.id, 1, "accepted", author="nurse")
        (first,) = await self.walk(journal, later)
        assert first.filing.reading.id == source.reading.id
        (met,) = await self.walk(journal, later + DERIVED_AFTER, after=first.number)
        assert met.filing.reading.id == made.reading.id

    async def test_nothing_is_derived_from_what_was_taken_back_meanwhile(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        source, made = filing("to_review"), filing()
        await settled(journal, frame_arguments, source)
        of = {"source": "derived", "derived_from": (source.reading.id,)}
        derived = made.model_copy(update={"reading": made.reading.model_copy(update=of)})
        with pytest.raises(NotAllowed, match="its source is to_review by now"):
            await journal.file([derived])
        assert await journal.reading(made.reading.id) is None

    async def test_a_move_keeps_the_moment_and_a_withdrawal_before_it_has_nowhere_to_go(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        one = filing("to_review")
        await settled(journal, frame_arguments, one)
        accepted = await journal.change(
            one.reading.id, 1, "accepted", author="nurse", undo_for=HOUR
        )
        until = accepted.state_at + HOUR
        at = accepted.state_at + timedelta(seconds=1)
        moved = await journal.attribute(
            revised(accepted, action="reassign", visit="visit-2", at=at), "accepted"
        )
        assert await journal.undo_until() == until
        gone = revised(moved, action="withdraw", visit=None, at=at)
        assert (await journal.attribute(gone, "withdrawn")).state == "withdrawn"
        assert await self.walk(journal, until) == []
        assert await journal.outbox() == Outbox(waiting=0, oldest=None)
        back = gone.model_copy(update={"revision": 4, "action": "reassign", "visit": "visit-1"})
        given_back = await journal.attribute(back, "accepted")
        assert [due.filing for due in await self.walk(journal, until)] == [given_back]

    async def test_what_is_derived_stays_and_goes_with_its_sources(
        self, journal: Journal, frame_arguments: dict[str, Any], filing: MakeFiling
    ) -> None:
        sources = filing(), filing("to_review"), filing("to_review")
        await settled(journal, frame_arguments, *sources)
        ids = [one.reading.id for one in sources]
        await journal.change(ids[1], 1, "accepted", author="nurse", undo_for=HOUR / 2)
        last = await journal.change(ids[2], 1, "accepted", author="nurse", undo_for=HOUR)
        until = last.state_at + HOUR

        def derived(*members: UUID) -> Filing:
            made = filing()
            of = {"source": "derived", "derived_from": members}
            changes = {"reading": made.reading.model_copy(update=of), "state_at": last.state_at}
            return made.model_copy(update=changes)

        free, bound = derived(ids[0]), derived(*ids)
        await journal.file([free, bound])
        gone = await self.walk(journal, until - timedelta(microseconds=1))
        assert {due.filing.reading.id for due in gone} == {ids[0], ids[1], free.reading.id}
        # Its source is undone: it is superseded, and nobody outside ever hears of it.
        await journal.change(ids[2], 1, "to_review", author="nurse")
        at = last.state_at + timedelta(seconds=1)
        dropped = revised(bound, action="withdraw", author="devicehub", at=at)
        await journal.attribute(dropped, "withdrawn")
        await journal.change(ids[2], 1, "accepted", author="nurse", undo_for=2 * HOUR)
        again = dropped.model_copy(update={"revision": 3, "action": "reassign"})
        await journal.attribute(again, "accepted")
        assert bound.reading.id not in {
            due.filing.reading.id for due in await self.walk(journal, until)
        }
        first = await self.walk(journal, until + 2 * HOUR)
        both = first + await self.walk(journal, until + 2 * HOUR + DERIVED_AFTER, first[-1].number)
        assert [due.filing.reading.id for due in both[-2:]] == [ids[2], bound.reading.id]


class TestVisits:
    async def test_at_most_one_is_open(self, journal: Journal) -> None:
        visit = Visit(id="visit-1", opened_at=NOON)
        await journal.open_visit(visit)
        await journal.open_visit(visit)
        assert await journal.visits(NOON) == [visit]
        with pytest.raises(NotAllowed, match="visit-1 is still open"):
            await journal.open_visit(Visit(id="visit-2", opened_at=NOON))
        with pytest.raises(NotAllowed, match="before it began"):
            await journal.close_visit("visit-1", NOON - timedelta(seconds=1))
        await journal.close_visit("visit-1", NOON + timedelta(minutes=10))
        await journal.close_visit("visit-1", NOON + timedelta(minutes=20))
        closed = visit.model_copy(update={"closed_at": NOON + timedelta(minutes=10)})
        assert await journal.visit("visit-1") == closed
        with pytest.raises(NotAllowed, match="was closed"):
            await journal.open_visit(visit)
        with pytest.raises(NotAllowed, match="no visit"):
            await journal.close_visit("visit-9", NOON)
        with pytest.raises(NotAllowed, match="is over"):
            await journal.open_visit(closed)
        assert await journal.visits(NOON) == [closed]

    async def test_the_open_one_is_never_too_old(self, journal: Journal) -> None:
        old = Visit(id="old", opened_at=NOON - timedelta(days=3))
        await journal.open_visit(old)
        assert await journal.visits(NOON) == [old]
        await journal.close_visit("old", NOON - timedelta(days=2))
        assert await journal.visits(NOON) == []


async def test_a_device_is_remembered_piece_by_piece(journal: Journal) -> None:
    assert await journal.device("cuff-1") is None
    here, there = "C0:00:00:00:00:01", "C0:00:00:00:00:02"
    await journal.remember_device("cuff-1", here, facts=DeviceFacts(maker="Test", model="Cuff"))
    clock = DeviceClock(offset_seconds=-3.5, seen_at=NOON)
    await journal.remember_device("cuff-1", here, clock=clock, intrinsic="system-id:0123")
    facts = DeviceFacts(firmware="2", model="Cuff+")
    record = await journal.remember_device("cuff-1", here, facts=facts)
    assert record.facts == DeviceFacts(maker="Test", model="Cuff+", firmware="2")
    assert (record.clock, record.intrinsic) == (clock, "system-id:0123")
    assert await journal.device("cuff-1") == record
    assert await journal.device_at("cuff-1", there) is None
    other = await journal.remember_device("cuff-1", there, facts=DeviceFacts(firmware="3"))
    assert other.facts == DeviceFacts(firmware="3")
    assert await journal.device("cuff-1") == other
    assert await journal.device_at("cuff-1", here) == record


async def test_what_was_told_in_an_earlier_connection_is_repeated(
    journal: Journal, frame_arguments: dict[str, Any]
) -> None:
    first = Told(device="address:C0:00", content="hash", connection="first")
    second = first.model_copy(update={"connection": "second"})
    for said in (first, second, first):
        frame = await journal.commit_frame(**frame_arguments)
        assert await journal.is_repeated(said) == (said is second)
        await journal.settle_frame(frame.number, "nothing", said=[said])
    assert not await journal.is_repeated(second.model_copy(update={"device": "address:C0:01"}))
