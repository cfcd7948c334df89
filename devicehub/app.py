"""READ FIRST. The station, wired: every part is made here, and handed what it needs of the others.

Data flows one way: transport → driver → journal → visit → delivery → dossier, and the receipt comes back.
What must cross upwards is a callback wired here. This module owns nothing and decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import uuid4

from starlette.applications import Starlette

from devicehub import __version__
from devicehub.config import Settings, Station
from devicehub.config.tree import ClientTls, ServerTls
from devicehub.delivery.address import Address, TlsFiles
from devicehub.delivery.dossier_api import DossierApi, DossierRefused, DossierUnreachable
from devicehub.delivery.publisher import Publisher
from devicehub.delivery.wire import DeviceState, StationTopics
from devicehub.devices.binding import BleBinding, SerialBinding
from devicehub.devices.intake import Intake
from devicehub.devices.supervisor import DeviceNews, Supervisor
from devicehub.journal.journal import Journal
from devicehub.station.board import Board
from devicehub.station.routes import Unavailable, station_app
from devicehub.station.server import serve
from devicehub.transport.memory import give_memory_back
from devicehub.transport.radios import make_radio
from devicehub.visit.desk import Desk
from devicehub.visit.patient import PatientIdentity

log = logging.getLogger(__name__)

T = TypeVar("T")

IDENTIFY_SECONDS = 5.0
"""How often a station that was restarted asks the dossier whose visit is open, until it knows."""

SHOWN_AFTER_START = 50
"""How many of the newest readings a page shows again after the station was restarted under it."""


class MissingTable(LookupError):
    """The configuration has no table for what was asked to run. The message names it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"la table [{name}] manque dans la configuration · [{name}] is missing")


