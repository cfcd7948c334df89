"""Health o meter Professional scales and ProPlus display modules, and Rice Lake HealthWeigh: the escape protocol.

Sources: Health o meter *Pro Plus 1100KL* operation manual, pages 33 and 35 (``ESC R``, then fields of one letter
behind ``ESC``: I identity, W weight, H height, B body mass index, T tare, N units, E end of packet);
github.com/STocidlowski/ScaleReporter for what 1100-series scales send: a packet a second while the weight is
locked, later ones opened by ``6R``, 0.0 for what was not measured. Rice Lake 150-10-6 technical manual, table
5-2: a load out of range is 999.9 or 999.99. The identity names a person: it is blanked before anybody
keeps the packet.

A date, and any field the manual has no format for, is passed over as well. There is no checksum: weight, height and body
mass index must agree. Those of the protocol sheet's own example (184.5 kg, 84.0 cm, 24.1) do not, and are not read.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BodyMassIndex,
    BodyWeight,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    Settles,
    blanked,
    check_index,
    keep_only,
    number,
    receive,
    shown_height,
    shown_weight,
    until,
)

ESC = b"\x1b"
END = ESC + b"E"
UNITS = {"m": ("kg", "cm"), "c": ("lb", "in")}
"""Metric, and what the manual calls constitutional."""
OUT_OF_RANGE = frozenset({Decimal("999.9"), Decimal("999.99")})
_KEPT = re.compile(
    rb"\x1b[WHB]-?(?:[0-9]{1,3}|[0-9]{1,4}\.[0-9]{1,2})(?=\x1b)|\x1bN[a-z](?=\x1b)|\x1b[A-Z]|6R(?=\x1b)"
)
"""The fields that are read, whole, the letter of any other, and the marks. What a lost escape moved elsewhere is none."""
STREAM_SECONDS = 3.0
"""Packets come every second: after three without one the lock is gone."""


def blank(packet: bytes) -> bytes:
    """The packet without the identity that was scanned or typed into the scale: it is not kept."""
    return keep_only(packet, (field.span() for field in _KEPT.finditer(packet)))


def decode(frame: Frame) -> Iterator[Measurement]:
    """The weight, and height and body mass index where they were measured."""
    found = fields(frame.data)
    units = UNITS.get(found.get("N", ""))
    if units is None or "W" not in found:
        raise NotUnderstood("a weight and its unit expected", at=0)
    weight, height, index = (value(found.get(letter)) for letter in "WHB")
    if weight in OUT_OF_RANGE:
        yield BodyWeight(flags=("overload",))
        return
    load = shown_weight(weight, units[0], stable=True) if weight else None
    tall = shown_height(height, units[1]) if height else None
    if load and tall and index:
        check_index(load, tall, index)
    if load:
        yield load
    if tall:
        yield tall
    if index:
        yield BodyMassIndex(kilograms_per_square_metre=index)


def fields(packet: bytes) -> dict[str, str]:
    """The fields of the last packet in these bytes, by letter. Raises `NotUnderstood`."""
    if not packet.endswith(END):
        raise NotUnderstood("the packet has no end", at=len(packet))
    *parts, _end = packet.split(ESC)
    if parts[0].endswith(b"6R"):
        parts[0] = b"R"
    starts = [place for place, part in enumerate(parts) if part in {b"R", b"6R"}]
    if not starts:
        raise NotUnderstood("the packet has no start", at=0)
    found: dict[str, str] = {}
    for part in parts[starts[-1] + 1 :]:
        letter, content = part[:1].decode("ascii", "replace"), part[1:].decode("ascii", "replace")
        if not letter.isalpha() or letter in found:
            raise NotUnderstood(f"field {letter!r} is no letter's, or twice", packet.rfind(part))
        found[letter] = content
    return found


def value(text: str | None) -> Decimal | None:
    """A number above zero; ``None`` for zero, which stands for what was not measured."""
    found = Decimal(0) if text is None else number(text)
    if found < 0:
        raise NotUnderstood(f"no scale locks {text}")
    return found or None


DRIVER = SerialDriver(
    id="health_o_meter",
    models=(
        Model(
            maker="Health o meter Professional",
            name="escape protocol",
            tells=("body_weight", "body_height", "body_mass_index"),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Pro Plus 1100KL operation manual, page 33: the scale sends a reading by itself",
    ),
    line=Line(baud=9600, framer=blanked(until(END), blank)),
    session=receive(quiet=STREAM_SECONDS, once=True),
    decode=decode,
    settles=Settles.PRINTED,
)
