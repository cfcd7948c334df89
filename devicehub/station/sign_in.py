"""Signing in and out: the page that asks who stands there, and the guard in front of everything else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from devicehub.station.guard import TooLarge, body_within, comes_from_page, is_json
from devicehub.station.language import remember_language
from devicehub.station.provider import Attempt, Provider, ProviderRefused
from devicehub.station.sessions import COOKIE, MustWait, Present, Sessions
from devicehub.station.words import Words
from devicehub.visit.operators import Operator, OperatorsUnreadable

log = logging.getLogger(__name__)

_STATE_COOKIE = "sign-in"
_OPEN: Final = ("/sign-in", "/static/")
"""What is answered to somebody who has not signed in."""

_NOBODY: Final = (
    "Personne n’est connecté\N{NO-BREAK SPACE}: connectez-vous d’abord (POST /sign-in), puis recommencez avec le cookie reçu · "
    "Nobody is signed in: sign in first (POST /sign-in), then ask again with the cookie you get"
)
"""Before anybody has signed in, no language was chosen."""

ATTEMPTS_KEPT: Final = 32
LARGEST_BODY: Final = 1024
"""Bytes of a request that signs in."""


class _Given(BaseModel):
    operator: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    pin: str


Render = Callable[[Words, tuple[Operator, ...], bool, str | None], str]
"""Makes the page: in these words, for these operators, with the provider's button or not, and why it is shown."""


class OnlySignedIn:
    """Lets nobody past who has not signed in: browsers are sent to the sign-in page, programs get 401."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, to those who may ask."""
        if scope["type"] != "http" or scope["path"].startswith(_OPEN):
            await self.app(scope, receive, send)
            return
        if HTTPConnection(scope).user.is_authenticated:
            await self.app(scope, receive, send)
            return
        answer: Response = _error(401, _NOBODY)
        if scope["path"] == "/":
            answer = RedirectResponse("/sign-in", status_code=303)
        await answer(scope, receive, send)


def operator_of(request: Request) -> Operator:
    """Who asks. Only behind `OnlySignedIn`."""
    user = request.user
    if not isinstance(user, Present):
        raise TypeError("nobody is signed in")
    return user.operator


class SignIn:
    """The routes of signing in."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        render: Render,
        words: Callable[[Request], Words],
        provider: Provider | None,
    ) -> None:
        self._sessions = sessions
        self._render = render
        self._words = words
        self._provider = provider
        self._attempts: dict[str, Attempt] = {}

    def routes(self) -> list[Route]:
        """Everything under ``/sign-in``, and signing out."""
        return [
            Route("/sign-in", self.page),
            Route("/sign-in", self.by_pin, methods=["POST"]),
            Route("/sign-in/provider", self.to_provider),
            Route("/sign-in/return", self.from_provider),
            Route("/api/here", self.here, methods=["POST"]),
            Route("/api/sign-out", self.sign_out, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """The page that asks who stands there, and says why where somebody did until now."""
        words, over = self._words(request), self._sessions.why_over(request.cookies.get(COOKIE))
        idle = words.whole_duration(self._sessions.idle)
        return self._page(request, over and words(f"signin.over.{over}", length=idle))

    async def by_pin(self, request: Request) -> Response:
        """``{"operator", "pin"}``: 204 and a session, 403 where the PIN is wrong, 429 where it must wait."""
        words = self._words(request)
        if not comes_from_page(request) or not is_json(request):
            return _error(403, words("refusal.origin"))
        try:
            given = _Given.model_validate_json(await body_within(request, LARGEST_BODY))
        except (ValidationError, TooLarge):
            return _error(422, words("signin.incomplete"))
        operator = given.operator
        try:
            self._sessions.check_wait(operator)
            known = await asyncio.to_thread(self._sessions.operators.by_pin, operator, given.pin)
        except MustWait as wait:
            return _error(429, words("signin.wait", length=words.duration(_seconds(wait))))
        except OperatorsUnreadable as error:
            return _error(503, str(error))
        self._sessions.tried(operator, right=known is not None)
        if known is None:
            log.warning("sign_in_refused operator=%s", operator)
            return _error(403, words("signin.wrong"))
        log.info("signed_in operator=%s", known.id)
        return self._begin(request, known, Response(status_code=204))

    async def to_provider(self, request: Request) -> Response:
        """Send the browser to the identity provider."""
        if self._provider is None:
            return Response(status_code=404)
        attempt = Attempt(back=str(request.url_for("from_provider")))
        try:
            door = await self._provider.door(attempt)
        except ProviderRefused as why:
            return self._page(request, str(why))
        self._attempts[attempt.state] = attempt
        while len(self._attempts) > ATTEMPTS_KEPT:
            del self._attempts[next(iter(self._attempts))]
        answer = RedirectResponse(door, status_code=303)
        # Lax, not strict: the browser comes back from the provider's site.
        answer.set_cookie(_STATE_COOKIE, attempt.state, max_age=600, httponly=True, samesite="lax")
        return answer

    async def from_provider(self, request: Request) -> Response:
        """The browser comes back with a code."""
        words = self._words(request)
        state = request.query_params.get("state", "")
        attempt = self._attempts.pop(state, None)
        if self._provider is None or attempt is None or request.cookies.get(_STATE_COOKIE) != state:
            return self._page(request, words("signin.again"))
        try:
            subject = await self._provider.subject(attempt, request.query_params.get("code", ""))
        except ProviderRefused as why:
            return self._page(request, str(why))
        known = self._sessions.operators.by_subject(subject)
        if known is None:
            return self._page(request, words("signin.unknown"))
        log.info("signed_in operator=%s", known.id)
        answer = self._begin(request, known, _onward())
        answer.delete_cookie(_STATE_COOKIE)
        return answer

    async def here(self, request: Request) -> Response:
        """The person at the page has touched it."""
        self._sessions.touch(request.cookies.get(COOKIE))
        return Response(status_code=204)

    async def sign_out(self, request: Request) -> Response:
        """The person leaves; the next one signs in."""
        if not comes_from_page(request):
            return _error(403, self._words(request)("refusal.origin"))
        self._sessions.end(request.cookies.get(COOKIE))
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE)
        return answer

    def _begin(self, request: Request, operator: Operator, answer: Response) -> Response:
        answer.set_cookie(
            COOKIE,
            self._sessions.begin(operator),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    def _page(self, request: Request, why: str | None) -> Response:
        words = self._words(request)
        try:
            operators = self._sessions.operators.all()
        except OperatorsUnreadable as error:
            operators, why = (), str(error)
        html = self._render(words, operators, self._provider is not None, why)
        answer = HTMLResponse(html, headers={"Content-Language": words.language})
        remember_language(request, words, answer)
        return answer


def _onward() -> Response:
    # A strict cookie is not sent along with a redirect that began at another site: the page asks for itself.
    return HTMLResponse(
        '<!doctype html><html lang="fr"><title>devicehub</title>'
        '<meta http-equiv="refresh" content="0;url=/"><p><a href="/">devicehub</a></p></html>'
    )


def _seconds(wait: MustWait) -> timedelta:
    return timedelta(seconds=wait.seconds)


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)
