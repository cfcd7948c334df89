"""The language of simulators: devices that do not exist, with the bytes of ones that do.

A simulator mirrors firmware, and is as pure as a driver: no clock, no loop, no I/O. A *body* gives it
those: the conformance kit's link in process, a pseudo-terminal, or a Bluetooth peripheral on a virtual radio.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from devicehub.driver import Measurement
from devicehub.testing.electrodes import Electrodes

Access = Literal["read", "write", "write_command", "notify", "indicate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One step of a device's behaviour: wait ``after`` seconds, then send ``data`` on ``on``.

    Empty ``data`` sends nothing: only the device's state has moved on. ``truth`` is the measurement this
    step finishes, as a correct driver must report it; ``None`` while it is still going on.
    """

    on: str = "-"
    data: bytes = b""
    after: float = 0.0
    truth: Measurement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """What a simulated device advertises. ``company_data`` is by company id, ``service_data`` by service."""

    name: str
    services: tuple[str, ...] = ()
    company_data: Mapping[int, bytes] = field(default_factory=dict)
    service_data: Mapping[str, bytes] = field(default_factory=dict)


class AttributeRefused(Exception):
    """The device answers with this ATT error code (Core Specification, vol. 3, part F, 3.4.1.1)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ATT error 0x{code:02x}")
        self.code = code


class BleSimulator(Protocol):
    """A simulated BLE device.

    ``services`` is the attribute table: service → characteristic → what may be done with it. ``bonding``
    says what must precede subscribing: nothing, a just-works bond, or a six-digit passkey it displays.
    """

    services: Mapping[str, Mapping[str, frozenset[Access]]]
    bonding: Literal["none", "just_works", "passkey"]

    @property
    def advertisement(self) -> Advertisement:
        """What it advertises now."""
        ...

    def read(self, on: str, now: datetime) -> bytes:
        """The value of a characteristic. Raises `AttributeRefused`."""
        ...

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Take a write, and what the device sends in answer. Raises `AttributeRefused`."""
        ...

    def measure(self, now: datetime) -> Iterable[Message]:
        """Measure the next patient: live messages, then the one that finishes, with its truth.

        The finishing message is kept in `memory` until the hub has confirmed it.
        """
        ...

    memory: list[Message]
    """Finished measurements the hub has not confirmed, oldest first; sent again at the next subscription."""


@runtime_checkable
class SerialSimulator(Protocol):
    """A simulated device on a serial line."""

    def receive(self, data: bytes, now: datetime) -> bytes:
        """Take bytes from the hub; the bytes the device answers."""
        ...

    def measure(self, now: datetime) -> Iterable[Message]:
        """Measure the next patient: steps in time, each moving the display on or sending bytes by itself."""
        ...


Simulator = BleSimulator | SerialSimulator


@runtime_checkable
class Worn(Protocol):
    """A simulator with electrodes on an invented patient: its stream never ends by itself."""

    patient: Electrodes
    """Whose heart it hears, and what is wrong with which electrode."""
    stretch_seconds: float
    """How long one call of ``measure`` streams."""
