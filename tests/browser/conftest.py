"""A real browser (Debian's chromium through Playwright) and a real station server fed by the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from browser_station import ARGUMENTS, Station, Watched
from playwright.async_api import Browser, async_playwright


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[Station]:
    station = Station(tmp_path)
    await station.start()
    yield station
    await station.end()


@pytest.fixture
async def browser(needs: Callable[[str], str]) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=needs("chromium"), args=ARGUMENTS
        )
        yield browser
        await browser.close()


@pytest.fixture
async def watched(browser: Browser, station: Station) -> AsyncIterator[Watched]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="fr-FR")
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.goto(station.url)
    yield Watched(page, complaints)
    await context.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The morning runs where ``-m`` asks for it: it is paced by real devices' seconds, and judges that pace too."""
    paced = [item for item in items if item.get_closest_marker("morning")]
    if paced and "morning" not in config.option.markexpr:
        config.hook.pytest_deselected(items=paced)
        items[:] = [item for item in items if item not in paced]
