"""Beurer BF 700, BF 710, BF 800; Sanitas SBF 70, SBF 75; Runtastic Libra; SilverCrest and Crane twins.

One characteristic, 0xFFE1. A message starts with 0xE7 (BF 710, SBF 70, SBF 75) or 0xF7 (BF 700, BF 800, Libra)
and a command; the hub's greeting, clock and goodbye use 6, 9 and A in place of that 7. Numbers are big-endian.

``58`` status weight comes several times a second while somebody stands there, in steps of 50 g; the first one is
often rubbish. It is shown, never kept. The finished measurement is ``59 n k``, k = 1..n: the first part names
the scale's user, the others hold together time, weight, impedance, fat, water, muscle, bone, basal and active
metabolism and BMI. The scale goes on only when each message is acknowledged (``F1`` and its bytes 1 to 3).
A stranger to the scale gets a composition that is all 0: a weight only. The time counts from 1970 and is set to the time on the wall.

Bone is what the scale says: the whole fresh skeleton, ten per cent of the weight and more.

Sources: openScale wiki, *Beurer-Sanitas* (the protocol); github.com/KristianP26/ble-scale-sync issue 211
(frames of an SBF 70).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    BodyComposition,
    BodyMassIndex,
    BodyWeight,
    DeviceFacts,
    Frame,
    Kind,
    Measurement,
    Model,
    NotUnderstood,
    Reader,
    Said,
    kilojoules,
)

CHANNEL = "ffe1"
FAMILIES = (0xE0, 0xF0)
GREET, COMMAND, CLOCK = 0x6, 0x7, 0x9
STATUS, LIVE, FINAL, ACKNOWLEDGED, ACKNOWLEDGE = 0x4F, 0x58, 0x59, 0xF0, 0xF1
NOBODY = bytes(8)
KILOGRAM, TENTH = Decimal("0.05"), Decimal("0.1")
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a device's own time has no zone
ANSWER_SECONDS, QUIET_SECONDS = 3.0, 30.0


async def session(link: BleLink) -> None:
    """Greet, set the clock, ask for the battery, then acknowledge whatever the scale measures."""
    await link.subscribe(CHANNEL)
    family = await greet(link)
    seconds = int((link.now.replace(tzinfo=None) - EPOCH).total_seconds())
    await link.write(CHANNEL, bytes([family | CLOCK]) + seconds.to_bytes(4, "big"))
    await link.write(CHANNEL, bytes([family | COMMAND, STATUS]) + NOBODY)
    parts: dict[int, tuple[str, bytes]] = {}
    async for frame in link.frames(CHANNEL, quiet=QUIET_SECONDS):
        data = frame.data
        if data[1:3] == bytes([ACKNOWLEDGED, STATUS]):
            await link.deliver(frame)
        if len(data) < 5 or data[1] not in {LIVE, FINAL}:
            continue
        if data[1] == LIVE:
            link.live(frame)
        else:
            parts = {**({} if data[3] == 1 else parts), data[3]: frame.parts[0]}
            if len(parts) == data[2]:
                await link.deliver(Frame(tuple(parts[k] for k in sorted(parts)), link.model))
                parts = {}
        await link.write(CHANNEL, bytes([family | COMMAND, ACKNOWLEDGE]) + data[1:4])


async def greet(link: BleLink) -> int:
    """Which of the two start bytes the scale uses: it answers only to its own."""
    for family in FAMILIES:
        await link.write(CHANNEL, bytes([family | GREET, 0x01]))
        async for frame in link.frames(CHANNEL, quiet=ANSWER_SECONDS):
            return frame.data[0] & 0xF0 if frame.data else family
    return FAMILIES[0]


def decode(frame: Frame) -> Iterator[Measurement]:
    """A weight still live, a finished measurement of n parts, or the scale's status."""
    first = frame.parts[0][1]
    head = Reader(first)
    if head.u8() not in {family | COMMAND for family in FAMILIES}:
        raise NotUnderstood("a message of the scale (e7 or f7) expected", at=0)
    command = head.u8()
    if command == FINAL:
        yield from finished(frame)
        return
    data = Reader(frame.data)
    data.skip(2)
    if command == LIVE:
        moving = data.u8()
        weight = data.unsigned(2, big=True) * KILOGRAM
        data.end()
        yield BodyWeight(kilograms=weight, stable=not moving and weight > 0)
    elif command == ACKNOWLEDGED and data.u8() == STATUS:
        data.skip(1)
        battery = data.u8()
        data.skip(7)  # thresholds, unit, what it knows of the user asked for, version
        yield DeviceFacts(battery_percent=Decimal(battery))
    else:
        raise NotUnderstood(f"nothing is read from command 0x{command:02x}", at=1)


