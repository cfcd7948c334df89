"""Links: the only door between a session and its device. Time, secrets and evidence pass through here too.

Each has several implementations: the real transport, the replay of a capture, a simulator in the same loop, and the
conformance kit's faulty and noisy ones. A session cannot tell them apart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol

from devicehub.driver.frame import Frame


class Link(Protocol):
    """One open conversation with one device. Every waiting method may raise `LinkLost`."""

    @property
    def now(self) -> datetime:
        """The station's time, with its zone."""
        ...

    @property
    def model(self) -> str | None:
        """The model this device was bound as, where a technician said so."""
        ...

    @property
    def secrets(self) -> Mapping[str, bytes]:
        """Keys, PINs and passwords of this device, by name. Never in a capture, never in a log."""
        ...

    def keep(self, name: str, secret: bytes) -> None:
        """Remember a secret for the next conversations with this device."""
        ...

    async def deliver(self, frame: Frame) -> None:
        """Hand over one finished message. Returns once it is on disk in the journal.

        Only then may a session acknowledge to the device or clear its memory. (Over BLE the confirmation
        of an indication precedes this by nature: the radio stack sends it before a session sees the bytes.)
        """
        ...

    def live(self, frame: Frame) -> None:
        """Show one message of a stream or of a measurement still going on. Not journalled."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        ...


class AdvertLink(Link, Protocol):
    """A BLE device that is only overheard. Its advertisements are named as in `Frame` (``adv:181d``, ``adv``)."""

    def frames(self, *places: str, quiet: float) -> AsyncIterator[Frame]:
        """Each advertisement of these places as a one-part frame, repeated ones included.

        Ends when ``quiet`` seconds pass without one.
        """
        ...


class BleLink(Link, Protocol):
    """A connected BLE device. Characteristics are named as in `Frame` (``2a35`` or a whole UUID)."""

    @property
    def characteristics(self) -> AbstractSet[str]:
        """What the device offers."""
        ...

    async def subscribe(self, *characteristics: str) -> None:
        """Ask for notifications or indications. Raises `Refused` where the device says no."""
        ...

    async def read(self, characteristic: str) -> bytes:
        """The characteristic's value. Raises `Refused` where the device says no."""
        ...

    async def write(self, characteristic: str, data: bytes, *, response: bool = True) -> None:
        """Write a value. Raises `Refused` where the device says no."""
        ...

    async def expect(self, characteristic: str, *, prefix: bytes = b"", within: float) -> bytes:
        """The next message of ``characteristic`` that starts with ``prefix``; others on it are passed over.

        Raises `LinkLost` when ``within`` seconds pass without it.
        """
        ...

    def frames(self, *characteristics: str, quiet: float) -> AsyncIterator[Frame]:
        """Each message of these characteristics as a one-part frame, in order of arrival.

        Ends when ``quiet`` seconds pass without one.
        """
        ...


class SerialLink(Link, Protocol):
    """An open serial line, already cut into frames by the driver's framer."""

    async def write(self, data: bytes) -> None:
        """Send bytes to the device."""
        ...

    async def frame(self, *, within: float) -> Frame | None:
        """The next finished message, or ``None`` when ``within`` seconds pass without one."""
        ...
