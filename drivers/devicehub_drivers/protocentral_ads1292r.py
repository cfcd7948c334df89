"""ProtoCentral's ADS1292R breakout and shield with the maker's Arduino program: one ECG lead, 125 times a second.

``0A FA 09 00 02``, nine octets, ``00 0B``, all little-endian: ECG and respiration (signed 16 bits), respirations and heart
beats a minute (16 bits each), 0. The ECG is prepared as a HealthyPi's: a count is 1024 steps of the ADS1292R at gain 12
and 2.42 V. No packet says whether an electrode is off (the program switches the detection off); a heart rate of 0 is none.

Nothing is filed: the rate stays what it was when an electrode is gone.

Sources: github.com/Protocentral/protocentral-ads1292r-arduino (Example 1, ecgRespirationAlgo.cpp: divided by four, filter
of gain 1; protocentralAds1292r.cpp: CONFIG1 00, CONFIG2 A0, CH2SET 60); *ADS1292R* data sheet SBAS502.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    EcgSamples,
    Frame,
    HeartRate,
    Kind,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    Reader,
    SerialDriver,
    counts_of,
    microvolts_of,
    newest,
    packets,
    read_packets,
    show,
)

SIZE = 16
HEAD, END = bytes.fromhex("0a fa 09 00 02"), b"\x00\x0b"
LEADS = ("I",)
HERTZ = Decimal(125)
ONE_COUNT = Decimal(2_420_000) / 12 / ((1 << 23) - 1) * 1024
"""Microvolts: 24.6."""
AT_A_TIME = 5


class Packet(NamedTuple):
    """One packet."""

    samples: tuple[int]
    per_minute: int


def is_packet(data: bytes) -> bool:
    """Whether it begins and ends as it must."""
    return data.startswith(HEAD) and data.endswith(END)


def read(data: bytes) -> Packet:
    """One packet. Raises `NotUnderstood`."""
    if len(data) != SIZE:
        raise NotUnderstood(f"{SIZE} octets expected, {len(data)} received", at=len(data))
    if not is_packet(data):
        raise NotUnderstood("0A FA 09 00 02 … 00 0B expected", at=0)
    reader = Reader(data)
    reader.skip(len(HEAD))
    ecg = reader.s16()
    reader.skip(2 + 2)
    return Packet((ecg,), reader.u16())


def decode(frame: Frame) -> Iterator[Measurement]:
    """The samples of some packets, and the rate in the last."""
    found = read_packets(frame, SIZE, read)
    last = newest(found)
    yield EcgSamples(
        leads=LEADS,
        sampling_hz=HERTZ,
        microvolts=microvolts_of(counts_of(found, len(LEADS)), ONE_COUNT),
    )
    yield HeartRate(per_minute=Decimal(last.per_minute) if last.per_minute else None)


KINDS: tuple[Kind, ...] = ("ecg_samples", "heart_rate")

DRIVER = SerialDriver(
    id="protocentral_ads1292r",
    models=(
        Model(maker="ProtoCentral", name="ADS1292R breakout and shield", tells=KINDS, longest=60.0),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Example 1, loop(): it streams by itself, there is no mode",
    ),
    line=Line(baud=57600, framer=packets(SIZE, is_packet)),
    session=show(AT_A_TIME),
    decode=decode,
)
