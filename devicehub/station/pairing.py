"""The answer to a device that asks for digits while it is being paired."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devicehub.devices.passkeys import NoSuchQuestion, NotSixDigits
from devicehub.station.answering import Counter, Refused, done, said
from devicehub.station.hub import Hub


class Digits(BaseModel):
    """Six digits; none are needed to agree to those shown."""

    digits: str = ""


class Pairing:
    """The endpoints. Whoever works at the page can answer: the device is in somebody's hands."""

    def __init__(self, hub: Hub) -> None:
        self._passkeys = hub.passkeys

    def routes(self, counter: Counter) -> list[Route]:
        """Where each is reached."""
        self._words = counter.words
        return [
            counter.post("/api/passkeys/{question:uuid}", None, self.answer),
            counter.post("/api/passkeys/{question:uuid}/cancel", None, self.cancel),
            counter.post("/api/devices/{device}/pair", None, self.resume),
        ]

    async def answer(self, request: Request) -> Response:
        """Give the digits, or agree to those shown."""
        given = await said(request, Digits)
        words = self._words(request)
        try:
            self._passkeys.answer(request.path_params["question"], given.digits)
        except NoSuchQuestion as why:
            raise Refused(409, words("refusal.passkey_over")) from why
        except NotSixDigits as why:
            raise Refused(422, words("refusal.passkey_digits")) from why
        return done()

    async def cancel(self, request: Request) -> Response:
        """Give up pairing."""
        try:
            self._passkeys.cancel(request.path_params["question"])
        except NoSuchQuestion as why:
            raise Refused(409, self._words(request)("refusal.passkey_over")) from why
        return done()

    async def resume(self, request: Request) -> Response:
        """Pair with a device now whose pairing somebody gave up."""
        self._passkeys.resume(request.path_params["device"])
        return done()
