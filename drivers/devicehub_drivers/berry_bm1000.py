"""BerryMed BM1000 finger oximeters (B, C, E; all call themselves BerryMed): the BCI protocol, 100 packets a second.

A packet has five octets; bit 7 is set in the first alone. 0: bits 0-3 signal strength, 0x10 no signal, 0x20 probe
unplugged, 0x40 beep. 1: pleth. 2: bits 0-3 bar, 0x10 no finger, 0x20 searching, 0x40 bit 7 of the pulse. 3: the other
bits of the pulse (255: invalid). 4: SpO2 (127: invalid). Notifications hold several packets and cut them anywhere.

Nothing is filed: these oximeters never say that a value is finished, and their packets carry no checksum. What is
shown is live display, as from a SIG oximeter without spot-check.

Pleth, bar and beep are not read. A packet counts only once the next one has begun where it must: what is left of
one with a lost octet does not, nor the 20-octet messages (``FF AA``) newer models send in the same place.

Sources: *BCI Protocol* v1.2, Berry (github.com/zh2x/BCI_Protocol); github.com/adafruit/
Adafruit_CircuitPython_BLE_BerryMed_Pulse_Oximeter (names, places); SensorsIot/Oximeters-BLE-Hack-ESP32 issue 2 (the
service is not always advertised).
"""

from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Flag,
    Frame,
    Measurement,
    Model,
    NotUnderstood,
    OxygenSaturation,
)

STREAM = "49535343-1e4d-4bd9-ba61-23c647249616"
LENGTH = 5
SYNC = 0x80
NO_SIGNAL, UNPLUGGED = 0x10, 0x20
NO_FINGER, SEARCHING, PULSE_HIGH = 0x10, 0x20, 0x40
NO_PULSE, NO_PERCENT = 255, 127
PACKETS_PER_SECOND = 100
QUIET_SECONDS = 30.0


class Packets:
    """Cuts notifications into packets; keeps at most one that is not whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that are certain now: the octet after each begins the next."""
        self._buffer += data
        packets: list[bytes] = []
        at = 0
        while at + LENGTH < len(self._buffer):
            packet = bytes(self._buffer[at : at + LENGTH])
            if is_packet(packet) and self._buffer[at + LENGTH] & SYNC:
                packets.append(packet)
                at += LENGTH
            else:
                at += 1
        del self._buffer[:at]
        return packets


def is_packet(data: bytes) -> bool:
    """Whether bit 7 is set in the first octet alone."""
    return bool(data[0] & SYNC) and not any(octet & SYNC for octet in data[1:])


async def session(link: BleLink) -> None:
    """Show what changes, and once a second what does not."""
    await link.subscribe(STREAM)
    packets, shown, since = Packets(), b"", 0
    async for frame in link.frames(STREAM, quiet=QUIET_SECONDS):
        for packet in packets.feed(frame.data):
            since += 1
            if since == PACKETS_PER_SECOND or display(packet) != shown:
                shown, since = display(packet), 0
                link.live(Frame.of(STREAM, packet, link.model))


def display(packet: bytes) -> bytes:
    """What of a packet is read: no pleth, bar, beep or strength."""
    first, third = packet[0] & (NO_SIGNAL | UNPLUGGED), packet[2] & ~0x0F
    return bytes([first, third, packet[3], packet[4]])


def decode(frame: Frame) -> Iterator[Measurement]:
    """The values of each packet, one or several whole ones."""
    data = frame.data
    whole = len(data) - len(data) % LENGTH
    if not data or whole != len(data):
        raise NotUnderstood(f"packets of {LENGTH} octets expected", at=whole)
    for at in range(0, whole, LENGTH):
        packet = data[at : at + LENGTH]
        if not is_packet(packet):
            raise NotUnderstood("bit 7 belongs to the first of five octets alone", at=at)
        if NO_PERCENT > packet[4] > 100:
            raise NotUnderstood(f"{packet[4]} % of saturation", at=at + 4)
        yield values(packet)


def values(packet: bytes) -> OxygenSaturation:
    """What one packet says. A value of 0, or one without a finger, was not measured."""
    pulse = (packet[2] & PULSE_HIGH) << 1 | packet[3]
    percent = packet[4]
    said: dict[Flag, bool] = {
        "weak_signal": bool(packet[0] & NO_SIGNAL),
        "sensor_fault": bool(packet[0] & UNPLUGGED),
        "no_contact": bool(packet[2] & NO_FINGER),
        "searching": bool(packet[2] & SEARCHING),
    }
    off = said["sensor_fault"] or said["no_contact"]
    return OxygenSaturation(
        percent=None if off or percent in (0, NO_PERCENT) else Decimal(percent),
        pulse_per_minute=None if off or pulse in (0, NO_PULSE) else Decimal(pulse),
        flags=tuple(flag for flag, is_so in said.items() if is_so),
    )


DRIVER = BleDriver(
    id="berry_bm1000",
    models=tuple(
        Model(
            maker="Berry",
            name=name,
            tells=("oxygen_saturation",),
            reads=("oxygen_saturation",),
            longest=60.0,
        )
        for name in ("BM1000", "BM1000B", "BM1000C", "BM1000E")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="BCI Protocol v1.2: it sends by itself, there is no mode and no command",
    ),
    match=Advert(name_prefix="BerryMed"),
    main=STREAM,
    session=session,
    decode=decode,
)
