"""Berry oximeters by cable or classic Bluetooth (BM1000, BM2000 and modules): the BCI protocol on a serial line.

A hundred packets a second of five octets; bit 7 is set in the first alone. 0: bits 0-3 signal strength, 0x10 no
signal, 0x20 probe unplugged, 0x40 beep. 1: pleth. 2: bits 0-3 bar, 0x10 no finger, 0x20 searching, 0x40 bit 7 of the
pulse. 3: the other bits of the pulse (255: invalid). 4: SpO2 (127: invalid).

Nothing is filed: these oximeters never say that a value is finished, and their packets carry no checksum. What is shown
has stood in three packets in a row: noise has no such rows. A packet counts once the next has begun where it must.

Source: *BCI Protocol* v1.2, Berry (github.com/zh2x/BCI_Protocol), "for Bluetooth & USB oximeter". The line's speed is
not in it: 115200 baud is what the maker's USB cables are set to in public programs.
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
    SerialDriver,
    SerialLink,
    probed,
)

LENGTH = 5
SYNC = 0x80
NO_SIGNAL, UNPLUGGED = 0x10, 0x20
NO_FINGER, SEARCHING, PULSE_HIGH = 0x10, 0x20, 0x40
NO_PULSE, NO_PERCENT = 255, 127
IN_A_ROW = 3
PACKETS_PER_SECOND = 100
STARTS = bytes(range(SYNC, 0x100))
QUIET_SECONDS = 10.0


def length(data: bytes) -> int | None:
    """Five where a packet begins and the octet after it begins the next."""
    if any(bool(octet & SYNC) != (at % LENGTH == 0) for at, octet in enumerate(data)):
        return None
    return LENGTH if len(data) > LENGTH else 0


async def session(link: SerialLink) -> None:
    """Show what stands for three packets, once a second."""
    before, row, since = b"", 0, PACKETS_PER_SECOND
    shown = b""
    while True:
        frame = await link.frame(within=QUIET_SECONDS)
        if frame is None:
            continue
        now = display(frame.data)
        row = row + 1 if now == before else 1
        before, since = now, since + 1
        if row >= IN_A_ROW and (now != shown or since >= PACKETS_PER_SECOND):
            link.live(frame)
            shown, since = now, 0


def display(packet: bytes) -> bytes:
    """What of a packet is read: no pleth, bar, beep or strength."""
    first, third = packet[0] & (NO_SIGNAL | UNPLUGGED), packet[2] & ~0x0F
    return bytes([first, third, packet[3], packet[4]])


def decode(frame: Frame) -> Iterator[Measurement]:
    """What one packet says. A value of 0, or one without a finger, was not measured."""
    packet = frame.data
    if len(packet) != LENGTH:
        raise NotUnderstood(f"a packet of {LENGTH} octets expected", at=min(len(packet), LENGTH))
    for at, octet in enumerate(packet):
        if bool(octet & SYNC) != (at == 0):
            raise NotUnderstood("bit 7 belongs to the first octet alone", at)
    pulse, percent = (packet[2] & PULSE_HIGH) << 1 | packet[3], packet[4]
    if NO_PERCENT > percent > 100:
        raise NotUnderstood(f"{percent} % of saturation", at=4)
    said: dict[Flag, bool] = {
        "weak_signal": bool(packet[0] & NO_SIGNAL),
        "sensor_fault": bool(packet[0] & UNPLUGGED),
        "no_contact": bool(packet[2] & NO_FINGER),
        "searching": bool(packet[2] & SEARCHING),
    }
    off = said["sensor_fault"] or said["no_contact"]
    yield OxygenSaturation(
        percent=None if off or percent in (0, NO_PERCENT) else Decimal(percent),
        pulse_per_minute=None if off or pulse in (0, NO_PULSE) else Decimal(pulse),
        flags=tuple(flag for flag, is_so in said.items() if is_so),
    )


DRIVER = SerialDriver(
    id="berry_bci_serial",
    models=tuple(
        Model(
            maker="Berry",
            name=name,
            tells=("oxygen_saturation",),
            reads=("oxygen_saturation",),
            longest=60.0,
        )
        for name in ("BM1000", "BM2000")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="BCI Protocol v1.2: it sends by itself, there is no mode and no command",
    ),
    line=Line(baud=115200, framer=probed(length, starts=STARTS, longest=LENGTH + 1)),
    session=session,
    decode=decode,
)
