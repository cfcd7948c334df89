"""The audit's chain: whoever changes the file by hand is noticed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devicehub.cli import main
from devicehub.journal import audit
from devicehub.journal.audit import AuditBroken, AuditCut
from devicehub.journal.failures import JournalFailed
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing, Visit
from devicehub.journal.schema import MIGRATIONS

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def write(folder: Path, visits: int = 3) -> Path:
    """A journal with two lines of audit a visit."""
    path = folder / "journal.sqlite"
    async with Journal(path) as journal:
        for number in range(visits):
            at = NOON + timedelta(minutes=number)
            await journal.open_visit(Visit(id=f"v-{number}", opened_at=at), author="nurse")
            await journal.close_visit(f"v-{number}", at, author="nurse")
    return path


async def test_a_chain_that_is_whole_has_a_last_link(tmp_path: Path) -> None:
    lines = audit.read(await write(tmp_path))
    assert [(line.author, line.act) for line in lines[:2]] == [
        ("nurse", "open_visit"),
        ("nurse", "close_visit"),
    ]
    assert audit.verify(lines) == lines[-1].link
    assert audit.verify([]) is None
    with pytest.raises(JournalFailed, match="no journal"):
        audit.read(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("change", "shows"),
    [
        ("UPDATE audit SET author = 'somebody' WHERE number = 3", 3),
        ("UPDATE audit SET detail = 'another reason' WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 4", 5),
        ("UPDATE audit SET link = NULL WHERE number = 5", 5),
        ("UPDATE audit SET number = 99 WHERE number = 6", 99),
    ],
)
async def test_a_change_by_hand_is_noticed(tmp_path: Path, change: str, shows: int) -> None:
    path = await write(tmp_path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER audit_is_kept")
        database.execute("DROP TRIGGER audit_is_final")
        database.execute(change)
        database.commit()
    with pytest.raises(AuditBroken) as broken:
        audit.verify(audit.read(path))
    assert broken.value.number == shows


async def test_lines_of_before_the_chain_are_held_by_its_first_link(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    chained = next(number for number, script in enumerate(MIGRATIONS) if " link " in script)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for script in MIGRATIONS[:chained]:
            database.executescript(script)
        database.execute(f"PRAGMA user_version = {chained}")
        database.execute(
            "INSERT INTO audit (at, author, act, subject) VALUES ('then', 'nurse', 'change', 'r')"
        )
    lines = audit.read(await write(tmp_path))
    assert lines[0].link is None
    assert audit.verify(lines) == lines[-1].link
    changed = [lines[0]._replace(author="somebody"), *lines[1:]]
    with pytest.raises(AuditBroken):
        audit.verify(changed)


async def test_a_person_verifies_and_exports_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = await write(tmp_path)
    config = tmp_path / "devicehub.toml"
    config.write_text(
        f'[station]\nid = "a"\nsite = "b"\ndata = {json.dumps(str(tmp_path))}\n', "utf-8"
    )
    where = ["--config", str(config)]
    assert main(["audit", "verify", *where]) == 0
    assert "6 lignes intactes" in capsys.readouterr().out
    assert main(["audit", "export", *where]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["number"] for line in told] == [1, 2, 3, 4, 5, 6]
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER audit_is_final")
        database.execute("UPDATE audit SET author = 'somebody' WHERE number = 1")
        database.commit()
    assert main(["audit", "verify", *where]) == 1
    assert "line 1 or before" in capsys.readouterr().err
    path.unlink()
    assert main(["audit", "export", *where]) == 3


@pytest.mark.parametrize(
    "left",
    [5, 2, 0],
    ids=["the last", "all but the first", "all"],
)
async def test_lines_cut_off_at_the_end_are_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: int
) -> None:
    path = await write(tmp_path)
    lines, link = audit.verify_file(path)
    assert (lines, link) == (6, audit.read(path)[-1].link)
    config = tmp_path / "devicehub.toml"
    config.write_text(
        f'[station]\nid = "a"\nsite = "b"\ndata = {json.dumps(str(tmp_path))}\n', "utf-8"
    )
    assert main(["audit", "verify", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert str(link) in said
    assert "outside the file" in said
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER audit_is_kept")
        database.execute("DELETE FROM audit WHERE number > ?", (left,))
        database.commit()
    with pytest.raises(AuditCut, match=f"6 lines were written, {left} are there"):
        audit.verify_file(path)
    assert main(["audit", "verify", "--config", str(config)]) == 1
    assert "keep this file" in capsys.readouterr().err


async def test_a_revision_whose_line_was_cut_off_with_the_count_is_noticed(
    tmp_path: Path, filing: Callable[..., Filing]
) -> None:
    path = tmp_path / "journal.sqlite"
    async with Journal(path) as journal:
        (held,) = await journal.file([filing("accepted")])
        moved = {"revision": 2, "action": "reassign", "visit": "v-2", "author": "nurse"}
        await journal.attribute(held.attribution.model_copy(update=moved), "accepted")
    lines, _ = audit.verify_file(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER audit_is_kept")
        database.execute("DELETE FROM audit WHERE number = ?", (lines,))
        database.execute("UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'audit'")
        database.commit()
    with pytest.raises(AuditCut, match="without a line of audit"):
        audit.verify_file(path)
