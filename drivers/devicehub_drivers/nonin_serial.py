"""Nonin oximeters on a serial line (OEM III, Xpod, 9560 over its serial port profile), in formats 2, 7, 8 and 13.

Format 13 is a spot-check: ``00 02 00 0D``, length, time in BCD, status (0x0200 SmartPoint, 0x0100 no measurement,
0x0010 from memory, 0x0001 low battery), pulse, a reserved octet, SpO2, whatever a later model adds, the sum of all
these, ``03``. It is acknowledged once it is kept; until then the oximeter keeps it.

Formats 2 and 7 are packets of 25 frames of five octets, three a second: ``01``, status, pleth, value, sum; or status,
two octets of pleth, value, sum. Status: 0x20 artifact, 0x10 out of track, 0x08 no finger, 0x06 perfusion, 0x01 first
frame. Of the 25 values are read: pulse (1, 2), SpO2 (3), the second status (8: 0x20 SmartPoint, 0x01 low battery).
These are the averages meant for recording, missing as soon as the finger is out, unlike those meant for a display. The
first packet with SmartPoint is the spot-check, once for each finger; all others are live display.

Format 8 is four octets a second: status and the pulse's highest bits, pulse, SpO2, second status. It carries no
checksum: live display only. 511 and 127 are missing values everywhere.

Source: *Onyx II Model 9560 Bluetooth OEM Specification and Technical Information* (Nonin), Data Format 13, Serial Data
Formats 2, 7 and 8; github.com/mattjlewis/NoninPulseOx (acknowledge 06, 15).
"""

from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    Flag,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    OxygenSaturation,
    Reader,
    Secrets,
    SerialDriver,
    SerialLink,
    Settles,
    date_time,
    probed,
)

ACKNOWLEDGE, REPEAT = b"\x06", b"\x15"
NO_PULSE, NO_PERCENT = 511, 127
LOW_BATTERY, SMART_POINT = 0x01, 0x20

SPOT_HEAD, SPOT_END = b"\x00\x02\x00\x0d", b"\x03"
SPOT_LEAST, SPOT_MOST = 14, 64
SPOT_SMART_POINT, SPOT_NONE, SPOT_STORED, SPOT_LOW_BATTERY = 0x0200, 0x0100, 0x0010, 0x0001

FRAMES, FRAME = 25, 5
PACKET = FRAMES * FRAME
ARTIFACT, OUT_OF_TRACK, NO_FINGER, RED, GREEN, FIRST = 0x20, 0x10, 0x08, 0x04, 0x02, 0x01
STATUS2_AT = 7

SHORT = 4
SHORT_SEEN = 10
"""Octets that tell format 8 from a piece of format 7: no two of them five apart have bit 7."""
SHORT_TRACK, SHORT_LOW, SHORT_MARGINAL, SHORT_ARTIFACT = 0x20, 0x10, 0x08, 0x04
STARTS = b"\x00\x01" + bytes(range(0x80, 0x100))
QUIET_SECONDS = 60.0


def length(data: bytes) -> int | None:
    """The length of the message that begins here, in whatever format."""
    if data[: len(SPOT_HEAD)] == SPOT_HEAD[: len(data)]:
        return _spot_length(data)
    seen = [_packet_length(data, status_at) for status_at in (1, 0)]
    for found in (*seen, _short_length(data)):
        if found is not None:
            return found
    return None


def _spot_length(data: bytes) -> int | None:
    size = int.from_bytes(data[4:6], "big")
    if len(data) < 6:
        return 0
    whole = 6 + size + 2
    if not SPOT_LEAST <= size <= SPOT_MOST:
        return None
    if len(data) < whole:
        return 0
    return whole if data[whole - 1 : whole] == SPOT_END else None


def _packet_length(data: bytes, status_at: int) -> int | None:
    for number in range(FRAMES):
        frame = data[number * FRAME : (number + 1) * FRAME]
        if status_at and frame[:1] not in (b"", b"\x01"):
            return None
        if len(frame) > status_at and not _is_status(frame[status_at], first=number == 0):
            return None
        if len(frame) < FRAME:
            return 0
        if sum(frame[:-1]) & 0xFF != frame[-1]:
            return None
    return PACKET


