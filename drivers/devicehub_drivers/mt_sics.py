"""Mettler Toledo scales, and Kern scales that speak their commands: MT-SICS level 0 on a serial line.

Source: *Reference Manual MT-SICS* (Mettler Toledo 11781363), chapter 2: ``SI`` asks for the weight at once,
stable or not. Kern's manual of its own protocol (*KERN Communications Protocol*, KCP-ZB-e-19138) has the same
commands and answers; older Kern scales are another driver's.
"""

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

WEIGHT_AT, UNIT_AT = 4, 15
"""``S``, blank, status, blank, ten characters of weight, blank, unit."""


def decode(frame: Frame) -> Iterator[Measurement]:
    """``S S     72.40 kg`` is stable, ``S D`` still moving; ``S +``, ``S -`` over- and underload; ``S I`` busy."""
    match frame.data.decode("ascii", "replace").split():
        case ["S", "S" | "D" as state, value, unit]:
            load = number(value, at=WEIGHT_AT)
            yield shown_weight(load, unit, at=UNIT_AT, stable=state == "S")
        case ["S", "+"]:
            yield BodyWeight(flags=("overload",))
        case ["S", "-"]:
            yield BodyWeight(flags=("underload",))
        case ["S", "I"]:
            return
        case _:
            raise NotUnderstood("not an answer to SI", at=0)


def is_moving(frame: Frame) -> bool:
    """The scale has not settled: worth showing, not keeping."""
    return not frame.data.startswith(b"S S")


DRIVER = SerialDriver(
    id="mt_sics",
    models=(
        Model(maker="Mettler Toledo", name="MT-SICS level 0", tells=("body_weight",), longest=30.0),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Reference Manual MT-SICS, chapter 2: SI reports the weight by itself",
    ),
    line=Line(baud=9600, framer=text_lines(limit=40)),
    session=poll(b"SI\r\n", every=0.25, passing=is_moving),
    decode=decode,
)
