"""The dossier's store: visits, who they are about, and what is filed. Each write is one transaction.

Synchronous: callers in an event loop go through ``asyncio.to_thread``. One thread writes at a
time; SQLite keeps what is committed through a power cut (WAL, synchronous FULL).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pydantic import AwareDatetime
from sqlalchemy import URL, Connection, Engine, Row, create_engine, event, insert, literal, select
from sqlalchemy.exc import DBAPIError, OperationalError

from devicehub.dossier import visits
from devicehub.dossier.filing import Arrival, Known, judge
from devicehub.dossier.tables import (
    APPLICATION,
    ATTRIBUTIONS,
    FRAMES,
    METADATA,
    PLANS,
    READINGS,
    VERSION,
    VISITS,
)
from devicehub.dossier.visits import NewVisit, PatientVisit, note
from devicehub.journal.records import Attribution, Receipt
from devicehub.reading.reading import Reading, Record

BUSY_SECONDS = 30
"""How long one program waits for another that writes to the same file."""


class StoreFailed(Exception):
    """The store cannot be opened; the message says why and what to do."""


class StoreFull(Exception):
    """Nothing was written: the disk is full or failing. What was filed before is safe."""


class Filed(Record):
    """A reading in the record; ``visit`` is the last one it belonged to, ``revision`` the one that counts."""

    site: str
    station: str
    visit: str | None
    revision: int
    withdrawn: bool
    filed_at: AwareDatetime
    revisions: tuple[Attribution, ...]
    """Who said whose it is, why and when, oldest first. A revision that came late stands in its place."""
    reading: Reading


class DossierStore:
    """One SQLite file. Raises `StoreFailed` when it cannot be opened, `StoreFull` from any write."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._writing = threading.Lock()
        self._closed = False
        try:
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)  # it holds identities; its journal inherits the mode
            elif not path.exists():
                raise StoreFailed(
                    f"aucun dossier en {path} ; vérifiez le chemin ou démarrez le dossier une fois · "
                    f"there is no dossier at {path}; check the path, or start the dossier once"
                )
            self._engine = _engine(path)
            self._prepare(path, create=create)
        except (OSError, DBAPIError, sqlite3.Error) as error:
            cause = getattr(error, "orig", error)
            raise StoreFailed(
                f"le dossier {path} ne s'ouvre pas ({cause}) ; vérifiez le disque et les droits, rien n'a été modifié · "
                f"the dossier {path} cannot be opened ({cause}); check the disk and the rights, nothing was changed"
            ) from error

    def _prepare(self, path: Path, *, create: bool) -> None:
        try:
            with self._engine.execution_options(writes=create).begin() as connection:
                if create and not _ask(connection, "SELECT count(*) FROM sqlite_schema"):
                    METADATA.create_all(connection)
                    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")
                    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
                _check(connection, path)
                if create:
                    _bring_up_to_date(connection)
        except BaseException:
            self._engine.dispose()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait for the write that is going on, then close; a later write is refused."""
        with self._writing:
            self._closed = True
            self._engine.dispose()

    # ------------------------------------------------------------------------------ visits

    def make_visit(self, new: NewVisit, *, actor: str) -> tuple[PatientVisit, bool]:
        """Plan a visit, or open one at once; and whether it is new. Raises `UnknownPatient`, `VisitConflict`."""
        with self._write() as connection:
            return visits.make(connection, new, actor)

    def open_visit(
        self, visit: str, station: str, at: datetime | None = None, *, actor: str
    ) -> PatientVisit:
        """Open a planned visit; one that was opened stays as it is. Raises `UnknownVisit`."""
        with self._write() as connection:
            return visits.open_(connection, visit, station, at, actor)

    def entrust_visit(self, visit: str, responsible: str, *, actor: str) -> PatientVisit:
        """This physician answers for a visit, open or not. Raises `UnknownVisit`."""
        with self._write() as connection:
            return visits.entrust(connection, visit, responsible, actor)

    def close_visit(self, visit: str, at: datetime | None = None, *, actor: str) -> PatientVisit:
        """Close a visit, or cancel a planned one; a closed one stays as it is. Raises `UnknownVisit`."""
        with self._write() as connection:
            return visits.close(connection, visit, at, actor)

    def visit(self, visit: str, *, actor: str) -> PatientVisit:
        """A visit and whom it is about; who asked is written down. Raises `UnknownVisit`."""
        with self._write() as connection:
            known = visits.known(connection, visit)
            note(connection, actor, "identity_read", visit)
            return known

    def worklist(self, station: str, *, actor: str) -> list[PatientVisit]:
        """What is planned for a station; who asked is written down, where there was anything to read."""
        with self._write() as connection:
            planned = visits.worklist(connection, station)
            for one in planned:
                note(connection, actor, "identity_read", one.known.visit, "worklist")
            return planned

    # ---------------------------------------------------------------------------- readings

    def file(self, arrivals: Sequence[Arrival], *, accepts_simulators: bool) -> list[Receipt]:
        """File what may be filed, all in one transaction; a receipt for each arrival, in order."""
        now = datetime.now(UTC)
        receipts: list[Receipt] = []
        new: list[Arrival] = []
        with self._write() as connection:
            known, keys = _known(connection, arrivals)
            for arrival in arrivals:
                receipt = judge(arrival, known, accepts_simulators=accepts_simulators)
                receipts.append(receipt)
                if receipt.result == "filed":
                    known.add(arrival)
                    new.append(arrival)
                elif receipt.result == "refused" and not receipt.retryable:
                    actor = f"station {arrival.station}"
                    note(connection, actor, "reading_refused", str(receipt.id), receipt.reason)
            _insert(connection, new, keys, now)
        return receipts

    def filed(self, visit: str | None = None) -> Iterator[Filed]:
        """What is filed, in the order of arrival; of one visit: what belongs to it, or did until withdrawn.

        Raises `UnknownVisit`.
        """
        with self._engine.connect() as connection:
            wanted = (
                select(
                    READINGS.c.key,
                    READINGS.c.site,
                    READINGS.c.station,
                    READINGS.c.body,
                    ATTRIBUTIONS.c.filed_at,
                    ATTRIBUTIONS.c.body.label("attribution"),
                )
                .join(ATTRIBUTIONS, ATTRIBUTIONS.c.reading == READINGS.c.key)
                .order_by(READINGS.c.key, ATTRIBUTIONS.c.revision)
            )
            if visit is not None:
                visits.known(connection, visit)
                its = select(ATTRIBUTIONS.c.reading).where(ATTRIBUTIONS.c.visit == visit)
                wanted = wanted.where(READINGS.c.key.in_(its))
            for row, revisions in visits.by_reading(connection.execute(wanted)):
                filed = _filed(row, revisions)
                if visit is None or filed.visit == visit:
                    yield filed

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        writing = self._engine.execution_options(writes=True)
        with self._writing:
            if self._closed:
                raise StoreFailed("le dossier s'arrête · the dossier is stopping")
            try:
                with writing.begin() as connection:
                    yield connection
            except OperationalError as error:
                raise StoreFull(str(error.orig)) from error


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS}
    )

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: object) -> None:
        # sqlite3 would begin and commit by rules of its own (docs.python.org, sqlite3, "isolation_level").
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its lock at once: a reader that becomes one can be refused (SQLITE_BUSY_SNAPSHOT).
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _ask(connection: Connection, question: str) -> int:
    answer: int = connection.exec_driver_sql(question).scalar_one()
    return answer


def _check(connection: Connection, path: Path) -> None:
    if _ask(connection, "PRAGMA application_id") != APPLICATION:
        raise StoreFailed(
            f"{path} n'est pas un dossier ; indiquez un autre fichier, celui-ci n'a pas été modifié · "
            f"{path} is no dossier; name another file, this one was not changed"
        )
    if _ask(connection, "PRAGMA user_version") > VERSION:
        raise StoreFailed(
            f"un devicehub plus récent a écrit {path} ; installez cette version ou une plus récente · "
            f"a newer devicehub has written {path}; install that version or a later one"
        )


def _bring_up_to_date(connection: Connection) -> None:
    """Version 2 plans visits: those opened before it have a plan that asks for nothing."""
    if _ask(connection, "PRAGMA user_version") == VERSION:
        return
    PLANS.create(connection)
    names = ["visit", "patient", "station", "plan", "created_at"]
    opened = select(
        VISITS.c.id,
        VISITS.c.patient,
        VISITS.c.station,
        literal([], PLANS.c.plan.type),
        VISITS.c.opened_at,
    )
    connection.execute(insert(PLANS).from_select(names, opened))
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")


def _known(connection: Connection, arrivals: Sequence[Arrival]) -> tuple[Known, dict[Any, int]]:
    """What is filed about the readings of a batch, and the keys of those that are."""
    known, keys = Known(), {}
    ids = {arrival.item.reading.id for arrival in arrivals}
    of_ids = select(READINGS.c.key, READINGS.c.id, READINGS.c.content_hash)
    for row in connection.execute(of_ids.where(READINGS.c.id.in_(ids))):
        known.readings[row.id] = row.content_hash
        keys[row.id] = row.key
    by_key = {key: reading for reading, key in keys.items()}
    of_keys = select(ATTRIBUTIONS.c.reading, ATTRIBUTIONS.c.revision, ATTRIBUTIONS.c.content_hash)
    for row in connection.execute(of_keys.where(ATTRIBUTIONS.c.reading.in_(by_key))):
        revisions = known.attributions.setdefault(by_key[row.reading], {})
        revisions[row.revision] = row.content_hash
    named = {arrival.item.attribution.visit for arrival in arrivals}
    of_visits = select(VISITS.c.id).where(VISITS.c.id.in_(named - {None}))
    known.visits = set(connection.execute(of_visits).scalars())
    return known, keys


def _insert(
    connection: Connection, new: Sequence[Arrival], keys: dict[Any, int], now: datetime
) -> None:
    readings = {
        arrival.item.reading.id: arrival for arrival in new if arrival.item.reading.id not in keys
    }
    if readings:
        rows = [_reading_row(arrival, now) for arrival in readings.values()]
        inserting = insert(READINGS).returning(READINGS.c.id, READINGS.c.key)
        keys |= {row.id: row.key for row in connection.execute(inserting, rows)}
        frames = [row for arrival in readings.values() for row in _frame_rows(arrival, keys)]
        if frames:
            connection.execute(insert(FRAMES), frames)
    if new:
        rows = [_attribution_row(arrival, keys, now) for arrival in new]
        connection.execute(insert(ATTRIBUTIONS), rows)


def _reading_row(arrival: Arrival, now: datetime) -> dict[str, object]:
    reading = arrival.item.reading
    return {
        "id": reading.id,
        "site": arrival.site,
        "station": arrival.station,
        "kind": reading.kind,
        "received_at": reading.received_at,
        "filed_at": now,
        "content_hash": arrival.reading_hash,
        "body": reading.model_dump(mode="json"),
    }


def _attribution_row(arrival: Arrival, keys: dict[Any, int], now: datetime) -> dict[str, object]:
    attribution = arrival.item.attribution
    return {
        "reading": keys[attribution.reading],
        "revision": attribution.revision,
        "action": attribution.action,
        "visit": attribution.visit,
        "filed_at": now,
        "content_hash": arrival.attribution_hash,
        "body": attribution.model_dump(mode="json"),
    }


def _frame_rows(arrival: Arrival, keys: dict[Any, int]) -> Iterator[dict[str, object]]:
    reading = arrival.item.reading
    for evidence in reading.evidence:
        yield {
            "reading": keys[reading.id],
            "number": evidence.number,
            "driver": reading.driver.id,
            "driver_version": reading.driver.version,
            "model": evidence.model,
            "parts": [list(part) for part in evidence.parts],
            "first_byte": evidence.first_byte,
            "last_byte": evidence.last_byte,
        }


def _filed(row: Row[Any], revisions: tuple[Attribution, ...]) -> Filed:
    newest = revisions[-1]
    return Filed(
        site=row.site,
        station=row.station,
        visit=visits.belongs_to(revisions),
        revision=newest.revision,
        withdrawn=newest.action == "withdraw",
        filed_at=row.filed_at,
        revisions=revisions,
        reading=Reading.model_validate(row.body),
    )
