"""The dossier's store on a real SQLite file."""

from __future__ import annotations

import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from devicehub.delivery.examples import READING
from devicehub.dossier.filing import Arrival
from devicehub.dossier.store import DossierStore, StoreFailed, StoreFull

Arrive = Callable[..., Arrival]


def ask(path: Path, question: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(question).fetchall()


def file(store: DossierStore, *arrivals: Arrival) -> list[str]:
    receipts = store.file(arrivals, accepts_simulators=False)
    return [receipt.reason or receipt.result for receipt in receipts]


def test_a_reading_comes_back_as_it_was_filed(
    store: DossierStore, visit: str, arrive: Arrive
) -> None:
    arrival = arrive(visit)
    assert file(store, arrival) == ["filed"]
    (filed,) = store.filed(visit)
    assert filed.reading == arrival.item.reading
    assert (filed.revision, filed.visit, filed.withdrawn) == (1, visit, False)
    assert filed.filed_at.utcoffset() is not None


def test_the_same_in_one_batch_and_in_the_next_is_filed_once(
    store: DossierStore, visit: str, arrive: Arrive
) -> None:
    assert file(store, arrive(visit), arrive(visit)) == ["filed", "duplicate"]
    assert file(store, arrive(visit), arrive(visit, 1)) == ["duplicate", "filed"]
    assert len(list(store.filed())) == 2


def test_revisions_move_and_withdraw_a_reading(
    store: DossierStore, visit: str, arrive: Arrive, open_visit: Callable[..., str]
) -> None:
    other = open_visit()
    file(store, arrive(visit), arrive(other, revision=2, action="reassign"))
    assert list(store.filed(visit)) == []
    assert [filed.revision for filed in store.filed(other)] == [2]
    file(store, arrive(None, revision=3, action="withdraw"))
    (filed,) = store.filed(other)
    assert (filed.revision, filed.visit, filed.withdrawn) == (3, other, True)


def test_an_outdated_revision_that_comes_late_changes_nothing_shown(
    store: DossierStore, visit: str, arrive: Arrive, open_visit: Callable[..., str]
) -> None:
    other = open_visit()
    assert file(store, arrive(other, revision=2), arrive(visit)) == ["filed", "filed"]
    assert [(filed.revision, filed.visit) for filed in store.filed()] == [(2, other)]


def test_what_was_withdrawn_before_it_came_stays_withdrawn(
    store: DossierStore, visit: str, arrive: Arrive
) -> None:
    assert file(store, arrive(None, revision=2, action="withdraw")) == ["filed"]
    assert file(store, arrive(visit)) == ["filed"]
    (filed,) = store.filed(visit)
    assert (filed.revision, filed.withdrawn) == (2, True)


def test_frames_are_kept_with_the_driver_that_read_them(
    store: DossierStore, visit: str, arrive: Arrive, tmp_path: Path
) -> None:
    file(store, arrive(visit), arrive(visit))
    ((number, parts, driver, version),) = ask(
        tmp_path / "dossier.sqlite", "SELECT number, parts, driver, driver_version FROM frames"
    )
    assert (number, driver, version) == (7, READING.driver.id, READING.driver.version)
    assert parts == '[["2a35", "06800052006100ea0701050b3b3a4700"]]'


def test_the_audit_names_ids_and_nobody(
    store: DossierStore, visit: str, arrive: Arrive, tmp_path: Path
) -> None:
    store.visit(visit, actor="api 127.0.0.1")
    file(store, arrive(visit), arrive(None, 1), arrive("v-0", 2))
    rows = ask(tmp_path / "dossier.sqlite", "SELECT actor, action, subject, detail FROM audit")
    assert [row[:2] for row in rows] == [
        ("test", "visit_opened"),
        ("api 127.0.0.1", "identity_read"),
        ("station room-1", "reading_refused"),
    ]
    assert "Alice" not in str(rows)


def test_the_file_is_durable_and_private(store: DossierStore, tmp_path: Path) -> None:
    path = tmp_path / "dossier.sqlite"
    assert ask(path, "PRAGMA journal_mode") == [("wal",)]
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_disk_changes_nothing_and_later_all_is_well(
    store: DossierStore, visit: str, arrive: Arrive
) -> None:
    with store._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    many = [arrive(visit, number) for number in range(50)]
    with pytest.raises(StoreFull, match="full"):
        store.file(many, accepts_simulators=False)
    assert list(store.filed()) == []
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert set(file(store, *many)) == {"filed"}


def test_two_threads_file_at_once(store: DossierStore, visit: str, arrive: Arrive) -> None:
    results: list[str] = []

    def send() -> None:
        for number in range(20):
            results.extend(file(store, arrive(visit, number)))

    threads = [Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["duplicate"] * 20 + ["filed"] * 20


def test_a_closed_store_takes_nothing(store: DossierStore, arrive: Arrive) -> None:
    store.close()
    with pytest.raises(StoreFailed):
        file(store, arrive("v-0"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("PRAGMA user_version = 99", "newer"),
        ("PRAGMA application_id = 1", "is no dossier"),
    ],
)
def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path, change: str, says: str) -> None:
    path = tmp_path / "dossier.sqlite"
    DossierStore(path).close()
    ask(path, change)
    with pytest.raises(StoreFailed, match=says):
        DossierStore(path)


def test_what_cannot_be_opened_is_said_in_words(tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.write_bytes(b"this is no database, and never was one" * 100)
    with pytest.raises(StoreFailed, match="cannot be opened"):
        DossierStore(noise)
    with pytest.raises(StoreFailed, match="cannot be opened"):
        DossierStore(noise / "below")
    with pytest.raises(StoreFailed, match="there is no dossier"):
        DossierStore(tmp_path / "absent", create=False)