async def run_station(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Run the station until cancelled. ``on_ready`` gets the page's address.

    Raises `devicehub.journal.failures.JournalFailed` or ``OSError`` where something is missing at the start.
    """
    station = _required(settings.station, "station")
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(Journal(station.data / "journal.sqlite"))
        dossier = await stack.enter_async_context(_dossier_api(settings))
        board = Board(simulation=station.simulation)
        desk = Desk(
            journal,
            grace=timedelta(seconds=station.visit_grace_seconds),
            confirm=settings.confirm.policy,
            open_at_dossier=lambda identity: dossier.open_visit(identity, station.id),
            close_at_dossier=partial(_close_at_dossier, dossier),
            ask_dossier=dossier.identity,
            show=board.visit,
        )
        publisher = Publisher(
            journal,
            _mqtt_address(settings, f"devicehub-station-{station.id}"),
            StationTopics(station.site, station.id),
            station=station.id,
            boot=uuid4(),
            version=__version__,
            on_broker=board.broker,
        )
        intake = Intake(
            journal,
            desk,
            station=station.id,
            secrets=station.data / "secrets",
            show_live=board.live,
            show_not_understood=publisher.not_understood,
        )

        def show_device(news: DeviceNews) -> None:
            state = _device_state(news)
            board.device(state, name=news.name)
            publisher.device_state(state)

        supervisor = Supervisor(
            intake,
            serial=[
                SerialBinding(d.id, d.name, d.port, d.driver, d.model)
                for d in settings.device
                if d.port is not None and d.driver is not None
            ],
            bluetooth=[
                BleBinding(d.id, d.name, d.address, d.name_prefix, d.driver, d.model)
                for d in settings.device
                if d.port is None
            ],
            accept_any=settings.bluetooth.accept == "any",
            make_radio=make_radio(settings.bluetooth.radio, station.data / "bonds"),
            show_device=show_device,
            show_radio=lambda _up, _reason: None,
        )
        await desk.load()
        for filing in reversed(await journal.latest(SHOWN_AFTER_START)):
            board.filing(filing)
        journal.on_change.append(board.filing)

        async def open_visit(identity: PatientIdentity) -> str:
            try:
                return await desk.open(identity)
            except (DossierUnreachable, DossierRefused) as error:
                raise Unavailable(str(error)) from error

        page = station_app(
            board,
            open_visit=open_visit,
            close_visit=desk.close,
            confirm=desk.confirm,
            language=station.language,
        )

        def ready(url: str) -> None:
            give_memory_back()
            on_ready(url)

        async with asyncio.TaskGroup() as group:
            group.create_task(publisher.run(), name="publisher")
            group.create_task(supervisor.run(), name="supervisor")
            group.create_task(_watch_outbox(journal, board), name="outbox watch")
            group.create_task(_identify(desk), name="identify")
            group.create_task(_serve_page(page, station, ready), name="page")


async def _watch_outbox(journal: Journal, board: Board) -> None:
    """Tell the board how much waits, whenever a reading has moved."""
    moved = asyncio.Event()
    journal.on_change.append(lambda _filing: moved.set())
    while True:
        moved.clear()
        board.outbox(await journal.outbox())
        board.quarantined((await journal.counts()).get("quarantined", 0))
        await moved.wait()


async def _identify(desk: Desk) -> None:
    """Ask whose visit is open after a restart: identities live in memory only."""
    while True:
        try:
            await desk.identify()
        except (DossierUnreachable, DossierRefused) as error:
            log.warning("visit_not_identified %s", error)
            await asyncio.sleep(IDENTIFY_SECONDS)
        else:
            return


async def _close_at_dossier(dossier: DossierApi, visit: str) -> None:
    """Tell the dossier that a visit is over. It is closed here already: nothing waits for the answer."""
    try:
        await dossier.close_visit(visit)
    except (DossierUnreachable, DossierRefused) as error:
        log.warning("visit_not_closed_at_dossier visit=%s %s", visit, error)


async def _serve_page(page: Starlette, station: Station, on_ready: Callable[[str], None]) -> None:
    host, port = station.listen.host, station.listen.port
    tls, scheme = None, "http"
    if station.tls is not None:
        tls, scheme = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), "https"
        tls.load_cert_chain(station.tls.certificate, station.tls.key)
    name = f"[{host}]" if ":" in host else host
    await serve(page, host, port, tls, lambda chosen: on_ready(f"{scheme}://{name}:{chosen}"))


def _device_state(news: DeviceNews) -> DeviceState:
    return DeviceState(
        device=news.source.id,
        driver=news.source.driver.id,
        origin=news.source.origin,
        state=news.condition,
        since=news.since,
        detail=news.detail,
    )


def _dossier_api(settings: Settings) -> DossierApi:
    dossier = settings.dossier
    token = dossier.token.get_secret_value() if dossier.token is not None else None
    return DossierApi(dossier.url, token=token, tls=_client_tls(dossier.tls))


def _mqtt_address(settings: Settings, client_id: str) -> Address:
    mqtt = settings.mqtt
    return Address(
        host=mqtt.host,
        port=mqtt.port,
        tls=_client_tls(mqtt.tls),
        user=mqtt.user,
        password=mqtt.password.get_secret_value() if mqtt.password is not None else None,
        client_id=client_id,
        version=mqtt.version,
    )


def _client_tls(tls: ClientTls | None) -> TlsFiles | None:
    return None if tls is None else TlsFiles(tls.ca, tls.certificate, tls.key)


def _server_tls(tls: ServerTls | None) -> TlsFiles | None:
    return None if tls is None else TlsFiles(tls.client_ca, tls.certificate, tls.key)


async def run_dossier_service(
    settings: Settings, *, simulation: bool, on_ready: Callable[[str], None]
) -> None:
    """Run the dossier until cancelled. ``on_ready`` gets the address of its API.

    Raises `ConfigError`, or `devicehub.dossier.dossier.DossierFailed` and ``StoreFailed`` at the start.
    """
    # SQLAlchemy is the dossier's alone: a station that never imports it is 10 MB smaller, and ready sooner.
    from devicehub.dossier.dossier import DossierSettings, run_dossier  # noqa: PLC0415

    service = _required(settings.dossier_service, "dossier_service")
    await run_dossier(
        DossierSettings(
            dossier=service.id,
            store=service.store,
            broker=_mqtt_address(settings, f"devicehub-dossier-{service.id}"),
            host=service.listen.host,
            port=service.listen.port,
            token=service.token.get_secret_value() if service.token is not None else None,
            tls=_server_tls(service.tls),
            simulation=simulation,
        ),
        on_ready=on_ready,
    )


async def run_broker(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Run the embedded broker until cancelled. Raises `devicehub.delivery.broker.BrokerFailed`."""
    # A station that has its broker elsewhere needs none of this.
    from devicehub.delivery.broker import EmbeddedBroker  # noqa: PLC0415

    broker = settings.broker
    async with EmbeddedBroker(
        broker.data,
        port=broker.listen.port,
        host=broker.listen.host,
        user=broker.user,
        password=broker.password.get_secret_value() if broker.password is not None else None,
        tls=_server_tls(broker.tls),
    ) as running:
        on_ready(running.url)
        await running.ended()


def _required(table: T | None, name: str) -> T:
    if table is None:
        raise MissingTable(name)
    return table
