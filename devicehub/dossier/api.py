"""The dossier's HTTP API: visits are planned, opened and looked up here, and here alone stands whom they are about.

Every answer is JSON; an error is ``{"error": code, "message": words}``.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from ipaddress import ip_address
from typing import Annotated, Any, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, Field, ValidationError, model_validator
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from devicehub.delivery.wire import Id
from devicehub.dossier.store import DossierStore, StoreFull
from devicehub.dossier.visits import (
    NewVisit,
    PatientVisit,
    UnknownPatient,
    UnknownVisit,
    VisitConflict,
)
from devicehub.driver import Kind
from devicehub.reading.reading import Record
from devicehub.visit.patient import HIDDEN_SIGN, PatientIdentity, can_be_born

logger = logging.getLogger(__name__)

LARGEST_BODY = 16 * 1024
"""Bytes; the only body there is names one person."""


VisitId = Annotated[str, Field(pattern=r"^v-[0-9a-f]{20}$")]
"""Opaque: whoever chooses one draws it at random."""

Responsible = Annotated[str, Field(min_length=1, max_length=80)]
"""A physician's name."""

Body = TypeVar("Body", bound=Record)


class WantedVisit(Record):
    """A visit to plan, or with no ``planned_at`` to open at once.

    It is for a person new to the dossier (``identity``), or for a patient it knows (``patient``). With an id
    chosen by the caller (``visit``) a request can be repeated: it makes one visit. A plan may leave the
    ``station`` out: then any station may open it.
    """

    visit: VisitId | None = None
    identity: PatientIdentity | None = None
    patient: str | None = None
    station: Id | None = None
    planned_at: AwareDatetime | None = None
    opened_at: AwareDatetime | None = None
    plan: tuple[Kind, ...] = ()
    responsible: Responsible | None = None

    @model_validator(mode="after")
    def _one_person_one_way(self) -> Self:
        if (self.identity is None) == (self.patient is None):
            raise ValueError("either identity or patient")
        if self.planned_at is None and self.station is None:
            raise ValueError("station, where the visit is opened")
        if self.planned_at is not None and self.opened_at is not None:
            raise ValueError("either planned_at or opened_at")
        return self

    def made(self) -> NewVisit:
        """For the store."""
        fields = self.model_dump(exclude={"identity", "patient"})
        return NewVisit(who=self.identity or self.patient or "", **fields)


class OpenedWhere(Record):
    """Where and when a planned visit was opened."""

    station: Id
    opened_at: AwareDatetime | None = None


class EntrustedTo(Record):
    """Which physician answers for a visit."""

    responsible: Responsible


class ClosedWhen(Record):
    """When a visit ended; now, where it is not said."""

    closed_at: AwareDatetime | None = None


class Health(BaseModel):
    """How the dossier is; no identity, no value. ``failing`` says why nothing can be filed."""

    state: str
    broker: bool
    failing: str | None
    version: str


