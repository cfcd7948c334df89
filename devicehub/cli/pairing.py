"""Bonds, by a technician's deliberate act: made, listed, forgotten. Nothing else of devicehub unpairs."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from devicehub.cli.at_radio import (
    WrongUsage,
    at_radio,
    bindings,
    bluetooth_address,
    radios,
    with_radio,
)
from devicehub.cli.common import ENVIRONMENT, USAGE, WELL, say, settings_here, with_config

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

    from devicehub.cli.common import Commands
    from devicehub.devices.bonds import Bonds
    from devicehub.transport.ble import Radio, Sighting

DO_NOT_PAIR_FR = "ne l'appairez pas maintenant : un essai manqué peut effacer la clé qu'il garde"
DO_NOT_PAIR = "do not pair it now: a failed attempt can erase the key it holds"


NO_STATION = (
    "nommez la configuration du poste, ses liens sont avec elle : --config FICHIER, ou lancez ceci dans le dossier de "
    "devicehub.toml · name the station's configuration, its bonds lie with it: --config FILE, or run this in the "
    "folder of devicehub.toml"
)


def add(commands: Commands) -> None:
    """Add these commands."""
    pair = commands.add_parser("pair", help="bond with a Bluetooth device, deliberately")
    with_radio(pair)
    pair.add_argument("address", type=bluetooth_address, help="the device's Bluetooth address")
    pair.add_argument("--seconds", type=float, default=60.0, help="how long to wait for it")
    pair.set_defaults(run=_pair)

    bonds = commands.add_parser("bonds", help="which radio is paired with which device")
    with_config(bonds)
    bonds.add_argument("--json", action="store_true", help="as JSON")
    bonds.set_defaults(run=_bonds)
    forget = bonds.add_subparsers(dest="bonds_command").add_parser(
        "forget", help="delete the bonds with one device, so that it can be paired anew"
    )
    with_radio(forget)
    forget.add_argument("address", type=bluetooth_address, help="the device's Bluetooth address")
    forget.set_defaults(run=_forget)


def _inventory(asked: argparse.Namespace) -> Bonds | None:
    """The station's inventory; ``None`` where no configuration names a station. Raises ``ConfigError``."""
    from devicehub.devices.bonds import Bonds

    settings = settings_here(asked)
    if settings is None or settings.station is None:
        return None
    return Bonds(settings.station.data / "bonds.json")


def _pair(asked: argparse.Namespace) -> int:
    from devicehub.driver import Refused
    from devicehub.testing.record import hands
    from devicehub.transport.hands import station_now

    async def bond() -> None:
        inventory = _inventory(asked)
        if inventory is None and (asked.radio or "").startswith("virtual:"):
            # The system keeps its own bonds; those of a virtual radio lie with the station.
            raise WrongUsage(
                "devicehub pair: sans --config, personne ne garderait le lien ; ajoutez --config FICHIER · "
                "without --config nobody would keep the bond; add --config FILE, the station's"
            )
        async with AsyncExitStack() as stack:
            known = [await stack.enter_async_context(make()) for make in radios(asked)]
            for radio in known:
                if await radio.is_bonded(asked.address):
                    raise Refused(
                        f"{asked.address} est déjà appairé avec {radio.name} ; {DO_NOT_PAIR_FR}. S'il a oublié cet "
                        f"ordinateur : devicehub bonds forget {asked.address} · it is paired with {radio.name} "
                        f"already; {DO_NOT_PAIR}. If it has forgotten this computer, forget the bond"
                    )
            say(
                f"{asked.address} : mettez l'appareil en mode d'appairage ; j'attends · put it into its pairing "
                "mode; waiting"
            )
            radio, sighting = await _first(known, asked.address, asked.seconds)
            name = _check_policy(asked, radio, sighting)
            async with radio.connect(sighting, hands(None, lambda _frame, _read: None)) as link:
                await link.pair()
            if inventory is not None:
                inventory.used(radio.identity, asked.address, name, station_now())
        say(
            f"{asked.address} : appairé avec {radio.name}. Ne l'appairez avec rien d'autre, le lien peut s'effacer · "
            f"bonded with {radio.name}. Do not pair it with anything else: that can erase the bond."
        )

    return at_radio(bond())


