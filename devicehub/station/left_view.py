"""What closed visits left behind: readings that wait for a decision and that no tile shows any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from devicehub.station import telling
from devicehub.station.expecting import names_of
from devicehub.station.hub import Hub
from devicehub.station.tile_view import ICONS
from devicehub.station.who import Who, who, whose_all
from devicehub.station.words import Words
from devicehub.visit.gate import Role, holds


@dataclass(frozen=True)
class LeftView:
    """One such reading. Without a name it has no value either, and cannot be accepted."""

    reading: str
    revision: int
    icon: str
    kind: str
    device: str
    received: str
    who: Who | None
    value: str | None
    warnings: tuple[str, ...]
    hold: str | None
    can_accept: bool


async def left_views(hub: Hub, role: Role, words: Words, now: datetime) -> list[LeftView]:
    """What waits in other visits than the open one, newest first, for somebody of this role."""
    names = names_of(hub.board.picture, hub.listed)
    left = await hub.review.left_behind()
    known = await whose_all(hub.desk, (filing.attribution.visit or "" for filing in left))
    views = []
    for filing in left:
        reading, visit = filing.reading, filing.attribution.visit or ""
        identity = known[visit]
        held = holds(role, reading, hub.desk.withheld)
        views.append(
            LeftView(
                reading=str(reading.id),
                revision=filing.attribution.revision,
                icon=ICONS.get(reading.kind, "device"),
                kind=words.kind(reading.kind),
                device=names.get(reading.device.id, reading.device.id),
                received=words("reading.received", time=words.moment(reading.received_at, now)),
                who=who(identity, words, now),
                value=words.value(reading.measurement) if identity else None,
                warnings=telling.flags(words, reading, hub.desk.doubt(reading, visit), held),
                hold=telling.hold(words, held, reading.metrology) if held else None,
                can_accept=identity is not None and held is None,
            )
        )
    return views
