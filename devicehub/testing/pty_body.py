"""The body of a simulated serial device: one end of a port, whose other end is the hub's like any other."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from devicehub.testing.pty_port import pty_port
from devicehub.testing.simulator import Message, SerialSimulator

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
        self._device = -1
        self._plugged = contextlib.ExitStack()
        self.path = ""
        """The port to open; it exists inside the block only."""

    async def __aenter__(self) -> Self:
        self._device, self.path = self._plugged.enter_context(pty_port(held=True))
        asyncio.get_running_loop().add_reader(self._device, self._receive)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._device)
        self._plugged.close()

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
        self._send(self._simulator.receive(os.read(self._device, _CHUNK), _now()))

    def _send(self, data: bytes) -> None:
        # A real line, too, drops what nobody reads.
        with contextlib.suppress(BlockingIOError):
            os.write(self._device, data)


def _now() -> datetime:
    return datetime.now().astimezone()