async def _first(known: list[Radio], address: str, seconds: float) -> tuple[Radio, Sighting]:
    """The radio that hears the device first, and what it heard. Raises `NotRecorded`."""
    from devicehub.testing.record import find

    async with asyncio.TaskGroup() as group:
        finding = {group.create_task(find(radio, address, seconds)): radio for radio in known}
        done, others = await asyncio.wait(finding, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
    first = done.pop()
    return finding[first], first.result()


def _check_policy(asked: argparse.Namespace, radio: Radio, sighting: Sighting) -> str:
    """The device's name. Raises `Refused` where its advertised name tells that it is not in its pairing mode."""
    from devicehub.devices.binding import recognise
    from devicehub.driver import BleDriver, Refused

    met = recognise(sighting, bindings(asked), radio.origin, accept_any=True)
    if met is None:
        return sighting.name or sighting.address
    source, name = met
    driver = source.driver
    told = driver.pairing_name if isinstance(driver, BleDriver) else None
    if told is not None and not (sighting.name or "").startswith(told):
        raise Refused(
            f"{name} n'est pas en mode d'appairage (il s'appelle {sighting.name!r}, il y serait {told}…) : "
            f"{DO_NOT_PAIR_FR}. Tenez son bouton Bluetooth jusqu'au signal, et recommencez · it is not in its pairing "
            f"mode: {DO_NOT_PAIR}. Hold its Bluetooth button until it signals, and run this again"
        )
    return name


def _bonds(asked: argparse.Namespace) -> int:
    from devicehub.config import ConfigError
    from devicehub.devices.bonds import as_json

    try:
        inventory = _inventory(asked)
    except ConfigError as error:
        say(str(error))
        return ENVIRONMENT
    if inventory is None:
        say(NO_STATION)
        return USAGE
    found = inventory.all()
    if asked.json:
        say(as_json(found), sys.stdout)
        return WELL
    for bond in found:
        state = (
            f"PERDU depuis {_told(bond.lost)} · LOST since then"
            if bond.lost
            else f"bon le {_told(bond.used)} · last good"
        )
        line = f"{bond.address}  {bond.device:24} radio {bond.radio}  fait le {_told(bond.made)} · made  {state}"
        say(line, sys.stdout)
    say(
        "aucun lien connu · no bond is known"
        if not found
        else "pour en refaire un, il faut d'abord l'oublier (devicehub bonds forget ADRESSE) ; "
        f"{DO_NOT_PAIR_FR} · to pair one anew it must be forgotten first; {DO_NOT_PAIR}"
    )
    return WELL


def _forget(asked: argparse.Namespace) -> int:
    async def forget() -> None:
        inventory = _inventory(asked)
        if inventory is None and asked.radio is None:
            raise WrongUsage(NO_STATION)
        held = [] if inventory is None else inventory.of(asked.address)
        is_known = bool(held)
        async with AsyncExitStack() as stack:
            for make in radios(asked):
                radio = await stack.enter_async_context(make())
                if await radio.is_bonded(asked.address) is not False:
                    await radio.forget(asked.address)
                    is_known = True
                    say(f"{asked.address} : oublié par {radio.name} · forgotten by {radio.name}")
        for bond in held:
            if inventory is not None:
                inventory.forget(bond.radio, bond.address)
        if not is_known:
            raise WrongUsage(
                f"{asked.address} : aucun lien connu ici, rien à oublier · no bond is known here, nothing to "
                "forget. Which there are: devicehub bonds --config FILE"
            )
        say(
            f"{asked.address} : plus aucun lien ici. Mettez l'appareil en mode d'appairage, puis : devicehub pair "
            f"{asked.address} · no bond is left here. Put the device into its pairing mode, then pair it"
        )

    return at_radio(forget())


def _told(moment: datetime | None) -> str:
    return "-" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M")
