"""How soon does the page tell, and what does it cost? Prints each figure with its limit, PASS or FAIL.

    python benchmarks/ecg_live.py [changes]

A twelve-lead front end of 500 samples a second on a pseudo-terminal, the station in its own process, the page in a
browser (chromium). An electrode's state is changed at the front end; the time is taken until its light on the screen has
changed: once where the hardware reports contact, once where only the signal tells. Then half a minute of processor
time of the station with its check, and the station's memory before the first sample. Ends with 1 where a limit is broken.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from playwright.async_api import Page, async_playwright

from devicehub.testing.electrodes import Fault
from devicehub.testing.pty_body import PtyBody
from devicehub.testing.simulate import installed, make_serial
from devicehub.testing.simulator import Worn

CONTACT_SECONDS, SIGNAL_SECONDS, CPU_PERCENT = 1.0, 2.5, 15.0
"""The limits, which the project set before anything was measured."""
CHANGES = 8
HALF_A_MINUTE = 30.0
SETTLED = 12.0
"""Seconds after which a stream is judged firmly."""
FRONT_END = "ads1298_bridge"
MODELS = {
    "contact": "ADS1298ECG-FE, 500 Hz, gain 6",
    "signal": "ADS1298ECG-FE, 500 Hz, gain 6, no lead-off",
}
WATCH = """
([name, wanted]) => new Promise((resolve) => {
  const look = () => {
    const light = document.querySelector(`[data-electrode="${name}"]`);
    const isBad = light && ["off", "poor"].includes(light.dataset.state);
    const isGood = light && light.dataset.state === "good";
    if (!(wanted === "bad" ? isBad : isGood)) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(Date.now()), 0));
  };
  const watcher = new MutationObserver(look);
  watcher.observe(document.getElementById("ecg-panel"), { childList: true, subtree: true });
  look();
})
"""


@dataclass
class Room:
    """A running station with one front end; ``patient`` wears its electrodes."""

    patient: Worn
    body: PtyBody
    page: str
    pid: int


@asynccontextmanager
async def room(folder: Path, model: str) -> AsyncIterator[Room]:
    """The station in its own process; the front end in this one, silent until told to `stream`."""
    simulator = make_serial(installed()[FRONT_END])(seed=1)
    if not isinstance(simulator, Worn):
        raise TypeError(f"{FRONT_END} has no electrodes")
    async with PtyBody(simulator, lambda _step, _at: None) as body:
        config = folder / "devicehub.toml"
        config.write_text(
            f'[station]\nid = "s"\nsite = "b"\nlisten = "127.0.0.1:0"\ndata = "{folder / "data"}"\n'
            'simulation = true\n[mqtt]\nport = 9\n[dossier]\nurl = "http://127.0.0.1:9"\n'
            '[bluetooth]\nradio = "virtual:tcp-client:127.0.0.1:9"\n'
            f'[[device]]\nid = "ecg"\nname = "ECG"\ndriver = "{FRONT_END}"\nport = "{body.path}"\n'
            f'model = "{model}"\n',
            encoding="utf-8",
        )
        log = (folder / "station.log").open("wb")
        station = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devicehub", "run", "--config", str(config), "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        log.close()
        try:
            if station.stdout is None:
                raise RuntimeError("the station has no output")
            url = str(json.loads(await station.stdout.readline())["url"])
            yield Room(simulator, body, url, station.pid)
        finally:
            station.terminate()
            await station.wait()


@asynccontextmanager
async def streaming(room: Room) -> AsyncIterator[None]:
    """The front end sends for as long as the block lasts."""

    async def send() -> None:
        while True:
            await room.body.measure()

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def seconds_until(page: Page, patient: Worn, fault: Fault | None, wanted: str) -> float:
    """From a change at an electrode until the screen shows it."""
    seen = asyncio.create_task(page.evaluate(WATCH, ["V3", wanted]))
    await asyncio.sleep(0.1)  # the page watches
    patient.patient.faults = () if fault is None else (fault,)
    began = time.time()
    return float(await asyncio.wait_for(seen, 60)) / 1000 - began


async def latencies(page: Page, patient: Worn, changes: int) -> tuple[list[float], list[float]]:
    """Seconds until a lost electrode is shown, and until the mended one is."""
    lost, mended = [], []
    await page.wait_for_selector('[data-panel][data-standing="ready"]', timeout=60_000)
    for turn in range(changes):
        lost.append(await seconds_until(page, patient, Fault("V3", "off"), "bad"))
        await asyncio.sleep(1.1 + 0.37 * turn % 1)
        mended.append(await seconds_until(page, patient, None, "good"))
        await asyncio.sleep(SETTLED + 0.29 * turn % 1)
    return lost, mended


async def processor_percent(pid: int) -> tuple[float, float]:
    """Percent of a core that the station takes, and its check's process."""
    station = psutil.Process(pid)
    processes = [station, *station.children(recursive=True)]
    before = [sum(one.cpu_times()[:2]) for one in processes]
    await asyncio.sleep(HALF_A_MINUTE)
    took = [
        100 * (sum(one.cpu_times()[:2]) - then) / HALF_A_MINUTE
        for one, then in zip(processes, before, strict=True)
    ]
    return took[0], sum(took[1:])


def verdict(what: str, figure: float, limit: float, unit: str) -> bool:
    """Print one line; whether the figure is below its limit."""
    holds = figure < limit
    print(
        f"{'PASS' if holds else 'FAIL'}  {what:58} {figure:6.2f} {unit:2}  limit {limit:5.2f} {unit}"
    )
    return holds


async def measure(changes: int) -> bool:
    """All figures; whether every one is below its limit."""
    holds = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for means, limit in (("contact", CONTACT_SECONDS), ("signal", SIGNAL_SECONDS)):
            with tempfile.TemporaryDirectory() as folder:
                async with room(Path(folder), MODELS[means]) as here:
                    before = psutil.Process(here.pid).memory_info().rss / 1e6
                    page = await browser.new_page()
                    await page.goto(here.page)
                    async with streaming(here):
                        lost, mended = await latencies(page, here.patient, changes)
                        told = f"electrode {{}}, told by the {means}, worst of {changes}"
                        holds.append(verdict(told.format("lost"), max(lost), limit, "s"))
                        holds.append(verdict(told.format("mended"), max(mended), limit, "s"))
                        print(f"      medians {median(lost):.2f} s, {median(mended):.2f} s")
                        own, check = await processor_percent(here.pid)
                        what = f"processor: station {own:.1f} % and check {check:.1f} %"
                        holds.append(verdict(what, own + check, CPU_PERCENT, "%"))
                        after = psutil.Process(here.pid).memory_info().rss / 1e6
                        print(f"      station's memory {before:.0f} MB, streaming {after:.0f} MB")
                    await page.close()
        await browser.close()
    return all(holds)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(measure(int(sys.argv[1]) if sys.argv[1:] else CHANGES)) else 1)
