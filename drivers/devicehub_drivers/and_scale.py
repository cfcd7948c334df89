"""A&D balances, platform scales and weighing indicators (EK, GX, HV, HW, AD-43xx, AD-44xx), streaming or asked.

Sources: A&D manuals of the EK-L series (section 9.2) and HV-G series (section 16.1): header, nine characters with
sign and point (ten on the largest), three of unit; AD-4329A (section 9.1), AD-4402 (section 8.2.5), AD-4408C (section 9.1.2): a second
header for gross, net or tare, eight characters, two or three of unit, a point or a comma; GX-M (section 16, smart range: ten
characters). Out of range is ``OL`` before nines, nines with a power of ten, or blanks; some indicators say ``UL``
when it is too little. The 16 characters of
the dump print (``WT`` when stable) are known from general knowledge only. ``Q`` asks for the weight; a scale
that streams needs no asking. Out of range may be the headers alone (``OL,GS,``: lines on the wire in TelePOS's tests of its
scale). Under a tare, a wheelchair's as a rule, gross is not the patient. Grams without a second header fill three characters: two are kilograms that lost their k. Kern indicators with *tPUP* or *LP50* output send the same lines.
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
    SerialLink,
    number,
    shown_weight,
    text_lines,
)

_DATA = r"(?P<sign>[-+ ])(?P<number>[ 0-9.,]{7,10}?)(?P<unit>(?=.{2,3}$) *[A-Za-z%]+)"
_LINE = re.compile(rf"(?P<header>[A-Z]{{2}}),(?:(?P<kind>[A-Z][A-Z ]),)?{_DATA}")
_DUMP = re.compile(
    r"(?P<header>[A-Z]{2})(?=.{14}$) *(?P<sign>[-+])(?P<number>[0-9.]+) +(?P<unit>\w+)"
)
_OUT = re.compile(
    r"(?P<header>OL|LO|UL),(?:[A-Z][A-Z ],)?(?:(?P<sign>[-+ ])(?:9999999E\+19|[ 0-9.]*[A-Za-z ]*))?"
)
"""What stands in place of the weight differs: nines, nines with a power of ten, blanks around a point."""
GROSS, NET = frozenset({"GS", "G "}), frozenset({"NT", "N "})
LOADS = frozenset({None}) | GROSS | NET
HEADER_AT, KIND_AT = 0, 3


def decode(frame: Frame) -> Iterator[Measurement]:
    """``ST,+00072.40 kg`` and ``ST,GS,+0072.40kg`` are stable, ``US`` moves, ``OL`` is out of range."""
    text = frame.data.decode("ascii", "replace").strip("\r\n")
    if out := _OUT.fullmatch(text):
        low = out["sign"] == "-" or out["header"] == "UL"
        yield BodyWeight(flags=("underload" if low else "overload",))
        return
    found = _LINE.fullmatch(text) or _DUMP.fullmatch(text)
    if found is None:
        raise NotUnderstood("not a weight", at=HEADER_AT)
    if found.groupdict().get("kind") not in LOADS:
        raise NotUnderstood("neither gross nor net: no load", at=KIND_AT)
    if found["unit"] == " g" and not found.groupdict().get("kind"):
        raise NotUnderstood(
            "a unit of three characters expected: a k was lost", at=found.start("unit")
        )
    if found["header"] not in {"ST", "WT", "US"}:
        raise NotUnderstood("a count, no weight", at=HEADER_AT)
    digits = found["number"].strip().replace(",", ".")
    value = number(found["sign"].strip() + digits, at=found.start("number"))
    unit = found["unit"].strip()
    yield shown_weight(value, unit, at=found.start("unit"), stable=found["header"] != "US")


def is_moving(frame: Frame) -> bool:
    """The scale has not settled, or has nothing to say: worth showing, not keeping."""
    return frame.data[:2] not in {b"ST", b"WT"}


class Tare:
    """Whether a connection has told of a tare: from a net weight on, a gross one is more than the patient.

    It is taken off once gross is told of the empty scale twice in a row: a scale that tells both in turn never does.
    """

    def __init__(self) -> None:
        self._is_on = False
        self._empty = 0

    def hides(self, frame: Frame) -> bool:
        """Take in one message; whether it is a gross weight under a tare."""
        text = frame.data.decode("ascii", "replace")
        found = None if _OUT.fullmatch(text) else _LINE.fullmatch(text)
        kind = found["kind"] if found else None
        if found and kind in GROSS:
            self._empty = 0 if found["number"].strip(" 0.,") else self._empty + 1
            self._is_on = self._is_on and self._empty < 2
        elif kind in NET:
            self._is_on, self._empty = True, 0
        return self._is_on and kind in GROSS


async def session(link: SerialLink) -> None:
    """Take what the scale sends by itself, or ask it; under a tare its net weight alone.

    A gross weight told in between, even if only shown, would be another load to the net one's second frame.
    """
    tare = Tare()
    while True:
        frame = await link.frame(within=0.25)
        if frame is None:
            await link.write(b"Q\r\n")
        elif tare.hides(frame):
            continue
        elif is_moving(frame):
            link.live(frame)
        else:
            await link.deliver(frame)


DRIVER = SerialDriver(
    id="and_scale",
    models=(Model(maker="A&D", name="standard format", tells=("body_weight",), longest=30.0),),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="HV-G series instruction manual, section 16: the scale tells its weight by itself",
    ),
    line=Line(
        baud=2400,
        data_bits=7,
        parity="even",
        framer=text_lines(limit=40),
        also=(LineSettings(baud=9600),),
    ),
    session=session,
    decode=decode,
)
