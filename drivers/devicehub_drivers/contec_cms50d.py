"""Contec CMS50D+ and its family (CMS50E, CMS50F, CMS60C): finger oximeters on the maker's USB cable.

Firmware 4.6 and newer sends, when asked (``7D 81 A1`` and six times ``80``), sixty messages a second for thirty
seconds: ``01``, then eight octets with bit 7 set. The first of these holds the bits 7 of the seven that follow: signal
(0x80 finger out, 0x40 beep, 0x10 searched too long), pleth (0x80 searching), bar, pulse (255: invalid), SpO2 (above
100: invalid), perfusion (its unit is not published; not read).

Older firmware streams packets of five octets by itself, bit 7 set in the first alone. 0: 0x10 finger out, 0x20 SpO2
falling, 0x40 beep. 1: pleth. 2: 0x10 probe fault, 0x20 searching, 0x40 bit 7 of the pulse. 3: the other bits of the
pulse. 4: SpO2 (127: invalid). Its line is slower (19200 baud, odd parity): bind it as its own model.

Nothing is filed: these oximeters never say that a value is finished, and their messages carry no checksum. What is
shown has stood in three messages in a row: noise has no such rows.

Sources: github.com/atbrask/CMS50Dplus (old firmware); gist.github.com/patrick-samy/df33e296885364f602f0c27f1eb139a8
and the bedsidemon example of Gagistech (new firmware: request, thirty seconds, high bits, meaning of the octets).
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    Flag,
    Frame,
    Line,
    LineSettings,
    Measurement,
    Model,
    NotUnderstood,
    OxygenSaturation,
    SerialDriver,
    SerialLink,
    probed,
)

ASK_LIVE = bytes.fromhex("7d81a1808080808080")
ASK_EVERY = timedelta(seconds=15)
BIT7 = 0x80
VALUES, NEW_LENGTH = 0x01, 9
NEW_FINGER_OUT, NEW_TOO_LONG, NEW_SEARCHING = 0x80, 0x10, 0x80
OLD_LENGTH = 5
OLD_FINGER_OUT, OLD_FAULT, OLD_SEARCHING, OLD_PULSE_HIGH = 0x10, 0x10, 0x20, 0x40
NO_PULSE, NO_PERCENT = 255, 127
IN_A_ROW = 3
MESSAGES_PER_SECOND = 60
STARTS = bytes((VALUES, *range(BIT7, 0x100)))
QUIET_SECONDS = 5.0


def length(data: bytes) -> int | None:
    """Nine or five, by where bit 7 is set; five only where the next packet begins."""
    high = [bool(octet & BIT7) for octet in data]
    if data[0] == VALUES:
        new = high[:NEW_LENGTH]
        if not all(new[1:]):
            return None
        return NEW_LENGTH if len(new) == NEW_LENGTH else 0
    old = high[: OLD_LENGTH + 1]
    if any(bit != (at % OLD_LENGTH == 0) for at, bit in enumerate(old)):
        return None
    return OLD_LENGTH if len(old) > OLD_LENGTH else 0


async def session(link: SerialLink) -> None:
    """Ask for live values before they run out; show what stands for three messages, once a second."""
    before, row, since = b"", 0, MESSAGES_PER_SECOND
    shown = b""
    await link.write(ASK_LIVE)
    asked = link.now
    while True:
        frame = await link.frame(within=QUIET_SECONDS)
        if frame is None or link.now - asked >= ASK_EVERY:
            await link.write(ASK_LIVE)
            asked = link.now
        if frame is None:
            continue
        now = display(frame.data)
        row = row + 1 if now == before else 1
        before, since = now, since + 1
        if row >= IN_A_ROW and (now != shown or since >= MESSAGES_PER_SECOND):
            link.live(frame)
            shown, since = now, 0


def display(data: bytes) -> bytes:
    """What of a message is read: no pleth, bar, beep, strength or perfusion."""
    if len(data) == OLD_LENGTH:
        return bytes((data[0] & OLD_FINGER_OUT, data[2] & 0x70, data[3], data[4]))
    signal, pleth, _bar, pulse, percent, *_perfusion = seven(data)
    return bytes((signal & (NEW_FINGER_OUT | NEW_TOO_LONG), pleth & BIT7, pulse, percent))


def seven(data: bytes) -> bytes:
    """The seven octets of a new message, each with its own bit 7 again."""
    return bytes(octet & ~BIT7 | (data[1] >> at & 1) << 7 for at, octet in enumerate(data[2:]))


def decode(frame: Frame) -> Iterator[Measurement]:
    """What one message says. A value of 0, or one without a finger, was not measured."""
    data = frame.data
    if len(data) == NEW_LENGTH and data[0] == VALUES:
        yield _new(data)
    elif len(data) == OLD_LENGTH:
        yield _old(data)
    else:
        raise NotUnderstood("nine octets of values, or five, expected", at=0)


def _new(data: bytes) -> OxygenSaturation:
    for at, octet in enumerate(data[1:], start=1):
        if not octet & BIT7:
            raise NotUnderstood("bit 7 belongs to all octets but the first", at)
    signal, pleth, _bar, pulse, percent, *_perfusion = seven(data)
    said: dict[Flag, bool] = {
        "no_contact": bool(signal & NEW_FINGER_OUT),
        "searching": bool(pleth & NEW_SEARCHING or signal & NEW_TOO_LONG),
    }
    return _values(pulse, percent if percent <= 100 else NO_PERCENT, said)


def _old(data: bytes) -> OxygenSaturation:
    for at, octet in enumerate(data):
        if bool(octet & BIT7) != (at == 0):
            raise NotUnderstood("bit 7 belongs to the first octet alone", at)
    if NO_PERCENT > data[4] > 100:
        raise NotUnderstood(f"{data[4]} % of saturation", at=4)
    said: dict[Flag, bool] = {
        "no_contact": bool(data[0] & OLD_FINGER_OUT),
        "sensor_fault": bool(data[2] & OLD_FAULT),
        "searching": bool(data[2] & OLD_SEARCHING),
    }
    return _values((data[2] & OLD_PULSE_HIGH) << 1 | data[3], data[4], said)


def _values(pulse: int, percent: int, said: dict[Flag, bool]) -> OxygenSaturation:
    off = said["no_contact"] or said.get("sensor_fault", False)
    return OxygenSaturation(
        percent=None if off or percent in (0, NO_PERCENT) else Decimal(percent),
        pulse_per_minute=None if off or pulse in (0, NO_PULSE) else Decimal(pulse),
        flags=tuple(flag for flag, is_so in said.items() if is_so),
    )


DRIVER = SerialDriver(
    id="contec_cms50d",
    models=tuple(
        Model(maker="Contec", name=name, tells=("oxygen_saturation",), longest=60.0, line=line)
        for name, line in (
            ("CMS50D+", None),
            ("CMS50E", None),
            ("CMS50F", None),
            ("CMS60C", None),
            ("CMS50D+ before firmware 4.6", LineSettings(baud=19200, parity="odd")),
        )
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="CMS50D+ user manual, operation: it begins when a finger is in",
    ),
    line=Line(baud=115200, framer=probed(length, starts=STARTS, longest=NEW_LENGTH)),
    session=session,
    decode=decode,
)
