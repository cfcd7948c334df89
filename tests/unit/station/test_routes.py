"""The station's HTTP: headers, refusals, roles, decisions, and the streams, through a real server on a real journal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from browser_station import Station
from station_room import (
    ALICE,
    BRUNO,
    CUFF,
    SCALE,
    THERMOMETER,
    filing,
    now,
    pressure,
    temperature,
    visit,
    weight,
)

from devicehub.station.sessions import COOKIE
from devicehub.visit.dossier import KnownVisit
from devicehub.visit.operators import Operator

BODY = ALICE.model_dump(mode="json")
ANNE = Operator(id="anne", name="TEST Anne", role="assistant")
PAUL = Operator(id="paul", name="Dr TEST Paul", role="physician")
TINA = Operator(id="tina", name="TEST Tina", role="technician")


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[Station]:
    station = Station(tmp_path)
    await station.start()
    yield station
    await station.end()


@pytest.fixture
async def client(station: Station) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=station.url, trust_env=False) as client:
        yield client


def signed_in(station: Station, operator: Operator) -> httpx.AsyncClient:
    """A browser at which an operator is signed in."""
    station.operators.add(operator, "1357")
    cookies = {COOKIE: station.sessions.begin(operator)}
    return httpx.AsyncClient(base_url=station.url, cookies=cookies, trust_env=False)


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


async def test_a_visit_is_opened_and_closed_by_the_page_or_a_program(
    station: Station, client: httpx.AsyncClient
) -> None:
    opened = await client.post("/api/visits", json=BODY)
    assert opened.status_code == 200
    assert station.desk.visit is not None
    assert opened.json() == {"visit": station.desk.visit.id}
    assert station.desk.identity(station.desk.visit.id) == ALICE
    assert (await client.post("/api/visits/close", json={})).status_code == 204
    assert await station.journal.open_visit_now() is None
    nameless = await client.post("/api/visits", json={**BODY, "family_name": " "})
    assert nameless.status_code == 422


@pytest.mark.parametrize("years", [1, -131])
async def test_a_birth_date_that_cannot_be_is_refused_in_words(
    station: Station, client: httpx.AsyncClient, years: int
) -> None:
    today = now().astimezone().date()
    born = today.replace(year=today.year + years, day=1).isoformat()
    answer = await client.post("/api/visits", json={**BODY, "born": born})
    assert answer.status_code == 422
    assert "date de naissance" in answer.json()["error"]
    assert station.desk.visit is None
    newborn = await client.post("/api/visits", json={**BODY, "born": today.isoformat()})
    assert newborn.status_code == 200
    assert f'max="{today.isoformat()}"' in (await client.get("/ask/visit?new")).text


@pytest.mark.parametrize(
    ("named", "physicians", "expected"),
    [(None, 1, PAUL.name), ("Dr TEST", 1, "Dr TEST"), (None, 2, None)],
)
async def test_the_only_physician_answers_for_a_planned_visit_that_names_nobody(
    station: Station, named: str | None, physicians: int, expected: str | None
) -> None:
    planned = KnownVisit(visit="v-" + "a" * 20, identity=ALICE, state="planned", responsible=named)
    station.desk.worklist = (planned,)
    for number in range(physicians):
        one = PAUL.model_copy(update={"id": f"p{number}"}) if number else PAUL
        station.operators.add(one, "1357")
    async with signed_in(station, ANNE) as browser:
        answer = await browser.post(f"/api/visits/{planned.visit}/open", json={})
    assert answer.status_code == 200
    assert station.desk.visit is not None
    assert station.desk.visit.responsible == expected


async def test_a_dossier_that_does_not_answer_is_said_in_one_language(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/api/visits/v-00000000000000000000/open?lang=en", json={})
    assert answer.status_code == 503
    assert " · " not in answer.json()["error"]


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
        f"/api/readings/{uuid4()}/accept",
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
    assert "born" in wrong.json()["error"]
    large = await client.post("/api/visits", json={**BODY, "family_name": "x" * 20_000})
    assert large.status_code == 413


async def test_a_person_confirms_a_reading_once(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    doubtful = await station.file(CUFF, pressure(), "to_review")
    path = f"/api/readings/{doubtful.reading.id}"
    first = await client.post(f"{path}/accept", json={})
    second = await client.post(f"{path}/reject", json={"reason": "moved"})
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["error"].startswith("Ce relevé a changé entre-temps")
    assert await station.state(doubtful) == "accepted"
    unknown = await client.post(f"{path}/withdraw", json={"reason": "he said his name is"})
    assert unknown.status_code == 422, "reasons are a closed list"


# ------------------------------------------------------------------------------ who may do what


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
            assert (await browser.post("/api/visits", json=BODY)).status_code == opens
            assert (await browser.post("/api/readings", json=typed)).status_code == types
            assert (await browser.post("/api/delegation", json=delegated)).status_code == delegates
        assert (await assistant.get("/ask/type/body_weight")).status_code == 403
        for path in ("/events", "/ask/tray", "/ask/visit", "/api/worklist"):
            assert (await technician.get(path)).status_code == 403, "a technician sees no patient"
        assert (await technician.get("/")).headers["location"] == "/technician"
        assert station.desk.visit is not None
        assert station.desk.visit.responsible == PAUL.name


async def test_the_author_is_who_is_signed_in(station: Station) -> None:
    async with signed_in(station, ANNE) as assistant:
        await assistant.post("/api/visits", json=BODY)
        doubtful = await station.file(CUFF, pressure(), "to_review")
        await assistant.post(f"/api/readings/{doubtful.reading.id}/accept", json={})
    audit = await station.journal.store.read(
        lambda database: database.execute(
            "SELECT author, act FROM audit ORDER BY number"
        ).fetchall()
    )
    assert audit == [("anne", "open_visit"), ("anne", "accept")]


async def test_what_the_gate_holds_only_the_physician_accepts(station: Station) -> None:
    await station.visit(ALICE)
    by_ear = await station.file(CUFF, pressure(), "to_review", automatic=False)
    path = f"/api/readings/{by_ear.reading.id}/accept"
    async with (
        signed_in(station, ANNE) as assistant,
        signed_in(station, PAUL) as physician,
    ):
        assert "/accept" not in (await assistant.get("/")).text
        assert "seul le médecin" in (await assistant.get("/")).text
        refused = await assistant.post(path, json={})
        assert refused.status_code == 403
        assert "seul le médecin" in refused.json()["error"]
        assert await station.state(by_ear) == "to_review"
        assert f"{path}" in (await physician.get("/")).text
        assert (await physician.post(path, json={})).status_code == 200
    assert await station.state(by_ear) == "accepted"


async def test_what_the_gate_holds_the_assistant_takes_back_but_files_nowhere_else(
    station: Station,
) -> None:
    first = await station.visit(ALICE)
    by_ear = await station.file(CUFF, pressure(), "to_review", automatic=False)
    path = f"/api/readings/{by_ear.reading.id}"
    async with signed_in(station, ANNE) as assistant, signed_in(station, PAUL) as physician:
        await physician.post(f"{path}/accept", json={})
        wrong = {"reason": "wrong_patient"}
        assert (await assistant.post(f"{path}/withdraw", json=wrong)).status_code == 200
        second = await station.visit(BRUNO)
        assert second.id != first.id
        moved = {**wrong, "visit": second.id}
        assert (await assistant.post(f"{path}/reassign", json=moved)).status_code == 403
        assert await station.state(by_ear) == "withdrawn"
        assert (await physician.post(f"{path}/reassign", json=moved)).status_code == 200
    assert await station.state(by_ear) == "accepted"


async def test_a_kind_that_is_not_delegated_waits_for_the_physician(station: Station) -> None:
    opened = await station.visit(ALICE)
    async with signed_in(station, PAUL) as physician, signed_in(station, ANNE) as assistant:
        said = {"kind": "body_weight", "delegated": False}
        await physician.post("/api/delegation", json=said)
        reading = filing(SCALE, weight(), "accepted").reading
        assert station.desk.first_state(reading, opened.id) == "to_review"
        held = await station.file(SCALE, weight(), "to_review")
        path = f"/api/readings/{held.reading.id}/accept"
        assert (await assistant.post(path, json={})).status_code == 403
        assert (await assistant.post("/api/readings/accept", json={})).status_code == 409
        await physician.post("/api/delegation", json={**said, "delegated": True})
        assert station.desk.first_state(reading, opened.id) == "accepted"
        assert (await assistant.post(path, json={})).status_code == 200


async def test_a_typed_value_is_judged_marked_and_signed(station: Station) -> None:
    opened = await station.visit(ALICE)
    async with signed_in(station, PAUL) as physician:

        async def typed(kilograms: str, **more: object) -> httpx.Response:
            values = {"kilograms": kilograms}
            body = {"visit": opened.id, "kind": "body_weight", "values": values, **more}
            return await physician.post("/api/readings", json=body)

        assert (await typed("seventy")).status_code == 422
        assert (await typed("")).status_code == 422
        assert (await typed("4000")).status_code == 422
        assert (await typed("nan")).status_code == 422
        unusual = await typed("251,5")
        assert (unusual.status_code, unusual.json()["ask"]) == (409, True)
        assert not await station.journal.of_visit(opened.id)
        assert (await typed("251,5", confirmed=True)).status_code == 204
        (filed,) = await station.journal.of_visit(opened.id)
        reading = filed.reading
        assert (filed.state, reading.source, reading.author) == ("accepted", "typed", "paul")
        assert not reading.automatic
        assert str(reading.measurement.model_dump()["kilograms"]) == "251.5"
        assert "Saisi à la main par Dr TEST Paul" in (await physician.get("/")).text
        await station.desk.lock(author="paul", reason="asked")
        assert (await typed("70")).status_code == 409
    audit = await station.journal.store.read(
        lambda database: database.execute("SELECT author FROM audit WHERE act = 'type'").fetchall()
    )
    assert audit == [("paul",)]


async def test_accepting_all_is_refused_where_one_is_flagged(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    await station.file(SCALE, weight(), "to_review")
    flagged = await station.file(CUFF, pressure("230", "90"), "to_review", plausibility="unusual")
    answer = await client.post("/api/readings/accept", json={})
    assert answer.status_code == 409
    assert "Tension" in answer.json()["error"]
    assert answer.json()["flagged"] == [str(flagged.reading.id)]
    await client.post(f"/api/readings/{flagged.reading.id}/accept", json={})
    assert (await client.post("/api/readings/accept", json={})).status_code == 200


# -------------------------------------------------------------------------------- what is shown


async def test_a_locked_visit_shows_no_value(station: Station, client: httpx.AsyncClient) -> None:
    await station.visit(ALICE)
    await station.file(THERMOMETER, temperature())
    assert "36,8" in (await client.get("/")).text
    await client.post("/api/visits/lock", json={})
    locked = (await client.get("/")).text
    assert "36,8" not in locked
    assert "Confirmez le patient" in locked
    await client.post("/api/visits/unlock", json={})
    assert "36,8" in (await client.get("/")).text


async def test_the_tray_hides_its_values_until_one_is_asked_for(
    station: Station, client: httpx.AsyncClient
) -> None:
    nobodys = await station.file(CUFF, pressure("151", "93"))
    tray = await client.get("/ask/tray")
    assert "Aucune visite n’était ouverte" in tray.text
    assert "151/93" not in tray.text
    assert "151" not in (await client.get("/")).text
    assert "151" not in (await client.get("/api/tray")).text
    shown = await client.get(f"/ask/tray?show={nobodys.reading.id}")
    assert "151/93" in shown.text


async def test_a_reading_of_the_tray_is_given_to_a_visit_by_name(
    station: Station, client: httpx.AsyncClient
) -> None:
    nobodys = await station.file(CUFF, pressure())
    first = await station.visit(ALICE)
    await station.visit(BRUNO)
    asked = await client.get(f"/ask/assign/{nobodys.reading.id}")
    assert "Alice" in asked.text
    assert "Bruno" in asked.text
    said = {"visit": first.id, "reason": "interrupted"}
    path = f"/api/readings/{nobodys.reading.id}"
    assert (await client.post(f"{path}/assign", json=said)).status_code == 200
    now = await station.journal.reading(nobodys.reading.id)
    assert now is not None
    assert (now.attribution.visit, now.attribution.reason) == (first.id, "interrupted")


async def test_what_a_closed_visit_left_is_decided_under_its_patients_name(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    left = await station.file(CUFF, pressure("190", "110"), "to_review", plausibility="unusual")
    assert "1 relevé attend encore une décision" in (await client.get("/ask/visit")).text
    assert "190" not in (await client.get("/ask/tray")).text
    await station.visit(BRUNO)
    assert "attend encore une décision" not in (await client.get("/ask/visit")).text
    assert "1 à confirmer d’une visite close" in (await client.get("/")).text
    tray = (await client.get("/ask/tray")).text
    assert tray.index("Alice") < tray.index("190/110") < tray.index("Valeur inhabituelle")
    path = f"/api/readings/{left.reading.id}"
    assert (await client.post(f"{path}/reject", json={"reason": "moved"})).status_code == 200
    assert await station.state(left) == "rejected"
    assert "Alice" not in (await client.get("/ask/tray")).text


async def test_what_a_closed_visit_left_is_held_as_in_its_tile(station: Station) -> None:
    await station.visit(ALICE)
    held = await station.file(CUFF, pressure(), "to_review", automatic=False)
    await station.desk.close(author="page")
    path = f"/api/readings/{held.reading.id}/accept"
    async with signed_in(station, ANNE) as anne, signed_in(station, PAUL) as paul:
        seen = (await anne.get("/ask/tray")).text
        assert "128/76" in seen
        assert path not in seen
        assert (await anne.post(path, json={})).status_code == 403
        assert path in (await paul.get("/ask/tray")).text
        assert (await paul.post(path, json={})).status_code == 200
    assert await station.state(held) == "accepted"


async def test_a_value_nobody_can_name_is_neither_shown_nor_accepted(
    station: Station, client: httpx.AsyncClient
) -> None:
    nameless = filing(CUFF, pressure(), "to_review", visit="v-unknown")
    await station.journal.file([nameless])
    tray = (await client.get("/ask/tray")).text
    assert "À confirmer, visites closes" in tray
    assert "128/76" not in tray
    assert f"{nameless.reading.id}/accept" not in tray


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
        assert told["text"] == "128/76 mmHg, 71 /min"
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
