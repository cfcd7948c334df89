"""The store: one SQLite file, one thread that writes it, one that reads it.

Theory of operation. Durability costs a flush of the disk (milliseconds), not a row (microseconds).
So whoever wants to write hands its work to the writer thread and waits; the thread takes all the
work that has come meanwhile into *one* transaction, commits once, and only then answers everybody
(group commit). Each piece of work runs inside a savepoint: one that fails is undone alone and fails
its own caller alone. Where the whole transaction fails (a full disk), each piece is tried again in
a transaction of its own, so that a small one is not refused for a large one's sake.

SQLite in WAL mode with ``synchronous=FULL`` flushes the log at every commit (sqlite.org/pragma.html,
"synchronous"). Readers see the last commit and never wait for the writer.

A second file beside the first, held in an exclusive SQLite transaction, keeps other processes out.
The system releases its lock however the process ends, on Windows as on Linux.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from sqlite3 import Connection
from typing import Any, TypeVar

from devicehub.journal.failures import JournalBusy, JournalFailed, JournalFull
from devicehub.journal.schema import migrate

logger = logging.getLogger(__name__)

T = TypeVar("T")

LARGEST_GROUP = 1024
"""Pieces of work in one transaction: its flush is shared enough, and nobody waits long for the rest."""

BUSY = 5.0
"""Seconds to wait for a lock of somebody who reads the file with another program."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    after: Callable[[Any], None] | None
    answer: asyncio.Future[Any]
    result: Any = None
    failure: Exception | None = None

    def run(self, database: Connection) -> None:
        """Do the work inside a savepoint. Raises `_Undone` when the transaction itself is gone."""
        self.result = self.failure = None
        database.execute("SAVEPOINT job")
        try:
            self.result = self.work(database)
        except Exception as failure:
            if not database.in_transaction:
                raise _Undone(failure) from failure
            database.execute("ROLLBACK TO job")
            self.failure = failure
        database.execute("RELEASE job")

    def tell(self) -> None:
        """Answer the caller. In the event loop, after the commit."""
        if self.failure is None and self.after is not None:
            try:
                self.after(self.result)
            except Exception:
                logger.exception("journal.after_commit.failed")
        if self.answer.cancelled():
            return
        if self.failure is None:
            self.answer.set_result(self.result)
        else:
            self.answer.set_exception(self.failure)


class _Undone(Exception):
    """SQLite has rolled the whole transaction back."""


@dataclass(slots=True)
class Store:
    """The file and its two threads. `open` it before, `close` it after."""

    path: Path
    commits: int = field(default=0, init=False)
    """Transactions committed since opening."""
    _jobs: SimpleQueue[_Job | None] = field(default_factory=SimpleQueue, init=False)
    _writer: threading.Thread | None = field(default=None, init=False)
    _reader: ThreadPoolExecutor | None = field(default=None, init=False)
    _reading: Connection | None = field(default=None, init=False)

    async def open(self) -> None:
        """Open or create the file. Raises `JournalBusy`, `JournalTooNew`, `JournalFailed`."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        self._jobs = SimpleQueue()
        self._writer = threading.Thread(
            target=self._write_until_closed, args=(loop, ready), name="journal-writer"
        )
        self._writer.start()
        try:
            await ready
            self._reader = ThreadPoolExecutor(1, thread_name_prefix="journal-reader")
            self._reading = await loop.run_in_executor(self._reader, _open_for_reading, self.path)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was handed over, then end both threads and close the file."""
        writer, reader = self._writer, self._reader
        self._writer = self._reader = None
        if reader is not None:
            if self._reading is not None:
                reader.submit(self._reading.close)
            await asyncio.to_thread(reader.shutdown)
        if writer is not None:
            self._jobs.put(None)
            await asyncio.to_thread(writer.join)

    async def write(
        self, work: Callable[[Connection], T], after: Callable[[T], None] | None = None
    ) -> T:
        """Do ``work`` in a transaction and return its result once that is on disk.

        ``work`` runs in the writer thread, perhaps twice, and must change nothing but the database.
        ``after`` is called in the event loop after the commit, even when the caller was cancelled.
        """
        if self._writer is None:
            raise JournalFailed(f"{self.path} n'est pas ouvert · {self.path} is not open")
        job = _Job(work, after, asyncio.get_running_loop().create_future())
        self._jobs.put(job)
        result: T = await job.answer
        return result

    async def read(self, query: Callable[[Connection], T]) -> T:
        """The result of ``query`` on one consistent, committed state of the file. Raises `JournalFailed` where the disk fails."""
        if self._reader is None or self._reading is None:
            raise JournalFailed(f"{self.path} n'est pas ouvert · {self.path} is not open")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._reader, _query, self._reading, query)
        except sqlite3.Error as failure:
            raise explained(failure, self.path) from failure

    async def damage(self) -> list[str]:
        """What SQLite finds wrong with the file (sqlite.org/pragma.html, "quick_check"); nothing where it is whole.

        It reads the whole file, on a connection of its own: nobody waits for it but the caller.
        """
        return await asyncio.to_thread(_damage, self.path)

    # ------------------------------------------------------------------- the writer thread

    def _write_until_closed(
        self, loop: asyncio.AbstractEventLoop, ready: asyncio.Future[None]
    ) -> None:
        try:
            lock = _lock(self.path)
            try:
                database = _open_for_writing(self.path)
            except BaseException:
                lock.close()
                raise
        except Exception as failure:  # noqa: BLE001 - it is the opener's, who gets it
            loop.call_soon_threadsafe(_refuse, ready, explained(failure, self.path))
            return
        try:
            loop.call_soon_threadsafe(_accept, ready)
            while group := self._next_group():
                try:
                    self._commit(database, group)
                except Exception as failure:
                    logger.exception("journal.writer.failed")
                    for job in group:
                        job.failure = failure
                loop.call_soon_threadsafe(_tell, group)
        finally:
            database.close()
            lock.close()

    def _next_group(self) -> list[_Job]:
        """All the work that waits, at least one piece; nothing once the store is closed."""
        group: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            group.append(job)
            if len(group) == LARGEST_GROUP:
                break
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
        else:
            if group:
                self._jobs.put(None)
        return group

    def _commit(self, database: Connection, group: list[_Job]) -> None:
        try:
            database.execute("BEGIN IMMEDIATE")
            for job in group:
                job.run(database)
            database.execute("COMMIT")
            self.commits += 1
        except (sqlite3.Error, _Undone) as failure:
            if database.in_transaction:
                database.execute("ROLLBACK")
            if len(group) > 1 and not _is_busy(failure):
                for job in group:
                    self._commit(database, [job])
                return
            for job in group:
                job.failure = _cause(failure)
        for job in group:
            if job.failure is not None:
                job.failure = explained(job.failure, self.path)


