"""Jumper JPD-500F and its twins (Custom PLS-01BT): finger oximeters that call themselves My Oximeter.

Once a second ``81``, pulse (255: no finger), SpO2 (127: no finger) and perfusion index in tenths of a percent. In
between ``80`` and ten samples of the pleth, which is not read. A thermometer of the same maker speaks in the same
place, in five octets: it is not understood here.

Nothing is filed: the oximeter never says that a value is finished, and its messages carry no checksum. What is shown
is live display, as from a SIG oximeter without spot-check.

Sources: Jumper's own Android library (DeviceOxygen: ``80``, ``81``, tenths); github.com/obniz/obniz, PLS_01BT (name,
length, 255); the maker's sample as quoted in an Android viewer (255, 127; ``81 38 63 44`` is 56 per minute, 99 %).
"""

from collections.abc import Iterator
from decimal import Decimal

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
    OxygenSaturation,
    Reader,
)

STREAM = "cdeacb81-5235-4c07-8846-93a37ee6b86d"
PLETH, VALUES = 0x80, 0x81
NO_PERCENT, NONE = 127, 255
PERCENT_AT = 2
QUIET_SECONDS = 30.0


async def session(link: BleLink) -> None:
    """Show the values; the pleth is passed over."""
    await link.subscribe(STREAM)
    async for frame in link.frames(STREAM, quiet=QUIET_SECONDS):
        if frame.data[:1] != bytes([PLETH]):
            link.live(frame)


def decode(frame: Frame) -> Iterator[Measurement]:
    """One second's values; nothing from a stretch of pleth. A value of 0 was not measured."""
    reader = Reader(frame.data)
    kind = reader.u8()
    if kind == PLETH and reader.left > 3:
        return
    if kind != VALUES:
        raise NotUnderstood(f"values (0x81) expected, not 0x{kind:02x}", at=0)
    pulse, percent, perfusion = reader.u8(), reader.u8(), reader.u8()
    reader.end()
    if percent > 100 and percent not in (NO_PERCENT, NONE):
        raise NotUnderstood(f"{percent} % of saturation", at=PERCENT_AT)
    yield OxygenSaturation(
        percent=None if percent in (0, NO_PERCENT, NONE) else Decimal(percent),
        pulse_per_minute=None if pulse in (0, NONE) else Decimal(pulse),
        perfusion_index_percent=None if perfusion in (0, NONE) else Decimal(perfusion) / 10,
    )


DRIVER = BleDriver(
    id="jumper_oximeter",
    models=tuple(
        Model(maker=maker, name=name, tells=("oxygen_saturation",), longest=60.0)
        for maker, name in (("Jumper", "JPD-500F"), ("Custom", "PLS-01BT"))
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Jumper's Android library, DeviceOxygen: it sends by itself, there is no command",
    ),
    match=Advert(name_prefix="My Oximeter"),
    main=STREAM,
    session=session,
    decode=decode,
)
