"""A person in words, for the banner and wherever somebody is confirmed or chosen; and whom a visit is about."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from devicehub.journal.seal import SealBroken
from devicehub.station.words import Words
from devicehub.visit.desk import Desk
from devicehub.visit.dossier import DossierRefused, DossierUnreachable
from devicehub.visit.patient import PatientIdentity


@dataclass(frozen=True)
class Who:
    """A person's strict traits."""

    family_name: str
    given_name: str
    sex: str
    born: str
    age: str


def who(identity: PatientIdentity | None, words: Words, now: datetime) -> Who | None:
    """A person's strict traits as they are read aloud."""
    if identity is None:
        return None
    return Who(
        identity.family_name,
        identity.given_name,
        words(f"sex.{identity.sex}"),
        words(f"born.{identity.sex}", day=words.day(identity.born)),
        words.age(identity.born, now.astimezone().date()),
    )


async def whose_all(desk: Desk, visits: Iterable[str]) -> Mapping[str, PatientIdentity | None]:
    """Whom each of some visits is about, asked at once: a dossier that does not answer is waited for once."""
    each = tuple(dict.fromkeys(visits))
    return dict(zip(each, await asyncio.gather(*(whose(desk, one) for one in each)), strict=True))


async def whose(desk: Desk, visit: str) -> PatientIdentity | None:
    """Whom a recent visit is about; ``None`` where nobody can say it now."""
    try:
        return await desk.look_up(visit)
    except (DossierUnreachable, DossierRefused, SealBroken, OSError):
        return None
