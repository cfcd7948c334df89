"""Medlab ECG board EG01010 with the older of its two protocols (the board's program decides which): one lead.

Octets up to F6 are values, those above say what follows: ``F8`` samples until the next mark, ``F9`` respirations a minute,
``FA`` pulse, ``FB`` a message, of which only ``11``, LEAD OFF, exists. 128 is the zero line. It is told to measure (``N``),
to send 300 samples a second (``S0``) and lead II (``G1``); whoever reads bytes it sent otherwise reads them as if it had.

Nothing protects a sample. A stretch is read where fifteen in a row jump less than a heart can: noise has no such rows.
The samples are not scaled (a display's centimetres): counts, unless the model it is bound as says what one is worth, as
in "EG01010, 10 µV". LEAD OFF names no electrode: all three are unknown then, and the flag says that one has no contact.

Source: *EG01010 User Manual* 1.06, page 12, Medlab (marks, commands, 9600 8N1).
"""

from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
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
    SerialDriver,
    microvolts_of,
    show,
    stated,
)

WAVE, RESPIRATION, PULSE, MESSAGE = 0xF8, 0xF9, 0xFA, 0xFB
MARKS = (WAVE, RESPIRATION, PULSE, MESSAGE)
LOST, NEXT = 0, 1
"""No mark yet, and a value has been: in both only a mark can follow."""
HIGHEST = 0xF6
LEAD_OFF = 0x11
ZERO = 128
LEADS = ("II",)
HERTZ = Decimal(300)
START = (b"N", b"S0", b"G1")
STRETCH = 15
"""Samples: 50 ms."""
STEEPEST = 48
"""Counts from one sample to the next."""


def after(mark: int, octet: int) -> int | None:
    """What an octet goes on with, where ``mark`` has been; ``None`` where it cannot stand there.

    After ``F8`` follow samples, after another mark one value, after a value a mark.
    """
    if octet in MARKS:
        begins = mark in (NEXT, WAVE) or (octet == WAVE and mark == LOST)
        return octet if begins else None
    if octet > HIGHEST or mark in (LOST, NEXT):
        return None
    return WAVE if mark == WAVE else NEXT


class Stretches:
    """The framer: fifteen samples a message, with the marks and values among them."""

    def __init__(self) -> None:
        self._stretch = bytearray()
        self._samples = 0
        self._level: int | None = None
        self._mark = LOST
        self._strayed = False

    def feed(self, data: bytes) -> list[bytes]:
        """The stretches that ``data`` finishes, after an empty one where something was lost."""
        found: list[bytes] = []
        for octet in data:
            if not self._take(octet):
                self._stretch.clear()
                self._samples, self._level, self._mark = 0, None, LOST
                self._strayed = True
            elif self._samples == STRETCH:
                found += [b"", bytes(self._stretch)] if self._strayed else [bytes(self._stretch)]
                self._stretch.clear()
                self._samples, self._strayed = 0, False
        return found

    def _take(self, octet: int) -> bool:
        """Take one octet; whether it may stand where it stands."""
        now = after(self._mark, octet)
        if now is None:
            return False
        if octet <= HIGHEST and self._mark == WAVE:
            if self._level is not None and abs(octet - self._level) > STEEPEST:
                return False
            self._level = octet
            self._samples += 1
        self._mark = now
        self._stretch.append(octet)
        return True


def decode(frame: Frame) -> Iterator[Measurement]:
    """The samples of some stretches, the pulse, and whether an electrode is off."""
    found: list[tuple[int, int] | None] = []
    for _on, data in frame.parts:
        found += _read(data) if data or len(frame.parts) == 1 else [None]
    rows = [None if one is None else one[1] for one in found if one is None or one[0] == WAVE]
    if any(row is not None for row in rows):
        yield _samples(rows, frame.model)
    said = {mark: value for mark, value in filter(None, found) if mark != WAVE}
    if said.get(MESSAGE) == LEAD_OFF:
        nobody_knows = {name: Contact(state="unknown") for name in ("RA", "LA", "LL")}
        yield ElectrodeContact(electrodes=nobody_knows, flags=("no_contact",))
    if PULSE in said:
        yield HeartRate(per_minute=Decimal(said[PULSE]) if said[PULSE] else None)


def _read(data: bytes) -> list[tuple[int, int]]:
    """Marks and values, oldest first. A stretch may go on with the samples of the one before."""
    if not data:
        raise NotUnderstood("no octets", at=0)
    said: list[tuple[int, int]] = []
    mark = WAVE if data[0] <= HIGHEST else LOST if data[0] == WAVE else NEXT
    for at, octet in enumerate(data):
        now = after(mark, octet)
        if now is None:
            raise NotUnderstood(f"0x{octet:02X} cannot stand here", at)
        if octet <= HIGHEST:
            said.append((mark, octet))
        mark = now
    if mark not in (WAVE, NEXT):
        raise NotUnderstood("a value expected", at=len(data))
    return said


def _samples(rows: list[int | None], model: str | None) -> EcgSamples:
    one_count = stated(model, r"(\d+(?:\.\d+)?) ?[µμu]V")
    centred = [None if row is None else row - ZERO for row in rows]
    return EcgSamples(
        leads=LEADS,
        sampling_hz=HERTZ,
        microvolts=microvolts_of([centred], one_count) if one_count else (),
        counts=() if one_count else (tuple(rows),),
    )


KINDS: tuple[Kind, ...] = ("ecg_samples", "electrode_contact", "heart_rate")

DRIVER = SerialDriver(
    id="medlab_eg01010",
    models=(Model(maker="Medlab", name="EG01010 (protocol 1)", tells=KINDS, longest=60.0),),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="EG01010 User Manual 1.06, page 12: samples and pulse are sent by themselves",
    ),
    line=Line(baud=9600, framer=Stretches),
    session=show(1, start=START),
    decode=decode,
)
