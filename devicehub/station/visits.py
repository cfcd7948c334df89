"""Visits, as a person's acts: opened, locked, confirmed, closed; what was scanned; what is delegated."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devicehub.driver import Kind
from devicehub.reading.reading import Record
from devicehub.station.answering import Counter, Refused, author, done, said
from devicehub.station.hub import Hub
from devicehub.station.sign_in import operator_of
from devicehub.visit.dossier import DossierRefused, DossierUnreachable
from devicehub.visit.operators import Operator, Operators, OperatorsUnreadable
from devicehub.visit.patient import PatientIdentity, can_be_born
from devicehub.visit.reception import NotOpened, NotProposed


class Opening(PatientIdentity):
    """Whom a visit is about, and the operator who answers for it where there is a choice."""

    family_name: str = Field(min_length=1, max_length=100, pattern=r"\S")
    given_name: str = Field(min_length=1, max_length=100, pattern=r"\S")
    responsible: str | None = None


class Delegated(Record):
    """Whether assistants may accept readings of a kind."""

    kind: Kind
    delegated: bool


class Visits:
    """The endpoints."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._desk = hub.desk

    def routes(self, counter: Counter) -> list[Route]:
        """Where each is reached."""
        self._words = counter.words
        return [
            counter.get("/api/worklist", "visit", self.worklist),
            counter.post("/api/visits", "visit", self.open),
            counter.post("/api/visits/close", "visit", self.close),
            counter.post("/api/visits/lock", "visit", self.lock),
            counter.post("/api/visits/unlock", "visit", self.unlock),
            counter.post("/api/visits/{visit}/open", "visit", self.open_planned),
            counter.post("/api/proposals/{proposal:uuid}/open", "visit", self.open_proposed),
            counter.post("/api/proposals/{proposal:uuid}/ignore", "visit", self.ignore_proposed),
            counter.post("/api/delegation", "delegate", self.delegate),
        ]

    async def worklist(self, request: Request) -> Response:
        """The visits planned for this station, with whom they are about; ``stale`` says why they may be old."""
        stale = None
        try:
            await self._desk.refresh_worklist()
        except (DossierUnreachable, DossierRefused) as error:
            stale = str(error)
        visits = [known.model_dump(mode="json") for known in self._desk.worklist]
        return JSONResponse({"visits": visits, "stale": stale})

    async def open(self, request: Request) -> Response:
        """Open a visit for a patient, closing the one that is open."""
        asked = await said(request, Opening)
        identity = PatientIdentity.model_validate(asked.model_dump(exclude={"responsible"}))
        if not can_be_born(identity.born, datetime.now().astimezone().date()):
            raise Refused(422, self._words(request)("refusal.born"))
        responsible = _responsible(
            operator_of(request), self._hub.sessions.operators, asked.responsible
        )
        opened = await self._desk.open(identity, author=author(request), responsible=responsible)
        return JSONResponse({"visit": opened.id})

    async def open_planned(self, request: Request) -> Response:
        """Open a visit of the worklist."""
        visit = request.path_params["visit"]
        responsible = _responsible(operator_of(request), self._hub.sessions.operators, None)
        opened = await self._desk.open_planned(
            visit, author=author(request), responsible=responsible
        )
        return JSONResponse({"visit": opened.id})

    async def close(self, request: Request) -> Response:
        """Close the open visit."""
        await self._desk.close(author=author(request))
        return done()

    async def lock(self, request: Request) -> Response:
        """Lock the open visit."""
        await self._desk.lock(author=author(request), reason="asked")
        return done()

    async def unlock(self, request: Request) -> Response:
        """Confirm that the open visit's patient is the one in the room."""
        await self._desk.unlock(author=author(request))
        return done()

    async def open_proposed(self, request: Request) -> Response:
        """Open the visit of whom the identity reader has read."""
        if self._hub.reception is None:
            raise Refused(404, "no identity reader")
        try:
            await self._hub.reception.open(request.path_params["proposal"], author=author(request))
        except NotProposed as why:
            raise Refused(409, str(why)) from why
        except NotOpened as why:
            raise Refused(503, str(why)) from why
        return done()

    async def ignore_proposed(self, request: Request) -> Response:
        """Forget whom the identity reader has read."""
        if self._hub.reception is None:
            raise Refused(404, "no identity reader")
        try:
            self._hub.reception.ignore(request.path_params["proposal"])
        except NotProposed as why:
            raise Refused(409, str(why)) from why
        return done()

    async def delegate(self, request: Request) -> Response:
        """Say whether assistants may accept readings of a kind."""
        asked = await said(request, Delegated)
        await self._desk.delegate(asked.kind, delegated=asked.delegated, author=author(request))
        self._hub.board.withheld(self._desk.withheld)
        return done()


def physicians(operators: Operators) -> tuple[Operator, ...]:
    """Who can answer for a visit."""
    try:
        return tuple(one for one in operators.all() if one.role == "physician")
    except OperatorsUnreadable:
        return ()


def physician_of(operators: Operators, author: str) -> str | None:
    """The physician who answers for a visit that was scanned in: who opens it, or the only one there is."""
    known = physicians(operators)
    chosen = [one for one in known if one.id == author] or known
    return chosen[0].name if len(chosen) == 1 else None


def _responsible(operator: Operator, operators: Operators, asked: str | None) -> str | None:
    """The physician who answers for a visit: whoever opens it, the one that was chosen, or the only one there is."""
    if operator.role == "physician":
        return operator.name
    known = physicians(operators)
    chosen = [one for one in known if one.id == asked] or known
    return chosen[0].name if len(chosen) == 1 else None
