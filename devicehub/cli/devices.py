"""What a technician asks about ports: which there are, whose they are, and which device is behind one."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devicehub.cli.common import (
    ENVIRONMENT,
    FAULT,
    USAGE,
    WELL,
    load_settings,
    more_than_nothing,
    say,
    settings_here,
    with_config,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devicehub.cli.common import Commands
    from devicehub.config import Device
    from devicehub.devices.listening import PortHeard, Understood
    from devicehub.driver import LineSettings, SerialDriver
    from devicehub.transport.port_identity import Port


def add(commands: Commands) -> None:
    """Add these commands."""
    devices = commands.add_parser("devices", help="serial ports and the devices behind them")
    what = devices.add_subparsers(dest="what", metavar="WHAT", required=True)

    listed = what.add_parser("list", help="the ports, what to write for each, and whose they are")
    with_config(listed)
    listed.add_argument("--json", action="store_true", help="as JSON lines")
    listed.set_defaults(run=_list)

    bind = what.add_parser("bind", help="listen while a device is used, and say what to configure")
    with_config(bind)
    bind.add_argument(
        "--port", action="append", help="only this one, or a terminal server's URL; may be repeated"
    )
    bind.add_argument(
        "--driver",
        action="append",
        help="the device is one of this driver's: ask it what it only answers; may be repeated",
    )
    bind.add_argument(
        "--seconds", type=more_than_nothing, default=120.0, help="default: %(default)s"
    )
    bind.add_argument("--write", action="store_true", help="append it to the configuration")
    bind.add_argument("--json", action="store_true", help="what was found as JSON lines")
    bind.set_defaults(run=_bind)


def _list(asked: argparse.Namespace) -> int:
    from devicehub.config import ConfigError
    from devicehub.transport.ports import plugged_in

    status, bound = WELL, []
    try:
        bound = _serial_devices(asked)
    except ConfigError as error:  # the ports may be what is needed to put it right
        say(str(error))
        status = ENVIRONMENT
    plugged = plugged_in()
    for port in plugged:
        _show_port(port, plugged, bound, as_json=asked.json)
    for device in bound:
        _show_binding(device, plugged, as_json=asked.json)
    if not plugged and not asked.json:
        say("aucun port série · no serial port")
    return status


def _show_port(
    port: Port, plugged: Sequence[Port], bound: Sequence[Device], *, as_json: bool
) -> None:
    from devicehub.transport.port_trouble import holder

    device = next((d.id for d in bound if d.port and _means(d.port, port, plugged)), None)
    identity, used_by = port.identity(plugged), holder(port.path)
    if as_json:
        _say_json(
            "port",
            path=port.path,
            identity=identity,
            product=port.product,
            device=device,
            used_by=used_by,
        )
        return
    whose = f"  = {device}" if device else ""
    used = f"  ({used_by})" if used_by else ""
    say(f"{identity:36} {port.path:14} {port.product or '-'}{whose}{used}", sys.stdout)


def _show_binding(device: Device, plugged: Sequence[Port], *, as_json: bool) -> None:
    from devicehub.driver import LinkLost
    from devicehub.transport.port_identity import find_port

    path, trouble = None, None
    try:
        path = find_port(device.port or "", plugged)
        if "://" not in path and not path.upper().startswith("COM") and not Path(path).exists():
            path, trouble = None, f"{path} : port introuvable / no such port"
    except LinkLost as lost:
        trouble = str(lost)
    if as_json:
        _say_json(
            "device",
            id=device.id,
            driver=device.driver,
            port=device.port,
            path=path,
            trouble=trouble,
        )
    elif trouble is not None:
        say(f"{device.id}: {trouble}", sys.stdout)


def _means(meant: str, port: Port, plugged: Sequence[Port]) -> bool:
    from devicehub.driver import LinkLost
    from devicehub.transport.port_identity import find_port

    with suppress(LinkLost):
        return os.path.realpath(find_port(meant, plugged)) == os.path.realpath(port.path)
    return False


def _serial_devices(asked: argparse.Namespace) -> list[Device]:
    """The configured serial devices; none without a configuration. Raises ``ConfigError``."""
    settings = settings_here(asked)
    devices = () if settings is None else settings.device
    return [device for device in devices if device.port is not None]


def _reader_port(asked: argparse.Namespace) -> list[str]:
    """The identity reader's: nobody listens to what it says of a person."""
    settings = settings_here(asked)
    return [] if settings is None or settings.reader is None else [settings.reader.port]


