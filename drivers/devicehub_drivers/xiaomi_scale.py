"""Xiaomi Mi Smart Scale (v1, XMTZC01HM) and Mi Body Composition Scale (v2, XMTZC02HM, XMTZC05HM), overheard.

They advertise what they show: v1 in 10 bytes of service data 0x181D, v2 in 13 bytes of 0x181B. Status of v1: 0x01
pounds, 0x10 jin, 0x20 stable, 0x80 the load has left; of v2 the first byte: 0x01 pounds, the second: 0x02 impedance
measured, 0x20 stable, 0x40 jin, 0x80 the load has left. Other bits are seen set and mean nothing here. A weight is
in 1/200 kg, 1/100 lb or 1/100 jin (500 g); an impedance in ohms, of which 0 and 3000 upwards are none.

The last weight stays on the air for minutes, marked as having left: then ``stable`` is false here, for it is
no longer the load. On v2 a stable weight comes first, its impedance some seconds later, in the same message.
The scale's clock starts at 1970 and is right only where its own app has set it.

Sources: openScale wiki, *Xiaomi Bluetooth Mi Scale*; tests of github.com/custom-components/ble_monitor and
github.com/Bluetooth-Devices/xiaomi-ble (frames of real scales); ESPHome's xiaomi_miscale (impedance limits).
"""

from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    AdvertLink,
    Automatic,
    BleDriver,
    BodyComposition,
    BodyWeight,
    Frame,
    Kind,
    Measurement,
    Model,
    NotUnderstood,
    Overhear,
    Reader,
    Said,
    kilograms,
)

V1, V2 = "adv:181d", "adv:181b"
POUNDS, STABLE, LEFT = 0x01, 0x20, 0x80
JIN_V1, JIN_V2, IMPEDANCE = 0x10, 0x40, 0x02
PER_KILOGRAM, PER_OTHER, KILOGRAMS_PER_JIN = 200, 100, Decimal("0.5")
NO_IMPEDANCE = 3000
QUIET_SECONDS = 60.0


async def listen(link: AdvertLink) -> None:
    """Hand over each finished weight once, on v2 with its impedance where one comes before the load leaves."""
    waiting: Frame | None = None
    before: Frame | None = None
    async for frame in link.frames(V1, V2, quiet=QUIET_SECONDS):
        if frame == before:
            continue
        before = frame
        status = frame.data[1:2] if frame.on == V2 else frame.data[:1]
        bits = status[0] if status else 0
        if not bits & STABLE or bits & LEFT:
            if waiting is not None:
                await link.deliver(waiting)
            waiting = None
            link.live(frame)
        elif frame.on == V2 and not bits & IMPEDANCE:
            waiting = frame
        else:
            waiting = None
            await link.deliver(frame)
    if waiting is not None:
        await link.deliver(waiting)


def decode(frame: Frame) -> Iterator[Measurement]:
    """A weight, and on v2 the impedance of who stands there."""
    reader = Reader(frame.data)
    if frame.on == V1:
        status = reader.u8()
        pounds, jin = status & POUNDS, status & JIN_V1
        raw = reader.u16()
        told = reader.date_time()
        ohms = 0
    elif frame.on == V2:
        pounds = reader.u8() & POUNDS
        status = reader.u8()
        jin = status & JIN_V2
        told = reader.date_time()
        ohms = reader.u16()
        raw = reader.u16()
    else:
        raise NotUnderstood(f"nothing is read from {frame.on}")
    reader.end()
    stable = bool(status & STABLE) and not status & LEFT
    value = Decimal(raw) / (PER_OTHER if pounds or jin else PER_KILOGRAM)
    said = None
    if jin:
        said = {"kilograms": Said(value=value, unit="{jin}")}  # UCUM has no jin: an annotation
        value *= KILOGRAMS_PER_JIN
    elif pounds:
        said = {"kilograms": Said(value=value, unit="[lb_av]")}
        value = kilograms(value)
    yield BodyWeight(kilograms=value, stable=stable and raw > 0, device_time=told, said=said)
    measured = frame.on == V2 and stable and status & IMPEDANCE
    if measured and 0 < ohms < NO_IMPEDANCE:
        yield BodyComposition(impedance_ohms=Decimal(ohms), device_time=told)


def model(name: str, *kinds: Kind) -> Model:
    """One of the two scales."""
    return Model(maker="Xiaomi", name=name, tells=kinds, longest=30.0)


DRIVER = BleDriver(
    id="xiaomi_scale",
    models=(
        model("Mi Smart Scale", "body_weight"),
        model("Mi Body Composition Scale", "body_weight", "body_composition"),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Mi Body Composition Scale 2, user manual: step on, the weight locks by itself; "
        "page not found",
    ),
    match=Advert(name_prefix=("MI_SCALE", "MISCA", "MI SCALE2", "MIBCS", "MIBFS")),
    main=V2,
    session=Overhear(listen),
    decode=decode,
)
