"""What most simulated BLE devices say of themselves: Device Information, Battery, and a clock to be set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from devicehub.driver import NotUnderstood, Reader
from devicehub.gatt import device_information
from devicehub.testing.simulator import Access, AttributeRefused

_READ: frozenset[Access] = frozenset({"read"})
_WRITE_NOT_PERMITTED = 0x03
_VALUE_NOT_ALLOWED = 0x13

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    "180a": {
        device_information.MAKER: _READ,
        device_information.MODEL: _READ,
        device_information.SERIAL_NUMBER: _READ,
        device_information.FIRMWARE: _READ,
        device_information.SYSTEM_ID: _READ,
    },
    "180f": {device_information.BATTERY: _READ},
    "1805": {device_information.CURRENT_TIME: frozenset({"read", "write"})},
}
"""The part of a device's attribute table that `About` answers for."""


@dataclass(kw_only=True)
class About:
    """One device's identity, battery and clock. The clock is the room's plus ``clock_is_ahead``."""

    model: str
    serial_number: str
    battery_percent: int = 87
    clock_is_ahead: timedelta = timedelta(0)

    def clock(self, now: datetime) -> datetime:
        """What the device's clock says."""
        return now + self.clock_is_ahead

    def stamp(self, now: datetime) -> str:
        """What a measurement finished now is stamped with: the device's clock, to the second, without zone."""
        return self.clock(now).replace(microsecond=0, tzinfo=None).isoformat()

    def read(self, on: str, now: datetime) -> bytes:
        """The value of one of `SERVICES`' characteristics."""
        return {
            device_information.MAKER: b"TEST Devices",
            device_information.MODEL: self.model.encode(),
            device_information.SERIAL_NUMBER: self.serial_number.encode(),
            device_information.FIRMWARE: b"1.0",
            device_information.SYSTEM_ID: self.serial_number.encode()[-8:].rjust(8, b"\0"),
            device_information.BATTERY: bytes([self.battery_percent]),
            device_information.CURRENT_TIME: device_information.encode_current_time(
                self.clock(now)
            ),
        }[on]

    def write(self, on: str, data: bytes, now: datetime) -> None:
        """Set the clock. Raises `AttributeRefused` for anything else, or a time that is none."""
        if on != device_information.CURRENT_TIME:
            raise AttributeRefused(_WRITE_NOT_PERMITTED)
        try:
            told = datetime.fromisoformat(Reader(data).date_time() or "")
        except (NotUnderstood, ValueError):
            raise AttributeRefused(_VALUE_NOT_ALLOWED) from None
        self.clock_is_ahead = told.replace(tzinfo=now.tzinfo) - now
