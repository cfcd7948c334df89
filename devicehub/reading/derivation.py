"""What a derived reading was computed from: the rule, and every reading that took part, counted or not."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from devicehub.driver.measurement import Number

Rule = Literal["blood_pressure_series", "body_mass_index"]
Arm = Literal["left", "right"]
Posture = Literal["seated", "lying", "standing"]


class Member(BaseModel):
    """One reading that took part. ``arm`` and ``posture`` are the operator's word, never the device's.

    ``minute`` counts from standing up. ``from_record`` marks a reading of an earlier visit, which the
    dossier gave. One that is not ``counted`` is named for its label alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reading: UUID
    counted: bool = True
    arm: Arm | None = None
    posture: Posture | None = None
    minute: int | None = None
    from_record: bool = False


class Derivation(BaseModel):
    """How a derived reading came about. ``deviation`` is the sample standard deviation of each mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Rule
    members: tuple[Member, ...]
    deviation: dict[str, Number] | None = None
