"""The tray and what closed visits left, through a real server on a real journal."""

from __future__ import annotations

from datetime import timedelta

import httpx
from asked_page import shows, signed_in
from browser_station import Station
from station_room import (
    ALICE,
    ANNE,
    BRUNO,
    CUFF,
    PAUL,
    filing,
    now,
    pressure,
)

from devicehub.journal.records import Visit


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
