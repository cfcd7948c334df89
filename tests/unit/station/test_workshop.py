"""The metrology log and adoption at the page, through HTTP on a real journal: the technician's alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bleak.backends.device import BLEDevice
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware

from devicehub.app.watches import watch_upkeep
from devicehub.devices.binding import BleBinding
from devicehub.devices.commissioning import Commissioning
from devicehub.devices.upkeep import Upkeep
from devicehub.journal.journal import Journal
from devicehub.station.answering import Counter
from devicehub.station.board import Board
from devicehub.station.sessions import COOKIE, Sessions
from devicehub.station.words import Words
from devicehub.station.workshop import Workshop
from devicehub.transport.ble import Sighting
from devicehub.transport.hands import station_now
from devicehub.visit.operators import Operator, Operators

SCALE = BleBinding("scale", "Balance", None, "TEST-SCALE")


class Station:
    """What stands behind the endpoints, and a browser in front of them."""

    def __init__(self, journal: Journal, folder: Path) -> None:
        self.journal = journal
        self.commissioning = Commissioning(journal, [SCALE], known_only=True)
        operators = Operators.of(folder)
        technician = Operator(id="tech", name="T", role="technician")
        operators.add(technician, "1234")
        self.sessions = Sessions(operators, idle=timedelta(minutes=5))
        self.token = self.sessions.begin(technician)
        workshop = Workshop(
            journal,
            Upkeep({"scale": ("verification",)}, block=True),
            self.commissioning,
            devices=[("scale", "Balance")],
        )
        app = Starlette(
            routes=workshop.routes(Counter(lambda _request: Words("en"))),
            middleware=[Middleware(AuthenticationMiddleware, backend=self.sessions)],
        )
        self.browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        )

    async def get(self, path: str) -> Any:
        answer = await self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **said: Any) -> httpx.Response:
        return await self.browser.post(path, json=said)

    def sign_in(self) -> None:
        self.browser.cookies.set(COOKIE, self.token)


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[Station]:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        station = Station(journal, tmp_path)
        async with station.browser:
            yield station


async def test_the_workshop_is_the_technicians(station: Station) -> None:
    for answer in (
        await station.browser.get("/api/metrology"),
        await station.browser.get("/api/adoption"),
        await station.post("/api/adoption/scale/begin"),
    ):
        assert answer.status_code == 403


async def test_a_check_is_written_down_and_its_notice_goes(station: Station) -> None:
    station.sign_in()
    (device,) = (await station.get("/api/metrology"))["devices"]
    (notice,) = device["notices"]
    assert (notice["matter"], notice["blocks"]) == ("check_missing", True)
    today = station_now().date()
    done = {
        "device": "scale",
        "act": "verification",
        "done_on": today.isoformat(),
        "by": "ACME",
        "due": (today + timedelta(days=365)).isoformat(),
    }
    assert (await station.post("/api/metrology", **done)).status_code == 204
    told = await station.get("/api/metrology")
    assert told["devices"][0]["notices"] == []
    assert (told["log"][0]["author"], told["log"][0]["by"]) == ("tech", "ACME")
    for wrong, words in (
        ({"device": "other"}, "not in the station"),
        ({"done_on": "2999-01-01"}, "in the future"),
    ):
        refused = await station.post("/api/metrology", **done | wrong)
        assert (refused.status_code, words in refused.text) == (422, True), refused.text
    assert len((await station.get("/api/metrology"))["log"]) == 1


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"due": None}, "due", "Due: to be filled in"),
        ({"act": "calibration", "due": None}, "due", "Due: to be filled in"),
        ({"due": "2025-01-01"}, "due", "Due: this day is before the day it was done"),
        ({"act": "repair"}, "due", "Due: to be left empty"),
        ({"done_on": "0001-01-01"}, "done_on", "Done on: before 1900"),
        ({"by": ""}, "by", "Done by: it is empty"),
        ({"by": "  "}, "by", "Done by: it is empty"),
        ({"certificate": " "}, "certificate", "Certificate: it is empty"),
        ({"note": "one\ntwo"}, "note", "Note: one line of readable text"),
    ],
    ids=str,
)
async def test_a_line_that_cannot_be_is_refused_at_the_label_of_its_field(
    station: Station, wrong: dict[str, Any], field: str, words: str
) -> None:
    station.sign_in()
    done = {
        "device": "scale",
        "act": "verification",
        "done_on": "2026-01-05",
        "by": "ACME",
        "due": "2027-01-05",
    }
    refused = await station.post("/api/metrology", **done | wrong)
    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert refused.json()["error"].startswith(words)
    told = await station.get("/api/metrology")
    assert told["log"] == []
    assert told["devices"][0]["notices"][0]["blocks"], "nothing was written that lifts the block"


async def test_the_rail_follows_the_metrology_log_at_once(station: Station) -> None:
    station.sign_in()
    board, journal = Board(simulation=True), station.journal
    upkeep = Upkeep({"scale": ("verification",)}, block=True)
    watching = asyncio.create_task(
        watch_upkeep(["scale"], upkeep, journal, station.commissioning, board)
    )
    try:
        with board.watch() as watcher:

            async def until(*matters: str) -> None:
                async with asyncio.timeout(30):
                    while [one.matter for one in board.picture.notices.get("scale", ())] != [
                        *matters
                    ]:
                        await watcher.changes(30)

            await until("check_missing")
            day = station_now().date().isoformat()
            due = (station_now().date() + timedelta(days=365)).isoformat()
            done = {
                "device": "scale",
                "act": "verification",
                "done_on": day,
                "by": "TEST",
                "due": due,
            }
            assert (await station.post("/api/metrology", **done)).status_code == 204
            await until()
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def test_a_device_is_adopted_at_the_page(station: Station) -> None:
    station.sign_in()
    assert (await station.post("/api/adoption/other/begin")).status_code == 409
    code = (await station.post("/api/adoption/scale/begin")).json()["code"]
    refused = await station.post("/api/adoption/confirm", code=code)
    assert (refused.status_code, "No device woke up" in refused.text) == (409, True)
    seen = Sighting(
        address="AA:00:00:00:00:01",
        name="TEST-SCALE 1",
        services=frozenset(),
        company_data={},
        service_data={},
        rssi=None,
        at=station_now(),
        device=BLEDevice("AA:00:00:00:00:01", "TEST-SCALE 1", None),
    )
    station.commissioning.sort(seen)
    told = await station.get("/api/adoption")
    assert told["challenge"]["stage"] == "proposed"
    assert [one["standing"] for one in told["doubles"]] == ["not_adopted"]
    adopted = await station.post("/api/adoption/confirm", code=code)
    assert adopted.json() == {"device": "scale", "address": "aa:00:00:00:00:01"}
    assert (await station.post("/api/adoption/scale/release")).status_code == 204
    assert (await station.get("/api/adoption"))["adopted"] == {}
