"""Pulse Oximeter Service 1.0.1 (0x1822): spot-check and continuous measurement, features.

Layouts: GATT Specification Supplement, *PLX Spot-Check Measurement*, *PLX Continuous Measurement*,
*PLX Features*; the status bits: Pulse Oximeter Service, sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from devicehub.driver import (
    DeviceFacts,
    Flag,
    Frame,
    Measurement,
    OxygenSaturation,
    Reader,
    encode_date_time,
    encode_sfloat,
    uuid16,
)

SERVICE = uuid16(0x1822)
SPOT = uuid16(0x2A5E)
CONTINUOUS = uuid16(0x2A5F)
FEATURE = uuid16(0x2A60)

_TIME, _STATUS, _SENSOR, _AMPLITUDE, _CLOCK_NOT_SET = 0x01, 0x02, 0x04, 0x08, 0x10
_KNOWN_SPOT_FLAGS = 0x1F
_FAST, _SLOW, _LIVE_STATUS, _LIVE_SENSOR, _LIVE_AMPLITUDE = 0x01, 0x02, 0x04, 0x08, 0x10
_KNOWN_CONTINUOUS_FLAGS = 0x1F

_STORED, _UNAVAILABLE, _INVALID = 1 << 9, 1 << 13, 1 << 15
_NO_VALUE = _UNAVAILABLE | _INVALID

_STATUS_BITS: Mapping[int, Flag] = {
    6: "early_estimate",
    10: "demo_data",
    11: "demo_data",  # data for testing: nobody's either
    12: "questionable",  # calibration ongoing
    13: "measurement_failed",
    14: "questionable",
    15: "measurement_failed",
}
"""Measurement status. 5 (ongoing), 7 (validated), 8 (fully qualified) say nothing against the value."""

_SENSOR_BITS: Mapping[int, Flag] = {
    1: "sensor_fault",  # equipment malfunction
    2: "artifact",  # signal processing irregularity
    3: "weak_signal",  # inadequate signal
    4: "weak_signal",  # poor signal
    5: "weak_signal",  # low perfusion
    6: "artifact",  # erratic signal
    7: "weak_signal",  # nonpulsatile signal
    8: "questionable",  # questionable pulse
    9: "searching",  # signal analysis ongoing
    10: "artifact",  # sensor interference
    11: "no_contact",  # sensor unconnected to user
    12: "sensor_fault",  # unknown sensor connected
    13: "improper_position",  # sensor displaced
    14: "sensor_fault",  # sensor malfunctioning
    15: "sensor_fault",  # sensor disconnected
}
"""Device and sensor status. Bit 0 (extended display update) concerns the display alone."""

_FEATURES = (
    "measurement_status",
    "device_and_sensor_status",
    "spot_check_storage",
    "spot_check_time",
    "fast_values",
    "slow_values",
    "pulse_amplitude_index",
    "multiple_bond",
)


def decode(frame: Frame) -> Iterator[Measurement]:
    """One finished spot-check (0x2A5E, indicated).

    Where the oximeter marks it as invalid or unavailable the numbers are left out: they mean nothing. The
    time of a clock that was never set is left out for the same reason.
    """
    reader = Reader(frame.data)
    flags = reader.u8()
    percent, pulse = reader.sfloat(), reader.sfloat()
    device_time = reader.date_time() if flags & _TIME else None
    status = reader.u16() if flags & _STATUS else None
    sensor = reader.u24() if flags & _SENSOR else 0
    amplitude = reader.sfloat() if flags & _AMPLITUDE else None
    if not flags & ~_KNOWN_SPOT_FLAGS:
        reader.end()
    yield _measurement(
        (percent, pulse, amplitude), status, sensor, None if flags & _CLOCK_NOT_SET else device_time
    )


def decode_continuous(frame: Frame) -> Iterator[Measurement]:
    """The values now (0x2A5F, notified): the normal average; the fast and slow ones are passed over."""
    reader = Reader(frame.data)
    flags = reader.u8()
    percent, pulse = reader.sfloat(), reader.sfloat()
    reader.skip(4 if flags & _FAST else 0)
    reader.skip(4 if flags & _SLOW else 0)
    status = reader.u16() if flags & _LIVE_STATUS else None
    sensor = reader.u24() if flags & _LIVE_SENSOR else 0
    amplitude = reader.sfloat() if flags & _LIVE_AMPLITUDE else None
    if not flags & ~_KNOWN_CONTINUOUS_FLAGS:
        reader.end()
    yield _measurement((percent, pulse, amplitude), status, sensor, None)


def decode_feature(data: bytes) -> DeviceFacts:
    """What the oximeter can tell (0x2A60): names of the bits set. Which status bits it knows is passed over."""
    reader = Reader(data)
    bits = reader.u16()
    reader.skip(2 if bits & 0x01 else 0)
    reader.skip(3 if bits & 0x02 else 0)
    return DeviceFacts(features=tuple(n for i, n in enumerate(_FEATURES) if bits >> i & 1))


def encode(measurement: OxygenSaturation) -> bytes:
    """The bytes of a spot-check with the optional fields the measurement has; flags as status bits."""
    status, sensor = _status(measurement), _bits(_SENSOR_BITS, measurement)
    flags = (
        (_TIME if measurement.device_time else 0)
        | (_STATUS if status or measurement.stored is not None else 0)
        | (_SENSOR if sensor else 0)
        | (_AMPLITUDE if measurement.perfusion_index_percent is not None else 0)
    )
    data = bytes([flags]) + _values(measurement)
    if measurement.device_time:
        data += encode_date_time(datetime.fromisoformat(measurement.device_time))
    return data + _tail(measurement, status if flags & _STATUS else None, sensor)


def encode_continuous(measurement: OxygenSaturation) -> bytes:
    """The bytes of one live message, as `encode` gives those of a spot-check."""
    status, sensor = _status(measurement), _bits(_SENSOR_BITS, measurement)
    flags = (
        (_LIVE_STATUS if status or measurement.stored is not None else 0)
        | (_LIVE_SENSOR if sensor else 0)
        | (_LIVE_AMPLITUDE if measurement.perfusion_index_percent is not None else 0)
    )
    tail = _tail(measurement, status if flags & _LIVE_STATUS else None, sensor)
    return bytes([flags]) + _values(measurement) + tail


def encode_feature(features: tuple[str, ...]) -> bytes:
    """The bytes that say these features, every known status bit among them. Raises ``ValueError`` for others."""
    data = sum(1 << _FEATURES.index(name) for name in features).to_bytes(2, "little")
    if _FEATURES[0] in features:
        data += sum(1 << bit for bit in _STATUS_BITS).to_bytes(2, "little")
    if _FEATURES[1] in features:
        data += sum(1 << bit for bit in _SENSOR_BITS).to_bytes(3, "little")
    return data


def _measurement(
    values: tuple[Decimal | None, Decimal | None, Decimal | None],
    status: int | None,
    sensor: int,
    device_time: str | None,
) -> OxygenSaturation:
    percent, pulse, amplitude = (None, None, None) if (status or 0) & _NO_VALUE else values
    flags = {flag for bit, flag in _STATUS_BITS.items() if (status or 0) >> bit & 1}
    flags |= {flag for bit, flag in _SENSOR_BITS.items() if sensor >> bit & 1}
    return OxygenSaturation(
        percent=percent,
        pulse_per_minute=pulse,
        perfusion_index_percent=amplitude,
        device_time=device_time,
        stored=None if status is None else bool(status & _STORED),
        flags=tuple(flags),
    )


def _values(measurement: OxygenSaturation) -> bytes:
    return encode_sfloat(measurement.percent) + encode_sfloat(measurement.pulse_per_minute)


def _tail(measurement: OxygenSaturation, status: int | None, sensor: int) -> bytes:
    data = b"" if status is None else status.to_bytes(2, "little")
    data += sensor.to_bytes(3, "little") if sensor else b""
    if measurement.perfusion_index_percent is not None:
        data += encode_sfloat(measurement.perfusion_index_percent)
    return data


def _status(measurement: OxygenSaturation) -> int:
    return _bits(_STATUS_BITS, measurement) | (_STORED if measurement.stored else 0)


def _bits(table: Mapping[int, Flag], measurement: OxygenSaturation) -> int:
    """One bit for each flag: the highest that stands for it."""
    bit_of = {flag: bit for bit, flag in sorted(table.items())}
    return sum(1 << bit_of[flag] for flag in measurement.flags if flag in bit_of)
