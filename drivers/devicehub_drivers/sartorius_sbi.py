"""Sartorius and Minebea Intec scales with the interface SBI: Combics, Signum, Entris and others.

Sources: *Combics* operating instructions, chapter data interfaces (22 characters: six of identification, sign,
blank, eight of weight, blank, three of unit; ``Stat`` in front of status and error), *Entris II* and *GC803S*
manuals (16 characters without identification; digits that are not verified in square brackets). ``ESC P``
asks for a print. The line is set on the scale: 9600 baud, eight bits, no parity are expected; older ones leave the
factory at 1200 baud, seven bits, odd parity (*CP323S* manual, data interface). A weight without unit is not stable: then its unit is not known either, and no value is read.
"""

import re
from collections.abc import Iterator

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BodyWeight,
    Frame,
    Line,
    LineSettings,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    number,
    poll,
    shown_weight,
    text_lines,
)

LOADS = frozenset({"", "N", "N1", "G", "G#"})
"""Gross and net. The other identifications are tares, sums, limits and counts."""
_WEIGHT = re.compile(r"(?P<id>.{6})?(?P<sign>[-+ ])(?P<number>[][ 0-9.,]{10})(?P<unit>.{3})")
_STATUS = re.compile(r"(Stat  )?[ ]{2,}(?P<status>\S.*?) *")
_SIGN_FROM_END, _UNIT_FROM_END = 14, 3


def decode(frame: Frame) -> Iterator[Measurement]:
    """``N     +   72.40 kg`` is stable; without ``kg`` it moves; ``Stat`` tells overload, underload or an error."""
    text = frame.data.decode("ascii", "replace").strip("\r\n")
    found = _WEIGHT.fullmatch(text)
    if found is None or not found["number"].strip():
        yield from status(text)
        return
    if (found["id"] or "").strip() not in LOADS:
        raise NotUnderstood(f"no load: {found['id'].strip()}", at=0)
    digits = re.sub(r"[][]", "", found["number"]).strip().replace(",", ".")
    value = number(found["sign"].strip() + digits, at=len(text) - _SIGN_FROM_END)
    unit = found["unit"].strip()
    if unit:
        yield shown_weight(value, unit, at=len(text) - _UNIT_FROM_END, stable=True)
    else:
        yield BodyWeight(stable=False, flags=("unstable",))


def status(text: str) -> Iterator[Measurement]:
    """What the display shows in place of a weight. Raises `NotUnderstood`."""
    found = _STATUS.fullmatch(text) if len(text) in {14, 20} else None
    match found and found["status"]:
        case "High" | "H":
            yield BodyWeight(flags=("overload",))
        case "Low" | "L":
            yield BodyWeight(flags=("underload",))
        case _:
            raise NotUnderstood("neither a weight nor a load out of range", at=0)


def is_moving(frame: Frame) -> bool:
    """The scale has not settled, or has nothing to say: worth showing, not keeping."""
    return not frame.data[-3:].strip() or frame.data.startswith(b"Stat")


DRIVER = SerialDriver(
    id="sartorius_sbi",
    models=(Model(maker="Sartorius", name="SBI", tells=("body_weight",), longest=30.0),),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Combics operating instructions, data interfaces: ESC P prints the weight by itself",
    ),
    line=Line(
        baud=9600,
        framer=text_lines(limit=40),
        also=(LineSettings(baud=1200, data_bits=7, parity="odd"),),
    ),
    session=poll(b"\x1bP\r\n", every=0.25, passing=is_moving),
    decode=decode,
)
