"""Which serial port is meant: by what its USB adapter is, not by the name the system gave it today.

``usb:0403:6001:A50285BI`` is the adapter with this vendor, product and serial number, in whatever socket and
under whatever name. ``usb:1a86:7523@1-1.2`` is one that has no serial number, told apart by the socket it is
plugged into; ``usb:10c4:ea60:0001@1-1.2`` one of several with the same number. An adapter that has a number
is only meant where the number is written: whatever else carries the same chip is never taken for it. All
else (``/dev/…``, ``COM3``, ``socket://…``, ``rfc2217://…``) is taken as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from devicehub.transport.port_trouble import line_lost

_USB = re.compile(
    r"usb:(?P<usb>[0-9a-f]{4}:[0-9a-f]{4})(?::(?P<number>\S.*?))?(?:@(?P<location>\d+-\d[\d.:x-]*))?",
    re.IGNORECASE,
)
_PREFIX = "usb:"


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port that is there now, and what the system knows of the adapter behind it."""

    path: str
    usb: str | None = None
    """``vendor:product`` in hexadecimal; ``None`` where the port is no USB adapter's."""
    serial_number: str | None = None
    location: str | None = None
    """The USB socket, as the system counts them."""
    product: str | None = None

    def identity(self, among: Sequence[Port]) -> str:
        """What to write in the configuration to mean this port and no other of those plugged in."""
        if self.usb is None:
            return self.path
        alike = [one for one in among if (one.usb, one.serial_number) == (self.usb, self.number)]
        lone = self.number is not None and len(alike) < 2
        return str(UsbIdentity(self.usb, self.number, None if lone else self.location))

    @property
    def number(self) -> str | None:
        """The serial number, ``None`` where the adapter gives an empty one."""
        return self.serial_number or None


@dataclass(frozen=True, slots=True)
class UsbIdentity:
    """An adapter as the configuration names it. Without a number it means one that has none."""

    usb: str
    number: str | None = None
    location: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What ``text`` means; ``None`` where it is a plain port. Raises ``ValueError`` for a wrong form."""
        if not text.lower().startswith(_PREFIX):
            return None
        found = _USB.fullmatch(text)
        if found is None:
            raise ValueError(f"{text} is no USB identity")
        return cls(found["usb"].lower(), found["number"], found["location"])

    def __str__(self) -> str:
        """As it is written."""
        number = f":{self.number}" if self.number is not None else ""
        socket = f"@{self.location}" if self.location is not None else ""
        return f"{_PREFIX}{self.usb}{number}{socket}"

    def fits(self, port: Port) -> bool:
        """Whether this is the adapter behind the port."""
        return (self.usb, self.number) == (port.usb, port.number) and (
            self.location in {None, port.location}
        )

    def may_be(self, other: UsbIdentity) -> bool:
        """Whether one adapter could be both."""
        sockets = {self.location, other.location} - {None}
        return (self.usb, self.number) == (other.usb, other.number) and len(sockets) < 2


def find_port(meant: str, plugged: Sequence[Port]) -> str:
    """The path or URL to open. Raises `LinkLost` where no port is meant, or more than one could be."""
    wanted = UsbIdentity.parse(meant)
    if wanted is None:
        return meant
    fitting = [port for port in plugged if wanted.fits(port)]
    if len(fitting) == 1:
        return fitting[0].path
    if fitting:
        choices = _choices(fitting, plugged)
        raise line_lost(
            meant,
            f"plusieurs adaptateurs ont cette identité ; écrivez dans la configuration celui de "
            f"l'appareil : {choices}",
            f"several adapters have this identity; write the device's own in the configuration: {choices}",
            why="port_unclear",
        )
    alike = [port for port in plugged if port.usb == wanted.usb]
    if not alike:
        raise line_lost(
            meant,
            "cet adaptateur n'est pas branché ; branchez-le",
            "this adapter is not plugged in; plug it in",
        )
    choices = _choices(alike, plugged)
    raise line_lost(
        meant,
        f"cet adaptateur n'est pas branché ; de la même puce, il y a {choices} : "
        "s'il l'a remplacé, ou changé de prise, corrigez la configuration",
        f"this adapter is not plugged in; with the same chip there is {choices}: "
        "where it took its place, or another socket, correct the configuration",
    )


def _choices(ports: Sequence[Port], plugged: Sequence[Port]) -> str:
    return ", ".join(f'"{port.identity(plugged)}" ({port.path})' for port in ports)
