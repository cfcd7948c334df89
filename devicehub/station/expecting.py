"""What the board knows of the room, as the plan of a visit asks for it (`devicehub.visit.plan`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devicehub.driver import Kind
from devicehub.station.board import Picture, Seen
from devicehub.station.line import line
from devicehub.visit.plan import Condition, RoomDevice, Snapshot, Trouble, came_alongside

FRESH = timedelta(seconds=10)
"""A device whose live value is younger than this is measuring."""

RESTS = timedelta(seconds=4)
"""A load that rests for so long on a scale that was not empty before waits for a person to step off."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A device as the configuration lists it. ``driver`` is known for a wire; a radio's comes with its first word."""

    id: str
    name: str
    on_radio: bool
    driver: str | None = None


Tells = Callable[[str], frozenset[Kind]]
"""What a driver, by its id, reads."""


def in_the_room(picture: Picture, listed: Sequence[Listed]) -> tuple[Listed, ...]:
    """The devices of the configuration in its order, then those that were heard and are none of them.

    Those talk by radio: a wire is always configured.
    """
    known = {one.id for one in listed}
    others = (
        Listed(seen.device, seen.name, on_radio=True, driver=seen.state.driver)
        for seen in picture.devices.values()
        if seen.device not in known and seen.state is not None
    )
    return (*listed, *others)


def names_of(picture: Picture, listed: Sequence[Listed]) -> dict[str, str]:
    """What the practice calls each device, by its id; one it has not named is called as it calls itself."""
    names = {seen.device: seen.name for seen in picture.devices.values()}
    return names | {one.id: one.name for one in listed}


def told(picture: Picture, listed: Sequence[Listed], tells: Tells) -> tuple[Kind, ...]:
    """What the devices of the room measure: the expectation of a visit without a plan.

    The pulse that a device did not tell along with its measurement is no longer expected of it.
    """
    kinds: dict[Kind, None] = {}
    for one in in_the_room(picture, listed):
        seen = picture.devices.get(one.id)
        driver = seen.state.driver if seen is not None and seen.state is not None else one.driver
        for kind in tells(driver) if driver is not None else ():
            over = came_alongside(picture.filings.values(), one.id, kind)
            if kind != "heart_rate" or not over:
                kinds[kind] = None
    return tuple(kinds)


def snapshot(
    picture: Picture,
    listed: Sequence[Listed],
    tells: Tells,
    *,
    plan: Sequence[Kind],
    now: datetime,
) -> Snapshot | None:
    """What is known in the room now, for a visit of this plan; ``None`` while no visit is open."""
    if picture.visit is None:
        return None
    return Snapshot(
        visit=picture.visit.model_copy(update={"plan": tuple(plan)}),
        devices=[_device(one, picture, tells, now) for one in in_the_room(picture, listed)],
        now=now,
        filings=tuple(picture.filings.values()),
        quarantined=picture.tray,
        withdrawn=[one.filing for one in picture.withdrawn if one.visit == picture.visit.id],
        radio_fault=radio_fault(picture),
        broker_up=picture.broker.up if picture.broker is not None else None,
        dossier_up={"up": True, "silent": False}.get(line(picture, now)),
    )


def _device(listed: Listed, picture: Picture, tells: Tells, now: datetime) -> RoomDevice:
    seen = picture.devices.get(listed.id)
    state = seen.state if seen is not None else None
    driver = state.driver if state is not None else listed.driver
    condition: Condition = state.state if state is not None else "not_seen"
    live = seen.live if seen is not None else None
    failed = live is not None and any(
        "measurement_failed" in one.flags for one in live.measurements
    )
    if live is not None and not failed and not live.is_empty and now - live.at <= FRESH:
        condition = "measuring"
    return RoomDevice(
        id=listed.id,
        name=listed.name,
        tells=tells(driver) if driver is not None else None,
        on_radio=listed.on_radio,
        condition=condition,
        trouble=trouble_of(listed.id, picture),
        heard_at=heard_at(seen),
        could_not_measure_at=live.at if live is not None and failed else None,
        holder=seen.holder if seen is not None else None,
        not_emptied=seen is not None and not_emptied(seen, now),
    )


def not_emptied(seen: Seen, now: datetime) -> bool:
    """Whether a load rests on a scale for long enough to say that it is no weight to come."""
    load = seen.load
    return load is not None and now - load.since >= RESTS and now - load.at <= FRESH


def trouble_of(device: str, picture: Picture) -> Trouble | None:
    """Why a device is not read: one answer, for its tile and for the rail."""
    if device in picture.unadopted:
        return "not_adopted"
    seen = picture.devices.get(device)
    return seen.why if seen is not None else None


def heard_at(seen: Seen | None) -> datetime | None:
    """When a device was last heard, a connection that stood or was tried included."""
    if seen is None:
        return None
    state = seen.state
    spoke = state is not None and state.state in {"connecting", "connected", "lost"}
    moments = [seen.last_seen, state.since if state is not None and spoke else None]
    return max((moment for moment in moments if moment is not None), default=None)


def radio_fault(picture: Picture) -> str | None:
    """The fault of the radio, where none of them hears."""
    radios = list(picture.radios.values())
    if not radios or any(radio.condition != "lost" for radio in radios):
        return None
    return radios[0].fault or "other"
