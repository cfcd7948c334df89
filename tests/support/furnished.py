"""A room with three devices, as a browser sees it, and where its tiles are."""

from __future__ import annotations

from datetime import timedelta

from browser_station import Station, Watched
from playwright.async_api import Page, expect
from station_room import ALICE, NAMES, device_state, now

from devicehub.journal.records import Outbox
from devicehub.visit.operators import Operator

PRESSURE, WEIGHT, TEMPERATURE = (
    "#tile-blood_pressure",
    "#tile-body_weight",
    "#tile-body_temperature",
)
SETTLE = 700
"""Milliseconds: ``SETTLE`` of `static/station.js`."""


def furnish(station: Station) -> None:
    """A room with three devices."""
    board = station.board
    for device, name in NAMES.items():
        board.device(device_state(device, "connected", battery=80), name=name)
    board.outbox(Outbox(waiting=0, oldest=None))
    board.broker(True, None)


async def furnished(station: Station) -> None:
    """A room with three devices and an open visit."""
    furnish(station)
    await station.visit(ALICE)


async def sign_in(watched: Watched, station: Station, operator: Operator) -> None:
    """An operator signs in at the page."""
    station.operators.add(operator, "1357")
    await watched.page.goto(station.url)
    await expect(watched.page).to_have_url(f"{station.url}/sign-in")
    await watched.page.get_by_text(operator.name).click()
    await watched.page.get_by_label("Code personnel").fill("1357")
    await watched.page.get_by_role("button", name="Entrer").click()
    await expect(watched.page.locator("#banner")).to_be_visible()


async def stand_still(watched: Watched, station: Station) -> Page:
    """The page with its clock stopped: what it does after a while, it does when the test says so."""
    page = watched.page
    await page.clock.install()
    await page.goto(station.url)
    await page.clock.pause_at(now() + timedelta(seconds=30))
    await expect(page.locator("html")).to_have_attribute("data-link", "up")
    return page
