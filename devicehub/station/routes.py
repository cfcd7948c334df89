"""The station as an application: who may pass, and the groups of routes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route

from devicehub.station.answering import Counter
from devicehub.station.asking import Asking
from devicehub.station.guard import Guarded
from devicehub.station.hub import Hub
from devicehub.station.language import words_for
from devicehub.station.measuring import Measuring
from devicehub.station.pages import Pages
from devicehub.station.pairing import Pairing
from devicehub.station.readings import Readings
from devicehub.station.sign_in import OnlySignedIn, SignIn
from devicehub.station.visits import Visits

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""The names under which a browser of this machine may ask. Another name is another site's trick."""


class Group(Protocol):
    """Routes that belong together."""

    def routes(self, counter: Counter) -> list[Route]:
        """Where each is reached, made at the counter."""
        ...


def station_app(
    hub: Hub, *, more: Sequence[Group] = (), hosts: Sequence[str] = LOOPBACK
) -> Starlette:
    """The station as an ASGI application. ``more`` are pages beside the assistant's own.

    ``hosts`` are the names it answers to. `server.serve` ends its streams through ``state.hang_up``; it is then
    done and serves no more.
    """
    words = partial(words_for, language=hub.language)
    counter = Counter(words)
    pages = Pages(hub)
    groups: list[Group] = [
        pages,
        Asking(hub),
        Visits(hub),
        Readings(hub),
        Measuring(hub),
        Pairing(hub),
        *more,
    ]
    sign_in = SignIn(hub.sessions, render=hub.rendering.sign_in, words=words, provider=hub.provider)
    app = Starlette(
        routes=[
            *sign_in.routes(),
            *(route for group in groups for route in group.routes(counter)),
        ],
        middleware=[
            Middleware(Guarded),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
            Middleware(AuthenticationMiddleware, backend=hub.sessions),
            Middleware(OnlySignedIn),
        ],
    )
    app.state.hang_up = pages.hang_up
    return app
