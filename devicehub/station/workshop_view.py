"""What the technician's pages show: devices, bonds, the state of the station. It names no patient and no value."""

from __future__ import annotations

import platform
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version

from devicehub import __version__
from devicehub.devices import registry
from devicehub.devices.bluetooth import RadioNews
from devicehub.devices.bonds import Bond
from devicehub.devices.evidence import Level, level
from devicehub.devices.news import Why
from devicehub.devices.registry import UnknownDriver
from devicehub.driver import BleDriver, Driver, Pairing
from devicehub.journal.journal import Journal
from devicehub.journal.records import DeviceRecord
from devicehub.reading.metrology import Metrology
from devicehub.station.line import Line, line
from devicehub.station.picture import Picture, Seen
from devicehub.transport.hands import station_now
from devicehub.transport.memory import memory_used

PARTS = ("bleak", "pyserial", "paho-mqtt", "starlette", "pydantic")
"""The libraries whose version a fault may depend on."""

_STRICTEST = (Pairing.BY_HAND, Pairing.IN_PAIRING_MODE, Pairing.ON_DEMAND)


@dataclass(frozen=True, slots=True)
class Bound:
    """A device of the configuration. ``reached`` is its address, its port, or how its name begins."""

    id: str
    name: str
    reached: str
    driver: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceTold:
    """One device of the room. Times are the station's; ``None`` is what nobody knows yet."""

    id: str
    name: str
    reached: str
    adopted: str | None
    driver: str | None
    driver_version: str | None
    evidence: Level | None
    """What its driver is known by; ``None`` where the driver's package does not say."""
    automatic: str | None
    """Where its maker says that its automatic modes need no judgement of the operator: the place, and what it says."""
    automatic_modes: tuple[str | None, ...]
    """Which they are, ``None`` first: a measurement that names no mode."""
    maker: str | None
    model: str | None
    serial_number: str | None
    firmware: str | None
    state: str
    since: datetime | None
    why: Why | None
    detail: str | None
    last_seen: datetime | None
    battery_percent: float | None
    clock_off_seconds: float | None
    """How far its clock is before (positive) or behind the station's."""
    clock_seen_at: datetime | None
    metrology: Metrology | None


@dataclass(frozen=True, slots=True)
class BondTold:
    """One bond, and when the hub may make a new one with this device by itself."""

    bond: Bond
    policy: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What was wrong with the journal's file when it was looked through; nothing where it was whole."""

    at: datetime
    damage: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HealthTold:
    """How the station is. ``memory_bytes`` is ``None`` where the system does not tell."""

    started_at: datetime
    outbox: int
    outbox_oldest: datetime | None
    quarantined: int
    frames: int
    frames_not_understood: int
    journal_bytes: int
    disk_free_bytes: int
    memory_bytes: int | None
    broker_up: bool | None
    broker_detail: str | None
    line: Line
    """How the line to the dossier is, as the page says it."""
    dossier_trouble: str | None
    radios: tuple[RadioNews, ...]
    versions: dict[str, str]
    checked: Checked | None
    """``None`` where nobody has asked since the start."""


def device_told(
    bound: Bound,
    seen: Seen | None,
    known: DeviceRecord | None,
    *,
    adopted: str | None,
    unadopted: bool,
    metrology: Metrology | None,
) -> DeviceTold:
    """Everything that is known of a device. ``unadopted``: nothing is read from it before it is adopted."""
    state = seen.state if seen is not None else None
    facts = known.facts if known is not None else None
    clock = known.clock if known is not None else None
    driver = state.driver if state is not None else bound.driver
    battery = seen.battery_percent if seen is not None else None
    if battery is None and facts is not None and facts.battery_percent is not None:
        battery = float(facts.battery_percent)
    off = None
    if clock is not None:
        # What must be added to its time to get UTC: zero for a clock that shows it, less for one ahead of it.
        zone = clock.seen_at.astimezone().utcoffset() or timedelta()
        off = -(clock.offset_seconds + zone.total_seconds())
    installed = _installed(driver)
    return DeviceTold(
        id=bound.id,
        name=bound.name,
        reached=bound.reached,
        adopted=adopted,
        driver=driver,
        driver_version=registry.driver_version(installed) if installed is not None else None,
        evidence=level(installed) if installed is not None else None,
        automatic=installed.automatic.source if installed is not None else None,
        automatic_modes=_automatic_modes(installed),
        maker=facts.maker if facts is not None else None,
        model=(facts.model if facts is not None else None) or bound.model,
        serial_number=facts.serial_number if facts is not None else None,
        firmware=facts.firmware if facts is not None else None,
        state="unadopted" if unadopted else state.state if state is not None else "not_seen",
        since=state.since if state is not None else None,
        why=seen.why if seen is not None else None,
        detail=state.detail if state is not None else None,
        last_seen=seen.last_seen if seen is not None else None,
        battery_percent=battery,
        clock_off_seconds=off,
        clock_seen_at=clock.seen_at if clock is not None else None,
        metrology=metrology,
    )


def bonds_told(bonds: Sequence[Bond], devices: Sequence[DeviceTold]) -> list[BondTold]:
    """The bonds, each with the pairing rule of its device's driver."""
    drivers = {device.name: device.driver for device in devices}
    return [BondTold(bond, _policy(drivers.get(bond.device))) for bond in bonds]


async def health_told(
    journal: Journal, picture: Picture, *, started_at: datetime, checked: Checked | None
) -> HealthTold:
    """How the station is now. ``checked`` is the last look through the journal's file."""
    outbox = await journal.outbox()
    broker = picture.broker
    return HealthTold(
        started_at=started_at,
        outbox=outbox.waiting,
        outbox_oldest=outbox.oldest,
        quarantined=(await journal.counts()).get("quarantined", 0),
        frames=await journal.last_frame(),
        frames_not_understood=await journal.not_understood(),
        journal_bytes=sum(
            file.stat().st_size for file in journal.path.parent.glob(f"{journal.path.name}*")
        ),
        disk_free_bytes=shutil.disk_usage(journal.path.parent).free,
        memory_bytes=memory_used(),
        broker_up=broker.up if broker is not None else None,
        broker_detail=broker.detail if broker is not None else None,
        line=line(picture, station_now()),
        dossier_trouble=picture.dossier_trouble,
        radios=tuple(news for _number, news in sorted(picture.radios.items())),
        versions=_versions(),
        checked=checked,
    )


def _installed(driver: str | None) -> Driver | None:
    try:
        return registry.find(driver) if driver is not None else None
    except UnknownDriver:
        return None


def _automatic_modes(driver: Driver | None) -> tuple[str | None, ...]:
    modes = driver.automatic.modes if driver is not None else ()
    return tuple(sorted(modes, key=lambda mode: mode or ""))


def _policy(driver: str | None) -> str | None:
    installed = _installed(driver)
    if not isinstance(installed, BleDriver):
        return None
    policies = {model.pairing for model in installed.models}
    return next((policy.value for policy in _STRICTEST if policy in policies), None)


def _versions() -> dict[str, str]:
    return {
        "devicehub": __version__,
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        **{part: version(part) for part in PARTS},
    }
