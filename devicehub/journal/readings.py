"""The readings in the journal, with their attributions and the history of their states."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from sqlite3 import Connection
from typing import Any, NamedTuple
from uuid import UUID

from devicehub.journal import audit
from devicehub.journal.audit import Act
from devicehub.journal.failures import NotAllowed
from devicehub.journal.moment import from_text, to_text
from devicehub.journal.records import (
    Attribution,
    Decided,
    Filing,
    State,
    StateChange,
    Withdrawn,
)
from devicehub.journal.states import (
    ACCEPTED,
    ACTS,
    BY_REVISION,
    BY_WORD,
    FIRST,
    WITHOUT_VISIT,
    check,
)
from devicehub.reading.reading import Reading

DERIVED_AFTER = timedelta(seconds=1)
"""How much longer than its sources a derived reading stays: it is superseded at leisure where one is undone at the last moment."""


class Standing(NamedTuple):
    """Where a reading stands: what every change looks at first."""

    number: int
    revision: int
    state: State
    visit: str | None


def add(database: Connection, filing: Filing, undo_for: timedelta = timedelta()) -> bool:
    """Add a reading that is new, with its first attribution and state; False, and counted, when it is known."""
    reading, attribution = filing.reading, filing.attribution
    if filing.state not in FIRST:
        raise NotAllowed(f"a reading does not begin as {filing.state}")
    if attribution.reading != reading.id or attribution.revision != 1:
        raise NotAllowed("a reading begins with revision 1 of its own attribution")
    _check_visit(filing.state, attribution.visit)
    _check_sources(database, reading, filing.state)
    inserted = database.execute(
        "INSERT INTO reading (id, content, revision, visit, state, state_at) "
        "VALUES (?, ?, 1, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (
            reading.id.bytes,
            reading.model_dump_json(),
            attribution.visit,
            filing.state,
            to_text(filing.state_at),
        ),
    )
    if not inserted.rowcount:
        database.execute(
            "UPDATE reading SET duplicates = duplicates + 1 WHERE id = ?", (reading.id.bytes,)
        )
        return False
    number = inserted.lastrowid
    assert number is not None  # noqa: S101 - sqlite gives every inserted row one
    _write_attribution(database, number, attribution)
    put_state(
        database,
        Standing(number, 1, filing.state, attribution.visit),
        filing.state,
        author=attribution.author,
        detail=filing.detail,
        at=filing.state_at,
        undo_until=_undo_until(database, reading, filing.state_at, undo_for),
    )
    if reading.source == "typed":
        audit.note(
            database, filing.state_at, attribution.author, "type", str(reading.id), filing.state
        )
    return True


def change(
    database: Connection,
    reading: UUID,
    revision: int,
    state: State,
    *,
    author: str,
    detail: str | None,
    at: datetime,
    act: Act | None = None,
    undo_for: timedelta = timedelta(),
) -> Filing:
    """Apply a person's word, and note it in the audit; ``act`` where it has a name of its own."""
    standing = _known(database, reading, revision)
    check(BY_WORD, standing.state, state)
    _check_visit(state, standing.visit)
    if standing.state == "accepted":
        _keep_back(database, standing)
    undo_until = at + undo_for if undo_for else None
    put_state(database, standing, state, author=author, detail=detail, at=at, undo_until=undo_until)
    done = act or ACTS[standing.state, state]
    audit.note(database, at, author, done, str(reading), _step(standing.state, state, detail))
    return _filing_of(database, reading)


def doubt(
    database: Connection,
    visit: str,
    why: Callable[[Reading], str | None],
    *,
    author: str,
    at: datetime,
) -> list[UUID]:
    """Ask a person about what nobody but the practice's rule has accepted in a visit, where there is a doubt now.

    ``why`` is the doubt, or ``None``. What was sent, typed, derived, moved, or accepted by a person stays as it is.
    Returns the readings that wait for a person by now.
    """
    # The rule's word is the first state of an arrival, or of an assignment out of the tray: a person's follows it.
    rows = database.execute(
        "SELECT filing.* FROM filing JOIN reading USING (number) "
        "WHERE reading.visit = ? AND reading.state = 'accepted' AND NOT sent AND action = 'assign' "
        "AND (SELECT count(*) FROM state WHERE state.reading = reading.number "
        "AND state.revision = reading.revision) = 1 ORDER BY number",
        (visit,),
    ).fetchall()
    doubted = []
    for row in rows:
        filing = filing_from(row)
        reading = filing.reading
        said = why(reading) if reading.source == "measured" else None
        if said is None:
            continue
        standing = Standing(row[0], filing.attribution.revision, filing.state, visit)
        _keep_back(database, standing)
        put_state(database, standing, "to_review", author=author, detail=said, at=at)
        audit.note(
            database, at, author, "doubt", str(reading.id), _step("accepted", "to_review", said)
        )
        doubted.append(reading.id)
    return doubted