def finished(frame: Frame) -> Iterator[Measurement]:
    """Weight, composition and BMI out of the joined parts; what is 0 was not measured."""
    payload = b""
    for number, (_, data) in enumerate(frame.parts, start=1):
        expected = frame.parts[0][1][:2] + bytes([len(frame.parts), number])
        if data[:4] != expected:
            raise NotUnderstood(f"part {number} of {len(frame.parts)} expected", at=0)
        payload += data[4:] if number > 1 else b""
    who = Reader(frame.parts[0][1])
    who.skip(5)
    user = who.unsigned(8, big=True)
    who.end()
    reader = Reader(payload)
    told = EPOCH + timedelta(seconds=reader.unsigned(4, big=True))
    weight, ohms, fat, water, muscle, bone, basal, _active, bmi = (
        Decimal(reader.unsigned(2, big=True)) for _ in range(9)
    )
    reader.end()
    at, slot = told.isoformat(), user or None
    yield BodyWeight(
        kilograms=weight * KILOGRAM or None, stable=True, device_time=at, user_slot=slot
    )
    if any((ohms, fat, water, muscle, bone)):
        yield BodyComposition(
            fat_percent=fat * TENTH or None,
            water_percent=water * TENTH or None,
            muscle_percent=muscle * TENTH or None,
            bone_kilograms=bone * KILOGRAM or None,
            basal_metabolism_kilojoules=kilojoules(basal) if basal else None,
            impedance_ohms=ohms or None,
            device_time=at,
            user_slot=slot,
            said={"basal_metabolism_kilojoules": Said(value=basal, unit="kcal")} if basal else None,
        )
    if bmi:
        yield BodyMassIndex(kilograms_per_square_metre=bmi * TENTH, device_time=at, user_slot=slot)


KINDS: tuple[Kind, ...] = ("body_weight", "body_composition", "body_mass_index", "device_facts")

DRIVER = BleDriver(
    id="beurer_bf700",
    models=tuple(
        Model(maker=maker, name=name, tells=KINDS, longest=60.0)
        for maker, name in (
            ("Beurer", "BF 700"),
            ("Beurer", "BF 710"),
            ("Beurer", "BF 800"),
            ("Runtastic", "Libra"),
            ("Sanitas", "SBF 70"),
            ("Sanitas", "SBF 75"),
        )
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Beurer BF 700, instructions for use, chapter 8, page 6 of the German part (Messung "
        "durchführen; pdfkiwi.com/documents/bf-700-5e51939abdd80): it measures whoever steps on it",
    ),
    match=Advert(
        name_prefix=(
            "BF-700",
            "BF700",
            "BF-800",
            "BEURER BF700",
            "BEURER BF710",
            "BEURER BF800",
            "Beurer BF700",
            "Beurer BF710",
            "Beurer BF800",
            "RT-Libra-",
            "Libra-",
            "SANITAS SBF70",
            "Sanitas SBF70",
            "SBF75",
            "AICDSCALE1",
        )
    ),
    main=CHANNEL,
    session=session,
    decode=decode,
)
