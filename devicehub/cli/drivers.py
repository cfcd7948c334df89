"""What a driver author asks of the installed drivers."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from devicehub.cli.common import ENVIRONMENT, FAULT, USAGE, WELL, say, unwritten

if TYPE_CHECKING:
    from devicehub.cli.common import Commands
    from devicehub.driver import Driver


def add(commands: Commands) -> None:
    """Add these commands."""
    drivers = commands.add_parser("drivers", help="the installed drivers")
    verbs = drivers.add_subparsers(dest="drivers_command", required=True)
    listing = verbs.add_parser("list", help="every driver, and what it reads")
    listing.add_argument("--json", action="store_true", help="as JSON lines")
    listing.set_defaults(run=_drivers_list)
    show = verbs.add_parser("show", help="one driver's declaration")
    show.add_argument("driver", help="its id, e.g. mt_sics")
    show.add_argument("--json", action="store_true", help="as one JSON line")
    show.set_defaults(run=_drivers_show)
    decode = verbs.add_parser("decode", help="measurements in frames given as hexadecimal")
    decode.add_argument("driver", help="its id, e.g. mt_sics")
    decode.add_argument("hex", nargs="*", help="one frame each, as received")
    decode.add_argument("--on", help="characteristic (2a35), adv:181d, adv, or - for a serial line")
    decode.add_argument("--model", help="which of the driver's models sent it")
    decode.add_argument(
        "--secret", action="append", default=[], metavar="NAME=HEX", help="a key the frame needs"
    )
    decode.add_argument("--stdin", action="store_true", help="one frame a line: [on] hex, or JSON")
    decode.set_defaults(run=_drivers_decode)

    new = verbs.add_parser("new", help="draft a driver, from a template or from a capture")
    new.add_argument("driver", help="its id: small letters, digits and _")
    new.add_argument(
        "--kind",
        default="ble",
        help="ble (default), serial, or a device of a Bluetooth SIG service: cuff, thermometer, scale, "
        "analyser, oximeter, glucose_meter, heart_rate_sensor",
    )
    new.add_argument("--from", dest="capture", type=Path, help="a capture of the device")
    _with_drivers(new)
    _with_captures(new)
    new.add_argument(
        "--simulators",
        type=Path,
        default=Path("simulators/devicehub_simulators"),
        help="the folder of simulators (default: %(default)s)",
    )
    new.set_defaults(run=_drivers_new)

    adopt = verbs.add_parser("adopt", help="a field capture becomes a fixture and a failing test")
    adopt.add_argument("capture", type=Path, help="the file, as recorded")
    adopt.add_argument("--driver", help="whose fixture (default: the one it was made with)")
    adopt.add_argument("--device", required=True, help="maker and model, as the fixture is called")
    adopt.add_argument("--display", help="what the display showed, as JSON measurements")
    _with_captures(adopt)
    adopt.set_defaults(run=_drivers_adopt)

    check = verbs.add_parser("check", help="does a driver keep the laws")
    check.add_argument("subject", help="a driver's id, or a capture file")
    _with_drivers(check)
    _with_captures(check)
    check.set_defaults(run=_drivers_check)

    docs = verbs.add_parser("docs", help="write the catalogue of drivers, and their evidence")
    docs.add_argument("--check", action="store_true", help="only say whether it is up to date")
    docs.add_argument(
        "--file", type=Path, default=Path("docs/drivers.md"), help="default: %(default)s"
    )
    _with_drivers(docs)
    _with_captures(docs)
    docs.set_defaults(run=_drivers_docs)


def _with_drivers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--drivers",
        type=Path,
        default=Path("drivers/devicehub_drivers"),
        help="the folder of drivers (default: %(default)s)",
    )


def _with_captures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--captures",
        type=Path,
        default=Path("tests/captures"),
        help="the folder of captures (default: %(default)s)",
    )


def _drivers_list(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.devices.catalogue import describe

    for driver in registry.installed().values():
        about = describe(driver)
        line = json.dumps(about) if asked.json else f"{about['id']:24} {', '.join(about['models'])}"
        say(line, sys.stdout)
    return WELL


def _drivers_show(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.devices.catalogue import describe

    try:
        about = describe(registry.find(asked.driver))
    except registry.UnknownDriver as error:
        say(f"devicehub drivers show: {error}")
        return USAGE
    if asked.json:
        say(json.dumps(about, ensure_ascii=False), sys.stdout)
    else:
        for name, value in about.items():
            text = ", ".join(value) if isinstance(value, list) else value
            say(f"{name:10} {text}", sys.stdout)
    return WELL


def _drivers_decode(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.driver import NotUnderstood
    from devicehub.testing import decode

    try:
        driver = registry.find(asked.driver)
    except registry.UnknownDriver as error:
        say(f"devicehub drivers decode: {error}")
        return USAGE
    if asked.stdin and asked.hex:
        say(
            "devicehub drivers decode: donnez des trames ou --stdin, pas les deux ; un lieu avec --stdin est --on · "
            "give frames or --stdin, not both; a place with --stdin is --on"
        )
        return USAGE
    secrets = dict(secret.partition("=")[::2] for secret in asked.secret)
    if asked.stdin:
        decode.decode_stdin(driver, sys.stdin, sys.stdout, asked.on, asked.model, secrets)
        return WELL
    if not asked.hex:
        say(
            "devicehub drivers decode: donnez une trame en hexadécimal, ou --stdin et une par ligne · give a frame in "
            "hexadecimal, or --stdin and one a line"
        )
        return USAGE
    try:
        said = decode.decode_hex(driver, asked.on, asked.hex, asked.model, secrets)
        say(json.dumps(said), sys.stdout)
    except decode.BadHex as error:
        say(f"devicehub drivers decode: {error}")
        return USAGE
    except NotUnderstood as error:
        where = "" if error.at is None else f"byte {error.at}: "
        say(f"{where}{error.reason}")
        return FAULT
    return WELL


def _drivers_new(asked: argparse.Namespace) -> int:
    from devicehub.testing.adopt import NotAdopted
    from devicehub.testing.draft import Folders, NotDrafted, draft
    from devicehub.transport.tape import BadCapture

    try:
        written = draft(
            asked.driver,
            kind=asked.kind,
            capture=asked.capture,
            folders=Folders(
                drivers=asked.drivers, simulators=asked.simulators, captures=asked.captures
            ),
        )
    except (NotDrafted, NotAdopted, BadCapture) as error:
        say(f"devicehub drivers new: {error}")
        return USAGE
    except OSError as error:
        say(f"devicehub drivers new: {unwritten(error)}")
        return USAGE
    for path in written:
        say(str(path), sys.stdout)
    say(f"next: fill them in; what lacks says: devicehub drivers check {asked.driver}")
    return WELL


def _drivers_adopt(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.testing.adopt import NotAdopted, adopt
    from devicehub.transport.tape import NO_DRIVER, BadCapture, load

    try:
        driver = asked.driver or load(asked.capture).header.driver
        if driver != NO_DRIVER:
            registry.find(driver)
        fixture = adopt(
            asked.capture,
            driver=driver,
            device=asked.device,
            display=asked.display,
            captures=asked.captures,
        )
    except (NotAdopted, BadCapture, registry.UnknownDriver) as error:
        say(f"devicehub drivers adopt: {error}")
        return USAGE
    except OSError as error:
        say(f"devicehub drivers adopt: {unwritten(error)}")
        return USAGE
    say(str(fixture), sys.stdout)
    if asked.display is None:
        say(f"what the display showed, write into {fixture.with_suffix('.measurements.json')}")
    say(f"the test that fails until the driver reads that: devicehub drivers check {driver}")
    say(f"the device again: devicehub simulate {fixture}")
    return WELL


def _drivers_check(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.testing import simulate
    from devicehub.transport.tape import BadCapture, load

    try:
        from devicehub.testing.check import check
    except ModuleNotFoundError as missing:
        say(f"devicehub drivers check: {missing}")
        return ENVIRONMENT
    try:
        name = (
            load(Path(asked.subject)).header.driver if ".jsonl" in asked.subject else asked.subject
        )
        driver = registry.find(name)
    except BadCapture as error:
        say(f"devicehub drivers check: {error}")
        return USAGE
    except registry.UnknownDriver as error:
        file = asked.drivers / f"{name}.py"
        found = (
            f"{file} is there, but in no package that an entry point {registry.GROUP} names "
            "(drivers/README.md, A package of your own)"
        )
        say(f"devicehub drivers check: {found if file.is_file() else error}")
        return USAGE
    # The laws feed rubbish to the hub's own intake, which logs it.
    logging.getLogger("devicehub").addHandler(logging.NullHandler())
    shown: str | None = None
    for law, fault in check(driver, asked.captures):
        say(f"{'fails' if fault else 'keeps':6} {law}", sys.stdout)
        if fault:
            say(f"       {fault if fault != shown else 'the same'}", sys.stdout)
            shown = fault
    if driver.id not in simulate.installed():
        say("no simulator of this name is installed: its laws had nothing to judge", sys.stdout)
    return FAULT if shown else WELL


def _drivers_docs(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.devices.evidence import FILE
    from devicehub.testing.catalogue import levels, render
    from devicehub.transport.tape import BadCapture

    drivers = registry.installed()
    ours = {name: one for name, one in drivers.items() if _is_in(asked.drivers, one)}
    try:
        files = {asked.file: render(drivers, asked.captures)}
        if ours:  # what ships with another package is that package's to say
            files[asked.drivers / FILE] = levels(ours, asked.captures)
    except BadCapture as error:
        say(f"devicehub drivers docs: {error}")
        return FAULT
    if not asked.check:
        try:
            for file, text in files.items():
                file.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            say(f"devicehub drivers docs: {unwritten(error)}")
            return USAGE
        return WELL
    stale = [
        file
        for file, text in files.items()
        if not file.is_file() or file.read_text(encoding="utf-8") != text
    ]
    for file in stale:
        say(f"{file} is not what the drivers and captures say; run: devicehub drivers docs")
    return FAULT if stale else WELL


def _is_in(folder: Path, driver: Driver) -> bool:
    """Whether a driver is a module of the package in this folder."""
    from devicehub.devices import registry

    package = registry.package_of(driver)
    return package is not None and folder.resolve() in (
        Path(place).resolve() for place in package.__path__
    )
