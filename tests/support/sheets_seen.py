"""What the browser tests of the sheets hold: the whole station behind a port, and a page whose complaints are kept."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page
from ports import free_port

from devicehub.station.hub import Hub
from devicehub.station.routes import Group, station_app
from devicehub.station.server import serve

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@dataclass
class Served:
    """A station with these pages, and the browser's page before it."""

    hub: Hub
    groups: Sequence[Group]
    page: Page
    complaints: list[str] = field(default_factory=list)
    """Script errors, refused resources, policy violations."""
    port: int = field(default_factory=free_port)
    _serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Serve, on the same port each time."""
        app, ready = station_app(self.hub, more=self.groups), asyncio.Event()
        self._serving = asyncio.create_task(
            serve(app, "127.0.0.1", self.port, None, lambda _port: ready.set())
        )
        await ready.wait()

    async def stop(self) -> None:
        """The station ends under the browser."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait({self._serving})
            self._serving = None


@asynccontextmanager
async def served(hub: Hub, groups: Sequence[Group], browser: Browser) -> AsyncIterator[Served]:
    """The station for as long as the context lasts."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="fr-FR")
    page = await context.new_page()
    here = Served(hub, groups, page)
    page.on("pageerror", lambda error: here.complaints.append(str(error)))
    page.on(
        "console",
        lambda said: here.complaints.append(said.text) if said.type == "error" else None,
    )
    await here.start()
    try:
        yield here
    finally:
        await context.close()
        await here.stop()


async def keep(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep what is seen, where ``DEVICEHUB_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("DEVICEHUB_SCREENSHOTS")
    if not folder:
        return
    size = page.viewport_size
    if whole and size is not None:
        tall = await page.evaluate("document.documentElement.scrollHeight")
        await page.set_viewport_size({"width": size["width"], "height": max(tall, size["height"])})
    await page.screenshot(path=str(Path(folder) / f"{name}.png"))
    if size is not None:
        await page.set_viewport_size(size)


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
