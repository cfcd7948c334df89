"""Medlab ECG boards EG01010 (three electrodes), EG05000 (five) and EG12000 (ten): blocks on a serial line, protocol 2.

An octet from F8 on begins a block, every other is smaller. ``F8``: samples, their number in the high four bits of the
second octet, one octet each. ``F9`` respirations a minute, ``FA`` pulse. ``FC``, once a second: electrodes (bits 0-4
connected, 5 strong mains, 6 a respiration wave is sent too), waves sent (bits 0-6: I, II, III, aVR, aVL, aVF, chest),
settings (bits 0-1: 50, 100, 150, 300 blocks a second), state. ``FD``: its name. The sum of a block without its second
octet ends in the low four (``F8``) or seven bits of that octet.

A block of samples does not say whose they are: each frame shown begins with the last state. Without it twelve are the
twelve leads and others have numbers. The manual names no electrode for bits 0-4, they have numbers too (its table calls
them undefined for an EG01010). The state block of an EG12000 was not to be had: one of another length says nothing here.

The samples are not scaled (a display's centimetres): counts, unless the model it is bound as says what one is worth, as
in "EG12000, 10 µV"; 128 is the zero line. Nothing is sent to the board.

Source: *EG01010 User Manual* 1.06, pages 16 to 19, Medlab; *EG12000 User Manual* 1.05, pages 4 and 7 (channels, units).
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from devicehub.driver import (
    ONLY_MODE,
    SILENCE,
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
    SerialLink,
    microvolts_of,
    probed,
    stated,
)

WAVE, RESPIRATION, PULSE, STATE, NAME, SYNC = 0xF8, 0xF9, 0xFA, 0xFC, 0xFD, 0xF8
STARTS = bytes(range(SYNC, 0x100))
VALUE_SIZE, STATE_SIZE = 3, 6
LONGEST = 64
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
WAVES = (*LEADS[:6], "C")
"""The waves of bits 0-6; the one chest electrode of a five-wire cable is where the assistant puts it."""
ELECTRODES, MAINS, RESPIRATION_WAVE = 5, 0x20, 0x40
HERTZ = (50, 100, 150, 300)
ZERO = 128
AT_A_TIME = 5
IN_A_ROW = 8
"""So many sound blocks, one right behind the other, are no noise."""
QUIET_SECONDS = 5.0


class State(NamedTuple):
    """What a block of state says."""

    waves: tuple[str, ...]
    with_respiration: bool
    hertz: int
    connected: tuple[bool, ...]
    mains: bool


def length(data: bytes) -> int | None:
    """The length of the block that begins here; one that the next cuts short is handed over as it is."""
    following = next((at for at, octet in enumerate(data) if at and octet >= SYNC), None)
    if data[0] == WAVE:
        whole = 2 + (data[1] >> 4) if len(data) > 1 else LONGEST
    else:
        whole = VALUE_SIZE if data[0] in (RESPIRATION, PULSE) else LONGEST
    if following is not None:
        return min(following, whole)
    if len(data) >= whole:
        return whole
    return None if len(data) >= LONGEST else 0


def is_sound(block: bytes) -> bool:
    """Whether a block's length and sum are right."""
    if len(block) < VALUE_SIZE or max(block[1:]) >= SYNC:
        return False
    total = sum(block) - block[1]
    if block[0] == WAVE:
        return len(block) == 2 + (block[1] >> 4) and total & 0x0F == block[1] & 0x0F
    if block[0] in (RESPIRATION, PULSE) and len(block) != VALUE_SIZE:
        return False
    if block[0] == STATE and max(block[1:]) >= 0x80:
        return False
    return block[0] in (RESPIRATION, PULSE, STATE) and total & 0x7F == block[1]


