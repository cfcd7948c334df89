"""The technician's acts as JSON: the metrology log and what a device needs; adoption of devices, and their doubles.

Only whoever may *maintain* (`devicehub.visit.gate`) is answered; nothing here shows a value or a patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devicehub.devices.adoption import Challenge, NotAdopted, Stage
from devicehub.devices.commissioning import Commissioning
from devicehub.devices.upkeep import Upkeep
from devicehub.journal.journal import Journal
from devicehub.journal.metrology import MetrologyAct, MetrologyEntry
from devicehub.reading.reading import Record
from devicehub.station import telling
from devicehub.station.answering import Counter, Refused, author, done, said
from devicehub.station.words import Words
from devicehub.transport.hands import station_now


class Done(Record):
    """What was done to a device, as the technician writes it down."""

    device: str
    act: MetrologyAct
    done_on: date
    by: str = Field(min_length=1, max_length=100)
    passed: bool = True
    certificate: str | None = Field(None, max_length=100)
    due: date | None = None
    note: str | None = Field(None, max_length=500)


class Code(Record):
    """The code the person sees, given back."""

    code: str


class Workshop:
    """The endpoints. ``devices`` are the ids and names of the configuration."""

    def __init__(
        self,
        journal: Journal,
        upkeep: Upkeep,
        commissioning: Commissioning,
        *,
        devices: Sequence[tuple[str, str]],
    ) -> None:
        self._journal = journal
        self._upkeep = upkeep
        self._commissioning = commissioning
        self._devices = devices

    def routes(self, counter: Counter) -> list[Route]:
        """Where each is reached."""
        self._words = counter.words
        posts = {
            "/api/metrology": self.record,
            "/api/adoption/confirm": self.confirm,
            "/api/adoption/give-up": self.give_up,
            "/api/adoption/{device}/begin": self.begin,
            "/api/adoption/{device}/release": self.release,
        }
        return [
            counter.get("/api/metrology", "maintain", self.log),
            counter.get("/api/adoption", "maintain", self.adoption),
            *(counter.post(path, "maintain", handler) for path, handler in posts.items()),
        ]

    async def log(self, request: Request) -> Response:
        """The metrology log, and what each device needs."""
        words, today = self._words(request), station_now().date()
        devices = []
        for device, name in self._devices:
            known = await self._journal.device(device)
            battery = known.facts.battery_percent if known and known.facts else None
            notices = self._upkeep.notices(
                device,
                await self._journal.checks_of(device),
                None if battery is None else float(battery),
                today,
            )
            told = [
                {"matter": one.matter, "text": telling.notice(words, one), "blocks": one.blocks}
                for one in notices
            ]
            devices.append({"device": device, "name": name, "notices": told})
        log = [entry.model_dump(mode="json") for entry in await self._journal.metrology_log()]
        return JSONResponse({"devices": devices, "log": log})

    async def record(self, request: Request) -> Response:
        """Add a line to the metrology log."""
        told, now, words = await said(request, Done), station_now(), self._words(request)
        if told.device not in {device for device, _ in self._devices}:
            raise Refused(422, words("refusal.no_such_device"))
        if told.done_on > now.date():
            raise Refused(422, words("refusal.not_yet_done"))
        entry = MetrologyEntry(**told.model_dump(), author=author(request), at=now)
        await self._journal.record_metrology(entry)
        return done()

    async def adoption(self, request: Request) -> Response:
        """Which devices are adopted, which doubles are in range, and the adoption under way."""
        words, commissioning = self._words(request), self._commissioning
        challenge, stage = commissioning.challenge, commissioning.stage
        doubles = [
            {
                "standing": one.what.standing,
                "address": one.address,
                "heard_at": one.heard_at.isoformat(),
                "text": telling.double(words, one),
            }
            for one in commissioning.doubles
        ]
        under_way = challenge and stage and _challenge(words, challenge, stage)
        return JSONResponse(
            {"adopted": commissioning.adopted, "doubles": doubles, "challenge": under_way}
        )

    async def begin(self, request: Request) -> Response:
        """Show a code for a device of the configuration."""
        try:
            challenge = self._commissioning.begin(request.path_params["device"], author(request))
        except (KeyError, ValueError) as why:
            raise Refused(409, self._words(request)("refusal.nothing_to_adopt")) from why
        return JSONResponse({"code": challenge.code, "until": challenge.until.isoformat()})

    async def confirm(self, request: Request) -> Response:
        """The device that woke is the room's."""
        given = await said(request, Code)
        try:
            made = await self._commissioning.confirm(given.code)
        except NotAdopted as why:
            raise Refused(409, telling.not_adopted(self._words(request), why)) from why
        return JSONResponse({"device": made.device, "address": made.address})

    async def give_up(self, request: Request) -> Response:
        """Take the code away."""
        self._commissioning.give_up()
        return done()

    async def release(self, request: Request) -> Response:
        """Let an adopted device go."""
        await self._commissioning.release(request.path_params["device"], author(request))
        return done()


def _challenge(words: Words, challenge: Challenge, stage: Stage) -> dict[str, Any]:
    return {
        "device": challenge.device,
        "code": challenge.code,
        "stage": stage,
        "heard": [{"name": one.name, "address": one.address} for one in challenge.woken],
        "text": telling.adoption(words, challenge, stage),
    }
