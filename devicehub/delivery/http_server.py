"""The HTTP server of a page or an API: uvicorn inside the program's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

__all__ = ["HttpServer", "listen"]


class HttpServer(uvicorn.Server):
    """uvicorn without its hold on the process's signals: those are the program's.

    ``grace`` is how many whole seconds answers under way may take when it stops.
    """

    def __init__(self, app: ASGIApp, tls: ssl.SSLContext | None, *, grace: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # who calls is who is connected, whatever a header says
                timeout_graceful_shutdown=grace,
                ssl_context_factory=None if tls is None else lambda _config, _default: tls,
            )
        )
        self.settled = asyncio.Event()
        """It has started, or failed to."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        try:
            await super().startup(sockets)
        finally:
            self.settled.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; the system chooses for port 0.

    Raises ``OSError`` with what the system says in ``strerror``.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        # `create_server` adds the address to what the system says; our messages name it themselves.
        why = (error.strerror or str(error)).partition(" (while")[0]
        raise OSError(error.errno, why) from None
