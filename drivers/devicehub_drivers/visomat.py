"""Visomat Double Comfort, and Prevention DS-2200PV: upper-arm cuffs with a USB socket, whose memory is read.

Asked ``STX R00 ETX``, it tells the memories of both users: ``STX M1 <nn> <records> M2 <nn> <records> ETX``. A record
has twenty digits: ``yymmdd HHMM f SSS DDD PPP``. Where there is none, one more digit stands after the count. What the
digit ``f`` marks is not known; it is not read.

The memory is asked for again and again, and handed over where it has changed. Another request would start a
measurement: it is never written.

Source: visomat-utils by Antonio Ospite (git.ao2.it/visomat-utils.git, README: requests, fields, two memories as read).
"""

from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BloodPressure,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    SerialLink,
    Settles,
    enclosed,
    printed_time,
    printed_value,
)

STX, ETX = b"\x02", b"\x03"
ASK_MEMORY = STX + b"R00" + ETX
ANSWER_SECONDS = 5.0
BETWEEN_SECONDS = 10.0
MEMORIES = ("M1", "M2")
EMPTY, RECORD = "00", 20
LARGEST_MEMORY = 4096


async def session(link: SerialLink) -> None:
    """Ask for the memory again and again; hand it over where it holds something new."""
    before: Frame | None = None
    while True:
        await link.write(ASK_MEMORY)
        frame = await link.frame(within=ANSWER_SECONDS)
        if frame is not None and frame != before:
            await link.deliver(frame)
            before = frame
        await link.pause(BETWEEN_SECONDS)


def decode(frame: Frame) -> Iterator[Measurement]:
    """The records of both users, in the device's order; all or none."""
    data = frame.data
    if data[:1] != STX or data[-1:] != ETX:
        raise NotUnderstood("not from STX to ETX", at=0)
    text, at = data.decode("ascii", "replace"), 1
    records = []
    for user, mark in enumerate(MEMORIES, start=1):
        if text[at : at + 2] != mark:
            raise NotUnderstood(f"{mark} expected", at)
        count = text[at + 2 : at + 4]
        if len(count) != 2 or not (count.isascii() and count.isdigit()):
            raise NotUnderstood("a count of two digits expected", at + 2)
        at += 4
        if count == EMPTY:
            at += 1
        for _ in range(int(count)):
            records.append(record(text[at : at + RECORD], at, user))
            at += RECORD
    if at != len(text) - 1:
        raise NotUnderstood("ETX expected", min(at, len(text) - 1))
    yield from records


def record(text: str, at: int, user: int) -> BloodPressure:
    """One result of the memory."""
    if len(text) != RECORD or not (text.isascii() and text.isdigit()):
        raise NotUnderstood("a record of twenty digits expected", at)
    systolic, diastolic, pulse = (three(text, at, place) for place in (11, 14, 17))
    return BloodPressure(
        systolic_mmhg=systolic,
        diastolic_mmhg=diastolic,
        pulse_per_minute=pulse,
        device_time=printed_time(text[:10], at),
        user_slot=user,
        stored=True,
    )


def three(text: str, at: int, place: int) -> Decimal | None:
    """The three digits at ``place``."""
    return printed_value(text[place : place + 3], at + place)


DRIVER = SerialDriver(
    id="visomat",
    models=tuple(
        Model(maker=maker, name=name, tells=("blood_pressure",), longest=180.0)
        for maker, name in (("Uebe", "Visomat Double Comfort"), ("Prevention", "DS-2200PV"))
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="visomat-utils: a start button for each user, which measures and stores by itself",
    ),
    line=Line(baud=9600, framer=enclosed(STX, ETX, limit=LARGEST_MEMORY), usb="1247:00f8"),
    session=session,
    decode=decode,
    settles=Settles.PRINTED,
)
