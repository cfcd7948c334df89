"""The inbox of one connection: what a device sent, in order, each message with the time it came in.

It knows nothing of Bluetooth or of serial lines; a link puts messages in at the moment they arrive, and a
session takes them out when it gets to them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Self

from devicehub.driver import Frame, LinkLost
from devicehub.transport.hands import Arrival, Hands, station_now


class Received(bytes):
    """Bytes that remember when they came in, wherever a session puts them."""

    first: datetime
    at: datetime

    def __new__(cls, data: bytes, at: datetime, first: datetime | None = None) -> Self:
        """The same bytes, received whole ``at``; their ``first`` byte earlier where they came in pieces."""
        received = super().__new__(cls, data)
        received.first = first or at
        received.at = at
        return received


class Inbox:
    """Everything one connection received and the session has not taken yet."""

    def __init__(self, hands: Hands, model: str | None = None) -> None:
        self.model = model
        self.began = station_now()
        """The time of bytes that nobody saw arriving: the earliest they can be, so never a too narrow interval."""
        self._hands = hands
        self._waiting: deque[tuple[str, Received]] = deque()
        self._changed = asyncio.Event()
        self._lost: str | None = None
        self._came = time.monotonic()

    @property
    def silent_seconds(self) -> float:
        """For how long nothing has come."""
        return time.monotonic() - self._came

    @property
    def secrets(self) -> Mapping[str, bytes]:
        """What is kept of this device's keys, PINs and passwords."""
        return self._hands.secrets

    def keep(self, name: str, secret: bytes) -> None:
        """Remember a secret of this device."""
        self._hands.secrets[name] = secret

    @property
    def lost(self) -> str | None:
        """Why nothing more will come, in words; ``None`` while the link is up."""
        return self._lost

    @property
    def waiting(self) -> int:
        """How many messages nobody has taken yet."""
        return len(self._waiting)

    def put(self, on: str, data: bytes) -> Received:
        """A message has just arrived."""
        received = Received(data, station_now())
        self.add(on, received)
        return received

    def add(self, on: str, received: Received) -> None:
        """A message has arrived at a time already known."""
        self._came = time.monotonic()
        self._waiting.append((on, received))
        self._changed.set()

    def close(self, reason: str) -> None:
        """The link is down. What has arrived can still be taken; then `LinkLost` says ``reason``."""
        if self._lost is None:
            self._lost = reason
            self._changed.set()

    async def take(self, wanted: AbstractSet[str], within: float) -> tuple[str, Received]:
        """The oldest message of the ``wanted`` places; others stay for whoever asks for them.

        Raises ``TimeoutError`` when ``within`` seconds pass without one, `LinkLost` when none can come.
        """
        async with asyncio.timeout(within):
            while True:
                for at, (on, data) in enumerate(self._waiting):
                    if on in wanted:
                        del self._waiting[at]
                        return on, data
                self.check()
                self._changed.clear()
                await self._changed.wait()

    async def expect(self, on: str, prefix: bytes, within: float) -> bytes:
        """The next message of ``on`` that starts with ``prefix``; others on it are passed over.

        Raises `LinkLost` when ``within`` seconds pass without it.
        """
        try:
            async with asyncio.timeout(within):
                while True:
                    _, data = await self.take({on}, within)
                    if data.startswith(prefix):
                        return data
        except TimeoutError:
            raise LinkLost(f"the device did not answer on {on} within {within:g} s") from None

    def frames(self, wanted: AbstractSet[str], quiet: float) -> AsyncIterator[Frame]:
        """Each message of these places as a frame; ends when ``quiet`` seconds pass without one."""
        return _Frames(self, wanted, quiet)

    async def pause(self, seconds: float) -> None:
        """Let time pass. Raises `LinkLost` as soon as the link is down."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self.check()
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def check(self) -> None:
        """Raises `LinkLost` when the link is down."""
        if self._lost is not None:
            raise LinkLost(self._lost)

    async def deliver(self, frame: Frame) -> None:
        """Hand over a finished frame with its times. Returns once it is on disk."""
        await self._hands.deliver(frame, self.arrival(frame))

    def live(self, frame: Frame) -> None:
        """Show a frame with its times."""
        self._hands.live(frame, self.arrival(frame))

    def listening(self) -> None:
        """The device has been asked to speak by itself."""
        self._hands.listening(station_now())

    def arrival(self, frame: Frame) -> Arrival:
        """When the frame's parts came in. Bytes a session made itself count from the connection's start."""
        times = [
            (data.first, data.at) if isinstance(data, Received) else (self.began, self.began)
            for _, data in frame.parts
        ]
        first = min((first for first, _ in times), default=self.began)
        return Arrival(first, max((at for _, at in times), default=self.began))


class InboxLink:
    """What a session finds at every link (`devicehub.driver.Link`), whatever carries its bytes."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    @property
    def now(self) -> datetime:
        """The station's time, with its zone."""
        return station_now()

    @property
    def model(self) -> str | None:
        """The model this device was bound as."""
        return self._inbox.model

    @property
    def secrets(self) -> Mapping[str, bytes]:
        """Keys, PINs and passwords of this device, by name."""
        return self._inbox.secrets

    def keep(self, name: str, secret: bytes) -> None:
        """Remember a secret for the next conversations with this device."""
        self._inbox.keep(name, secret)

    async def deliver(self, frame: Frame) -> None:
        """Hand over one finished message; returns once it is on disk."""
        await self._inbox.deliver(frame)

    def live(self, frame: Frame) -> None:
        """Show one message of a measurement still going on."""
        self._inbox.live(frame)

    async def pause(self, seconds: float) -> None:
        """Let time pass. Raises `LinkLost` as soon as the link is down."""
        await self._inbox.pause(seconds)


class _Frames(AsyncIterator[Frame]):
    """A class rather than an asynchronous generator: a session that breaks off leaves nothing to close."""

    def __init__(self, inbox: Inbox, wanted: AbstractSet[str], quiet: float) -> None:
        self._inbox = inbox
        self._wanted = wanted
        self._quiet = quiet

    async def __anext__(self) -> Frame:
        try:
            on, data = await self._inbox.take(self._wanted, self._quiet)
        except TimeoutError:
            raise StopAsyncIteration from None
        return Frame.of(on, data, self._inbox.model)
