"""ProtoCentral HealthyPi v4 on its USB port: one ECG lead, saturation, pulse and skin temperature, 125 times a second.

``0A FA 14 00 02``, 20 octets, ``00 0B``, all little-endian: ECG and respiration (signed 16 bits), infrared and red (32 bits
each), hundredths of a degree, respirations a minute, saturation, heart rate, 80, 120, the leads' state. 0 is a value that
could not be measured. **80 and 120 are constants of the firmware, no blood pressure**: they are never read.

The firmware takes the high 16 of 24 bits, removes the baseline, divides by four and filters (gain 1 from 1 to 30 Hz): a
count is 1024 steps of the ADS1292R at gain 12 and 2.42 V. The state is LOFF_STAT: IN1P, IN1N, IN2P, IN2N, RLD. As
delivered the firmware leaves the comparators off and it stays 0, which therefore says nothing; where it is not 0, the
ECG is not measured but set to 0.

Nothing is filed: rates and saturation stay what they were when the finger or an electrode is gone.

Sources: github.com/Protocentral/protocentral_healthypi_v4 (Healthypiv4_Arduino.ino; Protocentral_ADS1292r.cpp: CONFIG1
00, CONFIG2 A0, CH2SET 60; Protocentral_ecg_resp_signal_processing.cpp); *ADS1292R* data sheet SBAS502, "Data format".
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BodyTemperature,
    Contact,
    EcgSamples,
    ElectrodeContact,
    Frame,
    HeartRate,
    Kind,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    OxygenSaturation,
    Reader,
    SerialDriver,
    counts_of,
    microvolts_of,
    newest,
    packets,
    read_packets,
    show,
)

SIZE = 27
HEAD, END = bytes.fromhex("0a fa 14 00 02"), b"\x00\x0b"
LEADS = ("I",)
HERTZ = Decimal(125)
ONE_COUNT = Decimal(2_420_000) / 12 / ((1 << 23) - 1) * 1024
"""Microvolts: 24.6."""
OFF = {"RA": 0b01010, "LA": 0b00101, "RL": 0b10000}
"""The bits of each electrode: LA on the positive and RA on the negative input of both channels."""
AT_A_TIME = 5


class Packet(NamedTuple):
    """One packet: the ECG where it was measured, and the values beside it."""

    samples: tuple[int | None]
    hundredths: int
    percent: int
    per_minute: int
    off: int


def is_packet(data: bytes) -> bool:
    """Whether it begins and ends as it must."""
    return data.startswith(HEAD) and data.endswith(END)


def read(data: bytes) -> Packet:
    """One packet. Raises `NotUnderstood`."""
    if len(data) != SIZE:
        raise NotUnderstood(f"{SIZE} octets expected, {len(data)} received", at=len(data))
    if not is_packet(data):
        raise NotUnderstood("0A FA 14 00 02 … 00 0B expected", at=0)
    reader = Reader(data)
    reader.skip(len(HEAD))
    ecg = reader.s16()
    reader.skip(2 + 4 + 4)
    hundredths = reader.u16()
    reader.skip(1)
    percent, per_minute = reader.u8(), reader.u8()
    reader.skip(2)
    off = reader.u8()
    if percent > 100:
        raise NotUnderstood(f"{percent} % of saturation", at=len(HEAD) + 15)
    return Packet((None if off else ecg,), hundredths, percent, per_minute, off)


def decode(frame: Frame) -> Iterator[Measurement]:
    """The samples of some packets, and what the last of them says beside."""
    found = read_packets(frame, SIZE, read)
    last = newest(found)
    yield EcgSamples(
        leads=LEADS,
        sampling_hz=HERTZ,
        microvolts=microvolts_of(counts_of(found, len(LEADS)), ONE_COUNT),
    )
    yield ElectrodeContact(
        electrodes={
            name: Contact(state="off" if last.off & bits else "unknown")
            for name, bits in OFF.items()
        }
    )
    yield HeartRate(per_minute=Decimal(last.per_minute) if last.per_minute else None)
    yield OxygenSaturation(percent=Decimal(last.percent) if last.percent else None)
    celsius = Decimal(last.hundredths) / 100
    yield BodyTemperature(celsius=celsius or None)


TELLS: tuple[Kind, ...] = (
    "ecg_samples",
    "electrode_contact",
    "heart_rate",
    "oxygen_saturation",
    "body_temperature",
)

DRIVER = SerialDriver(
    id="healthypi",
    models=(Model(maker="ProtoCentral", name="HealthyPi v4", tells=TELLS, longest=60.0),),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Healthypiv4_Arduino.ino, loop(): it streams by itself, there is no mode",
    ),
    line=Line(baud=115200, framer=packets(SIZE, is_packet)),
    session=show(AT_A_TIME),
    decode=decode,
)
