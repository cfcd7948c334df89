"""The store: durable, one holder, many commits in one flush, loud and alive on a full disk."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from sqlite3 import Connection
from typing import Any

import pytest

from devicehub.journal.failures import JournalBusy, JournalFailed, JournalFull, JournalTooNew
from devicehub.journal.schema import MIGRATIONS
from devicehub.journal.store import Store

COMMITTER = Path(__file__).with_name("commit_until_killed.py")
PATIENCE_SECONDS = 30


def insert(text: str) -> Callable[[Connection], int]:
    def work(database: Connection) -> int:
        number = database.execute(
            "INSERT INTO audit (at, author, act, subject) VALUES ('', '', 'change', ?)", (text,)
        ).lastrowid
        assert number is not None
        return number

    return work


def pragma(name: str, database: Connection) -> Any:
    return database.execute(f"PRAGMA {name}").fetchone()[0]


def count(database: Connection) -> int:
    found: int = database.execute("SELECT count(*) FROM audit").fetchone()[0]
    return found


async def test_a_file_is_private_and_flushed_at_every_commit(tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "folder" / "journal.sqlite")
    await store.open()
    try:
        pragmas = [
            await store.write(partial(pragma, name))
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        ]
        assert pragmas == ["wal", 2, 1, 1]
        if sys.platform != "win32":
            for name in ("journal.sqlite", "journal.sqlite-wal", "journal.sqlite.lock"):
                mode = (store.path.parent / name).stat().st_mode
                assert stat.S_IMODE(mode) == 0o600, name
    finally:
        await store.close()


async def test_what_waits_together_is_committed_together(tmp_path: Path) -> None:
    store = Store(tmp_path / "journal.sqlite")
    await store.open()
    try:
        numbers = await asyncio.gather(*(store.write(insert(str(i))) for i in range(100)))
        assert sorted(numbers) == list(range(1, 101))
        assert store.commits <= 10
        assert await store.read(count) == 100
    finally:
        await store.close()


async def test_work_that_fails_fails_its_own_caller_alone(tmp_path: Path) -> None:
    def fail_late(database: Connection) -> int:
        insert("undone")(database)
        raise ValueError("a mistake of this caller")

    store = Store(tmp_path / "journal.sqlite")
    await store.open()
    try:
        results = await asyncio.gather(
            *(store.write(fail_late if i % 10 == 0 else insert("kept")) for i in range(100)),
            return_exceptions=True,
        )
        assert [i for i, r in enumerate(results) if isinstance(r, ValueError)] == [
            *range(0, 100, 10)
        ]
        assert await store.read(count) == 90
        assert not await store.read(
            lambda db: db.execute("SELECT * FROM audit WHERE subject = 'undone'").fetchall()
        )
    finally:
        await store.close()


async def test_a_cancelled_caller_is_committed_and_told_about(tmp_path: Path) -> None:
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    store = Store(tmp_path / "journal.sqlite")
    await store.open()
    try:
        task = asyncio.create_task(store.write(insert("x"), told.set_result))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.wait_for(told, PATIENCE_SECONDS) == 1
        assert await store.read(count) == 1
    finally:
        await store.close()


async def test_a_full_disk_is_said_and_survived(tmp_path: Path) -> None:
    def limit(pages: int) -> Callable[[Connection], None]:
        return lambda database: database.execute(f"PRAGMA max_page_count = {pages}").close()

    store = Store(tmp_path / "journal.sqlite")
    await store.open()
    try:
        pages = await store.write(partial(pragma, "page_count"))
        await store.write(limit(pages + 2))
        with pytest.raises(JournalFull, match="no room left"):
            await store.write(insert("x" * 100_000))
        small, large = await asyncio.gather(
            store.write(insert("small")),
            store.write(insert("x" * 100_000)),
            return_exceptions=True,
        )
        assert isinstance(small, int)
        assert isinstance(large, JournalFull)
        await store.write(limit(10_000))
        assert await store.write(insert("x" * 100_000)) > small
        assert await store.read(count) == 2
    finally:
        await store.close()


async def test_a_second_holder_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    holder = subprocess.Popen([sys.executable, COMMITTER, path], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline()
        with pytest.raises(JournalBusy, match="in use by another devicehub"):
            await Store(path).open()
    finally:
        holder.kill()
        holder.communicate()
    store = Store(path)
    await store.open()
    second = Store(path)
    with pytest.raises(JournalBusy):
        await second.open()
    await store.close()
    await second.open()
    await second.close()


async def test_a_file_held_by_another_program_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicehub.journal.store.BUSY", 0.05)
    store = Store(tmp_path / "journal.sqlite")
    await store.open()
    other = sqlite3.connect(store.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(store.write(insert("late")) for _ in range(20)), return_exceptions=True
        )
        assert {type(result) for result in results} == {JournalFull}
        assert "another program holds it" in str(results[0])
        assert await store.read(count) == 0
        other.execute("ROLLBACK")
        assert await store.write(insert("later")) == 1
    finally:
        other.close()
        await store.close()


async def test_a_failing_listener_after_the_commit_is_not_the_callers_matter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_number: int) -> None:
        raise ValueError("a mistake of a listener")

    store = Store(tmp_path / "journal.sqlite")
    await store.open()
    assert await store.write(insert("kept"), fail) == 1
    await store.close()
    assert "after_commit.failed" in caplog.text


async def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    newer = len(MIGRATIONS) + 1
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {newer}")
    database.close()
    with pytest.raises(JournalTooNew, match="newer devicehub"):
        await Store(path).open()
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA user_version").fetchone() == (newer,)
    assert not database.execute("SELECT * FROM sqlite_master").fetchall()
    database.close()


async def test_a_file_that_is_no_journal_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalFailed, match="damaged or is no journal"):
        await Store(path).open()


async def test_a_folder_that_is_a_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalFailed, match="cannot be opened"):
        await Store(tmp_path / "file" / "journal.sqlite").open()


async def test_a_closed_store_takes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "journal.sqlite")
    await store.open()
    last = asyncio.create_task(store.write(insert("last")))
    await asyncio.sleep(0)
    await store.close()
    assert await last == 1
    with pytest.raises(JournalFailed, match="not open"):
        await store.write(count)
    with pytest.raises(JournalFailed, match="not open"):
        await store.read(count)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL; Windows has TerminateProcess")
def test_what_was_acknowledged_survives_being_killed(tmp_path: Path) -> None:
    chance, path = Random(2), tmp_path / "journal.sqlite"
    acknowledged: set[int] = set()
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, COMMITTER, path], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(chance.randrange(20, 800)):
            acknowledged.add(int(process.stdout.readline()))
        process.kill()
        rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
        # The last line may have been cut short by the kill.
        acknowledged.update(
            int(line) for line in rest.splitlines(keepends=True) if line[-1] == "\n"
        )
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept = {number for (number,) in database.execute("SELECT number FROM frame")}
    settled = {number for (number,) in database.execute("SELECT number FROM reading")}
    queued = {number for (number,) in database.execute("SELECT reading FROM outbox")}
    database.close()
    assert acknowledged <= kept
    assert settled == queued
