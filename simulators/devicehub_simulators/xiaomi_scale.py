"""A Xiaomi Mi Body Composition Scale, invented: it only advertises, thirteen bytes of service data 0x181B."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from devicehub.driver import BodyComposition, BodyWeight, encode_date_time
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

PLACE = "181b"
KILOGRAMS, MOVING, STABLE, MEASURED, LEFT = 0x02, 0x04, 0x24, 0x26, 0xA6
STEP_SECONDS = 0.5
NOT_PERMITTED = 0x03


class XiaomiScale:
    """One scale, whose clock has been set by its owner's app. It cannot be connected to."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {}
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.memory: list[Message] = []
        self._chance = random.Random(seed)
        self._shown = bytes(13)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and what it shows."""
        return Advertisement(name="MIBFS", service_data={PLACE: self._shown})

    def read(self, on: str, now: datetime) -> bytes:
        """Nothing can be read."""
        raise AttributeRefused(NOT_PERMITTED)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Nothing can be written."""
        raise AttributeRefused(NOT_PERMITTED)

    def measure(self, now: datetime) -> Iterator[Message]:
        """Somebody steps on, stands still barefoot, and leaves."""
        raw, ohms = self._chance.randint(9000, 26000), self._chance.randint(350, 650)
        told = now.replace(microsecond=0, tzinfo=None)
        self._show(MOVING, told, 0, raw // 2)
        yield Message(after=STEP_SECONDS)
        self._show(STABLE, told, 0, raw)
        yield Message(after=STEP_SECONDS)
        self._show(MEASURED, told, ohms, raw)
        at = told.isoformat()
        weight = BodyWeight(kilograms=Decimal(raw) / 200, stable=True, device_time=at)
        yield Message(after=STEP_SECONDS, truth=weight)
        yield Message(truth=BodyComposition(impedance_ohms=Decimal(ohms), device_time=at))
        self._show(LEFT, told, ohms, raw)
        yield Message(after=STEP_SECONDS)

    def _show(self, status: int, told: datetime, ohms: int, raw: int) -> None:
        numbers = ohms.to_bytes(2, "little") + raw.to_bytes(2, "little")
        self._shown = bytes([KILOGRAMS, status]) + encode_date_time(told) + numbers


SIMULATOR = XiaomiScale
