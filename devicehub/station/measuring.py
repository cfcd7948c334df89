"""Measuring, as JSON: the blood-pressure series under way, and what the visit still expects.

The page renders these; nothing here starts a device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devicehub.reading.derivation import Arm, Posture
from devicehub.reading.reading import Record
from devicehub.station import telling
from devicehub.station.answering import Counter, Refused, author, done, reading_of, said
from devicehub.station.expecting import snapshot
from devicehub.station.hub import Hub
from devicehub.station.snapshot import values
from devicehub.station.words import Words
from devicehub.transport.hands import station_now
from devicehub.visit import series as the
from devicehub.visit.course import Course
from devicehub.visit.deriver import NoSeries, NotTaken
from devicehub.visit.plan import absent, not_filed
from devicehub.visit.series import Series, SeriesRules


class Begin(Record):
    """How a series begins in the visit that was shown: where the practice's rules do not fit, what is otherwise."""

    visit: str
    arm: Arm | None = None
    posture: Literal["seated", "lying"] = "seated"
    both_arms: bool | None = None
    standing_minutes: tuple[int, ...] | None = None


class Said(Record):
    """What the operator says of the series that was shown."""

    series: UUID
    arm: Arm | None = None


class Label(Record):
    """What a reading of a series was taken on."""

    arm: Arm
    posture: Posture


class Measuring:
    """The endpoints."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._desk = hub.desk
        self._deriver = hub.deriver

    def routes(self, counter: Counter) -> list[Route]:
        """Where each is reached."""
        self._words = counter.words
        return [
            counter.get("/api/series", "visit", self.series),
            counter.post("/api/series", "visit", self.begin),
            counter.post("/api/series/{act}", "visit", self.act),
            counter.post("/api/series/relabel/{reading:uuid}", "visit", self.relabel),
            counter.get("/api/absent", "visit", self.absent),
        ]

    async def series(self, request: Request) -> Response:
        """The open visit's newest series and where it stands; ``null`` where there is none, or the visit is locked."""
        visit = self._desk.visit
        shown = visit is not None and not visit.locked
        found = await self._deriver.course(visit.id) if visit is not None and shown else None
        return JSONResponse({"series": found and _series(self._words(request), *found)})

    async def begin(self, request: Request) -> Response:
        """Begin a series in this visit, which is the open one."""
        asked = await said(request, Begin)
        words, visit = self._words(request), self._desk.visit
        if visit is None or visit.locked:
            raise Refused(409, words("refusal.no_visit"))
        self._desk.check_open(asked.visit)
        changed = asked.model_dump(include={"both_arms", "standing_minutes"}, exclude_none=True)
        rules = SeriesRules.model_validate({**self._hub.rules.model_dump(), **changed})
        if rules.both_arms and asked.arm is None:
            raise Refused(409, words("refusal.which_arm"))
        await self._deriver.begin(visit.id, rules, arm=asked.arm, posture=asked.posture)
        return done()

    async def act(self, request: Request) -> Response:
        """What the operator says: ``rest_over``, ``arm``, ``choose_arm``, ``stood_up``, ``end``."""
        asked, words = await said(request, Said), self._words(request)
        change = _change(request.path_params["act"], asked)
        visit = self._desk.visit
        if change is None:
            raise Refused(422, words("refusal.not_understood", field="act", problem=""))
        if visit is None:
            raise Refused(409, words("refusal.no_series"))
        self._desk.check_confirmed(visit.id)
        try:
            await self._deriver.change(visit.id, asked.series, change)
        except NoSeries as why:
            raise Refused(409, words("refusal.no_series")) from why
        return done()

    async def relabel(self, request: Request) -> Response:
        """Correct what a reading of the open visit's series was taken on."""
        label, words, visit = await said(request, Label), self._words(request), self._desk.visit
        if visit is None or visit.locked:
            raise Refused(409, words("refusal.no_visit"))
        try:
            await self._deriver.relabel(
                visit.id,
                reading_of(request),
                arm=label.arm,
                posture=label.posture,
                author=author(request),
            )
        except NotTaken as why:
            raise Refused(409, words("refusal.moved_on")) from why
        return done()

    async def absent(self, request: Request) -> Response:
        """What is planned and has not come, with causes and next acts; and what is not filed, and why."""
        words, picture = self._words(request), self._hub.board.picture
        plan = picture.visit.plan if picture.visit is not None else ()
        hub = self._hub
        room = snapshot(picture, hub.listed, hub.tells, plan=plan, now=station_now())
        if room is None:
            return JSONResponse({"absent": [], "not_filed": None})
        unfiled = not_filed(room)
        told = None if unfiled is None else telling.not_filed(words, unfiled)
        return JSONResponse(
            {
                "absent": [
                    {
                        "kind": one.kind,
                        "causes": [
                            {"code": why.code, **telling.cause(words, why)._asdict()}
                            for why in one.causes
                        ],
                    }
                    for one in absent(room)
                ],
                "not_filed": unfiled and told and {"code": unfiled.code, **told._asdict()},
            }
        )


def _change(act: str, said: Said) -> Callable[[Series, Any], Series] | None:
    arm = said.arm
    match act:
        case "rest_over":
            return the.cut_rest
        case "stood_up":
            return the.stand_up
        case "end":
            return the.end
        case "arm" if arm is not None:
            return lambda series, now: the.put_cuff_on(series, arm, now)
        case "choose_arm" if arm is not None:
            return lambda series, now: the.choose_arm(series, arm, now)
        case _:
            return None


def _series(words: Words, series: Series, now: Course) -> dict[str, Any]:
    mean = now.mean
    early = {one.reading for one in series.taken if one.early}
    return {
        "id": str(series.id),
        "act": now.act,
        "text": telling.course(words, series, now, station_now()),
        "due_at": now.due_at and now.due_at.isoformat(),
        "number": now.number,
        "count": now.count,
        "minute": now.minute,
        "arm": series.arm,
        "posture": series.posture,
        "proposed_arm": now.proposed_arm,
        "missed_minutes": now.missed_minutes,
        "members": [
            {
                "reading": str(member.reading),
                "label": telling.label(words, member),
                "counted": member.counted,
                "early": member.reading in early,
            }
            for member in now.members
        ],
        "mean": mean
        and {
            "values": values(mean.measurement),
            "deviation": mean.deviation
            and {name: float(value) for name, value in mean.deviation.items()},
            "settled": now.settled,
        },
        "no_mean": telling.no_mean(words, series, now),
    }
