"""The assistant's page in a real browser: every state in words, nothing stale, reachable by everybody.

``DEVICEHUB_SCREENSHOTS=folder`` keeps what the tests saw.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from browser_station import Station, Watched
from furnished import PRESSURE, TEMPERATURE, WEIGHT, furnish, furnished
from looking import keep, overflow, violations
from playwright.async_api import Page, expect
from station_room import (
    ALICE,
    CUFF,
    SCALE,
    TELLS,
    THERMOMETER,
    device_state,
    filing,
    now,
    pressure,
    temperature,
    visit,
    weight,
)

from devicehub.devices.adoption import Sorted
from devicehub.devices.binding import BleBinding
from devicehub.devices.commissioning import Double
from devicehub.devices.upkeep import Notice
from devicehub.driver import BodyHeight, CuffPressure, OxygenSaturation
from devicehub.journal.records import Outbox, State
from devicehub.station.expecting import Listed
from devicehub.visit.series import SeriesRules

pytestmark = pytest.mark.browser


async def test_an_empty_room_says_what_to_do(watched: Watched) -> None:
    page = watched.page
    await expect(page.locator("#banner")).to_contain_text("Aucun patient")
    await expect(page.locator("#tiles")).to_contain_text("Qui est devant vous")
    await expect(page.locator("html")).to_have_attribute("data-link", "up")
    assert await page.title() == "Salle de mesure – Simulation"
    await expect(page.locator(".simulation")).to_contain_text("aucun vrai patient")
    assert await violations(page) == []
    assert watched.complaints == []


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("accepted", "Enregistré"),
        ("published", "Envoyé"),
        ("filed", "Classé"),
        ("refused", "Refusé"),
        ("to_review", "À confirmer"),
        ("invalid", "Valeur impossible"),
        ("rejected", "Rejeté"),
        ("withdrawn", "Retiré"),
    ],
)
async def test_each_state_has_its_word(
    watched: Watched, station: Station, state: State, word: str
) -> None:
    furnish(station)
    station.board.visit(visit(), ALICE)
    station.board.filing(filing(CUFF, pressure(), state))
    tile = watched.page.locator(PRESSURE)
    await expect(tile.locator(".state")).to_have_text(word)
    await expect(tile.locator(".value")).to_contain_text("128/76")
    await expect(tile).to_contain_text("Tension 128 sur 76 millimètres de mercure")
    await keep(watched.page, f"state-{state}")
    assert watched.complaints == []


async def test_a_reading_moves_along_under_the_eyes(watched: Watched, station: Station) -> None:
    furnish(station)
    page, board = watched.page, station.board
    board.visit(visit(), ALICE)
    tile = page.locator(WEIGHT)
    await expect(tile.locator(".state")).to_have_text("En attente")
    first = filing(SCALE, weight(), "accepted")
    for state, word in (
        ("accepted", "Enregistré"),
        ("published", "Envoyé"),
        ("filed", "Classé"),
    ):
        board.filing(first.model_copy(update={"state": state}))
        await expect(tile.locator(".state")).to_have_text(word)
        await expect(tile.locator(".value")).to_contain_text("71,45")
    await expect(page.locator("#said")).to_contain_text("Poids")
    assert watched.complaints == []


async def test_a_cuff_shows_its_pressure_while_it_measures(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    live = CuffPressure.model_validate({"pressure_mmhg": "137"})
    station.board.live(CUFF, [live], now())
    tile = watched.page.locator(PRESSURE)
    await expect(tile.locator(".state")).to_have_text("En cours")
    await expect(tile.locator(".value")).to_contain_text("137")
    await keep(watched.page, "measuring")
    await expect(tile.locator(".state")).to_have_text("En attente", timeout=15_000)
    await expect(tile).not_to_contain_text("137")


async def test_what_is_absent_names_the_cause_and_the_next_act(
    watched: Watched, station: Station
) -> None:
    page = watched.page
    furnish(station)
    station.board.device(device_state(CUFF, "waiting"), name="Tensiomètre", why="bond_lost")
    station.board.device(device_state(SCALE, "lost"), name="Balance")
    station.board.notices({THERMOMETER: (Notice("battery_low"),)})
    found = Sorted("look_alike", BleBinding(CUFF, "Tensiomètre", None, "BPM"))
    station.board.doubles((Double(found, "c0:00:00:00:00:09", now()),))
    await station.visit(ALICE, plan=("blood_pressure", "body_weight", "body_temperature"))
    await expect(page.locator(f"{PRESSURE} .state")).to_have_text("Absent")
    await expect(page.locator(PRESSURE)).to_contain_text("Prenez un autre appareil")
    await expect(page.locator(WEIGHT)).to_contain_text("Vérifiez le câble")
    await expect(page.locator(f"{TEMPERATURE} .state")).to_have_text("En attente")
    rail = page.locator("#devices")
    await expect(rail).to_contain_text("À appairer")
    await expect(rail).to_contain_text("Débranché ou éteint")
    await expect(rail).to_contain_text("Pile faible")
    await expect(rail).to_contain_text("Éloignez-le ou éteignez-le")
    assert await violations(page) == []
    await keep(page, "absent")
    await page.set_viewport_size({"width": 1024, "height": 600})
    await expect(rail).to_be_hidden()
    await page.get_by_role("button", name="Appareils").click()
    await expect(rail).to_be_visible()
    await keep(page, "rail-1024")
    assert watched.complaints == []


async def test_a_series_counts_down_and_tells_when_to_press(
    watched: Watched, station: Station
) -> None:
    station.hub = replace(station.hub, rules=SeriesRules(count=2, interval_seconds=0))
    await station.stop()
    await station.start()
    await furnished(station)
    page, tile = watched.page, watched.page.locator(PRESSURE)
    await expect(page.locator("html")).to_have_attribute("data-link", "up", timeout=20_000)
    visit = station.desk.visit
    assert visit is not None
    await tile.get_by_role("button", name="Série de tensions").click()
    await expect(page.locator("dialog")).to_contain_text("Sur quel bras est le brassard")
    await page.get_by_role("button", name="Bras gauche").click()
    await station.deriver.settle(visit.id)
    await expect(tile).to_contain_text("Repos")
    await expect(tile.locator(".countdown")).to_contain_text("4:5")
    await tile.get_by_role("button", name="Déjà reposé").click()
    await station.deriver.settle(visit.id)
    await expect(tile).to_contain_text("appuyez sur le bouton du tensiomètre")
    await station.file(CUFF, pressure("150", "90"))
    await station.deriver.settle(visit.id)
    await expect(tile.locator(".members")).to_contain_text("150/90")
    assert await violations(page) == []
    await keep(page, "series")
    await station.file(CUFF, pressure("140", "86"))
    await station.deriver.settle(visit.id)
    await station.deriver.settle(visit.id)
    await expect(tile.locator(".number")).to_have_text("145/88")
    await expect(tile).to_contain_text("moyenne de 2 mesures")
    await keep(page, "series-over")

    first, second = tile.locator(".members button").nth(0), tile.locator(".members button").nth(1)
    for one in (first, second):
        size = await one.bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 48
    await second.click()
    await expect(page.locator("dialog")).to_contain_text("140/86 mmHg")
    await expect(page.locator("dialog [aria-pressed=true]")).to_contain_text("bras gauche, assis")
    assert await violations(page) == []
    await keep(page, "relabel")
    await page.locator("dialog").get_by_role("button", name="bras droit, assis").click()
    await expect(page.locator("dialog")).to_be_hidden()
    await station.deriver.settle(visit.id)
    await expect(second).to_contain_text("bras droit")
    await expect(tile).to_contain_text("Mesure 2 sur 2")
    assert await violations(page) == []
    await expect(first).to_be_enabled()
    await first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog")).to_contain_text("150/90 mmHg")
    await expect(page.locator("dialog [data-key='4']")).to_be_enabled()
    await page.keyboard.press("4")
    await expect(page.locator("dialog")).to_be_hidden()
    await station.deriver.settle(visit.id)
    await station.deriver.settle(visit.id)
    await expect(tile.locator(".number")).to_have_text("145/88")
    await expect(first).to_be_focused()
    assert watched.complaints == []


async def test_the_outbox_says_that_nothing_is_lost(watched: Watched, station: Station) -> None:
    await furnished(station)
    page = watched.page
    await expect(page.locator("#outbox")).to_have_text("Tout est classé")
    station.board.outbox(Outbox(waiting=2, oldest=now() - timedelta(minutes=4)))
    station.board.broker(False, "connection refused")
    await expect(page.locator("#outbox")).to_have_text(
        "2 relevés en attente depuis 4 min, tout est conservé"
    )
    await expect(page.locator("#broker")).to_contain_text("Tout est conservé ici")
    await expect(page.locator("#banner")).to_contain_text("pas encore au dossier")
    await keep(page, "broker-down")


async def test_a_station_that_stops_leaves_nothing_that_looks_live(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    await station.file(CUFF, pressure())
    page, tile = watched.page, watched.page.locator(PRESSURE)
    await expect(tile.locator(".value")).to_contain_text("128/76")
    await station.stop()
    await expect(page.locator("html")).to_have_attribute("data-link", "lost")
    await expect(page.locator("#lost")).to_contain_text("Liaison avec le poste perdue depuis")
    await expect(tile.locator(".frozen")).to_contain_text("Figé depuis")
    await expect(tile.get_by_role("button")).to_have_count(0)
    assert await violations(page) == []
    await keep(page, "lost")
    await station.file(CUFF, pressure("118", "72"))
    await station.start()
    await expect(page.locator("html")).to_have_attribute("data-link", "up", timeout=20_000)
    await expect(tile.locator(".value")).to_contain_text("118/72")
    await expect(page.locator("#lost")).to_be_empty()


async def test_english_is_two_touches_away(watched: Watched, station: Station) -> None:
    await furnished(station)
    await station.file(THERMOMETER, temperature())
    page = watched.page
    await expect(page.locator(TEMPERATURE)).to_contain_text("36,8")
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("link", name="English").click()
    await expect(page.locator(f"{TEMPERATURE} .value")).to_contain_text("36.8")
    await expect(page.locator(f"{TEMPERATURE} .state")).to_have_text("Saved")


async def six_tiles(station: Station) -> None:
    """A full room: six kinds, one of them flagged, one live, one absent."""
    furnish(station)
    await station.visit(ALICE)
    station.board.broker(True, None)
    station.board.worklist((), None)
    await station.file(CUFF, pressure("190", "110"), "to_review", plausibility="unusual")
    weighed = await station.file(SCALE, weight())
    station.board.filing(weighed.model_copy(update={"state": "filed"}))
    await station.file(THERMOMETER, temperature())
    oximeter = OxygenSaturation.model_validate({"percent": 97, "pulse_per_minute": 71})
    for device, driver in (("oximeter-1", "an_oximeter"), ("toise-1", "a_toise")):
        state = device_state(device, "connected").model_copy(update={"driver": driver})
        station.board.device(state, name=device)
    station.board.live("oximeter-1", [oximeter], now())
    await station.file("toise-1", BodyHeight.model_validate({"centimetres": "172.5"}))


@pytest.fixture
def station_listed() -> list[Listed]:
    TELLS["an_oximeter"] = frozenset({"oxygen_saturation"})
    TELLS["a_toise"] = frozenset({"body_height", "body_mass_index"})
    return [
        Listed("oximeter-1", "Oxymètre", on_radio=True, driver="an_oximeter"),
        Listed("toise-1", "Toise", on_radio=False, driver="a_toise"),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_use_it(
    watched: Watched,
    station: Station,
    station_listed: list[Listed],
    scheme: Literal["light", "dark"],
) -> None:
    station.listed += station_listed
    await six_tiles(station)
    page = watched.page
    await page.emulate_media(color_scheme=scheme)
    await expect(page.locator(f"{PRESSURE} .state")).to_have_text("À confirmer")
    assert await violations(page) == []
    await keep(page, f"all-{scheme}")
    await page.get_by_role("button", name="Menu").click()
    assert await violations(page) == []
    await keep(page, f"menu-{scheme}")


@pytest.mark.parametrize(("width", "height"), [(1024, 600), (1280, 800), (1920, 1080)])
async def test_six_tiles_fit_the_screen(
    watched: Watched, station: Station, station_listed: list[Listed], width: int, height: int
) -> None:
    station.listed += station_listed
    await six_tiles(station)
    page = watched.page
    await page.set_viewport_size({"width": width, "height": height})
    await expect(page.locator(".tile")).to_have_count(6)
    assert await overflow(page) <= 0
    strips = await page.locator(".strips").bounding_box()
    assert strips is not None
    for tile in await page.locator(".tile").all():
        box = await tile.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= strips["y"], await tile.inner_text()
    await expect(page.locator("#banner")).to_be_in_viewport()
    await keep(page, f"fits-{width}")


async def test_at_200_percent_nothing_needs_sideways_scrolling(
    watched: Watched, station: Station, station_listed: list[Listed]
) -> None:
    station.listed += station_listed
    await six_tiles(station)
    page = watched.page
    # 200 % of a window of 1280×800 is a window of 640×400 CSS pixels (WCAG 2.2, 1.4.4 and 1.4.10).
    await page.set_viewport_size({"width": 640, "height": 400})
    await expect(page.locator(".tile")).to_have_count(6)
    assert await overflow(page) <= 0
    await keep(page, "zoom-200")
    # Whose value it is stays in sight while somebody decides on the last one.
    await page.locator(".tile").last.scroll_into_view_if_needed()
    assert await page.evaluate("scrollY") > 0
    for part in (".name", ".traits :nth-child(2)"):
        await expect(page.locator(f"#banner {part}")).to_be_in_viewport()


async def test_nothing_is_asked_of_another_host_and_nothing_is_inline(
    watched: Watched, station: Station
) -> None:
    page: Page = watched.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await furnished(station)
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-link", "up")
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{station.port}"}
    inline = await page.evaluate(
        "document.querySelectorAll('[style], script:not([src]), style, [onclick]').length"
    )
    assert inline == 0
    assert watched.complaints == [], json.dumps(watched.complaints)
