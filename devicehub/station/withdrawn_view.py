"""What a person took back from the record: nobody's by now, kept, and given back to a visit from here."""

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
from devicehub.visit.operators import NOBODY


@dataclass(frozen=True)
class WithdrawnView:
    """One such reading. ``who`` is the patient it was taken from, ``withdrawn`` by whom, when and why."""

    reading: str
    revision: int
    icon: str
    kind: str
    device: str
    received: str
    who: Who | None
    withdrawn: str
    value: str | None
    mode: str | None
    """That its mode needs an operator's judgement, where ``hold`` does not say it."""
    hold: str | None
    """Why only the physician can give it back."""


async def withdrawn_views(
    hub: Hub, role: Role, words: Words, now: datetime, *, shown: str | None
) -> list[WithdrawnView]:
    """What was taken back lately, newest first, for somebody of this role; with its value the one that is ``shown``."""
    names = names_of(hub.board.picture, hub.listed)
    people = {one.id: one.name for one in hub.sessions.operators.all()}
    found = await hub.review.withdrawn()
    known = await whose_all(hub.desk, (one.visit for one in found))
    views = []
    for one in found:
        reading, attribution = one.filing.reading, one.filing.attribution
        held = holds(role, reading, hub.desk.withheld)
        views.append(
            WithdrawnView(
                reading=str(reading.id),
                revision=attribution.revision,
                icon=ICONS.get(reading.kind, "device"),
                kind=words.kind(reading.kind),
                device=names.get(reading.device.id, reading.device.id),
                received=words("reading.received", time=words.moment(reading.received_at, now)),
                who=who(known[one.visit], words, now),
                withdrawn=words(
                    "withdrawn.by",
                    time=words.moment(attribution.at, now),
                    author=words("withdrawn.somebody")
                    if attribution.author == NOBODY.id
                    else people.get(attribution.author, attribution.author),
                    reason=words(f"why_said.{attribution.reason or 'other'}"),
                ),
                value=words.value(reading.measurement) if str(reading.id) == shown else None,
                mode=telling.mode(words, reading, held),
                hold=telling.hold(words, held, reading.metrology) if held else None,
            )
        )
    return views
