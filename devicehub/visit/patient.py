"""Who a visit is about, for the banner alone. It comes from the dossier, lives in memory, and goes nowhere else."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Final, Literal, Self

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from devicehub.reading.reading import Record

OLDEST_YEARS = 130
"""Nobody has lived longer: the oldest person known reached 122."""


NAMES: Final = ("family_name", "given_name")

BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(one) for one in range(0xFE00, 0xFE10)
}
"""Letters, marks and symbols that show as nothing (Unicode: Default_Ignorable_Code_Point, and the blank Braille pattern)."""

HIDDEN_SIGN: Final = "hidden_sign"
"""The type of pydantic's error for a name with a sign that cannot be seen."""


def can_be_born(born: date, today: date) -> bool:
    """Whether a person who comes today can be born on that day."""
    return born <= today and today.year - born.year <= OLDEST_YEARS


class Ins(Record):
    """A French national health identity (INS): the matricule never travels without who assigned it."""

    matricule: str
    """13 signs and their key of 2."""
    oid: str
    """Who assigned it: INS-NIR or INS-NIA, or a register of test identities."""
    birth_place: str | None = None
    """The INSEE code of the place of birth."""


class PatientIdentity(Record):
    """The strict traits a person checks before measuring. Never on MQTT, in a log, a metric or a capture."""

    family_name: str
    given_name: str
    born: date
    sex: Literal["F", "M", "X"]
    ins: Ins | None = None
    """Known where the identity was read from an INS code."""

    @field_validator(*NAMES)
    @classmethod
    def _shows_all_it_holds(cls, name: str) -> str:
        """A name with a sign that turns its letters round or hides some is read as somebody else's."""
        if any(map(_is_hidden, name)):
            raise PydanticCustomError(
                HIDDEN_SIGN,
                "le nom contient un caractère invisible : effacez-le et tapez-le au clavier · "
                "the name holds an invisible character: delete it and type it on the keyboard",
            )
        return name

    @classmethod
    def held(cls, told: object) -> Self:
        """The identity as a store or a dossier holds it, perhaps from before such names were refused.

        Nobody is left out for that: each sign that cannot be seen becomes one that can (U+FFFD).
        """
        if isinstance(told, Mapping):
            names = {name: told[name] for name in NAMES if isinstance(told.get(name), str)}
            told = {**told, **{name: _all_seen(text) for name, text in names.items()}}
        return cls.model_validate(told)

    def is_also(self, other: PatientIdentity) -> bool:
        """Whether both name the same person beyond doubt; ``False`` says nothing.

        Only an INS does: two people can share every other trait.
        """
        if self.ins is None or other.ins is None:
            return False
        return (self.ins.matricule, self.ins.oid) == (other.ins.matricule, other.ins.oid)


def _is_hidden(sign: str) -> bool:
    """Whether a sign is a control, a direction, of no width, blank, unassigned, or begins a line (Unicode: C*, Zl, Zp)."""
    category = unicodedata.category(sign)
    return category.startswith("C") or category in ("Zl", "Zp") or sign in BLANK


def _all_seen(name: str) -> str:
    return "".join("\ufffd" if _is_hidden(sign) else sign for sign in name)
