"""The tray and what closed visits left, through a real server on a real journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
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
    assert "Alice" not in (await client.get("/ask/tray")).text


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
