"""What commands that use a radio have in common: which radios, who answers while pairing, what can go wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from devicehub.cli.common import ENVIRONMENT, FAULT, load_settings, say, until_stopped, with_config

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine

    from devicehub.devices.binding import BleBinding
    from devicehub.transport.radios import MakeRadio
    from devicehub.transport.stack import Purpose


def with_radio(parser: argparse.ArgumentParser) -> None:
    """Give a command its ``--config`` and its ``--radio``."""
    with_config(parser)
    parser.add_argument("--radio", help="system, or virtual:<HCI transport> (default: the file's)")


def radios(asked: argparse.Namespace) -> list[MakeRadio]:
    """The radios asked for, else the configured ones. Raises ``ConfigError``, ``RadioUnavailable``."""
    from devicehub.transport.failures import RadioUnavailable
    from devicehub.transport.radios import make_radios

    name, bonds = asked.radio, None
    adapters: tuple[str, ...] = ()
    if asked.config is not None:
        settings = load_settings(asked)
        if settings.station is not None:
            bonds = settings.station.data / "bonds"
        if name is None:
            name, adapters = settings.bluetooth.radio, settings.bluetooth.adapters
    makers = make_radios(
        name or "system",
        bonds,
        adapters=adapters,
        ask_passkey=_ask_passkey,
        show_passkey=_show_passkey,
    )
    if not makers:
        raise RadioUnavailable("the configuration says that this station has no radio")
    return makers


def bindings(asked: argparse.Namespace) -> list[BleBinding]:
    """The Bluetooth devices of the configuration, where one is given. Raises ``ConfigError``."""
    from devicehub.devices.binding import BleBinding

    bound = load_settings(asked).device if asked.config is not None else ()
    return [
        BleBinding(d.id, d.name, d.address, d.name_prefix, d.driver, d.model)
        for d in bound
        if d.port is None
    ]


def at_radio(work: Coroutine[None, None, None]) -> int:
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


async def _ask_passkey(address: str) -> int | None:
    """Ask at the terminal for the six digits a device displays; an empty answer gives up."""
    digits = await asyncio.to_thread(input, f"{address}: the digits on its display: ")
    return int(digits) if digits.strip().isdigit() else None


async def _show_passkey(address: str, passkey: int, purpose: Purpose) -> bool:
    """Show six digits at the terminal; a comparison wants a person's yes."""
    if purpose == "type_there":
        say(f"{address}: type {passkey:06} on the device")
        return True
    question = f"{address}: does it show {passkey:06}, too? [y/N] "
    return (await asyncio.to_thread(input, question)).strip().lower() in {"y", "o", "yes", "oui"}
