"""The station's HTTP: headers, refusals, decisions, and the streams, through a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx
import pytest
from station_room import ALICE, CUFF, device_state, filing, pressure, visit

from devicehub.journal.failures import NotAllowed
from devicehub.station.board import Board
from devicehub.station.routes import Unavailable, station_app
from devicehub.station.server import serve
from devicehub.visit.patient import PatientIdentity


class Hub:
    """What stands behind the page."""

    def __init__(self) -> None:
        self.board = Board(simulation=True)
        self.opened: list[PatientIdentity] = []
        self.closed = 0
        self.confirmed: list[tuple[UUID, bool]] = []
        self.reachable = True

    async def open_visit(self, identity: PatientIdentity) -> str:
        if not self.reachable:
            raise Unavailable("le dossier ne répond pas")
        self.opened.append(identity)
        return "visit-a"

    async def close_visit(self) -> None:
        self.closed += 1

    async def confirm(self, reading: UUID, accepted: bool) -> None:
        if self.confirmed:
            raise NotAllowed("accepted")
        self.confirmed.append((reading, accepted))


@asynccontextmanager
async def served(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    app = station_app(
        hub.board,
        open_visit=hub.open_visit,
        close_visit=hub.close_visit,
        confirm=hub.confirm,
        language="fr",
    )
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, None, port.set_result))
    try:
        url = f"http://127.0.0.1:{await port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield client
    finally:
        serving.cancel()
        await asyncio.wait({serving})


BODY = ALICE.model_dump(mode="json")


async def test_every_answer_carries_the_policy_and_is_not_stored() -> None:
    async with served(Hub()) as client:
        for path in ("/", "/api/board", "/static/station.css", "/nothing"):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
        page = await client.get("/")
        assert page.headers["cache-control"] == "no-store"
        assert "style=" not in page.text
        assert "<script>" not in page.text


async def test_french_unless_a_person_chose_otherwise() -> None:
    async with served(Hub()) as client:
        french = await client.get("/", headers={"Accept-Language": "en"})
        assert 'lang="fr"' in french.text
        english = await client.get("/?lang=en")
        assert '<html lang="en"' in english.text
        again = await client.get("/")
        assert '<html lang="en"' in again.text


async def test_a_visit_is_opened_and_closed_by_the_page_or_a_program() -> None:
    hub = Hub()
    async with served(hub) as client:
        opened = await client.post("/api/visits", json=BODY)
        assert (opened.status_code, opened.json()) == (200, {"visit": "visit-a"})
        assert hub.opened == [ALICE]
        assert (await client.post("/api/visits/close", json={})).status_code == 204
        hub.reachable = False
        refused = await client.post("/api/visits", json=BODY)
        assert (refused.status_code, refused.json()["error"]) == (503, "le dossier ne répond pas")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Host": "elsewhere.example"}, 400),
    ],
)
async def test_another_pages_request_is_refused(headers: dict[str, str], status: int) -> None:
    hub = Hub()
    async with served(hub) as client:
        sent = {"Content-Type": "application/json", **headers}
        for path in ("/api/visits", f"/api/readings/{uuid4()}/accept"):
            answer = await client.post(path, content=json.dumps(BODY), headers=sent)
            assert answer.status_code == status
    assert not hub.opened
    assert not hub.confirmed


async def test_rubbish_is_refused_with_words() -> None:
    async with served(Hub()) as client:
        wrong = await client.post("/api/visits", json={**BODY, "born": "yesterday"})
        assert wrong.status_code == 422
        assert "born" in wrong.json()["error"]
        large = await client.post("/api/visits", json={**BODY, "family_name": "x" * 20_000})
        assert large.status_code == 413


async def test_a_person_confirms_a_reading_once() -> None:
    hub = Hub()
    reading = uuid4()
    async with served(hub) as client:
        first = await client.post(f"/api/readings/{reading}/accept", json={})
        second = await client.post(f"/api/readings/{reading}/reject", json={})
        assert (first.status_code, second.status_code) == (204, 409)
    assert hub.confirmed == [(reading, True)]


async def test_filings_are_told_as_they_move_without_identity() -> None:
    hub = Hub()
    hub.board.visit(visit(), ALICE)
    hub.board.device(device_state(CUFF, "connected"), name="Tensiomètre")
    async with served(hub) as client, client.stream("GET", "/api/events") as stream:
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith(":")
        hub.board.filing(filing(CUFF, pressure(), "accepted"))
        data = ""
        while not data.startswith("data:"):
            data = await asyncio.wait_for(anext(lines), 10)
        told = json.loads(data.removeprefix("data:"))
        assert (told["device"], told["state"]) == (CUFF, "accepted")
        assert told["text"] == "128/76 mmHg, 71 /min"
        assert told["milliseconds_since_last_byte"] == 12.5
        assert "TEST" not in data


async def test_the_board_names_nobody() -> None:
    hub = Hub()
    hub.board.visit(visit(), ALICE)
    async with served(hub) as client:
        board = await client.get("/api/board")
        assert board.json()["visit"]["id"] == "visit-a"
        assert "TEST" not in board.text
