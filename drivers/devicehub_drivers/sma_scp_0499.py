"""Scales with the protocol of the American scale makers: Detecto, Cardinal, Fairbanks, Avery Weigh-Tronix and others.

Source: Scale Manufacturers Association, *Scale Serial Communication Protocol, Levels #1 and #2* (SMA SCP-0499,
1999, mod. 1 of 2005), sections 4.1 (``W``: the displayed weight at once) and 5.1 (the standard response):
LF, status, range, gross or net, motion, a reserved character, ten characters of weight, three of unit, CR.
Cardinal's model 190 adds the status ``e``: the weight is not on the display.
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

MODE_AT, WEIGHT_AT, UNIT_AT = 2, 5, 15
_RESPONSE = re.compile(
    r"(?P<status>[ ZOUEITe])[0-9 ](?P<mode>[GNTgn])(?P<motion>[ M])."
    r"(?P<weight>[ 0-9.+-]{10})(?P<unit>.{3})"
)
"""The range is 1 on a scale with one. Small ``g`` and ``n`` are gross and net with a digit more. Some fill the unit with
``_``, as the standard prints it."""


def decode(frame: Frame) -> Iterator[Measurement]:
    """A response to ``W``; of an error, or dashes in place of the weight, only that it could not measure."""
    text = frame.data.decode("ascii", "replace").strip("\r\n")
    found = _RESPONSE.fullmatch(text)
    if found is None:
        raise NotUnderstood("not a standard response", at=0)
    if found["mode"] == "T":
        raise NotUnderstood("a tare, no load", at=MODE_AT)
    stable = found["motion"] == " "
    match found["status"]:
        case "O":
            yield BodyWeight(flags=("overload",))
        case "U":
            yield BodyWeight(flags=("underload",))
        case "E" | "I" | "T" | "e":
            yield BodyWeight(flags=("measurement_failed",))
        case _ if not found["weight"].strip(" -"):
            yield BodyWeight(stable=False, flags=("unstable",))
        case _:
            value = number(found["weight"], at=WEIGHT_AT)
            yield shown_weight(value, found["unit"].strip(" _"), at=UNIT_AT, stable=stable)


def is_moving(frame: Frame) -> bool:
    """The scale has not settled, or has nothing to say: worth showing, not keeping."""
    return frame.data[:1] not in {b" ", b"Z"} or frame.data[3:4] != b" "


DRIVER = SerialDriver(
    id="sma_scp_0499",
    models=(
        Model(
            maker="Scale Manufacturers Association",
            name="SMA SCP-0499 level 1",
            tells=("body_weight",),
            longest=30.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="SMA SCP-0499, section 4.1: W reports the displayed weight by itself",
    ),
    line=Line(baud=9600, framer=text_lines(limit=40)),
    session=poll(b"\nW\r", every=0.25, passing=is_moving),
    decode=decode,
)
