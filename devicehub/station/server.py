"""The HTTP server of the page, and how it ends while browsers still listen."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final

from starlette.applications import Starlette

from devicehub.delivery.http_server import HttpServer, listen

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
        server = _Server(app, tls, lambda: on_ready(listening.getsockname()[1]))
        serving = asyncio.create_task(server.serve(sockets=[listening]), name="station page")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        why = error.strerror
        raise PageUnavailable(
            f"la page ne peut pas être servie sur {host}:{port} ({why}) ; arrêtez l'autre programme ou "
            f"changez [station] listen · the page cannot be served at {host}:{port} ({why}); end the "
            "other program, or change [station] listen"
        ) from error


class _Server(HttpServer):
    def __init__(
        self, app: Starlette, tls: ssl.SSLContext | None, on_ready: Callable[[], None]
    ) -> None:
        super().__init__(app, tls, grace=GRACE)
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.hang_up()
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # a browser that reads nothing would hold it open
