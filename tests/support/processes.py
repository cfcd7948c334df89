"""The product's processes, as the tests of the whole road start and kill them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from ports import free_port

from devicehub.journal.journal import Journal
from devicehub.journal.records import Visit

PATIENT = {"family_name": "TEST", "given_name": "Alice", "born": "1970-01-01", "sex": "F"}


@dataclass
class Part:
    """One process, started again with the same command after every kill."""

    name: str
    command: tuple[str, ...]
    log: Path
    process: asyncio.subprocess.Process | None = None
    killed: list[datetime] = field(default_factory=list)

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "devicehub", *self.command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is not None:
            said = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            pytest.fail(f"{self.name} ended by itself ({self.process.returncode}):\n{said}")
        self.killed.append(datetime.now(UTC))
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


@dataclass
class Ledger:
    """What the simulated devices say they did."""

    events: list[dict[str, Any]] = field(default_factory=list)
    ready: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def read(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            event = json.loads(line)
            if event["event"] == "ready":
                self.ready[event["device"]] = event
            else:
                self.events.append(event)

    def of(self, device: str, event: str) -> list[dict[str, Any]]:
        return [e for e in self.events if (e["device"], e["event"]) == (device, event)]


@asynccontextmanager
async def devices(
    ids: Sequence[str], *, every: float, count: int, log: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Ledger]]:
    """Simulated devices in a process of their own, and what they say they did."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devicehub", "simulate", *ids),
            *("--hci", "tcp-server:127.0.0.1:0", "--every", str(every)),
            *("--count", str(count), "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    ledger = Ledger()
    assert process.stdout is not None
    reading = asyncio.create_task(ledger.read(process.stdout))
    try:
        await until(lambda: len(ledger.ready) == len(ids), "the simulators are ready")
        yield process, ledger
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


async def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"after {seconds:.0f} s still not: {what}")


def configure(folder: Path, ledger: Ledger) -> tuple[Path, int]:
    """A configuration for all parts and the ready devices, and the port of the dossier's API."""
    hci = next(ready["hci"] for ready in ledger.ready.values() if "hci" in ready)
    serial = {name: ready["port"] for name, ready in ledger.ready.items() if "port" in ready}
    page, mqtt, dossier = free_port(), free_port(), free_port()
    config = folder / "devicehub.toml"
    config.write_text(
        f"""
[station]
id = "salle-1"
site = "essai"
listen = "127.0.0.1:{page}"
data = "{folder / "station"}"
simulation = true
[mqtt]
port = {mqtt}
[broker]
listen = "127.0.0.1:{mqtt}"
data = "{folder / "broker"}"
[dossier]
url = "http://127.0.0.1:{dossier}"
[dossier_service]
id = "essai"
listen = "127.0.0.1:{dossier}"
store = "{folder / "dossier.sqlite"}"
[bluetooth]
radio = "virtual:{hci}"
accept = "any"
[confirm]
policy = "none"
"""
        + "".join(
            f'[[device]]\nid = "balance"\nname = "Balance"\nport = "{port}"\ndriver = "{driver}"\n'
            for driver, port in serial.items()
        ),
        encoding="utf-8",
    )
    return config, dossier


async def open_visit_long_ago(folder: Path, dossier: int) -> None:
    """A visit that was open before everything that will be measured, records of a memory included."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{dossier}") as client:

        async def answers() -> bool:
            try:
                return (await client.get("/health")).status_code == 200
            except httpx.TransportError:
                return False

        for _ in range(800):
            if await answers():
                break
            await asyncio.sleep(0.05)
        answer = await client.post("/v1/visits", json={"identity": PATIENT, "station": "salle-1"})
        assert answer.status_code == 201, answer.text
        visit = answer.json()["visit"]
    async with Journal(folder / "station" / "journal.sqlite") as journal:
        await journal.open_visit(Visit(id=visit, opened_at=datetime.now(UTC) - timedelta(hours=1)))


@asynccontextmanager
async def attended(config: Path) -> AsyncIterator[None]:
    """A person at the page: confirms the patient after every start, and gives the visit what the tray holds."""
    found = re.search(r'^listen = "(.*)"', config.read_text("utf-8"), re.MULTILINE)
    assert found is not None

    async def attend() -> None:
        async with httpx.AsyncClient(base_url=f"http://{found[1]}", timeout=30) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    tray = (await client.get("/api/tray")).json()
                    visit = tray["visits"][0]["id"]
                    await client.post(f"/api/visits/{visit}/unlock", json={})
                    for reading in tray["readings"]:
                        said = {"visit": visit, "reason": "interrupted"}
                        path = f"/api/readings/{reading['reading']}/{reading['revision']}/assign"
                        await client.post(path, json=said)
                await asyncio.sleep(0.3)

    attending = asyncio.create_task(attend())
    try:
        yield
    finally:
        attending.cancel()
        await asyncio.wait({attending})
        if not attending.cancelled():
            attending.result()  # nobody was at the page


def waiting(journal: Path) -> int:
    """Readings that have no receipt yet or are in the tray, and frames not read yet, as the file has them."""
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as database:
        (unread,) = database.execute("SELECT count(*) FROM frame WHERE fate IS NULL").fetchone()
        (open_,) = database.execute(
            "SELECT count(*) FROM reading WHERE state IN ('accepted', 'published', 'quarantined')"
        ).fetchone()
    database.close()
    return int(unread) + int(open_)
