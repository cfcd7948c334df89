"""Wellue (Viatom) O2Ring, CheckMe O2, SleepU: oximeters worn through the night, over Viatom's older service.

The hub asks: ``AA``, command, its complement, block and length (16 bits, little-endian), data, CRC-8 (polynomial 07).
The answer is ``55``, 0 for success, its complement, block, length, data, CRC-8, over as many notifications as it
takes. It does not repeat the command: the facts (14) are a JSON object, the values now (17) are 13 octets.

The values: SpO2 (255: none), pulse in 16 bits (65535: none), steps in 32 bits, battery, charging, motion, perfusion
index in tenths of a percent, whether it is worn. Worn with 0 and 0 it is still finding the pulse.

Nothing is filed: the ring never says that a value is finished. What is shown is live display, as from a SIG oximeter
without spot-check; the nights in its memory are not read. The newer O2Ring-S (frames of ``A5``) is another device.

Sources: github.com/MackeyStingray/o2r (frames, commands, three answers of a real ring); github.com/ecostech/viatom-ble
(calibrating, index); Viatom's LepuBle library (widths, the facts' names).
"""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    DeviceFacts,
    Flag,
    Frame,
    Measurement,
    Model,
    NotUnderstood,
    OxygenSaturation,
    Reader,
    Secrets,
)

REQUEST = "8b00ace7-eb0b-49b0-bbe9-9aee0a26e1a3"
ANSWER = "0734594a-a8e7-4b1a-a6b1-cd5243059a57"
FACTS, VALUES = 0x14, 0x17
ASKS, ANSWERS = 0xAA, 0x55
POLYNOMIAL = 0x07
HEADER, AROUND = 7, 8
"""Octets before the data; with the CRC behind them."""
VALUES_LENGTHS = (12, 13)
"""A ring sends 13, of which the last means nothing known; 12 hold everything that is read."""
NO_PERCENT, NO_PULSE = 255, 65535
EVERY_SECONDS, ANSWER_SECONDS = 2.0, 5.0


def crc8(data: bytes) -> int:
    """CRC-8 with polynomial 07, from 0, nothing reflected."""
    crc = 0
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = (crc << 1 ^ POLYNOMIAL if crc & 0x80 else crc << 1) & 0xFF
    return crc


async def session(link: BleLink) -> None:
    """Ask who it is, then every two seconds what it measures, until it answers no more."""
    await link.subscribe(ANSWER)
    facts = await ask(link, FACTS)
    if facts is None:
        return
    await link.deliver(facts)
    while (values := await ask(link, VALUES)) is not None:
        link.live(values)
        await link.pause(EVERY_SECONDS)


async def ask(link: BleLink, command: int) -> Frame | None:
    """The whole answer, however many notifications it takes; ``None`` where it does not come."""
    request = bytes([ASKS, command, command ^ 0xFF, 0, 0, 0, 0])
    await link.write(REQUEST, request + bytes([crc8(request)]))
    parts: list[tuple[str, bytes]] = []
    answer = b""
    async for frame in link.frames(ANSWER, quiet=ANSWER_SECONDS):
        if not answer and frame.data[:1] != bytes([ANSWERS]):
            continue  # the rest of an answer that was given up
        parts += frame.parts
        answer += frame.data
        if len(answer) >= AROUND and len(answer) >= AROUND + length(answer):
            return Frame(tuple(parts), link.model)
    return None


def length(answer: bytes) -> int:
    """How many octets of data an answer announces."""
    return int.from_bytes(answer[5:HEADER], "little")


def unseal(frame: Frame, _secrets: Secrets) -> Frame:
    """The data of an answer whose length and CRC are right."""
    answer = b"".join(data for on, data in frame.parts if on == ANSWER)
    if len(answer) < AROUND:
        raise NotUnderstood(f"an answer has {AROUND} octets at least", at=len(answer))
    if answer[0] != ANSWERS:
        raise NotUnderstood("an answer begins with 0x55", at=0)
    if answer[1] ^ answer[2] != 0xFF:
        raise NotUnderstood("not the complement of the octet before", at=2)
    if len(answer) != AROUND + length(answer):
        raise NotUnderstood(f"{length(answer)} octets of data announced", at=5)
    if crc8(answer[:-1]) != answer[-1]:
        raise NotUnderstood("the CRC is wrong", at=len(answer) - 1)
    if answer[1] != 0:
        raise NotUnderstood(f"the ring refused: 0x{answer[1]:02x}", at=1)
    return Frame.of(ANSWER, answer[HEADER:-1], frame.model)


def decode(frame: Frame) -> Iterator[Measurement]:
    """The facts, or the values now."""
    data = frame.data
    if data[:1] == b"{":
        yield facts_of(data)
    elif len(data) in VALUES_LENGTHS:
        yield values_of(Reader(data))
    else:
        raise NotUnderstood("neither facts nor 13 octets of values", at=0)


def values_of(reader: Reader) -> OxygenSaturation:
    """The values now; none while it is not worn."""
    percent, pulse = reader.u8(), reader.u16()
    reader.skip(7)
    perfusion, worn = reader.u8(), reader.u8()
    if percent > 100 and percent != NO_PERCENT:
        raise NotUnderstood(f"{percent} % of saturation", at=0)
    flags: tuple[Flag, ...] = () if worn else ("no_contact",)
    if worn and not percent and not pulse:
        flags = ("searching",)
    return OxygenSaturation(
        percent=Decimal(percent) if worn and percent not in (0, NO_PERCENT) else None,
        pulse_per_minute=Decimal(pulse) if worn and pulse not in (0, NO_PULSE) else None,
        perfusion_index_percent=Decimal(perfusion) / 10 if worn and perfusion else None,
        flags=flags,
    )


def facts_of(data: bytes) -> DeviceFacts:
    """Who the ring is, how full its battery, what its clock says."""
    try:
        said = json.loads(data.rstrip(b"\0 \t\r\n"))
    except (ValueError, RecursionError):
        raise NotUnderstood("not a JSON object", at=0) from None
    texts = {name: value for name, value in said.items() if isinstance(value, str)}
    battery = texts.get("CurBAT", "").removesuffix("%")
    try:
        # A device's own time has no zone.
        clock = datetime.strptime(texts.get("CurTIME", ""), "%Y-%m-%d,%H:%M:%S").isoformat()  # noqa: DTZ007
    except ValueError:
        clock = None
    return DeviceFacts(
        model=texts.get("Model"),
        serial_number=texts.get("SN"),
        firmware=texts.get("SoftwareVer"),
        battery_percent=Decimal(battery) if battery.isdecimal() and int(battery) <= 100 else None,
        clock=clock,
    )


DRIVER = BleDriver(
    id="wellue_o2ring",
    models=tuple(
        Model(maker=maker, name=name, tells=("oxygen_saturation", "device_facts"), longest=60.0)
        for maker, name in (("Wellue", "O2Ring"), ("Viatom", "CheckMe O2"), ("Viatom", "SleepU"))
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="github.com/MackeyStingray/o2r, README: it measures for as long as it is worn",
    ),
    match=Advert(name_prefix=("O2Ring", "CheckMe O2", "Checkme O2", "CheckO2", "SleepU")),
    main=ANSWER,
    session=session,
    unseal=unseal,
    decode=decode,
)
