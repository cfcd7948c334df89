"""A monitor in the manner of the Omron HEM-6232T: its memory is read, slot by slot, behind a key.

Sources: omblepy (conversation); WariKoda/Sphygma, protocol reference of a HEM-6232T (names, numbers,
padding, refusals). Records are big-endian words; their number stands in the sixth.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import xor
from typing import Literal

from devicehub.driver import BloodPressure, Flag
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

MODEL, MODEL_ID = "HEM-6232T", "00000244"
SERVICE = "ecbe3980-c9a2-11e1-b1bd-0002a5d5c51b"
UNLOCK = "b305b680-aee7-11e1-a730-0002a5d5c51b"
TO_DEVICE = (
    "db5b55e0-aee7-11e1-965e-0002a5d5c51b",
    "e0b8a060-aee7-11e1-92f4-0002a5d5c51b",
    "0ae12b00-aee8-11e1-a192-0002a5d5c51b",
    "10e1ba60-aee8-11e1-89e5-0002a5d5c51b",
)
FROM_DEVICE = (
    "49123040-aee8-11e1-a74d-0002a5d5c51b",
    "4d0bf320-aee8-11e1-a0d9-0002a5d5c51b",
    "5128ce60-aee8-11e1-b84b-0002a5d5c51b",
    "560f1420-aee8-11e1-8184-0002a5d5c51b",
)
PIECE = 16
KEY_SIZE = 16
RECORD_SIZE = 14
SLOTS = 100
STARTS = (0x02E8, 0x0860)
MEMORY_SIZE = 0x0DD8
STEP_SECONDS = 2.0

_STATUS: tuple[Flag, ...] = ("body_movement", "irregular_pulse")
_NOT_ALLOWED = 0x13
_MISMATCH, _NOT_NOW = 0x01, 0x0F

_WRITE: frozenset[Access] = frozenset({"write", "write_command"})
SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    SERVICE: {
        UNLOCK: frozenset({"write", "notify"}),
        **dict.fromkeys(TO_DEVICE, _WRITE),
        **dict.fromkeys(FROM_DEVICE, frozenset({"notify"})),
    },
    **{name: table for name, table in about.SERVICES.items() if name != "1805"},
}


class OmronEeprom:
    """One monitor, fresh from its box and in its pairing mode; ``seed`` decides whose wrist it is on."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model=MODEL, serial_number=serial_number)
        self.memory: list[Message] = []
        """Always empty: its measurements are fetched, not sent."""
        self.pairing = True
        self.eeprom = bytearray(b"\xff" * MEMORY_SIZE)
        self._key: bytes | None = None
        self._unlocked = False
        self._count = 0
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name, which tells its mode, without most of the address that a real one repeats there."""
        mode = "smart" if self.pairing else "Smart"
        name = f"BLE{mode}_{MODEL_ID}{self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=("1810",))

    def read(self, on: str, now: datetime) -> bytes:
        """Who it is."""
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Take a key or a command. A command it does not understand, or before the key, stays unanswered."""
        if on == UNLOCK:
            return [Message(on=UNLOCK, data=self._answer_key(data))]
        if on != TO_DEVICE[0] or reduce(xor, data, 0) or len(data) != 8 or not self._unlocked:
            return []
        return _pieces(self._answer(data))

    def measure(self, now: datetime) -> Iterator[Message]:
        """Pump up, let go, and keep."""
        yield Message(after=STEP_SECONDS)
        systolic = self._chance.randint(95, 165)
        measured = BloodPressure(
            systolic_mmhg=Decimal(systolic),
            diastolic_mmhg=Decimal(systolic - self._chance.randint(30, 60)),
            pulse_per_minute=Decimal(self._chance.randint(52, 98)),
            device_time=self.about.stamp(now + timedelta(seconds=STEP_SECONDS)),
            user_slot=1,
            sequence=self._count + 1,
            stored=True,
            flags=(self._chance.choice(_STATUS),) if self._chance.random() < 0.2 else (),
        )
        at = STARTS[0] + self._count % SLOTS * RECORD_SIZE
        self.eeprom[at : at + RECORD_SIZE] = encode_record(measured)
        self._count += 1
        yield Message(truth=measured)

    def _answer_key(self, data: bytes) -> bytes:
        what, key = data[:1], data[1:]
        if len(key) != KEY_SIZE:
            raise AttributeRefused(_NOT_ALLOWED)
        match what:
            case b"\x02":
                return bytes((0x82, 0 if self.pairing else _NOT_NOW))
            case b"\x00" if self.pairing:
                self._key, self._unlocked = key, True
                return b"\x80\x00"
            case b"\x01":
                self._unlocked = key == self._key
                return bytes((0x81, 0 if self._unlocked else _MISMATCH))
            case _:
                return bytes((what[0] | 0x80, _NOT_NOW))

    def _answer(self, command: bytes) -> bytes:
        kind = int.from_bytes(command[1:3], "big")
        at, size = int.from_bytes(command[3:5], "big"), command[5]
        head = (kind | 0x8000).to_bytes(2, "big") + command[3:6]
        match kind:
            case 0x0000:
                return _sealed(head + bytes.fromhex("000000940244") + b"\xff" * 10)
            case 0x0100 if at + size <= MEMORY_SIZE:
                return _sealed(head + bytes(self.eeprom[at : at + size]))
            case 0x0F00:
                self.pairing = self._unlocked = False
                return _sealed(head)
            case _:
                return b""


def encode_record(measured: BloodPressure) -> bytes:
    """Its 14 bytes, the sum of the first twelve last, and the complement of the sum before it."""
    when = datetime.fromisoformat(measured.device_time or "")
    flags = 0x8000 * ("body_movement" in measured.flags)
    flags |= 0x4000 * ("irregular_pulse" in measured.flags)
    words = (
        int(measured.diastolic_mmhg or 0) << 8 | int(measured.systolic_mmhg or 0) - 25,
        (when.year - 2000) << 8 | int(measured.pulse_per_minute or 0),
        flags | when.month << 10 | when.day << 5 | when.hour,
        0x1000 | when.minute << 6 | when.second,
        0,
        measured.sequence or 0,
    )
    data = b"".join(word.to_bytes(2, "big") for word in words)
    total = sum(data) & 0xFF
    return data + bytes((total ^ 0xFF, total))


def _sealed(body: bytes) -> bytes:
    whole = bytes([len(body) + 3]) + body + b"\0"
    return whole + bytes([reduce(xor, whole)])


def _pieces(answer: bytes) -> list[Message]:
    return [
        Message(on=on, data=answer[at : at + PIECE].ljust(PIECE, b"\0"))
        for on, at in zip(FROM_DEVICE, range(0, len(answer), PIECE), strict=False)
    ]


SIMULATOR = OmronEeprom
