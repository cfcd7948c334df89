"""A&D TM-2657P and TM-2655P: upright cuffs of waiting rooms, with the RS-232 unit.

``SYN SYN SOH 00 STX``, fields each ended by RS (1E), ``ETX`` and one byte: the exclusive or of what stands between STX
and ETX. The first field is the model, the second the time (``yymmddHHMM``); of the others the first letter says what it
is: ``E00`` error, ``S127`` systolic, ``M 97`` mean, ``D 76`` diastolic, ``P 78`` pulse, ``i 0`` irregular pulses,
``m0`` movement, ``t 35`` seconds it took. A lone ``M`` stands before the error. What the other letters mean is not
published; they are neither read nor kept, for one of them may say who was measured.

Source: a line a TM-2657P sent, in an open reader for it (2400 baud), which the exclusive or confirms; the fields'
places agree with a second, independent decoder for kiosks.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from operator import xor

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BloodPressure,
    Flag,
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
    keep_only,
    printed_time,
    printed_value,
    receive,
)

STX, ETX, RS = b"\x02", b"\x03", b"\x1e"
MODEL = "TM265"
NO_ERROR = "00"
VALUES_FROM = 2
LONGEST_LINE = 256


_KEPT = re.compile(
    rb"\A\x02TM265[0-9A-Z]?\x1e[0-9]{10}(?=\x1e)"
    rb"|\x1e(?:E[ 0-9]{2}|[SMDPim][ 0-9]{1,3})(?=\x1e)|\x1e[A-Za-z]"
)
"""Model, time and the fields that are read, and the letter of any other."""


def blank(message: bytes) -> bytes:
    """The message without what is not read, which may be who was measured; its check byte is as right as it was."""
    text, end = message[:-1], message[-1]
    kept = keep_only(text, (field.span() for field in _KEPT.finditer(text)))
    return kept + bytes([reduce(xor, text + kept, end)])


def unseal(frame: Frame, _secrets: Secrets) -> Frame:
    """The text between STX and ETX, where the check byte is right; what precedes STX is passed over."""
    data = frame.data
    start = data.find(STX)
    if start < 0 or data[-2:-1] != ETX:
        raise NotUnderstood("not from STX to ETX and a check byte", at=0)
    text = data[start + 1 : -2]
    if reduce(xor, text, 0) != data[-1]:
        raise NotUnderstood("the check byte is wrong", at=len(data) - 1)
    return Frame.of(frame.on, text, frame.model)


def decode(frame: Frame) -> Iterator[Measurement]:
    """One result; after an error, nothing but the error."""
    *fields, rest = frame.data.decode("ascii", "replace").split(RS.decode())
    if rest or len(fields) <= VALUES_FROM or not fields[0].startswith(MODEL):
        raise NotUnderstood("not the fields of a TM-2655 or TM-2657", at=0)
    device_time = printed_time(fields[1], at=len(fields[0]) + 1)
    told: dict[str, str] = {}
    for field in fields[VALUES_FROM:]:
        name, text = field[:1], field[1:].strip()
        if not name or (text and told.get(name)):
            raise NotUnderstood(f"field {name!r} twice, or without a name")
        told[name] = text or told.get(name, "")
    if not {"E", "S", "D", "P"} <= told.keys():
        raise NotUnderstood("error, pressures and pulse (E S D P) expected")
    if told["E"] != NO_ERROR:
        yield BloodPressure(device_time=device_time, flags=("measurement_failed",))
        return
    flags: dict[Flag, bool] = {
        "irregular_pulse": bool(value(told, "i")),
        "body_movement": bool(value(told, "m")),
    }
    yield BloodPressure(
        systolic_mmhg=value(told, "S"),
        diastolic_mmhg=value(told, "D"),
        mean_mmhg=value(told, "M"),
        pulse_per_minute=value(told, "P"),
        device_time=device_time,
        flags=tuple(flag for flag, is_so in flags.items() if is_so),
    )


def value(told: dict[str, str], name: str) -> Decimal | None:
    """The number of a field; ``None`` where it is blank or lacking."""
    return printed_value(told.get(name, ""))


DRIVER = SerialDriver(
    id="and_tm2657",
    models=tuple(
        Model(maker="A&D", name=name, tells=("blood_pressure",), longest=180.0)
        for name in ("TM-2657P", "TM-2655P")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="the patient starts it; it measures and sends without an operator",
    ),
    line=Line(baud=2400, framer=blanked(enclosed(STX, ETX, trailing=1, limit=LONGEST_LINE), blank)),
    session=receive(),
    decode=decode,
    unseal=unseal,
    settles=Settles.EACH,
)
