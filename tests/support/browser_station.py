"""What the browser tests hold: the page's server, and a page whose complaints are kept."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from uuid import UUID

from playwright.async_api import Page

from devicehub.journal.failures import NotAllowed
from devicehub.station.board import Board
from devicehub.station.routes import station_app
from devicehub.station.server import serve
from devicehub.visit.patient import PatientIdentity

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]


@dataclass
class Station:
    """The page's server on a port of its own, which can be stopped and started under the browser."""

    board: Board = field(default_factory=lambda: Board(simulation=True))
    confirmed: list[tuple[UUID, bool]] = field(default_factory=list)
    not_allowed: str | None = None
    """Why the station refuses a person's word on a reading."""
    port: int = 0
    _serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        app = station_app(
            self.board,
            open_visit=self._open,
            close_visit=self._close,
            confirm=self._confirm,
            language="fr",
        )
        ready = asyncio.Event()
        self._serving = asyncio.create_task(
            serve(app, "127.0.0.1", self.port, None, lambda _port: ready.set())
        )
        await ready.wait()

    async def stop(self) -> None:
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait({self._serving})
            self._serving = None

    async def _open(self, _identity: PatientIdentity) -> str:
        return "visit-a"

    async def _close(self) -> None:
        return None

    async def _confirm(self, reading: UUID, accepted: bool) -> None:
        if self.not_allowed is not None:
            raise NotAllowed(self.not_allowed)
        self.confirmed.append((reading, accepted))


@dataclass
class Watched:
    """A page whose every complaint is kept: script errors, refused resources, policy violations."""

    page: Page
    complaints: list[str]
