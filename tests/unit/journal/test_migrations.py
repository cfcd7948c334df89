"""A journal of an earlier devicehub is brought up to date, and nothing in it is lost or sent anew by mistake."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from devicehub.driver import DeviceFacts
from devicehub.journal import readings, visits
from devicehub.journal.failures import NotAllowed
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing
from devicehub.journal.schema import MIGRATIONS, migrate

OPENED, CLOSED = "2026-11-22T09:00:00.000000+00:00", "2026-11-22T09:10:00.000000+00:00"


def written_by(version: int, path: Path) -> sqlite3.Connection:
    """A journal as that version left it, with an open and a closed visit."""
    database = sqlite3.connect(path, isolation_level=None)
    for script in MIGRATIONS[:version]:
        database.executescript(script)
    database.execute(f"PRAGMA user_version = {version}")
    database.execute("INSERT INTO visit VALUES ('over', ?, ?)", (OPENED, CLOSED))
    database.execute("INSERT INTO visit VALUES ('open', ?, NULL)", (CLOSED,))
    return database


async def test_visits_of_before_are_known_to_the_dossier(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    written_by(2, path).close()
    async with Journal(path) as journal:
        over, present = await journal.visit("over"), await journal.visit("open")
        assert over is not None
        assert present is not None
        assert (over.at_dossier, present.at_dossier) == ("closed", "open")
        assert (present.locks, present.plan, present.planned) == ((), (), False)
        assert await journal.owed_visits() == []
        assert await journal.sealed_identity("open") is None


async def test_what_waited_may_have_been_sent(
    tmp_path: Path, filing: Callable[..., Filing]
) -> None:
    waiting = filing("accepted", "open")
    path = tmp_path / "journal.sqlite"
    with closing(written_by(2, path)) as database:
        database.execute(
            "INSERT INTO reading (id, content, revision, visit, state, state_at) "
            "VALUES (?, ?, 1, 'open', 'accepted', ?)",
            (waiting.reading.id.bytes, waiting.reading.model_dump_json(), CLOSED),
        )
        database.execute(
            "INSERT INTO attribution VALUES (1, 1, 'assign', 'open', NULL, 'devicehub', NULL, ?)",
            (CLOSED,),
        )
        database.execute("INSERT INTO outbox (reading, revision, at) VALUES (1, 1, ?)", (CLOSED,))
    async with Journal(path) as journal:
        with pytest.raises(NotAllowed, match="sent already"):
            await journal.change(waiting.reading.id, 1, "to_review", author="nurse")
        (due,) = await journal.take_due(10)
        assert due.filing.reading == waiting.reading


async def test_what_ever_left_is_known_to_have_left(
    tmp_path: Path, filing: Callable[..., Filing]
) -> None:
    moved, new = filing("accepted", "open"), filing("accepted", "open")
    path = tmp_path / "journal.sqlite"
    with closing(written_by(2, path)) as database:
        for script in MIGRATIONS[2:7]:
            database.executescript(script)
        database.execute("PRAGMA user_version = 7")
        for number, (one, revision) in enumerate(((moved, 2), (new, 1)), start=1):
            database.execute(
                "INSERT INTO reading (id, content, revision, visit, state, state_at) "
                "VALUES (?, ?, ?, 'open', 'accepted', ?)",
                (one.reading.id.bytes, one.reading.model_dump_json(), revision, CLOSED),
            )
            database.execute(
                "INSERT INTO attribution VALUES (?, ?, 'assign', 'open', NULL, 'devicehub', NULL, ?)",
                (number, revision, CLOSED),
            )
            database.execute(
                "INSERT INTO outbox (reading, revision, at) VALUES (?, ?, ?)",
                (number, revision, CLOSED),
            )
        database.execute(
            "INSERT INTO state (reading, revision, state, at, author) "
            "VALUES (1, 1, 'filed', ?, 'dossier')",
            (CLOSED,),
        )
    async with Journal(path) as journal:
        assert (await journal.outbox()).waiting == 2
        assert await journal.undo_until() is None, "nothing of before waits for an undo"
        with pytest.raises(NotAllowed, match="sent already"):
            await journal.change(moved.reading.id, 2, "to_review", author="nurse")
        await journal.change(new.reading.id, 1, "to_review", author="nurse")


async def test_what_was_told_under_a_name_alone_is_shown_and_names_no_device(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(written_by(2, path)) as database:
        for script in MIGRATIONS[2:8]:
            database.executescript(script)
        database.execute("PRAGMA user_version = 8")
        facts = DeviceFacts(system_id="0123").model_dump_json()
        database.execute("INSERT INTO device VALUES ('cuff', 'system-id:0123', ?, NULL)", (facts,))
    async with Journal(path) as journal:
        shown = await journal.device("cuff")
        assert shown is not None
        assert shown.facts == DeviceFacts(system_id="0123")
        assert await journal.device_at("cuff", "C0:00:00:00:00:01") is None


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_every_version_becomes_the_newest(version: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for script in MIGRATIONS[:version]:
            database.executescript(script)
        database.execute(f"PRAGMA user_version = {version}")
        migrate(database, path)
        told = database.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
        assert database.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert visits.owed(database) == []
        assert readings.counts(database) == {}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh, path)
        assert told == fresh.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
