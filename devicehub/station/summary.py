"""The physician's summary of a visit: what was measured, how far to trust it, what is missing, and the history.

It is shown to whoever may open visits; a technician sees no patient. While a visit is locked its summary is
closed too: nobody has confirmed who is in the room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing, Visit
from devicehub.station import telling
from devicehub.station.answering import Counter
from devicehub.station.expecting import snapshot
from devicehub.station.history import History, histories
from devicehub.station.hub import Hub
from devicehub.station.sheets import Sheets, acts_of
from devicehub.station.summary_view import (
    Around,
    Line,
    Missing,
    held_back,
    left_out,
    lines,
    missing,
    never_came,
)
from devicehub.station.telling import Told
from devicehub.station.who import Who, who, whose, whose_all
from devicehub.station.words import Words
from devicehub.transport.hands import station_now
from devicehub.visit.operators import OperatorsUnreadable
from devicehub.visit.plan import Snapshot, absent, not_filed
from devicehub.visit.review import TRAY_LARGEST
from devicehub.visit.series import Series


@dataclass(frozen=True, slots=True)
class Other:
    """A recent visit that the summary leads to."""

    visit: str
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that the sheet shows of one visit."""

    who: Who | None
    when: str
    responsible: str
    is_open: bool
    lines: tuple[Line, ...]
    left_out: tuple[Line, ...]
    missing: tuple[Missing, ...]
    quarantined: str
    unfiled: Told | None
    histories: tuple[History, ...]


class Summaries:
    """The endpoint."""

    def __init__(
        self, hub: Hub, journal: Journal, *, now: Callable[[], datetime] = station_now
    ) -> None:
        self._hub = hub
        self._desk = hub.desk
        self._journal = journal
        self._sheets = Sheets(hub.rendering, simulation=hub.board.picture.simulation)
        self._now = now

    def routes(self, counter: Counter) -> list[Route]:
        """Where it is reached: the open visit or the last one, or any recent one by its id."""
        self._words = counter.words
        return [
            counter.get("/summary", None, self.sheet),
            counter.get("/summary/{visit}", None, self.sheet),
        ]

    async def sheet(self, request: Request) -> Response:
        """The summary as a sheet."""
        words = self._words(request)
        if "visit" not in acts_of(request):
            return self._sheets.refuse(request, words, words("refusal.role"))
        visit = self._visit(request.path_params.get("visit"))
        if visit is None:
            why = words("summary.no_visit")
            return self._sheets.refuse(request, words, why, status=404)
        if visit.locked:
            return self._sheets.refuse(request, words, words("summary.locked"))
        return self._sheets.answer(
            request,
            words,
            "summary",
            summary=await self._summary(visit, words),
            others=await self._others(visit, words),
        )

    def _visit(self, asked: str | None) -> Visit | None:
        recent = self._desk.recent
        if asked is not None:
            return next((visit for visit in recent if visit.id == asked), None)
        return self._desk.visit or next(iter(recent), None)

    async def _summary(self, visit: Visit, words: Words) -> Summary:
        filings = await self._journal.of_visit(visit.id)
        taken_back = await self._journal.withdrawn(since=visit.opened_at, limit=TRAY_LARGEST)
        gone = [one.filing for one in taken_back if one.visit == visit.id]
        series = await self._journal.series_of(visit.id)
        held = held_back(visit, await self._journal.quarantined(TRAY_LARGEST))
        identity = await whose(self._desk, visit.id)
        now, people = self._now(), self._people()
        around = Around(
            words=words,
            now=now,
            devices={one.id: one.name for one in self._hub.listed},
            people=people,
            doubt=lambda reading: self._desk.doubt(reading, visit.id),
            earlier=self._desk.earlier(visit.id),
            confirmed=await self._journal.confirmed(visit.id),
            series=[Series.model_validate_json(one) for one in series],
        )
        here = self._room(visit, filings, now)
        unfiled = not_filed(here) if here is not None else None
        return Summary(
            who=who(identity, words, now),
            when=_when(visit, words),
            responsible=people.get(visit.responsible or "", visit.responsible or ""),
            is_open=visit.closed_at is None,
            lines=lines(filings, around),
            left_out=left_out([*filings, *gone], around),
            missing=(
                missing(absent(here), words)
                if here is not None
                else never_came(visit, filings, words)
            ),
            quarantined=words.count("summary.quarantined", held) if held else "",
            unfiled=None if unfiled is None else telling.not_filed(words, unfiled),
            histories=histories(around.earlier, filings, words),
        )

    def _room(self, visit: Visit, filings: Sequence[Filing], now: datetime) -> Snapshot | None:
        """What is known in the room of this visit; ``None`` for one that is closed."""
        hub = self._hub
        room = snapshot(hub.board.picture, hub.listed, hub.tells, plan=visit.plan, now=now)
        if room is None or room.visit.id != visit.id:
            return None
        return replace(room, filings=filings)  # all of them: the board holds the newest

    def _people(self) -> dict[str, str]:
        try:
            return {operator.id: operator.name for operator in self._hub.sessions.operators.all()}
        except OperatorsUnreadable:
            return {}

    async def _others(self, shown: Visit, words: Words) -> list[Other]:
        recent = [visit for visit in self._desk.recent if visit.id != shown.id and not visit.locked]
        known = await whose_all(self._desk, (visit.id for visit in recent))
        others, now = [], self._now()
        for visit in recent:
            identity = known[visit.id]
            name = f"{identity.family_name.upper()} {identity.given_name}" if identity else "–"
            begun = words.moment(visit.opened_at, now, seconds=False)
            others.append(Other(visit.id, f"{begun} {name}"))
        return others


def _when(visit: Visit, words: Words) -> str:
    day = words.day(visit.opened_at.astimezone().date())
    begun = words.clock(visit.opened_at, seconds=False)
    if visit.closed_at is None:
        return words("summary.open_since", day=day, begun=begun)
    ended = words.clock(visit.closed_at, seconds=False)
    return words("summary.closed", day=day, begun=begun, ended=ended)
