"""The counter: the one place that lets a request through, and that words why it is refused.

A request that changes something comes from the page itself and says JSON; whoever asks must have the act. What
the rooms below refuse becomes a status and a sentence in the language of who asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devicehub.journal.failures import JournalFull, NotAllowed
from devicehub.station import telling
from devicehub.station.guard import TooLarge, body_within, comes_from_page, is_json
from devicehub.station.sign_in import operator_of
from devicehub.station.words import Words
from devicehub.visit.dossier import DossierRefused, DossierUnreachable
from devicehub.visit.gate import Act
from devicehub.visit.review import Held

LARGEST_BODY: Final = 16 * 1024
"""Bytes of a request's body."""

Handler = Callable[[Request], Awaitable[Response]]
WordsFor = Callable[[Request], Words]

M = TypeVar("M", bound=BaseModel)


class Refused(Exception):
    """A request that is refused: its status, and the sentence that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


_PROBLEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "missing",
        "extra_forbidden": "unknown",
        "greater_than": "range",
        "greater_than_equal": "range",
        "less_than": "range",
        "less_than_equal": "range",
        "string_too_short": "range",
        "string_too_long": "range",
    }
)
"""What pydantic found, as far as a person can be told more than that a value is not allowed."""

_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "family_name": "identity.family_name",
        "given_name": "identity.given_name",
        "born": "identity.born",
        "sex": "identity.sex",
        "device": "workshop.device",
        "act": "workshop.act",
        "done_on": "workshop.done_on",
        "due": "workshop.due",
        "by": "workshop.by",
        "certificate": "workshop.certificate",
        "passed": "workshop.result",
        "note": "workshop.note",
    }
)
"""What the page's forms call the fields a person fills in."""


class Counter:
    """Makes routes whose handlers need not think of who asks. ``words`` are those of who asks."""

    def __init__(self, words: WordsFor) -> None:
        self.words = words

    def get(self, path: str, act: Act | None, handler: Handler) -> Route:
        """A route that shows something to whoever may ``act``; ``None``: to whoever is signed in."""
        return Route(path, self._checked(act, handler, changes=False))

    def post(self, path: str, act: Act | None, handler: Handler) -> Route:
        """A route that changes something, for whoever may ``act``."""
        return Route(path, self._checked(act, handler, changes=True), methods=["POST"])

    def _checked(self, act: Act | None, handler: Handler, *, changes: bool) -> Handler:
        async def answer(request: Request) -> Response:
            words = self.words(request)
            try:
                if changes:
                    _check_origin(request, words)
                _check_role(request, act, words)
                return await handler(request)
            except Refused as why:
                return JSONResponse({"error": str(why)}, why.status)
            except TooLarge:
                message = words("refusal.body", kibibytes=LARGEST_BODY // 1024)
                return JSONResponse({"error": message}, 413)
            except ValidationError as why:
                return JSONResponse(_not_understood(why, words), 422)
            except Held as why:
                return JSONResponse({"error": telling.hold(words, why.hold)}, 403)
            except (NotAllowed, DossierRefused) as why:
                # What the journal says of a reading's states is meant for a log.
                told = words.pick(str(why)) or words("refusal.moved_on")
                return JSONResponse({"error": told}, 409)
            except DossierUnreachable as why:
                told = words.pick(str(why)) or words("refusal.dossier")
                return JSONResponse({"error": told}, 503)
            except JournalFull:
                return JSONResponse({"error": words("refusal.full")}, 507)

        return answer


async def said(request: Request, what: type[M]) -> M:
    """What the request says. Raises `TooLarge` or ``ValidationError``, which `Counter` words."""
    return what.model_validate_json(await body_within(request, LARGEST_BODY) or b"{}")


def author(request: Request) -> str:
    """The id of the operator who asks: the author of what they do."""
    return operator_of(request).id


def reading_of(request: Request) -> UUID:
    """The reading a path names."""
    reading: UUID = request.path_params["reading"]
    return reading


def seen_of(request: Request) -> tuple[UUID, int]:
    """The reading a path names, and the revision of its attribution that whoever asks was shown."""
    revision: int = request.path_params["revision"]
    return reading_of(request), revision


def done() -> Response:
    """It is done, and the stream tells the rest."""
    return Response(status_code=204)


def _check_origin(request: Request, words: Words) -> None:
    if not comes_from_page(request):
        raise Refused(403, words("refusal.origin"))
    if not is_json(request):
        raise Refused(415, words("refusal.content_type"))


def _check_role(request: Request, act: Act | None, words: Words) -> None:
    if act is not None and act not in request.auth.scopes:
        raise Refused(403, words("refusal.role"))


def _not_understood(error: ValidationError, words: Words) -> dict[str, str]:
    """The first thing that is wrong: for a person by the label on the form, for a program by the field's name."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(step) for step in first["loc"]) or "JSON"
    problem = words.pick(first["msg"].removeprefix("Value error, "))
    problem = problem or words(f"problem.{_PROBLEMS.get(first['type'], 'value')}")
    if isinstance(first["input"], str) and not first["input"].strip():
        problem = words("problem.empty")
    if field in _LABELS:
        told = words("refusal.field", field=words(_LABELS[field]), problem=problem)
    else:
        told = words("refusal.not_understood", field=field, problem=problem)
    return {"error": told, "field": field}
