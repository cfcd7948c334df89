"""Scales made by Transtek: Medisana BS 410, 430, 440, 444; Trisa Body Analyze; ADE BA 1600; 1BODY CONNECT.

The scale indicates each weight on 0x8A21 (0x8A24 on ADE and 1BODY CONNECT) and its composition on 0x8A22; the
two belong together by time and user, and are one frame. It listens on 0x8A81. Some guard their data: when the
scale is asked to pair it tells a password once (``A0`` on 0x8A82), which is kept as link secret ``password``;
later it sends a challenge (``A1``), answered by challenge XOR password (``20``); an ADE tells none. Writing the time (``02``)
starts the data. The scale tells its memory, oldest first, then hangs up.

Numbers are little-endian. Flags of a weight: 0x01 time, 0x02 and 0x04 two resistances (not read: the first is
always 0, the scale of the second is not known), 0x08 user, 0x10 status, 0x60 the unit of the display (the
weight is in kilograms whatever that shows). Flags of a composition: 0x01 time, 0x02 user, 0x04 energy (the
need of an active day, not the basal metabolism: not read), always fat, then 0x08 water, 0x10 a further value
(not read), 0x20 muscle, 0x40 bone. Messages are padded with zeros.

Clocks count seconds from 2010, on a BS 430 from 1970: a count that would be before 2010 in the second sense is
meant in the first, which holds until 2050. This driver sets every one from 2010, to the
time on the wall, as the makers' apps do: the scale only counts on. The 1X-LINE, a sister of the 1BODY CONNECT, dates
its compositions, which look the same, by a count that is smaller by a fixed number than that of their weight.

Sources: openScale wiki, *Medisana BS444* and *Trisa Body Analyze* (frames of both); openScale's handlers of
1BODY CONNECT and Trisa; github.com/keptenkurk/BS440; github.com/KristianP26/ble-scale-sync issue 138 (ADE).
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
    BodyWeight,
    Frame,
    Kind,
    LinkLost,
    Measurement,
    Model,
    NotUnderstood,
    Reader,
    Refused,
)

SERVICES = ("78b2", "7802", "7892")
"""Of Medisana; of Trisa and ADE; of 1BODY CONNECT."""
WEIGHTS, BODY, FROM_SCALE, TO_SCALE = ("8a21", "8a24"), "8a22", "8a82", "8a81"
PASSWORD, CHALLENGE = 0xA0, 0xA1
SET_CLOCK, ANSWER, BROADCAST, DISCONNECT = b"\x02", b"\x20", b"\x21", b"\x22"
BROADCAST_ID = b"\x01\x00\x00\x00"
"""Any but 0: it names the hub in the scale's later advertisements."""
FROM_2010, FROM_1970 = datetime(2010, 1, 1), datetime(1970, 1, 1)  # noqa: DTZ001 - no zone in a scale
BETWEEN = int((FROM_2010 - FROM_1970).total_seconds())
X_LINE_LESS = 315_619_200
"""Seconds: a composition of the 1X-LINE counts them less than its weight (openScale, BodyConnectHandler)."""
NOBODY = 0xFF
NONE_TOLD = {"BA 1600": bytes(4)}
"""Models that challenge without ever having told a password: it is 0. Only a person can say that it is one."""
QUIET_SECONDS = 30.0
UNPAIRED = (
    "la balance n'est pas appairée : maintenez son bouton d'appairage jusqu'au signal / "
    "the scale is not paired: hold its pairing button until it signals"
)


async def session(link: BleLink) -> None:
    """Pair where the scale asks for it, else take its memory: each weight with the composition it belongs to."""
    places = [on for on in (*WEIGHTS, BODY, FROM_SCALE) if on in link.characteristics]
    await link.subscribe(*places)
    await set_clock(link)
    waiting: dict[int, Frame] = {}
    try:
        async for frame in link.frames(*places, quiet=QUIET_SECONDS):
            if frame.on == FROM_SCALE:
                await reply(link, frame.data)
            elif frame.on in WEIGHTS:
                waiting[whose(frame.data, time_at=5)] = frame
            else:
                count = whose(frame.data, time_at=1)
                weight = waiting.pop(count, None) or waiting.pop(count + X_LINE_LESS, None)
                before = weight.parts if weight else ()
                await link.deliver(Frame(before + frame.parts, link.model))
    except LinkLost:
        # The scale hangs up when it has told everything.
        await deliver_all(link, waiting)
        raise
    await deliver_all(link, waiting)


async def deliver_all(link: BleLink, waiting: dict[int, Frame]) -> None:
    """Weights of people who stood there with socks: no composition follows."""
    for frame in waiting.values():
        await link.deliver(frame)


