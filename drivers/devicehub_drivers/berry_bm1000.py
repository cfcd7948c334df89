"""BerryMed BM1000 finger oximeters (B, C, E; all call themselves BerryMed): BCI packets, 100 a second.

What a packet says is `devicehub.driver.bci`. Notifications hold several packets and cut them anywhere.

Nothing is filed: these oximeters never say that a value is finished, and their packets carry no checksum. What is
shown is live display, as from a SIG oximeter without spot-check. A packet counts only once the next one has begun
where it must: what is left of one with a lost octet does not, nor the 20-octet messages (``FF AA``) newer models
send in the same place.

Sources: *BCI Protocol* v1.2, Berry (github.com/zh2x/BCI_Protocol); github.com/adafruit/
Adafruit_CircuitPython_BLE_BerryMed_Pulse_Oximeter (names, places); SensorsIot/Oximeters-BLE-Hack-ESP32 issue 2 (the
service is not always advertised).
"""

from collections.abc import Iterator

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Frame,
    Measurement,
    Model,
    NotUnderstood,
    bci,
)

STREAM = "49535343-1e4d-4bd9-ba61-23c647249616"
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
        while at + bci.LENGTH < len(self._buffer):
            if bci.follows(bytes(self._buffer[at : at + bci.LENGTH + 1])):
                packets.append(bytes(self._buffer[at : at + bci.LENGTH]))
                at += bci.LENGTH
            else:
                at += 1
        del self._buffer[:at]
        return packets


async def session(link: BleLink) -> None:
    """Show what changes, and once a second what does not."""
    await link.subscribe(STREAM)
    packets, shown, since = Packets(), b"", 0
    async for frame in link.frames(STREAM, quiet=QUIET_SECONDS):
        for packet in packets.feed(frame.data):
            since += 1
            if since == bci.PER_SECOND or bci.display(packet) != shown:
                shown, since = bci.display(packet), 0
                link.live(Frame.of(STREAM, packet, link.model))


def decode(frame: Frame) -> Iterator[Measurement]:
    """The values of each packet, one or several whole ones."""
    data = frame.data
    if not data or len(data) % bci.LENGTH:
        whole = len(data) - len(data) % bci.LENGTH
        raise NotUnderstood(f"packets of {bci.LENGTH} octets expected", at=whole)
    for at in range(0, len(data), bci.LENGTH):
        yield bci.decode(data[at : at + bci.LENGTH], at)


DRIVER = BleDriver(
    id="berry_bm1000",
    models=tuple(
        Model(maker="Berry", name=name, tells=("oxygen_saturation",), longest=60.0)
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
