"""The picture: everything the board knows of the room at one moment, and the names of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from devicehub.delivery.wire import DeviceState
from devicehub.devices.bluetooth import RadioNews
from devicehub.devices.commissioning import Double
from devicehub.devices.news import Why
from devicehub.devices.passkeys import Question
from devicehub.devices.upkeep import Notice
from devicehub.driver import Kind, Measurement
from devicehub.driver.measurement import Number
from devicehub.journal.records import Filing, Outbox, Visit, Withdrawn
from devicehub.visit.dossier import KnownVisit
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.reception import Waiting
from devicehub.visit.series import Series

BANNER = "banner"
TILES = "tiles"
OUTBOX = "outbox"
BROKER = "broker"
TRAY = "tray"
PROPOSAL = "proposal"
WORKLIST = "worklist"
PASSKEYS = "passkeys"
RADIO = "radio"
DEVICES = "devices"
ALL = "all"

LIVE_OF: Mapping[Kind, Kind] = MappingProxyType({"cuff_pressure": "blood_pressure"})
"""In whose tile a kind is seen live that is never filed itself."""


_MAIN: Mapping[Kind, str] = MappingProxyType(
    {
        "body_weight": "kilograms",
        "oxygen_saturation": "percent",
        "heart_rate": "per_minute",
        "cuff_pressure": "pressure_mmhg",
    }
)
"""The value by which a device that speaks all the time shows that nobody is on it."""


def tile_id(kind: Kind) -> str:
    """The name of a measurement's tile among the parts of the board."""
    return f"tile-{kind}"


@dataclass(frozen=True)
class Live:
    """What a device says right now. Shown only, and only while it is fresh.

    ``since`` is when it began to say so without a pause: what began before the visit is another patient's.
    """

    measurements: tuple[Measurement, ...]
    at: datetime
    since: datetime

    @property
    def is_idle(self) -> bool:
        """Whether nobody is on the device, or it does not tell: it has no value to show."""
        return bool(self._values) and all(value is None or value < 1 for value in self._values)

    @property
    def is_empty(self) -> bool:
        """Whether it tells that nobody is on it: a scale at zero."""
        return self.is_idle and None not in self._values

    @property
    def _values(self) -> list[Number | None]:
        return [
            getattr(one, _MAIN[one.kind], None) for one in self.measurements if one.kind in _MAIN
        ]


@dataclass(frozen=True)
class Load:
    """A load that rests on a scale and is no weight to come: the scale was not seen empty. ``at`` is when it was last said."""

    since: datetime
    at: datetime


@dataclass(frozen=True)
class Seen:
    """One device as the room sees it."""

    device: str
    name: str
    state: DeviceState | None = None
    why: Why | None = None
    """What its condition asks of a person."""
    holder: str | None = None
    """Who has its port: a program, or another device of the room."""
    last_seen: datetime | None = None
    battery_percent: float | None = None
    live: Live | None = None
    load: Load | None = None
    kind: Kind | None = None
    """What it last measured: a kind is not a value."""

    @property
    def is_here(self) -> bool:
        """Whether it was heard of since the start; an old reading alone may be of a device that is gone."""
        return self.state is not None or self.live is not None


@dataclass(frozen=True)
class Broker:
    """Whether the broker is reached, else the cause in words; ``since`` when it is so."""

    up: bool
    detail: str | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class SeriesShown:
    """A blood-pressure series and the visit's readings: `devicehub.visit.course.look` tells where it stands at any moment."""

    series: Series
    filings: Mapping[UUID, Filing]


@dataclass(frozen=True)
class Picture:
    """Everything the board knows at one moment. ``None`` means that nobody has said yet."""

    simulation: bool
    visit: Visit | None = None
    identity: PatientIdentity | None = None
    filings: Mapping[UUID, Filing] = field(default_factory=lambda: MappingProxyType({}))
    """The readings of the open visit, in their order of arrival."""
    decided: Mapping[Kind, UUID] = field(default_factory=lambda: MappingProxyType({}))
    """Which reading of each kind was decided last in the open visit: it may be another than the one that stands."""
    devices: Mapping[str, Seen] = field(default_factory=lambda: MappingProxyType({}))
    outbox: Outbox | None = None
    oldest_since: datetime | None = None
    """Since when the oldest of the outbox is the oldest: nothing before it was answered since."""
    broker: Broker | None = None
    dossier_here: bool | None = None
    """Whether a dossier is at the broker."""
    tray: tuple[Filing, ...] = ()
    """What belongs to nobody yet, newest first; how much there is in all is ``quarantined``."""
    quarantined: int = 0
    withdrawn: tuple[Withdrawn, ...] = ()
    """What a person took back lately, of any visit, newest first."""
    undecided: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """How many readings wait for a decision, by visit."""
    worklist: tuple[KnownVisit, ...] = ()
    worklist_asked: bool = False
    """Whether the dossier was asked for it since the start."""
    worklist_stale: str | None = None
    """Why the worklist may be old, in words."""
    withheld: frozenset[Kind] = frozenset()
    """What the physician has not delegated to assistants."""
    dossier_trouble: str | None = None
    """Why the dossier does not know all of this room's visits, in words."""
    waiting: Waiting = field(default_factory=Waiting)
    """Who was scanned in and waits for a person's word."""
    passkeys: tuple[Question, ...] = ()
    """Devices that are being paired and wait for a person's digits."""
    radios: Mapping[int, RadioNews] = field(default_factory=lambda: MappingProxyType({}))
    series: SeriesShown | None = None
    """The newest series of the open visit."""
    notices: Mapping[str, tuple[Notice, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """What a person should see to about each device."""
    doubles: tuple[Double, ...] = ()
    """Devices in range that answer to one of the room's and are not it: nothing is read from them."""
    unadopted: frozenset[str] = frozenset()
    """Devices of the configuration as which no device was adopted yet: nothing is read for them."""

    @property
    def waits_here(self) -> int:
        """How many readings of the open visit wait for a decision."""
        return sum(filing.state == "to_review" for filing in self.filings.values())

    @property
    def left_behind(self) -> int:
        """How many readings wait for a decision in other visits: no tile shows them."""
        here = self.visit.id if self.visit is not None else None
        return sum(count for visit, count in self.undecided.items() if visit != here)
