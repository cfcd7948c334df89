"""The page in a real browser: every state in words, nothing stale, reachable by everybody.

``DEVICEHUB_SCREENSHOTS=folder`` keeps what the tests saw.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from browser_station import Station, Watched
from playwright.async_api import Page, expect
from station_room import (
    ALICE,
    BRUNO,
    CUFF,
    NAMES,
    SCALE,
    THERMOMETER,
    device_state,
    filing,
    now,
    pressure,
    temperature,
    visit,
    weight,
)

from devicehub.driver import CuffPressure
from devicehub.journal.records import Outbox, State

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def furnish(station: Station) -> None:
    """A room with three devices and an open visit."""
    board = station.board
    board.visit(visit(), ALICE)
    for device, name in NAMES.items():
        board.device(device_state(device, "connected", battery=80), name=name)
    board.outbox(Outbox(waiting=0, oldest=None))
    board.broker(True, None)


async def keep(page: Page, name: str) -> None:
    folder = os.environ.get("DEVICEHUB_SCREENSHOTS")
    if folder:
        await page.screenshot(path=str(Path(folder) / f"{name}.png"))


async def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA. It is injected by the tester, past the page's own policy."""
    if not AXE.is_file() and os.environ.get("CI") != "true":
        pytest.skip("axe-core is not installed; run npm ci in tests/node")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", WCAG
    )
    return [
        f"{fault['id']}: {fault['help']}: {json.dumps([node['html'] for node in fault['nodes']])}"
        for fault in found["violations"]
    ]


async def test_an_empty_room_says_what_to_do(watched: Watched) -> None:
    page = watched.page
    await expect(page.locator("#banner")).to_contain_text("Aucun patient")
    await expect(page.locator("html")).to_have_attribute("data-link", "up")
    assert await page.title() == "Salle de mesure – Simulation"
    await expect(page.locator(".simulation")).to_contain_text("aucun vrai patient")
    assert watched.complaints == []


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("accepted", "Enregistré"),
        ("published", "Envoyé"),
        ("filed", "Classé au dossier"),
        ("refused", "Refusé"),
        ("to_review", "À confirmer"),
        ("invalid", "Valeur impossible"),
    ],
)
async def test_each_state_has_its_word(
    watched: Watched, station: Station, state: State, word: str
) -> None:
    furnish(station)
    station.board.filing(filing(CUFF, pressure(), state))
    tile = watched.page.locator(f"#tile-{CUFF}")
    await expect(tile.locator(".state")).to_have_text(word)
    await expect(tile.locator(".value")).to_contain_text("128/76")
    await expect(tile).to_contain_text("Tension 128 sur 76 millimètres de mercure")
    await keep(watched.page, f"state-{state}")
    assert watched.complaints == []


async def test_a_reading_moves_along_under_the_eyes(watched: Watched, station: Station) -> None:
    furnish(station)
    page, board = watched.page, station.board
    tile = page.locator(f"#tile-{SCALE}")
    await expect(tile.locator(".state")).to_have_text("En attente")
    first = filing(SCALE, weight(), "accepted")
    for state, word in (
        ("accepted", "Enregistré"),
        ("published", "Envoyé"),
        ("filed", "Classé au dossier"),
    ):
        board.filing(first.model_copy(update={"state": state}))
        await expect(tile.locator(".state")).to_have_text(word)
        await expect(tile.locator(".value")).to_contain_text("71,45")
    await expect(page.locator("#said")).to_contain_text("Balance")
    await expect(page.locator("#banner")).to_contain_text("TEST Alice")
    assert watched.complaints == []


async def test_a_cuff_shows_its_pressure_while_it_measures(
    watched: Watched, station: Station
) -> None:
    furnish(station)
    live = CuffPressure.model_validate({"pressure_mmhg": "137"})
    station.board.live(CUFF, [live], now())
    tile = watched.page.locator(f"#tile-{CUFF}")
    await expect(tile.locator(".state")).to_have_text("Mesure en cours")
    await expect(tile.locator(".value")).to_contain_text("137")
    await keep(watched.page, "measuring")


async def test_switching_the_patient_takes_every_value_away(
    watched: Watched, station: Station
) -> None:
    furnish(station)
    station.board.filing(filing(CUFF, pressure(), "filed"))
    tile = watched.page.locator(f"#tile-{CUFF}")
    await expect(tile.locator(".value")).to_contain_text("128/76")
    station.board.visit(visit("visit-b"), BRUNO)
    await expect(watched.page.locator("#banner")).to_contain_text("TEST Bruno")
    await expect(tile).not_to_contain_text("128/76")
    held = filing(CUFF, pressure(), "quarantined", visit=None, quarantine="before_visit")
    station.board.filing(held)
    station.board.quarantined(1)
    await expect(tile).to_contain_text("Un relevé à attribuer")
    await expect(tile).not_to_contain_text("128/76")
    await expect(watched.page.locator("#tray")).to_have_text("1 relevé à attribuer")
    await keep(watched.page, "quarantined")


