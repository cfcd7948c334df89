"""What the page's server answers to nobody but the page: headers, hosts, origins."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'self'; base-uri 'none'; connect-src 'self'; font-src 'none'; form-action 'self'; "
    "frame-ancestors 'none'; img-src 'self'; object-src 'none'; script-src 'self'; style-src 'self'"
)
"""Nothing inline, nothing from elsewhere, in no frame (Content Security Policy Level 3)."""

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guarded:
    """Puts the security headers on every answer. What does not say otherwise is never stored: it names a person."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the headers added."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, send_guarded)


def comes_from_page(request: Request) -> bool:
    """Whether a request that changes something comes from the station's page, or from no page at all.

    Browsers name the page behind each such request (Fetch standard, *Origin* header; Fetch Metadata,
    *Sec-Fetch-Site*). A program of the practice sends neither.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    own = f"{request.url.scheme}://{request.url.netloc}"
    return site == "same-origin" and request.headers.get("origin", own) == own


def is_json(request: Request) -> bool:
    """Whether the body is announced as JSON: a plain form of another page cannot say that."""
    return request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"


class TooLarge(Exception):
    """A request's body is larger than what it could mean."""


async def body_within(request: Request, largest: int) -> bytes:
    """A request's body. Raises `TooLarge` as soon as it has more than ``largest`` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise TooLarge
    return bytes(body)
