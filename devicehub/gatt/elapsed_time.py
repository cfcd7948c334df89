"""Elapsed Time (0x2BF2, service 0x183F): the clock of Generic Health Sensors, and what stamps observations.

Nine octets: flags, a counter of six octets since 2000-01-01, where the time came from, the zone in quarter
hours. Layout: GATT Specification Supplement, *Elapsed Time*; Elapsed Time Service 1.0, section 3.1.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from devicehub.driver import DeviceFacts, NotUnderstood, Reader, uuid16

CURRENT = uuid16(0x2BF2)

_TICKS, _UTC, _ZONE, _CURRENT_TIMELINE = 0x01, 0x02, 0x10, 0x20
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - a device's clock, without zone
_UNITS_PER_SECOND = (1, 10, 1_000, 10_000)
_QUARTER_HOUR = timedelta(minutes=15)


class Stamp:
    """When something was, as a device's clock said it.

    ``local`` is ISO 8601 without zone: the wall clock where the device knows its zone, else UTC where it
    keeps that; ``None`` for a counter that is no time of day. ``comparable`` says that the clock has not
    been set since: then the offset it has now corrects the stamp.
    """

    def __init__(self, reader: Reader) -> None:
        at = reader.at
        flags = reader.u8()
        count = reader.unsigned(6)
        reader.skip(1)
        zone = reader.s8()
        self.comparable = bool(flags & _CURRENT_TIMELINE)
        self.local: str | None = None
        if flags & _TICKS:
            return
        microseconds = count * 1_000_000 // _UNITS_PER_SECOND[flags >> 2 & 0x03]
        try:
            moment = _EPOCH + timedelta(microseconds=microseconds)
            if flags & _UTC and flags & _ZONE:
                moment += zone * _QUARTER_HOUR
        except OverflowError:
            raise NotUnderstood("not a time: beyond the year 9999", at=at) from None
        self.local = moment.isoformat()


def decode(data: bytes) -> DeviceFacts:
    """The clock now (0x2BF2): a stamp, then the clock's status and capabilities, which are passed over."""
    return DeviceFacts(clock=Stamp(Reader(data)).local)


def encode(local: datetime) -> bytes:
    """The nine octets of a wall clock with second resolution that has not been set since."""
    seconds = int((local.replace(tzinfo=None) - _EPOCH).total_seconds())
    return bytes([_CURRENT_TIMELINE]) + seconds.to_bytes(6, "little") + bytes(2)


def encode_clock(local: datetime) -> bytes:
    """The bytes of the characteristic: `encode`, no need to be set, no capabilities."""
    return encode(local) + bytes(2)
