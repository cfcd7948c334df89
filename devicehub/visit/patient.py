"""Who a visit is about, for the banner alone. It comes from the dossier, lives in memory, and goes nowhere else."""

from __future__ import annotations

from datetime import date
from typing import Literal

from devicehub.reading.reading import Record

OLDEST_YEARS = 130
"""Nobody has lived longer: the oldest person known reached 122."""


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

    def is_also(self, other: PatientIdentity) -> bool:
        """Whether both name the same person beyond doubt; ``False`` says nothing.

        Only an INS does: two people can share every other trait.
        """
        if self.ins is None or other.ins is None:
            return False
        return (self.ins.matricule, self.ins.oid) == (other.ins.matricule, other.ins.oid)
