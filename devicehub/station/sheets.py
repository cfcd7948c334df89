"""Sheets: the pages beside the assistant's screen. Their frame, their navigation, and how they refuse.

A sheet is whole in HTML and reads itself again every few seconds (`static/sheet.js`): it has no stream of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from devicehub.station.language import remember_language
from devicehub.station.rendering import Rendering
from devicehub.station.sign_in import operator_of
from devicehub.station.words import LANGUAGES, Words
from devicehub.visit.operators import NOBODY

_PLACES: Final[Mapping[str, str]] = {"/": "visit", "/summary": "visit", "/technician": "maintain"}
"""Where the navigation leads, and which act a person must have to be led there."""


def acts_of(request: Request) -> frozenset[str]:
    """What whoever asks may look at. Where a station has no operators, its devices are looked after by anybody."""
    acts = frozenset(request.auth.scopes)
    return acts | {"maintain"} if operator_of(request) == NOBODY else acts


class Sheets:
    """Renders sheets. ``simulation`` marks every one of them."""

    def __init__(self, rendering: Rendering, *, simulation: bool) -> None:
        self._rendering = rendering
        self._simulation = simulation

    def answer(
        self,
        request: Request,
        words: Words,
        template: str,
        *,
        status: int = 200,
        **values: object,
    ) -> Response:
        """A sheet; its navigation leads where who asks may go."""
        may = acts_of(request)
        html = self._rendering.render(
            template,
            words,
            simulation=self._simulation,
            languages=LANGUAGES,
            here=request.url.path,
            operator=operator_of(request),
            signs_in=operator_of(request) != NOBODY,
            places=[place for place, act in _PLACES.items() if act in may],
            **values,
        )
        answer = HTMLResponse(html, status, headers={"Content-Language": words.language})
        remember_language(request, words, answer)
        return answer

    def refuse(self, request: Request, words: Words, why: str, *, status: int = 403) -> Response:
        """A sheet that says why it shows nothing, with the way to what may be seen."""
        return self.answer(request, words, "sheet_refused", status=status, why=why)
