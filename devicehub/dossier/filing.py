"""Whether a reading is filed: the dossier's decision, pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Literal
from uuid import UUID

from devicehub.delivery.wire import Item
from devicehub.driver import Kind
from devicehub.journal.records import Receipt
from devicehub.reading.reading import Record

Reason = Literal[
    "schema",
    "wrong_station",
    "simulator",
    "live_only",
    "no_visit",
    "conflict",
    "unknown_visit",
    "internal",
]
"""Why a reading is refused.

``schema``: it does not keep to the schema, or its attribution names another reading;
``wrong_station``: it says another station than its topic; ``simulator``: this dossier takes real
devices only; ``live_only``: a kind that is shown and never filed; ``no_visit``: it belongs to
nobody; ``conflict``: the same id, or the same revision, is filed with other content;
``unknown_visit``: not opened here; ``internal``: a fault of the dossier, which is in its log.
"""

RETRYABLE: frozenset[Reason] = frozenset({"unknown_visit", "internal"})

LIVE_ONLY: frozenset[Kind] = frozenset(
    {"cuff_pressure", "ecg_samples", "electrode_contact", "device_facts"}
)


def content_hash(record: Record) -> str:
    """What tells two contents apart, the same for every spelling of one content.

    Fields that say nothing are left out: a later version's new optional field does not turn what
    is resent after an upgrade into other content.
    """
    content = record.model_dump(mode="json", exclude_none=True)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class Arrival:
    """One item as it came: ``site`` and ``station`` from the topic, ``claimed`` from the payload."""

    site: str
    station: str
    claimed: str
    item: Item

    @cached_property
    def reading_hash(self) -> str:
        """The hash of the reading."""
        return content_hash(self.item.reading)

    @cached_property
    def attribution_hash(self) -> str:
        """The hash of the attribution."""
        return content_hash(self.item.attribution)


@dataclass
class Known:
    """What is filed already, as far as it matters to a batch: hashes by id, and by id and revision."""

    readings: dict[UUID, str] = field(default_factory=dict)
    attributions: dict[UUID, dict[int, str]] = field(default_factory=dict)
    visits: set[str] = field(default_factory=set)

    def add(self, arrival: Arrival) -> None:
        """Remember what is being filed, for what follows in the same batch."""
        attribution = arrival.item.attribution
        self.readings[attribution.reading] = arrival.reading_hash
        revisions = self.attributions.setdefault(attribution.reading, {})
        revisions[attribution.revision] = arrival.attribution_hash


def refused(reading: UUID, revision: int, reason: Reason) -> Receipt:
    """The receipt of a refusal."""
    return Receipt(
        id=reading,
        revision=revision,
        result="refused",
        reason=reason,
        retryable=reason in RETRYABLE,
    )


def judge(arrival: Arrival, known: Known, *, accepts_simulators: bool) -> Receipt:
    """The receipt for one arrival.

    A revision stands by itself, whatever its number: a station sends the newest one alone, the
    first of a quarantined reading never leaves it, and what was accepted can be withdrawn before
    it ever arrived. The highest revision counts, in whatever order they come.
    """
    reading, attribution = arrival.item.reading, arrival.item.attribution
    reason = _unfit(arrival, accepts_simulators=accepts_simulators)
    if reason is not None:
        return refused(reading.id, attribution.revision, reason)
    revisions = known.attributions.get(reading.id, {})
    same_reading = known.readings.get(reading.id, arrival.reading_hash) == arrival.reading_hash
    same_revision = revisions.get(attribution.revision, arrival.attribution_hash)
    if not same_reading or same_revision != arrival.attribution_hash:
        return refused(reading.id, attribution.revision, "conflict")
    if attribution.revision in revisions:
        return Receipt(id=reading.id, revision=attribution.revision, result="duplicate")
    if attribution.visit is not None and attribution.visit not in known.visits:
        return refused(reading.id, attribution.revision, "unknown_visit")
    return Receipt(id=reading.id, revision=attribution.revision, result="filed")


def _unfit(arrival: Arrival, *, accepts_simulators: bool) -> Reason | None:
    """Why an arrival is refused whatever is filed already."""
    reading, attribution = arrival.item.reading, arrival.item.attribution
    if attribution.reading != reading.id:
        return "schema"
    if arrival.claimed != arrival.station:
        return "wrong_station"
    if reading.origin == "simulator" and not accepts_simulators:
        return "simulator"
    if reading.kind in LIVE_ONLY:
        return "live_only"
    if attribution.visit is None and attribution.action != "withdraw":
        return "no_visit"
    return None
