"""What A&D's devices have in common: a Date Time for a clock, commands of their own, a memory sent when asked.

Source: A&D, *SDK for the UA-651BLE* 1.2, sections 2.1.4 (Date Time) and 5.1 (custom service), as public code
cites them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from devicehub.driver import NotUnderstood, Reader
from devicehub.gatt import date_time
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

COMMAND_SERVICE = "233bf000-5a34-1b6d-975c-000d5690abe4"
COMMANDS = "233bf001-5a34-1b6d-975c-000d5690abe4"
SEND_EVERYTHING = bytes.fromhex("0200e1")
DISCONNECT = bytes.fromhex("020103")
NEVER_SET = timedelta(days=-2500)
"""How far behind the clock of a device fresh from its box is."""

_READ_WRITE: frozenset[Access] = frozenset({"read", "write"})
_VALUE_NOT_ALLOWED = 0x13
_COMMAND_UNKNOWN = 0x80


class AdDevice:
    """One device, its ``kind`` as its name says it."""

    services: Mapping[str, Mapping[str, frozenset[Access]]]
    bonding: Literal["none", "just_works", "passkey"] = "just_works"
    kind: str
    service: str

    def __init__(self, serial_number: str) -> None:
        self.about = about.About(
            model=self.kind, serial_number=serial_number, clock_is_ahead=NEVER_SET
        )
        self.memory: list[Message] = []

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        name = f"A&D_{self.kind}_{self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=(self.service,))

    def read(self, on: str, now: datetime) -> bytes:
        """Who it is."""
        return self.about.read(on, now) if on in _ABOUT else bytes(7)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Set the clock, or take a command. The memory is sent by the subscription that follows it."""
        if on == date_time.DATE_TIME:
            try:
                told = datetime.fromisoformat(Reader(data).date_time() or "")
            except (NotUnderstood, ValueError):
                raise AttributeRefused(_VALUE_NOT_ALLOWED) from None
            self.about.clock_is_ahead = told.replace(tzinfo=now.tzinfo) - now
        elif data not in (SEND_EVERYTHING, DISCONNECT):
            raise AttributeRefused(_COMMAND_UNKNOWN)
        return ()


def attributes(service: str, measurement: str) -> Mapping[str, Mapping[str, frozenset[Access]]]:
    """The attribute table of a device that measures one thing."""
    return {
        service: {
            measurement: frozenset({"indicate"}),
            date_time.DATE_TIME: _READ_WRITE,
        },
        COMMAND_SERVICE: {COMMANDS: _READ_WRITE},
        **{name: table for name, table in about.SERVICES.items() if name != "1805"},
    }


_ABOUT = frozenset(on for name, table in about.SERVICES.items() if name != "1805" for on in table)
