"""SunTech blood-pressure modules (Advantage OEM and the monitors built around them) on a serial line.

Asked ``3A 79 05 00``, the module tells the cuff's pressure; asked ``3A 79 03 00``, its last result. Every request and
answer ends with the octet that makes their sum 0, modulo 256; an answer is ``3E``, its whole length, and numbers in
little-endian order. The result: systolic, diastolic, …, pulse at 16, mean at 18, error at 20 (0: none).

The device's own button starts a measurement. This hub only listens: it asks for the pressure, and for the result once
the cuff has been pumped up and has let go. It never writes a command that moves air.

Errors: 1 weak signal, 2 artifacts, 3 out of range, 4 and 88 too long, 85 blocked, 86 stopped by somebody, 87 loose cuff
or leak, 89 overpressure, 90, 91, 97 and 99 faults of the module.

Sources: github.com/519984307/Appciton (SuntechProvider: requests, answers, errors); the SunTech appliance of
github.com/ak-git (second, independent decoder: length 5 and 24, the same places).
"""

from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BloodPressure,
    CuffPressure,
    Flag,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    Reader,
    Secrets,
    SerialDriver,
    SerialLink,
    Settles,
    probed,
)

ASK_CUFF = bytes.fromhex("3a79050048")
ASK_RESULT = bytes.fromhex("3a7903004a")
ANSWER = 0x3E
SAID, CUFF, RESULT = 4, 5, 24
"""The lengths of answers: a word (busy, done, unknown), the cuff's pressure, a result."""
NO_PRESSURE = -1
PUMPED, LET_GO = 40, 10
ERROR_FLAGS: dict[int, tuple[Flag, ...]] = {
    1: ("weak_signal",),
    2: ("artifact",),
    3: ("questionable",),
    87: ("cuff_loose",),
}
EVERY_SECONDS = 0.5
ANSWER_SECONDS = 1.0


def length(data: bytes) -> int | None:
    """The length of the answer that begins here, where its sum is right."""
    if len(data) < 2:
        return 0
    if data[1] not in (SAID, CUFF, RESULT):
        return None
    if len(data) < data[1]:
        return 0
    return data[1] if sum(data[: data[1]]) & 0xFF == 0 else None


async def session(link: SerialLink) -> None:
    """Show the cuff's pressure; once it was pumped up and has let go, ask for the result until it is told."""
    pumped = waiting = False
    while True:
        await link.write(ASK_RESULT if waiting else ASK_CUFF)
        frame = await link.frame(within=ANSWER_SECONDS)
        if frame is not None and len(frame.data) == CUFF:
            link.live(frame)
            pressure = pressure_of(frame.data)
            waiting = pumped and pressure < LET_GO
            pumped = pumped or pressure > PUMPED
        elif frame is not None and len(frame.data) == RESULT and waiting:
            await link.deliver(frame)
            pumped = waiting = False
        else:
            # No answer, or a busy module: look at the cuff again before the next question.
            waiting = False
        await link.pause(EVERY_SECONDS)


def pressure_of(data: bytes) -> int:
    """The cuff's pressure in mmHg."""
    return int.from_bytes(data[2:4], "little", signed=True)


def unseal(frame: Frame, _secrets: Secrets) -> Frame:
    """The answer without its last octet, where length and sum are right."""
    data = frame.data
    if data[:1] != bytes([ANSWER]) or length(data) != len(data):
        raise NotUnderstood("its mark, its length or its sum is wrong", at=0)
    return Frame.of(frame.on, data[:-1], frame.model)


def decode(frame: Frame) -> Iterator[Measurement]:
    """The cuff's pressure, or a result; nothing from a word."""
    reader = Reader(frame.data)
    mark, size = reader.u8(), reader.u8()
    if mark != ANSWER or reader.left != size - 3:
        raise NotUnderstood("not an answer of this length", at=0)
    if size == CUFF:
        pressure = reader.s16()
        yield CuffPressure(pressure_mmhg=None if pressure == NO_PRESSURE else Decimal(pressure))
    elif size == RESULT:
        yield _result(reader)
    elif size != SAID:
        raise NotUnderstood(f"an answer of {size} octets", at=1)


def _result(reader: Reader) -> BloodPressure:
    systolic, diastolic = reader.u16(), reader.u16()
    reader.skip(10)
    pulse, mean, error = reader.u16(), reader.u16(), reader.u8()
    if error:
        return BloodPressure(flags=("measurement_failed", *ERROR_FLAGS.get(error, ())))
    return BloodPressure(
        systolic_mmhg=Decimal(systolic) or None,
        diastolic_mmhg=Decimal(diastolic) or None,
        mean_mmhg=Decimal(mean) or None,
        pulse_per_minute=Decimal(pulse) or None,
    )


DRIVER = SerialDriver(
    id="suntech_oem",
    models=(
        Model(
            maker="SunTech",
            name="Advantage OEM",
            tells=("blood_pressure", "cuff_pressure"),
            longest=180.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="the device's own button starts it; the module pumps, measures and lets go by itself",
    ),
    line=Line(baud=9600, framer=probed(length, starts=bytes([ANSWER]), longest=RESULT)),
    session=session,
    decode=decode,
    unseal=unseal,
    settles=Settles.EACH,
)
