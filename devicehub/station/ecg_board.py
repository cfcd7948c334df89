"""What the ECG panel knows: each front end's preparation, and the traces on their way to whoever watches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from devicehub.devices.preparations import EcgShown

TRACES_KEPT = 20
"""Pieces of trace that wait for one slow browser: a second. Older ones are dropped, and leave a gap on its screen."""


@dataclass(eq=False)
class EcgWatcher:
    """One subscription."""

    traces: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=TRACES_KEPT))
    """Devices, and what is to be drawn of them as JSON."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, within: float) -> None:
        """Until there is something new, ``within`` seconds at most."""
        try:
            async with asyncio.timeout(within):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def wake(self) -> None:
        """There is something new."""
        self._wake.set()


class EcgBoard:
    """The front ends that stream. Its methods are called on the event loop and return at once."""

    def __init__(self) -> None:
        self.shown: dict[str, EcgShown] = {}
        self._watchers: set[EcgWatcher] = set()

    @contextmanager
    def watch(self) -> Iterator[EcgWatcher]:
        """Be told of changes for as long as the context lasts."""
        watcher = EcgWatcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def show(self, device: str, shown: EcgShown | None) -> None:
        """A preparation has moved on, or its stream has ended."""
        if shown is None:
            self.shown.pop(device, None)
        else:
            self.shown[device] = shown
        for watcher in self._watchers:
            watcher.wake()

    def trace(self, device: str, drawn: str) -> None:
        """A piece of a device's trace."""
        for watcher in self._watchers:
            watcher.traces.append((device, drawn))
            watcher.wake()

    @property
    def first(self) -> EcgShown | None:
        """The one that the panel shows: what touches somebody goes before what waits, then the device's id decides."""
        return min(
            self.shown.values(), key=lambda one: (one.phase == "waiting", one.device), default=None
        )
