"""The ``devicehub`` command: one thin function a command. Each imports what it needs when it is called.

Exit status: 0 well, 1 found a fault, 2 wrong usage, 3 the environment lacks something: a configuration that
cannot be read or used, too (`config check` alone finds it, as a fault).
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from devicehub.cli import (
    audit,
    devices,
    drivers,
    ecg,
    metrology,
    operators,
    pairing,
    programs,
    technician,
)
from devicehub.cli.common import ENVIRONMENT, FAULT, USAGE, WELL, say
from devicehub.cli.parser import Parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Through a pipe Windows offers an encoding without ✓ and →: one sign would end the program.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    parser = make_parser()
    asked, rest = parser.parse_known_args(arguments)
    if rest and (asked.command != "drivers" or rest[0].startswith("-")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        # argparse ends `drivers decode ID --on 2a35 HEX…` at the option: what follows is the hex all the same.
        asked.hex = [*asked.hex, *rest]
    if asked.command is None:
        parser.print_help()
        return USAGE
    try:
        status: int = asked.run(asked)
    except KeyboardInterrupt:
        return WELL
    except BrokenPipeError:
        # The reader of a pipe has left; nothing more may be written, not even at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    except Exception as error:
        from devicehub.devices.registry import UnusableDrivers

        if not isinstance(error, UnusableDrivers):
            raise
        say(f"devicehub: {error}")
        return ENVIRONMENT
    return status


def make_parser() -> argparse.ArgumentParser:
    """Every command and its options."""
    parser: argparse.ArgumentParser = Parser(
        prog="devicehub", description="The vitals room's devices, filed in the patient dossier."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    programs.add(commands)
    technician.add(commands)
    devices.add(commands)
    pairing.add(commands)
    drivers.add(commands)
    ecg.add(commands)
    operators.add(commands)
    metrology.add(commands)
    audit.add(commands)
    return parser