def _bind(asked: argparse.Namespace) -> int:
    import asyncio

    from devicehub.config import ConfigError
    from devicehub.devices import listening, registry
    from devicehub.transport.port_identity import Port
    from devicehub.transport.ports import plugged_in

    try:
        drivers = _serial_drivers(asked.driver)
        bound = _serial_devices(asked)
    except registry.UnknownDriver as error:
        say(f"devicehub devices bind: {error}")
        return USAGE
    except ConfigError as error:
        say(str(error))
        return ENVIRONMENT
    plugged = plugged_in()
    known = {port.path: port for port in plugged}
    ports = [known.get(path, Port(path)) for path in asked.port] if asked.port else plugged
    taken = [device.port or "" for device in bound] + _reader_port(asked)
    free = [port for port in ports if not any(_means(each, port, plugged) for each in taken)]
    for port in free:
        say(f"{port.path}  {port.identity(plugged)}  {port.product or ''}".rstrip())
    if not free and asked.port:
        for port in ports:
            say(_whose(asked, port, bound, plugged))
        return ENVIRONMENT
    if not free:
        say(
            "aucun port série libre ; branchez l'appareil · no free serial port; plug the device in"
        )
        return ENVIRONMENT
    heard = [listening.PortHeard(port, port.identity(plugged)) for port in free]
    asks, several = bool(asked.driver), len(free) > 1
    if several and not asks:
        say(
            "ne touchez pas encore à l'appareil : quels ports parlent d'eux-mêmes ? · do not touch the device "
            "yet: which ports speak by themselves?"
        )
    use = _say_use_till_named if several else _say_use
    listen = listening.listen(
        heard, drivers, seconds=asked.seconds, ask=asks, tell=_say_heard, use=use
    )
    may_write: bool = asked.write
    try:
        asyncio.run(listen)
    except (
        KeyboardInterrupt
    ):  # whoever used the device has heard enough; not whoever reads it later
        may_write = False
    return _conclude(asked, heard, may_write=may_write)


def _whose(
    asked: argparse.Namespace, port: Port, bound: Sequence[Device], plugged: Sequence[Port]
) -> str:
    """Why a port that was named is not listened to."""
    file = asked.config or Path("devicehub.toml")
    owner = next((d.id for d in bound if d.port and _means(d.port, port, plugged)), None)
    fr, en = (
        (f"l'appareil {owner}", f"the device {owner}")
        if owner
        else ("le lecteur d'identité", "the identity reader")
    )
    return (
        f"{port.path} : déjà pris par {fr} dans {file} ; retirez-le du fichier, ou nommez un autre port · "
        f"already bound to {en} in {file}; remove it there, or name another port"
    )


def _serial_drivers(names: Sequence[str] | None) -> list[SerialDriver]:
    """The named ones, else all. Raises `devicehub.devices.registry.UnknownDriver`."""
    from devicehub.devices import registry
    from devicehub.driver import SerialDriver

    chosen = [registry.find(name) for name in names] if names else registry.installed().values()
    found = [driver for driver in chosen if isinstance(driver, SerialDriver)]
    if names and len(found) < len(names):
        read = {driver.id for driver in found}
        others = ", ".join(name for name in names if name not in read)
        raise registry.UnknownDriver(
            f"{others} : ne lit pas de ligne série ; devicehub drivers list les montre tous · does not read serial "
            "lines; devicehub drivers list shows them all"
        )
    return found


def _say_use() -> None:
    say("utilisez l'appareil : faites une mesure · use the device: take a measurement")


def _say_use_till_named() -> None:
    say(
        "utilisez l'appareil : faites une mesure ; Ctrl-C dès qu'il est nommé · use the device: take a "
        "measurement; Ctrl-C once it is named"
    )


def _say_heard(heard: PortHeard, following: LineSettings | None) -> None:
    path, count = heard.port.path, heard.bytes_heard
    if following is None:
        for each in heard.understood:
            say(f"{path} : {each.driver.id} ({each.settings}) : {', '.join(each.kinds)}")
    elif count:
        say(
            f"{path} : {count} octets, aucun pilote ne comprend ; refaites une mesure (à présent à {following}) · "
            f"{count} bytes, no driver understands; measure again (now at {following})"
        )
    else:
        say(
            f"{path} : aucune réponse ; je redemande à {following} · no answer; asking again at {following}"
        )