async def test_the_outbox_says_that_nothing_is_lost(watched: Watched, station: Station) -> None:
    furnish(station)
    page = watched.page
    await expect(page.locator("#outbox")).to_have_text("Tout est classé")
    station.board.outbox(Outbox(waiting=2, oldest=now() - timedelta(minutes=4)))
    station.board.broker(False, "connection refused")
    await expect(page.locator("#outbox")).to_have_text(
        "2 relevés en attente depuis 4 min, tout est conservé"
    )
    await expect(page.locator("#broker")).to_contain_text("Les relevés restent enregistrés ici")
    await keep(page, "broker-down")


async def test_a_reading_is_confirmed_by_mouse_and_by_keyboard(
    watched: Watched, station: Station
) -> None:
    furnish(station)
    doubtful = filing(CUFF, pressure("190", "110"), "to_review", plausibility="unusual")
    station.board.filing(doubtful)
    page = watched.page
    accept = page.get_by_role("button", name="Accepter")
    box = await accept.bounding_box()
    assert box is not None
    assert box["height"] >= 48
    await accept.focus()
    await page.keyboard.press("Enter")
    await expect(accept).to_be_disabled()
    assert station.confirmed == [(doubtful.reading.id, True)]
    station.board.filing(doubtful.model_copy(update={"state": "accepted"}))
    await expect(page.get_by_role("button", name="Accepter")).to_have_count(0)
    assert watched.complaints == []


async def test_a_decision_that_is_refused_says_why(watched: Watched, station: Station) -> None:
    furnish(station)
    station.not_allowed = "la visite est close"
    station.board.filing(filing(CUFF, pressure("190", "110"), "to_review", plausibility="unusual"))
    reject = watched.page.get_by_role("button", name="Rejeter")
    await reject.click()
    await expect(watched.page.locator(f"#tile-{CUFF} [role=alert]")).to_have_text(
        "Ce relevé n’attend plus\N{NO-BREAK SPACE}: la visite est close"
    )
    await expect(reject).to_be_enabled()


async def test_a_station_that_stops_leaves_nothing_that_looks_live(
    watched: Watched, station: Station
) -> None:
    furnish(station)
    station.board.filing(filing(CUFF, pressure(), "filed"))
    page = watched.page
    tile = page.locator(f"#tile-{CUFF}")
    await expect(tile.locator(".value")).to_contain_text("128/76")
    await station.stop()
    await expect(page.locator("html")).to_have_attribute("data-link", "lost")
    await expect(page.locator("#lost")).to_contain_text("Liaison avec le poste perdue depuis")
    await expect(tile.locator(".frozen")).to_contain_text("Figé depuis")
    assert await violations(page) == []
    await keep(page, "station-lost")
    station.board.filing(filing(CUFF, pressure("118", "72"), "accepted"))
    await station.start()
    await expect(page.locator("html")).to_have_attribute("data-link", "up", timeout=20_000)
    await expect(tile.locator(".value")).to_contain_text("118/72")
    await expect(page.locator("#lost")).to_be_empty()


async def test_english_is_one_touch_away(watched: Watched, station: Station) -> None:
    furnish(station)
    station.board.filing(filing(THERMOMETER, temperature(), "filed"))
    page = watched.page
    await expect(page.locator(f"#tile-{THERMOMETER}")).to_contain_text("36,8")
    await page.get_by_role("link", name="EN").click()
    tile = page.locator(f"#tile-{THERMOMETER}")
    await expect(tile.locator(".value")).to_contain_text("36.8")
    await expect(tile.locator(".state")).to_have_text("Filed in the record")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_use_it(
    watched: Watched, station: Station, scheme: Literal["light", "dark"]
) -> None:
    furnish(station)
    board = station.board
    board.filing(filing(CUFF, pressure(), "to_review", plausibility="unusual"))
    board.filing(filing(SCALE, weight(), "filed"))
    board.filing(
        filing(THERMOMETER, temperature(), "quarantined", visit=None, quarantine="no_visit")
    )
    board.quarantined(1)
    board.device(device_state(THERMOMETER, "lost"), name="Thermomètre")
    board.outbox(Outbox(waiting=1, oldest=now() - timedelta(minutes=2)))
    page = watched.page
    await page.emulate_media(color_scheme=scheme)
    await expect(page.locator(f"#tile-{CUFF} .state")).to_have_text("À confirmer")
    assert await violations(page) == []
    await keep(page, f"all-{scheme}")


@pytest.mark.parametrize(("width", "height"), [(1024, 600), (1280, 800), (1920, 1080)])
async def test_the_room_fits_the_screen(
    watched: Watched, station: Station, width: int, height: int
) -> None:
    furnish(station)
    for device, measurement in (
        (CUFF, pressure()),
        (SCALE, weight()),
        (THERMOMETER, temperature()),
    ):
        station.board.filing(filing(device, measurement, "filed"))
    page = watched.page
    await page.set_viewport_size({"width": width, "height": height})
    await expect(page.locator(f"#tile-{THERMOMETER} .value")).to_contain_text("36,8")
    overflow = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0
    for part in ("#banner", f"#tile-{CUFF} .value", f"#tile-{CUFF} footer", "#outbox"):
        await expect(page.locator(part)).to_be_in_viewport()
    await keep(page, f"fits-{width}")