async def session(link: SerialLink) -> None:
    """Show the samples some blocks at a time, each time with the last state before them."""
    state: tuple[str, bytes] | None = None
    parts: list[tuple[str, bytes]] = []
    sound, heard = 0, link.now
    while True:
        frame = await link.frame(within=QUIET_SECONDS)
        if frame is None:
            continue
        if link.now - heard > SILENCE or (not is_sound(frame.data) and sound < IN_A_ROW):
            state, sound = None, 0
            parts.clear()
        heard = link.now
        if not sound and not is_sound(frame.data):
            continue
        part = frame.parts[0]
        sound = sound + 1 if is_sound(part[1]) else sound // 2
        if part[1][0] == STATE and is_sound(part[1]):
            state = part
        elif part[1][0] in (WAVE, PULSE):
            parts.append(part)
        whole = sound >= IN_A_ROW and all(is_sound(data) for _on, data in parts[-2:])
        if len(parts) > AT_A_TIME and state is not None and whole:
            link.live(Frame((state, *parts[:-1]), frame.model))
            parts = parts[-1:]
        elif len(parts) > AT_A_TIME * 8:
            parts.clear()


def read_state(block: bytes) -> State | None:
    """The block of state of a board with up to seven waves; ``None`` for another board's."""
    if len(block) != STATE_SIZE:
        return None
    electrodes, waves, settings = block[2:5]
    return State(
        waves=tuple(name for bit, name in enumerate(WAVES) if waves >> bit & 1),
        with_respiration=bool(electrodes & RESPIRATION_WAVE),
        hertz=HERTZ[settings & 3],
        connected=tuple(bool(electrodes >> bit & 1) for bit in range(ELECTRODES)),
        mains=bool(electrodes & MAINS),
    )


def decode(frame: Frame) -> Iterator[Measurement]:
    """The samples of some blocks of one state, the electrodes, the pulse."""
    blocks = [block for _on, block in frame.parts]
    if len(blocks) == 1 and not is_sound(blocks[0]):
        raise NotUnderstood("a whole block with a right sum expected", at=min(1, len(blocks[0])))
    sound = [block for block in blocks if is_sound(block)]
    state = next((read_state(block) for block in sound if block[0] == STATE), None)
    waves = [block for block in blocks if block[:1] in (b"", bytes([WAVE]))]
    rows = [block[2:] if is_sound(block) else None for block in waves]
    if any(rows):
        yield _samples(rows, state, frame.model)
    if state is not None:
        yield _contacts(state)
    pulses = [block[2] for block in sound if block[0] == PULSE]
    if pulses:
        yield HeartRate(per_minute=Decimal(pulses[-1]) if pulses[-1] else None)


def _samples(rows: Sequence[bytes | None], state: State | None, model: str | None) -> EcgSamples:
    size = max(len(row) for row in rows if row)
    leads = state.waves if state else LEADS[:0]
    if len(leads) + (state.with_respiration if state else 0) != size:
        leads = LEADS if size == len(LEADS) else tuple(map(str, range(1, size + 1)))
    lost = (None,) * len(leads)
    counts = tuple(zip(*(row if row and len(row) == size else lost for row in rows), strict=False))[
        : len(leads)
    ]
    one_count = stated(model, r"(\d+(?:\.\d+)?) ?[µμu]V")
    centred = [[None if c is None else c - ZERO for c in lead] for lead in counts]
    return EcgSamples(
        leads=leads,
        sampling_hz=Decimal(state.hertz) if state else None,
        microvolts=microvolts_of(centred, one_count) if one_count else (),
        counts=() if one_count else counts,
        flags=("artifact",) if state and state.mains else (),
    )


def _contacts(state: State) -> ElectrodeContact:
    numbered = enumerate(state.connected, start=1)
    return ElectrodeContact(
        electrodes={str(n): Contact(state="connected" if on else "off") for n, on in numbered},
        flags=("artifact",) if state.mains else (),
    )


KINDS: tuple[Kind, ...] = ("ecg_samples", "electrode_contact", "heart_rate")

DRIVER = SerialDriver(
    id="medlab_eg",
    models=tuple(
        Model(maker="Medlab", name=name, tells=KINDS, longest=60.0)
        for name in ("EG12000", "EG05000", "EG01010 (protocol 2)")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="EG01010 User Manual 1.06, page 17: blocks are sent by themselves",
    ),
    line=Line(baud=115200, parity="even", framer=probed(length, starts=STARTS, longest=LONGEST)),
    session=session,
    decode=decode,
)
