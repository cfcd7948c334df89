"""ProtoCentral's ADS1293 breakout with the maker's Arduino program: five electrodes, three channels, 100 times a second.

``0A FA 0C 00 02``, three channels of 32 bits (24 bits with their sign, little-endian), ``00 0B``. The channels are I, II and
the chest electrode, wherever it is. What a count is worth hangs on the decimation the program chose: counts, unless the model
it is bound as says it, as in "ADS1293, 0.02 µV". No packet says whether an electrode is off, though the chip would know.

Source: github.com/Protocentral/protocentral-ads1293-arduino (Example 3; FLEX_CH1 11: IN2 - IN1, FLEX_CH2 19: IN3 - IN1,
FLEX_CH3 2E: IN5 - IN6); *ADS1293* data sheet SNAS602, five-lead application (IN1 RA, IN2 LA, IN3 LL, IN5 chest, IN6 Wilson).
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    EcgSamples,
    Frame,
    Kind,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    counts_of,
    microvolts_of,
    packets,
    read_packets,
    show,
    stated,
)

SIZE, CHANNEL = 19, 4
HEAD, END = bytes.fromhex("0a fa 0c 00 02"), b"\x00\x0b"
LEADS = ("I", "II", "C")
HERTZ = Decimal(100)
AT_A_TIME = 4
LARGEST = 1 << 23


class Packet(NamedTuple):
    """One packet."""

    samples: tuple[int, ...]


def is_packet(data: bytes) -> bool:
    """Whether it begins and ends as it must."""
    return data.startswith(HEAD) and data.endswith(END)


def read(data: bytes) -> Packet:
    """One packet. Raises `NotUnderstood`."""
    if len(data) != SIZE:
        raise NotUnderstood(f"{SIZE} octets expected, {len(data)} received", at=len(data))
    if not is_packet(data):
        raise NotUnderstood("0A FA 0C 00 02 … 00 0B expected", at=0)
    places = range(len(HEAD), len(HEAD) + len(LEADS) * CHANNEL, CHANNEL)
    counts = tuple(int.from_bytes(data[at : at + CHANNEL], "little", signed=True) for at in places)
    for place, count in zip(places, counts, strict=True):
        if not -LARGEST <= count < LARGEST:
            raise NotUnderstood("24 bits with their sign expected", at=place)
    return Packet(counts)


def decode(frame: Frame) -> Iterator[Measurement]:
    """The samples of some packets."""
    counts = counts_of(read_packets(frame, SIZE, read), len(LEADS))
    one_count = stated(frame.model, r"(\d+(?:\.\d+)?) ?[µμu]V")
    yield EcgSamples(
        leads=LEADS,
        sampling_hz=HERTZ,
        microvolts=microvolts_of(counts, one_count) if one_count else (),
        counts=() if one_count else counts,
    )


READS: tuple[Kind, ...] = ("ecg_samples",)

DRIVER = SerialDriver(
    id="protocentral_ads1293",
    models=(Model(maker="ProtoCentral", name="ADS1293 breakout", tells=READS, longest=60.0),),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Example 3, loop(): it streams by itself, there is no mode",
    ),
    line=Line(baud=57600, framer=packets(SIZE, is_packet)),
    session=show(AT_A_TIME),
    decode=decode,
)
