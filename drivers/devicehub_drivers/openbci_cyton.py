"""OpenBCI Cyton over its radio dongle: eight channels of a board without leads of its own.

33 octets: ``A0``, counter 0-255, eight channels of 24 bits (two's complement, high octet first), six octets of acceleration
or other things, ``C0`` to ``CF``. A count is 4.5 V / gain / (2^23 - 1). No checksum: their place is known from packets in a
row that count on. 250 a second.

It is told to stop, to leave a second board ("Daisy", which halves the rate) out, to take its default gain of 24, and to
begin. A model like "Cyton, gain 6" says that somebody else sets the gain: then it is not touched. Which electrode is on which
channel is the practice's choice and in no packet: channels are called CH1 to CH8. The contact impedance, which the board
measures one channel at a time by a current of its own, is not read.

Sources: docs.openbci.com, *Cyton Data Format* and *OpenBCI Cyton SDK* (commands s, c, d, b);
github.com/brainflow-dev/brainflow, cyton.cpp (scale, ends C0 to C6); github.com/OpenBCI/OpenBCI_NodeJS_Utilities.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    EcgSamples,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    SerialLink,
    counts_of,
    microvolts_of,
    newest,
    packets,
    read_packets,
    show,
    stated,
)

SIZE, START, END = 33, 0xA0, 0xC
COUNTED = 256
CHANNELS_AT, CHANNELS, CHANNEL = 2, 8, 3
LEADS = tuple(f"CH{number}" for number in range(1, CHANNELS + 1))
HERTZ, GAIN = Decimal(250), Decimal(24)
MICROVOLTS = Decimal(4_500_000)
FULL_SCALE = (1 << 23) - 1
STOP, ONE_BOARD, DEFAULTS, BEGIN = b"s", b"c", b"d", b"b"
SETTLE_SECONDS = 0.5
"""Between two commands: the radio takes one at a time and answers in words, which nobody reads."""
AT_A_TIME = 10
IN_A_ROW = 3


class Packet(NamedTuple):
    """One packet: a counter and eight channels."""

    counter: int
    samples: tuple[int, ...]


def is_packet(data: bytes) -> bool:
    """Whether first and last octet are right."""
    return data[0] == START and data[-1] >> 4 == END


def follows(before: bytes, after: bytes) -> bool:
    """Whether the counters are one apart."""
    return (after[1] - before[1]) % COUNTED == 1


def alike(row: list[bytes]) -> bool:
    """Whether packets in a row count on, as the octets of a signal do not."""
    return all(follows(one, other) for one, other in pairwise(row))


def missing(before: Packet, after: Packet) -> int:
    """How many packets the counters lack between two."""
    return (after.counter - before.counter - 1) % COUNTED


def read(data: bytes) -> Packet:
    """One packet. Raises `NotUnderstood`."""
    if len(data) != SIZE:
        raise NotUnderstood(f"{SIZE} octets expected, {len(data)} received", at=len(data))
    if not is_packet(data):
        raise NotUnderstood("A0 at first and C0 to CF at last expected", at=0)
    places = range(CHANNELS_AT, CHANNELS_AT + CHANNELS * CHANNEL, CHANNEL)
    counts = tuple(int.from_bytes(data[at : at + CHANNEL], "big", signed=True) for at in places)
    return Packet(data[1], counts)


async def session(link: SerialLink) -> None:
    """Bring the board into a known state, then show what it streams."""
    await link.write(STOP)
    for command in (ONE_BOARD, DEFAULTS):
        if command == ONE_BOARD or stated_gain(link.model) is None:
            await link.pause(SETTLE_SECONDS)
            await link.write(command)
    await link.pause(SETTLE_SECONDS)
    await show(AT_A_TIME, start=(BEGIN,), follows=follows)(link)


def stated_gain(model: str | None) -> Decimal | None:
    """The gain in the model's name."""
    return stated(model, r"gain (\d+)")


def decode(frame: Frame) -> Iterator[Measurement]:
    """The samples of some packets."""
    found = read_packets(frame, SIZE, read, missing)
    one_count = MICROVOLTS / (stated_gain(frame.model) or GAIN) / FULL_SCALE
    yield EcgSamples(
        leads=LEADS,
        sampling_hz=HERTZ,
        microvolts=microvolts_of(counts_of(found, CHANNELS), one_count),
        sequence=newest(found).counter,
    )


DRIVER = SerialDriver(
    id="openbci_cyton",
    models=(
        Model(
            maker="OpenBCI",
            name="Cyton",
            tells=("ecg_samples", "electrode_contact"),
            unread=("electrode_contact",),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="OpenBCI Cyton SDK, command b: it streams what it converts, nothing is decided",
    ),
    line=Line(
        baud=115200,
        framer=packets(SIZE, is_packet, sure=IN_A_ROW, alike=alike),
        usb="0403:6015",
    ),
    session=session,
    decode=decode,
)
