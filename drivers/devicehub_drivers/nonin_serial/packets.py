"""Formats 2 and 7: a stream of packets of 25 frames of five octets, three packets a second.

A frame is ``01``, status, pleth, value, sum (format 2), or status, two octets of pleth, value, sum (format 7). Status:
0x20 artifact, 0x10 out of track, 0x08 no finger, 0x06 perfusion, 0x01 first frame. Of the 25 values are read: pulse
(1, 2), SpO2 (3), the second status (8). These are the averages meant for recording, missing as soon as the finger is
out, unlike those meant for a display.
"""

from devicehub.driver import Flag, NotUnderstood, OxygenSaturation
from devicehub_drivers.nonin_serial.values import (
    LOW_BATTERY,
    NO_PERCENT,
    NO_PULSE,
    SMART_POINT,
    pulse_of,
    raised,
    rate,
    saturation,
)

FRAMES, FRAME = 25, 5
PACKET = FRAMES * FRAME
BARE = FRAMES * (FRAME - 1)
ARTIFACT, OUT_OF_TRACK, NO_FINGER, RED, FIRST = 0x20, 0x10, 0x08, 0x04, 0x01
ALWAYS = 0x80
STATUS2_AT = 7


def length(data: bytes) -> int | None:
    """The length of the packet that begins here, in either format."""
    for status_at in (1, 0):
        found = _length(data, status_at)
        if found is not None:
            return found
    return None


def _length(data: bytes, status_at: int) -> int | None:
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
    return octet >= ALWAYS and bool(octet & FIRST) == first


def is_vouched(packet: bytes) -> bool:
    """Whether the oximeter itself says that the values are good enough to be kept."""
    return not is_missing(packet) and bool(values_of(packet)[STATUS2_AT] & SMART_POINT)


def values_of(packet: bytes) -> bytes:
    """The 25 values of a packet."""
    return packet[3::FRAME]


def is_missing(packet: bytes) -> bool:
    """Whether a value is lacking: no finger, or not yet found."""
    values = values_of(packet)
    return pulse_of(values[0], values[1]) == NO_PULSE or values[2] & 0x7F == NO_PERCENT


def bare(data: bytes) -> bytes:
    """The packet without its sums."""
    if length(data) != len(data):
        raise NotUnderstood("25 frames with right sums, the first marked, expected", at=0)
    return b"".join(data[at : at + FRAME - 1] for at in range(0, PACKET, FRAME))


def decode(bare: bytes) -> OxygenSaturation:
    """A third of a second's values; those without SmartPoint are early estimates."""
    status_at = 0 if bare[0] >= ALWAYS else 1
    status, values = bare[status_at :: FRAME - 1], bare[FRAME - 2 :: FRAME - 1]
    status2 = values[STATUS2_AT]
    measured = not any(octet & NO_FINGER for octet in status)
    percent, pulse = values[2] & 0x7F, pulse_of(values[0], values[1])
    flags: dict[Flag, bool] = {
        "artifact": any(octet & ARTIFACT for octet in status),
        "questionable": any(octet & OUT_OF_TRACK for octet in status),
        "no_contact": not measured,
        "weak_signal": any(octet & RED for octet in status),
        "low_battery": bool(status2 & LOW_BATTERY),
        "early_estimate": percent != NO_PERCENT and not status2 & SMART_POINT,
    }
    return OxygenSaturation(
        percent=saturation(percent, at=2 * (FRAME - 1) + 3) if measured else None,
        pulse_per_minute=rate(pulse) if measured else None,
        flags=raised(flags),
    )
