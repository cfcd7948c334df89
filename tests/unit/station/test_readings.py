"""A person's acts on readings and what their tiles show, through a real server on a real journal."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape

import httpx
import pytest
from asked_page import signed_in, tile_of
from browser_station import Station
from station_room import (
    ALICE,
    ANNE,
    BRUNO,
    CUFF,
    PAUL,
    SCALE,
    THERMOMETER,
    filing,
    now,
    pressure,
    temperature,
    visit,
    weight,
)

from devicehub.journal.records import Filing, Receipt, State, Visit
from devicehub.visit.series import SeriesRules, cut_rest


async def test_a_person_confirms_a_reading_once(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    doubtful = await station.file(CUFF, pressure(), "to_review")
    path = f"/api/readings/{doubtful.reading.id}/1"
    first = await client.post(f"{path}/accept", json={})
    second = await client.post(f"{path}/reject", json={"reason": "moved"})
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["error"].startswith("Ce relevé a changé entre-temps")
    assert await station.state(doubtful) == "accepted"
    unknown = await client.post(f"{path}/withdraw", json={"reason": "he said his name is"})
    assert unknown.status_code == 422, "reasons are a closed list"


async def test_what_was_moved_meanwhile_is_not_decided_by_a_page_that_is_behind(
    station: Station, client: httpx.AsyncClient
) -> None:
    first = await station.visit(BRUNO)
    second = await station.visit(ALICE)
    one = await station.file(CUFF, pressure(), "to_review")
    tile = tile_of((await client.get("/")).text, "blood_pressure")
    (accept,) = re.findall(r'data-post="(.+?)"', tile)
    questions = re.findall(r'data-ask="(/ask/re.+?)"', tile)
    dialogs = [(await client.get(question)).text for question in questions]
    whose = f"/ask/reassign/{one.reading.id}/1"
    dialogs.append((await client.get(whose)).text)
    said = {"reason": "wrong_patient", "visit": first.id}
    acts = [re.findall(r'data-(?:post|form)="(.+?)"', dialog)[0] for dialog in dialogs]
    assert [act.rpartition("/")[2] for act in acts] == ["reject", "retake", "reassign"]
    assert (await client.post(acts[-1], json=said)).status_code == 200
    for act in (accept, *acts):
        answer = await client.post(act, json={**said, "visit": second.id})
        assert answer.status_code == 409, act
        assert answer.json()["error"].startswith("Ce relevé a changé entre-temps"), act
    for question in (*questions, whose, f"/ask/reading/{one.reading.id}/1"):
        answer = await client.get(question)
        assert answer.status_code == 409, question
        assert answer.json()["error"].startswith("Ce relevé a changé entre-temps"), question
    assert await station.state(one) == "to_review"


async def test_what_the_gate_holds_only_the_physician_accepts(station: Station) -> None:
    await station.visit(ALICE)
    by_ear = await station.file(CUFF, pressure(), "to_review", automatic=False)
    path = f"/api/readings/{by_ear.reading.id}/1/accept"
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


async def test_the_physician_reads_why_a_value_is_looked_at_by_itself(station: Station) -> None:
    """Accepting all at once is not offered: the tile says what there is to look at, before it is accepted and after."""
    await station.visit(ALICE)
    by_ear = await station.file(CUFF, pressure(), "to_review", automatic=False)
    await station.file(SCALE, weight(), "to_review")
    said = "Mode non entièrement automatique"
    async with signed_in(station, ANNE) as assistant, signed_in(station, PAUL) as physician:
        page = (await physician.get("/")).text
        assert "À regarder une par une" in page
        tile = tile_of(page, "blood_pressure")
        assert tile.count(said) == 1
        assert "seul le médecin" not in tile
        held = tile_of((await assistant.get("/")).text, "blood_pressure")
        assert held.count(said) == 1
        assert "seul le médecin" in held
        path = f"/api/readings/{by_ear.reading.id}/1/accept"
        assert (await physician.post(path, json={})).status_code == 200
        for somebody in (assistant, physician):
            tile = tile_of((await somebody.get("/")).text, "blood_pressure")
            assert f"{said}." in tile
            assert "seul le médecin" not in tile


async def test_what_the_gate_holds_the_assistant_takes_back_but_files_nowhere_else(
    station: Station,
) -> None:
    first = await station.visit(ALICE)
    by_ear = await station.file(CUFF, pressure(), "to_review", automatic=False)
    path = f"/api/readings/{by_ear.reading.id}/1"
    async with signed_in(station, ANNE) as assistant, signed_in(station, PAUL) as physician:
        await physician.post(f"{path}/accept", json={})
        wrong = {"reason": "wrong_patient"}
        assert (await assistant.post(f"{path}/withdraw", json=wrong)).status_code == 200
        second = await station.visit(BRUNO)
        assert second.id != first.id
        moved = {**wrong, "visit": second.id}
        path = f"/api/readings/{by_ear.reading.id}/2"
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
                path = f"/api/readings/{held.reading.id}/1"
                if state == "refused":
                    await refused_by_the_dossier(station, held)
                if state in ("rejected", "withdrawn"):
                    said = {"reason": "test"}
                    before = "reject" if state == "rejected" else "withdraw"
                    assert (await physician.post(f"{path}/{before}", json=said)).status_code == 200
                assert await station.state(held) == state
                body = {"visit": opened.id, "reason": "other"}
                revision = 2 if state == "withdrawn" else 1
                path = f"/api/readings/{held.reading.id}/{revision}"
                await assistant.post(f"{path}/{act}", json=body)
                every = {"readings": {str(held.reading.id): revision}}
                await assistant.post("/api/readings/accept", json=every)
                after = await station.state(held)
                assert after == state or after != "accepted", (state, act)


async def test_what_the_gate_holds_and_the_dossier_refused_only_the_physician_sends_again(
    station: Station,
) -> None:
    await station.visit(ALICE)
    held = await station.file(CUFF, pressure(), "accepted", automatic=False)
    await refused_by_the_dossier(station, held)
    path = f"/api/readings/{held.reading.id}/1/retry"
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
    answer = await client.post(f"/api/readings/{one.reading.id}/1/{act}", json={})
    assert (answer.status_code, await station.state(one)) == (409, state)


async def test_a_kind_that_is_not_delegated_waits_for_the_physician(station: Station) -> None:
    opened = await station.visit(ALICE)
    async with signed_in(station, PAUL) as physician, signed_in(station, ANNE) as assistant:
        said = {"kind": "body_weight", "delegated": False}
        await physician.post("/api/delegation", json=said)
        reading = filing(SCALE, weight(), "accepted").reading
        assert station.desk.first_state(reading, opened.id) == "to_review"
        held = await station.file(SCALE, weight(), "to_review")
        path = f"/api/readings/{held.reading.id}/1/accept"
        assert (await assistant.post(path, json={})).status_code == 403
        every = {"readings": {str(held.reading.id): 1}}
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
    every = {"readings": {str(one.reading.id): 1 for one in (other, flagged)}}
    answer = await client.post("/api/readings/accept", json=every)
    assert answer.status_code == 409
    assert "Tension" in answer.json()["error"]
    assert answer.json()["flagged"] == [str(flagged.reading.id)]
    await client.post(f"/api/readings/{flagged.reading.id}/1/accept", json={})
    assert (await client.post("/api/readings/accept", json=every)).status_code == 200
    assert await station.state(other) == "accepted"


async def test_what_is_shown_stays_until_it_is_decided_and_says_that_it_is_an_earlier_one(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)

    async def tile() -> str:
        return tile_of((await client.get("/")).text, "body_weight")

    async def decide(act: str, one: Filing) -> None:
        path = f"/api/readings/{one.reading.id}/1/{act}"
        assert (await client.post(path, json={"reason": "moved"})).status_code == 200

    first = await station.file(SCALE, weight("83.0"), "to_review")
    assert "83,0" in await tile()
    assert "Relevé antérieur" not in await tile()
    second = await station.file(SCALE, weight("59.4"), "to_review")
    third = await station.file(SCALE, weight("60.1"), "to_review")
    shown = await tile()
    assert f"/api/readings/{first.reading.id}/1/accept" in shown, "nothing changes under the finger"
    assert "59,4" not in shown
    assert "encore 2 à confirmer" in shown
    at = first.reading.received_at.astimezone().strftime("%H:%M:%S")
    assert f"Relevé antérieur, de {at}" in shown
    await decide("retake", third)
    assert f"Relevé antérieur, de {at}" in await tile(), "the one after it was rejected"
    await decide("accept", first)
    shown = await tile()
    assert f"/api/readings/{second.reading.id}/1/accept" in shown
    assert "Relevé antérieur" in shown
    await decide("accept", second)
    newest = await station.file(SCALE, weight("60.2"), "to_review")
    assert f"/api/readings/{newest.reading.id}/1/accept" in await tile()
    assert "Relevé antérieur" not in await tile()


async def test_what_is_decided_keeps_its_doubt_as_a_fact_and_asks_nothing(
    station: Station, client: httpx.AsyncClient
) -> None:
    station.board.visit(visit(), ALICE)
    waits = filing(CUFF, pressure(), "to_review", plausibility="unusual")
    station.board.filing(waits)
    assert "vérifiez le patient" in tile_of((await client.get("/")).text, "blood_pressure")
    station.board.filing(waits.model_copy(update={"state": "filed"}))
    decided = tile_of((await client.get("/")).text, "blood_pressure")
    assert "Valeur inhabituelle." in decided
    assert "vérifiez" not in decided


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
    answer = await client.post("/api/readings/accept", json=body)
    assert sorted(answer.json()["readings"]) == sorted(on_the_page)
    for one in (heavy[1], heavy[2], late):
        assert await station.state(one) == "to_review"
    again = await client.post("/api/readings/accept", json=body)
    assert again.json() == {"readings": []}, "what no longer waits is left alone"


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


def undo_of(page: str, kind: str) -> tuple[str, str, str] | None:
    """Where the undo that a tile offers is sent, what it says that it undoes, and what stands on the button."""
    button = r'id="tile-\S+-undo" data-post="(.+?)" data-said=\'(.+?)\'>(.+?)</button>'
    found = re.search(button, tile_of(page, kind))
    return found and (found[1], found[2], " ".join(re.sub("<.+?>", " ", found[3]).split()))


@pytest.mark.parametrize("nth", [1, 2])
async def test_the_tile_offers_the_undo_of_what_was_decided_last_and_says_of_what(
    station: Station, client: httpx.AsyncClient, nth: int
) -> None:
    """What stands after a rejection is another reading: the undo is of the one that was rejected."""
    await station.visit(ALICE)
    values = ("37.2", "36.9", "35.9")[-nth - 1 :]
    several = [await station.file(THERMOMETER, temperature(one), "to_review") for one in values]
    for one in several[:-1]:
        await client.post(f"/api/readings/{one.reading.id}/1/accept", json={})
    last = several[-1].reading.id
    await client.post(f"/api/readings/{last}/1/reject", json={"reason": "moved"})
    page = (await client.get("/")).text
    assert f'data-reading="{several[-2].reading.id}"' in tile_of(page, "body_temperature")
    offered = undo_of(page, "body_temperature")
    assert offered is not None
    address, said, words = offered
    assert address == f"/api/readings/{last}/1/undo"
    assert words == "Revenir en arrière 35,9 °C · Rejeté"
    assert (await client.post(address, json=json.loads(said))).status_code == 200
    assert [await station.state(one) for one in several] == ["accepted"] * nth + ["to_review"]


async def test_beside_a_mean_the_undo_is_of_the_measurement_that_was_decided_last(
    station: Station, client: httpx.AsyncClient
) -> None:
    opened = await station.visit(ALICE)
    rules = SeriesRules(count=3, interval_seconds=0, mean_of_last=2)
    begun = await station.deriver.begin(opened.id, rules, arm="left", posture="seated")
    await station.deriver.change(opened.id, begun.id, cut_rest)
    taken = []
    for values in (("150", "90"), ("140", "86"), ("144", "88")):
        taken.append(await station.file(CUFF, pressure(*values), "to_review"))
        await station.deriver.settle(opened.id)
    for one in taken:
        await client.post(f"/api/readings/{one.reading.id}/1/accept", json={})
        await station.deriver.settle(opened.id)
    page = (await client.get("/")).text
    assert "142/87" in tile_of(page, "blood_pressure")
    offered = undo_of(page, "blood_pressure")
    assert offered is not None
    assert offered[2] == "Revenir en arrière 144/88 mmHg · Enregistré"
    assert (await client.post(offered[0], json=json.loads(offered[1]))).status_code == 200
    states = [await station.state(one) for one in taken]
    assert states == ["accepted", "accepted", "to_review"]


async def test_what_was_decided_last_and_has_been_sent_leaves_no_undo_of_what_came_before(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    first, second = [
        await station.file(THERMOMETER, temperature(one), "to_review") for one in ("35.9", "37.2")
    ]
    await client.post(f"/api/readings/{first.reading.id}/1/reject", json={"reason": "moved"})
    await client.post(f"/api/readings/{second.reading.id}/1/accept", json={})
    offered = undo_of((await client.get("/")).text, "body_temperature")
    assert offered is not None
    assert offered[0] == f"/api/readings/{second.reading.id}/1/undo"
    await station.journal.take_due(10)
    await station.journal.mark_published([(second.reading.id, 1)])
    assert undo_of((await client.get("/")).text, "body_temperature") is None


async def test_the_sending_of_one_takes_no_undo_of_the_next_away(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    first, second = [
        await station.file(THERMOMETER, temperature(one), "to_review") for one in ("37.2", "35.9")
    ]
    await client.post(f"/api/readings/{first.reading.id}/1/accept", json={})
    await client.post(f"/api/readings/{second.reading.id}/1/reject", json={"reason": "moved"})
    await station.journal.take_due(10)
    await station.journal.mark_published([(first.reading.id, 1)])
    offered = undo_of((await client.get("/")).text, "body_temperature")
    assert offered is not None
    assert offered[0] == f"/api/readings/{second.reading.id}/1/undo"


async def test_an_undo_of_a_page_that_is_behind_undoes_nothing_that_was_decided_since(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    one = await station.file(THERMOMETER, temperature(), "to_review")
    path = f"/api/readings/{one.reading.id}/1"
    await client.post(f"{path}/reject", json={"reason": "moved"})
    offered = undo_of((await client.get("/")).text, "body_temperature")
    assert offered is not None
    await client.post(f"{path}/undo", json={})
    await client.post(f"{path}/accept", json={})
    late = await client.post(offered[0], json=json.loads(offered[1]))
    assert (late.status_code, await station.state(one)) == (409, "accepted")


async def test_what_is_asked_of_another_visits_reading_names_its_patient(
    station: Station, client: httpx.AsyncClient
) -> None:
    """The banner above the question names the patient in the room; where nobody can say whose it is, that is said."""
    at = now() - timedelta(minutes=9)
    await station.journal.open_visit(Visit(id="v-unnamed", opened_at=at))
    await station.journal.close_visit("v-unnamed", at + timedelta(minutes=5))
    await station.desk.load()
    alices = await station.visit(ALICE)
    unnamed, named = (
        filing(SCALE, weight(), "accepted", visit=one) for one in ("v-unnamed", alices.id)
    )
    await station.journal.file([unnamed, named])

    async def asked(reading: Filing) -> list[str]:
        paths = ("reading", "withdraw", "reassign")
        return [(await client.get(f"/ask/{one}/{reading.reading.id}/1")).text for one in paths]

    heads = [text.partition("</header>")[0] for text in await asked(named)]
    assert not any("Alice" in head for head in heads), "the banner says it"
    await station.visit(BRUNO)
    for question in await asked(named):
        assert "TEST Alice · Née le 01/01/1970" in question.partition("</header>")[0]
    for question in await asked(unnamed):
        assert "Le dossier ne dit pas encore de quel patient" in question.partition("</header>")[0]
        assert "71,45" not in question


async def test_the_undo_stands_beside_another_one_that_waits(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    first, second = [
        await station.file(THERMOMETER, temperature(one), "to_review") for one in ("35.9", "37.2")
    ]
    await client.post(f"/api/readings/{first.reading.id}/1/accept", json={})
    page = (await client.get("/")).text
    offered = undo_of(page, "body_temperature")
    assert offered is not None
    assert offered[0] == f"/api/readings/{first.reading.id}/1/undo"
    assert offered[2] == "Revenir en arrière 35,9 °C · Enregistré"
    assert f"/api/readings/{second.reading.id}/1/accept" in tile_of(page, "body_temperature")


async def test_what_is_given_back_to_the_visit_takes_no_undo_away(
    station: Station, client: httpx.AsyncClient
) -> None:
    here = await station.visit(ALICE)
    back = await station.file(THERMOMETER, temperature("37.2"))
    other = await station.file(THERMOMETER, temperature("35.9"), "to_review")
    path = f"/api/readings/{back.reading.id}"
    taken_back = await client.post(f"{path}/1/withdraw", json={"reason": "duplicate"})
    assert taken_back.status_code == 200
    await client.post(f"/api/readings/{other.reading.id}/1/reject", json={"reason": "moved"})
    given = await client.post(
        f"{path}/2/reassign", json={"visit": here.id, "reason": "interrupted"}
    )
    assert given.status_code == 200
    offered = undo_of((await client.get("/")).text, "body_temperature")
    assert offered is not None
    assert offered[0] == f"/api/readings/{other.reading.id}/1/undo"


async def test_what_was_accepted_here_moved_away_and_given_back_is_not_undone(
    station: Station, client: httpx.AsyncClient
) -> None:
    station.desk.undo_for = timedelta(hours=1)
    away = await station.visit(BRUNO)
    here = await station.visit(ALICE)
    one = await station.file(THERMOMETER, temperature("37.2"), "to_review")
    path = f"/api/readings/{one.reading.id}"
    assert (await client.post(f"{path}/1/accept", json={})).status_code == 200
    assert undo_of((await client.get("/")).text, "body_temperature") is not None
    for revision, to in enumerate((away, here), start=1):
        said = {"visit": to.id, "reason": "wrong_patient"}
        moved = await client.post(f"{path}/{revision}/reassign", json=said)
        assert moved.status_code == 200
    page = (await client.get("/")).text
    assert f"/ask/reading/{one.reading.id}/3" in tile_of(page, "body_temperature")
    assert undo_of(page, "body_temperature") is None
