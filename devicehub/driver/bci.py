"""BCI packets, which Berry's oximeters send over cable, classic Bluetooth and Bluetooth Low Energy alike.

A packet has five octets; bit 7 is set in the first alone. 0: bits 0-3 signal strength, 0x10 no signal, 0x20 probe
unplugged, 0x40 beep. 1: pleth. 2: bits 0-3 bar, 0x10 no finger, 0x20 searching, 0x40 bit 7 of the pulse. 3: the
other bits of the pulse (255: invalid). 4: SpO2 (127: invalid). There is no checksum, and nothing that says that a
value is finished. Pleth, bar, beep and strength are not read.

Source: *BCI Protocol* v1.2, Berry (github.com/zh2x/BCI_Protocol), "for Bluetooth & USB oximeter".
"""

from __future__ import annotations

from decimal import Decimal

from devicehub.driver.failures import NotUnderstood
from devicehub.driver.measurement import Flag, OxygenSaturation

LENGTH = 5
SYNC = 0x80
PER_SECOND = 100

_NO_SIGNAL, _UNPLUGGED = 0x10, 0x20
_NO_FINGER, _SEARCHING, _PULSE_HIGH = 0x10, 0x20, 0x40
_NO_PULSE, _NO_PERCENT = 255, 127


def follows(data: bytes) -> bool:
    """Whether bit 7 is set where packets begin, every five octets, and nowhere else."""
    return all(bool(octet & SYNC) == (at % LENGTH == 0) for at, octet in enumerate(data))


def display(packet: bytes) -> bytes:
    """What of a packet is read: two packets that differ elsewhere show the same."""
    return bytes((packet[0] & (_NO_SIGNAL | _UNPLUGGED), packet[2] & 0x70, packet[3], packet[4]))


def decode(packet: bytes, at: int = 0) -> OxygenSaturation:
    """What one packet says, ``at`` octets into its frame. A value of 0, or one without a finger, was not measured.

    Raises `NotUnderstood` for what is no packet, or says more than 100 % of saturation.
    """
    if len(packet) != LENGTH:
        raise NotUnderstood(f"a packet of {LENGTH} octets expected", at + min(len(packet), LENGTH))
    for place, octet in enumerate(packet):
        if bool(octet & SYNC) != (place == 0):
            raise NotUnderstood("bit 7 belongs to the first of five octets alone", at + place)
    pulse, percent = (packet[2] & _PULSE_HIGH) << 1 | packet[3], packet[4]
    if _NO_PERCENT > percent > 100:
        raise NotUnderstood(f"{percent} % of saturation", at + 4)
    said: dict[Flag, bool] = {
        "weak_signal": bool(packet[0] & _NO_SIGNAL),
        "sensor_fault": bool(packet[0] & _UNPLUGGED),
        "no_contact": bool(packet[2] & _NO_FINGER),
        "searching": bool(packet[2] & _SEARCHING),
    }
    off = said["sensor_fault"] or said["no_contact"]
    return OxygenSaturation(
        percent=None if off or percent in (0, _NO_PERCENT) else Decimal(percent),
        pulse_per_minute=None if off or pulse in (0, _NO_PULSE) else Decimal(pulse),
        flags=tuple(flag for flag, is_so in said.items() if is_so),
    )
