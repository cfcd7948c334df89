"""The station's HTTP: headers, refusals, roles, and the streams, through a real server on a real journal."""

from __future__ import annotations

import asyncio
import json
import re
from uuid import uuid4

import httpx
import pytest
from asked_page import BODY, shows, signed_in
from browser_station import Station
from station_room import (
    ALICE,
    ANNE,
    CUFF,
    PAUL,
    TINA,
    filing,
    pressure,
    visit,
)

from devicehub.station.sessions import COOKIE


async def test_every_answer_carries_the_policy_and_is_not_stored(client: httpx.AsyncClient) -> None:
    for path in ("/", "/api/board", "/static/station.css", "/ask/visit", "/nothing"):
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    page = await client.get("/")
    assert page.headers["cache-control"] == "no-store"
    assert "style=" not in page.text
    assert "<script>" not in page.text


async def test_french_unless_a_person_chose_otherwise(client: httpx.AsyncClient) -> None:
    french = await client.get("/", headers={"Accept-Language": "en"})
    assert 'lang="fr"' in french.text
    english = await client.get("/?lang=en")
    assert '<html lang="en"' in english.text
    again = await client.get("/")
    assert '<html lang="en"' in again.text


async def test_the_sign_in_page_offers_the_other_language_and_keeps_it(station: Station) -> None:
    station.operators.add(ANNE, "1357")
    async with httpx.AsyncClient(base_url=station.url, trust_env=False) as browser:
        french = (await browser.get("/sign-in")).text
        (there,) = re.findall(r'href="(/sign-in\?lang=en)"', french)
        english = (await browser.get(there)).text
        assert "Who are you?" in english
        assert 'href="/sign-in?lang=fr"' in english
        assert "Who are you?" in (await browser.get("/sign-in")).text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Host": "elsewhere.example"}, 400),
    ],
)
async def test_another_pages_request_is_refused(
    station: Station, client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    sent = {"Content-Type": "application/json", **headers}
    for path in (
        "/api/visits",
        f"/api/readings/{uuid4()}/1/accept",
        "/api/series",
        f"/api/passkeys/{uuid4()}",
        "/api/delegation",
    ):
        answer = await client.post(path, content=json.dumps(BODY), headers=sent)
        assert answer.status_code == status
    assert station.desk.visit is None


async def test_rubbish_is_refused_with_words(client: httpx.AsyncClient) -> None:
    wrong = await client.post("/api/visits", json={**BODY, "born": "yesterday"})
    assert wrong.status_code == 422
    assert wrong.json() == {
        "error": "«\N{NO-BREAK SPACE}Date de naissance\N{NO-BREAK SPACE}»\N{NO-BREAK SPACE}: "
        "ce n’est pas une valeur permise",
        "field": "born",
    }
    missing = {name: value for name, value in BODY.items() if name != "given_name"}
    assert "il manque" in (await client.post("/api/visits", json=missing)).json()["error"]
    english = await client.post("/api/visits?lang=en", json={**BODY, "more": 1})
    assert "there is no such field" in english.json()["error"]
    large = await client.post("/api/visits", json={**BODY, "family_name": "x" * 20_000})
    assert large.status_code == 413


async def test_nobody_passes_who_has_not_signed_in(
    station: Station, client: httpx.AsyncClient
) -> None:
    station.operators.add(ANNE, "1357")
    assert (await client.get("/")).status_code == 303
    for path in ("/events", "/api/board", "/ask/tray", "/api/events"):
        assert (await client.get(path)).status_code == 401
    assert (await client.post("/api/visits", json=BODY)).status_code == 401
    assert (await client.get("/static/station.css")).status_code == 200


async def test_each_role_has_its_own_acts(station: Station) -> None:
    typed = {"visit": "v", "kind": "body_weight", "values": {"kilograms": "70"}}
    delegated = {"kind": "glucose", "delegated": False}
    async with (
        signed_in(station, ANNE) as assistant,
        signed_in(station, PAUL) as physician,
        signed_in(station, TINA) as technician,
    ):
        for browser, opens, types, delegates in (
            (assistant, 200, 403, 403),
            (physician, 200, 409, 204),
            (technician, 403, 403, 403),
        ):
            present = station.desk.visit
            said = {**BODY, "closes": present and present.id}
            assert (await browser.post("/api/visits", json=said)).status_code == opens
            assert (await browser.post("/api/readings", json=typed)).status_code == types
            assert (await browser.post("/api/delegation", json=delegated)).status_code == delegates
        assert (await assistant.get("/ask/type/body_weight")).status_code == 403
        for path in (
            "/events",
            "/ask/tray",
            "/ask/visit",
            "/ask/responsible",
            "/api/worklist",
            "/api/board",
            "/api/events",
            "/api/series",
            "/api/absent",
        ):
            answer = await technician.get(path)
            assert answer.status_code == 403, f"a technician sees no patient and no value: {path}"
        assert (await technician.get("/")).headers["location"] == "/technician"
        assert station.desk.visit is not None
        assert station.desk.visit.responsible == PAUL.name


async def test_the_author_is_who_is_signed_in(station: Station) -> None:
    async with signed_in(station, ANNE) as assistant:
        await assistant.post("/api/visits", json=BODY)
        doubtful = await station.file(CUFF, pressure(), "to_review")
        await assistant.post(f"/api/readings/{doubtful.reading.id}/1/accept", json={})
    audit = await station.journal.store.read(
        lambda database: database.execute(
            "SELECT author, act FROM audit ORDER BY number"
        ).fetchall()
    )
    assert audit == [("anne", "open_visit"), ("anne", "accept")]


async def test_what_is_nobodys_is_announced_without_its_value(
    station: Station, client: httpx.AsyncClient
) -> None:
    nobodys = await station.file(CUFF, pressure("151", "93"))
    await station.visit(ALICE)
    async with client.stream("GET", "/api/events") as stream:
        lines = stream.aiter_lines()
        station.board.filing(nobodys)
        async with asyncio.timeout(10):
            said = ""
            while str(nobodys.reading.id) not in said:
                said = await anext(lines)
        told = json.loads(said.removeprefix("data: "))
    assert told["state"] == "quarantined"
    assert (told["values"], told["text"]) == ({}, "")
    asked = await client.get(f"/ask/reading/{nobodys.reading.id}/1")
    assert not shows(asked.text, "151")


async def test_filings_are_told_as_they_move_without_identity(
    station: Station, client: httpx.AsyncClient
) -> None:
    station.board.visit(visit(), ALICE)
    async with client.stream("GET", "/api/events") as stream:
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith(":")
        station.board.filing(filing(CUFF, pressure(), "accepted"))
        data = ""
        while not data.startswith("data:"):
            data = await asyncio.wait_for(anext(lines), 10)
        told = json.loads(data.removeprefix("data:"))
        assert (told["device"], told["state"]) == (CUFF, "accepted")
        assert " ".join(told["text"].split()) == "128/76 mmHg, pouls 71 /min"
        assert told["milliseconds_since_last_byte"] == 12.5
        assert "TEST" not in data


async def test_the_board_names_nobody(station: Station, client: httpx.AsyncClient) -> None:
    station.board.visit(visit(), ALICE)
    board = await client.get("/api/board")
    assert board.json()["visit"]["id"] == "visit-a"
    assert "TEST" not in board.text


async def test_a_stream_ends_with_its_session(station: Station) -> None:
    async with (
        signed_in(station, ANNE) as browser,
        browser.stream("GET", "/events") as stream,
    ):
        lines = stream.aiter_lines()
        station.sessions.end(browser.cookies.get(COOKIE))
        seen = [line async for line in lines if line.startswith("event:")]
        assert seen[-1] == "event: signed-out"
