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

_THIRD = """
-- ``dossier``: what it has answered about a visit. Until it has, ``sealed`` holds who the patient is.
ALTER TABLE visit ADD COLUMN plan TEXT NOT NULL DEFAULT '[]';
ALTER TABLE visit ADD COLUMN responsible TEXT;
ALTER TABLE visit ADD COLUMN planned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE visit ADD COLUMN dossier TEXT NOT NULL DEFAULT 'open'
    CHECK (dossier IN ('unknown', 'open', 'closed'));
ALTER TABLE visit ADD COLUMN sealed BLOB;
UPDATE visit SET dossier = 'closed' WHERE closed_at IS NOT NULL;
CREATE INDEX visit_owed ON visit (dossier, closed_at) WHERE dossier <> 'closed';

CREATE TABLE visit_lock (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    visit  TEXT NOT NULL REFERENCES visit (id),
    since  TEXT NOT NULL,
    until  TEXT
) STRICT;
CREATE INDEX visit_lock_visit ON visit_lock (visit);
CREATE UNIQUE INDEX visit_lock_open ON visit_lock (visit) WHERE until IS NULL;

-- What was handed to the network once may be at the dossier: a person can withdraw it, no longer undo it.
ALTER TABLE outbox ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET sent = 1;
"""

_FOURTH = """
-- A blood-pressure series as the operator takes it: its content is the visit room's own record.
CREATE TABLE series (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    id      BLOB NOT NULL UNIQUE,
    visit   TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE INDEX series_visit ON series (visit);

-- The metrology log of the devices.
CREATE TABLE metrology (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    device      TEXT NOT NULL,
    act         TEXT NOT NULL,
    done_on     TEXT NOT NULL,
    by          TEXT NOT NULL,
    passed      INTEGER NOT NULL,
    certificate TEXT,
    due         TEXT,
    note        TEXT,
    author      TEXT NOT NULL,
    at          TEXT NOT NULL
) STRICT;
CREATE INDEX metrology_device ON metrology (device);
CREATE TRIGGER metrology_is_kept BEFORE DELETE ON metrology
    BEGIN SELECT RAISE(ABORT, 'the metrology log is append-only'); END;
CREATE TRIGGER metrology_is_final BEFORE UPDATE ON metrology
    BEGIN SELECT RAISE(ABORT, 'the metrology log is append-only'); END;

-- Which physical device was made the room's, or let go.
CREATE TABLE adoption (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    device    TEXT NOT NULL,
    act       TEXT NOT NULL CHECK (act IN ('adopted', 'released')),
    address   TEXT NOT NULL,
    intrinsic TEXT,
    code      TEXT,
    author    TEXT NOT NULL,
    at        TEXT NOT NULL
) STRICT;
CREATE TRIGGER adoption_is_kept BEFORE DELETE ON adoption
    BEGIN SELECT RAISE(ABORT, 'adoptions are append-only'); END;
CREATE TRIGGER adoption_is_final BEFORE UPDATE ON adoption
    BEGIN SELECT RAISE(ABORT, 'adoptions are append-only'); END;
"""

_FIFTH = """
-- What the physician lets assistants measure. A kind nobody has spoken of is delegated.
CREATE TABLE delegation (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT NOT NULL,
    delegated INTEGER NOT NULL,
    author    TEXT NOT NULL,
    at        TEXT NOT NULL
) STRICT;
CREATE TRIGGER delegation_is_kept BEFORE DELETE ON delegation
    BEGIN SELECT RAISE(ABORT, 'delegations are append-only'); END;
CREATE TRIGGER delegation_is_final BEFORE UPDATE ON delegation
    BEGIN SELECT RAISE(ABORT, 'delegations are append-only'); END;
"""

_SIXTH = """
-- Each line of the audit holds what it says and the line before it fast (`devicehub.journal.audit`).
ALTER TABLE audit ADD COLUMN link TEXT;
"""

_SEVENTH = """
-- 1 while the dossier has not heard who answers for the visit.
ALTER TABLE visit ADD COLUMN responsible_owed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX visit_responsible_owed ON visit (opened_at) WHERE responsible_owed;
"""

_EIGHTH = """
-- Until then a person can undo what they have just accepted, and it stays here. What may go has none.
ALTER TABLE outbox ADD COLUMN undo_until TEXT;
CREATE INDEX outbox_undo ON outbox (undo_until) WHERE undo_until IS NOT NULL;

-- Whether any revision was handed to the network once: it belongs to the reading, not to its place in the outbox.
ALTER TABLE reading ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
UPDATE reading SET sent = 1 WHERE state = 'withdrawn'
    OR number IN (SELECT reading FROM outbox WHERE sent = 1)
    OR number IN (SELECT reading FROM state WHERE state IN ('published', 'filed', 'refused'));
ALTER TABLE outbox DROP COLUMN sent;
"""

_NINTH = """
-- What a device told of itself belongs to the address it came from: behind another one, under the same name, is
-- another device. Of what was told before nobody knows from which: it is still shown, and names no device.
ALTER TABLE device RENAME TO device_by_name;
CREATE TABLE device (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL,
    address   TEXT,
    intrinsic TEXT,
    facts     TEXT,
    clock     TEXT,
    UNIQUE (id, address)
) STRICT;
INSERT INTO device (id, intrinsic, facts, clock) SELECT id, intrinsic, facts, clock FROM device_by_name;
DROP TABLE device_by_name;
ALTER TABLE frame ADD COLUMN address TEXT;
"""

MIGRATIONS: tuple[str, ...] = (
    _FIRST,
    _SECOND,
    _THIRD,
    _FOURTH,
    _FIFTH,
    _SIXTH,
    _SEVENTH,
    _EIGHTH,
    _NINTH,
)


def migrate(database: Connection, path: Path) -> None:
    """Bring a file up to date, each migration in one transaction.

    Raises `JournalTooNew`, having changed nothing, for a file of a newer devicehub.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise JournalTooNew(
            f"{path} a été écrit par un devicehub plus récent (schéma {version}, celui-ci n'en connaît "
            f"que {len(MIGRATIONS)}) ; rien n'a été changé ; réinstallez cette version, ou donnez à celui-ci un "
            f"dossier à lui · {path} was written by a newer devicehub (schema {version}, this one knows "
            f"{len(MIGRATIONS)}); nothing was changed; install that version again, or give this one a folder "
            "of its own"
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        database.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
