"""The HTTP server of the page: uvicorn inside the station's own event loop."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette

GRACE: Final = 2
"""Whole seconds in which answers under way may end when the server stops."""


class PageUnavailable(OSError):
    """The page cannot be served. The message says to a person where, why and what to do."""


async def serve(
    app: Starlette,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    on_ready: Callable[[int], None],
) -> None:
    """Serve until cancelled, then end every stream, close every connection, and let the cancellation go on.

    ``on_ready`` gets the port, which the system chooses for port 0. It installs no signal handler.
    Raises `PageUnavailable` when the address cannot be had.
    """
    with _listen(host, port) as listening:
        listening.setblocking(False)
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )
        server = _Server(config, app, lambda: on_ready(listening.getsockname()[1]))
        serving = asyncio.create_task(server.serve(sockets=[listening]), name="station page")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise PageUnavailable(
            f"la page ne peut pas être servie sur {host}:{port} ({why}) ; arrêtez l'autre programme ou "
            f"changez [station] listen · the page cannot be served at {host}:{port} ({why}); end the "
            "other program, or change [station] listen"
        ) from error


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, app: Starlette, on_ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._app = app
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield  # signals are the caller's

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.hang_up()
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # a browser that reads nothing would hold it open
