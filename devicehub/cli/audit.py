"""The station's audit: is it as it was written, and what does it say."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, TypeVar

from devicehub.cli.common import ENVIRONMENT, FAULT, WELL, load_station, say, with_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devicehub.cli.common import Commands

T = TypeVar("T")


def add(commands: Commands) -> None:
    """Add these commands."""
    audit = commands.add_parser("audit", help="who did what to which reading and visit")
    acts = audit.add_subparsers(dest="act", metavar="ACT", required=True)
    verify = acts.add_parser("verify", help="is every line as it was written")
    with_config(verify)
    verify.set_defaults(run=_verify)
    export = acts.add_parser("export", help="every line as JSON, oldest first")
    with_config(export)
    export.set_defaults(run=_export)


def _verify(asked: argparse.Namespace) -> int:
    from devicehub.journal import audit

    try:
        found = _spoken(asked, audit.verify_file)
    except (audit.AuditBroken, audit.AuditCut) as wrong:
        say(f"devicehub audit: {wrong}")
        return FAULT
    if found is None:
        return ENVIRONMENT
    lines, link = found
    say(f"{lines} lignes intactes · lines intact, {link or '—'}", sys.stdout)
    if link:
        say(
            "Notez ce maillon hors du fichier : lui seul trahit un fichier réécrit en entier · "
            "Note this link outside the file: it alone gives away a file rewritten as a whole",
            sys.stdout,
        )
    return WELL


def _export(asked: argparse.Namespace) -> int:
    from devicehub.journal import audit

    lines = _spoken(asked, audit.read)
    if lines is None:
        return ENVIRONMENT
    for line in lines:
        say(json.dumps(line._asdict(), ensure_ascii=False), sys.stdout)
    return WELL


def _spoken(asked: argparse.Namespace, look: Callable[[Path], T]) -> T | None:
    """What is found in the station's journal, or nothing where the reason has been said."""
    from devicehub.config import ConfigError
    from devicehub.journal.failures import JournalFailed

    try:
        return look(load_station(asked).data / "journal.sqlite")
    except (ConfigError, JournalFailed) as error:
        say(f"devicehub audit: {error}")
        return None
