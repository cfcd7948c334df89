"""What a technician does with devices, and with ones that do not exist."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from devicehub.cli.at_radio import at_radio, bindings, radios, with_radio
from devicehub.cli.common import (
    ENVIRONMENT,
    FAULT,
    USAGE,
    WELL,
    at_least_one,
    more_than_nothing,
    say,
    until_stopped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devicehub.cli.common import Commands
    from devicehub.driver import Frame, Measurement, NotUnderstood


def add(commands: Commands) -> None:
    """Add these commands."""
    simulate = commands.add_parser("simulate", help="devices that do not exist")
    simulate.add_argument(
        "device",
        nargs="+",
        help="driver ids, e.g. sig_blood_pressure ads1298_bridge+LA:off@5-12; identity_reader",
    )
    simulate.add_argument(
        "--hci",
        default="tcp-server:127.0.0.1:9700",
        help="where the virtual radio listens for a hub (default: %(default)s; port 0 chooses one)",
    )
    simulate.add_argument(
        "--every", type=more_than_nothing, default=8.0, help="seconds between measurements"
    )
    simulate.add_argument(
        "--count", type=at_least_one, help="end after this many measurements a device"
    )
    simulate.add_argument("--json", action="store_true", help="what happens as JSON lines")
    simulate.set_defaults(run=_simulate)

    scan = commands.add_parser("scan", help="what is in range, and which driver would take it")
    with_radio(scan)
    scan.add_argument(
        "--seconds", type=more_than_nothing, default=10.0, help="default: %(default)s"
    )
    scan.add_argument("--json", action="store_true", help="as JSON lines")
    scan.set_defaults(run=_scan)

    record = commands.add_parser("record", help="write down a conversation, without identities")
    with_radio(record)
    record.add_argument("file", type=Path, help="the capture to write (….jsonl)")
    record.add_argument("--driver", help="talk as this driver does (default: only listen)")
    where = record.add_mutually_exclusive_group(required=True)
    where.add_argument("--address", help="a Bluetooth address")
    where.add_argument("--port", help="a serial port or URL; needs --driver")
    record.add_argument(
        "--seconds", type=more_than_nothing, default=60.0, help="default: %(default)s"
    )
    record.set_defaults(run=_record)

    replay = commands.add_parser("replay", help="what a driver reads in a capture")
    replay.add_argument("capture", type=Path, help="the file")
    replay.add_argument("--driver", help="default: the one it was made with")
    replay.set_defaults(run=_replay)


def _simulate(asked: argparse.Namespace) -> int:
    from devicehub.testing.electrodes import BadFault
    from devicehub.testing.radio import BadPort, PortTaken
    from devicehub.testing.simulate import UnknownSimulator, simulate
    from devicehub.transport.tape import BadCapture

    def tell(event: dict[str, object]) -> None:
        text = json.dumps(event, ensure_ascii=False, default=str)
        if not asked.json:
            text = " ".join(str(value) for value in event.values())
        say(text, sys.stdout)

    try:
        return until_stopped(
            simulate(asked.device, hci=asked.hci, every=asked.every, count=asked.count, ledger=tell)
        )
    except (BadCapture, BadFault, UnknownSimulator) as error:
        say(f"devicehub simulate: {error}")
        return USAGE
    except BadPort as error:
        say(f"devicehub simulate: --hci {error}")
        return USAGE
    except PortTaken as error:
        say(f"devicehub simulate: {error} (--hci tcp-server:127.0.0.1:0)")
        return ENVIRONMENT


def _scan(asked: argparse.Namespace) -> int:
    from devicehub.devices.scan import scan

    async def listen() -> None:
        async with radios(asked)[0]() as radio:
            for heard in await scan(radio, asked.seconds, bindings(asked)):
                if asked.json:
                    say(json.dumps(asdict(heard), ensure_ascii=False), sys.stdout)
                    continue
                strength = "" if heard.rssi is None else f"{heard.rssi} dBm"
                taken = f"{heard.driver} ({heard.why})" if heard.driver else heard.why
                bound_as = f"  = {heard.bound_as}" if heard.bound_as else ""
                line = f"{heard.address}  {strength:>8}  {heard.name or '-':24} {taken}{bound_as}"
                say(line, sys.stdout)
                if heard.looks_like:
                    others = ", ".join(heard.looks_like)
                    say(f"    looks like {others}: bind it by its address", sys.stdout)

    return at_radio(listen())


def _say_heard(frame: Frame, read: Sequence[Measurement] | NotUnderstood | None) -> None:
    from devicehub.driver import NotUnderstood

    if isinstance(read, NotUnderstood):
        text = f"not understood: {read.reason}"
    else:
        parts = (m.model_dump_json(exclude_defaults=True) for m in read or ())
        text = " ".join(parts)
    say(f"{frame.on} {frame.parts[0][1].hex(' ')}  {text}")


def _record(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.driver import BleDriver, SerialDriver
    from devicehub.testing.record import find, record_ble, record_serial

    if trouble := _no_place(asked.file):
        say(f"devicehub record: {trouble}")
        return USAGE
    try:
        driver = registry.find(asked.driver) if asked.driver else None
    except registry.UnknownDriver as error:
        say(f"devicehub record: {error}")
        return USAGE

    async def write_down() -> None:
        if asked.port is not None:
            if isinstance(driver, SerialDriver):
                await record_serial(
                    asked.port, driver, asked.file, seconds=asked.seconds, heard=_say_heard
                )
            return
        ble = driver if isinstance(driver, BleDriver) else None
        async with radios(asked)[0]() as radio:
            sighting = await find(radio, asked.address, asked.seconds)
            await record_ble(
                radio, sighting, ble, asked.file, seconds=asked.seconds, heard=_say_heard
            )

    if (asked.port is not None) != isinstance(driver, SerialDriver):
        say(
            "devicehub record: --port needs --driver with a serial driver, --address none or a BLE one"
        )
        return USAGE
    try:
        status = at_radio(write_down())
    except KeyboardInterrupt:
        status = WELL
    if status == WELL:
        _say_what_is_next(asked)
    return status


def _say_what_is_next(asked: argparse.Namespace) -> None:
    """After a recording that was stopped before anything was said there is no file."""
    if asked.file.exists():
        then = (
            f"adopt {asked.file} --device 'maker and model'"
            if asked.driver
            else f"new NAME --from {asked.file}"
        )
        say(f"{asked.file}: read it before you share it; then: devicehub drivers {then}")


def _no_place(file: Path) -> str | None:
    """Why a recording cannot go there, if it cannot."""
    from devicehub.testing.record import UNSCRUBBED

    if file.exists():
        return f"{file} exists; choose another name"
    if not file.parent.is_dir():
        return (
            f"le dossier {file.parent} n'existe pas ; créez-le, ou nommez-en un autre · there is no folder "
            f"{file.parent}; make it, or name another"
        )
    raw = file.with_name(file.name + UNSCRUBBED)
    if raw.exists():
        return (
            f"{raw} is there, from a recording that did not end; it still names the device: delete it, or "
            "choose another name"
        )
    return None


def _replay(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.testing.replay import ReplayFailed, replay
    from devicehub.transport.tape import BadCapture, load

    try:
        capture = load(asked.capture)
        found = replay(registry.find(asked.driver or capture.header.driver), capture)
    except registry.UnknownDriver as error:
        say(f"devicehub replay: {error}")
        return USAGE
    except (BadCapture, ReplayFailed) as error:
        say(str(error))
        return FAULT
    for measurement in found:
        say(measurement.model_dump_json(), sys.stdout)
    return WELL
