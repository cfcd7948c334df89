"""Polar H10 chest strap: heart rate as any strap, and its one-lead ECG over Polar's measurement data service (PMD).

The control point starts a stream: ``02``, type 00 (ECG), 130 Hz, 14 bits; it indicates ``F0 02 00`` and how that went.
Then messages of 73 samples or fewer: type 00, the time of the *last* sample (nanoseconds since 2000, 64 bits,
little-endian), frame type 00, signed 24-bit microvolts. They need an ATT MTU of 232. The stream ends with the link.
Firmware before 3.0.35 has no such service: heart rate alone.

Nothing is filed: a strap measures for as long as it is worn. Samples that never arrived show in the time stamps; a
frame of two parts is the message before such a gap and the one behind it, and says the samples of the latter with a
``None`` before them for each one lost. ``device_time`` is that of the last sample.

Sources: *Polar Measurement Data Specification* and the tests of github.com/polarofficial/polar-ble-sdk (EcgDataTest:
time stamp of the last sample, signs); github.com/phdiethelm/h10_ecg (a whole conversation with a real H10).
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
    EcgSamples,
    Frame,
    Kind,
    Measurement,
    Model,
    NotUnderstood,
    Reader,
    Refused,
    by_characteristic,
    listen,
)
from devicehub.gatt import device_information, heart_rate

CONTROL = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
DATA = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"
START = bytes.fromhex("02 00 00 01 82 00 01 01 0e 00")
STARTED = b"\xf0\x02\x00"
WELL = (0x00, 0x06)
"""Success, or already in that state."""
ECG, RAW = 0x00, 0x00
HEADER, SAMPLE = 10, 3
HERTZ, NANOSECONDS = 130, 1_000_000_000
LONGEST_GAP = 10 * HERTZ
"""More than ten seconds is not a gap but another stretch."""
EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - a device's own time has no zone
ANSWER_SECONDS, QUIET_SECONDS = 5.0, 30.0
NO_ECG = (
    "la ceinture refuse l'ECG (code {code}) : détachez le capteur de la sangle, puis remettez-le / "
    "the strap refuses the ECG (code {code}): unclip the sensor from the strap and clip it on again"
)
FEATURES = {heart_rate.LOCATION: heart_rate.decode_location}


async def session(link: BleLink) -> None:
    """Start the ECG and show it beside the heart rate."""
    await device_information.greet(FEATURES)(link)
    if CONTROL not in link.characteristics:
        await listen(live=(heart_rate.MEASUREMENT,), quiet=QUIET_SECONDS)(link)
        return
    await link.subscribe(heart_rate.MEASUREMENT, CONTROL, DATA)
    await start(link)
    before = b""
    async for frame in link.frames(heart_rate.MEASUREMENT, DATA, quiet=QUIET_SECONDS):
        if frame.on != DATA or not is_ecg(frame.data):
            link.live(frame)
            continue
        gap = samples_lost(before, frame.data) if before else 0
        if 0 < gap <= LONGEST_GAP:
            link.live(Frame(((DATA, before), *frame.parts), link.model))
        else:
            link.live(frame)
        before = frame.data


async def start(link: BleLink) -> None:
    """Ask for the ECG. Raises `Refused` where the strap will not."""
    await link.write(CONTROL, START)
    answer = await link.expect(CONTROL, prefix=STARTED, within=ANSWER_SECONDS)
    code = answer[len(STARTED)] if len(answer) > len(STARTED) else None
    if code not in WELL:
        raise Refused(NO_ECG.format(code=code))


def is_ecg(data: bytes) -> bool:
    """Whether this is a whole message of ECG samples as an H10 sends them."""
    whole = len(data) > HEADER and (len(data) - HEADER) % SAMPLE == 0
    return whole and data[0] == ECG and data[HEADER - 1] == RAW


def time_of(data: bytes) -> int:
    """When the last sample of a message was taken, in nanoseconds since 2000."""
    return int.from_bytes(data[1 : HEADER - 1], "little")


def samples_lost(before: bytes, after: bytes) -> int:
    """How many samples are missing between two messages; below 0 where the clock was set back."""
    passed = time_of(after) - time_of(before)
    due = (passed * HERTZ + NANOSECONDS // 2) // NANOSECONDS
    return due - (len(after) - HEADER) // SAMPLE


def gap_of(frame: Frame) -> int:
    """How many samples are missing before the last part of a frame."""
    if len(frame.parts) == 1:
        return 0
    gap = -1
    if len(frame.parts) == 2 and all(on == DATA and is_ecg(data) for on, data in frame.parts):
        (_, before), (_, after) = frame.parts
        gap = samples_lost(before, after)
    if not 0 <= gap <= LONGEST_GAP:
        raise NotUnderstood("two parts are the two sides of a gap of ten seconds at most")
    return gap


def decode(frame: Frame) -> Iterator[Measurement]:
    """A stretch of ECG, with the gap before it where the frame has one."""
    gap = gap_of(frame)
    data = frame.parts[-1][1]
    reader = Reader(data)
    kind, nanoseconds, layout = reader.u8(), reader.unsigned(8), reader.u8()
    if kind != ECG:
        raise NotUnderstood(f"ECG (0x00) expected, not 0x{kind:02x}", at=0)
    if layout != RAW:
        raise NotUnderstood(f"an H10 sends frame type 0, not 0x{layout:02x}", at=HEADER - 1)
    if not reader.left:
        raise NotUnderstood("no samples", at=HEADER)
    samples: list[Decimal | None] = [None] * gap
    while reader.left:
        samples.append(Decimal(reader.signed(SAMPLE)))
    moment = EPOCH + timedelta(microseconds=nanoseconds // 1000)
    yield EcgSamples(
        leads=("chest",),
        sampling_hz=Decimal(HERTZ),
        microvolts=(tuple(samples),),
        device_time=moment.isoformat(),
    )


KINDS: tuple[Kind, ...] = ("heart_rate", "ecg_samples", "device_facts")

DRIVER = BleDriver(
    id="polar_h10",
    models=(Model(maker="Polar", name="H10", tells=KINDS, longest=60.0),),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Heart Rate Service 1.0, section 3.1: the sensor notifies by itself while worn",
    ),
    match=Advert(name_prefix="Polar H10"),
    main=heart_rate.MEASUREMENT,
    session=session,
    decode=by_characteristic(
        {
            heart_rate.MEASUREMENT: heart_rate.decode,
            DATA: decode,
            **device_information.decoders(FEATURES),
        }
    ),
)
