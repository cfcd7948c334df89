"""The serial ports of this computer: what is plugged in, and each used once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

import serial.rfc2217
import serial.urlhandler.protocol_socket
from serial.tools import list_ports

from devicehub.transport.port_identity import Port, UsbIdentity, find_port
from devicehub.transport.port_trouble import line_lost

Plugged = Callable[[], Sequence[Port]]
"""Tells what is plugged in now. It may block, and is called in a thread."""


def plugged_in() -> list[Port]:
    """Every serial port the system knows of, as pyserial finds them on Linux, Windows and macOS."""
    return [
        Port(
            path=found.device,
            usb=None if found.vid is None else f"{found.vid:04x}:{found.pid:04x}",
            serial_number=found.serial_number,
            location=found.location,
            product=found.product or None,
        )
        for found in sorted(list_ports.comports())
    ]


def no_url(port: str) -> tuple[str, str] | None:
    """What to write instead, French and English, where ``port`` is a terminal server's URL that cannot be opened.

    ``None`` where it can, as far as its form tells, and for what is no URL.
    """
    scheme, mark, _rest = port.lower().partition(":")
    if "://" not in port and not (mark and scheme in _SERVERS):
        return None
    if scheme not in _SERVERS or not port.lower().startswith(f"{scheme}://"):
        return (
            '"socket://hôte:port" ou "rfc2217://hôte:port"',
            '"socket://host:port" or "rfc2217://host:port"',
        )
    try:
        parts = urlsplit(port)
        whole = bool(parts.hostname) and bool(parts.port)
    except ValueError:  # a port that is no number, or beyond 65535
        whole = False
    if not whole:
        return (
            f'l\'hôte et un port de 1 à 65535, "{scheme}://192.0.2.20:4001"',
            f'the host and a port from 1 to 65535, "{scheme}://192.0.2.20:4001"',
        )
    try:
        # pyserial's own option to log every byte is refused: no value belongs in a log.
        fits = "logging" not in parse_qs(parts.query, keep_blank_values=True)
        if fits:
            _SERVERS[scheme](port)
    except (serial.SerialException, KeyError):  # the latter where pyserial fails at its own words
        fits = False
    if not fits:
        return (
            f'"{scheme}://hôte:port" sans cette option',
            f'"{scheme}://host:port" without this option',
        )
    return None


_SERVERS: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "socket": lambda url: serial.urlhandler.protocol_socket.Serial().from_url(url),
        "rfc2217": lambda url: serial.rfc2217.Serial().from_url(url),
    }
)
"""How a terminal server is reached, and who reads its URL."""


class Ports:
    """The ports as one program uses them: found anew at every use, and each used by one device at a time."""

    def __init__(self, plugged: Plugged = plugged_in) -> None:
        self._plugged = plugged
        self._users: dict[str, str] = {}

    @asynccontextmanager
    async def use(self, meant: str, user: str) -> AsyncIterator[str]:
        """The path or URL of the port that is meant, kept for ``user`` as long as the block lasts.

        Raises `LinkLost` where it is not plugged in, not told from another, or used by another already.
        """
        plugged = await asyncio.to_thread(self._plugged) if UsbIdentity.parse(meant) else ()
        path = find_port(meant, plugged)
        one = _one_name(path)
        before = self._users.setdefault(one, user)
        if before != user:
            raise line_lost(
                meant,
                f"le port {path} de « {user} » est déjà celui de « {before} » ; un port n'a qu'un appareil, "
                "corrigez la configuration",
                f"the port {path} of “{user}” is already that of “{before}”; a port has one device, "
                "correct the configuration",
                why="port_shared",
                by=before,
            )
        try:
            yield path
        finally:
            del self._users[one]


def _one_name(path: str) -> str:
    """Two names of one port are one port: links on Unix, upper and lower case on Windows."""
    return path if "://" in path else os.path.normcase(os.path.realpath(path))
