"""Delegation: the physician's newest word counts, outlives the station, and is written down for good."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

import pytest

from devicehub.journal.journal import Journal


async def test_the_newest_word_counts_and_outlives_the_station(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        assert await journal.withheld() == frozenset()
        await journal.delegate("glucose", delegated=False, author="paul")
        await journal.delegate("body_weight", delegated=False, author="paul")
        await journal.delegate("body_weight", delegated=True, author="paul")
    async with Journal(tmp_path / "journal.sqlite") as journal:
        assert await journal.withheld() == {"glucose"}
        audit = await journal.store.read(
            lambda database: database.execute("SELECT author, act, subject FROM audit").fetchall()
        )
    assert audit == [
        ("paul", "withhold", "glucose"),
        ("paul", "withhold", "body_weight"),
        ("paul", "delegate", "body_weight"),
    ]


def execute(database: sqlite3.Connection, sql: str) -> None:
    database.execute(sql)


async def test_what_was_said_stays_written(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        await journal.delegate("glucose", delegated=False, author="paul")
        for change in ("DELETE FROM delegation", "UPDATE delegation SET delegated = 1"):
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                await journal.store.write(partial(execute, sql=change))
