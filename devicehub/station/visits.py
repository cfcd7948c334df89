"""Visits, as a person's acts: opened, locked, confirmed, closed; what was scanned; what is delegated."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devicehub.driver import Kind
from devicehub.journal.records import Visit
from devicehub.reading.reading import Record
from devicehub.station.answering import Counter, Refused, author, done, said
from devicehub.station.hub import Hub
from devicehub.visit.desk import VISIT_ID
from devicehub.visit.dossier import DossierRefused, DossierUnreachable
from devicehub.visit.operators import Operator, Operators, OperatorsUnreadable
from devicehub.visit.patient import PatientIdentity, can_be_born
from devicehub.visit.reception import NotOpened, NotProposed


class Closing(Record):
    """The visit that ends as another is opened: the one that was open on the page; empty where none was."""

    closes: str | None = None


class Opening(PatientIdentity, Closing):
    """Whom a visit is about, and under which id: a form that is sent twice opens it once."""

    visit: str | None = Field(None, pattern=VISIT_ID)
    family_name: str = Field(min_length=1, max_length=100, pattern=r"\S")
    given_name: str = Field(min_length=1, max_length=100, pattern=r"\S")


class Entrusted(Record):
    """The operator who answers for a visit."""

    physician: str


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
            counter.post("/api/visits/{visit}/open", "visit", self.open_planned),
            counter.post("/api/visits/{visit}/close", "visit", self.close),
            counter.post("/api/visits/{visit}/lock", "visit", self.lock),
            counter.post("/api/visits/{visit}/unlock", "visit", self.unlock),
            counter.post("/api/visits/{visit}/responsible", "visit", self.entrust),
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
        self._hub.board.worklist(self._desk.worklist, stale)
        visits = [known.model_dump(mode="json") for known in self._desk.worklist]
        return JSONResponse({"visits": visits, "stale": stale})

    async def open(self, request: Request) -> Response:
        """Open a visit for a patient, closing the one that was open on the page."""
        asked = await said(request, Opening)
        identity = PatientIdentity.model_validate(asked.model_dump(exclude={"visit", "closes"}))
        if not can_be_born(identity.born, datetime.now().astimezone().date()):
            raise Refused(422, self._words(request)("refusal.born"))
        responsible = physician_of(self._hub.sessions.operators, author(request))
        await self._desk.open(
            identity,
            author=author(request),
            responsible=responsible,
            closes=asked.closes,
            visit=asked.visit,
        )
        return self._opened()

    async def open_planned(self, request: Request) -> Response:
        """Open a visit of the worklist, closing the one that was open on the page."""
        asked, visit = await said(request, Closing), request.path_params["visit"]
        responsible = physician_of(self._hub.sessions.operators, author(request))
        await self._desk.open_planned(
            visit, author=author(request), responsible=responsible, closes=asked.closes
        )
        return self._opened()

    async def entrust(self, request: Request) -> Response:
        """Say which of the registered physicians answers for the open visit."""
        asked = await said(request, Entrusted)
        known = {one.id: one for one in physicians(self._hub.sessions.operators)}
        if asked.physician not in known:
            raise Refused(422, self._words(request)("refusal.no_such_physician"))
        visit, physician = request.path_params["visit"], known[asked.physician]
        await self._desk.entrust(visit, physician, author=author(request))
        return done()

    async def close(self, request: Request) -> Response:
        """Close this visit, which is the open one."""
        await self._desk.close(author=author(request), wanted=request.path_params["visit"])
        return done()

    async def lock(self, request: Request) -> Response:
        """Lock this visit, which is the open one."""
        wanted = request.path_params["visit"]
        await self._desk.lock(author=author(request), reason="asked", wanted=wanted)
        return done()

    async def unlock(self, request: Request) -> Response:
        """Confirm that the patient of this visit is the one in the room."""
        await self._desk.unlock(request.path_params["visit"], author=author(request))
        return done()

    async def open_proposed(self, request: Request) -> Response:
        """Open the visit of whom the identity reader has read."""
        if self._hub.reception is None:
            raise Refused(404, "no identity reader")
        asked, proposal = await said(request, Closing), request.path_params["proposal"]
        try:
            await self._hub.reception.open(proposal, author=author(request), closes=asked.closes)
        except NotProposed as why:
            raise Refused(409, self._told(request, why)) from why
        except NotOpened as why:
            raise Refused(503, self._told(request, why)) from why
        return self._opened()

    async def ignore_proposed(self, request: Request) -> Response:
        """Forget whom the identity reader has read."""
        if self._hub.reception is None:
            raise Refused(404, "no identity reader")
        try:
            self._hub.reception.ignore(request.path_params["proposal"])
        except NotProposed as why:
            raise Refused(409, self._told(request, why)) from why
        return done()

    async def delegate(self, request: Request) -> Response:
        """Say whether assistants may accept readings of a kind."""
        asked = await said(request, Delegated)
        await self._desk.delegate(asked.kind, delegated=asked.delegated, author=author(request))
        self._hub.board.withheld(self._desk.withheld)
        return done()

    def _told(self, request: Request, why: Exception) -> str:
        """The page's language of what is written « French · English »."""
        return self._words(request).pick(str(why)) or str(why)

    def _opened(self) -> Response:
        """The visit that is open now, and the question that comes next where nobody answers for it yet."""
        visit = self._desk.visit
        told = {} if visit is None else {"visit": visit.id}
        if visit is not None and lacks_physician(visit, self._hub.sessions.operators):
            told["next"] = "/ask/responsible"
        return JSONResponse(told)


def physicians(operators: Operators) -> tuple[Operator, ...]:
    """Who can answer for a visit."""
    try:
        return tuple(one for one in operators.all() if one.role == "physician")
    except OperatorsUnreadable:
        return ()


def lacks_physician(visit: Visit, operators: Operators) -> bool:
    """Whether a person is to say who answers for this visit."""
    return visit.responsible is None and bool(physicians(operators))


def physician_of(operators: Operators, author: str) -> str | None:
    """The physician who answers for a visit that nobody has to be asked about: who opens it, or the only one there is."""
    known = physicians(operators)
    chosen = [one for one in known if one.id == author] or known
    return chosen[0].name if len(chosen) == 1 else None
