"""A frame: the bytes of one finished message of a device. It is the evidence behind a reading."""

from __future__ import annotations

from dataclasses import dataclass

from devicehub.driver.failures import NotUnderstood

SERIAL = "-"
"""The ``on`` of bytes that came over a serial line."""


_SIG_BASE = "-0000-1000-8000-00805f9b34fb"


def short(uuid: str) -> str:
    """How frames name an attribute: four digits where the SIG gave them, else the whole UUID in lower case.

    The base UUID is the one of the Core Specification, vol. 3, part B, 2.5.1.
    """
    uuid = uuid.lower()
    return uuid[4:8] if uuid.endswith(_SIG_BASE) and uuid.startswith("0000") else uuid


@dataclass(frozen=True, slots=True)
class Frame:
    """One finished message. Most have one part; values spread over several messages have several.

    ``parts`` are ``(on, data)`` pairs: ``on`` is a characteristic (``2a35``, or the whole UUID when it
    is a vendor's), ``adv:181d`` for advertised service data, ``adv`` for manufacturer data (company
    id first, little-endian), ``-`` for a serial line. ``model`` is the device's model where it is known.
    """

    parts: tuple[tuple[str, bytes], ...]
    model: str | None = None

    @classmethod
    def of(cls, on: str, data: bytes, model: str | None = None) -> Frame:
        """A frame of one part."""
        return cls(((on, data),), model)

    @property
    def on(self) -> str:
        """Where the first part came from."""
        return self.parts[0][0]

    @property
    def data(self) -> bytes:
        """The bytes of the only part. Raises `NotUnderstood` where there are several."""
        if len(self.parts) != 1:
            raise NotUnderstood(f"one part expected, {len(self.parts)} received")
        return self.parts[0][1]

    def hex(self) -> list[list[str]]:
        """The parts as ``[[on, hex], …]``, the form captures, the journal and the wire use."""
        return [[on, data.hex()] for on, data in self.parts]

    @classmethod
    def from_hex(cls, parts: list[list[str]], model: str | None = None) -> Frame:
        """The inverse of `hex`. Raises ``ValueError`` on anything but hexadecimal."""
        return cls(tuple((on, bytes.fromhex(data)) for on, data in parts), model)
