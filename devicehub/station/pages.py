"""The assistant's page, its events and its files; and the board for programs."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from devicehub.station.answering import Counter
from devicehub.station.events import EventStream, filing_events, page_events
from devicehub.station.hub import Hub
from devicehub.station.language import remember_language
from devicehub.station.page import Page, Viewer
from devicehub.station.sessions import COOKIE
from devicehub.station.sign_in import operator_of
from devicehub.station.snapshot import picture_told


class Pages:
    """The endpoints. `hang_up` ends their streams."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._board = hub.board
        self._page = Page(hub)
        self._leaving = False

    def routes(self, counter: Counter) -> list[Route]:
        """Where each is reached."""
        self._words = counter.words
        return [
            counter.get("/", None, self.page),
            counter.get("/events", "visit", self.events),
            counter.get("/static/{name}", None, self.static),
            counter.get("/api/board", "visit", self.board),
            counter.get("/api/events", "visit", self.filings),
        ]

    def hang_up(self) -> None:
        """End every stream: the station stops, or starts anew."""
        self._leaving = True
        self._board.hang_up()

    async def page(self, request: Request) -> Response:
        """The whole page. A technician sees no patient, and is sent to the devices."""
        if "visit" not in request.auth.scopes:
            return RedirectResponse("/technician", 303)
        viewer = self._viewer(request)
        html = self._page.whole(self._board.picture, viewer, datetime.now(UTC))
        response = HTMLResponse(html, headers={"Content-Language": viewer.words.language})
        remember_language(request, viewer.words, response)
        return response

    async def events(self, request: Request) -> Response:
        """The fragments that change, for as long as whoever asks is signed in."""
        if request.method == "HEAD":
            return Response(media_type=EventStream.media_type)
        viewer, token = self._viewer(request), request.cookies.get(COOKIE)
        return EventStream(
            page_events(
                self._board,
                self._page,
                viewer,
                leaving=lambda: self._leaving,
                signed_in=lambda: self._hub.sessions.is_open(token),
            )
        )

    async def static(self, request: Request) -> Response:
        """A file; one that is asked for by its digest never changes."""
        asset = self._hub.rendering.assets.get(request.path_params["name"])
        if asset is None:
            return Response(status_code=404)
        fresh = request.query_params.get("v") == asset.digest
        cache = "public, max-age=31536000, immutable" if fresh else "no-cache"
        return Response(asset.body, media_type=asset.media_type, headers={"Cache-Control": cache})

    async def board(self, request: Request) -> Response:
        """The board for programs, without identity."""
        words = self._words(request)
        return JSONResponse(picture_told(self._board.picture, words, datetime.now(UTC)))

    async def filings(self, request: Request) -> Response:
        """Every change of a reading's state for programs, without identity."""
        if request.method == "HEAD":
            return Response(media_type=EventStream.media_type)
        words = self._words(request)
        return EventStream(filing_events(self._board, words, lambda: self._leaving))

    def _viewer(self, request: Request) -> Viewer:
        return Viewer(self._words(request), operator_of(request))
