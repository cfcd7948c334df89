"""Looking at a page: what it looks like, whether everybody can use it, whether it fits."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Page

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


async def keep(page: Page, name: str) -> None:
    """Keep what is seen, where ``DEVICEHUB_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("DEVICEHUB_SCREENSHOTS")
    if folder:
        await page.wait_for_timeout(1000)  # what has just come lies still for a while (SETTLE)
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


async def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    wide: int = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wide
