"""The ECG panel's requests, through a real server: what is said of a preparation names the visit it was shown beside."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from html import unescape

import httpx
from browser_station import Station
from station_room import ALICE, BRUNO, now

from devicehub.devices.preparations import EcgShown


async def panel(client: httpx.AsyncClient) -> str:
    """The panel as it is drawn now."""
    async with asyncio.timeout(10), client.stream("GET", "/api/ecg/events") as stream:
        lines = stream.aiter_lines()
        while await anext(lines) != "event: panel":
            pass
        drawn = ""
        while line := await anext(lines):
            drawn += line.removeprefix("data: ") + "\n"
    return unescape(drawn)


async def test_the_panel_names_its_visit_and_another_one_is_refused(
    station: Station, client: httpx.AsyncClient
) -> None:
    began = now() - timedelta(seconds=47)
    station.ecg.show("ecg", EcgShown(device="ecg", name="ECG", phase="others", began=began))
    drawn = await panel(client)
    assert "<button" not in drawn, "without a visit there is nobody to begin with"
    assert "Ouvrez une visite" in drawn
    opened = await station.visit(ALICE)
    assert (await client.get("/api/ecg")).json()["visit"] == opened.id
    found = re.search(
        r'data-ecg-post="(/api/ecg/ecg/begin)" data-ecg-said=\'(.+?)\'', await panel(client)
    )
    assert found is not None
    path, said = found[1], json.loads(found[2])
    assert said == {"visit": opened.id}
    here = await client.post(path, json=said)
    assert "aucun signal jugé" in here.json()["error"], "no stream: this far it came"
    await station.visit(BRUNO)
    for act in ("begin", "finish"):
        refused = await client.post(f"/api/ecg/ecg/{act}", json=said)
        assert refused.status_code == 409
        assert "n'est plus celle qui est ouverte" in refused.json()["error"]
        assert (await client.post(f"/api/ecg/ecg/{act}", json={})).status_code == 422
