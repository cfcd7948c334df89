"""What a radio needs of the Bluetooth stack beneath it, and what the stack asks of a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementDataCallback

from devicehub.reading.reading import Origin
from devicehub.transport.failures import RadioUnavailable

AskPasskey = Callable[[str], Awaitable[int | None]]
"""Asks the operator for the six digits the device at this address displays; ``None`` gives up."""

Purpose = Literal["type_there", "compare"]
"""Why digits are shown: to be typed on the device, or to be compared with those it shows."""

ShowPasskey = Callable[[str, int, Purpose], Awaitable[bool]]
"""Shows the operator six digits for the device at this address, until cancelled or answered.

``True`` is the operator's yes to a comparison; ``False`` gives up.
"""

FORGET_SECONDS = 20.0
"""How long a stack may take to delete a bond."""


class Stack(Protocol):
    """The Bluetooth stack beneath a radio: one adapter of it."""

    origin: Origin
    """Fixed here for all its devices: a virtual one's are simulators, always."""
    name: str
    """What people call the adapter (``hci0``). Known after opening."""
    identity: str
    """What stays the same when adapters change places: its own address where it has one. Known after opening."""

    async def open(self, on_lost: Callable[[RadioUnavailable], None]) -> None:
        """Make it ready. Raises `RadioUnavailable`. ``on_lost`` is called if it goes away later."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...

    async def reset(self) -> None:
        """Switch the adapter off and on, where that can be done: every link ends. Raises `RadioUnavailable`."""
        ...

    def scanner(self, heard: AdvertisementDataCallback) -> BleakScanner:
        """A scanner on this stack."""
        ...

    async def is_scanning(self) -> bool:
        """Whether the stack says so itself; ``True`` where it does not tell."""
        ...

    def client(
        self,
        device: BLEDevice,
        on_lost: Callable[[BleakClient], None],
        seconds: float,
        *,
        may_pair: bool,
    ) -> BleakClient:
        """A client of one device, not connected yet. What it asks to pair is answered where ``may_pair``."""
        ...

    async def is_bonded(self, address: str) -> bool | None:
        """Whether this adapter holds a bond with the device; ``None`` where the stack does not tell."""
        ...

    async def forget(self, address: str) -> None:
        """Delete this adapter's bond with a device, in range or not. Raises what bleak raises."""
        ...

    async def count_characteristics(self, device: BLEDevice) -> int:
        """How many characteristics of a connected device the stack knows; 0 where bleak knows as much."""
        ...