def _is_status(octet: int, *, first: bool) -> bool:
    return octet >= 0x80 and bool(octet & FIRST) == first


def _short_length(data: bytes) -> int | None:
    seen = data[:SHORT_SEEN]
    if any((octet >= 0x80) != (at % SHORT == 0) for at, octet in enumerate(seen)):
        return None
    return SHORT if len(seen) == SHORT_SEEN else 0


async def session(link: SerialLink) -> None:
    """Keep each spot-check, and then acknowledge it; of a stream, keep the first value with SmartPoint."""
    kept = False
    while True:
        frame = await link.frame(within=QUIET_SECONDS)
        if frame is None:
            continue
        if frame.data.startswith(SPOT_HEAD):
            await link.deliver(frame)
            await link.write(ACKNOWLEDGE if is_spot(frame.data) else REPEAT)
        elif len(frame.data) == PACKET and not kept and is_vouched(frame.data):
            await link.deliver(frame)
            kept = True
        else:
            link.live(frame)
            kept = kept and not (len(frame.data) == PACKET and is_missing(frame.data))


def is_spot(data: bytes) -> bool:
    """Whether the sum of a spot-check is right."""
    return sum(data[6:-2]) & 0xFF == data[-2]


def is_vouched(packet: bytes) -> bool:
    """Whether the oximeter itself says that the values are good enough to be kept."""
    return not is_missing(packet) and bool(values_of(packet)[STATUS2_AT] & SMART_POINT)


def values_of(packet: bytes) -> bytes:
    """The 25 values of a packet."""
    return packet[3::FRAME]


def is_missing(packet: bytes) -> bool:
    """Whether a value is lacking: no finger, or not yet found."""
    values = values_of(packet)
    return _pulse(values[0], values[1]) == NO_PULSE or values[2] & 0x7F == NO_PERCENT


def unseal(frame: Frame, _secrets: Secrets) -> Frame:
    """The message without its sums, where they are right. Format 8 has none."""
    data = frame.data
    if len(data) == PACKET:
        if _packet_length(data, 1) is None and _packet_length(data, 0) is None:
            raise NotUnderstood("25 frames with right sums, the first marked, expected", at=0)
        bare = b"".join(data[at : at + FRAME - 1] for at in range(0, PACKET, FRAME))
        return Frame.of(frame.on, bare, frame.model)
    if data[:4] == SPOT_HEAD:
        if _spot_length(data) != len(data) or not is_spot(data):
            raise NotUnderstood("its length, its end or its sum is wrong", at=len(data))
        return Frame.of(frame.on, data[:-2], frame.model)
    if len(data) != SHORT:
        raise NotUnderstood("a message of format 2, 7, 8 or 13 expected", at=0)
    return frame


def decode(frame: Frame) -> Iterator[Measurement]:
    """The values of one message, told apart by its build."""
    data = frame.data
    if data[:4] == SPOT_HEAD:
        yield _spot(Reader(data))
    elif len(data) == PACKET - FRAMES:
        status_at = 0 if data[0] >= 0x80 else 1
        yield _packet(data[status_at::4], data[3::4])
    elif len(data) == SHORT and _is_short(data):
        yield _short(data)
    else:
        raise NotUnderstood("a message of format 2, 7, 8 or 13 expected", at=0)


def _is_short(data: bytes) -> bool:
    return all((octet >= 0x80) == (at == 0) for at, octet in enumerate(data))


