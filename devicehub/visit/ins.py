"""The INS data matrix: the identity printed as « INS à scanner » on French health documents. Pure.

Format: Agence du Numérique en Santé, *INS – Format datamatrix*, v2.2 (2023-09-26), §3 and §5. A header of 26
characters (``IS``, version ``01``, 22 reserved zeros) and blocks in any order, each a tag of two characters and
its value. A group separator (GS, 0x1D) closes a value of variable length that is shorter than its longest
and not the last. Names are upper case A–Z with hyphen, apostrophe and space.

The names carry no check of their own: the last field, where it is a name, may have lost its end with the code whole in
all else. The matricule has a check (its key), and whoever opens the visit reads the name aloud. No message here holds anything that was read.
"""

from __future__ import annotations

import re
from datetime import date
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from devicehub.visit.patient import Ins, PatientIdentity

HEADER: Final = "IS01" + "0" * 22
GS: Final = "\x1d"

INS_NIR, INS_NIA = "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9"
INS_NIR_TEST, INS_NIR_DEMO = "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11"
REAL_OIDS: Final = frozenset({INS_NIR, INS_NIA})
TEST_OIDS: Final = frozenset({INS_NIR_TEST, INS_NIR_DEMO})
"""HL7 France, *FR Core* 2.2.0, fr-core-patient-ins: the four authorities that assign an INS."""

NotReadReason = Literal[
    "unknown_code", "version", "damaged", "no_separator", "key", "no_ins", "test_card", "real_card"
]


class NotRead(ValueError):
    """Nothing is taken from this code. ``reason`` is one of a closed list: it cannot hold what was read."""

    def __init__(self, reason: NotReadReason) -> None:
        super().__init__(reason)
        self.reason = reason


class _Field(NamedTuple):
    form: re.Pattern[str]
    longest: int
    is_fixed: bool = True


_NAME = re.compile(r"(?!.*(?:[ ']{2}))[A-Z'][A-Z' -]*")
"""Neither space nor apostrophe is doubled or beside another, and a space or hyphen is never first."""

_FIELDS: Final = MappingProxyType(
    {
        "S1": _Field(re.compile(r"[1-8]\d{4}(?:\d{2}|2[AB])\d{8}"), 15),
        "S2": _Field(re.compile(r"[0-9.]+"), 20, is_fixed=False),
        "S3": _Field(_NAME, 100, is_fixed=False),
        "S4": _Field(_NAME, 100, is_fixed=False),
        "S5": _Field(re.compile(r"[FM]"), 1),
        "S6": _Field(re.compile(r"\d{2}-\d{2}-\d{4}"), 10),
        "S7": _Field(re.compile(r"(?:\d{2}|2[AB])\d{3}"), 5),
    }
)
"""Matricule, its OID, the given names of birth, the family name of birth, sex, birth date, place of birth."""

_COMPULSORY: Final = frozenset(_FIELDS) - {"S7"}


def read_ins(text: str, *, simulation: bool) -> PatientIdentity:
    """The identity in the text of one code, which must be whole: it has no length of its own to check.

    A simulation takes nobody but invented patients, and elsewhere nobody is invented. Raises `NotRead`.
    """
    if not text.startswith(HEADER):
        raise NotRead("version" if re.match(r"IS\d{2}", text) else "unknown_code")
    fields = _fields(text[len(HEADER) :])
    matricule, oid = fields["S1"], fields["S2"]
    if not has_right_key(matricule):
        raise NotRead("key")
    if oid not in REAL_OIDS | TEST_OIDS:
        raise NotRead("no_ins")
    if oid in TEST_OIDS and not simulation:
        raise NotRead("test_card")
    if oid in REAL_OIDS and simulation:
        raise NotRead("real_card")
    day, month, year = map(int, fields["S6"].split("-"))
    try:
        born = date(year, month, day)
    except ValueError:
        raise NotRead("damaged") from None
    return PatientIdentity(
        family_name=fields["S4"],
        # The whole list: where one name ends and the next begins is unknown.
        given_name=fields["S3"],
        born=born,
        sex="F" if fields["S5"] == "F" else "M",
        ins=Ins(matricule=matricule, oid=oid, birth_place=fields.get("S7")),
    )


def has_right_key(matricule: str) -> bool:
    """Whether the last two digits are the key of the 13 signs before them: 97 less their remainder by 97.

    Corsica counts as 19 (``2A``) and 18 (``2B``) there. Any one damaged sign is noticed: no difference of one
    sign is a multiple of 97. Numbers given while somebody waits for theirs (NIA) have the same form and key.
    """
    number, key = matricule[:13], matricule[13:]
    for letters, digits in (("2A", "19"), ("2B", "18")):
        if number[5:7] == letters:
            number = number[:5] + digits + number[7:]
    return number.isascii() and number.isdecimal() and key == f"{97 - int(number) % 97:02}"


def _fields(message: str) -> dict[str, str]:
    """The values by tag. Raises `NotRead` unless every block is whole, known and there once."""
    try:
        return _split(message)
    except NotRead:
        if GS not in message:
            # No real code can do without: its reader is set to leave the separators out.
            raise NotRead("no_separator") from None
        raise


def _split(message: str) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = message
    while rest:
        tag, rest = rest[:2], rest[2:]
        field = _FIELDS.get(tag)
        if field is None or tag in found:
            raise NotRead("damaged")
        value = rest[: field.longest]
        if not field.is_fixed:
            value = value.partition(GS)[0]
        rest = rest[len(value) :]
        if not field.is_fixed:
            rest = rest.removeprefix(GS)
        if not field.form.fullmatch(value):
            raise NotRead("damaged")
        found[tag] = value
    if not found.keys() >= _COMPULSORY:
        raise NotRead("damaged")
    return found
