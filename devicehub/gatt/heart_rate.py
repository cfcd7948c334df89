"""Heart Rate Service 1.0 (0x180D): measurement, body sensor location.

Layouts: GATT Specification Supplement, *Heart Rate Measurement*, *Body Sensor Location*.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import DeviceFacts, Frame, HeartRate, Measurement, Reader, uuid16

SERVICE = uuid16(0x180D)
MEASUREMENT = uuid16(0x2A37)
LOCATION = uuid16(0x2A38)

_WIDE, _ENERGY, _INTERVALS = 0x01, 0x08, 0x10
_KNOWN_FLAGS = 0x1F
_CONTACT: dict[int, bool] = {2: False, 3: True}
"""Bits 1-2: 0 and 1 mean that the sensor cannot tell."""

_TICKS_PER_SECOND = 1024
_LOCATIONS = ("other", "chest", "wrist", "finger", "hand", "ear_lobe", "foot")


def decode(frame: Frame) -> Iterator[Measurement]:
    """The rate now, about once a second (0x2A37, notified); the intervals since the last message, oldest first."""
    reader = Reader(frame.data)
    flags = reader.u8()
    rate = reader.u16() if flags & _WIDE else reader.u8()
    energy = reader.u16() if flags & _ENERGY else None
    intervals: list[Decimal] = []
    # The intervals fill what is left of the message; only a flag of a later version may bring more.
    while flags & _INTERVALS and reader.left > 1:
        intervals.append(Decimal(reader.u16()) * 1000 / _TICKS_PER_SECOND)
    if not flags & ~_KNOWN_FLAGS:
        reader.end()
    yield HeartRate(
        per_minute=Decimal(rate),
        sensor_contact=_CONTACT.get(flags >> 1 & 0x03),
        energy_kilojoules=None if energy is None else Decimal(energy),
        rr_milliseconds=tuple(intervals),
    )


def decode_location(data: bytes) -> DeviceFacts:
    """Where the sensor is worn (0x2A38), as a feature: ``worn_on_chest``; a reserved place is left out."""
    reader = Reader(data)
    place = reader.u8()
    reader.end()
    return DeviceFacts(
        features=(f"worn_on_{_LOCATIONS[place]}",) if place < len(_LOCATIONS) else ()
    )


def encode(measurement: HeartRate) -> bytes:
    """The bytes a sensor would send. Raises ``OverflowError`` for what two bytes cannot hold."""
    rate = int(measurement.per_minute or 0)
    wide = rate > 0xFF
    flags = _WIDE if wide else 0
    flags |= sum(c << 1 for c, contact in _CONTACT.items() if contact == measurement.sensor_contact)
    energy = measurement.energy_kilojoules
    flags |= _ENERGY if energy is not None else 0
    flags |= _INTERVALS if measurement.rr_milliseconds else 0
    data = bytes([flags]) + rate.to_bytes(2 if wide else 1, "little")
    if energy is not None:
        data += int(energy).to_bytes(2, "little")
    for interval in measurement.rr_milliseconds:
        data += round(interval * _TICKS_PER_SECOND / 1000).to_bytes(2, "little")
    return data


def encode_location(place: str) -> bytes:
    """The byte for ``chest`` and its like. Raises ``ValueError`` for a place the service does not know."""
    return bytes([_LOCATIONS.index(place)])
