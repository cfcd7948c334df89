"""Radio care in a real browser: a passkey is typed while the page goes on changing, a lost radio says what to do."""

from __future__ import annotations

import asyncio

from browser_station import Station, Watched
from playwright.async_api import expect
from station_room import now

from devicehub.devices.bluetooth import RadioNews

CUFF = "C0:00:00:00:00:01"
SECOND = "C0:00:00:00:00:02"


async def test_digits_typed_survive_another_question_and_are_sent_with_enter(
    watched: Watched, station: Station
) -> None:
    page = watched.page
    first = asyncio.create_task(station.passkeys.ask(CUFF))
    await expect(page.locator("#passkeys h2")).to_have_text(f"{CUFF} demande à être appairé")
    field = page.get_by_label("Les six chiffres affichés par l’appareil").first
    box = await field.bounding_box()
    assert box is not None
    assert box["height"] >= 48
    await field.focus()
    await page.keyboard.type("0123")
    second = asyncio.create_task(station.passkeys.show(SECOND, 42, "compare"))
    await expect(page.locator("#passkeys .digits")).to_have_text("000042")
    await expect(field).to_have_value("0123")
    await expect(field).to_be_focused()
    await page.keyboard.type("45")
    await page.keyboard.press("Enter")
    assert await first == 12345
    await page.get_by_role("button", name="Ce sont les mêmes").click()
    assert await second
    await expect(page.locator("#passkeys")).to_be_hidden()
    assert watched.complaints == []


async def test_a_question_is_given_up_by_a_button(watched: Watched, station: Station) -> None:
    asking = asyncio.create_task(station.passkeys.ask(CUFF))
    await watched.page.get_by_role("button", name="Annuler").click()
    assert await asking is None


async def test_a_lost_radio_says_the_next_physical_act(watched: Watched, station: Station) -> None:
    station.board.radio(RadioNews(1, "hci0", "hearing", now()))
    strip = watched.page.locator("#radio")
    await expect(strip).to_contain_text("Bluetooth à l’écoute")
    station.board.radio(RadioNews(1, "hci0", "lost", now(), "stuck", "stuck"))
    await expect(strip).to_contain_text("Débranchez l’adaptateur et rebranchez-le")
    await expect(watched.page.locator("#said")).to_contain_text("Bluetooth perdu")
    assert watched.complaints == []
