"""How long is the road from a device's last byte to its value on the screen?

    python benchmarks/page.py [readings]

The demo's own processes, and a chromium that shows the station's page. The browser marks the moment in which a tile
with a new reading has been painted (User Timing, in the first task after the frame that shows it); the station
tells when the last byte of that reading came. Both read this machine's clock. Needs playwright and chromium.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from playwright.async_api import Page, async_playwright

from devicehub.ops import demo

READINGS = 45
LIMIT = 150.0
"""Milliseconds in which 95 of 100 readings must be on the screen."""

MARK = """
addEventListener("DOMContentLoaded", () => {
  const known = new Set();
  new MutationObserver(() => {
    for (const tile of document.querySelectorAll(".tile[data-reading]")) {
      const reading = tile.dataset.reading;
      if (!reading || known.has(reading)) continue;
      known.add(reading);
      requestAnimationFrame(() => setTimeout(() => performance.mark(reading)));
    }
  }).observe(document.body, { childList: true, subtree: true });
});
"""
PAINTED = """performance.getEntriesByType("mark")
  .map((mark) => [mark.name, performance.timeOrigin + mark.startTime])"""


async def last_bytes(page: str, wanted: int) -> dict[str, float]:
    """When the last byte of each reading came, in milliseconds since 1970, of so many readings."""
    found: dict[str, float] = {}
    async with (
        httpx.AsyncClient(base_url=page, timeout=60) as client,
        client.stream("GET", "/api/events") as answer,
    ):
        async for line in answer.aiter_lines():
            if not line.startswith("data: {"):
                continue
            told = json.loads(line.removeprefix("data: "))
            passed = told["milliseconds_since_last_byte"]
            if passed is not None and told["reading"] not in found:
                at = 1000 * datetime.fromisoformat(told["at"]).timestamp()
                found[told["reading"]] = at - passed
                if len(found) >= wanted:
                    return found
    return found


async def seen(page: Page) -> dict[str, float]:
    """When each reading was on the screen, in milliseconds since 1970."""
    marks: list[Any] = await page.evaluate(PAINTED)
    return {str(name): float(at) for name, at in marks}


async def main(readings: int) -> int:
    """Print the figures; 1 where they are over the limit."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not installed")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        async with demo.running(Path(folder), "en") as room, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            await page.add_init_script(MARK)
            await page.goto(room.page)
            # What was there before the page is not counted.
            before = set(await seen(page))
            came = await last_bytes(room.page, readings + len(before))
            await asyncio.sleep(1)
            painted = await seen(page)
            await browser.close()
    took = sorted(
        painted[reading] - at
        for reading, at in came.items()
        if reading in painted and reading not in before
    )
    if len(took) < 2:
        print("too few readings were seen")
        return 1
    p95 = quantiles(took, n=20)[-1]
    print(
        f"{len(took)} readings, last byte → painted: median {median(took):.0f} ms, "
        f"95th percentile {p95:.0f} ms, longest {took[-1]:.0f} ms (limit {LIMIT:.0f} ms at the 95th)"
    )
    return int(p95 > LIMIT)


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else READINGS)))
