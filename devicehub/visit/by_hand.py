"""Values typed by the physician: judged like a sensor's, asked about once where they are unusual, filed at once.

The page lets no other role here (`devicehub.visit.gate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from devicehub.driver import Kind
from devicehub.journal.failures import NotAllowed
from devicehub.journal.journal import Journal
from devicehub.journal.records import Attribution, Filing
from devicehub.reading.reading import Origin
from devicehub.reading.typed import measurement_of, typed
from devicehub.transport.hands import station_now
from devicehub.visit import policy
from devicehub.visit.desk import Desk


class Impossible(ValueError):
    """No sensor of this kind could have measured this: most likely it was mistyped."""


class Unusual(Exception):
    """To be confirmed by whoever typed it. ``doubts`` are those of `devicehub.visit.policy.flags`."""

    def __init__(self, doubts: tuple[str, ...]) -> None:
        super().__init__(", ".join(doubts))
        self.doubts = doubts


class ByHand:
    """Files what the physician types. ``origin`` marks a simulated station's values, ``version`` is the hub's."""

    def __init__(self, journal: Journal, desk: Desk, *, origin: Origin, version: str) -> None:
        self._journal = journal
        self._desk = desk
        self._origin = origin
        self._version = version

    async def file(
        self, visit: str, kind: Kind, values: Mapping[str, Decimal], *, author: str, confirmed: bool
    ) -> Filing:
        """File a typed value in the open visit, which must be ``visit`` and not locked.

        Raises ``ValueError`` for values that are not of the kind, `Impossible`, `Unusual` until it is
        ``confirmed``, and `NotAllowed`.
        """
        present = self._desk.visit
        if present is None or present.id != visit or present.locked:
            raise NotAllowed(
                "ouvrez la visite et confirmez le patient · open the visit and confirm the patient"
            )
        reading = typed(
            measurement_of(kind, values),
            author=author,
            at=station_now(),
            origin=self._origin,
            version=self._version,
        )
        if reading.plausibility == "impossible":
            raise Impossible(kind)
        doubts = policy.flags(reading, self._desk.doubt(reading, visit))
        if doubts and not confirmed:
            raise Unusual(doubts)
        at = reading.received_at
        attribution = Attribution(reading=reading.id, revision=1, visit=visit, author=author, at=at)
        filing = Filing(reading=reading, attribution=attribution, state="accepted", state_at=at)
        await self._journal.file([filing], undo_for=self._desk.undo_for)
        return filing
