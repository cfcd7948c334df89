"""The programs of a practice: demo, station, dossier, broker, and their configuration."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from devicehub.cli.common import (
    ENVIRONMENT,
    FAULT,
    WELL,
    load_settings,
    log_to_stderr,
    say,
    until_stopped,
    with_config,
)

if TYPE_CHECKING:
    from devicehub.cli.common import Commands
    from devicehub.ops.demo import Running


def add(commands: Commands) -> None:
    """Add these commands."""
    demo = commands.add_parser("demo", help="a whole vitals room on this machine, simulated")
    demo.add_argument(
        "--lang", choices=("fr", "en"), default="fr", help="language of what is shown"
    )
    demo.add_argument(
        "--room",
        choices=("small", "vitals"),
        default="small",
        help="small: three devices; vitals: a whole room with identity reader (default: %(default)s)",
    )
    demo.add_argument("--once", action="store_true", help="one measurement per device, then end")
    demo.add_argument("--json", action="store_true", help="one JSON line per reading")
    demo.set_defaults(run=_demo)

    run = commands.add_parser("run", help="the station")
    with_config(run)
    run.add_argument("--json", action="store_true", help="say when it is ready as one JSON line")
    run.set_defaults(run=_run)

    dossier = commands.add_parser("dossier", help="the service that files readings")
    with_config(dossier)
    dossier.add_argument("--simulation", action="store_true", help="file simulated readings too")
    dossier.add_argument("--json", action="store_true", help="as JSON")
    dossier.set_defaults(run=_dossier)
    show = dossier.add_subparsers(dest="dossier_command").add_parser("show", help="what is filed")
    show.add_argument("--config", type=Path, default=argparse.SUPPRESS, help="the TOML file")
    show.add_argument("--visit", help="of this visit only")
    show.add_argument("--json", action="store_true", help="as JSON lines")
    show.set_defaults(run=_dossier_show)

    broker = commands.add_parser("broker", help="the embedded MQTT broker")
    with_config(broker)
    broker.set_defaults(run=_broker)

    config = commands.add_parser("config", help="the configuration")
    check = config.add_subparsers(dest="config_command", required=True).add_parser(
        "check", help="is a configuration right, and if not, on which line"
    )
    check.add_argument("file", nargs="?", type=Path, help="default: the file run would read")
    check.add_argument("--lang", choices=("fr", "en"), default="fr", help="default: fr")
    check.set_defaults(run=_config_check)

    wire = commands.add_parser("wire", help="the wire's schemas and AsyncAPI document")
    wire.add_argument(
        "folder", nargs="?", type=Path, default=Path("docs/wire"), help="default: %(default)s"
    )
    wire.add_argument("--check", action="store_true", help="only say whether they are up to date")
    wire.set_defaults(run=_wire)


def _demo(asked: argparse.Namespace) -> int:
    import logging
    import shutil
    import tempfile

    from devicehub.delivery.broker import BrokerFailed
    from devicehub.ops import demo
    from devicehub.ops.processes import DemoFailed

    async def play() -> None:
        async with demo.running(folder, asked.lang, asked.room) as running:
            await _show_demo(running, asked)

    folder = Path(tempfile.mkdtemp(prefix="devicehub-demo-"))
    logging.basicConfig(filename=folder / "demo.log", level=logging.INFO)
    try:
        status = until_stopped(play())
    except (DemoFailed, BrokerFailed) as error:
        say(f"devicehub demo: {error}\nlogs: {folder}")
        return FAULT
    except KeyboardInterrupt:
        status = WELL
    logging.shutdown()
    shutil.rmtree(folder, ignore_errors=True)
    return status


async def _show_demo(running: Running, asked: argparse.Namespace) -> None:
    from devicehub.ops import demo
    from devicehub.ops.demo_view import View
    from devicehub.ops.processes import DemoFailed

    view = None if asked.json else View(running.page, running.room, asked.lang, sys.stdout)
    if view is not None:
        view.open()
    if not asked.once:
        show = view.show if view else lambda progress: say(progress.as_json(), sys.stdout)
        await demo.watch(running, show)
        return
    readings = await demo.once(running, view.show if view else lambda _progress: None)
    if view is None:
        for reading in readings:
            say(reading.as_json(), sys.stdout)
    if not all(reading.state == "filed" for reading in readings):
        states = ", ".join(f"{reading.device}: {reading.state}" for reading in readings)
        raise DemoFailed(f"not every reading was filed: {states}")


def _run(asked: argparse.Namespace) -> int:
    from devicehub.app import MissingTable, run_station
    from devicehub.config import ConfigError
    from devicehub.devices.binding import WrongDriver
    from devicehub.journal.failures import JournalFailed

    def ready(url: str) -> None:
        line = json.dumps({"event": "ready", "url": url}) if asked.json else f"devicehub: {url}"
        say(line, sys.stdout)

    try:
        settings = load_settings(asked)
        log_to_stderr()
        return until_stopped(run_station(settings, on_ready=ready))
    except ConfigError as error:
        say(str(error))
        return ENVIRONMENT
    except (JournalFailed, MissingTable, WrongDriver, OSError) as error:
        say(f"devicehub run: {error}")
        return ENVIRONMENT


def _dossier(asked: argparse.Namespace) -> int:
    from devicehub.app import MissingTable, run_dossier_service
    from devicehub.config import ConfigError
    from devicehub.dossier.dossier import DossierFailed
    from devicehub.dossier.store import StoreFailed

    def ready(url: str) -> None:
        line = json.dumps({"event": "ready", "url": url}) if asked.json else f"devicehub: {url}"
        say(line, sys.stdout)

    try:
        settings = load_settings(asked)
        log_to_stderr()
        return until_stopped(
            run_dossier_service(settings, simulation=asked.simulation, on_ready=ready)
        )
    except ConfigError as error:
        say(str(error))
        return ENVIRONMENT
    except (DossierFailed, StoreFailed, MissingTable) as error:
        say(f"devicehub dossier: {error}")
        return ENVIRONMENT


def _dossier_show(asked: argparse.Namespace) -> int:
    from devicehub.config import ConfigError
    from devicehub.dossier.show import show
    from devicehub.dossier.store import StoreFailed
    from devicehub.dossier.visits import UnknownVisit

    try:
        settings = load_settings(asked)
        if settings.dossier_service is None:
            say("devicehub dossier show: [dossier_service] is missing in the configuration")
            return ENVIRONMENT
        for line in show(settings.dossier_service.store, visit=asked.visit, as_json=asked.json):
            say(line, sys.stdout)
    except ConfigError as error:
        say(str(error))
        return ENVIRONMENT
    except (StoreFailed, UnknownVisit) as error:
        say(str(error))
        return FAULT
    return WELL


def _broker(asked: argparse.Namespace) -> int:
    from devicehub.app import run_broker
    from devicehub.config import ConfigError
    from devicehub.delivery.broker import BrokerFailed

    try:
        settings = load_settings(asked)
        return until_stopped(run_broker(settings, on_ready=lambda url: say(url, sys.stdout)))
    except ConfigError as error:
        say(str(error))
        return ENVIRONMENT
    except BrokerFailed as error:
        say(f"devicehub broker: {error}")
        return ENVIRONMENT


def _config_check(asked: argparse.Namespace) -> int:
    from devicehub import config
    from devicehub.devices import registry

    lines, status = config.check(
        asked.file or Path("devicehub.toml"),
        environment=os.environ,
        known_drivers=registry.installed(),
        language=asked.lang,
    )
    for line in lines:
        say(line, sys.stdout)
    return status


def _wire(asked: argparse.Namespace) -> int:
    from devicehub.delivery import asyncapi

    if asked.check:
        old = asyncapi.stale(asked.folder)
        for path in old:
            say(f"{path}: not what the models say; run: devicehub wire {asked.folder}")
        return FAULT if old else WELL
    asyncapi.generate(asked.folder)
    return WELL
