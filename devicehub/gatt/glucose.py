"""Glucose Service 1.0.1 (0x1808): measurement, context, feature; the records are fetched (`record_access`).

Layouts: GATT Specification Supplement, *Glucose Measurement*, *Glucose Measurement Context*, *Glucose
Feature*. A context belongs to the measurement with its sequence number: both are one frame of two parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from devicehub.driver import (
    DeviceFacts,
    Flag,
    Frame,
    Glucose,
    Measurement,
    NotUnderstood,
    Reader,
    Said,
    encode_date_time,
    encode_sfloat,
    milligrams_per_decilitre,
    uuid16,
)

SERVICE = uuid16(0x1808)
MEASUREMENT = uuid16(0x2A18)
CONTEXT = uuid16(0x2A34)
FEATURE = uuid16(0x2A51)

CONTROL_SOLUTION = "control_solution"

_OFFSET, _CONCENTRATION, _MOLES, _STATUS, _CONTEXT_FOLLOWS = 0x01, 0x02, 0x04, 0x08, 0x10
_KNOWN_FLAGS = 0x1F
_CARBOHYDRATE, _MEAL, _TESTER_HEALTH, _EXERCISE, _MEDICATION = 0x01, 0x02, 0x04, 0x08, 0x10
_HBA1C, _EXTENDED = 0x40, 0x80
_SHIFT = 5
"""A kilogram per litre is 10 to the fifth milligrams per decilitre."""

_UNKNOWN_OFFSETS = (-0x8000, 0x7FFF)
"""Underrun and overrun: the clock was moved by more minutes than fit."""

_TIME_FAULT = 1 << 11
_STATUS_BITS: Mapping[int, Flag] = {
    0: "low_battery",
    1: "sensor_fault",
    2: "measurement_failed",  # sample size insufficient
    3: "measurement_failed",  # strip insertion error
    4: "measurement_failed",  # strip type incorrect
    5: "out_of_range_high",
    6: "out_of_range_low",
    7: "questionable",  # sensor too hot
    8: "questionable",  # sensor too cold
    9: "measurement_failed",  # strip pulled too soon
    10: "sensor_fault",  # general device fault
}
"""Sensor status annunciation. Bit 11, a time fault, takes the time away."""

_SAMPLES: Mapping[int, str] = {
    1: "capillary_whole_blood",
    2: "capillary_plasma",
    3: "venous_whole_blood",
    4: "venous_plasma",
    5: "arterial_whole_blood",
    6: "arterial_plasma",
    7: "undetermined_whole_blood",
    8: "undetermined_plasma",
    9: "interstitial_fluid",
    10: CONTROL_SOLUTION,
}
_LOCATIONS: Mapping[int, str] = {
    1: "finger",
    2: "alternate_site",
    3: "earlobe",
    4: CONTROL_SOLUTION,
}
"""15 means that the location is not known."""
_UNKNOWN_LOCATION = 15
_MEALS: Mapping[int, str] = {
    1: "preprandial",
    2: "postprandial",
    3: "fasting",
    4: "casual",
    5: "bedtime",
}
_FEATURES = (
    "low_battery_detection",
    "sensor_malfunction_detection",
    "sample_size_detection",
    "strip_insertion_detection",
    "strip_type_detection",
    "out_of_range_detection",
    "temperature_detection",
    "strip_pull_detection",
    "general_fault_detection",
    "time_fault_detection",
    "multiple_bond",
)


class _Context(NamedTuple):
    sequence: int
    meal: str | None


def decode(frame: Frame) -> Iterator[Measurement]:
    """One stored record (0x2A18, notified), with its context (0x2A34) as a second part where it has one.

    Control solution is no patient's blood: it is marked as ``demo_data``. The meter's time is its base
    time moved by the offset, as its display shows it.
    """
    (on, data), *more = frame.parts
    if on == CONTEXT and not more:
        context = _decode_context(data)
        # Without its measurement it has no value, only what it says about one.
        yield Glucose(sequence=context.sequence, meal=context.meal, stored=True)
        return
    if on != MEASUREMENT or [place for place, _ in more] not in ([], [CONTEXT]):
        raise NotUnderstood("a measurement, then at most its context, are wanted")
    measurement = _decode_measurement(data)
    if more:
        context = _decode_context(more[0][1])
        if context.sequence != measurement.sequence:
            raise NotUnderstood(
                f"context {context.sequence} of another measurement than {measurement.sequence}",
                at=1,
            )
        measurement = measurement.model_copy(update={"meal": context.meal})
    yield measurement


def decode_feature(data: bytes) -> DeviceFacts:
    """What the meter can detect (0x2A51): names of the bits set, reserved bits passed over."""
    bits = Reader(data).u16()
    return DeviceFacts(features=tuple(n for i, n in enumerate(_FEATURES) if bits >> i & 1))


def encode(measurement: Glucose, *, context_follows: bool = False) -> bytes:
    """The bytes of a measurement in kg/L; where it `said` mol/L, those. Raises ``ValueError`` without a time."""
    if measurement.device_time is None or measurement.sequence is None:
        raise ValueError("a record has a sequence number and a time")
    value, moles = measurement.milligrams_per_decilitre, False
    said = (measurement.said or {}).get("milligrams_per_decilitre")
    has_value = value is not None or measurement.sample or measurement.location
    if value is not None:
        moles = said is not None and said.unit == "mol/L"
        value = said.value if moles and said else value.scaleb(-_SHIFT)
    status = sum(1 << bit for bit, flag in _first_bits().items() if flag in measurement.flags)
    flags = (
        (_CONCENTRATION if has_value else 0)
        | (_MOLES if moles else 0)
        | (_STATUS if status else 0)
        | (_CONTEXT_FOLLOWS if context_follows else 0)
    )
    data = bytes([flags]) + measurement.sequence.to_bytes(2, "little")
    data += encode_date_time(datetime.fromisoformat(measurement.device_time))
    if has_value:
        sample = _code(_SAMPLES, measurement.sample, 0)
        location = _code(_LOCATIONS, measurement.location, _UNKNOWN_LOCATION)
        data += encode_sfloat(value) + bytes([location << 4 | sample])
    return data + (status.to_bytes(2, "little") if status else b"")


def encode_context(measurement: Glucose) -> bytes:
    """The bytes of the context that says the meal."""
    meal = _code(_MEALS, measurement.meal, 0)
    return bytes([_MEAL]) + (measurement.sequence or 0).to_bytes(2, "little") + bytes([meal])


def encode_feature(features: tuple[str, ...]) -> bytes:
    """The bytes that say these features. Raises ``ValueError`` for a name that is not one."""
    return sum(1 << _FEATURES.index(name) for name in features).to_bytes(2, "little")


class Records:
    """Joins each measurement with the context its meter announces. For `record_access.fetch`.

    A message that comes twice in a row is taken once: it would be a record without its context, or a
    context without its record.
    """

    def __init__(self) -> None:
        self._waiting: Frame | None = None
        self._before: Frame | None = None

    def take(self, frame: Frame) -> Iterator[Frame]:
        """The measurement that this message completes."""
        if frame == self._before:
            return
        self._before = frame
        waiting, self._waiting = self._waiting, None
        if frame.on == CONTEXT and waiting is not None and _same_record(waiting, frame):
            yield Frame((*waiting.parts, *frame.parts), frame.model)
            return
        if waiting is not None:
            yield waiting
        if frame.on == MEASUREMENT and frame.data[:1] and frame.data[0] & _CONTEXT_FOLLOWS:
            self._waiting = frame
        else:
            yield frame

    def rest(self) -> Iterator[Frame]:
        """A measurement whose context never came: it is whole without."""
        if self._waiting is not None:
            yield self._waiting
        self._waiting = None


def _same_record(measurement: Frame, context: Frame) -> bool:
    return measurement.data[1:3] == context.data[1:3]


def _decode_measurement(data: bytes) -> Glucose:
    reader = Reader(data)
    flags = reader.u8()
    sequence = reader.u16()
    base = reader.date_time()
    offset = reader.s16() if flags & _OFFSET else 0
    value = reader.sfloat() if flags & _CONCENTRATION else None
    kind = reader.u8() if flags & _CONCENTRATION else 0
    status = reader.u16() if flags & _STATUS else 0
    if not flags & ~_KNOWN_FLAGS:
        reader.end()
    said = None
    if value is not None:
        unit = "mol/L" if flags & _MOLES else "kg/L"
        said = {"milligrams_per_decilitre": Said(value=value, unit=unit)}
        value = milligrams_per_decilitre(value) if flags & _MOLES else value.scaleb(_SHIFT)
    sample, location = _SAMPLES.get(kind & 0x0F), _LOCATIONS.get(kind >> 4)
    found: set[Flag] = {flag for bit, flag in _STATUS_BITS.items() if status >> bit & 1}
    if CONTROL_SOLUTION in (sample, location):
        found.add("demo_data")
    return Glucose(
        milligrams_per_decilitre=value,
        sample=sample,
        location=location,
        device_time=None if status & _TIME_FAULT else _shown_time(base, offset),
        sequence=sequence,
        stored=True,
        said=said,
        flags=tuple(found),
    )


def _decode_context(data: bytes) -> _Context:
    reader = Reader(data)
    flags = reader.u8()
    sequence = reader.u16()
    reader.skip(1 if flags & _EXTENDED else 0)
    reader.skip(3 if flags & _CARBOHYDRATE else 0)
    meal = reader.u8() if flags & _MEAL else 0
    reader.skip(1 if flags & _TESTER_HEALTH else 0)
    reader.skip(3 if flags & _EXERCISE else 0)
    reader.skip(3 if flags & _MEDICATION else 0)
    reader.skip(2 if flags & _HBA1C else 0)
    # Every flag is taken; a later version announces its fields in the extended flags.
    if not flags & _EXTENDED:
        reader.end()
    return _Context(sequence, _MEALS.get(meal))


def _shown_time(base: str | None, offset: int) -> str | None:
    if base is None or offset == 0:
        return base
    if offset in _UNKNOWN_OFFSETS:
        return None
    try:
        return (datetime.fromisoformat(base) + timedelta(minutes=offset)).isoformat()
    except (ValueError, OverflowError):  # a partial date cannot be moved
        return None


def _first_bits() -> dict[int, Flag]:
    """One bit for each flag, so that a flag is encoded once."""
    bits: dict[Flag, int] = {}
    for bit, flag in _STATUS_BITS.items():
        bits.setdefault(flag, bit)
    return {bit: flag for flag, bit in bits.items()}


def _code(table: Mapping[int, str], name: str | None, otherwise: int) -> int:
    return next((code for code, known in table.items() if known == name), otherwise)
