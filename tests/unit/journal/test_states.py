"""The states of a reading: whatever is tried, only what the tables allow happens, and nothing owed is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from devicehub.journal import outbox, readings
from devicehub.journal.failures import NotAllowed
from devicehub.journal.records import Attribution, Filing, Receipt, State
from devicehub.journal.schema import migrate
from devicehub.journal.states import BY_DELIVERY, BY_REVISION, BY_WORD, FIRST, STATES

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SPACE = UUID("00000000-0000-5000-8000-000000000000")

any_state = st.sampled_from(STATES)
any_visit = st.sampled_from([None, "visit-1", "visit-2"])
any_time = st.sampled_from([timedelta(), timedelta(seconds=5), timedelta(seconds=60)])


class States(RuleBasedStateMachine):
    """A journal in memory, and what must be true of it."""

    filing: Callable[..., Filing]
    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.database = sqlite3.connect(":memory:", isolation_level=None)
        migrate(self.database, Path("memory"))
        self.state: dict[UUID, State] = {}
        self.revision: dict[UUID, int] = {}
        self.owed: set[UUID] = set()
        self.sent: set[UUID] = set()
        self.undo: dict[UUID, tuple[datetime, datetime]] = {}
        self.now = NOON

    def teardown(self) -> None:
        self.database.close()

    @rule(seconds=st.sampled_from([1, 5, 60, -1, -3600]))
    def pass_by(self, seconds: int) -> None:
        """Time passes, or the clock is set back."""
        self.now += timedelta(seconds=seconds)

    @rule(
        target=known, number=st.integers(0, 3), state=any_state, visit=any_visit, undo_for=any_time
    )
    def add(self, number: int, state: State, visit: str | None, undo_for: timedelta) -> object:
        identity = uuid5(SPACE, str(number))
        filing = self.filing(state, visit, identity).model_copy(update={"state_at": self.now})
        try:
            new = readings.add(self.database, filing, undo_for)
        except NotAllowed:
            return multiple()
        assert new == (identity not in self.state)
        if new:
            assert state in FIRST
            self.moved(identity, state, 1, undo_for)
        return identity

    @rule(identity=known, behind=st.sampled_from((0, 0, 1)), state=any_state, undo_for=any_time)
    def change(self, identity: UUID, behind: int, state: State, undo_for: timedelta) -> None:
        before = self.state[identity]
        try:
            readings.change(
                self.database,
                identity,
                self.revision[identity] - behind,
                state,
                author="nurse",
                detail=None,
                at=self.now,
                undo_for=undo_for,
            )
        except NotAllowed:
            undoes = (before, state) == ("accepted", "to_review")
            assert behind or not undoes or identity in self.sent
            return
        assert not behind
        assert state in BY_WORD[before]
        if before == "accepted":
            assert identity not in self.sent
            self.owed.discard(identity)
            self.undo.pop(identity, None)
        self.moved(identity, state, self.revision[identity], undo_for)

    @rule(
        identity=known,
        step=st.integers(0, 2),
        action=st.sampled_from(["assign", "reassign", "withdraw"]),
        state=any_state,
        visit=any_visit,
        undo_for=any_time,
    )
    def attribute(
        self,
        identity: UUID,
        step: int,
        action: str,
        state: State,
        visit: str | None,
        undo_for: timedelta,
    ) -> None:
        before, revision = self.state[identity], self.revision[identity] + step
        attribution = Attribution.model_validate(
            {
                "reading": identity,
                "revision": revision,
                "action": action,
                "visit": visit,
                "author": "nurse",
                "at": self.now,
            }
        )
        try:
            readings.attribute(self.database, attribution, state, undo_for)
        except NotAllowed:
            return
        assert step == 1
        assert state in BY_REVISION[before]
        assert (action == "withdraw") == (state == "withdrawn")
        assert visit is not None or state in {"quarantined", "withdrawn", "invalid"}
        self.moved(identity, state, revision, undo_for)

    @rule(limit=st.integers(0, 3))
    def take(self, limit: int) -> None:
        due = outbox.take(self.database, limit, 0, self.now)
        self.undo = {
            identity: (at, until)
            for identity, (at, until) in self.undo.items()
            if at <= self.now < until
        }
        taken = {item.filing.reading.id for item in due}
        assert taken <= self.owed - self.undo.keys()
        assert len(taken) == min(limit, len(self.owed - self.undo.keys()))
        self.sent.update(taken)

    @rule(identity=known, back=st.integers(0, 1))
    def publish(self, identity: UUID, back: int) -> None:
        revision = self.revision[identity] - back
        changed = outbox.mark_published(self.database, [(identity, revision)], NOON)
        if changed:
            assert self.state[identity] == "accepted"
            assert not back
            self.state[identity] = "published"
            self.sent.add(identity)

    @rule(
        identity=known,
        back=st.integers(0, 1),
        result=st.sampled_from(["filed", "duplicate", "refused"]),
        retryable=st.booleans(),
    )
    def receive(self, identity: UUID, back: int, result: str, retryable: bool) -> None:
        before = self.state[identity]
        receipt = Receipt.model_validate(
            {
                "id": identity,
                "revision": self.revision[identity] - back,
                "result": result,
                "retryable": retryable,
            }
        )
        changed = outbox.receipts(self.database, [receipt], NOON)
        assert bool(changed) == (identity in self.owed and not back)
        if not changed:
            return
        (filing,) = changed
        if before == "withdrawn":
            assert filing.state == "withdrawn"
        else:
            assert filing.state in BY_DELIVERY[before]
        self.state[identity] = filing.state
        self.sent.add(identity)
        if result != "refused" or not retryable:
            self.owed.discard(identity)
            self.undo.pop(identity, None)

    def moved(self, identity: UUID, state: State, revision: int, undo_for: timedelta) -> None:
        self.state[identity], self.revision[identity] = state, revision
        if state == "accepted":
            self.owed.add(identity)
            if undo_for:
                self.undo[identity] = (self.now, self.now + undo_for)
            elif identity in self.undo:
                at, until = self.undo.pop(identity)
                if at <= self.now:  # else it is of a clock that has been set back since
                    self.undo[identity] = (self.now, until)
        elif state == "withdrawn":
            self.undo.pop(identity, None)
            (self.owed.add if identity in self.sent else self.owed.discard)(identity)

    @invariant()
    def journal_agrees(self) -> None:
        for identity, state in self.state.items():
            filing = readings.one(self.database, identity)
            assert filing is not None
            assert filing.state == state
            assert filing.attribution.revision == self.revision[identity]
            assert readings.history(self.database, identity)[-1].state == state
        due = outbox.items(self.database, 100, 0)
        assert {d.filing.reading.id for d in due} == self.owed - self.undo.keys()
        moments = [until for _, until in self.undo.values()]
        every = len(moments) == len(self.owed)
        summary = outbox.summary(self.database)
        assert summary.waiting == len(self.owed)
        assert summary.undo_until == (max(moments) if moments and every else None)
        assert outbox.undo_until(self.database) == min(moments, default=None)
        for item in due:
            assert item.filing.state in {"accepted", "published", "withdrawn"}


def test_only_what_is_allowed_happens(filing: Callable[..., Filing]) -> None:
    class Filed(States):
        pass

    Filed.filing = staticmethod(filing)
    run_state_machine_as_test(Filed)


def test_every_state_can_be_reached() -> None:
    reached: set[State] = set(FIRST)
    while True:
        more = {
            after
            for table in (BY_WORD, BY_DELIVERY, BY_REVISION)
            for before, following in table.items()
            if before in reached
            for after in following
        } - reached
        if not more:
            break
        reached |= more
    assert reached == set(STATES)
