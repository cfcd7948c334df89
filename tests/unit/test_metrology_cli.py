"""``devicehub metrology``: an act is written down beside a running station, and the log comes out whole."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from devicehub.cli import main
from devicehub.cli.common import ENVIRONMENT, USAGE, WELL
from devicehub.journal.journal import Journal

CONFIGURATION = """
[station]
id = "room-1"
site = "practice"
data = "data"

[[device]]
id = "scale"
name = "Balance"
driver = "mt_sics"
port = "COM3"
metrology = ["verification"]
"""

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run ``devicehub metrology`` with a configuration of its own."""
    file = tmp_path / "devicehub.toml"
    file.write_text(CONFIGURATION, encoding="utf-8")

    def run(command: str, *arguments: str) -> tuple[int, str, str]:
        status = main(["metrology", command, *arguments, "--config", str(file)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal as a station that was started once leaves it."""
    path = tmp_path / "data" / "journal.sqlite"

    async def make() -> None:
        async with Journal(path):
            pass

    asyncio.run(make())
    return path


VERIFIED = ("scale", "verification", "--on", "2026-01-05", "--by", "ACME", "--certificate", "=C-1")


@pytest.mark.usefixtures("journal")
def test_what_was_recorded_is_listed_and_exported(say: Say) -> None:
    assert say("record", *VERIFIED, "--due", "2027-01-05")[0] == WELL
    assert say("record", "scale", "repair", "--on", "2026-02-01", "--by", "ACME")[0] == WELL
    _, listed, _ = say("list")
    assert [line.split("  ")[2] for line in listed.splitlines()] == ["verification", "repair"]
    _, exported, _ = say("export", "--format", "json")
    first, second = json.loads(exported)
    assert (first["due"], first["certificate"], second["act"]) == ("2027-01-05", "=C-1", "repair")
    _, table, _ = say("export")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert rows[0]["certificate"] == "'=C-1"  # a spreadsheet must not compute it
    assert rows[1]["due"] == ""


def test_an_act_is_recorded_before_the_first_start_of_the_station(say: Say, tmp_path: Path) -> None:
    assert say("record", *VERIFIED, "--due", "2027-01-05")[0] == WELL
    path = tmp_path / "data" / "journal.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600

    async def start() -> list[str | None]:
        async with Journal(path) as station:
            return [check.certificate for check in await station.checks_of("scale")]

    assert asyncio.run(start()) == ["=C-1"]


async def test_a_running_station_is_not_disturbed(say: Say, tmp_path: Path) -> None:
    async with Journal(tmp_path / "data" / "journal.sqlite") as running:
        status, _, _ = await asyncio.to_thread(say, "record", *VERIFIED, "--due", "2027-01-05")
        assert status == WELL
        (check,) = await running.checks_of("scale")
        assert check.certificate == "=C-1"


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (VERIFIED, "--due"),
        ((*VERIFIED, "--due", "2025-01-05"), "--due : ce jour précède"),
        (("scale", "repair", "--on", "0001-02-01", "--by", "ACME"), "--on : avant 1900"),
        (("other", "repair", "--on", "2026-02-01", "--by", "ACME"), "scale"),
        (("scale", "repair", "--on", "2999-02-01", "--by", "ACME"), "future"),
    ],
    ids=["no due date", "due before done", "the year 1", "unknown device", "not yet done"],
)
def test_what_cannot_be_is_refused_with_the_reason(
    say: Say, arguments: tuple[str, ...], words: str
) -> None:
    status, _, said = say("record", *arguments)
    assert status == USAGE
    assert words in said
    assert say("list")[1] == ""


def test_without_a_journal_the_next_act_is_told(say: Say) -> None:
    status, _, said = say("list")
    assert status == ENVIRONMENT
    assert "start the station once" in said


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("changed", "option"),
    [
        (("--by", ""), "--by"),
        (("--by", "  "), "--by"),
        (("--by", "AC\udce9ME"), "--by"),
        (("--certificate", "\x07"), "--certificate"),
        (("--note", "one\n2026-01-01  scale  verification"), "--note"),
        (("--due", "2026-01-04"), "--due"),
    ],
)
def test_an_option_that_cannot_be_written_is_named_in_one_line(
    say: Say, changed: tuple[str, str], option: str
) -> None:
    status, _, said = say("record", *VERIFIED, "--due", "2027-01-05", *changed)
    assert status == USAGE
    assert option in said
    assert said.count("\n") == 1
    assert say("list")[1] == ""


def test_a_line_break_of_an_older_version_is_listed_escaped(say: Say, journal: Path) -> None:
    assert say("record", *VERIFIED, "--due", "2027-01-05", "--note", "n°\u00a01")[0] == WELL
    with closing(sqlite3.connect(journal)) as database:
        database.execute("DROP TRIGGER metrology_is_final")
        database.execute("UPDATE metrology SET note = ?", ("one\ntwo",))
        database.commit()
    _, listed, _ = say("list")
    assert listed.count("\n") == 1
    assert "one\\ntwo" in listed


@pytest.mark.parametrize("content", [b"no database, but long enough to be looked at" * 9, b""])
def test_a_file_that_is_no_journal_is_told(say: Say, journal: Path, content: bytes) -> None:
    for beside in journal.parent.iterdir():
        beside.unlink()
    journal.write_bytes(content)
    for command in (("list",), ("export",), ("record", *VERIFIED, "--due", "2027-01-05")):
        status, _, said = say(*command)
        assert status == ENVIRONMENT
        assert str(journal) in said
        assert said.count("\n") == 1
