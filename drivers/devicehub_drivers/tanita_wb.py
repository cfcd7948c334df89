"""Tanita WB-100MA and WB-110MA: verified medical scales that answer when they are asked.

``DR`` asks for the weight; fourteen characters answer: ``S`` and blank (stable), ``D`` (moving) or ``I`` (overload and
the like), two blanks, six of weight, two of unit, CR LF. 2400 baud, seven bits, even parity. In its mode of the body
mass index the scale answers 26 characters with a height that somebody typed: that is not read, the scale is to weigh.

Source: *WB-100MA/WB-110MA* instruction manual, page 12, RS-232C communication specifications; the *WB-110S MA* manual
has the same, page 11. Scales of Tanita's that tell their result by themselves (WB-3000, PW-630) are `tanita`'s.
"""

import re
from collections.abc import Iterator

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BodyWeight,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    number,
    poll,
    shown_weight,
    text_lines,
)

WEIGHT_AT, UNIT_AT = 4, 10
IN_WEIGHING_MODE, WITH_BODY_MASS_INDEX = 12, 24
"""How long an answer is without its line end."""
_WEIGHT = re.compile(r"S(?P<state>[ D])  (?P<number>.{6})(?P<unit>[A-Za-z]{2})")
_OUT = re.compile(r"SI.{10}")


def decode(frame: Frame) -> Iterator[Measurement]:
    """``S     72.4kg`` is stable, ``SD`` still moving, ``SI`` out of range."""
    text = frame.data.decode("ascii", "replace").strip("\r\n")
    if _OUT.fullmatch(text):
        yield BodyWeight(flags=("overload",))
        return
    found = _WEIGHT.fullmatch(text)
    if found is None and len(text) == WITH_BODY_MASS_INDEX:
        raise NotUnderstood(
            "the scale is in its mode of the body mass index: set it to weigh", at=IN_WEIGHING_MODE
        )
    if found is None:
        raise NotUnderstood("not an answer to DR", at=0)
    load = number(found["number"].strip(), at=WEIGHT_AT)
    yield shown_weight(load, found["unit"], at=UNIT_AT, stable=found["state"] == " ")


def is_moving(frame: Frame) -> bool:
    """The scale has not settled: worth showing, not keeping."""
    return not frame.data.startswith(b"S ")


DRIVER = SerialDriver(
    id="tanita_wb",
    models=(
        Model(
            maker="Tanita",
            name="WB-100MA, WB-110MA",
            tells=("body_weight", "body_mass_index"),
            unread=("body_mass_index",),
            longest=30.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="WB-100MA/WB-110MA instruction manual, page 12: DR makes the scale send its weight by itself",
    ),
    line=Line(baud=2400, data_bits=7, parity="even", framer=text_lines(limit=40)),
    session=poll(b"DR\r\n", every=0.25, passing=is_moving),
    decode=decode,
)
