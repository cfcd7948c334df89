"""The command line's own words where something is mistyped: argparse speaks English alone."""

from __future__ import annotations

import argparse
import re
import sys
from typing import NoReturn

# What argparse says, as it has said it since Python 3.11 (Lib/argparse.py), and the same in French.
_FRENCH = tuple(
    (re.compile(english), french)
    for english, french in (
        (r"the following arguments are required: (.+)", r"il manque \1"),
        (r"one of the arguments (.+) is required", r"il manque l'un de \1"),
        (r"unrecognized arguments: (.+)", r"inconnu ici : \1"),
        (r"argument (.+?): invalid choice: (.+) \(choose from (.+)\)", r"\1 : pas \2 ; au choix : \3"),
        (r"argument (.+?): expected .*arguments?", r"\1 : la valeur manque"),
        (r"argument (.+?): invalid \w+ value: (.+)", r"\1 : \2 n'a pas la forme voulue"),
        (r"argument (.+?): ignored explicit argument (.+)", r"\1 ne prend pas de valeur (\2)"),
        (r"argument (.+?): not allowed with argument (.+)", r"\1 ne va pas avec \2"),
    )
)  # fmt: skip


class Parser(argparse.ArgumentParser):
    """A parser that says first in French what is wrong; its subcommands' parsers are such, too."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where it is explained, and end with the status of wrong usage."""
        self.print_usage(sys.stderr)
        said = message if " · " in message else f"{_french(message)} · {message}"
        self.exit(2, f"{self.prog} : {said} ({self.prog} --help)\n")


def _french(message: str) -> str:
    for english, french in _FRENCH:
        found = english.fullmatch(message)
        if found is not None:
            return found.expand(french)
    return "commande mal écrite"
