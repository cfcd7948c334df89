"""The summary in a real browser: readable by everybody, on screen and on one sheet of paper, never stale.

``DEVICEHUB_SCREENSHOTS=folder`` keeps what the tests saw.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from invented import weight
from playwright.async_api import Browser, expect
from record_room import (
    ALICE,
    FRONT_END,
    SCALE,
    THERMOMETER,
    RecordRoom,
    hub_of,
    nobodys,
    preparation,
    record_room,
)
from sheets_seen import Served, keep, served, violations

from devicehub.driver import BodyTemperature
from devicehub.station.summary import Summaries

pytestmark = pytest.mark.browser


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[RecordRoom]:
    async with record_room(tmp_path) as room:
        yield room


@pytest.fixture
async def summary(room: RecordRoom, browser: Browser, tmp_path: Path) -> AsyncIterator[Served]:
    hub = hub_of(room, tmp_path)
    async with served(hub, [Summaries(hub, room.journal)], browser) as here:
        yield here


async def furnish(room: RecordRoom) -> None:
    """A visit with nearly everything that can happen to it."""
    await room.series([(149, 91), (141, 88), (137, 86)])
    await room.file(weight("67.9"), "filed", device=SCALE)
    warm = BodyTemperature(celsius=Decimal("36.8"), site="ear")
    shaken = warm.model_copy(update={"flags": ("low_battery",)})
    await room.file(shaken, "to_review", device=THERMOMETER)
    await room.file(preparation(ready=False), "published", device=FRONT_END)
    await room.file(weight("12.4"), "rejected", ago=timedelta(minutes=3), device=SCALE)
    await room.journal.file([nobodys(weight("91.2"))])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1024, 600), (1920, 1080)])
async def test_everybody_can_read_it(
    room: RecordRoom,
    summary: Served,
    scheme: Literal["light", "dark"],
    width: int,
    height: int,
) -> None:
    await furnish(room)
    page = summary.page
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": width, "height": height})
    await page.goto(f"{summary.url}/summary")
    await expect(page.locator("h1")).to_contain_text("Alice")
    await keep(page, f"summary-{scheme}-{width}", whole=True)
    assert await violations(page) == []
    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0, "no sideways scrolling"
    acts = [await one.bounding_box() for one in await page.locator(".s-more").all()]
    boxes = [box for box in acts if box is not None]
    assert len(boxes) == 5, "three of the series, the weight, the ECG's preparation"
    for one, next_one in pairwise(boxes):
        assert one["y"] + 48 <= next_one["y"], "a finger meets one reading, and no other"
    assert summary.complaints == []


async def test_it_reads_at_twice_the_size(room: RecordRoom, summary: Served) -> None:
    await furnish(room)
    page = summary.page
    await page.set_viewport_size({"width": 512, "height": 300})  # 1024 x 600 at 200 %
    await page.goto(f"{summary.url}/summary")
    await keep(page, "summary-zoom", whole=True)
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def test_a_long_name_without_a_space_stays_on_the_sheet(
    room: RecordRoom, summary: Served
) -> None:
    long = {"family_name": "TEST" * 25, "given_name": "test" * 25}
    for _ in ("the one before", "the one that is shown"):
        shown = room.desk.visit
        who = ALICE.model_copy(update=long)
        await room.desk.open(who, author="page", closes=shown.id if shown else None)
    page = summary.page
    await page.set_viewport_size({"width": 1024, "height": 600})
    await page.goto(f"{summary.url}/summary")
    await expect(page.locator(".s-others-seen")).to_contain_text("TEST" * 25)
    await keep(page, "summary-long-name", whole=True)
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def test_it_prints_on_one_sheet(room: RecordRoom, summary: Served) -> None:
    await furnish(room)
    page = summary.page
    await page.goto(f"{summary.url}/summary")
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": 703, "height": 1032})  # what 12 mm of margin leave of A4
    await keep(page, "summary-print", whole=True)
    paper = await page.pdf(format="A4", prefer_css_page_size=True)
    assert paper.count(b"/Type /Page\n") == 1


async def test_what_changes_shows_by_itself_and_what_is_open_stays_open(
    room: RecordRoom, summary: Served
) -> None:
    page = summary.page
    await page.goto(f"{summary.url}/summary")
    await page.locator("#values-body_weight summary").click()
    await room.file(weight("67.9"), "filed")
    await expect(page.locator('tr[data-kind="body_weight"]')).to_contain_text("67,9")
    await expect(page.locator("#values-body_weight")).to_have_attribute("open", "")


async def test_a_station_that_stops_greys_it_and_says_since_when(
    room: RecordRoom, summary: Served
) -> None:
    page = summary.page
    await page.goto(f"{summary.url}/summary")
    await summary.stop()
    await expect(page.locator("html")).to_have_attribute("data-link", "lost", timeout=20_000)
    await expect(page.locator("#sheet-lost")).to_contain_text("Liaison avec le poste perdue depuis")
    await summary.start()
    await expect(page.locator("html")).to_have_attribute("data-link", "up", timeout=20_000)
    await expect(page.locator("#sheet-lost")).to_be_empty()
