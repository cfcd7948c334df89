"""The tables of the journal, as the migrations that make them. A migration once released never changes.

``PRAGMA user_version`` counts the migrations a file has seen.
"""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection

from devicehub.journal.failures import JournalTooNew

_FIRST = """
CREATE TABLE frame (
    number         INTEGER PRIMARY KEY AUTOINCREMENT,
    device         TEXT NOT NULL,
    connection     TEXT NOT NULL,
    driver         TEXT NOT NULL,
    driver_version TEXT NOT NULL,
    origin         TEXT NOT NULL,
    model          TEXT,
    parts          TEXT NOT NULL,
    first_byte     TEXT NOT NULL,
    last_byte      TEXT NOT NULL,
    settling       TEXT NOT NULL,
    fate           TEXT CHECK (fate IN ('read', 'nothing', 'not_understood')),
    detail         TEXT
) STRICT;
CREATE INDEX frame_unread ON frame (number) WHERE fate IS NULL;
CREATE INDEX frame_not_understood ON frame (number) WHERE fate = 'not_understood';
CREATE INDEX frame_connection ON frame (connection);

-- The key follows arrival, so that new rows land together; the identity (a hash) has its own index.
CREATE TABLE reading (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL UNIQUE,
    content      TEXT NOT NULL,
    duplicates   INTEGER NOT NULL DEFAULT 0,
    revision     INTEGER NOT NULL,
    visit        TEXT,
    state        TEXT NOT NULL,
    state_at     TEXT NOT NULL,
    state_detail TEXT
) STRICT;
CREATE INDEX reading_visit ON reading (visit);
CREATE INDEX reading_state ON reading (state);

CREATE TABLE attribution (
    reading    INTEGER NOT NULL REFERENCES reading (number),
    revision   INTEGER NOT NULL,
    action     TEXT NOT NULL,
    visit      TEXT,
    quarantine TEXT,
    author     TEXT NOT NULL,
    reason     TEXT,
    at         TEXT NOT NULL,
    PRIMARY KEY (reading, revision)
) STRICT, WITHOUT ROWID;

-- A reading with the newest revision of its attribution.
CREATE VIEW filing AS
    SELECT reading.number, reading.id, content, state, state_at, state_detail,
        attribution.revision, action, reading.visit, quarantine, author, reason, at
    FROM reading JOIN attribution
    ON attribution.reading = reading.number AND attribution.revision = reading.revision;

CREATE TABLE state (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    reading  INTEGER NOT NULL REFERENCES reading (number),
    revision INTEGER NOT NULL,
    state    TEXT NOT NULL,
    at       TEXT NOT NULL,
    author   TEXT NOT NULL,
    detail   TEXT
) STRICT;
CREATE INDEX state_reading ON state (reading);

-- What must have a receipt. A row goes by its receipt, or when a later revision takes its place.
CREATE TABLE outbox (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    reading  INTEGER NOT NULL UNIQUE REFERENCES reading (number),
    revision INTEGER NOT NULL,
    at       TEXT NOT NULL
) STRICT;

CREATE TABLE visit (
    id        TEXT PRIMARY KEY,
    opened_at TEXT NOT NULL,
    closed_at TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX visit_open ON visit (closed_at IS NULL) WHERE closed_at IS NULL;
CREATE INDEX visit_closed ON visit (closed_at);

CREATE TABLE device (
    id        TEXT PRIMARY KEY,
    intrinsic TEXT,
    facts     TEXT,
    clock     TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    author  TEXT NOT NULL,
    act     TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT
) STRICT;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
"""

_SECOND = """
-- What each device has told without numbering it, as a hash, and in which connection it did so first.
CREATE TABLE told (
    device     TEXT NOT NULL,
    content    TEXT NOT NULL,
    connection TEXT NOT NULL,
    PRIMARY KEY (device, content)
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _SECOND)


def migrate(database: Connection, path: Path) -> None:
    """Bring a file up to date, each migration in one transaction.

    Raises `JournalTooNew`, having changed nothing, for a file of a newer devicehub.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise JournalTooNew(
            f"{path} was written by a newer devicehub (schema {version}, this one knows "
            f"{len(MIGRATIONS)}). Nothing was changed. Install that version again, or give this "
            "one a journal of its own."
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        database.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
