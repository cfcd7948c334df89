"""Station, broker and dossier killed at random while devices measure: nothing is lost, nothing is filed twice.

Each run is seeded and bounded. Afterwards it is proved that
- every frame the station committed has been read, and every reading made of one is filed exactly once;
- every measurement of a Bluetooth device is filed exactly once, unless the device had its confirmation and the
  station died before the frame was committed (the radio stack confirms an indication before anyone sees it);
- what may have begun before a restart is in the quarantine tray until a person, here the test, says whose it is;
- a scale has no memory: what it measured while nobody listened is counted as such, and nothing is invented.

``DEVICEHUB_KILL_SEEDS=1-20`` runs more seeds than the default.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import sqlite3
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from processes import (
    Ledger,
    Part,
    attended,
    configure,
    devices,
    open_visit_long_ago,
    until,
    waiting,
)

from devicehub.journal.journal import Journal

log = logging.getLogger(__name__)

KILLS = 6
MEASUREMENTS = 8
EVERY = 2.0
COMMIT_WINDOW = timedelta(seconds=2)
"""How long before a kill a confirmation may have come whose frame was never committed."""

BLE = ("sig_blood_pressure", "sig_thermometer")


def _seeds() -> list[int]:
    first, _, last = os.environ.get("DEVICEHUB_KILL_SEEDS", "1-2").partition("-")
    return list(range(int(first), int(last or first) + 1))


async def kill_at_random(chance: random.Random, parts: list[Part]) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.3, 3.0))
        victim = chance.choice(parts)
        await victim.kill()
        await asyncio.sleep(chance.uniform(0.0, 1.5))
        await victim.start()


@pytest.mark.slow
@pytest.mark.timeout(170)
@pytest.mark.parametrize("seed", _seeds())
async def test_nothing_is_lost_and_nothing_is_filed_twice(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    async with devices(
        (*BLE, "mt_sics"), every=EVERY, count=MEASUREMENTS, log=tmp_path / "devices.log"
    ) as (simulators, ledger):
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
            async with attended(config):
                await kill_at_random(chance, parts)
                # The devices end by themselves once everything in their memories is confirmed.
                try:
                    await asyncio.wait_for(simulators.wait(), 90)
                except TimeoutError:
                    said = station.log.read_text(encoding="utf-8", errors="replace")[-6000:]
                    pytest.fail(f"the devices still hold something in their memory:\n{said}")
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
                log.warning("%s: confirmed by the radio, killed before the commit", device)
                continue
            assert times == 1, f"{measurement} was filed {times} times"
    truths = [e["measurement"] for e in ledger.of("mt_sics", "measured")]
    weights = [reading for reading in readings if reading["kind"] == "body_weight"]
    missed = Counter(map(json.dumps, truths)) - Counter(map(json.dumps, weights))
    invented = Counter(map(json.dumps, weights)) - Counter(map(json.dumps, truths))
    assert not invented
    if missed:
        log.warning("mt_sics: %d weighed while nobody listened", missed.total())
