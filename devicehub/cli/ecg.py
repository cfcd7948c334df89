"""The ECG preparation check on recordings."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from devicehub.cli.common import ENVIRONMENT, FAULT, USAGE, WELL, say

if TYPE_CHECKING:
    from devicehub.cli.common import Commands
    from devicehub.ecg.verdict import Verdict


def add(commands: Commands) -> None:
    """Add these commands."""
    ecg = commands.add_parser("ecg", help="the ECG preparation check")
    verbs = ecg.add_subparsers(dest="ecg_command", required=True)
    check = verbs.add_parser(
        "check",
        help="would the physician's ECG be good, lead by lead and electrode by electrode",
        description="Judge recordings. It never interprets the heart. Exit status: 0 all were judged"
        " (ready or not), 1 one could not be, 2 the file is not understood, 3 wfdb is not installed.",
    )
    check.add_argument(
        "file", type=Path, help=".npz (signal, fs, units_per_mv, leads), .csv, or a WFDB record"
    )
    check.add_argument("--json", action="store_true", help="one JSON object per record")
    check.add_argument(
        "--at", type=float, metavar="SECONDS", help="the verdict as it stood then (3 or more)"
    )
    check.add_argument(
        "--mains", type=int, choices=(50, 60), help="look at this line only (default: at both)"
    )
    check.add_argument("--fs", type=float, metavar="HERTZ", help="where the file does not tell")
    check.set_defaults(run=_check)


def _check(asked: argparse.Namespace) -> int:
    from devicehub.ecg import files
    from devicehub.ecg.check import SHORTEST, TooShort
    from devicehub.ecg.recording import as_json, judge

    if asked.at is not None and not (math.isfinite(asked.at) and asked.at >= SHORTEST):
        say(
            f"devicehub ecg check: --at {asked.at:g}: give seconds; the first verdict comes at {SHORTEST:g} s"
        )
        return USAGE
    try:
        recordings = files.load(asked.file, fs=asked.fs)
    except files.NoWfdb as error:
        say(f"devicehub ecg check: {error}")
        return ENVIRONMENT
    except files.BadRecording as error:
        say(f"devicehub ecg check: {error}")
        return USAGE
    except OSError as error:
        say(f"devicehub ecg check: {error.filename or asked.file}: {error.strerror or error}")
        return USAGE
    status = WELL
    for recording in recordings:
        try:
            verdict = judge(recording, at=asked.at, mains=asked.mains)
        except TooShort as error:
            say(f"devicehub ecg check: {recording.name}: {error}")
            status = FAULT
            continue
        if asked.json:
            print(json.dumps(as_json(recording, verdict), ensure_ascii=False))
        else:
            _tell(recording.name, verdict)
    return status


def _tell(name: str, verdict: Verdict) -> None:
    """One recording, for a person: the verdict, then what to do."""
    from devicehub.ecg import advice
    from devicehub.ecg.verdict import UNITS

    told = "ready" if verdict.ready else "not ready"
    standing = "" if verdict.firm else f", provisional after {verdict.seconds:.1f} s"
    say(f"{name}: {told} (bad: {verdict.probability_bad:.0%}{standing})", sys.stdout)
    for lead, one in verdict.leads.items():
        if one.causes or one.state != "good":
            figures = (f"{cause} {value:.2f} {UNITS[cause]}" for cause, value in one.causes.items())
            say(f"  {lead:5} {one.state:5} {', '.join(figures)}", sys.stdout)
    for electrode, seen in verdict.electrodes.items():
        if seen.state in ("poor", "off") and seen.cause:
            say(f"  {advice.advise(electrode, seen.cause, 'en')}", sys.stdout)
    if verdict.swap:
        say(f"  {advice.advise_swap(verdict.swap, 'en')}", sys.stdout)
    if verdict.chest_swap_hint:
        say(f"  {advice.advise_chest(verdict.chest_swap_hint, 'en')}", sys.stdout)
