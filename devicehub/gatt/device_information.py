"""What a device says of itself: Device Information (0x180A), Battery (0x180F), Current Time (0x1805).

Layouts: GATT Specification Supplement, *Manufacturer Name String* and its neighbours, *System ID*,
*Battery Level*, *Current Time*. `greet` is the first thing a session says to most devices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from devicehub.driver import (
    BleLink,
    BleSession,
    Decode,
    DeviceFacts,
    Frame,
    Measurement,
    NotUnderstood,
    Reader,
    Refused,
    encode_date_time,
    uuid16,
)

SYSTEM_ID = uuid16(0x2A23)
MODEL = uuid16(0x2A24)
SERIAL_NUMBER = uuid16(0x2A25)
FIRMWARE = uuid16(0x2A26)
MAKER = uuid16(0x2A29)
BATTERY = uuid16(0x2A19)
CURRENT_TIME = uuid16(0x2A2B)

ReadFact = Callable[[bytes], DeviceFacts]
_NONE: Mapping[str, ReadFact] = MappingProxyType({})

_FULL = 100

CLOCK_TOLERANCE = timedelta(seconds=2)
"""A device's clock is set when it is further off than this. One second is its resolution."""


def _text(data: bytes) -> str | None:
    return data.split(b"\0")[0].decode("utf-8", "replace").strip() or None


def _system_id(data: bytes) -> DeviceFacts:
    # It names the device in every reading: half of one is none.
    reader = Reader(data)
    system_id = reader.take(8)
    reader.end()
    return DeviceFacts(system_id=system_id[::-1].hex())


def _battery(data: bytes) -> DeviceFacts:
    level = Reader(data).u8()
    # More than 100 is reserved: some batteries say 255 when they do not know.
    return DeviceFacts(battery_percent=Decimal(level) if level <= _FULL else None)


def _clock(data: bytes) -> DeviceFacts:
    reader = Reader(data)
    clock = reader.date_time()
    reader.skip(3)  # day of week, fractions of a second, why it was adjusted
    return DeviceFacts(clock=clock)


_FACTS: Mapping[str, ReadFact] = MappingProxyType(
    {
        SYSTEM_ID: _system_id,
        MODEL: lambda data: DeviceFacts(model=_text(data)),
        SERIAL_NUMBER: lambda data: DeviceFacts(serial_number=_text(data)),
        FIRMWARE: lambda data: DeviceFacts(firmware=_text(data)),
        MAKER: lambda data: DeviceFacts(maker=_text(data)),
        BATTERY: _battery,
        CURRENT_TIME: _clock,
    }
)


def greet(features: Mapping[str, ReadFact] = _NONE) -> BleSession:
    """Ask who the device is, then set its clock if it is wrong.

    ``features`` maps further characteristics to their readers. Everything the device offers is read, in
    the order of the table, and handed over as one frame; what it refuses to tell is left out.
    """
    wanted = (*_FACTS, *features)

    async def session(link: BleLink) -> None:
        parts: list[tuple[str, bytes]] = []
        for on in wanted:
            if on in link.characteristics:
                try:
                    parts.append((on, await link.read(on)))
                except Refused:
                    continue
        if parts:
            await link.deliver(Frame(tuple(parts), link.model))
        clock = dict(parts).get(CURRENT_TIME)
        if clock is not None and _is_wrong(clock, link.now):
            try:
                await link.write(CURRENT_TIME, encode_current_time(link.now))
            except Refused:
                return  # A clock that may not be set is corrected by the offset just read.

    return session


def decoders(features: Mapping[str, ReadFact] = _NONE) -> dict[str, Decode]:
    """The decoders of the frame `greet` hands over, by characteristic, for `by_characteristic`."""
    readers = {**_FACTS, **features}

    def decode(frame: Frame) -> Iterator[Measurement]:
        said: dict[str, object] = {}
        unread: NotUnderstood | None = None
        for on, data in frame.parts:
            try:
                said |= readers[on](data).model_dump(exclude_unset=True) if on in readers else {}
            except NotUnderstood as error:
                unread = error  # An impossible clock must not cost the serial number beside it.
        if not said and unread is not None:
            raise unread
        yield DeviceFacts.model_validate(said)

    return dict.fromkeys(readers, decode)


def encode_current_time(now: datetime, *, reason: int = 0) -> bytes:
    """Ten bytes: Date Time, day of week (Monday is 1), 1/256 s, why it was adjusted (0: not said)."""
    fractions = now.microsecond * 256 // 1_000_000
    return encode_date_time(now) + bytes((now.isoweekday(), fractions, reason))


def _is_wrong(clock: bytes, now: datetime) -> bool:
    try:
        told = datetime.fromisoformat(Reader(clock).date_time() or "")
    except (NotUnderstood, ValueError):
        return True
    return abs(told - now.replace(tzinfo=None)) > CLOCK_TOLERANCE
