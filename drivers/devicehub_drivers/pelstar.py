"""Health o meter Professional 2595KL and the baby scales 522KL, 524KL and 553KL, made by Pelstar.

Source: the maker's communication protocol sheets as github.com/STocidlowski/ScaleReporter keeps them: 2400 baud;
01 or 02, then 80 (imperial) or 82 (metric), D7, E4, five or seven characters of weight with a point, CR. They
come about once a second while the weight is locked. There is no checksum.
"""

import re
from collections.abc import Iterator

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    Settles,
    lines,
    number,
    receive,
    shown_weight,
)

WEIGHT_AT = 4
UNITS = {b"\x80": "lb", b"\x82": "kg"}
_PACKET = re.compile(
    rb"[\x01\x02](?P<unit>[\x80\x82])\xd7\xe4(?P<weight>(?=[^.]+\.[0-9])(?:[ 0-9.]{5}|[ 0-9.]{7}))\r?"
)


def decode(frame: Frame) -> Iterator[Measurement]:
    """The locked weight, in pounds or kilograms; zero says that nothing was weighed."""
    found = _PACKET.fullmatch(frame.data)
    if found is None:
        raise NotUnderstood("not a weight", at=0)
    weight = number(found["weight"].decode("ascii"), at=WEIGHT_AT)
    if weight:
        yield shown_weight(weight, UNITS[found["unit"]], stable=True)


DRIVER = SerialDriver(
    id="pelstar",
    models=(
        Model(
            maker="Health o meter Professional",
            name="2595KL, 522KL, 524KL, 553KL",
            tells=("body_weight",),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="the maker's protocol sheet: the scale sends the locked weight by itself",
    ),
    line=Line(baud=2400, framer=lines(b"\r", limit=16)),
    session=receive(quiet=3.0, once=True),
    decode=decode,
    settles=Settles.PRINTED,
)
