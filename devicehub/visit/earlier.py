"""What the record knows of a patient from before: for asking "is this the right patient?", never of their health.

Two things could have gone wrong when a value is far from the last one: another person stands on the scale, or
the banner shows another patient. The limits are chosen so that the same adult rarely passes them; whoever
does is asked once, and the value stays as it is. A child grows: only what a child cannot do is asked about.

Limits and where they come from:

* weight of an adult: 10 % within six months, doubled for longer. A loss of 10 % in six months is already rare
  enough to be a criterion of its own (Haute Autorité de santé, *Diagnostic de la dénutrition de l'enfant et de
  l'adulte*, November 2019); at least 5 kg, which clothes, shoes and another scale do not explain;
* height of an adult: 4 cm, more than repeated measuring, the time of day and shoes together explain;
* height of a child: 2 cm less than before;
* weight of a child: a third less than before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import Kind, Measurement
from devicehub.visit.dossier import EarlierValue

ADULT_YEARS = 20
"""From this age on nobody grows."""

SIX_MONTHS = timedelta(days=183)
REMEMBERED = timedelta(days=3 * 365)
"""A weight older than this tells nothing about who a person is."""

HEIGHT_KEPT = timedelta(days=5 * 365)
"""How old an adult's height may be to compute with."""

WEIGHT_SHARE, WEIGHT_LEAST = Decimal("0.10"), Decimal(5)
ADULT_HEIGHT, CHILD_SHRINKS = Decimal(4), Decimal(2)
CHILD_WEIGHT_SHARE = Decimal(1) / 3

Doubt = Literal["weight_unlike_before", "height_unlike_before", "nothing_to_compare"]
"""Why a person is asked to look at the banner and at the patient."""


def doubt(
    measurement: Measurement,
    at: datetime,
    earlier: Iterable[EarlierValue] | None,
    *,
    born: date | None,
) -> Doubt | None:
    """Whether a measurement made ``at`` is unlike this patient's last one; ``None`` where it is not.

    What could be compared is doubted where nobody knows the ``earlier`` values (``None``). Without ``born`` nobody can
    say whether the patient grows: then only what a child cannot do is asked about.
    """
    field = _FIELDS.get(measurement.kind)
    if field is None:
        return None
    now: Decimal | None = getattr(measurement, field, None)
    if now is None:
        return None
    if earlier is None:
        return "nothing_to_compare"
    before = _last(measurement.kind, field, earlier, at)
    if before is None:
        return None
    value, when = getattr(before.measurement, field), before.at
    grown = born is not None and is_adult(born, when)
    if measurement.kind == "body_weight":
        unlike = _weight_unlike(value, now, at - when, grown=grown)
        return "weight_unlike_before" if unlike else None
    unlike = abs(now - value) > ADULT_HEIGHT if grown else value - now > CHILD_SHRINKS
    return "height_unlike_before" if unlike else None


def known_height(
    earlier: Iterable[EarlierValue], at: datetime, *, born: date | None
) -> EarlierValue | None:
    """The patient's last height, if it can stand for today's: an adult's, and not too old."""
    last = _last("body_height", "centimetres", earlier, at)
    if last is None or born is None or not is_adult(born, last.at) or at - last.at > HEIGHT_KEPT:
        return None
    return last


def is_adult(born: date, at: datetime) -> bool:
    """Whether a person born then had stopped growing."""
    birthday = (born.month, born.day)
    return at.year - born.year - ((at.month, at.day) < birthday) >= ADULT_YEARS


_FIELDS: Mapping[Kind, str] = {"body_weight": "kilograms", "body_height": "centimetres"}


def _last(
    kind: Kind, field: str, earlier: Iterable[EarlierValue], at: datetime
) -> EarlierValue | None:
    kept = max(REMEMBERED, HEIGHT_KEPT)
    known = [
        one
        for one in earlier
        if one.kind == kind
        and getattr(one.measurement, field) is not None
        and timedelta() < at - one.at <= kept
    ]
    return max(known, key=lambda one: one.at, default=None)


def _weight_unlike(before: Decimal, now: Decimal, since: timedelta, *, grown: bool) -> bool:
    if since > REMEMBERED:
        return False
    if not grown:
        return before - now > before * CHILD_WEIGHT_SHARE
    share = WEIGHT_SHARE if since <= SIX_MONTHS else WEIGHT_SHARE * 2
    return abs(now - before) > max(before * share, WEIGHT_LEAST)
