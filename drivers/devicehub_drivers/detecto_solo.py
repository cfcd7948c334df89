"""Detecto solo clinical scale: one line of values when its print key is pressed.

Source: *solo* owner's manual 0044-0391-0M, page 20, which prints as example time 12:00, date 08/07/15, BMI 21.5,
height 5'03.0" and weight 132.3lb, divided by commas, then CR. Marks of feet and inches may be typographic. Whether
the date begins with the day or the month is not said: the device's time is not read. In metric units height
is taken to end in cm and weight in kg. There is no checksum: the three values must agree, as near as the manual's do.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BodyHeight,
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
    text_lines,
)

INCHES_PER_FOOT = 12
APART = Decimal("0.1")
"""The manual's example has a body mass index of 21.5 where its weight and height make 23.4."""
_NUMBER = r"[0-9]{1,4}\.[0-9]{1,2}"
_INCHES = r"[0-9]{2}\.[0-9]{1,2}"
"""Two digits before the point, as the manual prints them: with one of them lost ten inches become one, or none."""
_LINE = re.compile(
    rf"(?P<time>[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})? ?(?:[AP]M)?), *(?P<date>[0-9]{{2}}/[0-9]{{2}}/[0-9]{{2,4}}),"
    rf" *(?P<index>{_NUMBER}|-*), *(?P<height>(?P<feet>[0-9])(?:'|\W{{1,3}})(?P<inches>{_INCHES})(?:\"|\W{{1,3}})"
    rf"|(?P<metric>{_NUMBER}) ?(?P<length>cm|in)|-*), *(?P<weight>{_NUMBER}) ?(?P<mass>kg|lb)",
    re.IGNORECASE | re.ASCII,
)


def decode(frame: Frame) -> Iterator[Measurement]:
    """The weight, and height and body mass index where they are not zero."""
    text = frame.data.decode("latin-1").strip("\r\n")
    found = _LINE.fullmatch(text)
    if found is None:
        raise NotUnderstood("not a print of this scale", at=0)
    weight = shown_weight(number(found["weight"]), found["mass"], stable=True)
    height = tall(found)
    index = number(found["index"]) if found["index"].strip("-") else Decimal(0)
    if height and index:
        check_index(weight, height, index, apart=APART)
    yield weight
    if height:
        yield height
    if index:
        yield BodyMassIndex(kilograms_per_square_metre=index)


def tall(found: re.Match[str]) -> BodyHeight | None:
    """The height; ``None`` for zero or dashes. Raises `NotUnderstood`."""
    if found["feet"]:
        inches = number(found["inches"])
        if inches >= INCHES_PER_FOOT:
            raise NotUnderstood("a foot has twelve inches", at=found.start("inches"))
        total = int(found["feet"]) * INCHES_PER_FOOT + inches
        return shown_height(total, "in") if total else None
    value = number(found["metric"]) if found["metric"] else Decimal(0)
    return shown_height(value, found["length"]) if value else None


DRIVER = SerialDriver(
    id="detecto_solo",
    models=(
        Model(
            maker="Detecto",
            name="solo",
            tells=("body_weight", "body_height", "body_mass_index"),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="solo owner's manual, page 20: the scale sends its values by itself",
    ),
    line=Line(baud=9600, framer=text_lines(limit=80)),
    session=receive(),
    decode=decode,
    settles=Settles.PRINTED,
)
