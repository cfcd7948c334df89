"""The metrology log (carnet métrologique) at the terminal: record an act, look, export. The station may be running."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from devicehub.cli.common import (
    ENVIRONMENT,
    USAGE,
    WELL,
    load_settings,
    load_station,
    say,
    with_config,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from devicehub.cli.common import Commands
    from devicehub.config import Settings
    from devicehub.journal.metrology import MetrologyEntry

ACTS = ("verification", "calibration", "validation", "repair", "battery")
"""`devicehub.journal.metrology.MetrologyAct`, which the parser must know without importing the journal."""

OPTIONS = {"done_on": "on"}
"""The options that are not named like the field of the line they fill."""


def add(commands: Commands) -> None:
    """Add these commands."""
    metrology = commands.add_parser("metrology", help="the metrology log of the devices")
    does = metrology.add_subparsers(dest="metrology_command", required=True)

    record = does.add_parser("record", help="write down what was done to a device")
    with_config(record)
    record.add_argument("device", help="the device's id in the configuration")
    record.add_argument("act", choices=ACTS, help="what was done")
    record.add_argument("--on", type=_day, required=True, help="the day it was done, YYYY-MM-DD")
    record.add_argument("--by", required=True, help="who did it: the body, the company, a name")
    record.add_argument("--certificate", help="the certificate's number")
    record.add_argument("--due", type=_day, help="the day the next one is due, YYYY-MM-DD")
    record.add_argument("--failed", action="store_true", help="the device did not pass")
    record.add_argument("--note", help="anything else; nothing about a patient")
    record.set_defaults(run=_spoken(_record))

    show = does.add_parser("list", help="the log, oldest line first")
    with_config(show)
    show.add_argument("device", nargs="?", help="this device only")
    show.set_defaults(run=_spoken(_list))

    export = does.add_parser("export", help="the log for an inspector")
    with_config(export)
    export.add_argument("device", nargs="?", help="this device only")
    export.add_argument(
        "--format", choices=("csv", "json"), default="csv", help="default: %(default)s"
    )
    export.set_defaults(run=_spoken(_export))


def _spoken(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """A command that says what is missing where it lies."""

    def run(asked: argparse.Namespace) -> int:
        from devicehub.config import ConfigError
        from devicehub.journal.failures import JournalFailed

        try:
            return command(asked)
        except (ConfigError, JournalFailed) as error:
            return _refuse(str(error), ENVIRONMENT)

    return run


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: YYYY-MM-DD") from None


def _record(asked: argparse.Namespace) -> int:
    from pydantic import ValidationError

    from devicehub.journal import metrology

    wrong = _wrong(asked, load_settings(asked))
    if wrong is not None:
        return _refuse(wrong, USAGE)
    try:
        entry = metrology.MetrologyEntry(
            device=asked.device,
            act=asked.act,
            done_on=asked.on,
            by=asked.by,
            passed=not asked.failed,
            certificate=asked.certificate,
            due=asked.due,
            note=asked.note,
            author=getpass.getuser(),
            at=datetime.now(UTC),
        )
    except ValidationError as error:
        faults = ((str(fault["loc"][0]), fault["msg"]) for fault in error.errors())
        told = (f"--{OPTIONS.get(field, field)} : {words}" for field, words in faults)
        return _refuse("; ".join(told), USAGE)
    journal = _journal(asked)
    if not journal.exists():  # to record belongs to setting up, before the first start
        asyncio.run(_begin(journal))
    with metrology.beside(journal) as database:
        metrology.record(database, entry)
    say(f"consigné · recorded: {_line(entry)}", sys.stdout)
    return WELL


async def _begin(path: Path) -> None:
    """Make the journal as the station does at its first start."""
    from devicehub.journal.journal import Journal

    async with Journal(path):
        pass


def _wrong(asked: argparse.Namespace, settings: Settings) -> str | None:
    """Why the act cannot be written down, if it cannot."""
    known = [device.id for device in settings.device]
    if asked.device not in known:
        listed = ", ".join(known) or "—"
        return f"{asked.device!r} n'est pas un appareil de la configuration · is no device of the configuration: {listed}"
    if asked.on > datetime.now().astimezone().date():
        return "--on est dans le futur · --on is in the future"
    return None


def _list(asked: argparse.Namespace) -> int:
    for entry in _log(asked):
        say(_line(entry), sys.stdout)
    return WELL


def _export(asked: argparse.Namespace) -> int:
    from devicehub.journal.metrology import as_csv

    entries = _log(asked)
    if asked.format == "json":
        rows = [entry.model_dump(mode="json") for entry in entries]
        say(json.dumps(rows, ensure_ascii=False, indent=2), sys.stdout)
        return WELL
    say(as_csv(entries).rstrip("\n"), sys.stdout)
    return WELL


def _log(asked: argparse.Namespace) -> Sequence[MetrologyEntry]:
    from devicehub.journal import metrology

    with metrology.beside(_journal(asked)) as database:
        return metrology.log(database, asked.device)


def _journal(asked: argparse.Namespace) -> Path:
    return load_station(asked).data / "journal.sqlite"


def _line(entry: MetrologyEntry) -> str:
    parts = (
        entry.done_on.isoformat(),
        entry.device,
        entry.act,
        "" if entry.passed else "refusé · failed",
        entry.by,
        entry.certificate or "",
        f"→ {entry.due.isoformat()}" if entry.due else "",
        entry.note or "",
    )
    return "  ".join(_shown(part) for part in parts if part)


def _shown(text: str) -> str:
    """One line, whatever an older version has let in."""
    from devicehub.journal.metrology import readable

    return "".join(one if readable(one) else repr(one)[1:-1] for one in text)


def _refuse(words: str, status: int) -> int:
    say(f"devicehub metrology: {words}")
    return status
