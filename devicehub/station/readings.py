"""What a person says of readings: the gate stands in front, the reasons are a closed list, nothing alters a value.

Whoever acts on a reading names the revision of its attribution that they were shown: it may be somebody else's by now.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devicehub.driver import Kind
from devicehub.journal.records import Filing
from devicehub.reading.reading import Record
from devicehub.reading.typed import number_of
from devicehub.station import telling
from devicehub.station.answering import Counter, Refused, author, done, said, seen_of
from devicehub.station.hub import Hub
from devicehub.station.sign_in import operator_of
from devicehub.visit.by_hand import Impossible, Unusual
from devicehub.visit.review import Flagged, Reason


class Why(Record):
    """What goes with an act on a reading, where the act asks for it."""

    visit: str | None = None
    reason: Reason = "other"
    state: Literal["accepted", "rejected", "discarded"] | None = None
    """What was decided, as the page showed it, of a reading that is undone; whatever it was where nobody says."""


class Seen(Record):
    """The readings that stood on the page when a person accepted them all, each with the revision it stood in."""

    readings: dict[UUID, int] = Field(max_length=200)


class Typed(Record):
    """What the physician typed, as it was typed. ``confirmed`` says that an unusual value is meant."""

    visit: str
    kind: Kind
    values: dict[str, str] = Field(max_length=4)
    confirmed: bool = False


class Readings:
    """The endpoints."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._review = hub.review

    def routes(self, counter: Counter) -> list[Route]:
        """Where each is reached."""
        self._words = counter.words
        posts = {
            "accept": self.accept,
            "reject": self.reject,
            "retake": self.retake,
            "undo": self.undo,
            "retry": self.retry,
            "assign": self.assign,
            "discard": self.discard,
            "withdraw": self.withdraw,
            "reassign": self.reassign,
        }
        return [
            counter.get("/api/tray", "decide", self.tray),
            counter.post("/api/readings", "type", self.type),
            counter.post("/api/readings/accept", "decide", self.accept_all),
            *(
                counter.post(
                    f"/api/readings/{{reading:uuid}}/{{revision:int}}/{act}", "decide", handler
                )
                for act, handler in posts.items()
            ),
        ]

    async def tray(self, request: Request) -> Response:
        """What belongs to nobody yet, without its values, and the visits it may be assigned to."""
        return JSONResponse(
            {
                "readings": [_held(filing) for filing in await self._review.tray()],
                "visits": [
                    visit.model_dump(mode="json", include={"id", "opened_at", "closed_at"})
                    for visit in self._hub.desk.recent
                ],
            }
        )

    async def accept(self, request: Request) -> Response:
        """Accept a reading that waits, where this role can."""
        return _state(await self._review.accept(*seen_of(request), by=operator_of(request)))

    async def accept_all(self, request: Request) -> Response:
        """Accept all that waits on the page of the open visit, where none of it is flagged or held."""
        seen = await said(request, Seen)
        try:
            accepted = await self._review.accept_all(seen.readings, by=operator_of(request))
        except Flagged as why:
            words = self._words(request)
            kinds = dict.fromkeys(words.kind(filing.reading.kind) for filing in why.flagged)
            flagged = [str(filing.reading.id) for filing in why.flagged]
            told = words("all.flagged", kinds=", ".join(kinds))
            return JSONResponse({"error": told, "flagged": flagged}, 409)
        return JSONResponse({"readings": [str(filing.reading.id) for filing in accepted]})

    async def reject(self, request: Request) -> Response:
        """Reject a reading that waits."""
        why = await said(request, Why)
        return _state(
            await self._review.reject(*seen_of(request), by=operator_of(request), reason=why.reason)
        )

    async def retake(self, request: Request) -> Response:
        """Reject a reading and expect its kind again."""
        why = await said(request, Why)
        return _state(
            await self._review.retake(*seen_of(request), by=operator_of(request), reason=why.reason)
        )

    async def undo(self, request: Request) -> Response:
        """Take back what was said last of a reading, where it still is what the page showed."""
        why = await said(request, Why)
        return _state(
            await self._review.undo(*seen_of(request), by=operator_of(request), only=why.state)
        )

    async def retry(self, request: Request) -> Response:
        """Send a refused reading once more, where this role could accept it."""
        return _state(await self._review.retry(*seen_of(request), by=operator_of(request)))

    async def assign(self, request: Request) -> Response:
        """Give a reading of the tray to a visit."""
        why = await said(request, Why)
        return _state(
            await self._review.assign(
                *seen_of(request), why.visit or "", by=operator_of(request), reason=why.reason
            )
        )

    async def discard(self, request: Request) -> Response:
        """Leave a reading of the tray to nobody."""
        why = await said(request, Why)
        return _state(
            await self._review.discard(
                *seen_of(request), by=operator_of(request), reason=why.reason
            )
        )

    async def withdraw(self, request: Request) -> Response:
        """Take a reading back from the dossier."""
        why = await said(request, Why)
        return _state(
            await self._review.withdraw(
                *seen_of(request), by=operator_of(request), reason=why.reason
            )
        )

    async def reassign(self, request: Request) -> Response:
        """Move a reading to another visit, where this role could accept it there."""
        why = await said(request, Why)
        return _state(
            await self._review.reassign(
                *seen_of(request), why.visit or "", by=operator_of(request), reason=why.reason
            )
        )

    async def type(self, request: Request) -> Response:
        """File what the physician typed: 409 with ``ask`` where it is unusual and not confirmed yet."""
        words = self._words(request)
        typed = await said(request, Typed)
        try:
            values = {
                name: number_of(name, text) for name, text in typed.values.items() if text.strip()
            }
            await self._hub.by_hand.file(
                typed.visit,
                typed.kind,
                values,
                author=author(request),
                confirmed=typed.confirmed,
            )
        except Impossible as why:
            raise Refused(422, words("typing.impossible")) from why
        except Unusual as why:
            told = " ".join(telling.doubt(words, doubt) for doubt in why.doubts)
            return JSONResponse({"error": told, "ask": True}, 409)
        except ValueError as why:
            raise Refused(422, words("typing.not_a_number")) from why
        return done()


def _state(filing: Filing) -> Response:
    return JSONResponse({"reading": str(filing.reading.id), "state": filing.state})


def _held(filing: Filing) -> dict[str, Any]:
    reading = filing.reading
    return {
        "reading": str(reading.id),
        "revision": filing.attribution.revision,
        "device": reading.device.id,
        "kind": reading.kind,
        "received_at": reading.received_at.isoformat(),
        "began": reading.began.model_dump(mode="json"),
        "reason": filing.attribution.quarantine,
    }
