"""A running dossier: store, ingest and HTTP API in one process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.types import ASGIApp

from devicehub import __version__
from devicehub.delivery.address import Address, TlsFiles
from devicehub.delivery.http_server import HttpServer, listen
from devicehub.delivery.tls import server_context
from devicehub.dossier.api import Health, api, is_loopback
from devicehub.dossier.ingest import Ingest
from devicehub.dossier.store import DossierStore

logger = logging.getLogger(__name__)

GRACE_SECONDS = 5
"""How long requests under way may take when the dossier stops."""


class DossierFailed(Exception):
    """The dossier cannot start; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class DossierSettings:
    """What a dossier needs to know. ``port`` 0 lets the system pick one.

    ``tls.ca`` makes a client certificate compulsory. Without ``token`` it must listen on loopback.
    """

    dossier: str
    store: Path
    broker: Address
    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    tls: TlsFiles | None = None
    simulation: bool = False


@dataclass(frozen=True)
class Running:
    """A dossier at work; ``url`` is that of its API."""

    url: str
    tasks: tuple[asyncio.Task[None], ...]

    async def ended(self) -> None:
        """Wait until a part of it ends by itself, which none should, and raise why."""
        done, _ = await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


@contextlib.asynccontextmanager
async def running(settings: DossierSettings) -> AsyncIterator[Running]:
    """A dossier for as long as the context lasts.

    Raises `DossierFailed` or `StoreFailed` when it cannot start.
    """
    if settings.token is None and not is_loopback(settings.host):
        raise DossierFailed(
            f"sans jeton, le dossier n'écoute pas sur {settings.host} ; donnez un jeton ou écoutez sur 127.0.0.1 · "
            f"without a token the dossier does not listen on {settings.host}; give a token, or listen on 127.0.0.1"
        )
    broker = settings.broker
    if not broker.client_id:
        broker = replace(broker, client_id=f"devicehub-dossier-{settings.dossier}")
    with await asyncio.to_thread(DossierStore, settings.store) as store:
        ingest = Ingest(
            store, broker, dossier=settings.dossier, accepts_simulators=settings.simulation
        )

        def health() -> Health:
            return Health(
                state="failing" if ingest.failing else "ok",
                broker=ingest.connected,
                failing=ingest.failing,
                version=__version__,
            )

        app = api(store, token=settings.token, health=health)
        async with _serving(app, settings) as (url, serving):
            taking_in = asyncio.create_task(ingest.run(), name="dossier-ingest")
            try:
                yield Running(url, (taking_in, serving))
            finally:
                taking_in.cancel()
                await asyncio.wait({taking_in})


@contextlib.asynccontextmanager
async def _serving(
    app: ASGIApp, settings: DossierSettings
) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    context = _tls_context(settings.tls)
    server = HttpServer(app, context, grace=GRACE_SECONDS)
    with _listen(settings.host, settings.port) as listener:
        serving = asyncio.create_task(server.serve([listener]), name="dossier-api")
        scheme = "http" if context is None else "https"
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        try:
            # Told to stop before it has started, it would close nothing.
            await server.settled.wait()
            yield f"{scheme}://{host}:{listener.getsockname()[1]}", serving
        finally:
            server.should_exit = True
            await asyncio.wait({serving})


def _tls_context(tls: TlsFiles | None) -> ssl.SSLContext | None:
    if tls is None:
        return None
    if tls.certificate is None:
        raise DossierFailed(
            "pour chiffrer, le dossier a besoin d'un certificat et de sa clé · "
            "to encrypt, the dossier needs a certificate and its key"
        )
    try:
        return server_context(tls)
    except OSError as error:
        raise DossierFailed(
            f"le certificat, la clé ou l'autorité du dossier ne se lit pas ({error}) ; vérifiez ces fichiers · "
            f"the certificate, key or authority of the dossier cannot be read ({error}); check these files"
        ) from error


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise DossierFailed(
            f"le dossier ne peut pas écouter sur {host}:{port} ({error.strerror}) ; "
            "arrêtez l'autre programme ou choisissez un autre port · "
            f"the dossier cannot listen on {host}:{port} ({error.strerror}); "
            "end the other program, or choose another port"
        ) from error


async def run_dossier(settings: DossierSettings, *, on_ready: Callable[[str], None]) -> None:
    """Run a dossier until cancelled. ``on_ready`` gets the URL of the API once it answers.

    Raises as `running` does.
    """
    async with running(settings) as dossier:
        logger.info("dossier.ready url=%s", dossier.url)
        on_ready(dossier.url)
        await dossier.ended()
    logger.info("dossier.stopped")
