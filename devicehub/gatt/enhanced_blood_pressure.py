"""Blood Pressure Service 1.1.1 (0x1810), what 1.1 added: enhanced measurement and cuff pressure, stored records.

Layouts: GATT Specification Supplement, *Enhanced Blood Pressure Measurement*, *Enhanced Intermediate Cuff
Pressure*, *Blood Pressure Record*. The enhanced ones count seconds since 1900 or 2000, twice: in UTC and as
the cuff shows it. A record is segmented and holds a measurement of either layout; it is fetched through
`record_access`. The checksum of cuffs with the feature ``e2e_crc`` is not read: their records are not understood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from devicehub.driver import (
    BloodPressure,
    CuffPressure,
    Decode,
    Frame,
    Measurement,
    NotUnderstood,
    Reader,
    Said,
    encode_sfloat,
    mmhg,
    uuid16,
)
from devicehub.gatt import blood_pressure, segmentation

MEASUREMENT = uuid16(0x2B34)
INTERMEDIATE = uuid16(0x2B35)
RECORD = uuid16(0x2B36)

_KILOPASCALS, _TIME, _PULSE, _USER, _STATUS = 0x01, 0x02, 0x04, 0x08, 0x10
_SHOWN_TIME, _SINCE_2000 = 0x20, 0x40
_KNOWN_FLAGS = 0x7F
_UNKNOWN_USER = 255
_EPOCHS = (datetime(1900, 1, 1), datetime(2000, 1, 1))  # noqa: DTZ001 - a device's clock, without zone

_Values = tuple[list[Decimal | None], dict[str, Said] | None]


def decode(frame: Frame) -> Iterator[Measurement]:
    """One finished measurement (0x2B34, indicated). The time is the one the cuff shows, else that in UTC."""
    reader = Reader(frame.data)
    flags = reader.u8()
    (systolic, diastolic, mean), said = _pressures(
        reader, flags, ("systolic_mmhg", "diastolic_mmhg", "mean_mmhg")
    )
    device_time, pulse, user, status = _rest(reader, flags)
    yield BloodPressure(
        systolic_mmhg=systolic,
        diastolic_mmhg=diastolic,
        mean_mmhg=mean or None,
        pulse_per_minute=pulse,
        device_time=device_time,
        user_slot=user,
        said=said,
        flags=tuple(blood_pressure.status_flags(status)),
    )


def decode_intermediate(frame: Frame) -> Iterator[Measurement]:
    """The pressure in the cuff while it measures (0x2B35, notified)."""
    reader = Reader(frame.data)
    flags = reader.u8()
    (pressure,), said = _pressures(reader, flags, ("pressure_mmhg",))
    device_time, _pulse, user, status = _rest(reader, flags)
    yield CuffPressure(
        pressure_mmhg=pressure,
        device_time=device_time,
        user_slot=user,
        said=said,
        flags=tuple(blood_pressure.status_flags(status)),
    )


_RECORDED: Mapping[str, Decode] = MappingProxyType(
    {MEASUREMENT: decode, blood_pressure.MEASUREMENT: blood_pressure.decode}
)


def decode_record(frame: Frame) -> Iterator[Measurement]:
    """One stored record (0x2B36, notified in segments that each repeat its number and what it holds).

    The number identifies a record without a time. With one it is left out: the same measurement sent live
    has no number, and the time tells that it is the same.
    """
    header, data = b"", b""
    for on, segment in frame.parts:
        reader = Reader(segment)
        reader.skip(1)
        if header not in (b"", said := reader.take(4)):
            raise NotUnderstood("a segment of another record", at=1)
        header, data = said, data + reader.rest()
        if on != RECORD:
            raise NotUnderstood(f"a segment on {on}", at=0)
    segmentation.joined(frame)
    reader = Reader(header)
    sequence, recorded = reader.u16(), uuid16(reader.u16())
    if recorded not in _RECORDED:
        raise NotUnderstood(f"a record of {recorded}", at=3)
    for measurement in _RECORDED[recorded](Frame.of(recorded, data, frame.model)):
        number = None if measurement.device_time else sequence
        yield measurement.model_copy(update={"sequence": number, "stored": True})


def encode(measurement: BloodPressure) -> bytes:
    """The bytes a cuff would send, in mmHg, its time as shown and since 2000."""
    status = blood_pressure.status(measurement.flags)
    flags = (
        (_SHOWN_TIME | _SINCE_2000 if measurement.device_time else 0)
        | (_PULSE if measurement.pulse_per_minute is not None else 0)
        | (_USER if measurement.user_slot is not None else 0)
        | (_STATUS if status else 0)
    )
    data = bytes([flags])
    for pressure in (
        measurement.systolic_mmhg,
        measurement.diastolic_mmhg,
        measurement.mean_mmhg,
    ):
        data += encode_sfloat(pressure)
    if measurement.pulse_per_minute is not None:
        data += encode_sfloat(measurement.pulse_per_minute)
    if measurement.user_slot is not None:
        data += bytes([measurement.user_slot])
    data += status.to_bytes(2, "little") if status else b""
    if measurement.device_time:
        since = datetime.fromisoformat(measurement.device_time) - _EPOCHS[1]
        data += int(since.total_seconds()).to_bytes(4, "little")
    return data


def encode_record(sequence: int, on: str, data: bytes, size: int) -> list[bytes]:
    """The segments, of at most ``size`` octets, of a record that holds the ``data`` of characteristic ``on``."""
    header = sequence.to_bytes(2, "little") + int(on, 16).to_bytes(2, "little")
    pieces = segmentation.segments(data, size - len(header))
    return [piece[:1] + header + piece[1:] for piece in pieces]


def _pressures(reader: Reader, flags: int, names: tuple[str, ...]) -> _Values:
    pressures = [reader.sfloat() for _ in names]
    if not flags & _KILOPASCALS:
        return pressures, None
    said = {n: Said(value=p, unit="kPa") for n, p in zip(names, pressures, strict=True) if p}
    return [p if p is None else mmhg(p) for p in pressures], said or None


def _rest(reader: Reader, flags: int) -> tuple[str | None, Decimal | None, int | None, int]:
    moment = reader.u32() if flags & _TIME else None
    pulse = reader.sfloat() if flags & _PULSE else None
    user = reader.u8() if flags & _USER else _UNKNOWN_USER
    status = reader.u16() if flags & _STATUS else 0
    moment = reader.u32() if flags & _SHOWN_TIME else moment
    if not flags & ~_KNOWN_FLAGS:
        reader.end()
    epoch = _EPOCHS[1 if flags & _SINCE_2000 else 0]
    device_time = None if moment is None else (epoch + timedelta(seconds=moment)).isoformat()
    return device_time, pulse, None if user == _UNKNOWN_USER else user, status