def attribute(
    database: Connection,
    attribution: Attribution,
    state: State,
    undo_for: timedelta = timedelta(),
) -> Filing:
    """Apply a new revision of an attribution, and note it in the audit."""
    standing = _known(database, attribution.reading, attribution.revision - 1)
    check(BY_REVISION, standing.state, state)
    if (attribution.action == "withdraw") != (state == "withdrawn"):
        raise NotAllowed(f"to {attribution.action} a reading does not make it {state}")
    _check_visit(state, attribution.visit)
    reading = _filing_of(database, attribution.reading).reading
    _check_sources(database, reading, state)
    _write_attribution(database, standing.number, attribution)
    database.execute(
        "UPDATE reading SET revision = ?, visit = ? WHERE number = ?",
        (attribution.revision, attribution.visit, standing.number),
    )
    put_state(
        database,
        standing._replace(revision=attribution.revision, visit=attribution.visit),
        state,
        author=attribution.author,
        detail=attribution.reason,
        at=attribution.at,
        undo_until=_undo_until(database, reading, attribution.at, undo_for),
    )
    audit.note(
        database,
        attribution.at,
        attribution.author,
        attribution.action,
        str(attribution.reading),
        _step(standing.state, state, attribution.visit, attribution.reason),
    )
    return _filing_of(database, attribution.reading)


def put_state(
    database: Connection,
    standing: Standing,
    state: State,
    *,
    author: str,
    detail: str | None,
    at: datetime,
    undo_until: datetime | None = None,
) -> None:
    """Write a state and its history. What becomes accepted or withdrawn owes the dossier its word."""
    moment = to_text(at)
    database.execute(
        "UPDATE reading SET state = ?, state_at = ?, state_detail = ? WHERE number = ?",
        (state, moment, detail, standing.number),
    )
    database.execute(
        "INSERT INTO state (reading, revision, state, at, author, detail) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (standing.number, standing.revision, state, moment, author, detail),
    )
    if state in {"accepted", "withdrawn"}:
        _owe(database, standing, state, moment, to_text(undo_until) if undo_until else None)


def stands(database: Connection, filing: Filing) -> bool:
    """Whether what is accepted may leave: nothing derived does while a source of it, here, is not accepted."""
    if filing.state == "withdrawn":
        return True
    sources = (standing_of(database, source) for source in filing.reading.derived_from)
    return all(source is None or source.state in ACCEPTED for source in sources)


def standing_of(database: Connection, reading: UUID) -> Standing | None:
    """Where a reading stands, if it is known."""
    row = database.execute(
        "SELECT number, revision, state, visit FROM reading WHERE id = ?", (reading.bytes,)
    ).fetchone()
    return row and Standing(*row)


def one(database: Connection, reading: UUID) -> Filing | None:
    """A reading as it stands."""
    row = database.execute("SELECT * FROM filing WHERE id = ?", (reading.bytes,)).fetchone()
    return row and filing_from(row)


def some(database: Connection, readings: Iterable[UUID]) -> list[Filing]:
    """Several readings as they stand, in the order asked for."""
    return [_filing_of(database, reading) for reading in readings]


def latest(database: Connection, limit: int) -> list[Filing]:
    """The readings that came last, newest first."""
    rows = database.execute("SELECT * FROM filing ORDER BY number DESC LIMIT ?", (limit,))
    return [filing_from(row) for row in rows]


def quarantined(database: Connection, limit: int) -> list[Filing]:
    """The readings that belong to nobody yet, newest first."""
    rows = database.execute(
        "SELECT * FROM filing WHERE state = 'quarantined' ORDER BY number DESC LIMIT ?", (limit,)
    )
    return [filing_from(row) for row in rows]


def to_review(database: Connection, but: str | None, limit: int) -> list[Filing]:
    """The readings that wait for a decision in any visit ``but`` this one, newest first."""
    rows = database.execute(
        "SELECT * FROM filing WHERE state = 'to_review' AND visit IS NOT ? "
        "ORDER BY number DESC LIMIT ?",
        (but, limit),
    )
    return [filing_from(row) for row in rows]