def _conclude(asked: argparse.Namespace, heard: Sequence[PortHeard], *, may_write: bool) -> int:
    """Say which port spoke and who understood it; propose, or write, what to configure, where nothing is guessed."""
    from devicehub.devices import listening

    for one in heard:
        if asked.json:
            _say_json("heard", **_as_json(one))
        _say_outcome(one)
    if not any(one.understood for one in heard):
        if not asked.driver and all(not one.bytes_heard and one.trouble is None for one in heard):
            say(
                "rien ne s'est fait entendre ; un appareil qui ne répond qu'à une question : --driver NOM · nothing "
                "was heard; a device that only answers: --driver NAME"
            )
        return FAULT
    began = [one for one in heard if one.bytes_heard and not one.before]
    if len(began) != 1:
        _say_choice(began or [one for one in heard if one.understood])
        return FAULT
    (spoke,) = began
    if not spoke.understood:
        return FAULT
    first, *others = spoke.understood
    if others and not first.is_sure:
        names = ", ".join(each.driver.id for each in spoke.understood)
        say(
            f"plusieurs pilotes comprennent ({names}) ; choisissez : --driver NOM · several drivers "
            "understand it; choose one: --driver NAME"
        )
        return FAULT
    table = listening.as_table(spoke, first, _ids(asked))
    if may_write:
        return _write(asked, table)
    if not asked.json:
        say(table.rstrip(), sys.stdout)
    return WELL


def _say_choice(spoke: Sequence[PortHeard]) -> None:
    """No byte says which device is in the hand: the person does."""
    ports = " | ".join(f"--port {one.port.path}" for one in spoke)
    say(
        f"quel port est celui de l'appareil utilisé ? Rien n'est écrit ; recommencez avec lui seul : {ports} · "
        "which port is that of the device you used? Nothing is written; run this again with it alone"
    )


def _as_json(one: PortHeard) -> dict[str, Any]:
    def told(each: Understood) -> dict[str, Any]:
        return {
            "driver": each.driver.id,
            "settings": str(each.settings),
            "model": each.model,
            "messages": each.messages,
            "kinds": each.kinds,
            "sealed": each.is_sure,
        }

    return {
        "path": one.port.path,
        "identity": one.identity,
        "bytes": one.bytes_heard,
        "tried": [str(settings) for settings in one.tried],
        "before": one.before,
        "understood": [told(each) for each in one.understood],
        "by_usb": one.by_usb,
        "trouble": one.trouble,
    }


def _say_outcome(one: PortHeard) -> None:
    """What a port came to, where it has not been said yet, and the next act."""
    path, count = one.port.path, one.bytes_heard
    if one.before:
        say(
            f"{path} : parlait déjà avant que l'appareil serve ; ce n'est pas lui · spoke before the device was "
            "used; it is another"
        )
    if one.understood:
        return
    if one.trouble is not None:
        say(one.trouble)
    elif count:
        tried = ", ".join(map(str, one.tried))
        say(
            f"{path} : {count} octets arrivés, aucun compris (essayé : {tried}) ; le câble va : comparez vitesse et "
            f"parité à celles du menu de l'appareil, ou envoyez-nous un enregistrement (devicehub record) · {count} "
            "bytes came, none understood (tried as named); the cable is well: compare speed and parity with the "
            "device's menu, or send us a recording (devicehub record)"
        )
    else:
        say(
            f"{path} : silence ; l'appareil est-il allumé, et son câble au bout ? · silence; is the device on, and "
            "its cable plugged in at both ends?"
        )
    if one.by_usb:
        say(f"    USB : {', '.join(one.by_usb)} ?")


def _ids(asked: argparse.Namespace) -> list[str]:
    settings = settings_here(asked)
    return [] if settings is None else [device.id for device in settings.device]


def _write(asked: argparse.Namespace, table: str) -> int:
    """Append the table to the configuration, which must be usable with it; else nothing is changed."""
    from devicehub.config import ConfigError

    path: Path = asked.config or Path("devicehub.toml")
    before = path.read_text("utf-8") if path.exists() else ""
    gap = "" if not before or before.endswith("\n\n") else "\n" if before.endswith("\n") else "\n\n"
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(before + gap + table, "utf-8")
    try:
        load_settings(argparse.Namespace(config=draft))
    except ConfigError as error:
        draft.unlink()
        say(str(error))
        return FAULT
    if path.exists():
        draft.chmod(path.stat().st_mode)
    draft.replace(path)
    say(f"{path}: + {table.splitlines()[1]}")
    return WELL


def _say_json(event: str, **fields: object) -> None:
    say(json.dumps({"event": event, **fields}, ensure_ascii=False), sys.stdout)
