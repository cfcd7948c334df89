"""A person's acts on visits, through a real server on a real journal."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from html import unescape
from uuid import uuid4

import httpx
import pytest
from asked_page import BODY, shows, signed_in, tile_of
from browser_station import Station
from station_room import (
    ALICE,
    ANNE,
    BRUNO,
    CUFF,
    PAUL,
    SCALE,
    THERMOMETER,
    now,
    pressure,
    temperature,
    weight,
)

from devicehub.app.reception import make_reception
from devicehub.config.tree import Reader
from devicehub.driver import CuffPressure
from devicehub.visit.dossier import KnownVisit
from devicehub.visit.reception import Reception


async def test_a_visit_is_opened_and_closed_by_the_page_or_a_program(
    station: Station, client: httpx.AsyncClient
) -> None:
    opened = await client.post("/api/visits", json=BODY)
    assert opened.status_code == 200
    assert station.desk.visit is not None
    visit = station.desk.visit.id
    assert opened.json() == {"visit": visit}
    assert station.desk.identity(visit) == ALICE
    closed = await client.post(f"/api/visits/{visit}/close", json={})
    assert closed.status_code == 204
    kept = await station.journal.visit(visit)
    assert kept is not None
    assert kept.closed_at is not None


@pytest.mark.parametrize(
    ("field", "french", "english"),
    [
        ("family_name", "Nom de naissance", "Family name at birth"),
        ("given_name", "Premier prénom de naissance", "First given name at birth"),
        ("born", "Date de naissance", "Date of birth"),
    ],
)
async def test_a_field_of_blanks_is_told_by_its_label_on_the_form(
    station: Station, client: httpx.AsyncClient, field: str, french: str, english: str
) -> None:
    form = (await client.get("/ask/visit?new")).text
    assert f'{french} <input name="{field}"' in form
    for text in ("", "  "):
        said = {**BODY, field: text}
        answer = await client.post("/api/visits", json=said)
        told = f"«\N{NO-BREAK SPACE}{french}\N{NO-BREAK SPACE}»\N{NO-BREAK SPACE}: il est vide"
        assert (answer.status_code, answer.json()) == (422, {"error": told, "field": field})
        answer = await client.post("/api/visits?lang=en", json=said)
        assert answer.json()["error"] == f"{english}: it is empty"
    assert station.desk.visit is None


@pytest.mark.parametrize("trait", ["family_name", "given_name"])
@pytest.mark.parametrize("name", ["DUPONT\u202eTNOPUD\x00", "a\u200bb\n", "T\u2029T", "T\u00adT"])
async def test_a_name_with_signs_that_cannot_be_seen_is_refused_in_words(
    station: Station, client: httpx.AsyncClient, trait: str, name: str
) -> None:
    answer = await client.post("/api/visits", json={**BODY, trait: name})
    assert answer.status_code == 422
    assert "caractère invisible" in answer.json()["error"]
    assert station.desk.visit is None


@pytest.mark.parametrize(
    "name",
    ["D'ESSAI", "d’Essai", "TEST-ÉSSAI", "E\u0301SSAI", "TEST\u2011ESSAI", "TEST\u00a0ESSAI"],
)
async def test_a_name_as_people_write_it_is_taken_as_it_stands(
    station: Station, client: httpx.AsyncClient, name: str
) -> None:
    opened = await client.post("/api/visits", json={**BODY, "family_name": name})
    assert opened.status_code == 200
    identity = station.desk.identity(opened.json()["visit"])
    assert identity is not None
    assert identity.family_name == name


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


async def test_who_answers_for_a_visit_is_asked_once_and_never_in_the_way(station: Station) -> None:
    rene = PAUL.model_copy(update={"id": "rene", "name": "Dr TEST René"})
    async with signed_in(station, ANNE) as anne:
        alone = await anne.post("/api/visits", json=BODY)
        assert "next" not in alone.json(), "nobody could be chosen"
        async with signed_in(station, PAUL) as paul, signed_in(station, rene):
            said = {**BODY, "closes": alone.json()["visit"]}
            opened = (await anne.post("/api/visits", json=said)).json()
            assert opened["next"] == "/ask/responsible"
            path = f"/api/visits/{opened['visit']}/responsible"
            assert "Médecin responsable\N{NO-BREAK SPACE}?" in (await anne.get("/")).text
            asked = (await anne.get(opened["next"])).text
            assert asked.index(PAUL.name) < asked.index(rene.name)
            assert "<input" not in asked, "nobody writes a name"
            for stranger in ("nobody", ANNE.id, rene.name):
                refused = await anne.post(path, json={"physician": stranger})
                assert refused.status_code == 422
            assert station.desk.visit is not None
            assert station.desk.visit.responsible is None
            assert (await anne.post(path, json={"physician": rene.id})).status_code == 204
            page = (await anne.get("/")).text
            assert f"Médecin\N{NO-BREAK SPACE}: {rene.name}" in page
            assert "Changer de médecin responsable" in page
            assert (await anne.post(path, json={"physician": PAUL.id})).status_code == 204
            said = {**BODY, "closes": opened["visit"]}
            its_own = (await paul.post("/api/visits", json=said)).json()
            assert "next" not in its_own, "a physician who opens a visit answers for it"
            late = await anne.post(path, json={"physician": rene.id})
            assert (late.status_code, late.json()["error"]) == (409, "cette visite est close")
    audit = await station.journal.store.read(
        lambda database: database.execute(
            "SELECT author, subject, detail FROM audit WHERE act = 'entrust_visit' ORDER BY number"
        ).fetchall()
    )
    assert audit == [("anne", opened["visit"], who) for who in ("rene", "paul")]


async def with_reader(station: Station) -> Reception:
    """Start the station anew, with an identity reader."""
    reader = Reader(port="usb:0c2e:0b0a")
    reception = make_reception(reader, station.desk, station.board, station.operators)
    station.hub = replace(station.hub, reception=reception)
    await station.stop()
    await station.start()
    return reception


async def test_a_visit_that_was_scanned_in_asks_who_answers_for_it_too(station: Station) -> None:
    reception = await with_reader(station)
    planned = KnownVisit(visit="v-" + "b" * 20, identity=ALICE, state="planned")
    rene = PAUL.model_copy(update={"id": "rene", "name": "Dr TEST René"})
    async with (
        signed_in(station, ANNE) as anne,
        signed_in(station, PAUL) as paul,
        signed_in(station, rene),
    ):
        said = {"closes": ""}
        for browser, asked in ((anne, "/ask/responsible"), (paul, None)):
            station.desk.worklist = (planned,)
            await reception.scan(f"{planned.visit}\r".encode())
            proposal = station.board.picture.waiting.proposal
            assert proposal is not None
            opened = (await browser.post(f"/api/proposals/{proposal.id}/open", json=said)).json()
            assert (opened["visit"], opened.get("next")) == (planned.visit, asked)
            said = {"closes": planned.visit}
            planned = planned.model_copy(update={"visit": "v-" + "c" * 20})
    assert station.desk.visit is not None
    assert station.desk.visit.responsible == PAUL.name


async def test_a_dossier_that_does_not_answer_is_said_in_one_language(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/api/visits/v-00000000000000000000/open?lang=en", json={})
    assert answer.status_code == 503
    assert " · " not in answer.json()["error"]


@pytest.mark.parametrize("act", ["open", "ignore"])
async def test_a_proposal_that_has_expired_is_said_in_one_language(
    station: Station, act: str
) -> None:
    await with_reader(station)
    async with httpx.AsyncClient(base_url=station.url, trust_env=False) as client:
        answer = await client.post(f"/api/proposals/{uuid4()}/{act}?lang=en", json={})
    assert answer.status_code == 409
    assert answer.json()["error"] == "this proposal is no longer valid; read the code again"


async def test_of_a_locked_visit_nothing_is_said_and_nothing_told(
    station: Station, client: httpx.AsyncClient
) -> None:
    opened = await station.visit(ALICE)
    waiting = await station.file(THERMOMETER, temperature(), "to_review")
    taken = await station.file(CUFF, pressure("151", "93"))
    begin = {"visit": opened.id, "arm": "left"}
    assert (await client.post("/api/series", json=begin)).is_success
    series = (await client.get("/api/series")).json()["series"]["id"]
    station.board.live(SCALE, [weight("68.25")], now())
    acts = ("accept", "reject", "retake", "withdraw", "reassign", "undo", "retry")
    asked = ("reject", "retake", "reading", "withdraw", "reassign")
    assert shows((await client.get("/api/board")).text, "151")
    assert (await client.post(f"/api/visits/{opened.id}/lock", json={})).status_code == 204
    for one in (waiting, taken):
        for act in acts:
            path = f"/api/readings/{one.reading.id}/1/{act}"
            answer = await client.post(path, json={"reason": "other", "visit": opened.id})
            assert answer.status_code == 409, act
            assert "verrouillée" in answer.json()["error"], act
        for path in (
            *(f"/ask/{what}/{one.reading.id}/1" for what in asked),
            f"/ask/relabel/{one.reading.id}",
        ):
            seen = await client.get(path)
            assert seen.status_code == 409, path
            assert "verrouillée" in seen.json()["error"], path
    every = {"readings": {str(waiting.reading.id): 1}}
    for path in ("/api/readings/accept", "/api/series", "/api/series/rest_over", "/api/series/end"):
        of_series = begin if path == "/api/series" else {"series": series}
        answer = await client.post(path, json=every if "readings" in path else of_series)
        assert answer.status_code == 409, path
    board = (await client.get("/api/board")).text
    for value in ("36.8", "36,8", "151", "68.25"):
        assert not shows(board, value)
        assert not shows((await client.get("/")).text, value)
    async with client.stream("GET", "/api/events") as stream:
        first = await anext(stream.aiter_text())
        assert not shows(first, "151")
        assert not shows(first, "36.8")
    assert (await client.get("/api/series")).json() == {"series": None}
    assert [await station.state(one) for one in (waiting, taken)] == ["to_review", "accepted"]
    assert (await client.post(f"/api/visits/{opened.id}/unlock", json={})).status_code == 204
    assert (await client.post(f"/api/readings/{waiting.reading.id}/1/accept", json={})).is_success
    assert "36.8" in (await client.get("/api/board")).text


async def test_a_form_sent_twice_opens_one_visit(
    station: Station, client: httpx.AsyncClient
) -> None:
    """The answer was lost, and the person presses again; a minute later, a second browser does."""
    form = (await client.get("/ask/visit?new")).text
    (drawn,) = re.findall(r'name="visit" type="hidden" value="(v-[0-9a-f]{20})"', form)
    said = {**BODY, "visit": drawn}
    both = await asyncio.gather(*(client.post("/api/visits", json=said) for _ in range(2)))
    assert [answer.json()["visit"] for answer in both] == [drawn, drawn]
    assert [one.id for one in station.desk.recent] == [drawn]
    other = await client.post("/api/visits", json={**said, "family_name": "TESTE"})
    assert other.status_code == 409
    after = await station.visit(BRUNO)
    late = await client.post("/api/visits", json={**said, "closes": after.id})
    assert late.status_code == 409
    assert station.desk.visit == after
    assert f'value="{drawn}"' not in (await client.get("/ask/visit?new")).text
    made_up = await client.post("/api/visits", json={**BODY, "visit": "v-TEST Alice"})
    assert made_up.status_code == 422


async def test_an_act_on_a_visit_is_for_the_one_it_names(
    station: Station, client: httpx.AsyncClient
) -> None:
    """A second browser whose line stands still names the visit before."""
    before = await station.visit(ALICE)
    after = await station.visit(BRUNO)
    for act in ("lock", "close", "unlock"):
        stale = await client.post(f"/api/visits/{before.id}/{act}", json={})
        assert stale.status_code == 409, act
        assert "patient affiché" in stale.json()["error"]
    assert station.desk.visit == after
    assert f"/api/visits/{after.id}/lock" in (await client.get("/")).text
    assert f"/api/visits/{after.id}/close" in (await client.get("/ask/close")).text
    assert (await client.post(f"/api/visits/{after.id}/lock", json={})).status_code == 204
    assert station.desk.visit is not None
    assert station.desk.visit.locked
    assert (await client.post(f"/api/visits/{after.id}/close", json={})).status_code == 204
    kept = await station.journal.visit(after.id)
    assert kept is not None
    assert kept.closed_at is not None
    assert (await client.post(f"/api/visits/{after.id}/close", json={})).status_code == 409


@pytest.mark.parametrize("way", ["form", "worklist", "scan"])
async def test_what_is_opened_ends_only_the_visit_that_was_shown(
    station: Station, way: str
) -> None:
    """A second browser whose line stands still shows the patient before, or nobody."""
    reception = await with_reader(station)
    planned = KnownVisit(visit="v-" + "d" * 20, identity=ALICE, state="planned")
    station.desk.worklist = (planned,)
    station.board.worklist((planned,), None)
    await reception.scan(f"{planned.visit}\r".encode())
    proposal = station.board.picture.waiting.proposal
    assert proposal is not None
    page, path = {
        "form": ("/ask/visit?new", "/api/visits"),
        "worklist": ("/ask/visit", f"/api/visits/{planned.visit}/open"),
        "scan": ("/", f"/api/proposals/{proposal.id}/open"),
    }[way]
    carries = rf"""data-post="{path}" data-said='{{"closes":"(.*?)"}}'"""
    if way == "form":
        carries = r"""data-form="/api/visits"[\s\S]+?name="closes" type="hidden" value="(.*?)">"""
    typed = BODY if way == "form" else {}

    async with httpx.AsyncClient(base_url=station.url, trust_env=False) as client:

        async def shown() -> dict[str, object]:
            (closes,) = re.findall(carries, (await client.get(page)).text)
            return {**typed, "closes": closes}

        nobody = await shown()
        before = await station.visit(ALICE)
        stale = await shown()
        after = await station.visit(BRUNO)
        fresh = await shown()
        assert [one["closes"] for one in (nobody, stale, fresh)] == ["", before.id, after.id]
        for said in (nobody, stale, typed):
            refused = await client.post(path, json=said)
            assert refused.is_error
            assert "regardez le patient affiché" in refused.json()["error"]
            assert " · " not in refused.json()["error"]
            assert station.desk.visit == after
            kept = await station.journal.visit(after.id)
            assert kept is not None
            assert kept.closed_at is None
        assert [one.id for one in station.desk.recent] == [after.id, before.id]
        opened = await client.post(path, json=fresh)
        assert opened.status_code == 200
    kept = await station.journal.visit(after.id)
    assert kept is not None
    assert kept.closed_at is not None
    assert station.desk.visit is not None
    assert station.desk.visit.id == opened.json()["visit"] != after.id


async def test_a_page_that_still_shows_the_patient_before_says_nothing_of_the_next_one(
    station: Station, client: httpx.AsyncClient
) -> None:
    """A second browser whose line stands still, while somebody opens the next visit at the first."""
    opened = await station.visit(ALICE)
    for one in (weight(), temperature()):
        await station.file(SCALE, one, "to_review")
    shown = (await client.get("/")).text
    await client.post(f"/api/visits/{opened.id}/lock", json={})
    shown_locked = (await client.get("/")).text
    opened = await station.visit(BRUNO)
    unseen = [await station.file(SCALE, one, "to_review") for one in (weight(), temperature())]
    said = re.search(r'data-post="/api/readings/accept" data-said="(.+?)"', shown)
    assert said is not None
    accepting = await client.post("/api/readings/accept", json=json.loads(unescape(said[1])))
    assert accepting.status_code == 409
    assert [await station.state(one) for one in unseen] == ["to_review", "to_review"]
    await client.post(f"/api/visits/{opened.id}/lock", json={})
    confirm = re.search(r'data-post="(/api/visits/.+?/unlock)"', shown_locked)
    assert confirm is not None
    assert (await client.post(confirm[1], json={})).status_code == 409
    assert station.desk.visit is not None
    assert station.desk.visit.locked


async def test_a_locked_visit_shows_no_value(station: Station, client: httpx.AsyncClient) -> None:
    opened = await station.visit(ALICE)
    await station.file(THERMOMETER, temperature())
    assert "36,8" in (await client.get("/")).text
    await client.post(f"/api/visits/{opened.id}/lock", json={})
    locked = (await client.get("/")).text
    assert "36,8" not in locked
    assert "Confirmez le patient" in locked
    await client.post(f"/api/visits/{opened.id}/unlock", json={})
    assert "36,8" in (await client.get("/")).text


async def test_what_began_before_the_unlock_lends_no_life_to_what_stands(
    station: Station, client: httpx.AsyncClient
) -> None:
    opened = await station.visit(ALICE)
    await station.file(CUFF, pressure("151", "93"), "to_review")
    inflating = CuffPressure.model_validate({"pressure_mmhg": "87"})
    station.board.live(CUFF, [inflating], now())
    await client.post(f"/api/visits/{opened.id}/lock", json={})
    await client.post(f"/api/visits/{opened.id}/unlock", json={})
    station.board.live(CUFF, [inflating], now())
    tile = tile_of((await client.get("/")).text, "blood_pressure")
    assert "151/93" in tile
    assert 'data-state="to_review"' in tile
    assert "Une autre mesure est en cours, commencée avant que ce patient soit confirmé" in tile
    assert not re.search(r">\s*87\b", tile)
