"""What people decided lately and can still undo: what stands on no tile, or on none any more, comes back from here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from devicehub.journal.records import State
from devicehub.station import telling
from devicehub.station.expecting import names_of
from devicehub.station.hub import Hub
from devicehub.station.tile_view import ICONS
from devicehub.station.who import Who, who, whose_all
from devicehub.station.words import Words
from devicehub.visit.operators import NOBODY


@dataclass(frozen=True)
class DecidedView:
    """One such reading. ``said`` is what was decided, when and by whom, ``reason`` why where one was asked for."""

    reading: str
    revision: int
    state: State
    icon: str
    kind: str
    device: str
    received: str
    is_nobodys: bool
    """It belongs to no visit."""
    was_given: bool
    """It was given to this patient, and nothing more: it is moved, not undone."""
    who: Who | None
    said: str
    reason: str | None
    value: str | None
    can_show: bool
    """It has a value for whoever asks."""
    mode: str | None
    """That its mode needs an operator's judgement."""


async def decided_views(
    hub: Hub, words: Words, now: datetime, *, just: str | None, shown: str | None
) -> list[DecidedView]:
    """What can be undone, newest first; with its value what was decided ``just`` now, and what is ``shown``."""
    names = names_of(hub.board.picture, hub.listed)
    people = {one.id: one.name for one in hub.sessions.operators.all()}
    people[NOBODY.id] = words("withdrawn.somebody")
    found = await hub.review.decided()
    visits = (one.filing.attribution.visit for one in found)
    known = await whose_all(hub.desk, (visit for visit in visits if visit is not None))
    views = []
    for one in found:
        reading, visit = one.filing.reading, one.filing.attribution.visit
        identity = known[visit] if visit is not None else None
        may_show = identity is not None or visit is None
        is_shown = str(reading.id) == shown or (visit is not None and str(reading.id) == just)
        views.append(
            DecidedView(
                reading=str(reading.id),
                revision=one.filing.attribution.revision,
                state=one.filing.state,
                icon=ICONS.get(reading.kind, "device"),
                kind=words.kind(reading.kind),
                device=names.get(reading.device.id, reading.device.id),
                received=words("reading.received", time=words.moment(reading.received_at, now)),
                is_nobodys=visit is None,
                was_given=one.filing.was_given,
                who=who(identity, words, now),
                said=words(
                    "history.step",
                    time=words.moment(one.filing.state_at, now),
                    state=words(f"state.{one.filing.state}"),
                    author=people.get(one.by, one.by),
                ),
                reason=words(f"why_said.{one.filing.detail}") if one.filing.detail else None,
                value=words.value(reading.measurement) if may_show and is_shown else None,
                can_show=may_show and not is_shown,
                mode=telling.mode(words, reading),
            )
        )
    return views