def _spot(reader: Reader) -> OxygenSaturation:
    reader.skip(4)
    size = reader.unsigned(2, big=True)
    if size != reader.left or size < SPOT_LEAST:
        raise NotUnderstood(f"{size} octets of data announced", at=4)
    century, year, month, day, hour, minute, second, hundredths = (
        _two_digits(reader) for _ in range(8)
    )
    status, pulse = reader.unsigned(2, big=True), reader.unsigned(2, big=True) & NO_PULSE
    reader.skip(1)
    at = reader.at
    percent = reader.u8() & 0x7F
    try:
        moment = date_time(century * 100 + year, month, day, hour, minute, second)
    except ValueError as error:
        raise NotUnderstood(f"not a date and time: {error}", at=6) from None
    if moment is not None and hundredths:
        moment += f".{hundredths:02}"
    measured = not status & SPOT_NONE
    flags: dict[Flag, bool] = {
        "low_battery": bool(status & SPOT_LOW_BATTERY),
        "measurement_failed": not measured,
        "questionable": measured and not status & SPOT_SMART_POINT,
    }
    return OxygenSaturation(
        percent=_percent(percent, at) if measured else None,
        pulse_per_minute=_rate(pulse) if measured else None,
        device_time=moment,
        stored=bool(status & SPOT_STORED),
        flags=_set(flags),
    )


def _packet(status: bytes, values: bytes) -> OxygenSaturation:
    status2 = values[STATUS2_AT]
    measured = not any(octet & NO_FINGER for octet in status)
    percent, pulse = values[2] & 0x7F, _pulse(values[0], values[1])
    flags: dict[Flag, bool] = {
        "artifact": any(octet & ARTIFACT for octet in status),
        "questionable": any(octet & OUT_OF_TRACK for octet in status),
        "no_contact": not measured,
        "weak_signal": any(octet & RED for octet in status),
        "low_battery": bool(status2 & LOW_BATTERY),
        "early_estimate": percent != NO_PERCENT and not status2 & SMART_POINT,
    }
    return OxygenSaturation(
        percent=_percent(percent, at=2 * SHORT + 3) if measured else None,
        pulse_per_minute=_rate(pulse) if measured else None,
        flags=_set(flags),
    )


def _short(data: bytes) -> OxygenSaturation:
    status, low, percent, status2 = data
    measured = not status2 & NO_FINGER
    flags: dict[Flag, bool] = {
        "artifact": bool(status & SHORT_ARTIFACT),
        "questionable": bool(status & SHORT_TRACK),
        "no_contact": not measured,
        "weak_signal": bool(status & (SHORT_LOW | SHORT_MARGINAL)),
        "low_battery": bool(status2 & LOW_BATTERY),
        "early_estimate": percent != NO_PERCENT and not status2 & SMART_POINT,
    }
    return OxygenSaturation(
        percent=_percent(percent, at=2) if measured else None,
        pulse_per_minute=_rate(_pulse(status, low)) if measured else None,
        flags=_set(flags),
    )


def _pulse(high: int, low: int) -> int:
    """Two bits and seven."""
    return (high & 0x03) << 7 | low & 0x7F


def _rate(pulse: int) -> Decimal | None:
    return None if pulse == NO_PULSE else Decimal(pulse)


def _percent(percent: int, at: int) -> Decimal | None:
    if NO_PERCENT > percent > 100:
        raise NotUnderstood(f"{percent} % of saturation", at)
    return None if percent == NO_PERCENT else Decimal(percent)


def _two_digits(reader: Reader) -> int:
    """An octet in BCD."""
    high, low = divmod(reader.u8(), 16)
    if high > 9 or low > 9:
        raise NotUnderstood("two decimal digits expected", at=reader.at - 1)
    return high * 10 + low


def _set(flags: dict[Flag, bool]) -> tuple[Flag, ...]:
    return tuple(flag for flag, is_so in flags.items() if is_so)


DRIVER = SerialDriver(
    id="nonin_serial",
    models=tuple(
        Model(
            maker="Nonin",
            name=name,
            tells=("oxygen_saturation",),
            reads=("oxygen_saturation",),
            longest=120.0,
        )
        for name in ("OEM III", "Xpod", "Onyx II 9560")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Onyx II Model 9560 Bluetooth OEM Specification, Data Format 13: by itself within 40 s",
    ),
    line=Line(baud=9600, framer=probed(length, starts=STARTS, longest=PACKET)),
    session=session,
    decode=decode,
    unseal=unseal,
    settles=Settles.EACH,
)
