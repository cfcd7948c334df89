"""A Sanitas SBF 70, invented: it weighs whoever stands there and goes on only when it is acknowledged.

It knows one user; a stranger gets a composition that is all 0.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BodyComposition, BodyMassIndex, BodyWeight, Said, kilojoules
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

SERVICE, CHANNEL = "ffe0", "ffe1"
START, GREETED, GREET, SET_CLOCK = 0xE7, b"\xe6\x00\x20", b"\xe6\x01", 0xE9
STATUS, LIVE, FINAL, ACKNOWLEDGED, ACKNOWLEDGE = 0x4F, 0x58, 0x59, 0xF0, 0xF1
USER = 101
BATTERY_PERCENT = 80
LIVE_FRAMES = 4
STEP_SECONDS = 0.3
PART_BYTES = 11
NOT_PERMITTED = 0x03
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a device's own time has no zone


class BeurerBf700:
    """One scale. Its clock counts seconds from 1970 and is set by the hub."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {
        SERVICE: {CHANNEL: frozenset({"write", "notify"})}
    }
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.memory: list[Message] = []
        self._clock: tuple[int, datetime] | None = None
        self._parts: list[bytes] = []
        self._truths: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and a service that many makers use."""
        return Advertisement(name="SANITAS SBF70", services=(SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Nothing can be read."""
        raise AttributeRefused(NOT_PERMITTED)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """A greeting, the clock, a question for the status, or the acknowledgement that asks for the next part."""
        if data == GREET:
            return [Message(on=CHANNEL, data=GREETED)]
        if data[0] == SET_CLOCK:
            self._clock = (int.from_bytes(data[1:5], "big"), now)
        elif data[:2] == bytes([START, STATUS]):
            status = (ACKNOWLEDGED, STATUS, 0, BATTERY_PERCENT, 20, 20, 1, 1, 1, 1, 17)
            return [Message(on=CHANNEL, data=bytes([START, *status]))]
        elif data[:3] == bytes([START, ACKNOWLEDGE, FINAL]) and data[4] < len(self._parts):
            more = [Message(on=CHANNEL, data=self._parts[data[4]], after=STEP_SECONDS)]
            return more + (self._truths if data[4] + 1 == len(self._parts) else [])
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Somebody steps on: rubbish first, then the weight, then the parts, each when asked for."""
        weight, known = self._chance.randint(900, 2600), self._chance.random() < 0.7
        self._prepare(weight, known=known, now=now)
        shown = [self._chance.randint(100, 500), *([weight] * LIVE_FRAMES)]
        for number, raw in enumerate(shown, start=1):
            moving = number < len(shown)
            data = bytes([START, LIVE, moving]) + raw.to_bytes(2, "big")
            yield Message(on=CHANNEL, data=data, after=STEP_SECONDS)
        yield Message(on=CHANNEL, data=self._parts[0], after=STEP_SECONDS)

    def _prepare(self, weight: int, *, known: bool, now: datetime) -> None:
        seconds, since = self._clock or (0, now)
        seconds += int((now - since).total_seconds())
        ohms, fat, water, muscle, bone = (
            (self._chance.randint(380, 620), *(self._chance.randint(150, 500) for _ in range(4)))
            if known
            else (0,) * 5
        )
        basal, active, bmi = (1650, 2475, self._chance.randint(190, 350)) if known else (0, 0, 0)
        numbers = (weight, ohms, fat, water, muscle, bone, basal, active, bmi)
        payload = seconds.to_bytes(4, "big") + b"".join(n.to_bytes(2, "big") for n in numbers)
        user = USER if known else 0
        contents = [
            b"\x01" + user.to_bytes(8, "big"),
            payload[:PART_BYTES],
            payload[PART_BYTES:],
        ]
        self._parts = [
            bytes([START, FINAL, len(contents), number]) + content
            for number, content in enumerate(contents, start=1)
        ]
        told = (EPOCH + timedelta(seconds=seconds)).isoformat()
        slot = user or None
        kilograms = Decimal(weight) * Decimal("0.05")
        truths: list[BodyWeight | BodyComposition | BodyMassIndex] = [
            BodyWeight(kilograms=kilograms, stable=True, device_time=told, user_slot=slot)
        ]
        if known:
            said = {"basal_metabolism_kilojoules": Said(value=Decimal(basal), unit="kcal")}
            truths += [
                BodyComposition(
                    fat_percent=Decimal(fat) / 10,
                    water_percent=Decimal(water) / 10,
                    muscle_percent=Decimal(muscle) / 10,
                    bone_kilograms=Decimal(bone) * Decimal("0.05"),
                    basal_metabolism_kilojoules=kilojoules(Decimal(basal)),
                    impedance_ohms=Decimal(ohms),
                    device_time=told,
                    user_slot=slot,
                    said=said,
                ),
                BodyMassIndex(
                    kilograms_per_square_metre=Decimal(bmi) / 10, device_time=told, user_slot=slot
                ),
            ]
        self._truths = [Message(truth=truth) for truth in truths]


SIMULATOR = BeurerBf700
