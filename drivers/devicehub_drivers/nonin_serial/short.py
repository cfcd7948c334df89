"""Format 8: four octets a second, without checksum. For a display only.

Status (0x20 out of track, 0x10 low and 0x08 marginal perfusion, 0x04 artifact, the pulse's highest two bits), pulse,
SpO2, second status (0x08 no finger). Bit 7 is set in the first octet alone.
"""

from devicehub.driver import Flag, NotUnderstood, OxygenSaturation
from devicehub_drivers.nonin_serial.values import (
    LOW_BATTERY,
    NO_PERCENT,
    SMART_POINT,
    pulse_of,
    raised,
    rate,
    saturation,
)

SIZE = 4
SEEN = 18
"""Octets that tell this format from a piece of format 7, where octets five apart have bit 7 (ten would do), and from
noise. The display is four seconds late for it."""
OUT_OF_TRACK, LOW, MARGINAL, ARTIFACT = 0x20, 0x10, 0x08, 0x04
NO_FINGER = 0x08


def length(data: bytes) -> int | None:
    """Four, where the octets after them go on as they must."""
    seen = data[:SEEN]
    if any((octet >= 0x80) != (at % SIZE == 0) for at, octet in enumerate(seen)):
        return None
    return SIZE if len(seen) == SEEN else 0


def decode(data: bytes) -> OxygenSaturation:
    """One second's values; those without SmartPoint are early estimates."""
    if any((octet >= 0x80) != (at == 0) for at, octet in enumerate(data)):
        raise NotUnderstood("bit 7 belongs to the first octet alone", at=0)
    status, low, percent, status2 = data
    measured = not status2 & NO_FINGER
    flags: dict[Flag, bool] = {
        "artifact": bool(status & ARTIFACT),
        "questionable": bool(status & OUT_OF_TRACK),
        "no_contact": not measured,
        "weak_signal": bool(status & (LOW | MARGINAL)),
        "low_battery": bool(status2 & LOW_BATTERY),
        "early_estimate": percent != NO_PERCENT and not status2 & SMART_POINT,
    }
    return OxygenSaturation(
        percent=saturation(percent, at=2) if measured else None,
        pulse_per_minute=rate(pulse_of(status, low)) if measured else None,
        flags=raised(flags),
    )
