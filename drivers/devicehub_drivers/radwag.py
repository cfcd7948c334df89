"""Radwag scales and indicators that answer the maker's character protocol on a serial line.

``SI`` asks for the weight at once, stable or not: ``SI``, blank, stability, blank, sign, nine characters of weight,
blank, three of unit, CR LF. Stability is blank, ``?`` while it moves, ``^`` above and ``v`` below the range. Some
scales put one more blank behind the command; some say ``SI A`` first, ``SI I`` where they cannot answer now, and
``SI ^`` or ``SI v`` in place of a weight.

Sources: *WPW* multifunctional scales user manual, pages 158 and 159 (commands, frames, examples); *PS* balances
technical data, page 82 (the longer frame, stability); the reader of a Radwag AS in Opentrons' hardware testing (9600
baud). The medical scales (*WPT OW series* user manual, page 2: C315 with RS 232) were not heard, nor their own manual read
in whole: their baud rate is a setting.
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
    receive,
    shown_weight,
    text_lines,
)

_WEIGHT = re.compile(
    r"SI {1,2}(?P<state>[ ?^v]) (?P<sign>[- ])(?P<number>(?= *[0-9]+\.[0-9]).{9}) (?P<unit>.{3})"
)
_WORD = re.compile(r"SI (?P<word>[AI^v])")


def decode(frame: Frame) -> Iterator[Measurement]:
    """``SI        72.40 kg `` is stable, ``SI ?`` moves, ``SI ^`` and ``SI v`` are out of range."""
    text = frame.data.decode("ascii", "replace").strip("\r\n")
    found = _WEIGHT.fullmatch(text)
    word = _WORD.fullmatch(text)
    match (found and found["state"]) or (word and word["word"]):
        case "^":
            yield BodyWeight(flags=("overload",))
        case "v":
            yield BodyWeight(flags=("underload",))
        case "A" | "I":
            return
        case _ if found is not None:
            load = number(found["sign"].strip() + found["number"].strip(), at=found.start("number"))
            unit = found["unit"].strip()
            stable = found["state"] == " "
            yield shown_weight(load, unit, at=found.start("unit"), stable=stable)
        case _:
            raise NotUnderstood("not an answer to SI", at=0)


def is_moving(frame: Frame) -> bool:
    """The scale has not settled, or has nothing to say: worth showing, not keeping."""
    return not frame.data.startswith(b"SI   ")


DRIVER = SerialDriver(
    id="radwag",
    models=(
        Model(maker="Radwag", name="character protocol", tells=("body_weight",), longest=30.0),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="WPW user manual, page 159: SI sends the weight by itself",
    ),
    line=Line(baud=9600, framer=text_lines(limit=40)),
    session=receive(ask=b"SI\r\n", quiet=0.25, passing=is_moving),
    decode=decode,
)