def withdrawn(database: Connection, since: datetime, limit: int) -> list[Withdrawn]:
    """What was taken back at ``since`` or later, the newest withdrawal first; derived readings go by themselves."""
    rows = database.execute(
        "SELECT filing.*, (SELECT before.visit FROM attribution AS before "
        "WHERE before.reading = filing.number AND before.visit IS NOT NULL "
        "ORDER BY before.revision DESC LIMIT 1) FROM filing "
        "WHERE state = 'withdrawn' AND state_at >= ? AND json_extract(content, '$.source') IS NOT 'derived' "
        "ORDER BY at DESC, number DESC LIMIT ?",
        (to_text(since), limit),
    )
    return [Withdrawn(filing=filing_from(row[:-1]), visit=row[-1]) for row in rows]


def decided(database: Connection, since: datetime, limit: int) -> list[Decided]:
    """What a person decided and can undo, the newest first: rejected or discarded at ``since`` or later, or not sent yet.

    What the practice's rule accepted as it arrived nobody has decided; derived readings go by themselves.
    """
    rows = database.execute(
        "SELECT filing.*, (SELECT state.author FROM state WHERE state.reading = filing.number "
        "ORDER BY state.number DESC LIMIT 1) FROM filing "
        "WHERE (state IN ('rejected', 'discarded') AND state_at >= ? "
        "OR number IN (SELECT number FROM reading WHERE state = 'accepted' AND NOT sent) "
        "AND NOT (revision = 1 AND json_extract(content, '$.source') = 'measured' "
        "AND (SELECT count(*) FROM state WHERE state.reading = filing.number) = 1)) "
        "AND json_extract(content, '$.source') IS NOT 'derived' "
        "ORDER BY state_at DESC, number DESC LIMIT ?",
        (to_text(since), limit),
    )
    return [Decided(filing=filing_from(row[:-1]), by=row[-1]) for row in rows]


def undecided(database: Connection) -> dict[str, int]:
    """How many readings wait for a decision, by visit."""
    rows = database.execute(
        "SELECT visit, count(*) FROM reading WHERE state = 'to_review' GROUP BY visit"
    )
    return dict(rows.fetchall())


def of_visit(database: Connection, visit: str) -> list[Filing]:
    """The readings of one visit, by arrival."""
    rows = database.execute("SELECT * FROM filing WHERE visit = ? ORDER BY number", (visit,))
    return [filing_from(row) for row in rows]


def counts(database: Connection) -> dict[State, int]:
    """How many readings are in each state."""
    return dict(database.execute("SELECT state, count(*) FROM reading GROUP BY state").fetchall())


def history(database: Connection, reading: UUID) -> list[StateChange]:
    """The states of a reading, oldest first."""
    rows = database.execute(
        "SELECT s.revision, s.state, s.at, s.author, s.detail FROM state s "
        "JOIN reading r ON r.number = s.reading WHERE r.id = ? ORDER BY s.number",
        (reading.bytes,),
    )
    return [
        StateChange(revision=revision, state=state, at=from_text(at), author=author, detail=detail)
        for revision, state, at, author, detail in rows
    ]


def confirmed(database: Connection, visit: str) -> dict[UUID, str]:
    """Who accepted the readings of a visit that waited for a person, where that stands."""
    rows = database.execute(
        "SELECT reading.id, state.state, state.author FROM state "
        "JOIN reading ON reading.number = state.reading AND reading.revision = state.revision "
        "WHERE reading.visit = ? ORDER BY state.number",
        (visit,),
    )
    before: dict[UUID, State] = {}
    by: dict[UUID, str] = {}
    for raw, state, author in rows:
        reading = UUID(bytes=raw)
        if (before.get(reading), state) == ("to_review", "accepted"):
            by[reading] = author
        elif state == "to_review":
            by.pop(reading, None)
        before[reading] = state
    return by


def visits_of(database: Connection, reading: UUID) -> list[str]:
    """Every visit a reading was ever attributed to, and those that hold one derived from it."""
    # What is derived came after what it is derived from: of a long journal little is looked at.
    rows = database.execute(
        "SELECT attribution.visit FROM attribution "
        "JOIN reading ON reading.number = attribution.reading "
        "WHERE reading.id = :id AND attribution.visit IS NOT NULL "
        "UNION SELECT derived.visit FROM reading AS source "
        "JOIN reading AS derived ON derived.number > source.number "
        "JOIN json_each(derived.content, '$.derived_from') AS member "
        "WHERE source.id = :id AND member.value = :text AND derived.visit IS NOT NULL",
        {"id": reading.bytes, "text": str(reading)},
    )
    return [visit for (visit,) in rows]


