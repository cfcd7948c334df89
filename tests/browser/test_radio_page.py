"""Radio care in a real browser: a passkey is typed while the page goes on changing, a lost radio says what to do."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Literal

import pytest
from browser_station import Station, Watched
from looking import keep, overflow, violations
from playwright.async_api import FloatRect, Page, expect
from station_room import ALICE, CUFF, NAMES, SCALE, device_state, now, pressure, weight

from devicehub.devices.bluetooth import RadioNews
from devicehub.devices.intake import Source
from devicehub.devices.news import DeviceNews
from devicehub.journal.records import Outbox
from devicehub_drivers.sig_blood_pressure import DRIVER

FIRST = "C0:00:00:00:00:01"
SECOND = "C0:00:00:00:00:02"


async def test_digits_typed_survive_another_question_and_are_sent_with_enter(
    watched: Watched, station: Station
) -> None:
    page = watched.page
    first = asyncio.create_task(station.passkeys.ask(FIRST))
    await expect(page.locator("#passkeys h2")).to_have_text(f"{FIRST} demande à être appairé")
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
    asking = asyncio.create_task(station.passkeys.ask(FIRST))
    await watched.page.get_by_role("button", name="Annuler").click()
    assert await asking is None


async def test_a_pairing_that_was_put_off_is_asked_for_again_by_a_button(
    watched: Watched, station: Station
) -> None:
    station.board.device(device_state(CUFF, "waiting"), name="Tensiomètre", why="pairing_put_off")
    page = watched.page
    source = Source(CUFF, DRIVER, FIRST, "simulator")
    news = DeviceNews(source, "Tensiomètre", "connecting", now())
    station.passkeys.device(news)
    asking = asyncio.create_task(station.passkeys.ask(FIRST))
    await page.get_by_role("button", name="Annuler").click()
    assert await asking is None
    assert station.passkeys.put_off(FIRST)
    button = page.get_by_role("button", name="Appairer maintenant")
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= 48
    await keep(page, "put-off")
    assert await violations(page) == []
    async with page.expect_response(lambda answer: "/pair?" in answer.url) as answer:
        await button.click()
    assert (await answer.value).status == 204
    assert not station.passkeys.put_off(FIRST)
    assert watched.complaints == []


async def test_the_box_that_comes_back_says_that_the_digits_were_not_taken(
    watched: Watched, station: Station
) -> None:
    source = Source(CUFF, DRIVER, FIRST, "simulator")
    station.passkeys.device(DeviceNews(source, "Tensiomètre", "connecting", now()))
    page = watched.page
    first = asyncio.create_task(station.passkeys.ask(FIRST))
    await page.get_by_label("Les six chiffres affichés par l’appareil").fill("012345")
    await page.keyboard.press("Enter")
    assert await first == 12345
    refused = DeviceNews(source, "Tensiomètre", "lost", now(), "no", "pairing_refused")
    station.passkeys.device(refused)
    second = asyncio.create_task(station.passkeys.ask(FIRST))
    await expect(page.locator("#passkeys")).to_contain_text("n’ont pas été acceptés")
    await keep(page, "digits-again")
    assert await violations(page) == []
    await page.get_by_role("button", name="Annuler").click()
    assert await second is None


async def test_a_lost_radio_says_the_next_physical_act(watched: Watched, station: Station) -> None:
    station.board.radio(RadioNews(1, "hci0", "hearing", now()))
    strip = watched.page.locator("#radio")
    await expect(watched.page.locator("html")).to_have_attribute("data-link", "up")
    await expect(strip).to_be_hidden()
    station.board.radio(RadioNews(1, "hci0", "lost", now(), "stuck", "stuck"))
    await expect(strip).to_contain_text("Débranchez l’adaptateur et rebranchez-le")
    await expect(watched.page.locator("#said")).to_contain_text("Bluetooth perdu")
    assert watched.complaints == []


async def box_of(page: Page, selector: str) -> FloatRect:
    """Where a part of the page is."""
    box = await page.locator(selector).bounding_box()
    assert box is not None
    return box


async def an_ordinary_room(station: Station) -> None:
    """A room where all is well."""
    board = station.board
    for device, name in NAMES.items():
        board.device(
            device_state(device, "connected", battery=87), name=f"{name} du couloir de gauche"
        )
    board.device(
        device_state("ble-a1b2c3d4e5f60718", "waiting", battery=87), name="Sphygmometer 24"
    )
    await station.visit(ALICE)
    board.outbox(Outbox(waiting=0, oldest=None))
    board.broker(True, None)
    board.radio(RadioNews(1, "hci0", "hearing", now()))


async def everything_at_once(station: Station) -> None:
    """Each strip has something to say."""
    board = station.board
    await station.file(CUFF, pressure("190", "110"), "to_review", plausibility="unusual")
    await station.file(SCALE, weight(), "to_review")
    board.outbox(Outbox(waiting=3, oldest=now() - timedelta(minutes=12)))
    board.broker(False, "refused")
    board.radio(RadioNews(1, "hci0", "lost", now(), "stuck", "stuck"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(("width", "height"), [(1024, 600), (1280, 800)])
async def test_rail_and_strips_fit_in_both_languages(
    watched: Watched,
    station: Station,
    width: int,
    height: int,
    language: Literal["fr", "en"],
    scheme: Literal["light", "dark"],
) -> None:
    await an_ordinary_room(station)
    page = watched.page
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": width, "height": height})
    await page.goto(f"{station.url}/?lang={language}")
    await expect(page.locator("html")).to_have_attribute("data-link", "up")
    assert (await box_of(page, ".strips"))["height"] <= 50, "one row, as high as a button"
    await everything_at_once(station)
    await expect(page.locator("#radio")).to_be_visible()
    await expect(page.locator("#outbox")).to_have_attribute("data-state", "waiting")
    await keep(page, f"strips-{language}-{width}-{scheme}")
    assert (await box_of(page, ".strips"))["height"] <= 64, "everything at once: short lines"
    assert await overflow(page) <= 0
    rail = page.locator("#devices")
    if not await rail.is_visible():
        await page.locator("#rail").click()
    wider = await rail.evaluate("rail => rail.scrollWidth - rail.clientWidth")
    assert wider <= 0
    inside = await box_of(page, "#devices")
    for battery in await rail.locator(".battery").all():
        box = await battery.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= inside["x"] + inside["width"]
    await keep(page, f"rail-{language}-{width}-{scheme}")
    assert await violations(page) == []
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = await box_of(page, ".tile:last-child")
    assert last["y"] + last["height"] <= (await box_of(page, ".strips"))["y"], (
        "the end of the tiles is never covered"
    )


async def test_the_icon_of_a_radio_keeps_its_distance(watched: Watched, station: Station) -> None:
    station.board.radio(RadioNews(1, "hci0", "resetting", now()))
    strip = watched.page.locator("#radio")
    await expect(strip).to_be_visible()
    icon = await box_of(watched.page, "#radio .icon")
    text = await box_of(watched.page, "#radio p > span")
    assert text["x"] - icon["x"] - icon["width"] >= 8
