"""Blood Pressure Service 1.1.1 (0x1810): measurement, intermediate cuff pressure, feature.

Layouts: GATT Specification Supplement, *Blood Pressure Measurement*, *Intermediate Cuff Pressure*,
*Blood Pressure Feature*; the enhanced ones of service 1.1 are `enhanced_blood_pressure`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import (
    BloodPressure,
    CuffPressure,
    DeviceFacts,
    Flag,
    Frame,
    Measurement,
    Reader,
    Said,
    encode_date_time,
    encode_sfloat,
    mmhg,
    uuid16,
)

SERVICE = uuid16(0x1810)
MEASUREMENT = uuid16(0x2A35)
INTERMEDIATE = uuid16(0x2A36)
FEATURE = uuid16(0x2A49)

_KILOPASCALS, _TIME, _PULSE, _USER, _STATUS = 0x01, 0x02, 0x04, 0x08, 0x10
_KNOWN_FLAGS = 0x1F
_UNKNOWN_USER = 255

_STATUS_BITS: tuple[tuple[int, Flag], ...] = (
    (0x01, "body_movement"),
    (0x02, "cuff_loose"),
    (0x04, "irregular_pulse"),
    (0x20, "improper_position"),
)
_PULSE_RANGE: dict[int, Flag] = {1: "pulse_above_range", 2: "pulse_below_range"}
_FEATURES = (
    "body_movement_detection",
    "cuff_fit_detection",
    "irregular_pulse_detection",
    "pulse_range_detection",
    "position_detection",
    "multiple_bond",
    "e2e_crc",
    "user_data_service",
    "user_facing_time",
)


def decode(frame: Frame) -> Iterator[Measurement]:
    """One finished measurement (0x2A35, indicated)."""
    reader, flags = _open(frame)
    pressures = [reader.sfloat() for _ in range(3)]
    device_time = reader.date_time() if flags & _TIME else None
    pulse = reader.sfloat() if flags & _PULSE else None
    user = reader.u8() if flags & _USER else _UNKNOWN_USER
    status = reader.u16() if flags & _STATUS else 0
    _close(reader, flags)
    names = ("systolic_mmhg", "diastolic_mmhg", "mean_mmhg")
    said = None
    if flags & _KILOPASCALS:
        said = {n: Said(value=p, unit="kPa") for n, p in zip(names, pressures, strict=True) if p}
        pressures = [p if p is None else mmhg(p) for p in pressures]
    systolic, diastolic, mean = pressures
    yield BloodPressure(
        systolic_mmhg=systolic,
        diastolic_mmhg=diastolic,
        # Cuffs that do not compute a mean send NaN or 0; no artery has a mean pressure of 0.
        mean_mmhg=mean or None,
        pulse_per_minute=pulse,
        device_time=device_time,
        user_slot=None if user == _UNKNOWN_USER else user,
        said=said or None,
        flags=tuple(status_flags(status)),
    )


def decode_intermediate(frame: Frame) -> Iterator[Measurement]:
    """The pressure in the cuff while it measures (0x2A36, notified): the first value; two are unused."""
    reader, flags = _open(frame)
    pressure = reader.sfloat()
    reader.skip(4)
    device_time = reader.date_time() if flags & _TIME else None
    reader.skip(2 if flags & _PULSE else 0)
    user = reader.u8() if flags & _USER else _UNKNOWN_USER
    status = reader.u16() if flags & _STATUS else 0
    _close(reader, flags)
    said = None
    if flags & _KILOPASCALS and pressure is not None:
        said = {"pressure_mmhg": Said(value=pressure, unit="kPa")}
        pressure = mmhg(pressure)
    yield CuffPressure(
        pressure_mmhg=pressure,
        device_time=device_time,
        user_slot=None if user == _UNKNOWN_USER else user,
        said=said,
        flags=tuple(status_flags(status)),
    )


def decode_feature(data: bytes) -> DeviceFacts:
    """What the cuff can detect (0x2A49): names of the bits set, reserved bits passed over."""
    bits = Reader(data).u16()
    return DeviceFacts(features=tuple(n for i, n in enumerate(_FEATURES) if bits >> i & 1))


def encode(measurement: BloodPressure) -> bytes:
    """The bytes a cuff would send, in mmHg, with the optional fields the measurement has."""
    flags = (
        (_TIME if measurement.device_time else 0)
        | (_PULSE if measurement.pulse_per_minute is not None else 0)
        | (_USER if measurement.user_slot is not None else 0)
        | (_STATUS if measurement.flags else 0)
    )
    data = bytes([flags])
    for pressure in (
        measurement.systolic_mmhg,
        measurement.diastolic_mmhg,
        measurement.mean_mmhg,
    ):
        data += encode_sfloat(pressure)
    if measurement.device_time:
        data += encode_date_time(datetime.fromisoformat(measurement.device_time))
    if measurement.pulse_per_minute is not None:
        data += encode_sfloat(measurement.pulse_per_minute)
    if measurement.user_slot is not None:
        data += bytes([measurement.user_slot])
    if measurement.flags:
        data += status(measurement.flags).to_bytes(2, "little")
    return data


def encode_intermediate(pressure_mmhg: Decimal) -> bytes:
    """The bytes of one cuff pressure in mmHg; the two unused values are not-a-number."""
    return b"\x00" + encode_sfloat(pressure_mmhg) + encode_sfloat(None) * 2


def encode_feature(features: tuple[str, ...]) -> bytes:
    """The bytes that say these features. Raises ``ValueError`` for a name that is not one."""
    return sum(1 << _FEATURES.index(name) for name in features).to_bytes(2, "little")


def _open(frame: Frame) -> tuple[Reader, int]:
    reader = Reader(frame.data)
    return reader, reader.u8()


def _close(reader: Reader, flags: int) -> None:
    # A flag reserved today announces fields of a later version; without one nothing may follow.
    if not flags & ~_KNOWN_FLAGS:
        reader.end()


def status_flags(status: int) -> Iterator[Flag]:
    """What the 16 bits of a measurement status say; reserved ones are passed over."""
    yield from (flag for bit, flag in _STATUS_BITS if status & bit)
    pulse_range = status >> 3 & 0x03
    if pulse_range in _PULSE_RANGE:
        yield _PULSE_RANGE[pulse_range]


def status(flags: tuple[Flag, ...]) -> int:
    """The bits of a measurement status that say these flags."""
    bits = sum(bit for bit, flag in _STATUS_BITS if flag in flags)
    return bits | sum(code << 3 for code, flag in _PULSE_RANGE.items() if flag in flags)
