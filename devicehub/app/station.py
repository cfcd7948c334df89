"""READ FIRST. The station, wired: every part is made here, and handed what it needs of the others.

Data flows one way: transport → driver → journal → visit → delivery → dossier, and the receipt comes back.
What must cross upwards is a callback wired here. This module owns nothing and decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from starlette.applications import Starlette

from devicehub import __version__
from devicehub.app.arguments import (
    bluetooth_devices,
    bound,
    dossier_api,
    identity_provider,
    make_upkeep,
    mqtt_address,
    required,
    serial_devices,
    tells,
)
from devicehub.app.reception import make_reception
from devicehub.app.watches import watch_dossier, watch_outbox, watch_upkeep
from devicehub.config import Settings, Station
from devicehub.delivery.address import TlsFiles
from devicehub.delivery.publisher import Publisher
from devicehub.delivery.tls import server_context
from devicehub.delivery.wire import DeviceState, StationTopics
from devicehub.devices.bonds import Bonds
from devicehub.devices.commissioning import Commissioning
from devicehub.devices.intake import Intake
from devicehub.devices.news import DeviceNews
from devicehub.devices.passkeys import Passkeys
from devicehub.devices.preparations import Preparations
from devicehub.devices.supervisor import Supervisor
from devicehub.driver import Measurement
from devicehub.journal.journal import Journal
from devicehub.journal.records import Visit
from devicehub.journal.seal import Seal
from devicehub.station.board import Board
from devicehub.station.ecg_board import EcgBoard
from devicehub.station.ecg_panel import EcgPanel
from devicehub.station.expecting import Listed
from devicehub.station.hub import Hub
from devicehub.station.logbook import Logbook
from devicehub.station.lookout import Lookout
from devicehub.station.rendering import Rendering
from devicehub.station.routes import station_app
from devicehub.station.server import serve
from devicehub.station.sessions import Sessions
from devicehub.station.summary import Summaries
from devicehub.station.technician import Technician
from devicehub.station.workshop import Workshop
from devicehub.transport.memory import give_memory_back
from devicehub.transport.radios import make_radios
from devicehub.visit.by_hand import ByHand
from devicehub.visit.deriver import Deriver
from devicehub.visit.desk import Desk
from devicehub.visit.operators import Operators
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.reader import run_reader
from devicehub.visit.review import Review
from devicehub.visit.series import SeriesRules

SHOWN_AFTER_START = 50
"""How many of the newest readings a page shows again after the station was restarted under it."""


async def run_station(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Run the station until cancelled. ``on_ready`` gets the page's address.

    Raises `devicehub.journal.failures.JournalFailed` or ``OSError`` where something is missing at the start.
    """
    station = required(settings.station, "station")
    bluetooth, upkeep = bluetooth_devices(settings), make_upkeep(settings)
    operators = Operators.of(station.data)
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(Journal(station.data / "journal.sqlite"))
        dossier = await stack.enter_async_context(dossier_api(settings))
        board = Board(simulation=station.simulation)
        desk = Desk(
            journal,
            grace=timedelta(seconds=station.visit_grace_seconds),
            confirm=settings.confirm.policy,
            undo_for=timedelta(seconds=settings.confirm.undo_seconds),
            station=station.id,
            dossier=dossier,
            seal=Seal(station.data / "identity.key"),
            show=lambda visit, identity: _show_visit(board, deriver, preparations, visit, identity),
        )
        deriver = Deriver(
            journal,
            version=__version__,
            known=desk.patient_before,
            ended=desk.ended,
            show=board.series,
        )
        ecg_board = EcgBoard()
        preparations = Preparations(journal, desk, show=ecg_board.show, show_trace=ecg_board.trace)
        review = Review(journal, desk)
        publisher = Publisher(
            journal,
            mqtt_address(settings, f"devicehub-station-{station.id}"),
            StationTopics(station.site, station.id),
            station=station.id,
            boot=uuid4(),
            version=__version__,
            on_broker=board.broker,
            on_dossier=board.dossier_here,
        )

        lookout, logbook = Lookout(desk), stack.enter_context(Logbook().kept())
        intake = Intake(
            journal,
            desk,
            station=station.id,
            secrets=station.data / "secrets",
            given_secrets={d.id: d.secret_bytes() for d in settings.device},
            upkeep=upkeep,
            show_live=partial(_show_live, preparations, board),
            show_not_understood=publisher.not_understood,
            show_frame=lookout.note,
            show_load=board.load,
        )

        def show_device(news: DeviceNews) -> None:
            preparations.device(news)
            state = _device_state(news)
            board.device(state, name=news.name, why=news.why, holder=news.holder)
            publisher.device_state(state)
            passkeys.device(news)

        passkeys = Passkeys(board.passkeys)

        bonds = Bonds(station.data / "bonds.json")
        commissioning = Commissioning(
            journal,
            bluetooth,
            known_only=settings.bluetooth.accept == "known",
            show=board.doubles,
        )
        supervisor = Supervisor(
            intake,
            serial=serial_devices(settings),
            bluetooth=bluetooth,
            accept_any=settings.bluetooth.accept == "any",
            sort=commissioning.sort,
            put_off=passkeys.put_off,
            make_radios=make_radios(
                settings.bluetooth.radio,
                station.data / "bonds",
                adapters=settings.bluetooth.adapters,
                connections=settings.bluetooth.connections,
                ask_passkey=passkeys.ask,
                show_passkey=passkeys.show,
            ),
            bonds=bonds,
            show_device=show_device,
            show_radio=board.radio,
        )
        commissioning.on_belonging.append(supervisor.belongs)
        await desk.load()
        await commissioning.load()
        board.withheld(desk.withheld)
        here = await journal.of_visit(desk.visit.id) if desk.visit is not None else []
        for filing in (*reversed(await journal.latest(SHOWN_AFTER_START)), *here):
            board.filing(filing)
        journal.on_change.append(board.filing)

        reception = None
        if settings.reader is not None:
            reception = make_reception(settings.reader, desk, board, operators)
        hub = Hub(
            board=board,
            desk=desk,
            review=review,
            deriver=deriver,
            by_hand=ByHand(
                journal,
                desk,
                origin="simulator" if station.simulation else "device",
                version=__version__,
            ),
            sessions=Sessions(operators, idle=timedelta(minutes=settings.operators.idle_minutes)),
            rendering=Rendering(),
            language=station.language,
            rules=SeriesRules.model_validate(settings.series.model_dump()),
            listed=[Listed(d.id, d.name, d.port is None, d.driver) for d in settings.device],
            tells=tells,
            passkeys=passkeys,
            reception=reception,
            provider=identity_provider(settings.identity_provider),
        )
        page = station_app(
            hub,
            more=[
                Workshop(
                    journal,
                    upkeep,
                    commissioning,
                    devices=[(device.id, device.name) for device in settings.device],
                ),
                EcgPanel(hub, ecg_board, preparations, labels=settings.ecg.labels),
                Summaries(hub, journal),
                Technician(
                    hub,
                    journal,
                    bound=bound(settings),
                    bonds=bonds,
                    upkeep=upkeep,
                    commissioning=commissioning,
                    lookout=lookout,
                    logbook=logbook,
                ),
            ],
        )

        def ready(url: str) -> None:
            give_memory_back()
            on_ready(url)

        work: dict[str, Coroutine[None, None, None]] = {
            "publisher": publisher.run(),
            "supervisor": supervisor.run(),
            "ECG preparations": preparations.run(),
            "outbox watch": watch_outbox(journal, board),
            "upkeep watch": watch_upkeep(
                [device.id for device in settings.device], upkeep, journal, commissioning, board
            ),
            "desk": desk.run(),
            "dossier watch": watch_dossier(desk, board),
            "derived readings": deriver.run(tuple(visit.id for visit in desk.recent)),
        }
        if settings.reader is not None and reception is not None:
            work["identity reader"] = run_reader(
                settings.reader.port,
                settings.reader.line_settings(),
                take=reception.scan,
                show=reception.reader,
            )
        work["page"] = _serve_page(page, station, ready)
        async with asyncio.TaskGroup() as group:
            for name, coroutine in work.items():
                group.create_task(coroutine, name=name)


