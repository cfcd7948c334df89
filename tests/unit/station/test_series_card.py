"""What the card of a series says when it is corrected, paused, or told of what it does not count."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from asked_page import tile_of
from browser_station import Station
from station_room import ALICE, BRUNO, CUFF, pressure

from devicehub.journal.records import Filing
from devicehub.visit import series as the
from devicehub.visit.series import SeriesRules

LOST = "Pas de moyenne : il manque 1 mesure qui compte."
AGAIN = "commencez une nouvelle série"
BEGIN = 'data-ask="/ask/series"'


async def card(station: Station, client: httpx.AsyncClient) -> str:
    """The tile of the pressures, once the series has taken in what came."""
    assert station.desk.visit is not None
    for _ in range(2):  # what is filed of it moves it again
        await station.deriver.settle(station.desk.visit.id)
    return tile_of((await client.get("/")).text, "blood_pressure").replace("\xa0", " ")


async def begun(station: Station, *pressures: str, **rules: object) -> list[Filing]:
    """A series on the left arm that took these."""
    visit = await station.visit(ALICE)
    quick = {"rest_seconds": 0, "interval_seconds": 0, "count": 2, **rules}
    told = SeriesRules.model_validate(quick)
    await station.deriver.begin(visit.id, told, arm="left", posture="seated")
    taken = []
    for one in pressures:
        taken.append(await station.file(CUFF, pressure(one)))
        await station.deriver.settle(visit.id)
    return taken


async def relabelled(client: httpx.AsyncClient, one: Filing) -> None:
    said = {"arm": "right", "posture": "seated"}
    answer = await client.post(f"/api/series/relabel/{one.reading.id}", json=said)
    assert answer.status_code == 204


async def test_a_mean_that_a_correction_takes_away_is_missed_and_its_place_asked_for(
    station: Station, client: httpx.AsyncClient
) -> None:
    _, last = await begun(station, "150", "140")
    before = await card(station, client)
    assert "Série terminée." in before
    assert LOST not in before
    await relabelled(client, last)
    after = await card(station, client)
    assert LOST in after
    assert "Mesure 2 sur 2" in after
    assert AGAIN not in after
    shown = (await client.get("/api/series")).json()["series"]
    assert shown["no_mean"] is not None


@pytest.mark.parametrize("corrected", ["relabelled", "withdrawn", "moved"])
async def test_a_series_that_takes_no_more_says_to_begin_another_and_offers_it(
    station: Station, client: httpx.AsyncClient, corrected: str
) -> None:
    other = await station.visit(BRUNO)
    _, last = await begun(station, "150", "140", standing_minutes=(1,))
    assert station.desk.visit is not None
    visit = station.desk.visit.id
    series, _ = await station.deriver.course(visit) or (None, None)
    assert series is not None
    await station.deriver.change(visit, series.id, the.stand_up)
    assert "Attendez : la mesure suivante" in await card(station, client)
    if corrected == "relabelled":
        await relabelled(client, last)
    else:
        await station.journal.take_due(10)
        await station.journal.mark_published([(last.reading.id, 1)])
        act = "withdraw" if corrected == "withdrawn" else "reassign"
        said = {"reason": "wrong_patient"} | ({"visit": other.id} if act == "reassign" else {})
        path = f"/api/readings/{last.reading.id}/1/{act}"
        assert (await client.post(path, json=said)).status_code == 200
    standing = await card(station, client)
    assert LOST in standing, "the standing test goes on, and says what it cannot mend"
    assert AGAIN in standing
    assert BEGIN not in standing
    await station.deriver.change(visit, series.id, the.end)
    over = await card(station, client)
    assert "Série terminée." in over
    assert LOST in over
    assert AGAIN in over
    assert BEGIN in over, "what it says to do can be done, sent or not"
    await station.deriver.begin(visit, SeriesRules(), arm="left", posture="seated")
    assert LOST not in await card(station, client)


async def test_a_series_that_was_stopped_has_nothing_to_say_of_a_mean(
    station: Station, client: httpx.AsyncClient
) -> None:
    await begun(station, "150")
    assert station.desk.visit is not None
    visit = station.desk.visit.id
    series, _ = await station.deriver.course(visit) or (None, None)
    assert series is not None
    await station.deriver.change(visit, series.id, the.end)
    assert "Pas de moyenne" not in await card(station, client)


async def test_what_comes_during_the_rest_says_that_it_does_not_count(
    station: Station, client: httpx.AsyncClient
) -> None:
    await begun(station, "160", rest_seconds=300)
    told = await card(station, client)
    assert "Repos : assis ou couché" in told
    assert "160/76, commencé avant la fin du repos : ne compte pas." in told


async def test_the_pause_between_the_arms_is_for_moving_the_cuff(
    station: Station, client: httpx.AsyncClient
) -> None:
    await begun(station, "150", both_arms=True, interval_seconds=600)
    told = await card(station, client)
    assert "Pause : mettez le brassard au bras droit, dites-le ici." in told
    assert "Attendez" not in told
    assert station.desk.visit is not None
    visit = station.desk.visit.id
    series, _ = await station.deriver.course(visit) or (None, None)
    assert series is not None
    assert series.taken[0].at < datetime.now(UTC)
    await station.deriver.change(
        visit, series.id, lambda one, now: the.put_cuff_on(one, "right", now)
    )
    assert "Attendez : la mesure suivante se fera au bras droit." in await card(station, client)
