"""Texas Instruments ADS1298 behind any microcontroller that passes its frames on: the chip for twelve leads.

27 octets a sample: 24 bits of status (1100, LOFF_STATP, LOFF_STATN, four GPIO), then eight channels of 24 bits, two's
complement, high octet first. No checksum, no counter: their place is known from frames in a row with the same status;
what was lost shows as a gap of unknown length, the frame before it included.

The bridge's firmware sets rate, gain and reference, and its board the electrodes; nothing of it is in the frame. Without
a word they are those of TI's ADS1298ECG-FE: 500 a second, gain 6, 2.4 V; channels V6, I, II, V2, V3, V4, V5, V1. The
model a bridge is bound as says otherwise: "ADS1298 1000 Hz, gain 12, 4 V", with "I-II-V1-V6" for channels in that order,
with "no lead-off" where its firmware does not switch the detection on.

A set LOFF bit is an electrode that is off: LA and LL are the positive, RA the negative input of I and II. The negative
input of V1-V6 is Wilson's terminal, and RL is in no frame.

Sources: *ADS1294/6/8* data sheet SBAS459, "Data format", LOFF_STATP and LOFF_STATN (a bit means something only where
LOFF_SENS is set), CHnSET, CONFIG3; *ADS1298R ECG-FE* user's guide SBAU181B, table 2 (channels), registers 86 10 DC.
No other order was found for the bare chip; its Wilson terminal taken from the inputs of channels 2 and 3 fits this one.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
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

SIZE, STATUS, CHANNEL = 27, 3, 3
MARK = 0xC
LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
ECG_FE = ("V6", "I", "II", "V2", "V3", "V4", "V5", "V1")
"""What channel 1 to 8 measure on TI's board."""
IN_ORDER, UNDETECTED = "I-II-V1-V6", "no lead-off"
HERTZ, GAIN, VOLTS = Decimal(500), Decimal(6), Decimal("2.4")
FULL_SCALE = (1 << 23) - 1
AT_A_TIME = 20
"""40 ms at 500 a second."""
IN_A_ROW = 4


class Sample(NamedTuple):
    """One frame: eight channels, and a bit for each input that is off."""

    positive_off: int
    negative_off: int
    samples: tuple[int, ...]


def is_frame(data: bytes) -> bool:
    """Whether a frame may begin here."""
    return data[0] >> 4 == MARK


def alike(frames: list[bytes]) -> bool:
    """Whether the status stands still, as the octets of a signal do not."""
    return len({frame[:STATUS] for frame in frames}) == 1


def read(data: bytes) -> Sample:
    """One frame. Raises `NotUnderstood`."""
    if len(data) != SIZE:
        raise NotUnderstood(f"{SIZE} octets expected, {len(data)} received", at=len(data))
    if not is_frame(data):
        raise NotUnderstood("a status begins with 1100", at=0)
    status = int.from_bytes(data[:STATUS], "big")
    channels = range(STATUS, SIZE, CHANNEL)
    counts = tuple(int.from_bytes(data[at : at + CHANNEL], "big", signed=True) for at in channels)
    return Sample(status >> 12 & 0xFF, status >> 4 & 0xFF, counts)


def contacts(sample: Sample, channels: tuple[str, ...]) -> Mapping[str, Contact]:
    """Which electrodes are off. RA is the negative input of I and of II."""
    off = {
        {"I": "LA", "II": "LL"}.get(lead, lead): bool(sample.positive_off >> channel & 1)
        for channel, lead in enumerate(channels)
    }
    limbs = [channel for channel, lead in enumerate(channels) if lead in ("I", "II")]
    off["RA"] = any(sample.negative_off >> channel & 1 for channel in limbs)
    order = ("RA", "LA", "LL", *LEADS[2:])
    said = {name: Contact(state="off" if off[name] else "connected") for name in order}
    return {**said, "RL": Contact(state="unknown")}


def decode(frame: Frame) -> Iterator[Measurement]:
    """The samples of some frames, and the electrodes as of the last."""
    model = frame.model
    rate = stated(model, r"(\d+) ?Hz") or HERTZ
    gain = stated(model, r"gain (\d+)") or GAIN
    volts = stated(model, r"(\d+(?:\.\d+)?) ?V\b") or VOLTS
    channels = LEADS if model and IN_ORDER in model else ECG_FE
    found = read_packets(frame, SIZE, read, end_marked=False)
    counts = counts_of(found, len(LEADS))
    ordered = [counts[channels.index(lead)] for lead in LEADS]
    yield EcgSamples(
        leads=LEADS,
        sampling_hz=rate,
        microvolts=microvolts_of(ordered, volts * 1_000_000 / gain / FULL_SCALE),
    )
    said = contacts(newest(found), channels)
    if model and UNDETECTED in model:
        said = dict.fromkeys(said, Contact(state="unknown"))
    yield ElectrodeContact(electrodes=dict(said))


KINDS: tuple[Kind, ...] = ("ecg_samples", "electrode_contact")

DRIVER = SerialDriver(
    id="ads1298_bridge",
    models=tuple(
        Model(maker="Texas Instruments", name=name, tells=KINDS, longest=60.0)
        for name in ("ADS1298ECG-FE, 500 Hz, gain 6", "ADS1298, 500 Hz, gain 6, I-II-V1-V6")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="ADS1298 data sheet SBAS459, RDATAC: it converts by itself, nothing is decided",
    ),
    line=Line(baud=921600, framer=packets(SIZE, is_frame, sure=IN_A_ROW, alike=alike)),
    session=show(AT_A_TIME),
    decode=decode,
)
