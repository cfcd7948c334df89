"""A reading: a finished measurement, with who said it, when, from which bytes, and how far to trust it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from devicehub.driver import AnyMeasurement, Kind
from devicehub.reading.clock import Stamp
from devicehub.reading.derivation import Derivation
from devicehub.reading.interval import Began
from devicehub.reading.metrology import Metrology

Origin = Literal["device", "simulator"]
Plausibility = Literal["plausible", "unusual", "impossible"]


class Record(BaseModel):
    """What every stored or published record of devicehub has in common: immutable, no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Device(Record):
    """The device behind a reading. ``id`` is the practice's name for it, ``intrinsic`` its own identity."""

    id: str
    intrinsic: str
    maker: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware: str | None = None
    battery_percent: float | None = None


class DriverUsed(Record):
    """Which driver decoded the frame, in which version."""

    id: str
    version: str


class Evidence(Record):
    """One journalled frame: its number on this station, its bytes as ``[[on, hex], …]``, its arrival."""

    number: int
    parts: tuple[tuple[str, str], ...]
    model: str | None
    first_byte: AwareDatetime
    last_byte: AwareDatetime


class Reading(Record):
    """A finished measurement with everything known about it. Never altered once made."""

    id: UUID
    measurement: AnyMeasurement
    device: Device
    driver: DriverUsed
    origin: Origin
    received_at: AwareDatetime
    stamp: Stamp
    began: Began
    evidence: tuple[Evidence, ...]
    plausibility: Plausibility = "plausible"
    unattended: bool = False
    """It needs a person's confirmation (a printed result without checksum, a scale that was witnessed, an untimed
    stored record)."""
    automatic: bool = True
    """Whether its driver declares the mode it was taken in as fully automatic; a typed one never is."""
    source: Literal["measured", "derived", "typed"] = "measured"
    derived_from: tuple[UUID, ...] = ()
    derivation: Derivation | None = None
    """How a derived one was computed. ``derived_from`` names the members that count."""
    author: str | None = None
    metrology: Metrology | None = None
    """How its device's checks stood when it measured, as far as the practice keeps them."""

    @property
    def measured_at(self) -> datetime:
        """When it was measured: by its device's clock as corrected, else when it came. A memory tells late."""
        return self.stamp.corrected or self.received_at

    @property
    def kind(self) -> Kind:
        """The measurement's kind."""
        return self.measurement.kind
