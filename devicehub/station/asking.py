"""What the page asks before an act: each question a fragment for its dialog, drawn when it is asked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, get_args
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from devicehub.driver import Kind
from devicehub.journal.records import Filing, Visit
from devicehub.reading.derivation import Arm, Posture
from devicehub.reading.typed import FIELDS, LEFT_OUT
from devicehub.station import telling
from devicehub.station.answering import Counter, Refused, reading_of, seen_of
from devicehub.station.decided_view import decided_views
from devicehub.station.expecting import names_of, snapshot, told
from devicehub.station.hub import Hub
from devicehub.station.left_view import left_views
from devicehub.station.page import planned_told
from devicehub.station.sign_in import operator_of
from devicehub.station.summary_view import held_back
from devicehub.station.tile_view import ICONS, kinds_of
from devicehub.station.visits import physicians
from devicehub.station.who import Who, who, whose, whose_all
from devicehub.station.withdrawn_view import withdrawn_views
from devicehub.station.words import Words
from devicehub.visit.desk import new_visit
from devicehub.visit.plan import absent
from devicehub.visit.review import TAKEN_BACK, Reason

log = logging.getLogger(__name__)

VISITS_OFFERED: Final = 8
"""Visits a reading may be given to: the newest. An older one is for the dossier to correct."""

_OF_A_MEASUREMENT: Final[tuple[Reason, ...]] = (
    "moved",
    "position",
    "cuff",
    "interrupted",
    "device",
    "implausible",
    "duplicate",
    "wrong_patient",
    "test",
    "other",
)
_OF_A_PATIENT: Final[tuple[Reason, ...]] = ("wrong_patient", "interrupted", "device", "other")
_OF_THE_TRAY: Final[tuple[Reason, ...]] = (
    "wrong_patient",
    "interrupted",
    "duplicate",
    "implausible",
    "test",
    "other",
)


class Asking:
    """The questions."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def routes(self, counter: Counter) -> list[Route]:
        """Where each is asked."""
        self._words = counter.words
        return [
            counter.get("/ask/visit", "visit", self.visit),
            counter.get("/ask/close", "visit", self.close),
            counter.get("/ask/responsible", "visit", self.responsible),
            counter.get("/ask/series", "visit", self.series),
            counter.get("/ask/tray", "decide", self.tray),
            counter.get("/ask/delegation", "delegate", self.delegation),
            counter.get("/ask/type/{kind}", "type", self.type),
            counter.get("/ask/reading/{reading:uuid}/{revision:int}", "decide", self.reading),
            counter.get("/ask/relabel/{reading:uuid}", "visit", self.relabel),
            counter.get("/ask/{act}/{reading:uuid}/{revision:int}", "decide", self.reason),
        ]

    async def visit(self, request: Request) -> Response:
        """Whose visit comes next: the worklist, and a form where nobody can read an identity."""
        words, picture, now = self._words(request), self._hub.board.picture, datetime.now(UTC)
        waiting = picture.waits_here
        held = await self._held()
        return self._answer(
            "ask_visit",
            words,
            **planned_told(picture, words, now),
            closes=who(picture.identity, words, now) if picture.visit else None,
            undecided=words.count("close.waiting", waiting) if waiting else None,
            held=words.count("close.quarantined", held) if held else None,
            today=now.astimezone().date().isoformat(),
            drawn=new_visit(),
            new="new" in request.query_params,
        )

    async def close(self, request: Request) -> Response:
        """Whether the visit is over, and what would be left undone."""
        words, picture, now = self._words(request), self._hub.board.picture, datetime.now(UTC)
        hub = self._hub
        _, expected = kinds_of(picture, told(picture, hub.listed, hub.tells))
        room = snapshot(picture, hub.listed, hub.tells, plan=expected, now=now)
        missing = [words.kind(one.kind) for one in absent(room)] if room is not None else []
        waiting = picture.waits_here
        held = await self._held()
        return self._answer(
            "ask_close",
            words,
            visit=self._open(words),
            who=who(picture.identity, words, now),
            waiting=words.count("close.waiting", waiting) if waiting else None,
            missing=words("close.missing", kinds=", ".join(missing)) if missing else None,
            held=words.count("close.quarantined", held) if held else None,
        )

    async def responsible(self, request: Request) -> Response:
        """Which physician answers for the open visit."""
        words, visit = self._words(request), self._hub.desk.visit
        if visit is None:
            raise Refused(409, words("refusal.no_visit"))
        return self._answer(
            "ask_responsible",
            words,
            visit=visit,
            who=who(self._hub.desk.identity(visit.id), words, datetime.now(UTC)),
            physicians=physicians(self._hub.sessions.operators),
        )

    async def series(self, request: Request) -> Response:
        """On which arm the cuff is, and how the patient sits."""
        rules = self._hub.rules
        words = self._words(request)
        told = words(
            "series.rules",
            rest=words.whole_duration(timedelta(seconds=rules.rest_seconds)),
            count=rules.count,
            mean=rules.mean_of_last,
        )
        return self._answer(
            "ask_series", words, visit=self._open(words), told=told, both_arms=rules.both_arms
        )

    async def relabel(self, request: Request) -> Response:
        """On which arm and in which posture a reading of the series was taken."""
        words, shown = self._words(request), self._hub.board.picture.series
        reading = reading_of(request)
        await self._filing(reading, words)
        taken = {one.reading: one for one in (shown.series.taken if shown else ())}
        filing = shown.filings.get(reading) if shown else None
        if filing is None or reading not in taken:
            raise Refused(409, words("refusal.moved_on"))
        one = taken[reading]
        return self._answer(
            "ask_relabel",
            words,
            reading=str(reading),
            revision=filing.attribution.revision if filing.state in TAKEN_BACK else None,
            value=words.figures(filing.reading.measurement)[0],
            time=words.moment(one.at, datetime.now(UTC)),
            present=(one.arm, one.posture),
            labels=[(arm, posture) for arm in get_args(Arm) for posture in get_args(Posture)],
        )

    async def tray(self, request: Request) -> Response:
        """What belongs to nobody yet, what closed visits left behind, what was decided lately, and what was taken back.

        What was ``decided`` just now stands first. What is nobody's has no value but for whoever asks for one.
        """
        words, now = self._words(request), datetime.now(UTC)
        shown = request.query_params.get("show")
        names = names_of(self._hub.board.picture, self._hub.listed)
        rows = [
            {
                "reading": str(filing.reading.id),
                "revision": filing.attribution.revision,
                "icon": ICONS.get(filing.reading.kind, "device"),
                "kind": words.kind(filing.reading.kind),
                "device": names.get(filing.reading.device.id, filing.reading.device.id),
                "received": words(
                    "reading.received", time=words.moment(filing.reading.received_at, now)
                ),
                "began": self._began(filing, words, now),
                "reason": words(f"reason.{filing.attribution.quarantine}"),
                "mode": telling.mode(words, filing.reading),
                "value": words.value(filing.reading.measurement)
                if str(filing.reading.id) == shown
                else None,
            }
            for filing in await self._hub.review.tray()
        ]
        if shown is not None:
            log.info("tray_value_shown reading=%s operator=%s", shown, operator_of(request).id)
        role = operator_of(request).role
        left = await left_views(self._hub, role, words, now)
        withdrawn = await withdrawn_views(self._hub, role, words, now, shown=shown)
        just = request.query_params.get("decided")
        decided = await decided_views(self._hub, words, now, just=just, shown=shown)
        return self._answer(
            "ask_tray",
            words,
            rows=rows,
            left=left,
            withdrawn=withdrawn,
            decided=decided,
            just=just,
        )

    async def reading(self, request: Request) -> Response:
        """What can still be done with a reading that was sent."""
        words, now = self._words(request), datetime.now(UTC)
        filing = await self._seen(request, words)
        history = [
            words(
                "history.step",
                state=words(f"state.{step.state}"),
                time=words.moment(step.at, now),
                author=self._author(step.author, words),
            )
            for step in await self._hub.review.history(filing.reading.id)
        ]
        return self._answer(
            "ask_reading",
            words,
            reading=str(filing.reading.id),
            revision=filing.attribution.revision,
            kind=words.kind(filing.reading.kind),
            value=await self._value(filing, words),
            whose=await self._whose(filing, words),
            history=history,
        )

    async def reason(self, request: Request) -> Response:
        """Why: the closed list as buttons; and whose it is, where an act gives a reading to a visit."""
        words, act = self._words(request), request.path_params["act"]
        filing = await self._seen(request, words)
        if act in ("reject", "retake", "withdraw", "discard"):
            reasons = _OF_THE_TRAY if act == "discard" else _OF_A_MEASUREMENT
            has_cuff = filing.reading.kind == "blood_pressure"
            return self._answer(
                "ask_reason",
                words,
                act=act,
                reading=str(filing.reading.id),
                revision=filing.attribution.revision,
                kind=words.kind(filing.reading.kind),
                value=await self._value(filing, words),
                whose=await self._whose(filing, words),
                reasons=[one for one in reasons if one != "cuff" or has_cuff],
                then=self._after(act, filing),
            )
        if act not in ("assign", "reassign"):
            raise Refused(404, words("refusal.moved_on"))
        return self._answer(
            "ask_whose",
            words,
            act=act,
            # What was taken back is nobody's: it is given, not moved.
            asked="assign" if filing.state == "withdrawn" else act,
            reading=str(filing.reading.id),
            revision=filing.attribution.revision,
            kind=words.kind(filing.reading.kind),
            began=self._began(filing, words, datetime.now(UTC)),
            whose=await self._whose(filing, words),
            visits=await self._visits(filing, words),
            reasons=_OF_A_PATIENT,
        )

    async def type(self, request: Request) -> Response:
        """A value by hand."""
        words, kind = self._words(request), request.path_params["kind"]
        visit = self._hub.desk.visit
        known: dict[str, Kind] = {one: one for one in FIELDS}
        if kind not in known or visit is None or visit.locked:
            raise Refused(409, words("refusal.no_visit"))
        fields = [
            (field, words(f"typing.{field}"), field != LEFT_OUT) for field in FIELDS[known[kind]]
        ]
        return self._answer(
            "ask_type",
            words,
            kind=kind,
            title=words.kind(known[kind]),
            fields=fields,
            visit=visit.id,
            who=who(self._hub.board.picture.identity, words, datetime.now(UTC)),
        )

    async def delegation(self, request: Request) -> Response:
        """What assistants may accept."""
        words, withheld = self._words(request), self._hub.desk.withheld
        kinds = [(kind, words.kind(kind), kind not in withheld) for kind in ICONS]
        return self._answer(
            "ask_delegation", words, kinds=[one for one in kinds if one[0] != "body_mass_index"]
        )

    # ------------------------------------------------------------------------------ inside

    def _answer(self, template: str, words: Words, **values: object) -> Response:
        return HTMLResponse(self._hub.rendering.render(template, words, **values))

    async def _filing(self, reading: UUID, words: Words) -> Filing:
        """A reading that may be shown: of a locked visit none is."""
        filing = await self._hub.review.reading(reading)
        if filing is None:
            raise Refused(404, words("refusal.moved_on"))
        if filing.attribution.visit is not None:
            self._hub.desk.check_confirmed(filing.attribution.visit)
        return filing

    async def _seen(self, request: Request, words: Words) -> Filing:
        """The reading that somebody would act on, where it still is as they were shown it."""
        reading, revision = seen_of(request)
        filing = await self._filing(reading, words)
        if filing.attribution.revision != revision:
            raise Refused(409, words("refusal.moved_on"))
        return filing

    def _open(self, words: Words) -> str:
        visit = self._hub.desk.visit
        if visit is None:
            raise Refused(409, words("refusal.no_visit"))
        return visit.id

    async def _held(self) -> int:
        """How many readings that came during the open visit lie in the tray."""
        visit = self._hub.desk.visit
        return held_back(visit, await self._hub.review.tray()) if visit is not None else 0

    def _after(self, act: str, filing: Filing) -> str:
        """Where a person stands after an act: at the tile again, or, where none shows the reading, in the tray."""
        here = self._hub.desk.visit
        on_tile = here is not None and filing.attribution.visit == here.id
        if on_tile or act not in ("reject", "discard"):
            return "close"
        return f"/ask/tray?decided={filing.reading.id}"

    async def _value(self, filing: Filing, words: Words) -> str | None:
        """What was measured, where it can be said of whom."""
        visit = filing.attribution.visit
        named = visit is not None and await whose(self._hub.desk, visit) is not None
        return words.value(filing.reading.measurement) if named else None

    async def _whose(self, filing: Filing, words: Words) -> str:
        """Whose a reading is, where that is not the patient in the banner above the question."""
        visit, shown = filing.attribution.visit, self._hub.desk.visit
        if visit is None or (shown is not None and shown.id == visit):
            return ""
        told = who(await whose(self._hub.desk, visit), words, datetime.now(UTC))
        if told is None:
            return words("left.unnamed")
        return f"{told.family_name.upper()} {told.given_name} · {told.born}"

    async def _visits(self, filing: Filing, words: Words) -> list[tuple[Visit, Who | None, str]]:
        """The visits a reading can be given to, with whom they are about as far as that can be known now."""
        now, found = datetime.now(UTC), []
        others: Sequence[Visit] = [
            visit
            for visit in self._hub.desk.recent
            if visit.id != filing.attribution.visit and not visit.locked
        ]
        offered = others[:VISITS_OFFERED]
        known = await whose_all(self._hub.desk, (visit.id for visit in offered))
        for visit in offered:
            ends = visit.closed_at
            times = words(
                "whose.times" if ends else "whose.since",
                start=words.moment(visit.opened_at, now),
                end=words.clock(ends) if ends else "",
            )
            found.append((visit, who(known[visit.id], words, now), times))
        return found

    def _began(self, filing: Filing, words: Words, now: datetime) -> str:
        began = filing.reading.began
        earliest, latest = words.moment(began.earliest, now), words.clock(began.latest)
        if earliest.endswith(latest):
            return words("tray.began_at", earliest=earliest)
        return words("tray.began", earliest=earliest, latest=latest)

    def _author(self, author: str, words: Words) -> str:
        known = {one.id: one.name for one in self._hub.sessions.operators.all()}
        return known.get(author) or words("history.station")
