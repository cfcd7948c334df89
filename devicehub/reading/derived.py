"""Derived readings: computed from other readings, marked so, and named after what they were computed from."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

from devicehub.driver import Measurement
from devicehub.reading import plausibility
from devicehub.reading.clock import Stamp
from devicehub.reading.derivation import Derivation
from devicehub.reading.identity import NAMESPACE
from devicehub.reading.interval import Began, KnownFrom
from devicehub.reading.reading import DriverUsed, Reading

HUB = "devicehub"
"""In place of a driver: the hub itself computed it."""

_WORST_KNOWN: tuple[KnownFrom, ...] = ("arrival", "device_clock", "live_frames")


def derived_id(measurement: Measurement, derivation: Derivation) -> UUID:
    """The same for the same values from the same members with the same labels, whenever it is computed."""
    return uuid5(
        NAMESPACE, f"derived\n{measurement.model_dump_json()}\n{derivation.model_dump_json()}"
    )


def derive(
    measurement: Measurement, derivation: Derivation, counted: Sequence[Reading], *, version: str
) -> Reading:
    """The derived reading of ``counted``, the members of this visit that its value comes from.

    It has the newest member's device, all their time, and no frame of its own: the evidence is theirs.
    One simulated member makes it simulated. ``version`` is the hub's.
    """
    newest = max(counted, key=lambda reading: reading.received_at)
    known_from = {reading.began.known_from for reading in counted}
    return Reading(
        id=derived_id(measurement, derivation),
        measurement=measurement,
        device=newest.device,
        driver=DriverUsed(id=HUB, version=version),
        origin="simulator" if any(one.origin == "simulator" for one in counted) else "device",
        received_at=newest.received_at,
        stamp=Stamp(device_time=None, corrected=None, offset_seconds=None, how="none"),
        began=Began(
            earliest=min(reading.began.earliest for reading in counted),
            latest=max(reading.began.latest for reading in counted),
            known_from=next(one for one in _WORST_KNOWN if one in known_from),
        ),
        evidence=(),
        plausibility=plausibility.judge(measurement),
        automatic=all(reading.automatic for reading in counted),
        source="derived",
        derived_from=tuple(member.reading for member in derivation.members if member.counted),
        derivation=derivation,
    )
