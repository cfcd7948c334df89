"""The station's HTTP: headers, refusals, roles, decisions, and the streams, through a real server on a real journal."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
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

from devicehub.app.reception import make_reception
from devicehub.config.tree import Reader
from devicehub.driver import CuffPressure
from devicehub.journal.records import Filing, Receipt, State, Visit
from devicehub.station.sessions import COOKIE
from devicehub.visit.dossier import KnownVisit
from devicehub.visit.operators import Operator
from devicehub.visit.reception import Reception

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


async def test_the_sign_in_page_offers_the_other_language_and_keeps_it(station: Station) -> None:
    station.operators.add(ANNE, "1357")
    async with httpx.AsyncClient(base_url=station.url, trust_env=False) as browser:
        french = (await browser.get("/sign-in")).text
        (there,) = re.findall(r'href="(/sign-in\?lang=en)"', french)
        english = (await browser.get(there)).text
        assert "Who are you?" in english
        assert 'href="/sign-in?lang=fr"' in english
        assert "Who are you?" in (await browser.get("/sign-in")).text


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
    assert "«\N{NO-BREAK SPACE}born\N{NO-BREAK SPACE}»" in wrong.json()["error"]
    assert "ce n’est pas une valeur permise" in wrong.json()["error"]
    missing = {name: value for name, value in BODY.items() if name != "given_name"}
    assert "il manque" in (await client.post("/api/visits", json=missing)).json()["error"]
    english = await client.post("/api/visits?lang=en", json={**BODY, "more": 1})
    assert "there is no such field" in english.json()["error"]
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


async def refused_by_the_dossier(station: Station, one: Filing) -> None:
    await station.journal.receipts(
        [Receipt(id=one.reading.id, revision=1, result="refused", reason="conflict")]
    )
    assert await station.state(one) == "refused"


@pytest.mark.parametrize("by_hand", [True, False], ids=["not automatic", "not delegated"])
async def test_no_act_of_an_assistant_leads_what_the_gate_holds_to_the_dossier(
    station: Station, *, by_hand: bool
) -> None:
    """Every act there is, on every state there is: only the physician's acts end in `accepted`."""
    opened = await station.visit(ALICE)
    if not by_hand:
        await station.desk.delegate("body_weight", delegated=False, author="paul")
    acts = ("accept", "retry", "undo", "assign", "reassign", "reject", "retake", "discard")
    async with signed_in(station, ANNE) as assistant, signed_in(station, PAUL) as physician:
        for state in ("to_review", "accepted", "refused", "rejected", "withdrawn"):
            for act in acts:
                first: State = "to_review" if state == "rejected" else "accepted"
                held = await station.file(
                    SCALE,
                    weight(),
                    "to_review" if state == "to_review" else first,
                    automatic=not by_hand,
                )
                path = f"/api/readings/{held.reading.id}"
                if state == "refused":
                    await refused_by_the_dossier(station, held)
                if state in ("rejected", "withdrawn"):
                    said = {"reason": "test"}
                    before = "reject" if state == "rejected" else "withdraw"
                    assert (await physician.post(f"{path}/{before}", json=said)).status_code == 200
                assert await station.state(held) == state
                body = {"visit": opened.id, "reason": "other"}
                await assistant.post(f"{path}/{act}", json=body)
                every = {"readings": [str(held.reading.id)]}
                await assistant.post("/api/readings/accept", json=every)
                after = await station.state(held)
                assert after == state or after != "accepted", (state, act)


async def test_what_the_gate_holds_and_the_dossier_refused_only_the_physician_sends_again(
    station: Station,
) -> None:
    await station.visit(ALICE)
    held = await station.file(CUFF, pressure(), "accepted", automatic=False)
    await refused_by_the_dossier(station, held)
    path = f"/api/readings/{held.reading.id}/retry"
    async with signed_in(station, ANNE) as assistant, signed_in(station, PAUL) as physician:
        assert path not in (await assistant.get("/")).text
        refused = await assistant.post(path, json={})
        assert (refused.status_code, "seul le médecin" in refused.json()["error"]) == (403, True)
        assert path in (await physician.get("/")).text
        assert (await physician.post(path, json={})).status_code == 200
    assert await station.state(held) == "accepted"


@pytest.mark.parametrize(
    ("state", "act"), [("to_review", "retry"), ("refused", "accept"), ("accepted", "accept")]
)
async def test_an_act_takes_only_what_it_is_for(
    station: Station, client: httpx.AsyncClient, state: State, act: str
) -> None:
    await station.visit(ALICE)
    one = await station.file(CUFF, pressure(), "to_review" if state == "to_review" else "accepted")
    if state == "refused":
        await refused_by_the_dossier(station, one)
    answer = await client.post(f"/api/readings/{one.reading.id}/{act}", json={})
    assert (answer.status_code, await station.state(one)) == (409, state)


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
    asked = ("reject", "retake", "reading", "withdraw", "reassign", "relabel")
    assert shows((await client.get("/api/board")).text, "151")
    assert (await client.post(f"/api/visits/{opened.id}/lock", json={})).status_code == 204
    for one in (waiting, taken):
        for act in acts:
            path = f"/api/readings/{one.reading.id}/{act}"
            answer = await client.post(path, json={"reason": "other", "visit": opened.id})
            assert answer.status_code == 409, act
            assert "verrouillée" in answer.json()["error"], act
        for what in asked:
            seen = await client.get(f"/ask/{what}/{one.reading.id}")
            assert seen.status_code == 409, what
    every = {"readings": [str(waiting.reading.id)]}
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
    assert (await client.post(f"/api/readings/{waiting.reading.id}/accept", json={})).is_success
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
        every = {"readings": [str(held.reading.id)]}
        assert (await assistant.post("/api/readings/accept", json=every)).status_code == 409
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


