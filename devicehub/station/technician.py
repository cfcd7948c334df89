"""The technician's pages: devices, frames, bonds, the metrology log, the log and the station's health.

None of them shows a patient or a value. Each has a twin for programs under ``/api/technician/``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from pydantic_core import to_jsonable_python
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from devicehub.devices.bonds import Bonds
from devicehub.devices.commissioning import Commissioning
from devicehub.devices.upkeep import Upkeep
from devicehub.journal.journal import Journal
from devicehub.journal.metrology import as_csv
from devicehub.station import telling
from devicehub.station.answering import Counter, Handler, Refused
from devicehub.station.hub import Hub
from devicehub.station.logbook import Logbook
from devicehub.station.lookout import Lookout
from devicehub.station.sheets import Sheets, acts_of
from devicehub.station.workshop_view import (
    Bound,
    Checked,
    DeviceTold,
    bonds_told,
    device_told,
    health_told,
)
from devicehub.transport.hands import station_now

NOT_UNDERSTOOD_SHOWN = 30

Told = dict[str, Any]
"""What a page shows, by name: its template and its JSON twin get the same."""


class Technician:
    """The endpoints. ``bound`` are the devices of the configuration."""

    def __init__(
        self,
        hub: Hub,
        journal: Journal,
        *,
        bound: Sequence[Bound],
        bonds: Bonds,
        upkeep: Upkeep,
        commissioning: Commissioning,
        lookout: Lookout,
        logbook: Logbook,
    ) -> None:
        self._hub = hub
        self._journal = journal
        self._bound = bound
        self._bonds = bonds
        self._upkeep = upkeep
        self._commissioning = commissioning
        self._lookout = lookout
        self._logbook = logbook
        self._started_at = station_now()
        self._checked: Checked | None = None
        self._sheets = Sheets(hub.rendering, simulation=hub.board.picture.simulation)
        self._pages: Final[dict[str, Callable[[Request], Awaitable[Told]]]] = {
            "devices": self.devices,
            "frames": self.frames,
            "bonds": self.bonds,
            "metrology": self.metrology,
            "logs": self.logs,
            "health": self.health,
        }

    def routes(self, counter: Counter) -> list[Route]:
        """Where each is reached: a page, and its twin."""
        self._words = counter.words
        return [
            counter.get("/technician", None, self._page("devices")),
            counter.get("/technician/metrology.csv", None, self.carnet),
            counter.get("/technician/health/check", None, self.check),
            *(counter.get(f"/technician/{name}", None, self._page(name)) for name in self._pages),
            *(
                counter.get(f"/api/technician/{name}", None, self._twin(name))
                for name in self._pages
            ),
        ]

    # ------------------------------------------------------------------------------ what is shown

    async def devices(self, request: Request) -> Told:
        """The room's devices, those of the configuration first, and what to see to about each."""
        words, picture = self._words(request), self._hub.board.picture
        challenge, stage = self._commissioning.challenge, self._commissioning.stage
        notices = {
            device: [telling.notice(words, one) for one in several]
            for device, several in picture.notices.items()
        }
        devices = await self._devices()
        holders = {seen.device: seen.holder for seen in picture.devices.values()}
        return {
            "devices": devices,
            "troubles": {
                one.id: telling.trouble(words, one.why, one.name, holders.get(one.id))
                for one in devices
                if one.why is not None
            },
            "notices": notices,
            "doubles": [telling.double(words, one) for one in self._commissioning.doubles],
            "adoption": None
            if challenge is None or stage is None
            else {
                "device": challenge.device,
                "code": challenge.code,
                "stage": stage,
                "text": telling.adoption(words, challenge, stage),
            },
        }

    async def frames(self, request: Request) -> Told:
        """The last frames of one device, and the last that nobody understood, of any."""
        seen = self._lookout.devices
        named = [bound.id for bound in self._bound]
        known = [*named, *(device for device in seen if device not in named)]
        asked = request.query_params.get("device")
        chosen = asked if asked in known else next((d for d in known if d in seen), None)
        unread = await self._journal.last_not_understood(NOT_UNDERSTOOD_SHOWN)
        return {
            "known": known,
            "chosen": chosen,
            "frames": self._lookout.of(chosen) if chosen is not None else (),
            "not_understood": [self._lookout.of_journal(*one) for one in unread],
        }

    async def bonds(self, request: Request) -> Told:
        """The bonds' inventory. No key is in it."""
        return {"bonds": bonds_told(self._bonds.all(), await self._devices())}

    async def metrology(self, request: Request) -> Told:
        """The metrology log, and how each device's checks stand."""
        return {
            "devices": await self._devices(),
            "log": list(reversed(await self._journal.metrology_log())),
        }

    async def logs(self, request: Request) -> Told:
        """The last lines of the log."""
        return {"lines": self._logbook.lines}

    async def health(self, request: Request) -> Told:
        """How the station is."""
        told = await health_told(
            self._journal,
            self._hub.board.picture,
            started_at=self._started_at,
            checked=self._checked,
        )
        return {"health": told}

    async def check(self, request: Request) -> Response:
        """Look through the journal's file, then show what was found."""
        self._admit(request)
        self._checked = Checked(station_now(), tuple(await self._journal.damage()))
        return RedirectResponse("/technician/health", 303)

    async def carnet(self, request: Request) -> Response:
        """The metrology log as a file, for an inspector."""
        self._admit(request)
        table = as_csv(await self._journal.metrology_log())
        name = f'attachment; filename="carnet-metrologique-{station_now():%Y-%m-%d}.csv"'
        return Response(table, media_type="text/csv", headers={"Content-Disposition": name})

    # ------------------------------------------------------------------------------------- inside

    async def _devices(self) -> list[DeviceTold]:
        picture, adopted = self._hub.board.picture, self._commissioning.adopted
        named = {bound.id for bound in self._bound}
        others = [
            Bound(seen.device, seen.name, "")
            for seen in picture.devices.values()
            if seen.device not in named and seen.is_here
        ]
        today = station_now().date()
        told = []
        for bound in (*self._bound, *others):
            checks = await self._journal.checks_of(bound.id)
            told.append(
                device_told(
                    bound,
                    picture.devices.get(bound.id),
                    await self._journal.device(bound.id),
                    adopted=adopted.get(bound.id),
                    unadopted=bound.id in self._commissioning.unadopted,
                    metrology=self._upkeep.metrology(bound.id, checks, today),
                )
            )
        return told

    def _admit(self, request: Request) -> None:
        if "maintain" not in acts_of(request):
            raise Refused(403, self._words(request)("refusal.role"))

    def _page(self, name: str) -> Handler:
        async def answer(request: Request) -> Response:
            words = self._words(request)
            if "maintain" not in acts_of(request):
                return self._sheets.refuse(request, words, words("refusal.role"))
            return self._sheets.answer(
                request,
                words,
                f"technician_{name}",
                page=name,
                pages=list(self._pages),
                names={bound.id: bound.name for bound in self._bound},
                now=station_now(),
                signed="maintain" in request.auth.scopes,
                **await self._pages[name](request),
            )

        return answer

    def _twin(self, name: str) -> Handler:
        async def answer(request: Request) -> Response:
            self._admit(request)
            return JSONResponse(to_jsonable_python(await self._pages[name](request)))

        return answer
