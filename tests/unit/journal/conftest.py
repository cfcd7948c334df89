"""Invented readings and an open journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from devicehub.driver import BloodPressure, Frame
from devicehub.journal.journal import Journal
from devicehub.journal.records import Attribution, Filing, State
from devicehub.reading.clock import Stamp
from devicehub.reading.interval import Began
from devicehub.reading.reading import Device, DriverUsed, Evidence, Reading
from devicehub.reading.settle import Settling

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DRIVER = DriverUsed(id="sig_blood_pressure", version="0.1.0")


def make_filing(
    state: State = "accepted", visit: str | None = "visit-1", reading: UUID | None = None
) -> Filing:
    """A filing of an invented blood pressure, as the intake would make it."""
    identity = reading or uuid4()
    evidence = Evidence(
        number=1, parts=(("2a35", "1e"),), model=None, first_byte=NOON, last_byte=NOON
    )
    return Filing(
        reading=Reading(
            id=identity,
            measurement=BloodPressure(
                systolic_mmhg=Decimal("120.5"), diastolic_mmhg=Decimal(80), pulse_per_minute=None
            ),
            device=Device(id="cuff-1", intrinsic="address:00"),
            driver=DRIVER,
            origin="simulator",
            received_at=NOON,
            stamp=Stamp(device_time=None, corrected=None, offset_seconds=None, how="none"),
            began=Began(earliest=NOON - timedelta(minutes=2), latest=NOON, known_from="arrival"),
            evidence=(evidence,),
        ),
        attribution=Attribution(
            reading=identity,
            revision=1,
            visit=visit,
            quarantine=None if visit else "no_visit",
            author="devicehub",
            at=NOON,
        ),
        state=state,
        state_at=NOON,
    )


@pytest.fixture
def filing() -> Callable[..., Filing]:
    return make_filing


@pytest.fixture
def frame_arguments() -> dict[str, Any]:
    """What `commit_frame` is given for an invented frame."""
    return {
        "device": "cuff-1",
        "address": "C0:00:00:00:00:01",
        "connection": "connection-1",
        "driver": DRIVER,
        "origin": "simulator",
        "frame": Frame((("2a35", b"\x1e\x78"), ("2a36", b"")), model="Test Cuff"),
        "first_byte": NOON,
        "last_byte": NOON + timedelta(seconds=1),
        "settling": Settling(idle_since=NOON, candidate=Decimal("72.4")),
    }


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal(tmp_path / "station" / "journal.sqlite") as opened:
        yield opened