@pytest.mark.parametrize(
    ("kind", "field", "taken", "refused"),
    [
        ("body_temperature", "celsius", ("37", "37,4", " 37.4 "), ("3_7", "37,45", "+37", "3,7e1")),
        ("body_temperature", "celsius", (), ("\u0663\u0667", "\uff13\uff17", "37,", ",5", "3,7.0")),
        ("body_height", "centimetres", ("172", "172.5"), ("172.44444444444", "1 72", "-172")),
        ("body_weight", "kilograms", ("71,45",), ("71,455", "0x47", "Infinity")),
        ("glucose", "milligrams_per_decilitre", ("99",), ("99,5",)),
        ("heart_rate", "per_minute", ("61",), ("61.0",)),
    ],
)
async def test_a_typed_number_is_plain_digits_and_as_fine_as_a_device_shows_it(
    station: Station, kind: str, field: str, taken: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    opened = await station.visit(ALICE)
    async with signed_in(station, PAUL) as physician:
        for text in (*taken, *refused):
            body = {"visit": opened.id, "kind": kind, "values": {field: text}, "confirmed": True}
            answer = await physician.post("/api/readings", json=body)
            assert answer.status_code == (204 if text in taken else 422), text
    filed = await station.journal.of_visit(opened.id)
    said = [str(getattr(one.reading.measurement, field)) for one in filed]
    assert said == [text.strip().replace(",", ".") for text in taken]


async def test_accepting_all_is_refused_where_one_is_flagged(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    other = await station.file(SCALE, weight(), "to_review")
    flagged = await station.file(CUFF, pressure("230", "90"), "to_review", plausibility="unusual")
    every = {"readings": [str(one.reading.id) for one in (other, flagged)]}
    answer = await client.post("/api/readings/accept", json=every)
    assert answer.status_code == 409
    assert "Tension" in answer.json()["error"]
    assert answer.json()["flagged"] == [str(flagged.reading.id)]
    await client.post(f"/api/readings/{flagged.reading.id}/accept", json={})
    assert (await client.post("/api/readings/accept", json=every)).status_code == 200
    assert await station.state(other) == "accepted"


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


# -------------------------------------------------------------------------------- what is shown


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


def shows(text: str, number: str) -> bool:
    """Whether a number stands there by itself, not as a part of an id, a hash or a time."""
    return re.search(rf"(?<![0-9a-f.-]){re.escape(number)}(?![0-9a-f-])", text) is not None


def tile_of(page: str, kind: str) -> str:
    """A tile's own part of the page."""
    found = re.search(rf'<article class="tile" id="tile-{kind}".+?</article>', page, re.DOTALL)
    assert found is not None
    return unescape(found[0])


async def test_what_is_shown_stays_until_it_is_decided_and_says_that_it_is_an_earlier_one(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)

    async def tile() -> str:
        return tile_of((await client.get("/")).text, "body_weight")

    async def decide(act: str, one: Filing) -> None:
        path = f"/api/readings/{one.reading.id}/{act}"
        assert (await client.post(path, json={"reason": "moved"})).status_code == 200

    first = await station.file(SCALE, weight("83.0"), "to_review")
    assert "83,0" in await tile()
    assert "Relevé antérieur" not in await tile()
    second = await station.file(SCALE, weight("59.4"), "to_review")
    third = await station.file(SCALE, weight("60.1"), "to_review")
    shown = await tile()
    assert f"/api/readings/{first.reading.id}/accept" in shown, "nothing changes under the finger"
    assert "59,4" not in shown
    assert "encore 2 à confirmer" in shown
    at = first.reading.received_at.astimezone().strftime("%H:%M:%S")
    assert f"Relevé antérieur, de {at}" in shown
    await decide("retake", third)
    assert f"Relevé antérieur, de {at}" in await tile(), "the one after it was rejected"
    await decide("accept", first)
    shown = await tile()
    assert f"/api/readings/{second.reading.id}/accept" in shown
    assert "Relevé antérieur" in shown
    await decide("accept", second)
    newest = await station.file(SCALE, weight("60.2"), "to_review")
    assert f"/api/readings/{newest.reading.id}/accept" in await tile()
    assert "Relevé antérieur" not in await tile()


async def test_the_earlier_one_is_the_one_that_arrived_earlier(
    station: Station, client: httpx.AsyncClient
) -> None:
    """A reading of the tray may be given to a visit behind one that was measured after it."""
    station.board.visit(visit(), ALICE)
    fresh = filing(SCALE, weight("60.2"), "to_review", received_at=now())
    given = filing(SCALE, weight("59.4"), "to_review", received_at=now() - timedelta(minutes=14))
    station.board.filing(fresh)
    station.board.filing(given)
    tile = tile_of((await client.get("/")).text, "body_weight")
    assert "60,2" in tile, "what is shown stays until it is decided"
    assert "Relevé antérieur" not in tile
    station.board.filing(fresh.model_copy(update={"state": "accepted"}))
    tile = tile_of((await client.get("/")).text, "body_weight")
    assert "59,4" in tile
    assert "Relevé antérieur" in tile


async def test_accepting_all_takes_what_stands_on_the_page_and_its_number_says_so(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    heavy = [await station.file(SCALE, weight(kg), "to_review") for kg in ("71.4", "71.5", "71.6")]
    warm = await station.file(THERMOMETER, temperature(), "to_review")
    page = (await client.get("/")).text
    said = re.search(r'data-post="/api/readings/accept" data-said="(.+?)"', page)
    assert said is not None
    body = json.loads(unescape(said[1]))
    on_the_page = [str(heavy[0].reading.id), str(warm.reading.id)]
    assert sorted(body["readings"]) == sorted(on_the_page)
    assert "Tout accepter (2)" in page
    late = await station.file(CUFF, pressure(), "to_review")
    twice = {"readings": body["readings"] * 2}
    answer = await client.post("/api/readings/accept", json=twice)
    assert sorted(answer.json()["readings"]) == sorted(on_the_page)
    for one in (heavy[1], heavy[2], late):
        assert await station.state(one) == "to_review"
    again = await client.post("/api/readings/accept", json=body)
    assert again.json() == {"readings": []}, "what no longer waits is left alone"


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


async def test_a_label_is_asked_about_only_where_a_series_shows_its_reading(
    station: Station, client: httpx.AsyncClient
) -> None:
    opened = await station.visit(ALICE)
    alone = await station.file(CUFF, pressure())
    assert (await client.get(f"/ask/relabel/{alone.reading.id}")).status_code == 409
    await client.post("/api/series", json={"visit": opened.id, "arm": "left"})
    series = (await client.get("/api/series")).json()["series"]["id"]
    await client.post("/api/series/rest_over", json={"series": series})
    taken = await station.file(CUFF, pressure("151", "93"))
    await station.deriver.settle(opened.id)
    asked = (await client.get(f"/ask/relabel/{taken.reading.id}?lang=en")).text
    assert "151/93" in asked
    assert asked.count('aria-pressed="true"') == 1
    assert "left arm, lying" in asked


async def test_the_tray_hides_its_values_until_one_is_asked_for(
    station: Station, client: httpx.AsyncClient
) -> None:
    nobodys = await station.file(CUFF, pressure("151", "93"))
    tray = await client.get("/ask/tray")
    assert "Aucune visite n’était ouverte" in tray.text
    assert "151/93" not in tray.text
    assert not shows((await client.get("/")).text, "151")
    assert not shows((await client.get("/api/tray")).text, "151")
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


async def test_a_visit_without_a_name_is_shown_and_given_nothing(
    station: Station, client: httpx.AsyncClient
) -> None:
    """The dossier alone knows whose it was, and does not answer since the station was started."""
    at = now() - timedelta(minutes=9)
    await station.journal.open_visit(Visit(id="v-unnamed", opened_at=at))
    await station.journal.close_visit("v-unnamed", at + timedelta(minutes=5))
    await station.desk.load()
    nobodys = await station.file(CUFF, pressure())
    asked = (await client.get(f"/ask/assign/{nobodys.reading.id}?lang=en")).text
    assert "wait for its answer" in asked
    assert 'value="v-unnamed"' not in asked
    assert "<form" not in asked
    said = {"visit": "v-unnamed", "reason": "interrupted"}
    path = f"/api/readings/{nobodys.reading.id}/assign?lang=en"
    answer = await client.post(path, json=said)
    assert (answer.status_code, await station.state(nobodys)) == (409, "quarantined")
    assert "identity is not known" in answer.json()["error"]
    named = await station.visit(ALICE)
    asked = (await client.get(f"/ask/assign/{nobodys.reading.id}")).text
    assert f'value="{named.id}"' in asked
    assert 'value="v-unnamed"' not in asked


async def test_what_a_closed_visit_left_is_decided_under_its_patients_name(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    left = await station.file(CUFF, pressure("190", "110"), "to_review", plausibility="unusual")
    assert "1 relevé attend encore une décision" in (await client.get("/ask/visit")).text
    assert not shows((await client.get("/ask/tray")).text, "190")
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
    for question in ("reject", "reading"):
        asked = await client.get(f"/ask/{question}/{nameless.reading.id}")
        assert asked.status_code == 200
        assert "128/76" not in asked.text
    accepted = await client.post(f"/api/readings/{nameless.reading.id}/accept", json={})
    assert accepted.status_code == 409
    assert "identité du patient" in accepted.json()["error"]
    assert await station.state(nameless) == "to_review"


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
    asked = await client.get(f"/ask/reading/{nobodys.reading.id}")
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
