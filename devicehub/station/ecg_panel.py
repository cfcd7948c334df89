"""The ECG panel's routes: its events (the panel, and traces at the pace of a screen), and what a person says.

The panel has a stream of its own: traces come many times a second, and only a page that shows them asks for them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devicehub.devices.preparations import NoPreparation
from devicehub.driver import EcgPreparation
from devicehub.ecg.advice import Labels
from devicehub.journal.records import Visit
from devicehub.reading.reading import Record
from devicehub.station.answering import Counter, Refused, done, said
from devicehub.station.ecg_board import EcgBoard
from devicehub.station.ecg_view import ecg_view
from devicehub.station.events import RETRY_MILLISECONDS, EventStream, event
from devicehub.station.hub import Hub
from devicehub.station.sessions import COOKIE
from devicehub.station.words import Words

BEAT: Final = 0.5
"""Seconds. A page that hears nothing for two of these freezes its traces (`static/ecg.js`)."""


class Shown(Record):
    """The visit beside which a person was shown the preparation."""

    visit: str


class Desk(Protocol):
    """What a person can say of a preparation beside a visit; both raise `NoPreparation` and ``NotAllowed``."""

    def begin(self, device: str, visit: str) -> None:
        """The electrodes are this patient's."""
        ...

    async def finish(self, device: str, visit: str) -> EcgPreparation:
        """File it as it stands."""
        ...


class EcgPanel:
    """The endpoints. ``labels`` is how the practice names electrodes."""

    def __init__(self, hub: Hub, board: EcgBoard, preparations: Desk, *, labels: Labels) -> None:
        self._hub = hub
        self._board = board
        self._preparations = preparations
        self._labels = labels

    def routes(self, counter: Counter) -> list[Route]:
        """Where each is reached."""
        self._words = counter.words
        return [
            counter.get("/api/ecg", "visit", self.told),
            counter.get("/api/ecg/events", "visit", self.events),
            counter.post("/api/ecg/{device}/begin", "visit", self.begin),
            counter.post("/api/ecg/{device}/finish", "visit", self.finish),
        ]

    async def told(self, _request: Request) -> Response:
        """The open visit and every front end's preparation, for programs; without its verdict while it is locked."""
        visit = self._hub.board.picture.visit
        is_closed = visit is not None and visit.locked
        return JSONResponse(
            {
                "visit": visit and visit.id,
                "ecg": [
                    {
                        "device": one.device,
                        "phase": one.phase,
                        "ready": one.is_ready,
                        "frozen": one.is_frozen,
                        "unable": one.unable,
                        "began": one.began.isoformat(),
                        "retries": one.retries,
                        "verdict": None
                        if is_closed
                        else one.verdict and one.verdict.model_dump(mode="json"),
                    }
                    for one in self._board.shown.values()
                ],
            }
        )

    async def events(self, request: Request) -> Response:
        """The panel when it changes, and the traces, for as long as whoever asks is signed in."""
        if request.method == "HEAD":
            return Response(media_type=EventStream.media_type)
        token = request.cookies.get(COOKIE)
        return EventStream(
            self._events(self._words(request), lambda: self._hub.sessions.is_open(token))
        )

    async def begin(self, request: Request) -> Response:
        """The electrodes are this patient's."""
        shown = await said(request, Shown)
        try:
            self._preparations.begin(request.path_params["device"], shown.visit)
        except NoPreparation:
            raise Refused(409, self._words(request)("ecg.refused")) from None
        return done()

    async def finish(self, request: Request) -> Response:
        """File the preparation as it stands."""
        shown = await said(request, Shown)
        try:
            await self._preparations.finish(request.path_params["device"], shown.visit)
        except NoPreparation:
            raise Refused(409, self._words(request)("ecg.refused")) from None
        return done()

    async def _events(
        self, words: Words, signed_in: Callable[[], bool]
    ) -> AsyncGenerator[str, None]:
        sent = None
        # The room's board knows when the page is to hang up; the panel's own says what is new.
        with self._hub.board.watch() as room, self._board.watch() as watcher:
            yield f"retry: {RETRY_MILLISECONDS}\n\n"
            while not room.ended and signed_in():
                first, visit = self._board.first, self._hub.board.picture.visit
                is_closed = visit is not None and visit.locked
                is_drawn = first is not None and first.phase in ("running", "done")
                html = self._panel(words, visit)
                out = [event("panel", html)] if html != sent else []
                sent = html
                while watcher.traces:
                    device, drawn = watcher.traces.popleft()
                    if first is not None and device == first.device and is_drawn and not is_closed:
                        out.append(event("trace", drawn))
                yield "".join(out) or event("beat", "")
                await watcher.wait(BEAT)

    def _panel(self, words: Words, visit: Visit | None) -> str:
        first = self._board.first
        view = None if first is None else ecg_view(first, words, self._labels)
        return self._hub.rendering.render("ecg_panel", words, ecg=view, visit=visit)
