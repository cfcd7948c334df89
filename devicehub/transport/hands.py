"""What a transport puts its frames into: the callbacks the hub gives to every link it opens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from devicehub.driver import Frame


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a frame's first and last byte came in: aware times of the station's clock."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Hands:
    """Where a link's frames go, and where its device's secrets are kept.

    ``deliver`` returns once the frame is on disk. ``listening`` hears whenever the device has been asked to
    speak by itself: before, it may have measured unheard.
    """

    deliver: Callable[[Frame, Arrival], Awaitable[None]]
    live: Callable[[Frame, Arrival], None]
    secrets: MutableMapping[str, bytes] = field(default_factory=dict)
    listening: Callable[[datetime], None] = lambda _at: None


class Recorder(Protocol):
    """Who listens in on a BLE conversation, both directions, as `devicehub.transport.tape` does."""

    def hub(
        self, do: Literal["subscribe", "read", "write", "command"], on: str, data: bytes
    ) -> None:
        """The hub asks. A ``command`` is a write without response; ``data`` is empty where nothing is sent."""
        ...

    def device(self, do: Literal["value", "message", "refused"], on: str, data: bytes) -> None:
        """The device answers a read, sends by itself, or refuses with the one byte of its ATT error."""
        ...


def station_now() -> datetime:
    """The station's time, with its zone."""
    return datetime.now().astimezone()