def filing_from(row: tuple[Any, ...]) -> Filing:
    """The filing behind a row of the view ``filing``."""
    content, state, state_at, detail, *attribution = row[2:]
    revision, action, visit, quarantine, author, reason, at = attribution
    reading = Reading.model_validate_json(content)
    return Filing(
        reading=reading,
        attribution=Attribution(
            reading=reading.id,
            revision=revision,
            action=action,
            visit=visit,
            quarantine=quarantine,
            author=author,
            reason=reason,
            at=from_text(at),
        ),
        state=state,
        state_at=from_text(state_at),
        detail=detail,
    )


def _filing_of(database: Connection, reading: UUID) -> Filing:
    row = database.execute("SELECT * FROM filing WHERE id = ?", (reading.bytes,)).fetchone()
    return filing_from(row)


def _known(database: Connection, reading: UUID, revision: int) -> Standing:
    """Where a reading stands, if it still stands in this revision."""
    standing = standing_of(database, reading)
    if standing is None:
        raise NotAllowed(f"there is no reading {reading} in this journal")
    if standing.revision != revision:
        raise NotAllowed(
            f"revision {revision} is not the newest, {standing.revision} is: somebody else has changed this "
            "reading's attribution. Look at it again"
        )
    return standing


def _owe(
    database: Connection, standing: Standing, state: State, at: str, undo_until: str | None
) -> None:
    """Queue what the dossier must learn of a reading. A new revision takes the old one's place away."""
    # A moment that a clock wrote which has been set back since says nothing.
    before = database.execute(
        "SELECT revision, CASE WHEN at <= ? THEN undo_until END FROM outbox WHERE reading = ?",
        (at, standing.number),
    ).fetchone()
    if before and before[0] == standing.revision:
        return  # A retryable refusal says "accepted" again: the row it has keeps its place.
    database.execute("DELETE FROM outbox WHERE reading = ?", (standing.number,))
    if state == "withdrawn" and not _is_sent(database, standing):
        return  # It never left: there is nothing to take back.
    if state == "accepted" and before:
        undo_until = undo_until or before[1]
    database.execute(
        "INSERT INTO outbox (reading, revision, at, undo_until) VALUES (?, ?, ?, ?)",
        (standing.number, standing.revision, at, undo_until),
    )


def _is_sent(database: Connection, standing: Standing) -> bool:
    """Whether any revision was handed to the network once: the dossier may hold it."""
    (sent,) = database.execute(
        "SELECT sent FROM reading WHERE number = ?", (standing.number,)
    ).fetchone()
    return bool(sent)


def _check_sources(database: Connection, reading: Reading, state: State) -> None:
    """Raises `NotAllowed` for a derived reading whose source a person has taken back since it was computed."""
    for source in reading.derived_from if state == "accepted" else ():
        standing = standing_of(database, source)
        if standing is not None and standing.state not in ACCEPTED:
            raise NotAllowed(f"its source is {standing.state} by now: it is derived anew")


def _undo_until(
    database: Connection, reading: Reading, at: datetime, undo_for: timedelta
) -> datetime | None:
    """Until when a reading stays here: for its own time, or as long as one that it is derived from."""
    if undo_for:
        return at + undo_for
    moments = [
        moment
        for source in reading.derived_from
        for (moment,) in database.execute(
            "SELECT undo_until FROM outbox JOIN reading ON reading.number = outbox.reading "
            "WHERE reading.id = ? AND undo_until IS NOT NULL AND outbox.at <= ?",
            (source.bytes, to_text(at)),
        )
    ]
    return from_text(max(moments)) + DERIVED_AFTER if moments else None


def _keep_back(database: Connection, standing: Standing) -> None:
    """Take what is accepted out of the outbox, provided nothing of it ever left the station."""
    if _is_sent(database, standing):
        raise NotAllowed("it has been sent already: it can be withdrawn, no longer undone")
    database.execute("DELETE FROM outbox WHERE reading = ?", (standing.number,))


def _step(before: State, after: State, *said: str | None) -> str:
    return " ".join([f"{before} -> {after}", *(word for word in said if word)])


def _check_visit(state: State, visit: str | None) -> None:
    if visit is None and state not in WITHOUT_VISIT:
        raise NotAllowed(f"a reading without visit cannot be {state}")
    if visit is not None and state == "quarantined":
        raise NotAllowed("a reading that belongs to a visit is not quarantined")


def _write_attribution(database: Connection, number: int, attribution: Attribution) -> None:
    database.execute(
        "INSERT INTO attribution (reading, revision, action, visit, quarantine, author, reason, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            attribution.revision,
            attribution.action,
            attribution.visit,
            attribution.quarantine,
            attribution.author,
            attribution.reason,
            to_text(attribution.at),
        ),
    )
