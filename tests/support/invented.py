"""Invented readings of nobody, as the intake would have filed them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from devicehub.driver import BloodPressure, BodyHeight, BodyWeight, Measurement
from devicehub.journal.records import Attribution, Filing, State
from devicehub.reading.clock import Stamp
from devicehub.reading.interval import Began
from devicehub.reading.reading import Device, DriverUsed, Evidence, Origin, Reading

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
LASTS = timedelta(seconds=40)


def filed(
    measurement: Measurement,
    *,
    at: datetime = START,
    state: State = "accepted",
    visit: str | None = "v1",
    device: str = "device-1",
    origin: Origin = "simulator",
) -> Filing:
    """A filing of a measurement that ended at ``at`` and lasted `LASTS`."""
    reading = Reading(
        id=uuid4(),
        measurement=measurement,
        device=Device(id=device, intrinsic=f"address:{device}"),
        driver=DriverUsed(id="sig_blood_pressure", version="1"),
        origin=origin,
        received_at=at,
        stamp=Stamp(device_time=None, corrected=None, offset_seconds=None, how="none"),
        began=Began(earliest=at - LASTS, latest=at - LASTS, known_from="live_frames"),
        evidence=(
            Evidence(number=1, parts=(("2a35", "00"),), model=None, first_byte=at, last_byte=at),
        ),
    )
    attribution = Attribution(
        reading=reading.id,
        revision=1,
        visit=visit,
        quarantine=None if visit else "no_visit",
        author="devicehub",
        at=at,
    )
    return Filing(reading=reading, attribution=attribution, state=state, state_at=at)


def pressure(systolic: int | None, diastolic: int | None = 80, pulse: int = 70) -> BloodPressure:
    """A blood pressure; ``None`` for one that could not be measured."""
    return BloodPressure(
        systolic_mmhg=None if systolic is None else Decimal(systolic),
        diastolic_mmhg=None if diastolic is None else Decimal(diastolic),
        pulse_per_minute=Decimal(pulse),
    )


def weight(kilograms: str) -> BodyWeight:
    """A settled weight."""
    return BodyWeight(kilograms=Decimal(kilograms), stable=True)


def height(centimetres: str) -> BodyHeight:
    """A standing height."""
    return BodyHeight(centimetres=Decimal(centimetres))
