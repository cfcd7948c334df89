"""Kern balances and platform scales from before the KERN Communications Protocol (572, FKB, PCB and others).

Source: manuals *FKB* and *PCB* (sections *rE Cr*, remote control): ``w``, without line end, asks for the weight,
stable or not. Sixteen characters: blank or M, sign, ten of weight, blank, three of unit; without unit the weight
is not stable, and is not read. Lines of a real 572, with the sign beside the digits: github.com/eamars/
OpenTrickler-RP2040-Controller, issue 15. Newer scales answer as `mt_sics` does, indicators as `and_scale`.
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

WEIGHT_AT, UNIT_AT = 1, 13
_LINE = re.compile(r"[ M](?P<sign>[- ])(?P<number>[- 0-9.]{10}) (?P<unit>.{3})?")


def decode(frame: Frame) -> Iterator[Measurement]:
    """``         72.40 kg `` is stable; without ``kg`` it moves: of the short form nothing is read."""
    text = frame.data.decode("ascii", "replace").strip("\r\n")
    found = _LINE.fullmatch(text)
    if found is None:
        raise NotUnderstood("not a weight", at=0)
    value = number(found["sign"].strip() + found["number"].strip(), at=WEIGHT_AT)
    match found["unit"]:
        case None:
            return
        case "   ":
            yield BodyWeight(stable=False, flags=("unstable",))
        case unit:
            yield shown_weight(value, unit.strip(), at=UNIT_AT, stable=True)


def is_moving(frame: Frame) -> bool:
    """The scale has not settled, or has nothing to say: worth showing, not keeping."""
    return not frame.data[UNIT_AT:].strip()


DRIVER = SerialDriver(
    id="kern",
    models=(Model(maker="Kern", name="572, FKB, PCB", tells=("body_weight",), longest=30.0),),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="FKB manual, section rE Cr: w sends the weight by itself",
    ),
    line=Line(baud=9600, framer=text_lines(limit=40)),
    session=poll(b"w", every=0.25, passing=is_moving),
    decode=decode,
)
