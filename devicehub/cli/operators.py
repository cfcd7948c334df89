"""Who works at the station: added, listed and removed by a technician, at its terminal."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from devicehub.cli.common import ENVIRONMENT, FAULT, WELL, load_station, say, with_config

if TYPE_CHECKING:
    from devicehub.cli.common import Commands
    from devicehub.visit.operators import Operators


def add(commands: Commands) -> None:
    """Add these commands."""
    operators = commands.add_parser("operators", help="who signs in at the station, in which role")
    acts = operators.add_subparsers(dest="act", metavar="ACT", required=True)

    listed = acts.add_parser("list", help="everybody, and how they sign in")
    with_config(listed)
    listed.add_argument("--json", action="store_true", help="as JSON lines")
    listed.set_defaults(run=_list)

    added = acts.add_parser("add", help="add somebody, or change who they are; asks for a PIN")
    with_config(added)
    added.add_argument("id", help="a-z, 0-9 and -; what the audit names them by")
    added.add_argument("--name", required=True, help="what the page calls them")
    added.add_argument(
        "--role",
        required=True,
        choices=("assistant", "physician", "technician"),
        help="what they may do",
    )
    added.add_argument("--subject", help="who they are at the identity provider (sub)")
    pin = added.add_mutually_exclusive_group()
    pin.add_argument("--no-pin", action="store_true", help="through the identity provider only")
    pin.add_argument("--pin-stdin", action="store_true", help="the PIN is the first line of input")
    added.set_defaults(run=_add)

    removed = acts.add_parser("remove", help="remove somebody; what they did stays in the audit")
    with_config(removed)
    removed.add_argument("id", help="as the list names them")
    removed.set_defaults(run=_remove)


def _list(asked: argparse.Namespace) -> int:
    from devicehub.config import ConfigError
    from devicehub.visit.operators import OperatorsUnreadable

    try:
        operators = _book(asked).all()
    except (ConfigError, OperatorsUnreadable) as error:
        say(str(error))
        return ENVIRONMENT
    for operator in operators:
        ways = [way for way, has in (("PIN", operator.pin), ("OIDC", operator.subject)) if has]
        if asked.json:
            told = {
                "id": operator.id,
                "name": operator.name,
                "role": operator.role,
                "signs_in": ways,
            }
            print(json.dumps(told, ensure_ascii=False))
        else:
            print(f"{operator.id:<20} {operator.role:<11} {'+'.join(ways):<9} {operator.name}")
    if not operators and not asked.json:
        say(
            "aucun opérateur : la page est ouverte, avec les droits de l’assistant · "
            "no operators: the page is open, with the assistant's rights"
        )
    return WELL


def _add(asked: argparse.Namespace) -> int:
    from devicehub.config import ConfigError
    from devicehub.visit.operators import Operator, OperatorsUnreadable, WrongOperator

    try:
        book = _book(asked)
        operator = Operator(id=asked.id, name=asked.name, role=asked.role, subject=asked.subject)
        book.add(operator, _pin(asked))
    except WrongOperator as error:
        say(str(error))
        return FAULT
    except (ConfigError, OperatorsUnreadable) as error:
        say(str(error))
        return ENVIRONMENT
    return WELL


def _remove(asked: argparse.Namespace) -> int:
    from devicehub.config import ConfigError
    from devicehub.visit.operators import OperatorsUnreadable

    try:
        _book(asked).remove(asked.id)
    except KeyError:
        say(f"{asked.id}: personne de ce nom · nobody of this id")
        return FAULT
    except (ConfigError, OperatorsUnreadable) as error:
        say(str(error))
        return ENVIRONMENT
    return WELL


def _pin(asked: argparse.Namespace) -> str | None:
    from getpass import getpass

    from devicehub.visit.operators import WrongOperator

    if asked.no_pin:
        return None
    if asked.pin_stdin:
        return sys.stdin.readline().strip()
    pin = getpass("Code (4 à 12 chiffres · 4 to 12 digits): ")
    if getpass("Encore · again: ") != pin:
        raise WrongOperator("les deux codes diffèrent · the two PINs differ")
    return pin


def _book(asked: argparse.Namespace) -> Operators:
    """Raises ``ConfigError``."""
    from devicehub.visit.operators import Operators

    return Operators.of(load_station(asked).data)
