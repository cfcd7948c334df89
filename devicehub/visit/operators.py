"""The operators of a station: who they are, their role, and the PIN by which the station knows them.

One file in the station's folder, readable by its user only and written by ``devicehub operators``. A PIN is kept
as an argon2id hash (RFC 9106). A file with nobody in it is a station without sign-in: then whoever stands at the page has
the assistant's rights, the smallest that measure.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from pydantic import TypeAdapter, ValidationError

from devicehub.journal.private_file import write_private
from devicehub.reading.reading import Record
from devicehub.visit.gate import Role

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""19 MiB, two passes: the smallest argon2id setting that OWASP's Password Storage Cheat Sheet names."""


LONGEST_NAME: Final = 80
"""What the dossier takes for the name of who answers for a visit."""


class Operator(Record):
    """A person who works at the station. ``subject`` is who they are at the practice's identity provider."""

    id: str
    name: str
    role: Role
    pin: str | None = None
    """The PIN's argon2id hash."""
    subject: str | None = None


NOBODY: Final = Operator(id="page", name="", role="assistant")
"""Whoever stands at the page of a station that has no operators."""

_BOOK: Final = TypeAdapter(list[Operator])


class OperatorsUnreadable(OSError):
    """The operators' file is damaged. Nobody can sign in until it is mended."""


class WrongOperator(ValueError):
    """An operator cannot be added or changed like that. The message says why."""


class Operators:
    """The operators' file. Read anew where another process has changed it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._known: dict[str, Operator] = {}

    @classmethod
    def of(cls, folder: Path) -> Operators:
        """The operators of the station that keeps its data in ``folder``."""
        return cls(folder / "operators.json")

    def all(self) -> tuple[Operator, ...]:
        """Everybody, in the order they were added. Raises `OperatorsUnreadable`."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._seen, self._known = None, {}
            return ()
        if self._seen != (stat.st_mtime_ns, stat.st_size):
            try:
                listed = _BOOK.validate_json(self._path.read_bytes())
            except ValidationError as error:
                raise OperatorsUnreadable(
                    f"{self._path}: le fichier des opérateurs est abîmé ({error.error_count()} défauts) ; "
                    "restaurez-le ou recréez-le avec « devicehub operators add ». "
                    "· the operators' file is damaged: restore it, or make it anew."
                ) from error
            self._known = {operator.id: operator for operator in listed}
            self._seen = (stat.st_mtime_ns, stat.st_size)
        return tuple(self._known.values())

    def by_pin(self, operator: str, pin: str) -> Operator | None:
        """The operator, where the PIN is theirs. Takes tens of milliseconds of processor time, on purpose."""
        known = {each.id: each for each in self.all()}.get(operator)
        if known is None or known.pin is None:
            return None
        try:
            _HASHER.verify(known.pin, pin)
        except VerifyMismatchError:
            return None
        return known

    def by_subject(self, subject: str) -> Operator | None:
        """The operator that the identity provider calls ``subject``."""
        return next((each for each in self.all() if each.subject == subject), None)

    def add(self, operator: Operator, pin: str | None) -> None:
        """Add an operator, or replace the one with this id. Raises `WrongOperator`."""
        if not re.fullmatch(r"[a-z0-9-]{1,32}", operator.id) or operator.id == NOBODY.id:
            raise WrongOperator(
                f"{operator.id!r}: de 1 à 32 caractères parmi a-z, 0-9 et -, et pas « {NOBODY.id} » · "
                f"1 to 32 of a-z, 0-9 and -, and not {NOBODY.id!r}"
            )
        name = operator.name.strip()
        if not 1 <= len(name) <= LONGEST_NAME:
            raise WrongOperator(
                f"le nom a de 1 à {LONGEST_NAME} caractères · a name has 1 to {LONGEST_NAME} characters"
            )
        if pin is not None and not re.fullmatch(r"[0-9]{4,12}", pin):
            raise WrongOperator("le code a de 4 à 12 chiffres · a PIN has 4 to 12 digits")
        if pin is None and operator.subject is None:
            raise WrongOperator("il faut un code · a PIN is needed")
        hashed = None if pin is None else _HASHER.hash(pin)
        others = [each for each in self.all() if each.id != operator.id]
        self._save([*others, operator.model_copy(update={"name": name, "pin": hashed})])

    def remove(self, operator: str) -> None:
        """Remove an operator. What they did keeps their id. Raises ``KeyError``."""
        others = [each for each in self.all() if each.id != operator]
        if len(others) == len(self._known):
            raise KeyError(operator)
        self._save(others)

    def _save(self, operators: list[Operator]) -> None:
        write_private(self._path, _BOOK.dump_json(operators, indent=1))
