"""The body mass index of a visit, from its weight and its height. Derived: no device measured it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from devicehub.driver import BodyHeight, BodyMassIndex, BodyWeight
from devicehub.journal.records import Filing
from devicehub.journal.states import ACCEPTED
from devicehub.reading.derivation import Derivation, Member
from devicehub.reading.reading import Reading
from devicehub.visit.course import rounded
from devicehub.visit.dossier import EarlierValue

LAST_DIGIT = Decimal("0.1")
"""A weight to 100 g and a height to 5 mm give a tenth of a kilogram per square metre (UCUM ``kg/m2``)."""


@dataclass(frozen=True, slots=True)
class BodyMass:
    """The index, what it is computed from, and the readings of this visit among that."""

    measurement: BodyMassIndex
    derivation: Derivation
    counted: tuple[Reading, ...]


def index(kilograms: Decimal, centimetres: Decimal) -> Decimal:
    """Weight over height squared, half to even. Raises ``ZeroDivisionError`` for a height of nothing."""
    metres = centimetres / 100
    return rounded(kilograms / (metres * metres), LAST_DIGIT)


def body_mass(filings: Iterable[Filing], known_height: EarlierValue | None) -> BodyMass | None:
    """The index of the accepted weight and height of the visit that were measured last, or ``None``.

    Without a height of its own, a visit's weight goes with the one the record knows, marked so. Where a
    device has measured an index itself, nothing is computed beside it.
    """
    own = _own(filings)
    if own is None:
        return None
    weight, height = own
    kilograms = _value(weight, "kilograms")
    centimetres = _value(height, "centimetres")
    if weight is None or kilograms is None:
        return None
    if height is not None and centimetres is not None:
        members = (Member(reading=weight.id), Member(reading=height.id))
        return _computed(kilograms, centimetres, members, (weight, height))
    told = known_height.measurement if known_height is not None else None
    if known_height is not None and isinstance(told, BodyHeight) and told.centimetres is not None:
        members = (
            Member(reading=weight.id),
            Member(reading=known_height.reading, from_record=True),
        )
        return _computed(kilograms, told.centimetres, members, (weight,))
    return None


def lone_weight(filings: Iterable[Filing]) -> Reading | None:
    """The visit's accepted weight that was measured last, where no height and no index of its own goes with it."""
    own = _own(filings)
    return own[0] if own is not None and own[1] is None else None


def _own(filings: Iterable[Filing]) -> tuple[Reading | None, Reading | None] | None:
    """The visit's accepted weight and height that were measured last; ``None`` where a device has measured an index."""
    accepted = [
        filing.reading
        for filing in filings
        if filing.state in ACCEPTED and filing.reading.source != "derived"
    ]
    if any(reading.kind == "body_mass_index" for reading in accepted):
        return None
    return _newest(accepted, BodyWeight), _newest(accepted, BodyHeight)


def _computed(
    kilograms: Decimal,
    centimetres: Decimal,
    members: tuple[Member, ...],
    counted: tuple[Reading, ...],
) -> BodyMass | None:
    if centimetres <= 0 or kilograms <= 0:
        return None
    return BodyMass(
        BodyMassIndex(kilograms_per_square_metre=index(kilograms, centimetres)),
        Derivation(rule="body_mass_index", members=members),
        counted,
    )


def _newest(readings: Iterable[Reading], kind: type[BodyWeight | BodyHeight]) -> Reading | None:
    return max(
        (reading for reading in readings if isinstance(reading.measurement, kind)),
        key=lambda reading: (reading.measured_at, reading.received_at),
        default=None,
    )


def _value(reading: Reading | None, field: str) -> Decimal | None:
    return None if reading is None else getattr(reading.measurement, field)
