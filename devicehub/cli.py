"""The ``devicehub`` command: one thin function a command. Each imports what it needs when it is called.

Exit status: 0 well, 1 found a fault, 2 wrong usage, 3 the environment lacks something.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from devicehub.config import Settings
    from devicehub.ops.demo import Running

WELL, FAULT, USAGE, ENVIRONMENT = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    parser = _parser()
    asked, rest = parser.parse_known_args(arguments)
    if rest and (asked.command != "drivers" or rest[0].startswith("-")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        # argparse ends `drivers decode ID --on 2a35 HEX…` at the option: what follows is the hex all the same.
        asked.hex = [*asked.hex, *rest]
    if asked.command is None:
        parser.print_help()
        return USAGE
    try:
        status: int = asked.run(asked)
    except KeyboardInterrupt:
        return WELL
    except BrokenPipeError:
        # The reader of a pipe has left; nothing more may be written, not even at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="devicehub", description="The vitals room's devices, filed in the patient dossier."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    demo = commands.add_parser("demo", help="a whole vitals room on this machine, simulated")
    demo.add_argument(
        "--lang", choices=("fr", "en"), default="fr", help="language of what is shown"
    )
    demo.add_argument("--once", action="store_true", help="one measurement per device, then end")
    demo.add_argument("--json", action="store_true", help="one JSON line per reading")
    demo.set_defaults(run=_demo)

    run = commands.add_parser("run", help="the station")
    _with_config(run)
    run.add_argument("--json", action="store_true", help="say when it is ready as one JSON line")
    run.set_defaults(run=_run)

    dossier = commands.add_parser("dossier", help="the service that files readings")
    _with_config(dossier)
    dossier.add_argument("--simulation", action="store_true", help="file simulated readings too")
    dossier.add_argument("--json", action="store_true", help="as JSON")
    dossier.set_defaults(run=_dossier)
    show = dossier.add_subparsers(dest="dossier_command").add_parser("show", help="what is filed")
    show.add_argument("--config", type=Path, default=argparse.SUPPRESS, help="the TOML file")
    show.add_argument("--visit", help="of this visit only")
    show.add_argument("--json", action="store_true", help="as JSON lines")
    show.set_defaults(run=_dossier_show)

    broker = commands.add_parser("broker", help="the embedded MQTT broker")
    _with_config(broker)
    broker.set_defaults(run=_broker)

    simulate = commands.add_parser("simulate", help="devices that do not exist")
    simulate.add_argument("device", nargs="+", help="driver ids, e.g. sig_blood_pressure mt_sics")
    simulate.add_argument(
        "--hci",
        default="tcp-server:127.0.0.1:9700",
        help="where the virtual radio listens for a hub (default: %(default)s; port 0 chooses one)",
    )
    simulate.add_argument("--every", type=float, default=8.0, help="seconds between measurements")
    simulate.add_argument("--count", type=int, help="end after this many measurements a device")
    simulate.add_argument("--json", action="store_true", help="what happens as JSON lines")
    simulate.set_defaults(run=_simulate)

    _drivers_parser(commands.add_parser("drivers", help="the installed drivers"))

    config = commands.add_parser("config", help="the configuration")
    check = config.add_subparsers(dest="config_command", required=True).add_parser(
        "check", help="is a configuration right, and if not, on which line"
    )
    check.add_argument("file", nargs="?", type=Path, help="default: the file run would read")
    check.add_argument("--lang", choices=("fr", "en"), default="fr")
    check.set_defaults(run=_config_check)

    wire = commands.add_parser("wire", help="the wire's schemas and AsyncAPI document")
    wire.add_argument("folder", nargs="?", type=Path, default=Path("docs/wire"))
    wire.add_argument("--check", action="store_true", help="only say whether they are up to date")
    wire.set_defaults(run=_wire)
    return parser


def _with_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="the TOML file (default: devicehub.toml)")


def _drivers_parser(drivers: argparse.ArgumentParser) -> None:
    verbs = drivers.add_subparsers(dest="drivers_command", required=True)
    listing = verbs.add_parser("list", help="every driver, and what it reads")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_drivers_list)
    show = verbs.add_parser("show", help="one driver's declaration")
    show.add_argument("driver")
    show.add_argument("--json", action="store_true")
    show.set_defaults(run=_drivers_show)
    decode = verbs.add_parser("decode", help="measurements in frames given as hexadecimal")
    decode.add_argument("driver")
    decode.add_argument("hex", nargs="*", help="one frame each, as received")
    decode.add_argument("--on", help="characteristic (2a35), adv:181d, adv, or - for a serial line")
    decode.add_argument("--model", help="which of the driver's models sent it")
    decode.add_argument(
        "--secret", action="append", default=[], metavar="NAME=HEX", help="a key the frame needs"
    )
    decode.add_argument("--stdin", action="store_true", help="one frame a line: [on] hex, or JSON")
    decode.set_defaults(run=_drivers_decode)


def _settings(asked: argparse.Namespace) -> Settings:
    from devicehub import config
    from devicehub.devices import registry

    return config.load(
        asked.config or Path("devicehub.toml"),
        environment=os.environ,
        known_drivers=registry.installed(),
    )


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for noisy in ("httpx", "uvicorn", "bumble", "bleak", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _until_stopped(work: Coroutine[None, None, None]) -> int:
    """Run ``work`` until it ends, or until Ctrl-C or a polite request to stop cancels it."""

    async def cancellable() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.create_task(work)
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(task.cancel))
        await task

    try:
        asyncio.run(cancellable())
    except asyncio.CancelledError:
        return WELL
    return WELL


def _say(text: str, to: TextIO = sys.stderr) -> None:
    print(text, file=to, flush=True)


def _demo(asked: argparse.Namespace) -> int:
    import tempfile

    from devicehub.delivery.broker import BrokerFailed
    from devicehub.ops import demo

    status = WELL

    async def play() -> None:
        nonlocal status
        async with demo.running(folder, asked.lang) as room:
            if asked.once:
                readings = await demo.once(room)
                for reading in readings:
                    _say(reading.as_json(), sys.stdout)
                if not all(reading.state == "filed" for reading in readings):
                    states = ", ".join(f"{r.device}: {r.state}" for r in readings)
                    raise demo.DemoFailed(f"not every reading was filed: {states}")
            else:
                await _demo_view(room, asked)

    with tempfile.TemporaryDirectory(prefix="devicehub-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            return _until_stopped(play())
        except (demo.DemoFailed, BrokerFailed) as error:
            _say(f"devicehub demo: {error}")
            return FAULT


async def _demo_view(room: Running, asked: argparse.Namespace) -> None:
    from devicehub.ops import demo
    from devicehub.ops.demo_view import View

    if asked.json:
        await demo.watch(room, lambda progress: _say(progress.as_json(), sys.stdout))
        return
    view = View(room.page, asked.lang, sys.stdout)
    view.open()
    await demo.watch(room, view.show)


def _run(asked: argparse.Namespace) -> int:
    from devicehub.app import MissingTable, run_station
    from devicehub.config import ConfigError
    from devicehub.journal.failures import JournalFailed

    def ready(url: str) -> None:
        line = json.dumps({"event": "ready", "url": url}) if asked.json else f"devicehub: {url}"
        _say(line, sys.stdout)

    try:
        settings = _settings(asked)
        _log_to_stderr()
        return _until_stopped(run_station(settings, on_ready=ready))
    except ConfigError as error:
        _say(str(error))
        return FAULT
    except (JournalFailed, MissingTable, OSError) as error:
        _say(f"devicehub run: {error}")
        return ENVIRONMENT


def _dossier(asked: argparse.Namespace) -> int:
    from devicehub.app import MissingTable, run_dossier_service
    from devicehub.config import ConfigError
    from devicehub.dossier.dossier import DossierFailed
    from devicehub.dossier.store import StoreFailed

    def ready(url: str) -> None:
        line = json.dumps({"event": "ready", "url": url}) if asked.json else f"devicehub: {url}"
        _say(line, sys.stdout)

    try:
        settings = _settings(asked)
        _log_to_stderr()
        return _until_stopped(
            run_dossier_service(settings, simulation=asked.simulation, on_ready=ready)
        )
    except ConfigError as error:
        _say(str(error))
        return FAULT
    except (DossierFailed, StoreFailed, MissingTable) as error:
        _say(f"devicehub dossier: {error}")
        return ENVIRONMENT


def _dossier_show(asked: argparse.Namespace) -> int:
    from devicehub.config import ConfigError
    from devicehub.dossier.show import show
    from devicehub.dossier.store import StoreFailed, UnknownVisit

    try:
        settings = _settings(asked)
        if settings.dossier_service is None:
            _say("devicehub dossier show: [dossier_service] is missing in the configuration")
            return FAULT
        for line in show(settings.dossier_service.store, visit=asked.visit, as_json=asked.json):
            _say(line, sys.stdout)
    except (ConfigError, StoreFailed, UnknownVisit) as error:
        _say(str(error))
        return FAULT
    return WELL


def _broker(asked: argparse.Namespace) -> int:
    from devicehub.app import run_broker
    from devicehub.config import ConfigError
    from devicehub.delivery.broker import BrokerFailed

    try:
        settings = _settings(asked)
        return _until_stopped(run_broker(settings, on_ready=lambda url: _say(url, sys.stdout)))
    except ConfigError as error:
        _say(str(error))
        return FAULT
    except BrokerFailed as error:
        _say(f"devicehub broker: {error}")
        return ENVIRONMENT


def _simulate(asked: argparse.Namespace) -> int:
    from devicehub.testing.simulate import UnknownSimulator, simulate

    def tell(event: dict[str, object]) -> None:
        text = json.dumps(event, ensure_ascii=False, default=str)
        if not asked.json:
            text = " ".join(str(value) for value in event.values())
        _say(text, sys.stdout)

    try:
        return _until_stopped(
            simulate(asked.device, hci=asked.hci, every=asked.every, count=asked.count, ledger=tell)
        )
    except UnknownSimulator as error:
        _say(f"devicehub simulate: {error}")
        return USAGE


def _drivers_list(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.devices.catalogue import describe

    for driver in registry.installed().values():
        about = describe(driver)
        line = json.dumps(about) if asked.json else f"{about['id']:24} {', '.join(about['models'])}"
        _say(line, sys.stdout)
    return WELL


def _drivers_show(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.devices.catalogue import describe

    try:
        about = describe(registry.find(asked.driver))
    except registry.UnknownDriver as error:
        _say(f"devicehub drivers show: {error}")
        return USAGE
    if asked.json:
        _say(json.dumps(about, ensure_ascii=False), sys.stdout)
    else:
        for name, value in about.items():
            text = ", ".join(value) if isinstance(value, list) else value
            _say(f"{name:10} {text}", sys.stdout)
    return WELL


def _drivers_decode(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.driver import NotUnderstood
    from devicehub.testing import decode

    try:
        driver = registry.find(asked.driver)
    except registry.UnknownDriver as error:
        _say(f"devicehub drivers decode: {error}")
        return USAGE
    secrets = dict(secret.partition("=")[::2] for secret in asked.secret)
    if asked.stdin:
        decode.decode_stdin(driver, sys.stdin, sys.stdout, asked.on, asked.model, secrets)
        return WELL
    try:
        said = decode.decode_hex(driver, asked.on, asked.hex, asked.model, secrets)
        _say(json.dumps(said), sys.stdout)
    except decode.BadHex as error:
        _say(f"devicehub drivers decode: {error}")
        return USAGE
    except NotUnderstood as error:
        where = "" if error.at is None else f"byte {error.at}: "
        _say(f"{where}{error.reason}")
        return FAULT
    return WELL


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
        _say(line, sys.stdout)
    return status


def _wire(asked: argparse.Namespace) -> int:
    from devicehub.delivery import asyncapi

    if asked.check:
        old = asyncapi.stale(asked.folder)
        for path in old:
            _say(f"{path}: not what the models say; run: devicehub wire {asked.folder}")
        return FAULT if old else WELL
    asyncapi.generate(asked.folder)
    return WELL
