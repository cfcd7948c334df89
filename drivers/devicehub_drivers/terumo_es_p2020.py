"""Terumo ES-P2020 and BP-500: upright cuffs of waiting rooms, which send each result as one line of text.

``STX R1,<id>,<yymmdd>,<hhmmss>,<systolic>,<mean>,<diastolic>,<pulse>,… ETX`` and one byte: the sum of everything from
STX to ETX, modulo 256. There is no line end, and the sum may be any byte. The id that a card reader put in is
blanked before anybody keeps the message: who the patient is, the hub knows. Of what follows the pulse nothing is published; it is not read either.

Sources: two open decoders for kiosks, each with a line that a device sent (``R1,000000000,210427,153000,128,097,082,
084,0000,0000,00000,000``, whose mean agrees with its pressures), and the test of the sum in one of them.
"""

import re
from collections.abc import Iterator

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BloodPressure,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    Secrets,
    SerialDriver,
    Settles,
    blanked,
    enclosed,
    keep_groups,
    printed_time,
    printed_value,
    receive,
)

STX, ETX = b"\x02", b"\x03"
RESULT = "R1"
FIELDS = 8
DATE, TIME, SYSTOLIC, MEAN, DIASTOLIC, PULSE = 2, 3, 4, 5, 6, 7
_FORM = re.compile(
    rb"(\x02R1),[^,]*,([0-9]{6},[0-9]{4}(?:[0-9]{2})?(?:,[ 0-9-]{0,3}){4})(?:,[^,]*)*\x03"
)
"""A whole result: the groups are kept, never the id."""


def blank(message: bytes) -> bytes:
    """The message without the id a card reader put in; its sum is moved along, as right or wrong as before."""
    text, end = message[:-1], message[-1]
    bare = keep_groups(_FORM, text)
    return bare + bytes([(end + sum(bare) - sum(text)) & 0xFF])


def unseal(frame: Frame, _secrets: Secrets) -> Frame:
    """The text between STX and ETX, where the sum is right."""
    data = frame.data
    if data[:1] != STX or data[-2:-1] != ETX:
        raise NotUnderstood("not from STX to ETX and a sum", at=0)
    if sum(data[:-1]) & 0xFF != data[-1]:
        raise NotUnderstood("the sum is wrong", at=len(data) - 1)
    return Frame.of(frame.on, data[1:-2], frame.model)


def decode(frame: Frame) -> Iterator[Measurement]:
    """One result. Blanks, dashes and zeros instead of a number: it could not be measured."""
    fields = frame.data.decode("ascii", "replace").split(",")
    if len(fields) < FIELDS or fields[0] != RESULT:
        raise NotUnderstood("not a result (R1) of eight fields and more", at=0)
    systolic, mean, diastolic, pulse = (
        printed_value(fields[place], at=offset(fields, place))
        for place in (SYSTOLIC, MEAN, DIASTOLIC, PULSE)
    )
    failed = None in (systolic, diastolic)
    yield BloodPressure(
        systolic_mmhg=systolic,
        diastolic_mmhg=diastolic,
        mean_mmhg=mean,
        pulse_per_minute=pulse,
        device_time=printed_time(fields[DATE] + fields[TIME], at=offset(fields, DATE)),
        flags=("measurement_failed",) if failed else (),
    )


def offset(fields: list[str], number: int) -> int:
    """Where a field begins."""
    return sum(len(field) + 1 for field in fields[:number])


DRIVER = SerialDriver(
    id="terumo_es_p2020",
    models=tuple(
        Model(maker="Terumo", name=name, tells=("blood_pressure",), longest=180.0)
        for name in ("ES-P2020", "BP-500")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="the patient starts it; it measures and sends without an operator",
    ),
    line=Line(baud=9600, framer=blanked(enclosed(STX, ETX, trailing=1), blank)),
    session=receive(),
    decode=decode,
    unseal=unseal,
    settles=Settles.EACH,
)
