"""Who the patients of the room's recent visits are: as this run of the station knows it, and as the seal keeps it."""

from __future__ import annotations

import json
from collections.abc import Collection

from devicehub.journal.journal import Journal
from devicehub.journal.seal import Seal
from devicehub.visit.dossier import Dossier, EarlierValue, KnownVisit
from devicehub.visit.patient import PatientIdentity


class Identities:
    """The identities of visits, by the visit's id. In memory only, but for what `seal` closes."""

    def __init__(self, journal: Journal, dossier: Dossier, seal: Seal) -> None:
        self._journal = journal
        self._dossier = dossier
        self._seal = seal
        self._identities: dict[str, PatientIdentity] = {}
        self._known: dict[str, KnownVisit] = {}

    def of(self, visit: str) -> PatientIdentity | None:
        """Whom a visit is about, as far as this run of the station knows. See `look_up`."""
        return self._identities.get(visit)

    def earlier(self, visit: str) -> tuple[EarlierValue, ...]:
        """Values of the same patient's earlier visits, newest first; nothing where the dossier gave none."""
        known = self.told(visit)
        return known.earlier if known else ()

    def told(self, visit: str) -> KnownVisit | None:
        """What the dossier has told this run of the station of a visit; ``None`` before it has."""
        return self._known.get(visit)

    def keep(self, visit: str, identity: PatientIdentity) -> None:
        """Remember whom a visit is about."""
        self._identities[visit] = identity

    def learn(self, known: KnownVisit) -> KnownVisit:
        """Take in what the dossier says of a visit."""
        self._known[known.visit] = known
        self._identities[known.visit] = known.identity
        return known

    def sealed(self, visit: str, identity: PatientIdentity) -> bytes:
        """The identity as the journal may keep it. Raises ``OSError``."""
        return self._seal.seal(identity.model_dump_json().encode(), visit)

    def unsealed(self, visit: str, sealed: bytes) -> PatientIdentity:
        """The inverse of `sealed`. Raises `devicehub.journal.seal.SealBroken` or ``OSError``."""
        return PatientIdentity.held(json.loads(self._seal.open(sealed, visit)))

    async def look_up(self, visit: str) -> PatientIdentity:
        """Whom a recent visit is about: from memory, from the journal's seal, or from the dossier.

        Raises `DossierUnreachable`, `DossierRefused`, `devicehub.journal.seal.SealBroken` or ``OSError``.
        """
        identity = self._identities.get(visit)
        if identity is None:
            sealed = await self._journal.sealed_identity(visit)
            if sealed is not None:
                identity = self.unsealed(visit, sealed)
            else:
                identity = self.learn(await self._dossier.visit(visit)).identity
            self._identities[visit] = identity
        return identity

    def forget_but(self, visits: Collection[str]) -> None:
        """Keep in memory what is about these visits, and nothing else."""
        for gone in self._identities.keys() - set(visits):
            del self._identities[gone]
        for gone in self._known.keys() - set(visits):
            del self._known[gone]
