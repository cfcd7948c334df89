"""From the answer to a read to the measurements in it.

A record is words of 16 bits, the same in every family:

=====  ==============================================================
 0     diastolic, systolic - 25
 1     year - 2000, pulse
 2     movement (1 bit), irregular pulse (1), month (4), day (5), hour (5)
 3     cuff (4 bits, see below), minute (6), second (6)
 5     number of the record, in the families that count them
=====  ==============================================================

omblepy swaps movement and irregular pulse for the HEM-6232T alone; a HEM-6232T whose measurements were
announced and its display photographed (WariKoda/Sphygma, protocol reference, 6.2) keeps the order of all
the others. The four bits above the minute are left alone: sources disagree on them, and a cuff said to be
loose where the monitor has no such sensor would be invented. Seconds run to 63 on a clock never set.
The sum at the end of a record is not checked: its place varies, and the XOR of the answer covers it.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import reduce
from operator import xor

from devicehub.driver import (
    BloodPressure,
    Flag,
    Frame,
    Measurement,
    NotUnderstood,
    Secrets,
    date_time,
)
from devicehub_drivers.omron_eeprom.memory import SOLE, Layout, memory_of

READ_ANSWER = bytes.fromhex("8100")
PIECE = 16
"""What one channel carries of an answer that needs several."""
HEAD, TAIL = 6, 2
"""Length, type (2), address (2) and size before the records; padding and XOR after them."""
HIGHEST_SYSTOLIC = 0xE1
"""A little-endian record that begins with more was never written (hass-omron, esphome-omron)."""
LONGEST_MINUTE = 59
_TOLD: tuple[tuple[int, Flag], ...] = ((0x8000, "body_movement"), (0x4000, "irregular_pulse"))


def joined(parts: Sequence[tuple[str, bytes]]) -> bytes:
    """An answer in one piece: its first byte is its length, and the last piece may be padded beyond it."""
    data = b"".join(piece for _on, piece in parts)
    return data[: data[0]] if data else data


def checksum(data: bytes) -> int:
    """The XOR of all bytes; 0 over a whole command or answer."""
    return reduce(xor, data, 0)


def unseal(frame: Frame, _secrets: Secrets) -> Frame:
    """Of the answer to a read: its address, its size and its records, once the XOR holds.

    The bare bytes of a record are left as they are. Bytes 1 and 2 tell: 81 00 in an answer, in a record a
    pulse of 0 or the year 2000.
    """
    data = b"".join(piece for _on, piece in frame.parts)
    if data[1:3] != READ_ANSWER and len(frame.parts) == 1:
        return frame
    if any(len(piece) != PIECE for _on, piece in frame.parts[:-1]):
        # The XOR would not notice zeros that are missing here and made up for by the padding.
        raise NotUnderstood(f"a piece of other than {PIECE} bytes before the last")
    whole = joined(frame.parts)
    if whole[1:3] != READ_ANSWER:
        raise NotUnderstood("not the answer to a read", at=1)
    if len(whole) < max(whole[0], HEAD + TAIL):
        raise NotUnderstood(f"{whole[0]} bytes announced, {len(whole)} there", at=len(whole))
    if checksum(whole):
        raise NotUnderstood("the XOR of the answer is not 0", at=len(whole) - 1)
    end = HEAD + whole[5]
    if end + TAIL > len(whole):
        raise NotUnderstood(f"no room for {whole[5]} bytes", at=5)
    return Frame.of(frame.on, whole[3:end], frame.model)


def decode(frame: Frame) -> Iterator[Measurement]:
    """The records of one unsealed answer, or one bare record. A slot never written says nothing."""
    data = frame.data
    memory = memory_of(frame.model)
    if frame.model is not None and memory is None:
        raise NotUnderstood(f"the records of {frame.model} are not known")
    answered = len(data) > 3 and len(data) == 3 + data[2]
    layout = memory.layout if memory else SOLE.get(data[2] if answered else len(data))
    if layout is None:
        raise NotUnderstood(f"{len(data)} bytes: the model decides what they are", at=0)
    if len(data) == layout.size:
        yield from decode_record(data, layout)
    elif answered and data[2] and data[2] % layout.size == 0:
        address = int.from_bytes(data[:2], "big")
        for at in range(0, data[2], layout.size):
            user = memory.user(address + at) if memory else None
            yield from decode_record(data[3 + at :][: layout.size], layout, user, at=3 + at)
    else:
        raise NotUnderstood(f"records of {layout.size} bytes expected", at=len(data))


def decode_record(
    record: bytes, layout: Layout, user: int | None = None, *, at: int = 0
) -> Iterator[BloodPressure]:
    """One record, ``at`` bytes into its frame; nothing where it never was written."""
    if _is_empty(record, layout):
        return
    words = [int.from_bytes(record[i : i + 2], layout.order) for i in range(0, layout.size, 2)]
    pressures, pulse, when, clock = words[:4]
    failed = layout.failure_at is not None and record[layout.failure_at] != 0
    flags = tuple(flag for bit, flag in _TOLD if when & bit)
    yield BloodPressure(
        systolic_mmhg=None if failed else Decimal((pressures & 0xFF) + 25),
        diastolic_mmhg=None if failed else Decimal(pressures >> 8),
        pulse_per_minute=None if failed or not pulse & 0xFF else Decimal(pulse & 0xFF),
        device_time=_time(2000 + (pulse >> 8 & layout.year_mask), when, clock, at),
        user_slot=user,
        sequence=words[5] if layout.numbered else None,
        stored=True,
        flags=(*flags, "measurement_failed") if failed else flags,
    )


def _time(year: int, when: int, clock: int, at: int) -> str | None:
    month, day, hour = when >> 10 & 0x0F, when >> 5 & 0x1F, when & 0x1F
    if not (month and day):
        raise NotUnderstood(f"no date: month {month}, day {day}", at=at + 4)
    second = min(clock & 0x3F, LONGEST_MINUTE)
    try:
        return date_time(year, month, day, hour, clock >> 6 & 0x3F, second)
    except ValueError as error:
        raise NotUnderstood(f"not a date and time: {error}", at=at + 4) from None


def _is_empty(record: bytes, layout: Layout) -> bool:
    if not record.strip(b"\xff") or not record[:8].strip(b"\0"):
        return True
    return layout.order == "little" and record[0] > HIGHEST_SYSTOLIC
