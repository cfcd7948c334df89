"""The HTTP API as an application, without a network: what it answers and to whom."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from devicehub.dossier.api import LARGEST_BODY, Health, api
from devicehub.dossier.filing import Arrival
from devicehub.dossier.store import DossierStore
from devicehub.visit.dossier import KnownVisit
from devicehub.visit.patient import PatientIdentity


def client_of(store: DossierStore, token: str | None, host: str = "127.0.0.1") -> httpx.AsyncClient:
    def health() -> Health:
        return Health(state="ok", broker=True, failing=None, version="0")

    app = api(store, token=token, health=health)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


@pytest.fixture
async def client(store: DossierStore) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(store, token=None) as opened:
        yield opened


@pytest.fixture
def wanted(alice: PatientIdentity) -> dict[str, Any]:
    return {"identity": alice.model_dump(mode="json"), "station": "room-1"}


async def test_a_visit_from_its_opening_to_its_readings(
    client: httpx.AsyncClient,
    store: DossierStore,
    wanted: dict[str, Any],
    arrive: Callable[..., Arrival],
) -> None:
    opened = await client.post("/v1/visits", json=wanted)
    assert opened.status_code == 201
    visit = opened.json()["visit"]
    again = {"patient": opened.json()["patient"], "station": "room-1"}
    assert (await client.post("/v1/visits", json=again)).status_code == 201
    known = (await client.get(f"/v1/visits/{visit}")).json()
    assert known["identity"] == wanted["identity"]
    assert known["closed_at"] is None
    store.file([arrive(visit)], accepts_simulators=False)
    (filed,) = (await client.get(f"/v1/visits/{visit}/readings")).json()["readings"]
    assert filed["reading"]["measurement"]["systolic_mmhg"] == 128
    assert (await client.post(f"/v1/visits/{visit}/close")).json()["closed_at"] is not None


@pytest.mark.parametrize("born", ["2990-01-01", "1850-01-01"])
async def test_a_birth_date_that_cannot_be_is_refused(
    client: httpx.AsyncClient, wanted: dict[str, Any], born: str
) -> None:
    wanted["identity"]["born"] = born
    refused = await client.post("/v1/visits", json=wanted)
    assert (refused.status_code, refused.json()["error"]) == (422, "born")


@pytest.mark.parametrize("trait", ["family_name", "given_name"])
@pytest.mark.parametrize(
    "name",
    [
        "A\u202eB",
        "A\u0000<script>",
        "a\u200bb",
        "TEST\n",
        "T\u2028T",
        "T\u2066T",
        "\ufeffTEST",
        "\u3164",
        "T\ufe0f",
    ],
)
async def test_a_name_with_signs_that_cannot_be_seen_is_refused_in_words(
    client: httpx.AsyncClient, wanted: dict[str, Any], trait: str, name: str
) -> None:
    wanted["identity"][trait] = name
    refused = await client.post("/v1/visits", json=wanted)
    assert (refused.status_code, refused.json()["error"]) == (422, "name")
    assert "caractère invisible" in refused.json()["message"]
    assert name not in refused.json()["message"]


async def test_a_name_that_was_let_in_before_shows_what_cannot_be_seen_and_takes_no_other_down(
    client: httpx.AsyncClient, wanted: dict[str, Any], tmp_path: Path
) -> None:
    plan = {**wanted, "planned_at": datetime.now(UTC).isoformat()}
    older = (await client.post("/v1/visits", json=plan)).json()
    await client.post("/v1/visits", json=plan)
    told = json.dumps({**wanted["identity"], "family_name": "A\u202eB\n"})
    with closing(sqlite3.connect(tmp_path / "dossier.sqlite")) as file, file:
        file.execute("UPDATE patients SET identity = ? WHERE id = ?", (told, older["patient"]))
    listed = (await client.get("/v1/visits", params={"station": "room-1"})).json()["visits"]
    names = {one["visit"]: one["identity"]["family_name"] for one in listed}
    assert sorted(names.values()) == ["A�B�", "TEST"]
    assert names[older["visit"]] == "A�B�"
    known = (await client.get(f"/v1/visits/{older['visit']}")).json()
    again = {**wanted, "visit": older["visit"], "identity": known["identity"]}
    assert (await client.post("/v1/visits", json=again)).status_code == 200, "it can be opened"


async def test_practice_software_plans_and_a_station_opens(
    client: httpx.AsyncClient, wanted: dict[str, Any], alice: PatientIdentity
) -> None:
    at = datetime.now(UTC).isoformat()
    plan = {
        **wanted,
        "visit": f"v-{7:020x}",
        "planned_at": at,
        "plan": ["blood_pressure", "body_weight"],
        "responsible": "Dr TEST",
    }
    planned = await client.post("/v1/visits", json=plan)
    assert (planned.status_code, planned.json()["state"]) == (201, "planned")
    assert (await client.post("/v1/visits", json=plan)).status_code == 200
    bruno = {**plan, "identity": {**wanted["identity"], "given_name": "Bruno"}}
    refused = await client.post("/v1/visits", json=bruno)
    assert (refused.status_code, refused.json()["error"]) == (409, "conflict")
    (listed,) = (await client.get("/v1/visits", params={"station": "room-1"})).json()["visits"]
    assert listed["identity"] == wanted["identity"]
    assert (listed["plan"], listed["responsible"]) == (plan["plan"], "Dr TEST")
    visit = listed["visit"]
    where = {"station": "room-1", "opened_at": at}
    opened = await client.post(f"/v1/visits/{visit}/open", json=where)
    assert (opened.status_code, opened.json()["state"]) == (200, "open")
    assert (await client.post(f"/v1/visits/{visit}/open", json=where)).json() == opened.json()
    assert (await client.get("/v1/visits", params={"station": "room-1"})).json() == {"visits": []}
    entrusted = await client.post(f"/v1/visits/{visit}/responsible", json={"responsible": "Dr B"})
    assert entrusted.json() == {**opened.json(), "responsible": "Dr B"}
    for nobody in ({"responsible": ""}, {"responsible": "x" * 81}, {"responsible": None}, {}):
        refused = await client.post(f"/v1/visits/{visit}/responsible", json=nobody)
        assert (refused.status_code, refused.json()["error"]) == (422, "schema")
    closed = await client.post(f"/v1/visits/{visit}/close", json={"closed_at": at})
    assert (closed.json()["state"], closed.json()["earlier"]) == ("closed", [])
    assert (
        KnownVisit.model_validate(
            {name: value for name, value in closed.json().items() if name != "patient"}
        ).identity
        == alice
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/visits/v-0", 404, "unknown_visit"),
        ("POST", "/v1/visits/v-0/close", 404, "unknown_visit"),
        ("GET", "/v1/visits/v-0/readings", 404, "unknown_visit"),
        ("POST", "/v1/visits/v-0/open", 415, "type"),
        ("GET", "/v1/elsewhere", 404, "address"),
        ("DELETE", "/v1/visits/v-0", 405, "address"),
    ],
)
async def test_an_error_has_a_code_and_words(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert " · " in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        ({"station": "room-1"}, 422, "schema", "at: ."),
        ({"patient": "p-0"}, 422, "schema", "at: ."),
        ({"patient": "p-0", "station": "a", "visit": "v-mine"}, 422, "schema", "at: visit"),
        ({"patient": "p-0", "station": "a", "plan": ["mood"]}, 422, "schema", "at: plan.0"),
        ({"patient": "p-0", "station": "Room 1"}, 422, "schema", "at: station"),
        ({"identity": {"family_name": "TEST"}, "station": "a"}, 422, "schema", "identity.born"),
        ({"patient": "p-0", "station": "room-1"}, 404, "unknown_patient", "patient"),
        ({"patient": "p" * LARGEST_BODY, "station": "room-1"}, 413, "size", "long"),
    ],
)
async def test_a_wrong_request_is_told_where(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, code: str, says: str
) -> None:
    answer = await client.post("/v1/visits", json=body)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert says in answer.json()["message"]


async def test_a_form_of_a_foreign_page_opens_nothing(
    client: httpx.AsyncClient, wanted: dict[str, Any]
) -> None:
    answer = await client.post("/v1/visits", content="{}", headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]) == (415, "type")


async def test_without_a_token_a_foreign_name_does_not_lead_here(
    store: DossierStore, visit: str
) -> None:
    async with client_of(store, token=None, host="attacker.example") as foreign:
        answer = await foreign.get(f"/v1/visits/{visit}")
    assert (answer.status_code, answer.json()["error"]) == (403, "host")


@pytest.mark.parametrize("said", [None, "Bearer wrong", "Basic right", "Bearer rightx", "Bearer é"])
async def test_a_wrong_token_opens_nothing(
    store: DossierStore, visit: str, said: str | None
) -> None:
    headers = [] if said is None else [(b"authorization", said.encode())]
    async with client_of(store, token="right", host="dossier.example") as client:
        refused = await client.get(f"/v1/visits/{visit}", headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (401, "token")
        assert refused.headers["www-authenticate"] == "Bearer"
        right = {"authorization": "Bearer right"}
        assert (await client.get(f"/v1/visits/{visit}", headers=right)).status_code == 200
        assert (await client.get("/health")).json()["state"] == "ok"


async def test_a_full_disk_is_said(
    client: httpx.AsyncClient, store: DossierStore, wanted: dict[str, Any]
) -> None:
    with store._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    status = 201
    while status == 201:
        answer = await client.post("/v1/visits", json=wanted)
        status = answer.status_code
    assert (status, answer.json()["error"]) == (507, "store_failing")


async def test_a_fault_of_ours_is_answered_too(
    client: httpx.AsyncClient, store: DossierStore, visit: str
) -> None:
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE attributions")
    answer = await client.get(f"/v1/visits/{visit}/readings")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")


async def test_no_identity_in_the_log(
    client: httpx.AsyncClient, wanted: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    visit = (await client.post("/v1/visits", json=wanted)).json()["visit"]
    await client.get(f"/v1/visits/{visit}")
    await client.post("/v1/visits", json={**wanted, "station": "Alice TEST"})
    assert "Alice" not in caplog.text
    assert "TEST" not in caplog.text
