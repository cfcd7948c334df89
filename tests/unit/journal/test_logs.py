"""The append-only logs of the journal: metrology and adoptions; and the series, which a restart must not lose."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from devicehub.journal import metrology
from devicehub.journal.adoptions import Adoption
from devicehub.journal.failures import JournalFailed
from devicehub.journal.journal import Journal
from devicehub.journal.metrology import MetrologyEntry
from devicehub.reading.metrology import Done

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def entry(**changes: Any) -> MetrologyEntry:
    fields: dict[str, Any] = {
        "device": "scale",
        "act": "verification",
        "done_on": date(2026, 1, 5),
        "by": "ACME",
        "certificate": "C-1",
        "due": date(2027, 1, 5),
        "author": "tech",
        "at": NOON,
    }
    return MetrologyEntry.model_validate(fields | changes)


async def test_the_newest_of_each_check_counts_and_every_line_stays(journal: Journal) -> None:
    lines = [
        entry(),
        entry(done_on=date(2025, 1, 5), due=date(2026, 1, 5), certificate="C-0"),
        entry(act="repair", due=None, certificate=None, note="new foot"),
        entry(device="cuff", act="validation", due=None),
    ]
    for line in lines:
        await journal.record_metrology(line)
    assert await journal.metrology_log() == lines
    assert await journal.metrology_log("cuff") == lines[3:]
    assert await journal.checks_of("scale") == [
        Done(
            check="verification",
            done_on=date(2026, 1, 5),
            due=date(2027, 1, 5),
            certificate="C-1",
        )
    ]


async def test_a_correction_of_the_same_day_takes_the_place_of_what_it_corrects(
    journal: Journal,
) -> None:
    await journal.record_metrology(entry())
    await journal.record_metrology(entry(passed=False, due=None))
    (newest,) = await journal.checks_of("scale")
    assert (newest.passed, newest.due) == (False, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"due": date(2026, 1, 4)}, "due"),
        ({"due": None}, "due"),
        ({"due": date(2206, 1, 5)}, "due"),
        ({"act": "calibration", "due": None}, "due"),
        ({"act": "battery"}, "due"),
        ({"done_on": date(1, 1, 5)}, "done_on"),
        ({"by": ""}, "by"),
        ({"by": " \u00a0"}, "by"),
        ({"by": "AC\udce9ME"}, "by"),
        ({"certificate": " "}, "certificate"),
        ({"note": "one\ntwo"}, "note"),
    ],
    ids=str,
)
def test_a_line_that_cannot_be_is_refused_at_its_field_in_both_languages(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        entry(**changes)
    (fault,) = refused.value.errors()
    assert fault["loc"] == (field,)
    assert " · " in fault["msg"]


async def test_a_line_of_before_that_never_runs_out_stays_and_counts_for_nothing(
    journal: Journal,
) -> None:
    await journal.record_metrology(entry())
    endless = entry(done_on=date(2026, 2, 5)).model_copy(update={"due": None, "note": "one\ntwo"})
    await journal.record_metrology(endless)
    assert (await journal.metrology_log())[1] == endless
    (newest,) = await journal.checks_of("scale")
    assert newest.done_on == date(2026, 1, 5)


async def test_a_line_may_be_added_beside_a_running_station(journal: Journal) -> None:
    with metrology.beside(journal.path) as database:
        metrology.record(database, entry())
    assert await journal.metrology_log() == [entry()]


def test_beside_nothing_there_is_no_log(tmp_path: Path) -> None:
    with (
        pytest.raises(JournalFailed, match="no journal"),
        metrology.beside(tmp_path / "journal.sqlite"),
    ):
        pass
    sqlite3.connect(tmp_path / "other.sqlite").close()
    with (
        pytest.raises(JournalFailed, match="another version"),
        metrology.beside(tmp_path / "other.sqlite"),
    ):
        pass


@pytest.mark.parametrize("table", ["metrology", "adoption"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET author = 'other'"])
async def test_nothing_written_is_altered(journal: Journal, table: str, change: str) -> None:
    await journal.record_metrology(entry())
    await journal.record_adoption(Adoption(device="scale", address="A", author="tech", at=NOON))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        await journal.store.write(lambda database: database.execute(change.format(table)))


async def test_the_newest_adoption_of_a_device_counts(journal: Journal) -> None:
    first = Adoption(device="scale", address="A", code="1234", author="tech", at=NOON)
    await journal.record_adoption(first)
    await journal.record_adoption(Adoption(device="cuff", address="C", author="tech", at=NOON))
    second = Adoption(device="scale", address="B", intrinsic="x", author="tech", at=NOON)
    await journal.record_adoption(second)
    assert [one.address for one in await journal.adoptions()] == ["C", "B"]
    await journal.record_adoption(second.model_copy(update={"act": "released"}))
    assert [one.device for one in await journal.adoptions()] == ["cuff"]


async def test_a_series_is_there_after_a_restart(tmp_path: Path) -> None:
    first, second = uuid4(), uuid4()
    async with Journal(tmp_path / "journal.sqlite") as before:
        await before.keep_series(first, "v1", "a")
        await before.keep_series(second, "v1", "b")
        await before.keep_series(first, "v1", "a, later")
        await before.keep_series(uuid4(), "v2", "c")
    async with Journal(tmp_path / "journal.sqlite") as after:
        assert await after.series_of("v1") == ["a, later", "b"]
