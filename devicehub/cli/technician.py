"""What a technician does with devices, and with ones that do not exist."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from devicehub.cli.common import (
    ENVIRONMENT,
    FAULT,
    USAGE,
    WELL,
    load_settings,
    say,
    until_stopped,
    with_config,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from devicehub.cli.common import Commands
    from devicehub.driver import Frame, Measurement, NotUnderstood
    from devicehub.transport.ble import Radio


def add(commands: Commands) -> None:
    """Add these commands."""
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

    scan = commands.add_parser("scan", help="what is in range, and which driver would take it")
    with_config(scan)
    scan.add_argument("--radio", help="system, or virtual:<HCI transport> (default: the file's)")
    scan.add_argument("--seconds", type=float, default=10.0, help="default: %(default)s")
    scan.add_argument("--json", action="store_true", help="as JSON lines")
    scan.set_defaults(run=_scan)

    pair = commands.add_parser("pair", help="bond with a Bluetooth device, deliberately")
    with_config(pair)
    pair.add_argument("address", help="the device's Bluetooth address")
    pair.add_argument("--radio", help="system, or virtual:<HCI transport> (default: the file's)")
    pair.add_argument("--seconds", type=float, default=60.0, help="how long to wait for it")
    pair.set_defaults(run=_pair)

    record = commands.add_parser("record", help="write down a conversation, without identities")
    with_config(record)
    record.add_argument("file", type=Path, help="the capture to write (….jsonl)")
    record.add_argument("--driver", help="talk as this driver does (default: only listen)")
    where = record.add_mutually_exclusive_group(required=True)
    where.add_argument("--address", help="a Bluetooth address")
    where.add_argument("--port", help="a serial port or URL; needs --driver")
    record.add_argument("--radio", help="system, or virtual:<HCI transport> (default: the file's)")
    record.add_argument("--seconds", type=float, default=60.0, help="default: %(default)s")
    record.set_defaults(run=_record)

    replay = commands.add_parser("replay", help="what a driver reads in a capture")
    replay.add_argument("capture", type=Path, help="the file")
    replay.add_argument("--driver", help="default: the one it was made with")
    replay.set_defaults(run=_replay)


def _simulate(asked: argparse.Namespace) -> int:
    from devicehub.testing.simulate import UnknownSimulator, simulate

    def tell(event: dict[str, object]) -> None:
        text = json.dumps(event, ensure_ascii=False, default=str)
        if not asked.json:
            text = " ".join(str(value) for value in event.values())
        say(text, sys.stdout)

    try:
        return until_stopped(
            simulate(asked.device, hci=asked.hci, every=asked.every, count=asked.count, ledger=tell)
        )
    except UnknownSimulator as error:
        say(f"devicehub simulate: {error}")
        return USAGE


async def _ask_passkey(address: str) -> int | None:
    """Ask at the terminal for the six digits a device displays; an empty answer gives up."""
    digits = await asyncio.to_thread(input, f"{address}: the digits on its display: ")
    return int(digits) if digits.strip().isdigit() else None


def _radio(asked: argparse.Namespace) -> Callable[[], Radio]:
    """The radio asked for, else the configured one. Raises ``ConfigError``, ``RadioUnavailable``."""
    from devicehub.transport.failures import RadioUnavailable
    from devicehub.transport.radios import make_radio

    name, bonds = asked.radio, None
    if name is None and asked.config is not None:
        settings = load_settings(asked)
        name = settings.bluetooth.radio
        bonds = settings.station.data / "bonds" if settings.station is not None else None
    radio = make_radio(name or "system", bonds, _ask_passkey)
    if radio is None:
        raise RadioUnavailable("the configuration says that this station has no radio")
    return radio


def _at_radio(work: Coroutine[None, None, None]) -> int:
    """Run ``work`` with a radio; what can go wrong there, in words."""
    from devicehub.config import ConfigError
    from devicehub.driver import LinkLost, Refused
    from devicehub.testing.record import NotRecorded
    from devicehub.transport.failures import RadioUnavailable

    try:
        return until_stopped(work)
    except (RadioUnavailable, ConfigError) as error:
        say(str(error))
        return ENVIRONMENT
    except (LinkLost, Refused, NotRecorded) as error:
        say(str(error))
        return FAULT


def _scan(asked: argparse.Namespace) -> int:
    from devicehub.devices.binding import BleBinding
    from devicehub.devices.scan import scan

    async def listen() -> None:
        bound = load_settings(asked).device if asked.config is not None else ()
        bindings = [
            BleBinding(d.id, d.name, d.address, d.name_prefix, d.driver, d.model)
            for d in bound
            if d.port is None
        ]
        async with _radio(asked)() as radio:
            for heard in await scan(radio, asked.seconds, bindings):
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

    return _at_radio(listen())


def _pair(asked: argparse.Namespace) -> int:
    from devicehub.testing.record import find, hands

    async def bond() -> None:
        async with _radio(asked)() as radio:
            say(f"waiting for {asked.address}: put it into its pairing mode")
            sighting = await find(radio, asked.address, asked.seconds)
            async with radio.connect(sighting, hands(None, lambda _frame, _read: None)) as link:
                await link.pair()
        say(f"{asked.address}: bonded. Do not pair it with anything else: that can erase the bond.")

    return _at_radio(bond())


def _record(asked: argparse.Namespace) -> int:
    from devicehub.devices import registry
    from devicehub.driver import BleDriver, NotUnderstood, SerialDriver
    from devicehub.testing.record import find, record_ble, record_serial

    if asked.file.exists():
        say(f"devicehub record: {asked.file} exists; choose another name")
        return USAGE
    try:
        driver = registry.find(asked.driver) if asked.driver else None
    except registry.UnknownDriver as error:
        say(f"devicehub record: {error}")
        return USAGE

    def heard(frame: Frame, read: Sequence[Measurement] | NotUnderstood | None) -> None:
        if isinstance(read, NotUnderstood):
            text = f"not understood: {read.reason}"
        else:
            parts = (m.model_dump_json(exclude_defaults=True) for m in read or ())
            text = " ".join(parts)
        say(f"{frame.on} {frame.parts[0][1].hex(' ')}  {text}")

    async def write_down() -> None:
        if asked.port is not None:
            if isinstance(driver, SerialDriver):
                await record_serial(
                    asked.port, driver, asked.file, seconds=asked.seconds, heard=heard
                )
            return
        ble = driver if isinstance(driver, BleDriver) else None
        async with _radio(asked)() as radio:
            sighting = await find(radio, asked.address, asked.seconds)
            await record_ble(radio, sighting, ble, asked.file, seconds=asked.seconds, heard=heard)

    if (asked.port is not None) != isinstance(driver, SerialDriver):
        say(
            "devicehub record: --port needs --driver with a serial driver, --address none or a BLE one"
        )
        return USAGE
    status = _at_radio(write_down())
    if status == WELL:
        say(
            f"{asked.file}: read it before you share it; then: devicehub drivers adopt {asked.file}"
        )
    return status


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
    except (BadCapture, ReplayFailed, OSError) as error:
        say(str(error))
        return FAULT
    for measurement in found:
        say(measurement.model_dump_json(), sys.stdout)
    return WELL
