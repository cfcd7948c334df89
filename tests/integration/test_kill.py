"""Station, broker and dossier killed at random while devices measure: nothing is lost, nothing is filed twice.

Each run is seeded and bounded. Afterwards it is proved that
- every frame the station committed has been read, and every reading made of one is filed exactly once;
- every measurement of a Bluetooth device is filed exactly once, unless the device had its confirmation and the
  station died before the frame was committed (the radio stack confirms an indication before anyone sees it);
- a scale has no memory: what it measured while nobody listened is counted as such, and nothing is invented.

``DEVICEHUB_KILL_SEEDS=1-20`` runs more seeds than the default.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from devicehub.journal.journal import Journal
from devicehub.journal.records import Visit

KILLS = 6
MEASUREMENTS = 8
EVERY = 2.0
COMMIT_WINDOW = timedelta(seconds=2)
"""How long before a kill a confirmation may have come whose frame was never committed."""

BLE = ("sig_blood_pressure", "sig_thermometer")
PATIENT = {"family_name": "TEST", "given_name": "Alice", "born": "1970-01-01", "sex": "F"}


def _seeds() -> list[int]:
    first, _, last = os.environ.get("DEVICEHUB_KILL_SEEDS", "1-2").partition("-")
    return list(range(int(first), int(last or first) + 1))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


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
async def devices(log: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Ledger]]:
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devicehub", "simulate", *BLE, "mt_sics"),
            *("--hci", "tcp-server:127.0.0.1:0", "--every", str(EVERY)),
            *("--count", str(MEASUREMENTS), "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    ledger = Ledger()
    assert process.stdout is not None
    reading = asyncio.create_task(ledger.read(process.stdout))
    try:
        await until(lambda: len(ledger.ready) == 3, "the simulators are ready")
        yield process, ledger
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


async def until(condition: Any, what: str, seconds: float = 60.0) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"after {seconds:.0f} s still not: {what}")


def configure(folder: Path, ledger: Ledger) -> tuple[Path, int]:
    page, mqtt, dossier = _free_port(), _free_port(), _free_port()
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
radio = "virtual:{ledger.ready[BLE[0]]["hci"]}"
accept = "any"
[confirm]
policy = "none"
[[device]]
id = "balance"
name = "Balance"
port = "{ledger.ready["mt_sics"]["port"]}"
driver = "mt_sics"
""",
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

        for _ in range(200):
            if await answers():
                break
            await asyncio.sleep(0.05)
        answer = await client.post("/v1/visits", json={"identity": PATIENT, "station": "salle-1"})
        assert answer.status_code == 201, answer.text
        visit = answer.json()["visit"]
    async with Journal(folder / "station" / "journal.sqlite") as journal:
        await journal.open_visit(Visit(id=visit, opened_at=datetime.now(UTC) - timedelta(hours=1)))


async def kill_at_random(chance: random.Random, parts: list[Part]) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.3, 3.0))
        victim = chance.choice(parts)
        await victim.kill()
        await asyncio.sleep(chance.uniform(0.0, 1.5))
        await victim.start()


def waiting(journal: Path) -> int:
    """Readings that have no receipt yet, and frames not read yet, as the file on disk has them."""
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as database:
        (unread,) = database.execute("SELECT count(*) FROM frame WHERE fate IS NULL").fetchone()
        (open_,) = database.execute(
            "SELECT count(*) FROM reading WHERE state IN ('accepted', 'published')"
        ).fetchone()
    database.close()
    return int(unread) + int(open_)


@pytest.mark.slow
@pytest.mark.timeout(170)
@pytest.mark.parametrize("seed", _seeds())
async def test_nothing_is_lost_and_nothing_is_filed_twice(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    async with devices(tmp_path / "devices.log") as (simulators, ledger):
        config, dossier_port = configure(tmp_path, ledger)
        broker, dossier, station = (
            Part(words[0], (*words, "--config", str(config)), tmp_path / f"{words[0]}.log")
            for words in (("broker",), ("dossier", "--simulation"), ("run",))
        )
        parts = [broker, dossier, station]
        try:
            await broker.start()
            await dossier.start()
            await open_visit_long_ago(tmp_path, dossier_port)
            await station.start()
            await kill_at_random(chance, parts)
            # The devices end by themselves once everything in their memories is confirmed.
            await asyncio.wait_for(simulators.wait(), 60)
            journal = tmp_path / "station" / "journal.sqlite"
            await until(lambda: waiting(journal) == 0, "everything has its receipt")
        finally:
            for part in reversed(parts):
                await part.stop()
    await prove(tmp_path, ledger, station.killed)


async def prove(folder: Path, ledger: Ledger, kills: list[datetime]) -> None:
    async with Journal(folder / "station" / "journal.sqlite") as journal:
        filings = await journal.latest(10_000)
    with sqlite3.connect(folder / "dossier.sqlite") as database:
        filed = Counter(row[0] for row in database.execute("SELECT id FROM readings"))
        bodies = [json.loads(row[0]) for row in database.execute("SELECT body FROM readings")]
    database.close()
    assert all(filing.state == "filed" for filing in filings)
    assert set(filed) == {filing.reading.id.hex for filing in filings} or set(filed) == {
        str(filing.reading.id) for filing in filings
    }
    assert set(filed.values()) <= {1}

    readings = [body["measurement"] for body in bodies]
    for device in BLE:
        truths = ledger.of(device, "measured")
        confirmed = {
            e["measurement"]["device_time"]: e["at"] for e in ledger.of(device, "confirmed")
        }
        assert len(truths) == MEASUREMENTS
        for truth in truths:
            measurement = truth["measurement"]
            times = sum(reading == measurement for reading in readings)
            at = confirmed[measurement["device_time"]]
            if times == 0 and any(
                timedelta() <= kill - datetime.fromisoformat(at) < COMMIT_WINDOW for kill in kills
            ):
                print(f"{device}: confirmed by the radio, station killed before the commit")
                continue
            assert times == 1, f"{measurement} was filed {times} times"
    truths = [e["measurement"] for e in ledger.of("mt_sics", "measured")]
    weights = [reading for reading in readings if reading["kind"] == "body_weight"]
    missed = Counter(map(json.dumps, truths)) - Counter(map(json.dumps, weights))
    invented = Counter(map(json.dumps, weights)) - Counter(map(json.dumps, truths))
    assert not invented
    if missed:
        print(f"mt_sics: {missed.total()} weighed while nobody listened (a scale has no memory)")
