"""Omron HBP-9020 (output mode 5) and HBP-9030 (output format 5): cuffs of waiting rooms, one line a result.

HBP-9020: ``bp,<id of 20>,<yyyy/mm/dd>,<hh:mm>,<systolic>,<mean>,<diastolic>,<pulse>,<n>``. What the last field counts
is not published; it is not read.

HBP-9030 (USB2, function 32 set to 5): ``<yyyy>,<mm>,<dd>,<hh>,<mm>,<id of 20>,<error>,<systolic>,<diastolic>,<pulse>,
<movements>``; after an error the values are blank.

The id that a card reader put in is blanked before anybody keeps the line: who the patient is, the hub knows. The
lines carry no checksum.

Sources: *HBP-9030/9031C instruction manual* (2873643-0F), page 20, after an open gateway's specification; two open
decoders for kiosks, one with a line an HBP-9020 sent, which agree on the order of its pressures (2400 baud, even).
"""

import re
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
    Settles,
    blanked,
    keep_groups,
    printed_time,
    printed_value,
    receive,
    text_lines,
)

MARK_9020, FIELDS_9020, FIELDS_9030 = "bp", 9, 11
WIDTHS_9020 = {2: 10, 3: 5, 4: 3, 5: 3, 6: 3, 7: 3, 8: 1}
WIDTHS_9030 = {0: 4, 1: 2, 2: 2, 3: 2, 4: 2, 6: 1, 7: 3, 8: 3, 9: 3, 10: 1}
NO_ERROR = "0"
CENTURY = "20"
_FORM = re.compile(
    rb"(bp),[^,]*,([0-9]{4}/[0-9]{2}/[0-9]{2},[0-9]{2}:[0-9]{2},(?:[ 0-9-]{3},){4})[^,]"
    rb"|([0-9]{4}(?:,[0-9]{2}){4}),[^,]*,([^,](?:,[ 0-9-]{3}){3},[ 0-9-])"
)
"""A whole line of an HBP-9020 or of an HBP-9030: the groups are kept, never the id."""


def blank(line: bytes) -> bytes:
    """The line without the id a card reader put in: it names a person, and is not kept."""
    return keep_groups(_FORM, line)


def decode(frame: Frame) -> Iterator[Measurement]:
    """One result; after an error, nothing but the error."""
    fields = frame.data.decode("ascii", "replace").split(",")
    if fields[0] == MARK_9020 and len(fields) == FIELDS_9020:
        yield _of_9020(fields)
    elif len(fields) == FIELDS_9030:
        yield _of_9030(fields)
    else:
        raise NotUnderstood("neither a line of an HBP-9020 nor of an HBP-9030", at=0)


def _of_9020(fields: list[str]) -> BloodPressure:
    _check(fields, WIDTHS_9020)
    date, time = fields[2].split("/"), fields[3].split(":")
    if [len(part) for part in date + time] != [4, 2, 2, 2, 2]:
        raise NotUnderstood("yyyy/mm/dd,hh:mm expected", at=_offset(fields, 2))
    systolic, mean, diastolic, pulse = (_three(fields, place) for place in (4, 5, 6, 7))
    return BloodPressure(
        systolic_mmhg=systolic,
        diastolic_mmhg=diastolic,
        mean_mmhg=mean,
        pulse_per_minute=pulse,
        device_time=_moment(date + time, at=_offset(fields, 2)),
        flags=("measurement_failed",) if None in (systolic, diastolic) else (),
    )


def _of_9030(fields: list[str]) -> BloodPressure:
    _check(fields, WIDTHS_9030)
    device_time = _moment(fields[:5], at=0)
    systolic, diastolic, pulse = (_three(fields, place) for place in (7, 8, 9))
    if fields[6] != NO_ERROR:
        return BloodPressure(device_time=device_time, flags=("measurement_failed",))
    return BloodPressure(
        systolic_mmhg=systolic,
        diastolic_mmhg=diastolic,
        pulse_per_minute=pulse,
        device_time=device_time,
        flags=("body_movement",) if printed_value(fields[10], at=_offset(fields, 10)) else (),
    )


def _three(fields: list[str], place: int) -> Decimal | None:
    """The three digits of a field; ``None`` where it was not measured."""
    if fields[place].strip(" ") != fields[place] and fields[place].strip(" "):
        raise NotUnderstood("three digits or none expected", at=_offset(fields, place))
    return printed_value(fields[place], at=_offset(fields, place))


def _check(fields: list[str], widths: dict[int, int]) -> None:
    """Every field read must be as wide as it always is: a lost byte shows."""
    for place, width in widths.items():
        if len(fields[place]) != width:
            raise NotUnderstood(f"{width} characters expected", at=_offset(fields, place))


def _moment(parts: list[str], at: int) -> str | None:
    digits = "".join(parts)
    if not digits.startswith(CENTURY):
        raise NotUnderstood(f"a year of this century expected, not {parts[0]!r}", at)
    return printed_time(digits.removeprefix(CENTURY), at)


def _offset(fields: list[str], place: int) -> int:
    return sum(len(field) + 1 for field in fields[:place])


DRIVER = SerialDriver(
    id="omron_hbp",
    models=tuple(
        Model(maker="Omron", name=name, tells=("blood_pressure",), longest=180.0)
        for name in ("HBP-9020", "HBP-9030")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="the patient starts it; it measures and sends without an operator",
    ),
    line=Line(baud=2400, parity="even", framer=blanked(text_lines(limit=64), blank)),
    session=receive(),
    decode=decode,
    settles=Settles.PRINTED,
)
