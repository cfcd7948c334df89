"""Twelve-lead front ends that send packets of 22 octets, ``E8`` … ``8E``.

``E8``, counter 0-63, length ``11``, operation ``20``, checksum, eight samples of two octets (I, II, V1 to V6), ``8E``.
Low octet first: seven bits, then five bits, contact in bit 5 (LA with I, RA with II, then each chest electrode) and, with
II, that of LL in bit 6; 1 is connected. Between the marks no octet has bit 7.

How the checksum is made is not published: it is not checked. Neither rate nor scale is published: they are in the model
it is bound as, "500 Hz, 2.5 µV". Without them the samples stay counts and the rate unknown. Where 0 mV lies is not
published either.

Source: github.com/Pratyaksh524/macmodular, HARDWARE_PROTOCOL_COMPARISON.md (its hardware team's table; the program there
takes the two octets in the other order, against that table).
"""

from collections.abc import Iterator
from typing import NamedTuple

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    Contact,
    EcgSamples,
    ElectrodeContact,
    Frame,
    Kind,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    counts_of,
    microvolts_of,
    newest,
    packets,
    read_packets,
    show,
    stated,
)

SIZE, START, END = 22, 0xE8, 0x8E
LENGTH, OPERATION = 0x11, 0x20
COUNTED = 64
SAMPLES_AT = 5
LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
ELECTRODES = ("LA", "RA", "V1", "V2", "V3", "V4", "V5", "V6")
"""Whose contact bit 5 of each sample tells."""
CONNECTED, LEFT_LEG = 0x20, 0x40
AT_A_TIME = 20


class Packet(NamedTuple):
    """One packet: a counter, eight samples, the electrodes that are connected."""

    counter: int
    samples: tuple[int, ...]
    connected: dict[str, bool]


def is_packet(data: bytes) -> bool:
    """Whether marks, length and operation are right, and no octet between has bit 7."""
    head = data[0] == START and data[2] == LENGTH and data[3] == OPERATION
    return head and data[-1] == END and data[1] < COUNTED and max(data[1:-1]) < 0x80


def follows(before: bytes, after: bytes) -> bool:
    """Whether the counters are one apart."""
    return (after[1] - before[1]) % COUNTED == 1


def missing(before: Packet, after: Packet) -> int:
    """How many packets the counters lack between two."""
    return (after.counter - before.counter - 1) % COUNTED


def read(data: bytes) -> Packet:
    """One packet. Raises `NotUnderstood`."""
    if len(data) != SIZE:
        raise NotUnderstood(f"{SIZE} octets expected, {len(data)} received", at=len(data))
    if not is_packet(data):
        raise NotUnderstood("E8, counter, 11, 20, seven-bit octets and 8E expected", at=0)
    low, high = data[SAMPLES_AT:-1:2], data[SAMPLES_AT + 1 : -1 : 2]
    samples = tuple((h & 0x1F) << 7 | bits for h, bits in zip(high, low, strict=True))
    touching = {name: bool(h & CONNECTED) for name, h in zip(ELECTRODES, high, strict=True)}
    return Packet(data[1], samples, {**touching, "LL": bool(high[1] & LEFT_LEG)})


def decode(frame: Frame) -> Iterator[Measurement]:
    """The samples of some packets, and the electrodes as of the last."""
    found = read_packets(frame, SIZE, read, missing)
    counts = counts_of(found, len(LEADS))
    one_count = stated(frame.model, r"(\d+(?:\.\d+)?) ?[µμu]V")
    last = newest(found)
    yield EcgSamples(
        leads=LEADS,
        sampling_hz=stated(frame.model, r"(\d+) ?Hz"),
        microvolts=microvolts_of(counts, one_count) if one_count else (),
        counts=() if one_count else counts,
        sequence=last.counter,
    )
    order = ("RA", "LA", "LL", *LEADS[2:])
    said = {n: Contact(state="connected" if last.connected[n] else "off") for n in order}
    yield ElectrodeContact(electrodes={**said, "RL": Contact(state="unknown")})


KINDS: tuple[Kind, ...] = ("ecg_samples", "electrode_contact")

DRIVER = SerialDriver(
    id="ecg_uart_22",
    models=(Model(maker="Unnamed", name="ECG UART, 22 octets", tells=KINDS, longest=60.0),),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="HARDWARE_PROTOCOL_COMPARISON.md: it streams by itself, there is no mode",
    ),
    line=Line(baud=115200, framer=packets(SIZE, is_packet)),
    session=show(AT_A_TIME, follows=follows),
    decode=decode,
)