def _tell(group: Sequence[_Job]) -> None:
    for job in group:
        job.tell()


def _accept(ready: asyncio.Future[None]) -> None:
    if not ready.cancelled():
        ready.set_result(None)


def _refuse(ready: asyncio.Future[None], failure: Exception) -> None:
    if not ready.cancelled():
        ready.set_exception(failure)


def _lock(path: Path) -> Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".lock")
    _make_private(beside)
    lock = sqlite3.connect(beside, timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as failure:
        lock.close()
        if _primary(failure) != sqlite3.SQLITE_BUSY:
            raise
        raise JournalBusy(
            f"{path} est déjà tenu par un autre devicehub ; rien n'a été changé ; arrêtez l'autre (une autre "
            "fenêtre, un service), ou donnez à celui-ci un dossier à lui · "
            f"{path} is in use by another devicehub; nothing was changed; end the other one (another window, "
            "a service), or give this one a folder of its own"
        ) from None
    return lock


def _open_for_writing(path: Path) -> Connection:
    _make_private(path)
    database = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA secure_delete = ON")  # an erased identity leaves no bytes behind
        migrate(database, path)
    except BaseException:
        database.close()
        raise
    return database


def open_beside(path: Path) -> Connection:
    """A connection beside the station's own, for what may be written from outside: it keeps nobody out.

    SQLite lets one writer in at a time; each waits for the other (sqlite.org/wal.html).
    """
    database = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    try:
        database.execute("PRAGMA synchronous = FULL")
    except BaseException:
        database.close()
        raise
    return database


def _open_for_reading(path: Path) -> Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None)


def _damage(path: Path) -> list[str]:
    try:
        with closing(_open_for_reading(path)) as database:
            told = [str(row[0]) for row in database.execute("PRAGMA quick_check")]
    except sqlite3.Error as failure:
        return [str(failure)]
    return [] if told == ["ok"] else told


def _make_private(path: Path) -> None:
    """Create the file where it is missing, readable by this account alone."""
    path.touch(mode=0o600)
    path.chmod(0o600)


def _query(database: Connection, query: Callable[[Connection], T]) -> T:
    database.execute("BEGIN")
    try:
        return query(database)
    finally:
        database.execute("COMMIT")


def _primary(failure: sqlite3.Error) -> int:
    """The primary result code (sqlite.org/rescode.html): the lowest eight bits."""
    code: int = getattr(failure, "sqlite_errorcode", 0)
    return code & 0xFF


def _is_busy(failure: Exception) -> bool:
    return isinstance(failure, sqlite3.Error) and _primary(failure) == sqlite3.SQLITE_BUSY


def _cause(failure: Exception) -> Exception:
    cause = failure.__cause__ if isinstance(failure, _Undone) else failure
    return cause if isinstance(cause, Exception) else failure


def explained(failure: Exception, path: Path) -> Exception:
    """A failure of the disk in words; any other one as it is."""
    if isinstance(failure, OSError):
        return _not_opened(path, failure.strerror or str(failure))
    if not isinstance(failure, sqlite3.Error) or isinstance(failure, sqlite3.IntegrityError):
        return failure
    match _primary(failure):
        case sqlite3.SQLITE_FULL:
            fr = "il n'y a plus de place ; faites de la place sur le disque"
            en = "there is no room left for it; make room on the disk"
        case sqlite3.SQLITE_BUSY:
            fr = "un autre programme le tient ; fermez ce qui a ouvert ce fichier"
            en = "another program holds it; close whatever else has opened this file"
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_READONLY:
            fr = f"le disque ne le prend pas ({failure}) ; regardez le disque et ses droits"
            en = f"the disk does not take it ({failure}); look at the disk and its permissions"
        case sqlite3.SQLITE_CANTOPEN:
            return _not_opened(path, str(failure))
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return JournalFailed(
                f"{path} est abîmé ou n'est pas un journal ({failure}) ; gardez ce fichier, et restaurez la "
                f"dernière sauvegarde à côté · {path} is damaged or is no journal ({failure}); keep the file, "
                "and restore the last backup beside it"
            )
        case _:
            return failure
    return JournalFull(
        f"rien n'a été écrit dans {path} : {fr} ; ce qui était enregistré est en sûreté, aucune mesure n'est "
        f"prise avant · nothing was written to {path}: {en}; what was saved before is safe, no measurement "
        "is taken in until this is solved"
    )


def _not_opened(path: Path, why: str) -> JournalFailed:
    return JournalFailed(
        f"{path} ne s'ouvre pas ({why}) ; regardez les droits de son dossier · "
        f"{path} cannot be opened ({why}); look at its folder's permissions"
    )
