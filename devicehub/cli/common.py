"""What every command has in common: exit statuses, the configuration, speaking, ending politely."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from devicehub.config import Settings, Station

    # argparse gives this type no public name.
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

WELL, FAULT, USAGE, ENVIRONMENT = 0, 1, 2, 3
"""Exit statuses: well, a fault was found, wrong usage, the environment lacks something."""


def with_config(parser: argparse.ArgumentParser) -> None:
    """Give a command its ``--config``."""
    parser.add_argument("--config", type=Path, help="the TOML file (default: devicehub.toml)")


def load_settings(asked: argparse.Namespace) -> Settings:
    """The settings a command runs with. Raises `devicehub.config.ConfigError`."""
    from devicehub import config
    from devicehub.devices import registry

    return config.load(
        asked.config or Path("devicehub.toml"),
        environment=os.environ,
        known_drivers=registry.installed(),
    )


def settings_here(asked: argparse.Namespace) -> Settings | None:
    """These settings, for a command that can do without: ``None`` where none are named and none lie here.

    Raises `devicehub.config.ConfigError`.
    """
    if asked.config is None and not Path("devicehub.toml").exists():
        return None
    return load_settings(asked)


def load_station(asked: argparse.Namespace) -> Station:
    """The station among these settings. Raises `devicehub.config.ConfigError` where there is none, too."""
    from devicehub.config.problems import ConfigError, Problem, Words

    station = load_settings(asked).station
    if station is None:
        file = str(asked.config or Path("devicehub.toml"))
        words = Words("la table [station] manque", "the table [station] is missing")
        raise ConfigError([Problem(file, None, "", words)])
    return station


def log_to_stderr() -> None:
    """One line an event on standard error, the libraries only when something is wrong."""
    import logging

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for noisy in ("httpx", "uvicorn", "bumble", "bleak", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def until_stopped(work: Coroutine[None, None, None]) -> int:
    """Run ``work`` until it ends, or until Ctrl-C or a polite request to stop cancels it."""

    async def cancellable() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.create_task(work)
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(task.cancel))
        await task

    try:
        asyncio.run(cancellable())
    except asyncio.CancelledError:
        return WELL
    except ExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        # What ended one of its tasks ended the program: the group around it tells a person nothing.
        raise group.exceptions[0] from None
    return WELL


def more_than_nothing(text: str) -> float:
    """Seconds given on the command line."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(
            f"{text!r} : donnez un nombre de secondes au-dessus de 0 · give a number of seconds above 0"
        )
    return seconds


def at_least_one(text: str) -> int:
    """A number of times given on the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} : donnez un nombre entier, 1 ou plus · give a whole number, 1 or more"
        )
    return int(text)


def unwritten(error: OSError) -> str:
    """Which file could not be written, why, and what to do."""
    fr = en = error.strerror or str(error)
    if isinstance(error, FileNotFoundError):
        fr, en = (
            "son dossier n'existe pas ; créez-le, ou nommez-en un autre",
            "its folder is not there; make it, or name another",
        )
    elif isinstance(error, PermissionError):
        fr, en = (
            "vous n'y avez pas le droit d'écrire ; nommez un autre dossier",
            "you may not write there; name another folder",
        )
    return f"{error.filename} ne peut pas être écrit : {fr} · cannot be written: {en}"


def say(text: str, to: TextIO | None = None) -> None:
    """One line for a person, or for ``to``, at once."""
    print(text, file=to or sys.stderr, flush=True)