class Failure(Exception):
    """An answer other than what was asked for: a status, a code for programs, words for people."""

    def __init__(self, status: HTTPStatus, code: str, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.code = code
        self.words = words


def api(store: DossierStore, *, token: str | None, health: Callable[[], Health]) -> Starlette:
    """The application. Without ``token`` it serves this machine alone: see `Gate`."""
    visits = Visits(store)

    async def show_health(_request: Request) -> Response:
        return JSONResponse(health().model_dump())

    return Starlette(
        routes=[
            Route("/health", show_health),
            Route("/v1/visits", visits.make, methods=["POST"]),
            Route("/v1/visits", visits.worklist),
            Route("/v1/visits/{visit}", visits.look_up),
            Route("/v1/visits/{visit}/open", visits.open, methods=["POST"]),
            Route("/v1/visits/{visit}/responsible", visits.entrust, methods=["POST"]),
            Route("/v1/visits/{visit}/close", visits.close, methods=["POST"]),
            Route("/v1/visits/{visit}/readings", visits.readings),
        ],
        middleware=[Middleware(Gate, token=token)],
        exception_handlers={
            Exception: _explain,
            HTTPException: _explain,
            Failure: _explain,
            StoreFull: _explain,
            UnknownPatient: _explain,
            UnknownVisit: _explain,
            VisitConflict: _explain,
        },
    )


class Visits:
    """The endpoints under ``/v1/visits``."""

    def __init__(self, store: DossierStore) -> None:
        self._store = store

    async def make(self, request: Request) -> Response:
        """`WantedVisit` → 201 the visit, or 200 where it was made before."""
        wanted = await _read(request, WantedVisit)
        today = datetime.now().astimezone().date()
        if wanted.identity is not None and not can_be_born(wanted.identity.born, today):
            raise Failure(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "born",
                "date de naissance dans l'avenir, ou il y a plus de 130 ans : vérifiez-la · "
                "date of birth in the future, or more than 130 years ago: check it",
            )
        known, is_new = await asyncio.to_thread(
            self._store.make_visit, wanted.made(), actor=_actor(request)
        )
        return JSONResponse(_told(known), HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    async def worklist(self, request: Request) -> Response:
        """``?station=…`` → ``{"visits": […]}``: what is planned for it around now, by its time."""
        station = request.query_params.get("station", "")
        planned = await asyncio.to_thread(self._store.worklist, station, actor=_actor(request))
        return JSONResponse({"visits": [_told(known) for known in planned]})

    async def look_up(self, request: Request) -> Response:
        """A visit, with whom it is about and what was measured of them before."""
        visit = request.path_params["visit"]
        known = await asyncio.to_thread(self._store.visit, visit, actor=_actor(request))
        return JSONResponse(_told(known))

    async def open(self, request: Request) -> Response:
        """`OpenedWhere` → the visit, opened; one that was opened stays as it is."""
        where = await _read(request, OpenedWhere)
        known = await asyncio.to_thread(
            self._store.open_visit,
            request.path_params["visit"],
            where.station,
            where.opened_at,
            actor=_actor(request),
        )
        return JSONResponse(_told(known))

    async def entrust(self, request: Request) -> Response:
        """`EntrustedTo` → the visit, for which this physician answers from now on."""
        to = await _read(request, EntrustedTo)
        known = await asyncio.to_thread(
            self._store.entrust_visit,
            request.path_params["visit"],
            to.responsible,
            actor=_actor(request),
        )
        return JSONResponse(_told(known))

    async def close(self, request: Request) -> Response:
        """`ClosedWhen`, or no body → the visit, closed; one that was only planned is cancelled."""
        when = ClosedWhen()
        if request.headers.get("content-length", "0") != "0":
            when = await _read(request, ClosedWhen)
        known = await asyncio.to_thread(
            self._store.close_visit,
            request.path_params["visit"],
            when.closed_at,
            actor=_actor(request),
        )
        return JSONResponse(_told(known))

    async def readings(self, request: Request) -> Response:
        """What is filed under a visit, withdrawn readings included."""
        filed = await asyncio.to_thread(
            lambda: list(self._store.filed(request.path_params["visit"]))
        )
        return JSONResponse({"readings": [entry.model_dump(mode="json") for entry in filed]})


class Gate:
    """Who may pass: the holder of the token; without one, programs on this machine.

    Then the ``Host`` must be a loopback name too, or a page in this machine's browser could reach
    the dossier through a name of its own (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, *, token: str | None) -> None:
        self._app = app
        self._token = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let pass or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = None if request.url.path == "/health" else self._refusal(request)
        if refusal is not None:
            logger.warning("dossier.api.refused code=%s from=%s", refusal.code, _actor(request))
            await _answer(refusal)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, request: Request) -> Failure | None:
        if self._token is not None:
            said = request.headers.get("authorization", "").encode()
            if hmac.compare_digest(said, self._token):
                return None
            return Failure(
                HTTPStatus.UNAUTHORIZED,
                "token",
                "jeton absent ou faux : celui de la configuration du dossier est attendu · "
                "missing or wrong token: the one in the dossier's configuration is expected",
            )
        if is_loopback(request.url.hostname or ""):
            return None
        return Failure(
            HTTPStatus.FORBIDDEN,
            "host",
            "sans jeton, ce dossier ne répond qu'à cette machine · "
            "without a token this dossier answers this machine alone",
        )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine and nothing else."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _told(known: PatientVisit) -> dict[str, Any]:
    return {**known.known.model_dump(mode="json"), "patient": known.patient}


def _actor(request: Request) -> str:
    return f"api {request.client.host if request.client else '?'}"


async def _read(request: Request, expected: type[Body]) -> Body:
    try:
        return expected.model_validate_json(await _body(request))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        for fault in faults:
            if fault["type"] == HIDDEN_SIGN:
                raise Failure(HTTPStatus.UNPROCESSABLE_ENTITY, "name", fault["msg"]) from None
        where = ", ".join(".".join(map(str, fault["loc"])) or "." for fault in faults)
        raise Failure(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "schema",
            f"la demande n'est pas comprise, à : {where} · the request is not understood, at: {where}",
        ) from None


async def _body(request: Request) -> bytes:
    # A form of a foreign page cannot send this type without asking us first (fetch standard, CORS).
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Failure(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "type",
            "application/json est attendu · application/json is expected",
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Failure(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "size",
                "la demande est trop longue · the request is too long",
            )
    return bytes(body)


def _answer(failure: Failure) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if failure.code == "token" else None
    return JSONResponse({"error": failure.code, "message": failure.words}, failure.status, headers)


async def _explain(_request: Request, error: Exception) -> Response:
    match error:
        case Failure():
            return _answer(error)
        case UnknownVisit():
            return _answer(Failure(HTTPStatus.NOT_FOUND, "unknown_visit", str(error)))
        case VisitConflict():
            return _answer(Failure(HTTPStatus.CONFLICT, "conflict", str(error)))
        case UnknownPatient():
            return _answer(Failure(HTTPStatus.NOT_FOUND, "unknown_patient", str(error)))
        case StoreFull():
            logger.critical("dossier.store.failing reason=%s", error)
            words = (
                "le disque du dossier est plein ou en panne ; rien n'a changé, faites de la place · "
                "the dossier's disk is full or failing; nothing was changed, make room"
            )
            return _answer(Failure(HTTPStatus.INSUFFICIENT_STORAGE, "store_failing", words))
        case HTTPException():
            words = "cette adresse n'existe pas ici · there is no such address here"
            return _answer(Failure(HTTPStatus(error.status_code), "address", words))
        case _:
            words = "le dossier a une panne, voir son journal · the dossier has failed, see its log"
            return _answer(Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", words))
