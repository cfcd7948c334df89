"""G-Tech GL-150 and GL-310 body scales: one message for each weighing, as data or as the printer's text.

Sources: two public integrations. The classes ``GTech_GL150`` of one describe 27 bytes: STX, height in cm (xxx.x),
weight in kg, gender (M, F, C), obesity, BMI, divided by commas, ETX. The other reads GL-150 and GL-310 alike so,
and, with the GL-310's setting F4 at 1, its printer's text, of which it quotes one: ``WEIGHT   ---- 90.05 kg`` and further
lines, ended by ESC T NUL. There is no checksum: the 27 bytes are counted, and weight, height and BMI must agree. The obesity and the standard weight are not read.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BodyMassIndex,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    Settles,
    check_index,
    number,
    receive,
    shown_height,
    shown_weight,
    until,
)

STX, ETX, PRINTED = b"\x02", b"\x03", b"\x1bT\x00"
WIDTHS = [5, 5, 1, 5, 5]
HEIGHT_AT, WEIGHT_AT, GENDER_AT, INDEX_AT = 0, 1, 2, 4
_ROW = re.compile(r"(?P<name>[A-Z ]+?) *-{2,} *(?P<said>\S.*?) *")
UNITS = {"WEIGHT": {"kg", "lb"}, "HEIGHT": {"cm", "in"}, "BMI": {""}}
"""What is read of the printer's text, with the units each can have."""
NOTHING = (Decimal(0), "")


def decode(frame: Frame) -> Iterator[Measurement]:
    """Weight, height and body mass index, as data or as text; a height of zero was not measured."""
    if frame.data.endswith(ETX):
        found = data(frame.data)
    elif frame.data.endswith(PRINTED):
        found = text(frame.data)
    else:
        raise NotUnderstood("the message has no end", at=len(frame.data))
    weight = shown_weight(*found["WEIGHT"], stable=True)
    tall, unit = found.get("HEIGHT", NOTHING)
    height = shown_height(tall, unit) if tall else None
    index, _no_unit = found.get("BMI", NOTHING)
    if height and index:
        check_index(weight, height, index)
    yield weight
    if height:
        yield height
    if index:
        yield BodyMassIndex(kilograms_per_square_metre=index)


def data(message: bytes) -> dict[str, tuple[Decimal, str]]:
    """The values between STX and ETX, with their units. Raises `NotUnderstood`."""
    start = message.rfind(STX)
    fields = message[start + 1 : -1].decode("ascii", "replace").split(",")
    if start < 0 or [len(field) for field in fields] != WIDTHS:
        raise NotUnderstood("height, weight, gender, obesity and BMI expected", at=max(start, 0))
    if fields[GENDER_AT] not in {"M", "F", "C"}:
        raise NotUnderstood("a gender expected", at=start)
    return {
        "HEIGHT": (number(fields[HEIGHT_AT], at=start), "cm"),
        "WEIGHT": (number(fields[WEIGHT_AT], at=start), "kg"),
        "BMI": (number(fields[INDEX_AT], at=start), ""),
    }


def text(message: bytes) -> dict[str, tuple[Decimal, str]]:
    """The values of the printer's text, with their units. Raises `NotUnderstood`."""
    found: dict[str, tuple[Decimal, str]] = {}
    rows = message[: -len(PRINTED)].decode("ascii", "replace").strip("\0\r\n").split("\r\n")
    while rows and not _ROW.fullmatch(rows[0]):
        # The end of something else: the line was opened in the middle of it.
        del rows[0]
    for row in rows:
        read = _ROW.fullmatch(row)
        name = read["name"].replace(" ", "") if read else ""
        if read is None or name in found:
            raise NotUnderstood(f"no row of a print: {row!r}", message.find(row.encode()))
        if name in UNITS:
            value, _blank, unit = read["said"].partition(" ")
            if unit not in UNITS[name]:
                raise NotUnderstood(f"{name} in {unit!r}", message.find(row.encode()))
            found[name] = (number(value), unit)
    if "WEIGHT" not in found:
        raise NotUnderstood("a weight expected", at=0)
    return found


DRIVER = SerialDriver(
    id="g_tech",
    models=(
        Model(
            maker="G-Tech",
            name="GL-150, GL-310",
            tells=("body_weight", "body_height", "body_mass_index"),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="public integrations of GL-150 and GL-310: the scale sends its values by itself",
    ),
    line=Line(baud=9600, framer=until(ETX, PRINTED, limit=400)),
    session=receive(),
    decode=decode,
    settles=Settles.PRINTED,
)
