"""Which derived readings a visit should have, and what must be done so that it has exactly these. Pure.

A derived reading stands for as long as each of its members is accepted. When one is rejected, withdrawn or
given to another patient, or when a retake takes its place, the derived reading that used it is withdrawn, and
the one of the new members is filed. Nothing is ever altered in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from devicehub.journal.records import Attribution, Filing, State
from devicehub.reading.derived import derive
from devicehub.reading.reading import Reading
from devicehub.visit import course
from devicehub.visit.body_mass import body_mass, lone_weight
from devicehub.visit.dossier import EarlierValue
from devicehub.visit.series import Series

DERIVER = "devicehub-derived"
"""The author of the attributions of derived readings."""

SUPERSEDED = "superseded"
"""The reason of a withdrawal: a member no longer stands, or another took its place."""

_LIVE: frozenset[State] = frozenset({"accepted", "published", "filed", "refused"})


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do: file a new derived reading, revise one's attribution, or reject one that waits.

    ``state`` is what it leads to.
    """

    filing: Filing
    state: State
    is_new: bool


def wanted(
    filings: Sequence[Filing],
    series: Iterable[Series],
    *,
    known_height: EarlierValue | None,
    now: datetime,
    version: str,
) -> list[Reading]:
    """The derived readings a visit should have, from its ``filings``. ``version`` is the hub's."""
    by_id = {filing.reading.id: filing for filing in filings}
    found: list[Reading] = []
    for one in series:
        seen = course.look(one, by_id, now)
        if seen.act == "done" and seen.mean is not None and seen.settled:
            counted = [by_id[member].reading for member in seen.mean.members]
            found.append(
                derive(seen.mean.measurement, course.derivation(seen), counted, version=version)
            )
    mass = body_mass(filings, known_height)
    if mass is not None:
        found.append(derive(mass.measurement, mass.derivation, mass.counted, version=version))
    # Of members that are each possible, what is derived may be impossible: then one of them is not the patient's.
    return [one for one in found if one.plausibility != "impossible"]


def of_record(filings: Sequence[Filing]) -> Reading | None:
    """The body mass index that stands of a visit's weight and a height of the record.

    It stays where nobody knows what the record knows, after a restart for one: that takes nothing back.
    """
    weight = lone_weight(filings)
    for filing in filings:
        derivation = filing.reading.derivation
        if derivation is not None and derivation.rule == "body_mass_index":
            scale, rod = derivation.members
            of_it = weight is not None and scale.reading == weight.id and rod.from_record
            if of_it and filing.state in _LIVE:
                return filing.reading
    return None


def changes(
    visit: str, wanted: Iterable[Reading], known: Iterable[Filing], now: datetime
) -> list[Change]:
    """What makes the derived readings of a visit the ``wanted`` ones.

    ``known`` are the visit's derived filings, and those of ``wanted`` wherever they are. A person's word
    stands: what somebody rejected or withdrew by hand is not filed again. The members were judged where
    they came in, so their derived reading waits for nobody.
    """
    here = {filing.reading.id: filing for filing in known}
    should = {reading.id: reading for reading in wanted}
    stale = [one for one in here.values() if one.reading.id not in should]
    out = [change for one in stale if (change := _drop(one, now)) is not None]
    for reading in should.values():
        change = _keep(visit, reading, here.get(reading.id), now)
        if change is not None:
            out.append(change)
    return out


def _keep(visit: str, reading: Reading, known: Filing | None, now: datetime) -> Change | None:
    if known is None:
        attribution = Attribution(
            reading=reading.id, revision=1, visit=visit, author=DERIVER, at=now
        )
        filing = Filing(reading=reading, attribution=attribution, state="accepted", state_at=now)
        return Change(filing, "accepted", is_new=True)
    dropped = known.state == "withdrawn" and known.attribution.author == DERIVER
    elsewhere = known.state in _LIVE and known.attribution.visit != visit
    if dropped or elsewhere:
        return _revised(known, "reassign", visit, "accepted", None, now)
    return None


def _drop(known: Filing, now: datetime) -> Change | None:
    if known.state in _LIVE:
        return _revised(known, "withdraw", known.attribution.visit, "withdrawn", SUPERSEDED, now)
    if known.state == "to_review":
        return Change(known, "rejected", is_new=False)
    return None


def _revised(
    known: Filing, action: str, visit: str | None, state: State, reason: str | None, now: datetime
) -> Change:
    attribution = Attribution.model_validate(
        {
            "reading": known.reading.id,
            "revision": known.attribution.revision + 1,
            "action": action,
            "visit": visit,
            "author": DERIVER,
            "reason": reason,
            "at": now,
        }
    )
    return Change(known.model_copy(update={"attribution": attribution}), state, is_new=False)
