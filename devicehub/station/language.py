"""The language of who asks: the one they have chosen, kept in a cookie, else the practice's."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from devicehub.station.words import LANGUAGES, Language, Words

_COOKIE: Final = "language"
_COOKIE_SECONDS: Final = 365 * 24 * 3600


def words_for(request: Request, language: Language) -> Words:
    """The words of who asks: in the language they have chosen, else in the practice's."""
    for asked in (request.query_params.get("lang"), request.cookies.get(_COOKIE)):
        for spoken in LANGUAGES:
            if asked == spoken:
                return Words(spoken)
    return Words(language)


def remember_language(request: Request, words: Words, answer: Response) -> None:
    """Keep the language that was asked for by ``?lang=``."""
    if "lang" in request.query_params:
        answer.set_cookie(
            _COOKIE, words.language, max_age=_COOKIE_SECONDS, httponly=True, samesite="strict"
        )
