"""Typed readings: a value the physician enters by hand, marked so and signed, from no device and no frame."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from uuid import uuid4

from pydantic import TypeAdapter

from devicehub.driver import AnyMeasurement, Kind, Measurement
from devicehub.reading import plausibility
from devicehub.reading.clock import Stamp
from devicehub.reading.derived import HUB
from devicehub.reading.interval import Began
from devicehub.reading.reading import Device, DriverUsed, Origin, Reading

BY_HAND = "by-hand"
"""In place of a device."""

FIELDS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        "blood_pressure": ("systolic_mmhg", "diastolic_mmhg", "pulse_per_minute"),
        "oxygen_saturation": ("percent", "pulse_per_minute"),
        "heart_rate": ("per_minute",),
        "body_temperature": ("celsius",),
        "body_weight": ("kilograms",),
        "body_height": ("centimetres",),
        "glucose": ("milligrams_per_decilitre",),
    }
)
"""What can be typed, by kind. The pulse beside another value may be left out, nothing else."""

DECIMALS: Mapping[str, int] = MappingProxyType(
    {
        "systolic_mmhg": 0,
        "diastolic_mmhg": 0,
        "pulse_per_minute": 0,
        "percent": 0,
        "per_minute": 0,
        "celsius": 1,
        "kilograms": 2,
        "centimetres": 1,
        "milligrams_per_decilitre": 0,
    }
)
"""How many decimals a device for this shows, and the page: a finer number was never read off one."""

LEFT_OUT = "pulse_per_minute"
_MEASUREMENT: TypeAdapter[Measurement] = TypeAdapter(AnyMeasurement)


def number_of(field: str, text: str) -> Decimal:
    """The number that was typed: digits from 0 to 9 and one comma or point. Raises ``ValueError`` for anything else."""
    found = re.fullmatch(r"([0-9]{1,4})(?:[.,]([0-9]+))?", text.strip())
    if found is None or len(found[2] or "") > DECIMALS.get(field, 0):
        raise ValueError(
            f"{field} is typed in digits, with at most {DECIMALS.get(field, 0)} decimals"
        )
    return Decimal(f"{found[1]}.{found[2]}" if found[2] else found[1])


def measurement_of(kind: Kind, values: Mapping[str, Decimal]) -> Measurement:
    """The measurement that the typed values make. Raises ``ValueError`` where one is missing or is none of its kind."""
    fields = FIELDS.get(kind, ())
    needed = {field for field in fields if field != LEFT_OUT}
    if not needed or not needed <= values.keys() <= set(fields):
        raise ValueError(f"a typed {kind} has {', '.join(fields) or 'no field'}")
    return _MEASUREMENT.validate_python({"kind": kind, **values})


def typed(
    measurement: Measurement, *, author: str, at: datetime, origin: Origin, version: str
) -> Reading:
    """The reading of a value typed ``at`` by ``author``. ``origin`` is the station's: nothing simulated looks real."""
    return Reading(
        id=uuid4(),
        measurement=measurement,
        device=Device(id=BY_HAND, intrinsic=BY_HAND),
        driver=DriverUsed(id=HUB, version=version),
        origin=origin,
        received_at=at,
        stamp=Stamp(device_time=None, corrected=None, offset_seconds=None, how="none"),
        began=Began(earliest=at, latest=at, known_from="arrival"),
        evidence=(),
        plausibility=plausibility.judge(measurement),
        automatic=False,
        source="typed",
        author=author,
    )
