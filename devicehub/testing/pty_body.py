"""The body of a simulated serial device: a pseudo-terminal, whose other end is a port like any other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from devicehub.testing.simulator import Message, SerialSimulator

if sys.platform == "win32":
    raise ImportError(
        "Windows n'a pas de pseudo-terminal : les simulateurs série tournent sous Linux ou macOS / "
        "Windows has no pseudo-terminals: simulated serial devices run on Linux or macOS"
    )

import tty

_CHUNK = 4096


class PtyBody:
    """Gives ``simulator`` a serial port, `path`, for as long as the block lasts.

    The hub may open and close the port as often as it likes. When the block ends the port is gone, as if
    it had been unplugged. ``on_event`` is told each step of a measurement when it happens.
    """

    def __init__(
        self, simulator: SerialSimulator, on_event: Callable[[Message, datetime], None]
    ) -> None:
        self._simulator = simulator
        self._on_event = on_event
        self._master = -1
        self._slave = -1
        self.path = ""
        """The port to open; it exists inside the block only."""

    async def __aenter__(self) -> Self:
        # Our own end of the slave stays open: without one, reading the master fails whenever no hub is there.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        asyncio.get_running_loop().add_reader(self._master, self._receive)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._slave)
        os.close(self._master)

    async def measure(self) -> None:
        """Measure the next patient, in real time. The simulator moves on between two steps."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for message in self._simulator.measure(_now()):
            # Against the clock, not from step to step: a stream of hundreds of steps would fall behind.
            due += message.after
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._send(message.data)
            self._on_event(message, _now())

    def _receive(self) -> None:
        self._send(self._simulator.receive(os.read(self._master, _CHUNK), _now()))

    def _send(self, data: bytes) -> None:
        # A real line, too, drops what nobody reads.
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, data)


def _now() -> datetime:
    return datetime.now().astimezone()
