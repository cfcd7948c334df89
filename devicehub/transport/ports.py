"""The serial ports of this computer: what is plugged in, and each used once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

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
            )
        try:
            yield path
        finally:
            del self._users[one]


def _one_name(path: str) -> str:
    """Two names of one port are one port: links on Unix, upper and lower case on Windows."""
    return path if "://" in path else os.path.normcase(os.path.realpath(path))
