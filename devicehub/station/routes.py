"""The routes of the station: the page, its events, the board as JSON, visits opened and closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from devicehub.journal.failures import NotAllowed
from devicehub.station.board import Board
from devicehub.station.events import EventStream, filing_events, page_events
from devicehub.station.guard import Guarded, comes_from_page, is_json
from devicehub.station.page import Page
from devicehub.station.snapshot import picture_told
from devicehub.station.words import LANGUAGES, Language, Words
from devicehub.visit.patient import PatientIdentity

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""The names under which a browser of this machine may ask. Another name is another site's trick."""

LARGEST_BODY: Final = 16 * 1024
"""Bytes of a request's body."""

_SPOKEN: Final[dict[str, Language]] = {language: language for language in LANGUAGES}
Confirm = Callable[[UUID, bool], Awaitable[None]]
"""Takes a person's word on a reading that waits for it: accepted or not."""

_COOKIE = "language"
_COOKIE_SECONDS = 365 * 24 * 3600


class Unavailable(Exception):
    """A visit cannot be opened or closed now. The message says to a person why and what to do."""


def station_app(
    board: Board,
    *,
    open_visit: Callable[[PatientIdentity], Awaitable[str]],
    close_visit: Callable[[], Awaitable[None]],
    confirm: Confirm,
    language: Language,
    hosts: Sequence[str] = LOOPBACK,
) -> Starlette:
    """The station as an ASGI application.

    ``open_visit`` gives the id of the visit; it and ``close_visit`` may raise `Unavailable`, ``confirm``
    raises `devicehub.journal.failures.NotAllowed`. ``language`` is the practice's: a person changes it on the
    page. ``hosts`` are the names it answers to.
    `server.serve` ends its streams through ``state.hang_up``; it is then done and serves no more.
    """
    station = _Station(board, open_visit, close_visit, confirm, language)
    app = Starlette(
        routes=[
            Route("/", station.page),
            Route("/events", station.events),
            Route("/static/{name}", station.static),
            Route("/api/board", station.board_json),
            Route("/api/events", station.filings),
            Route("/api/visits", station.open, methods=["POST"]),
            Route("/api/visits/close", station.close, methods=["POST"]),
            Route("/api/readings/{reading:uuid}/accept", station.accept, methods=["POST"]),
            Route("/api/readings/{reading:uuid}/reject", station.reject, methods=["POST"]),
        ],
        middleware=[
            Middleware(Guarded),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
        ],
    )
    app.state.hang_up = station.hang_up
    return app


class _Station:
    def __init__(
        self,
        board: Board,
        open_visit: Callable[[PatientIdentity], Awaitable[str]],
        close_visit: Callable[[], Awaitable[None]],
        confirm: Confirm,
        language: Language,
    ) -> None:
        self._board = board
        self._open_visit = open_visit
        self._close_visit = close_visit
        self._confirm = confirm
        self._language = language
        self._page = Page()
        self._leaving = False

    def hang_up(self) -> None:
        self._leaving = True
        self._board.hang_up()

    async def page(self, request: Request) -> Response:
        words = self._words(request)
        html = self._page.whole(self._board.picture, words, datetime.now(UTC))
        response = HTMLResponse(html, headers={"Content-Language": words.language})
        if "lang" in request.query_params:
            response.set_cookie(
                _COOKIE, words.language, max_age=_COOKIE_SECONDS, httponly=True, samesite="strict"
            )
        return response

    async def events(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type=EventStream.media_type)
        words = self._words(request)
        return EventStream(page_events(self._board, self._page, words, lambda: self._leaving))

    async def static(self, request: Request) -> Response:
        asset = self._page.assets.get(request.path_params["name"])
        if asset is None:
            return Response(status_code=404)
        fresh = request.query_params.get("v") == asset.digest
        cache = "public, max-age=31536000, immutable" if fresh else "no-cache"
        return Response(asset.body, media_type=asset.media_type, headers={"Cache-Control": cache})

    async def board_json(self, request: Request) -> Response:
        words = self._words(request)
        return JSONResponse(picture_told(self._board.picture, words, datetime.now(UTC)))

    async def filings(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type=EventStream.media_type)
        words = self._words(request)
        return EventStream(filing_events(self._board, words, lambda: self._leaving))

    async def open(self, request: Request) -> Response:
        words = self._words(request)
        if refusal := _refusal(request, words):
            return refusal
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                return _error(413, words("refusal.body", kibibytes=LARGEST_BODY // 1024))
        try:
            identity = PatientIdentity.model_validate_json(bytes(body))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            field = ".".join(str(step) for step in first["loc"]) or "JSON"
            return _error(422, words("refusal.identity", field=field, problem=first["msg"]))
        try:
            return JSONResponse({"visit": await self._open_visit(identity)})
        except Unavailable as why:
            return _error(503, str(why))

    async def close(self, request: Request) -> Response:
        if refusal := _refusal(request, self._words(request)):
            return refusal
        try:
            await self._close_visit()
        except Unavailable as why:
            return _error(503, str(why))
        return Response(status_code=204)

    async def accept(self, request: Request) -> Response:
        return await self._decide(request, accepted=True)

    async def reject(self, request: Request) -> Response:
        return await self._decide(request, accepted=False)

    async def _decide(self, request: Request, *, accepted: bool) -> Response:
        words = self._words(request)
        if refusal := _refusal(request, words):
            return refusal
        try:
            await self._confirm(request.path_params["reading"], accepted)
        except NotAllowed as why:
            return _error(409, words("refusal.confirm", why=why))
        return Response(status_code=204)

    def _words(self, request: Request) -> Words:
        for asked in (request.query_params.get("lang"), request.cookies.get(_COOKIE)):
            for language in LANGUAGES:
                if asked == language:
                    return Words(language)
        return Words(self._language)


def _refusal(request: Request, words: Words) -> Response | None:
    if not comes_from_page(request):
        return _error(403, words("refusal.origin"))
    if not is_json(request):
        return _error(415, words("refusal.content_type"))
    return None


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)