async def _serve_page(page: Starlette, station: Station, on_ready: Callable[[str], None]) -> None:
    host, port = station.listen.host, station.listen.port
    tls, scheme = None, "http"
    if station.tls is not None:
        files = TlsFiles(certificate=station.tls.certificate, key=station.tls.key)
        tls, scheme = server_context(files), "https"
    name = f"[{host}]" if ":" in host else host
    await serve(page, host, port, tls, lambda chosen: on_ready(f"{scheme}://{name}:{chosen}"))


def _show_live(
    preparations: Preparations,
    board: Board,
    device: str,
    said: Sequence[Measurement],
    at: datetime,
) -> None:
    """ECG streams are for the check and their own panel; the rest of the page shows the rest."""
    if shown := preparations.live(device, said, at):
        board.live(device, shown, at)


def _show_visit(
    board: Board,
    deriver: Deriver,
    preparations: Preparations,
    visit: Visit | None,
    identity: PatientIdentity | None,
) -> None:
    """The open visit has changed: the page shows it, and what is derived may need what is known of the patient."""
    before = board.picture.visit
    board.visit(visit, identity)
    preparations.visit(visit)
    for one in (before, visit):  # a series ends with its visit
        if one is not None:
            deriver.look_again(one.id)


def _device_state(news: DeviceNews) -> DeviceState:
    return DeviceState(
        device=news.source.id,
        driver=news.source.driver.id,
        origin=news.source.origin,
        state=news.condition,
        since=news.since,
        detail=news.detail,
    )