async def reply(link: BleLink, data: bytes) -> None:
    """Keep the password while pairing; answer the challenge later. Raises `Refused` without a password."""
    if len(data) < 5:
        return
    if data[0] == PASSWORD:
        link.keep("password", data[1:5])
        await link.write(TO_SCALE, BROADCAST + BROADCAST_ID)
        await link.write(TO_SCALE, DISCONNECT)
    elif data[0] == CHALLENGE:
        password = link.secrets.get("password", NONE_TOLD.get(link.model or ""))
        if password is None:
            raise Refused(UNPAIRED)
        mixed = zip(data[1:5], password, strict=False)
        await link.write(TO_SCALE, ANSWER + bytes(a ^ b for a, b in mixed))
        await set_clock(link)


async def set_clock(link: BleLink) -> None:
    """Tell the time, which makes the scale tell its memory."""
    seconds = int((link.now.replace(tzinfo=None) - FROM_2010).total_seconds())
    await link.write(TO_SCALE, SET_CLOCK + seconds.to_bytes(4, "little"))


def whose(data: bytes, *, time_at: int) -> int:
    """What a weight and its composition share: the time, as it is counted in the bytes."""
    return int.from_bytes(data[time_at : time_at + 4], "little")


def decode(frame: Frame) -> Iterator[Measurement]:
    """A weight, a composition, or both."""
    weighed: str | None = None
    for on, data in frame.parts:
        reader = Reader(data)
        if on in WEIGHTS:
            found = weight(reader)
            weighed = found.device_time
            yield found
        elif on == BODY:
            yield composition(reader, weighed)
        else:
            raise NotUnderstood(f"nothing is read from {on}")
        if reader.rest().strip(b"\0"):
            raise NotUnderstood("zeros expected after the last field", at=reader.at)


def weight(reader: Reader) -> BodyWeight:
    """What 0x8A21 and 0x8A24 tell. Bits 1 to 3 of the status are how far the composition is."""
    flags = reader.u8()
    value = reader.float32()
    told = moment(reader.u32()) if flags & 0x01 else None
    reader.skip(4 if flags & 0x02 else 0)
    reader.skip(4 if flags & 0x04 else 0)
    user = reader.u8() if flags & 0x08 else NOBODY
    stable = bool(reader.u8() & 0x01) if flags & 0x10 else None
    return BodyWeight(
        kilograms=value,
        stable=stable,
        device_time=told,
        user_slot=None if user == NOBODY else user,
    )


def composition(reader: Reader, weighed: str | None) -> BodyComposition:
    """What 0x8A22 tells, where the weight before it was ``weighed``. A value of 0 was not measured.

    One with the further value may be of a 1X-LINE or not: it has its time from its weight alone.
    """
    flags = reader.u8()
    count = reader.u32() if flags & 0x01 else 0
    told = moment(count) if flags & 0x01 else None
    if told != weighed and flags & 0x10:
        told = weighed if moment(count + X_LINE_LESS) == weighed else None
    user = reader.u8() if flags & 0x02 else NOBODY
    reader.skip(2 if flags & 0x04 else 0)
    fat = measured(reader)
    water = measured(reader) if flags & 0x08 else None
    reader.skip(2 if flags & 0x10 else 0)
    muscle = measured(reader) if flags & 0x20 else None
    bone = measured(reader) if flags & 0x40 else None
    return BodyComposition(
        fat_percent=fat,
        water_percent=water,
        muscle_percent=muscle,
        bone_kilograms=bone,
        device_time=told,
        user_slot=None if user == NOBODY else user,
    )


def measured(reader: Reader) -> Decimal | None:
    """An SFLOAT, of which 0 means none."""
    return reader.sfloat() or None


def moment(seconds: int) -> str:
    """The time a count means, whichever its beginning."""
    epoch = FROM_2010 if seconds < BETWEEN else FROM_1970
    return (epoch + timedelta(seconds=seconds)).isoformat()


KINDS: tuple[Kind, ...] = ("body_weight", "body_composition")

DRIVER = BleDriver(
    id="transtek",
    models=tuple(
        Model(maker=maker, name=name, tells=KINDS, longest=60.0)
        for maker, name in (
            ("Medisana", "BS 410"),
            ("Medisana", "BS 430"),
            ("Medisana", "BS 440"),
            ("Medisana", "BS 444"),
            ("Trisa", "Body Analyze 4.0"),
            ("ADE", "BA 1600"),
            ("1BODY", "1BODY CONNECT"),
        )
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Medisana BS 444, instruction manual, Use: the scale measures whoever steps on it; "
        "page not found",
    ),
    match=Advert(service=SERVICES),
    main=WEIGHTS[0],
    session=session,
    decode=decode,
)
