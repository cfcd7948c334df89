"""What commands that use a radio have in common: which radios, who answers while pairing, what can go wrong."""

from __future__ import annotations

import argparse
import asyncio
import re
from typing import TYPE_CHECKING

from devicehub.cli.common import (
    ENVIRONMENT,
    FAULT,
    USAGE,
    say,
    settings_here,
    until_stopped,
    with_config,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from devicehub.devices.binding import BleBinding
    from devicehub.transport.radios import MakeRadio
    from devicehub.transport.stack import Purpose


class WrongUsage(Exception):
    """The command cannot do what it was asked. The message says why, and what to type."""


def bluetooth_address(text: str) -> str:
    """What a command takes as a device's address. Raises ``ArgumentTypeError``."""
    from devicehub.config.values import MAC_FORM, UUID_FORM

    if not re.fullmatch(rf"{MAC_FORM}|{UUID_FORM}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} n'est pas une adresse Bluetooth (00:11:22:AA:BB:CC ; devicehub scan les liste) · "
            "is no Bluetooth address (devicehub scan lists them)"
        )
    return text.upper()


def with_radio(parser: argparse.ArgumentParser) -> None:
    """Give a command its ``--config`` and its ``--radio``."""
    with_config(parser)
    parser.add_argument(
        "--radio",
        type=_radio,
        help="system, or virtual:<HCI transport> (default: the file's)",
    )


def _radio(text: str) -> str:
    if text not in {"system", "none"} and not re.fullmatch(r"virtual:[\w-]+:\S+", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} : écrivez system, ou virtual:tcp-client:127.0.0.1:9700 pour des appareils simulés · write "
            "system, or virtual:tcp-client:127.0.0.1:9700 for simulated devices"
        )
    return text


def radios(asked: argparse.Namespace) -> list[MakeRadio]:
    """The radios asked for, else the configured ones. Raises ``ConfigError``, ``RadioUnavailable``."""
    from devicehub.transport.failures import RadioUnavailable
    from devicehub.transport.radios import make_radios

    name, bonds = asked.radio, None
    adapters: tuple[str, ...] = ()
    settings = settings_here(asked)
    if settings is not None:
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
        raise RadioUnavailable(
            "d'après la configuration ce poste n'a pas de radio · the configuration says that this station has no radio"
        )
    return makers


def bindings(asked: argparse.Namespace) -> list[BleBinding]:
    """The Bluetooth devices of the configuration, where one is given. Raises ``ConfigError``."""
    from devicehub.app.arguments import bluetooth_devices

    settings = settings_here(asked)
    return [] if settings is None else bluetooth_devices(settings)


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
    except WrongUsage as error:
        say(str(error))
        return USAGE
    except (LinkLost, Refused, NotRecorded) as error:
        say(str(error))
        return FAULT


async def _ask_passkey(address: str) -> int | None:
    """Ask at the terminal for the six digits a device displays; an empty answer, or the input's end, gives up."""
    while True:
        try:
            typed = await asyncio.to_thread(
                input, f"{address} : les chiffres de son écran · the digits on its display: "
            )
        except EOFError:
            return None
        digits = typed.replace(" ", "")
        if not digits:
            return None
        if re.fullmatch(r"[0-9]{6}", digits):
            return int(digits)
        say("il faut les six chiffres affichés · the six digits it shows are needed")


async def _show_passkey(address: str, passkey: int, purpose: Purpose) -> bool:
    """Show six digits at the terminal; a comparison wants a person's yes."""
    if purpose == "type_there":
        say(f"{address} : tapez {passkey:06} sur l'appareil · type it on the device")
        return True
    question = f"{address} : montre-t-il aussi {passkey:06} ? · does it show it, too? [o/N] "
    return (await asyncio.to_thread(input, question)).strip().lower() in {"y", "o", "yes", "oui"}
