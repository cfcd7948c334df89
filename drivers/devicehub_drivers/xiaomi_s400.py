"""Xiaomi Body Composition Scale S400 (MJTZC01YM, MJTZC03YM) and Smart Scale S200 (MJTZC02YM), overheard.

They advertise sealed MiBeacon frames, version 4 or 5, as service data 0xFE95: frame control, product, counter,
the scale's address and its capabilities where frame control says so, then objects sealed with AES-CCM, a
counter of three bytes, and four bytes of authentication. Two link secrets open them: ``bind_key``, 16 bytes
the maker's cloud gives to the scale's owner, and ``mac``, the six bytes of the scale's address as it is
printed; the address is needed only where the frame has none.

Object 0x4E16 (S200): profile, weight in 1/100 kg, time. Object 0x6E16 (S400): profile; 11 bits of weight in
1/10 kg, 7 bits of pulse less 50 (0 and 127: none), 14 bits of impedance in 1/10 ohm; time, counted from 1970
in Coordinated Universal Time. Nobody on the scale is an object of zeros.

The S400 measures the impedance twice and tells it in two advertisements, with the weight and without. Each is
sealed and whole by itself, so each is a frame of its own: waiting for the second would lose the weight of
somebody in socks. The one with the weight is the one of 50 kHz, the other of 250 kHz (``mode`` says it):
tissue opposes the faster current less, and the second is the smaller in every frame seen.

Sources: github.com/Bluetooth-Devices/xiaomi-ble, its tests (frames and keys of real scales); openScale's
S400Decryptor tests, which call the same two impedances the other way round.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from devicehub.driver import (
    Advert,
    AdvertLink,
    Automatic,
    BleDriver,
    BodyComposition,
    BodyWeight,
    Frame,
    HeartRate,
    Kind,
    Measurement,
    Model,
    NotUnderstood,
    Overhear,
    Reader,
    Secrets,
    decrypt_ccm,
)

PLACE = "adv:fe95"
SEALED, HAS_ADDRESS, HAS_CAPABILITIES, HAS_OBJECT = 0x08, 0x10, 0x20, 0x40
CAPABILITY_OF_IO = 0x20
SEALED_SINCE, VERSION = 4, 5
"""Versions of MiBeacon: before 4 the cipher was another one, after 5 there is none."""
KEY_BYTES, ADDRESS_BYTES, TAG_BYTES, COUNTER_BYTES = 16, 6, 4, 3
S200_OBJECT, S400_OBJECT, OBJECT_BYTES = 0x4E16, 0x6E16, 9
SLOWEST_PULSE, NO_PULSE = 50, (0, 127)
LOW, HIGH = "50 kHz", "250 kHz"
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a device's own time has no zone
QUIET_SECONDS = 60.0


async def listen(link: AdvertLink) -> None:
    """Hand over each advertisement that carries an object once; its two counters tell it from the next."""
    heard: set[bytes] = set()
    async for frame in link.frames(PLACE, quiet=QUIET_SECONDS):
        if frame.data[:1] and frame.data[0] & HAS_OBJECT and frame.data not in heard:
            heard.add(frame.data)
            await link.deliver(frame)


def unseal(frame: Frame, secrets: Secrets) -> Frame:
    """The objects of an advertisement; no bytes where it carries none."""
    data = frame.data
    reader = Reader(data)
    control = reader.u16()
    counters = reader.take(3)  # the product's two bytes are part of what makes it unique
    if not control & HAS_OBJECT and control >> 12 <= VERSION:
        return Frame.of(frame.on, b"", frame.model)
    if not SEALED_SINCE <= control >> 12 <= VERSION or not control & SEALED:
        raise NotUnderstood("a sealed frame of MiBeacon 4 or 5 expected", at=0)
    # In the frame it is written backwards already, as the nonce wants it.
    address = reader.take(ADDRESS_BYTES) if control & HAS_ADDRESS else secrets.get("mac", b"")[::-1]
    if control & HAS_CAPABILITIES and reader.u8() & CAPABILITY_OF_IO:
        reader.skip(1)
    if len(address) != ADDRESS_BYTES or len(secrets.get("bind_key", b"")) != KEY_BYTES:
        raise NotUnderstood("sealed: the secrets bind_key (16 bytes) and mac (6 bytes) are needed")
    sealed = reader.take(max(reader.left - COUNTER_BYTES - TAG_BYTES, 0))
    counters += reader.take(COUNTER_BYTES)
    objects = decrypt_ccm(
        secrets["bind_key"],
        address + counters,
        sealed + reader.take(TAG_BYTES),
        associated=b"\x11",
        tag=TAG_BYTES,
    )
    return Frame.of(frame.on, objects, frame.model)


def decode(frame: Frame) -> Iterator[Measurement]:
    """Every object of an unsealed advertisement; those of other meaning are passed over."""
    reader = Reader(frame.data)
    while reader.left:
        kind, length = reader.u16(), reader.u8()
        at = reader.at
        content = Reader(reader.take(length))
        if kind in {S200_OBJECT, S400_OBJECT}:
            if length != OBJECT_BYTES:
                raise NotUnderstood(f"{OBJECT_BYTES} bytes expected, not {length}", at=at)
            yield from weighed(content, kind)


def weighed(content: Reader, kind: int) -> Iterator[Measurement]:
    """What one object tells: a weight, a pulse, an impedance, or some of them."""
    profile, values = content.u8(), content.u32()
    told = (EPOCH + timedelta(seconds=content.u32())).isoformat()
    user = profile or None
    if kind == S200_OBJECT:
        if values:
            kilograms = Decimal(values) / 100
            yield BodyWeight(kilograms=kilograms, device_time=told, user_slot=user)
        return
    weight, pulse, ohms = values & 0x7FF, values >> 11 & 0x7F, values >> 18
    if weight:
        yield BodyWeight(kilograms=Decimal(weight) / 10, device_time=told, user_slot=user)
    if pulse not in NO_PULSE:
        rate = Decimal(pulse + SLOWEST_PULSE)
        yield HeartRate(per_minute=rate, device_time=told, user_slot=user)
    if ohms:
        yield BodyComposition(
            impedance_ohms=Decimal(ohms) / 10,
            mode=LOW if weight else HIGH,
            device_time=told,
            user_slot=user,
        )


def model(name: str, *kinds: Kind) -> Model:
    """One of the two scales."""
    return Model(maker="Xiaomi", name=name, tells=kinds, longest=60.0)


DRIVER = BleDriver(
    id="xiaomi_s400",
    models=(
        model("S400", "body_weight", "heart_rate", "body_composition"),
        model("S200", "body_weight"),
    ),
    automatic=Automatic(
        modes=frozenset({None, LOW, HIGH}),
        source="Xiaomi Body Composition Scale S400, user manual: step on barefoot, it measures by "
        "itself; page not found",
    ),
    match=Advert(service_data="fe95", name_prefix=("Xiaomi Scale S", "XMTZC14HM")),
    main=PLACE,
    session=Overhear(listen),
    unseal=unseal,
    decode=decode,
)
