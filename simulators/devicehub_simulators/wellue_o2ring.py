"""A Wellue O2Ring, invented: it answers what it is asked, twenty octets a notification, and speaks of itself never.

It never finishes anything: no message has a truth.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

SERVICE = "14839ac4-7d7e-415c-9a42-167340cf2339"
REQUEST = "8b00ace7-eb0b-49b0-bbe9-9aee0a26e1a3"
ANSWER = "0734594a-a8e7-4b1a-a6b1-cd5243059a57"
NOT_PERMITTED = 0x03
FACTS, VALUES = 0x14, 0x17
UNKNOWN_COMMAND = 0x01
NOTIFICATION = 20
NOTIFICATION_SECONDS, STEP_SECONDS = 0.01, 2.0
NOT_WORN = bytes.fromhex("ffffff00000000600005000000")
FINDING = bytes.fromhex("00000000000000600003000100")
CRC_OF_BIT = (0x07, 0x0E, 0x1C, 0x38, 0x70, 0xE0, 0xC7, 0x89)
"""What each bit of an octet makes of the CRC."""


def crc(data: bytes) -> int:
    """CRC-8 with polynomial 07."""
    left = 0
    for octet in data:
        mixed, left = left ^ octet, 0
        for bit, value in enumerate(CRC_OF_BIT):
            left ^= value if mixed >> bit & 1 else 0
    return left


class WellueO2ring:
    """One ring. ``values`` is what it would answer now."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {
        SERVICE: {REQUEST: frozenset({"write"}), ANSWER: frozenset({"notify"})}
    }
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.serial_number = serial_number
        self.memory: list[Message] = []
        self.values = NOT_WORN
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name with the serial number, and its service."""
        return Advertisement(name=f"O2Ring {self.serial_number[-4:]}", services=(SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Nothing can be read."""
        raise AttributeRefused(NOT_PERMITTED)

    def write(self, on: str, data: bytes, now: datetime) -> Iterator[Message]:
        """A question; none where its CRC is wrong."""
        if len(data) < 8 or data[0] != 0xAA or crc(data[:-1]) != data[-1]:
            return
        if data[1] == FACTS:
            yield from answer(self._facts(now))
        elif data[1] == VALUES:
            yield from answer(self.values)
        else:
            yield from answer(b"", status=UNKNOWN_COMMAND)

    def measure(self, now: datetime) -> Iterator[Message]:
        """Somebody puts it on, wears it a while, takes it off."""
        percent, pulse = self._chance.randint(91, 99), self._chance.randint(50, 110)
        steady = bytes([percent]) + pulse.to_bytes(2, "little") + bytes(4)
        steady += bytes([0x60, 0, self._chance.randint(0, 200), self._chance.randint(1, 120), 1, 0])
        for values in (FINDING, steady, steady, NOT_WORN):
            self.values = values
            yield Message(after=STEP_SECONDS)

    def _facts(self, now: datetime) -> bytes:
        facts = {
            "Region": "CE",
            "Model": "O2Ring",
            "SoftwareVer": "1.0",
            "CurBAT": "96%",
            "SN": self.serial_number,
            "CurTIME": now.strftime("%Y-%m-%d,%H:%M:%S"),
            "FileList": "",
        }
        return json.dumps(facts, separators=(",", ":")).encode() + b"\0"


def answer(data: bytes, status: int = 0) -> Iterator[Message]:
    """The notifications of one answer."""
    whole = bytes([0x55, status, status ^ 0xFF, 0, 0]) + len(data).to_bytes(2, "little") + data
    whole += bytes([crc(whole)])
    for at in range(0, len(whole), NOTIFICATION):
        part = whole[at : at + NOTIFICATION]
        yield Message(on=ANSWER, data=part, after=NOTIFICATION_SECONDS)


SIMULATOR = WellueO2ring
