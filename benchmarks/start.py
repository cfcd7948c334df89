"""Does devicehub start quickly and stay small? Prints each figure with its limit, PASS or FAIL.

    python benchmarks/start.py

Measured on the demo's own processes: broker, dossier, station and three simulated devices, with a
browser's event stream open. Ends with 1 where a limit is broken.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil

from devicehub.ops import demo

HELP_SECONDS, READY_SECONDS, RSS_MEGABYTES = 0.3, 2.0, 90.0
"""The limits, which the project set before anything was measured."""

STARTS = 5
MINUTE = 60.0


def help_seconds() -> float:
    """The time ``devicehub --help`` takes, the median of several."""
    took = []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "devicehub", "--help"], check=True, stdout=subprocess.DEVNULL
        )
        took.append(time.perf_counter() - began)
    return median(took)


async def station_figures(folder: Path) -> tuple[float, float, int]:
    """Seconds until a station's page answers, megabytes (RSS) after a minute, and readings in it."""
    async with demo.running(folder, "fr") as room:
        station = next(part for part in room.processes.parts if part.name == "station")
        readings: set[str] = set()
        try:
            async with asyncio.timeout(MINUTE):
                await demo.watch(room, lambda progress: readings.add(progress.reading))
        except TimeoutError:
            megabytes = psutil.Process(station.process.pid).memory_info().rss / 1e6
        took = []
        for _ in range(STARTS):
            station.process.terminate()
            await station.process.wait()
            began = time.perf_counter()
            config = str(folder / "devicehub.toml")
            station = await room.processes.start("station", "run", "--config", config, "--json")
            await station.ready()
            took.append(time.perf_counter() - began)
    return median(took), megabytes, len(readings)


def verdict(what: str, figure: float, limit: float, unit: str) -> bool:
    """Print one line; whether the figure is below its limit."""
    holds = figure < limit
    said = f"{figure:7.2f} {unit:2}  limit {limit:6.2f} {unit:2}"
    print(f"{'PASS' if holds else 'FAIL'}  {what:44} {said}")
    return holds


def main() -> int:
    """Measure and judge."""
    quick = verdict("devicehub --help", help_seconds(), HELP_SECONDS, "s")
    with tempfile.TemporaryDirectory() as folder:
        ready, megabytes, readings = asyncio.run(station_figures(Path(folder)))
    soon = verdict("station ready, three devices configured", ready, READY_SECONDS, "s")
    small = verdict(f"station's memory after {readings} readings", megabytes, RSS_MEGABYTES, "MB")
    return 0 if quick and soon and small else 1


if __name__ == "__main__":
    sys.exit(main())
