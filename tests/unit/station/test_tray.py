"""The tray and what closed visits left, through a real server on a real journal."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from asked_page import shows, signed_in, tile_of
from browser_station import Station
from station_room import (
    ALICE,
    ANNE,
    BRUNO,
    CUFF,
    PAUL,
    SCALE,
    filing,
    now,
    pressure,
    weight,
)

from devicehub.app.watches import watch_outbox
from devicehub.journal.records import Filing, Visit

PATIENCE_SECONDS = 30.0


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
    asked = await client.get(f"/ask/assign/{nobodys.reading.id}/1")
    assert "Alice" in asked.text
    assert "Bruno" in asked.text
    said = {"visit": first.id, "reason": "interrupted"}
    path = f"/api/readings/{nobodys.reading.id}/1"
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
    asked = (await client.get(f"/ask/assign/{nobodys.reading.id}/1?lang=en")).text
    assert "wait for its answer" in asked
    assert 'value="v-unnamed"' not in asked
    assert "<form" not in asked
    said = {"visit": "v-unnamed", "reason": "interrupted"}
    path = f"/api/readings/{nobodys.reading.id}/1/assign?lang=en"
    answer = await client.post(path, json=said)
    assert (answer.status_code, await station.state(nobodys)) == (409, "quarantined")
    assert "identity is not known" in answer.json()["error"]
    named = await station.visit(ALICE)
    asked = (await client.get(f"/ask/assign/{nobodys.reading.id}/1")).text
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
    path = f"/api/readings/{left.reading.id}/1"
    assert (await client.post(f"{path}/reject", json={"reason": "moved"})).status_code == 200
    assert await station.state(left) == "rejected"
    assert "À confirmer, visites closes" not in (await client.get("/ask/tray")).text


async def test_what_a_closed_visit_left_is_held_as_in_its_tile(station: Station) -> None:
    await station.visit(ALICE)
    held = await station.file(CUFF, pressure(), "to_review", automatic=False)
    await station.desk.close(author="page")
    path = f"/api/readings/{held.reading.id}/1/accept"
    async with signed_in(station, ANNE) as anne, signed_in(station, PAUL) as paul:
        seen = (await anne.get("/ask/tray")).text
        assert "128/76" in seen
        assert path not in seen
        assert (await anne.post(path, json={})).status_code == 403
        assert path in (await paul.get("/ask/tray")).text
        assert (await paul.post(path, json={})).status_code == 200
    assert await station.state(held) == "accepted"


async def test_every_row_of_the_tray_says_the_mode_to_whoever_may_accept_too(
    station: Station,
) -> None:
    said = "Mode non entièrement automatique"
    await station.file(CUFF, pressure("151", "93"), automatic=False)
    await station.visit(ALICE)
    taken_back = await station.file(CUFF, pressure(), automatic=False)
    path = f"/api/readings/{taken_back.reading.id}/1/withdraw"
    async with signed_in(station, PAUL) as paul, signed_in(station, ANNE) as anne:
        assert (await paul.post(path, json={"reason": "duplicate"})).status_code == 200
        await station.file(CUFF, pressure("150", "90"), "to_review", automatic=False)
        await station.desk.close(author="page")
        for somebody in (paul, anne):
            tray = (await somebody.get("/ask/tray")).text
            nobodys, rest = tray.split('id="left"')
            left, withdrawn = rest.split('id="withdrawn"')
            assert [part.count(said) for part in (nobodys, left, withdrawn)] == [1, 1, 1]
            assert "151/93" not in tray
            assert ("seul le médecin" in left) == (somebody is anne)


async def test_closing_says_what_came_meanwhile_and_lies_in_the_tray(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.file(CUFF, pressure())  # before the visit: of somebody else
    opened = await station.visit(ALICE)
    assert "à attribuer" not in (await client.get("/ask/close")).text
    one = filing(CUFF, pressure("151", "93"), "quarantined", visit=None, quarantine="no_visit")
    another = filing(SCALE, weight(), "quarantined", visit=None, quarantine="before_visit")
    for held, told in ((one, "1 relevé arrivé pendant"), (another, "2 relevés arrivés pendant")):
        await station.journal.file([held])
        asked = (await client.get("/ask/close")).text
        assert told in asked
        assert "à attribuer" in asked
        assert not shows(asked, "151")
    assert f"/api/visits/{opened.id}/close" in asked


async def test_a_value_nobody_can_name_is_neither_shown_nor_accepted(
    station: Station, client: httpx.AsyncClient
) -> None:
    nameless = filing(CUFF, pressure(), "to_review", visit="v-unknown")
    await station.journal.file([nameless])
    tray = (await client.get("/ask/tray")).text
    assert "À confirmer, visites closes" in tray
    assert "128/76" not in tray
    assert f"{nameless.reading.id}/1/accept" not in tray
    for question in ("reject", "reading"):
        asked = await client.get(f"/ask/{question}/{nameless.reading.id}/1")
        assert asked.status_code == 200
        assert "128/76" not in asked.text
    accepted = await client.post(f"/api/readings/{nameless.reading.id}/1/accept", json={})
    assert accepted.status_code == 409
    assert "identité du patient" in accepted.json()["error"]
    assert await station.state(nameless) == "to_review"


async def withdrawn(station: Station, client: httpx.AsyncClient) -> Filing:
    """A weight of the open visit that the dossier holds, and that a person takes back."""
    one = await station.file(SCALE, weight("70.1"))
    await station.journal.take_due(10)
    await station.journal.mark_published([(one.reading.id, 1)])
    path = f"/api/readings/{one.reading.id}/1/withdraw"
    assert (await client.post(path, json={"reason": "duplicate"})).status_code == 200
    return one


@asynccontextmanager
async def watching(station: Station) -> AsyncIterator[None]:
    """What the station does from its start: the board learns what stands in the journal."""
    with station.board.watch() as watcher:
        task = asyncio.create_task(watch_outbox(station.journal, station.board))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not station.board.picture.withdrawn:
                    await watcher.changes(PATIENCE_SECONDS)
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_what_was_withdrawn_is_given_back_from_the_tray(
    station: Station, client: httpx.AsyncClient
) -> None:
    alices = await station.visit(ALICE)
    async with signed_in(station, PAUL) as paul:
        one = await withdrawn(station, paul)
        await station.visit(BRUNO)
        seen = (await paul.get("/ask/tray")).text
        part = seen[seen.index("Retirés du dossier") :]
        for told in ("Alice", "Balance", "par Dr TEST Paul (Mesure en double)"):
            assert told in part
        assert "70,1" not in seen
        shown = (await paul.get(f"/ask/tray?show={one.reading.id}")).text
        assert "70,1" in shown[shown.index("Retirés du dossier") :]
        question = f"/ask/reassign/{one.reading.id}/2"
        assert f'data-ask="{question}"' in part
        assert f'value="{alices.id}"' in (await paul.get(question)).text
        said = {"visit": alices.id, "reason": "other"}
        path = f"/api/readings/{one.reading.id}/2/reassign"
        assert (await paul.post(path, json=said)).status_code == 200
        assert "Retirés du dossier" not in (await paul.get("/ask/tray")).text
    back = await station.journal.reading(one.reading.id)
    assert back is not None
    assert (back.state, back.attribution.visit) == ("accepted", alices.id)


async def test_what_was_withdrawn_waits_for_nobody_and_its_tile_says_where_it_is(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE, plan=("body_weight",))
    await withdrawn(station, client)
    tray = (await client.get("/ask/tray")).text
    assert "par une personne non identifiée (Mesure en double)" in tray
    async with watching(station):
        page = (await client.get("/")).text
        tile = tile_of(page, "body_weight")
        assert "Retiré du dossier à " in tile
        assert "rendez-le depuis «\xa0à attribuer\xa0»" in tile
        assert "70,1" not in tile
        assert "Rien à attribuer" in page
        await station.visit(BRUNO, plan=("body_weight",))
        assert "Retiré du dossier" not in tile_of((await client.get("/")).text, "body_weight")


async def test_of_a_locked_visit_the_tray_tells_nothing_that_was_withdrawn(
    station: Station, client: httpx.AsyncClient
) -> None:
    opened = await station.visit(ALICE)
    one = await withdrawn(station, client)
    await client.post(f"/api/visits/{opened.id}/lock", json={})
    seen = (await client.get(f"/ask/tray?show={one.reading.id}")).text
    assert "Retirés du dossier" not in seen
    assert "70,1" not in seen


async def test_what_the_gate_holds_the_physician_alone_gives_back(station: Station) -> None:
    await station.visit(ALICE)
    by_ear = await station.file(CUFF, pressure(), "accepted", automatic=False)
    question = f'data-ask="/ask/reassign/{by_ear.reading.id}/2"'
    async with signed_in(station, ANNE) as anne, signed_in(station, PAUL) as paul:
        said = {"reason": "wrong_patient"}
        path = f"/api/readings/{by_ear.reading.id}/1/withdraw"
        assert (await anne.post(path, json=said)).status_code == 200
        seen = (await anne.get("/ask/tray")).text
        assert question not in seen
        assert "seul le médecin" in seen[seen.index("Retirés du dossier") :]
        assert question in (await paul.get("/ask/tray")).text


def undo_in(part: str, one: Filing) -> str | None:
    """What the row of a reading says that its undo takes back, where it has one."""
    found = re.search(
        rf'data-post="/api/readings/{one.reading.id}/1/undo" data-said=\'(.+?)\' data-then="/ask/tray"',
        part,
    )
    return found and found[1]


@pytest.mark.parametrize(("act", "word"), [("accept", "Enregistré"), ("reject", "Rejeté")])
async def test_what_was_decided_in_the_tray_stands_there_with_the_way_back(
    station: Station, act: str, word: str
) -> None:
    station.desk.undo_for = timedelta(hours=1)
    await station.visit(ALICE)
    several = [await station.file(CUFF, pressure(), "to_review") for _ in range(2)]
    left = several[0]
    await station.visit(BRUNO)
    path = f"/api/readings/{left.reading.id}/1"
    just = f"/ask/tray?decided={left.reading.id}"
    async with signed_in(station, PAUL) as paul:
        before = (await paul.get("/ask/tray")).text
        assert "Décidés récemment" not in before
        reasons = (await paul.get(f"/ask/reject/{left.reading.id}/1")).text
        asked = before if act == "accept" else reasons
        assert f'data-then="{just}"' in asked
        assert (await paul.post(f"{path}/{act}", json={"reason": "moved"})).status_code == 200
        top, rest = (await paul.get(just)).text.split("À confirmer, visites closes")
        for told in ("Alice", "128/76", f"{word} (Dr TEST Paul)"):
            assert told in top
        assert "ne sont à personne" not in top
        assert ("Le patient a bougé" in top) == (act == "reject")
        said = undo_in(top, left)
        assert said is not None
        assert str(left.reading.id) not in rest
        later = (await paul.get("/ask/tray")).text
        assert undo_in(later[later.index("Décidés récemment") :], left) == said
        assert (await paul.post(f"{path}/undo", json=json.loads(said))).status_code == 200
        assert "Décidés récemment" not in (await paul.get("/ask/tray")).text
    assert await station.state(left) == "to_review"


async def test_what_was_discarded_comes_back_to_the_tray_and_shows_no_value_by_itself(
    station: Station, client: httpx.AsyncClient
) -> None:
    nobodys = await station.file(CUFF, pressure("151", "93"))
    path = f"/api/readings/{nobodys.reading.id}/1"
    just = f"/ask/tray?decided={nobodys.reading.id}"
    assert f'data-then="{just}"' in (await client.get(f"/ask/discard/{nobodys.reading.id}/1")).text
    await client.post(f"{path}/discard", json={"reason": "test"})
    seen = (await client.get(just)).text
    assert "Écarté (une personne non identifiée)" in seen
    assert "151/93" not in seen
    assert "151/93" in (await client.get(f"/ask/tray?show={nobodys.reading.id}")).text
    said = undo_in(seen, nobodys)
    assert said is not None
    assert (await client.post(f"{path}/undo", json=json.loads(said))).status_code == 200
    assert await station.state(nobodys) == "quarantined"
    assert f"/ask/assign/{nobodys.reading.id}/1" in (await client.get("/ask/tray")).text


async def test_what_was_sent_or_nobody_decided_has_no_way_back_in_the_tray(
    station: Station, client: httpx.AsyncClient
) -> None:
    await station.visit(ALICE)
    by_rule = await station.file(SCALE, weight())
    accepted = await station.file(CUFF, pressure(), "to_review")
    await client.post(f"/api/readings/{accepted.reading.id}/1/accept", json={})
    tray = (await client.get("/ask/tray")).text
    assert undo_in(tray, accepted) is not None
    assert undo_in(tray, by_rule) is None
    await station.journal.mark_published([(accepted.reading.id, 1)])
    assert undo_in((await client.get("/ask/tray")).text, accepted) is None


async def test_of_a_locked_visit_the_tray_tells_nothing_that_was_decided(
    station: Station, client: httpx.AsyncClient
) -> None:
    opened = await station.visit(ALICE)
    one = await station.file(CUFF, pressure(), "to_review")
    asked = (await client.get(f"/ask/reject/{one.reading.id}/1")).text
    assert 'data-then="close"' in asked, "it stands on a tile"
    await client.post(f"/api/readings/{one.reading.id}/1/reject", json={"reason": "moved"})
    assert undo_in((await client.get("/ask/tray")).text, one) is not None
    await client.post(f"/api/visits/{opened.id}/lock", json={})
    seen = (await client.get(f"/ask/tray?decided={one.reading.id}")).text
    assert str(one.reading.id) not in seen
    assert "128/76" not in seen


async def test_what_was_given_to_the_wrong_patient_is_moved_and_not_undone(
    station: Station, client: httpx.AsyncClient
) -> None:
    """An acceptance is undone; here it is whose the reading is that was decided, and that stays decided."""
    station.desk.undo_for = timedelta(hours=1)
    nobodys = await station.file(CUFF, pressure("151", "93"))
    alice = await station.visit(ALICE)
    bruno = await station.visit(BRUNO)
    said = {"visit": bruno.id, "reason": "interrupted"}
    path = f"/api/readings/{nobodys.reading.id}"
    assert (await client.post(f"{path}/1/assign", json=said)).status_code == 200
    move = f"/ask/reassign/{nobodys.reading.id}/2"
    for shown in ("/ask/tray", "/"):
        assert f"{path}/2/undo" not in (await client.get(shown)).text
    assert move in (await client.get("/ask/tray")).text
    assert move in (await client.get(f"/ask/reading/{nobodys.reading.id}/2")).text
    assert f"/ask/reading/{nobodys.reading.id}/2" in (await client.get("/")).text
    said = {"visit": alice.id, "reason": "wrong_patient"}
    assert (await client.post(f"{path}/2/reassign", json=said)).status_code == 200
    now = await station.journal.reading(nobodys.reading.id)
    assert now is not None
    assert now.attribution.visit == alice.id


async def test_what_waits_under_the_wrong_patient_can_be_moved_before_it_is_decided(
    station: Station, client: httpx.AsyncClient
) -> None:
    alice = await station.visit(ALICE)
    await station.visit(BRUNO)
    waits = await station.file(CUFF, pressure(), "to_review")
    asked = (await client.get(f"/ask/reject/{waits.reading.id}/1")).text
    assert f"/ask/reassign/{waits.reading.id}/1" in asked
    said = {"visit": alice.id, "reason": "wrong_patient"}
    path = f"/api/readings/{waits.reading.id}/1/reassign"
    assert (await client.post(path, json=said)).status_code == 200
    now = await station.journal.reading(waits.reading.id)
    assert now is not None
    assert (now.state, now.attribution.visit) == ("to_review", alice.id)
