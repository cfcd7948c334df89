"""The station's audit: is it as it was written, and what does it say."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from devicehub.cli.common import ENVIRONMENT, FAULT, WELL, load_settings, say, with_config

if TYPE_CHECKING:
    from devicehub.cli.common import Commands
    from devicehub.journal.audit import Line


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

    lines = _read(asked)
    if lines is None:
        return ENVIRONMENT
    try:
        link = audit.verify(lines)
    except audit.AuditBroken as broken:
        say(f"devicehub audit: {broken}")
        return FAULT
    say(f"{len(lines)} lignes intactes · lines intact, {link or '—'}", sys.stdout)
    return WELL


def _export(asked: argparse.Namespace) -> int:
    lines = _read(asked)
    if lines is None:
        return ENVIRONMENT
    for line in lines:
        say(json.dumps(line._asdict(), ensure_ascii=False), sys.stdout)
    return WELL


def _read(asked: argparse.Namespace) -> list[Line] | None:
    """Every line, or nothing where that has been said."""
    from devicehub.config import ConfigError
    from devicehub.journal import audit
    from devicehub.journal.failures import JournalFailed

    try:
        settings = load_settings(asked)
        if settings.station is None:
            say("devicehub audit: [station] is missing in the configuration")
            return None
        return audit.read(settings.station.data / "journal.sqlite")
    except (ConfigError, JournalFailed) as error:
        say(f"devicehub audit: {error}")
        return None
