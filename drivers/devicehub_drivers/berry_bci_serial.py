"""Berry oximeters by cable or classic Bluetooth (BM1000, BM2000 and modules): the BCI protocol on a serial line.

A hundred packets a second; what one says is `devicehub.driver.bci`.

Nothing is filed: these oximeters never say that a value is finished, and their packets carry no checksum. What is shown
has stood in three packets in a row: noise has no such rows. A packet counts once the next has begun where it must.

Source: *BCI Protocol* v1.2, Berry (github.com/zh2x/BCI_Protocol), "for Bluetooth & USB oximeter". The line's speed is
not in it: 115200 baud is what the maker's USB cables are set to in public programs.
"""

from collections.abc import Iterator

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    Frame,
    Line,
    Measurement,
    Model,
    SerialDriver,
    SerialLink,
    bci,
    probed,
)

IN_A_ROW = 3
STARTS = bytes(range(bci.SYNC, 0x100))
QUIET_SECONDS = 10.0


def length(data: bytes) -> int | None:
    """Five where a packet begins and the octet after it begins the next."""
    if not bci.follows(data):
        return None
    return bci.LENGTH if len(data) > bci.LENGTH else 0


async def session(link: SerialLink) -> None:
    """Show what stands for three packets, once a second."""
    before, row, since = b"", 0, bci.PER_SECOND
    shown = b""
    while True:
        frame = await link.frame(within=QUIET_SECONDS)
        if frame is None:
            continue
        now = bci.display(frame.data)
        row = row + 1 if now == before else 1
        before, since = now, since + 1
        if row >= IN_A_ROW and (now != shown or since >= bci.PER_SECOND):
            link.live(frame)
            shown, since = now, 0


def decode(frame: Frame) -> Iterator[Measurement]:
    """What one packet says."""
    yield bci.decode(frame.data)


DRIVER = SerialDriver(
    id="berry_bci_serial",
    models=tuple(
        Model(maker="Berry", name=name, tells=("oxygen_saturation",), longest=60.0)
        for name in ("BM1000", "BM2000")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="BCI Protocol v1.2: it sends by itself, there is no mode and no command",
    ),
    line=Line(baud=115200, framer=probed(length, starts=STARTS, longest=bci.LENGTH + 1)),
    session=session,
    decode=decode,
)
