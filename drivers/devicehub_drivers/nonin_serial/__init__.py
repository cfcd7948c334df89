"""Nonin oximeters on a serial line (OEM III, Xpod, 9560 over its serial port profile), in formats 2, 7, 8 and 13.

Format 13 is a spot-check. It is acknowledged once it is kept; until then the oximeter keeps it, and it is asked to
repeat one that arrived damaged. Formats 2 and 7 are streams: the first packet with SmartPoint, the oximeter's own word
that a value is good enough to be kept, is the spot-check, once for each finger; all others are live display. Format 8
carries no checksum: live display only. 511 and 127 are missing values everywhere. The format is the oximeter's own
setting; it is not changed, but recognised.

Source: *Onyx II Model 9560 Bluetooth OEM Specification and Technical Information* (Nonin), Data Format 13, Serial Data
Formats 2, 7 and 8; github.com/mattjlewis/NoninPulseOx (acknowledge 06, 15).
"""

from collections.abc import Iterator

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    Secrets,
    SerialDriver,
    SerialLink,
    Settles,
    probed,
)
from devicehub_drivers.nonin_serial import packets, short, spot_check

ACKNOWLEDGE, REPEAT = b"\x06", b"\x15"
STARTS = b"\x00\x01" + bytes(range(0x80, 0x100))
QUIET_SECONDS = 60.0


def length(data: bytes) -> int | None:
    """The length of the message that begins here, in whatever format."""
    for length_of in (spot_check.length, packets.length, short.length):
        found = length_of(data)
        if found is not None:
            return found
    return None


async def session(link: SerialLink) -> None:
    """Keep each spot-check, and then acknowledge it; of a stream, keep the first value with SmartPoint."""
    kept = False
    while True:
        frame = await link.frame(within=QUIET_SECONDS)
        if frame is None:
            continue
        is_packet = len(frame.data) == packets.PACKET
        if frame.data.startswith(spot_check.HEAD):
            await link.deliver(frame)
            await link.write(ACKNOWLEDGE if spot_check.is_sound(frame.data) else REPEAT)
        elif is_packet and not kept and packets.is_vouched(frame.data):
            await link.deliver(frame)
            kept = True
        else:
            link.live(frame)
            kept = kept and not (is_packet and packets.is_missing(frame.data))


def unseal(frame: Frame, _secrets: Secrets) -> Frame:
    """The message without its sums, where they are right. Format 8 has none."""
    data = frame.data
    if len(data) == packets.PACKET:
        return Frame.of(frame.on, packets.bare(data), frame.model)
    if data.startswith(spot_check.HEAD):
        return Frame.of(frame.on, spot_check.bare(data), frame.model)
    if len(data) != short.SIZE:
        raise NotUnderstood("a message of format 2, 7, 8 or 13 expected", at=0)
    return frame


def decode(frame: Frame) -> Iterator[Measurement]:
    """The values of one message, told apart by its build."""
    data = frame.data
    if data.startswith(spot_check.HEAD):
        yield spot_check.decode(data)
    elif len(data) == packets.BARE:
        yield packets.decode(data)
    elif len(data) == short.SIZE:
        yield short.decode(data)
    else:
        raise NotUnderstood("a message of format 2, 7, 8 or 13 expected", at=0)


DRIVER = SerialDriver(
    id="nonin_serial",
    models=tuple(
        Model(maker="Nonin", name=name, tells=("oxygen_saturation",), longest=120.0)
        for name in ("OEM III", "Xpod", "Onyx II 9560")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Onyx II Model 9560 Bluetooth OEM Specification, Data Format 13: by itself within 40 s",
    ),
    line=Line(baud=9600, framer=probed(length, starts=STARTS, longest=packets.PACKET)),
    session=session,
    decode=decode,
    unseal=unseal,
    settles=Settles.EACH,
)
