"""The laws of what is said: the same in JSON, in canonical units, possible, and valid on the wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from devicehub.delivery.wire import Item, ReadingBatch, encode
from devicehub.devices.registry import driver_version
from devicehub.driver import (
    AnyMeasurement,
    DeviceFacts,
    Driver,
    Measurement,
    celsius,
    centimetres,
    kilograms,
    milligrams_per_decilitre,
    mmhg,
)
from devicehub.journal.records import Attribution
from devicehub.reading import clock
from devicehub.reading.assembly import Around, assemble, declared
from devicehub.reading.reading import DriverUsed, Evidence, Reading
from devicehub.reading.settle import Settle, Settling, is_live
from devicehub.testing.capture import Captured
from devicehub.testing.laws.said import decoded, shown
from devicehub.testing.replay import Handed, converse, replay

_MEASUREMENT: TypeAdapter[Measurement] = TypeAdapter(AnyMeasurement)
_SCHEMA = Draft202012Validator(ReadingBatch.model_json_schema(mode="serialization"))
_LARGEST_ERROR = Decimal("0.005")
"""Of a conversion this kit has no function for: half a percent, more than any rounding."""

_CONVERSIONS: Mapping[tuple[str, str], Callable[[Decimal], Decimal]] = MappingProxyType(
    {
        ("mmhg", "kPa"): mmhg,
        ("kilograms", "[lb_av]"): kilograms,
        ("celsius", "[degF]"): celsius,
        ("centimetres", "[in_i]"): centimetres,
        ("decilitre", "mmol/L"): lambda told: milligrams_per_decilitre(told / 1000),
        ("decilitre", "mol/L"): milligrams_per_decilitre,
    }
)
_FACTORS: Mapping[tuple[str, str], Decimal] = MappingProxyType(
    {
        ("kilograms", "g"): Decimal("0.001"),
        ("kilograms", "[stone_av]"): Decimal("6.35029318"),
        ("kilograms", "[oz_av]"): Decimal("0.028349523125"),
        ("centimetres", "m"): Decimal(100),
        ("centimetres", "mm"): Decimal("0.1"),
        ("centimetres", "[ft_i]"): Decimal("30.48"),
        ("decilitre", "kg/L"): Decimal(100000),
        ("decilitre", "g/L"): Decimal(100),
        ("kilojoules", "kcal"): Decimal("4.184"),
        ("kilojoules", "kcal_th"): Decimal("4.184"),
        ("kilojoules", "J"): Decimal("0.001"),
    }
)


def law_json(driver: Driver, captures: Sequence[Captured]) -> None:
    """A measurement written as JSON and read again is the same measurement."""
    for one in captures:
        for measurement in replay(driver, one.capture):
            text = measurement.model_dump_json()
            assert _MEASUREMENT.validate_json(text) == measurement, text


def law_units(driver: Driver, captures: Sequence[Captured]) -> None:
    """What the device said in another unit agrees with the canonical value beside it."""
    for one in captures:
        for measurement in replay(driver, one.capture):
            for name, said in (measurement.said or {}).items():
                where = f"{one.capture.path}: {measurement.kind}.{name}: {said.value} {said.unit}"
                value = getattr(measurement, name, None)
                assert isinstance(value, Decimal), f"{where}: said of a field without value"
                quantity = name.rpartition("_")[2]
                if convert := _CONVERSIONS.get((quantity, said.unit)):
                    assert value == convert(said.value), f"{where}: is {convert(said.value)}"
                elif factor := _FACTORS.get((quantity, said.unit)):
                    wanted = said.value * factor
                    assert abs(value - wanted) <= abs(wanted) * _LARGEST_ERROR, f"{where}: {value}"
                elif quantity == said.unit:
                    assert value == said.value, f"{where}: {value}"


def law_wire(driver: Driver, captures: Sequence[Captured]) -> None:
    """What a capture finishes is a reading the dossier takes; what hardware said can be measured at all."""
    for one in captures:
        for reading in readings(driver, one):
            possible = reading.plausibility != "impossible"
            assert possible or one.capture.header.origin != "hardware", (
                f"{one.capture.path}: no sensor measures\n{shown([reading.measurement])}"
            )
            attribution = Attribution(
                reading=reading.id, revision=1, visit="v1", author="law", at=reading.received_at
            )
            batch = ReadingBatch(
                schema="devicehub/reading/1",
                station="salle-1",
                sent_at=reading.received_at,
                items=(Item(reading=reading, attribution=attribution),),
            )
            payload = encode(batch)
            faults = [fault.message for fault in _SCHEMA.iter_errors(json.loads(payload))]
            assert not faults, f"{one.capture.path}: {faults}"
            assert ReadingBatch.model_validate_json(payload) == batch, payload.decode()


def readings(driver: Driver, one: Captured) -> Iterator[Reading]:
    """What the hub would file of a capture, made with the hub's own pure functions."""
    header = one.capture.header
    settle = Settle(driver.settles, Settling(idle_since=header.recorded))
    facts: DeviceFacts | None = None
    seen: clock.DeviceClock | None = None
    for number, handed in enumerate(converse(driver, one.capture), start=1):
        said = decoded(driver, handed.frame, handed.secrets) or []
        if not handed.finished:
            settle.live(said, handed.at)
            continue
        before = settle.state
        for measurement in said:
            if isinstance(measurement, DeviceFacts):
                facts = measurement
                seen = seen or clock.compare(measurement.clock, handed.at)
        around = _around(driver, header.model, handed, number, facts, seen)
        for index, finished in enumerate(settle.finished(said, handed.at)):
            recalls = declared(around).recalls
            live = is_live(finished, driver.settles, before, handed.at, recalls=recalls)
            yield assemble(finished, around, index=index, live=live)


def _around(
    driver: Driver,
    model: str | None,
    handed: Handed,
    number: int,
    facts: DeviceFacts | None,
    seen: clock.DeviceClock | None,
) -> Around:
    at: datetime = handed.at.astimezone(UTC)
    parts = tuple((on, data) for on, data in handed.frame.hex())
    return Around(
        device="device",
        address="C0:00:00:00:00:01",
        model=model,
        driver=driver,
        used=DriverUsed(id=driver.id, version=driver_version(driver)),
        origin="simulator",
        evidence=Evidence(
            number=number, parts=parts, model=handed.frame.model, first_byte=at, last_byte=at
        ),
        frame=f"law:{number}",
        facts=facts,
        clock=seen,
        zone=handed.at.utcoffset() or timedelta(),
    )
