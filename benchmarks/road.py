"""How long is the road from a device's last byte to the dossier's receipt?

    python benchmarks/road.py [readings]

Milliseconds from the last byte of a frame until its reading is saved, published and filed, in the demo's own
processes. Beside them what no program on this machine can be quicker than, measured in the same run: one
flush of the disk (``os.fsync``), and one message through the same broker and back at QoS 1.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

from devicehub.delivery.mqtt import Address, Incoming, MqttClient
from devicehub.ops import demo
from devicehub.ops.progress import Progress

READINGS = 45

ROUNDS = 60
GAP = 0.05
"""Seconds between two rounds of a floor: a disk or a broker that is busy is another question."""

STEPS = ("saved", "published", "filed")


async def flushes(folder: Path) -> list[float]:
    """Milliseconds of a small write and its flush."""
    took = []
    with (folder / "flush").open("wb", buffering=0) as file:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            took.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(GAP)
    return took


async def round_trips(port: int) -> list[float]:
    """Milliseconds of one message to the broker and back, to the client that sent it."""
    heard: asyncio.Queue[Incoming] = asyncio.Queue()
    took = []
    address = Address("127.0.0.1", port, client_id="benchmark")
    async with MqttClient(address, subscriptions=("benchmark",), on_message=heard.put) as client:
        await client.connected.wait()
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await client.publish("benchmark", b"x" * 1024)
            await heard.get()
            took.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(GAP)
    return took


async def road(room: demo.Running, readings: int) -> dict[str, list[float]]:
    """Milliseconds to each step of so many readings that were filed."""
    took: dict[str, list[float]] = defaultdict(list)
    done: set[str] = set()
    enough = asyncio.Event()

    def note(progress: Progress) -> None:
        if progress.state == "filed" and progress.reading not in done:
            done.add(progress.reading)
            for step in STEPS:
                # A receipt may overtake the broker's acknowledgement: then there is no *published*.
                if step in progress.milliseconds:
                    took[step].append(progress.milliseconds[step])
        if len(done) >= readings:
            enough.set()

    watching = asyncio.create_task(demo.watch(room, note))
    waiting = asyncio.create_task(enough.wait())
    await asyncio.wait({watching, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for task in (watching, waiting):
        task.cancel()
    await asyncio.gather(watching, waiting, return_exceptions=True)
    return took


def row(what: str, took: Sequence[float]) -> None:
    """Print one line: median, 95th percentile, how many."""
    print(f"{what:28} {median(took):8.1f} {quantiles(took, n=20)[-1]:8.1f} {len(took):8}")


async def measure(readings: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with demo.running(folder, "fr") as room:
            took = await road(room, readings)
            floors = {
                "floor: one fsync": await flushes(folder),
                "floor: one MQTT round trip": await round_trips(room.processes.broker.port),
            }
    print(f"{'milliseconds':28} {'median':>8} {'p95':>8} {'count':>8}")
    for step in STEPS:
        row(f"last byte to {step}", took[step])
    for what, figures in floors.items():
        row(what, figures)


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else READINGS))
