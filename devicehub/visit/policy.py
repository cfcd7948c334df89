"""Which readings wait for a person before they are filed. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from devicehub.driver import BloodPressure, Kind, Measurement
from devicehub.journal.records import State
from devicehub.reading.reading import Reading
from devicehub.visit import gate
from devicehub.visit.earlier import Doubt

Confirm = Literal["every", "flagged", "none"]
"""The practice's choice: every reading waits, those with a flag, or only what nobody vouches for."""


def flags(reading: Reading, doubt: Doubt | None = None) -> tuple[str, ...]:
    """Why a person must look at this very reading: its own doubts, one by one.

    ``doubt`` is whether it is unlike this patient's earlier ones (`devicehub.visit.earlier`).
    """
    doubts: list[str] = []
    if reading.unattended:
        doubts.append("unattended")
    if _needs_judgement(reading):
        doubts.append("not_automatic")
    if reading.plausibility != "plausible":
        doubts.append(reading.plausibility)
    if _is_half(reading.measurement):
        doubts.append("half_a_pressure")
    doubts += reading.measurement.flags
    if reading.metrology is not None and reading.metrology.lapsed:
        doubts.append("metrology_lapsed")
    if doubt is not None:
        doubts.append(doubt)
    return tuple(doubts)


def _needs_judgement(reading: Reading) -> bool:
    """Whether its value hangs on an operator's judgement: that of its mode, or for a mean of its members'.

    What was typed says so itself, and an index leaves it to its weight and its height, one of which may be typed.
    """
    made = reading.derivation
    by_device = reading.source == "measured" or (
        made is not None and made.rule == "blood_pressure_series"
    )
    return by_device and not reading.automatic


def _is_half(said: Measurement) -> bool:
    """Whether a cuff could not tell both pressures of one."""
    return isinstance(said, BloodPressure) and None in (said.systolic_mmhg, said.diastolic_mmhg)


def first_state(
    reading: Reading,
    visit: str | None,
    confirm: Confirm,
    doubt: Doubt | None = None,
    withheld: Collection[Kind] = frozenset(),
) -> State:
    """Where a reading starts, new or newly out of quarantine.

    One that nobody attended (a printout is one frame, without a check of its own) always waits for a person;
    so does one that makes somebody ask who the patient is, and one that the gate holds for the physician.
    """
    if visit is None:
        return "quarantined"
    if reading.plausibility == "impossible":
        return "invalid"
    held = gate.hold(reading, withheld) is not None
    waits = confirm == "every" or reading.unattended or held or doubt is not None
    if waits or (confirm == "flagged" and flags(reading)):
        return "to_review"
    return "accepted"
