"""The dossier's tables, for SQLite here and PostgreSQL later: keys in order of arrival, ids beside them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

VERSION = 2
"""The version of these tables; a store of a newer one is left alone."""

APPLICATION = 0x44484453
"""What tells a dossier's SQLite file from any other ("DHDS"; sqlite.org, fileformat2, "application id")."""

Key = BigInteger().with_variant(Integer(), "sqlite")
"""Counts up with arrival. Random ids as keys cost SQLite four times the insertion."""

Json = JSON().with_variant(JSONB(), "postgresql")


class Moment(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no zone, so it is taken off and put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From UTC."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


METADATA = MetaData()

PATIENTS = Table(
    "patients",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("identity", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
)

VISITS = Table(
    "visits",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("patient", ForeignKey("patients.id"), nullable=False, index=True),
    Column("station", String(32), nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
)

PLANS = Table(
    "plans",
    METADATA,
    Column("visit", String(40), primary_key=True),
    Column("patient", ForeignKey("patients.id"), nullable=False, index=True),
    Column("station", String(32)),
    Column("planned_at", Moment, index=True),
    Column("plan", Json, nullable=False),
    Column("responsible", String(80)),
    Column("created_at", Moment, nullable=False),
    Column("cancelled_at", Moment),
)
"""What is to be measured in a visit, and by whose order. One without a row in ``visits`` was never opened.

``station`` is the one it is planned for, nothing for any; ``planned_at`` is nothing where a station opened the
visit by itself. Since version 2.
"""

READINGS = Table(
    "readings",
    METADATA,
    Column("key", Key, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("site", String(32), nullable=False),
    Column("station", String(32), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("filed_at", Moment, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("body", Json, nullable=False),
)

ATTRIBUTIONS = Table(
    "attributions",
    METADATA,
    Column("key", Key, primary_key=True),
    Column("reading", ForeignKey("readings.key"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("action", String(16), nullable=False),
    Column("visit", ForeignKey("visits.id"), index=True),
    Column("filed_at", Moment, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("body", Json, nullable=False),
    UniqueConstraint("reading", "revision"),
)

FRAMES = Table(
    "frames",
    METADATA,
    Column("key", Key, primary_key=True),
    Column("reading", ForeignKey("readings.key"), nullable=False, index=True),
    Column("number", BigInteger, nullable=False),
    Column("driver", String(), nullable=False),
    Column("driver_version", String(), nullable=False),
    Column("model", String()),
    Column("parts", Json, nullable=False),
    Column("first_byte", Moment, nullable=False),
    Column("last_byte", Moment, nullable=False),
)
"""The raw frames behind a reading, as the station journalled them: ``parts`` is ``[[on, hex], …]``."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("key", Key, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("detail", String(64)),
)
"""Who did what to which visit or reading. Ids alone, never an identity or a value."""
