"""Microlife BP3GY1-2N and cuffs of the BP A6 BT class: the whole memory in one answer.

Commands go to 0xFFF2, answers come on 0xFFF1 in as many notifications as they need. Both directions look alike:
0x4D, then 0xFF (hub) or 0x3A (cuff), a big-endian length that counts payload and checksum, the payload, and the
sum of everything before, modulo 256. The clock is set by ``0D`` and six bytes, acknowledged by ``81``; the
memory is asked for by seven zeros and ``FD``; ``04`` ends the connection.

The answer has 38 bytes before its records, and 10 bytes a record: systolic, diastolic, pulse, year from 2000,
month, day, hour, minute, two bytes passed over. A slot that is all zero is empty. The cuff tells its whole
memory every time; what it told before is recognised by its time.

Sources: github.com/joergmlpts/blood-pressure-monitor (from the maker's own debug log);
github.com/derdilla/blood-pressure-monitor-fl, its Microlife tests.
"""

from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    BloodPressure,
    Frame,
    LinkLost,
    Measurement,
    Model,
    NotUnderstood,
    Reader,
    Secrets,
    date_time,
)

ANSWER, COMMAND = "fff1", "fff2"
FROM_HUB, FROM_CUFF = b"\x4d\xff", b"\x4d\x3a"
SET_CLOCK, TELL_ALL, GOODBYE = b"\x0d", bytes(7) + b"\xfd", b"\x04"
PREAMBLE, RECORD, EMPTY = 38, 8, bytes(8)
LONGEST_ANSWER = 4096
"""Bytes. Two users with 99 records each fit twice."""
QUIET_SECONDS = 10.0


def sealed(payload: bytes) -> bytes:
    """A command as the cuff takes it."""
    body = FROM_HUB + (len(payload) + 1).to_bytes(2, "big") + payload
    return body + bytes([sum(body) % 256])


async def session(link: BleLink) -> None:
    """Set the clock, take the memory, say goodbye."""
    await link.subscribe(ANSWER)
    now = link.now
    clock = (now.year % 100, now.month, now.day, now.hour, now.minute, now.second)
    await link.write(COMMAND, sealed(SET_CLOCK + bytes(clock)))
    await answer(link)
    await link.write(COMMAND, sealed(TELL_ALL))
    await link.deliver(await answer(link))
    await link.write(COMMAND, sealed(GOODBYE))


async def answer(link: BleLink) -> Frame:
    """The next whole answer, a part for each notification. Raises `LinkLost` when it stays unfinished."""
    parts: list[tuple[str, bytes]] = []
    length = 0
    async for frame in link.frames(ANSWER, quiet=QUIET_SECONDS):
        parts += frame.parts
        length += len(frame.data)
        head = b"".join(data for _, data in parts)[:4]
        if len(head) == 4 and length >= min(4 + int.from_bytes(head[2:], "big"), LONGEST_ANSWER):
            return Frame(tuple(parts), link.model)
    raise LinkLost(f"the cuff fell silent after {length} bytes of its answer")


def unseal(frame: Frame, _secrets: Secrets) -> Frame:
    """The payload of an answer, whose parts are joined and whose length and sum are checked."""
    whole = b"".join(data for _, data in frame.parts)
    reader = Reader(whole)
    if reader.take(2) != FROM_CUFF:
        raise NotUnderstood("an answer of the cuff (4d 3a) expected", at=0)
    length = reader.unsigned(2, big=True)
    if length != reader.left or not length:
        raise NotUnderstood(f"{length} bytes announced, {reader.left} received", at=2)
    if sum(whole[:-1]) % 256 != whole[-1]:
        raise NotUnderstood("wrong checksum", at=len(whole) - 1)
    return Frame.of(frame.on, whole[4:-1], frame.model)


def decode(frame: Frame) -> Iterator[Measurement]:
    """Every record of the memory. A record with an impossible date is no record."""
    reader = Reader(frame.data)
    reader.skip(PREAMBLE)
    while reader.left:
        record = reader.take(RECORD)
        reader.skip(min(2, reader.left))
        systolic, diastolic, pulse, year, month, day, hour, minute = record
        try:
            told = date_time(2000 + year, month, day, hour, minute, 0) if month and day else None
        except ValueError:
            continue
        if told is None or record == EMPTY:
            continue
        yield BloodPressure(
            systolic_mmhg=Decimal(systolic) if systolic else None,
            diastolic_mmhg=Decimal(diastolic) if diastolic else None,
            pulse_per_minute=Decimal(pulse) if pulse else None,
            device_time=told,
            stored=True,
        )


DRIVER = BleDriver(
    id="microlife_bp3gy1",
    models=(
        Model(
            maker="Microlife",
            name="BP3GY1-2N",
            tells=("blood_pressure", "device_facts"),
            unread=("device_facts",),
            longest=180.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Microlife BP A6 BT instruction manual, Taking a blood pressure measurement: "
        "the cuff pumps up, measures and deflates automatically; page not found",
    ),
    match=Advert(name_prefix="BP3GY1"),
    main=ANSWER,
    session=session,
    unseal=unseal,
    decode=decode,
)
