"""A hundred simulated Bluetooth devices in one process: each is found, read, and filed once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from processes import Part, attended, configure, devices, open_visit_long_ago, until

DEVICES = 100


@pytest.mark.slow
@pytest.mark.timeout(170)
async def test_a_hundred_devices_are_found_read_and_filed(tmp_path: Path) -> None:
    kinds = ("sig_thermometer", "sig_blood_pressure")
    ids = [f"{kinds[number % 2]}#{number}" for number in range(DEVICES)]
    async with devices(ids, every=6.0, count=1, log=tmp_path / "devices.log") as (_, ledger):
        config, port = configure(tmp_path, ledger)
        parts = [
            Part(words[0], (*words, "--config", str(config)), tmp_path / f"{words[0]}.log")
            for words in (("broker",), ("dossier", "--simulation"), ("run",))
        ]
        try:
            for part in parts[:2]:
                await part.start()
            await open_visit_long_ago(tmp_path, port)
            await parts[2].start()
            store = tmp_path / "dossier.sqlite"
            async with attended(config):
                await until(lambda: sum(filed(store).values()) >= DEVICES, "all are filed", 120.0)
            assert set(filed(store).values()) == {1}
            assert len(filed(store)) == DEVICES
        finally:
            for part in reversed(parts):
                await part.stop()


def filed(store: Path) -> Counter[str]:
    """How many readings the dossier has of each device."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT json_extract(body, '$.device.id') FROM readings").fetchall()
    database.close()
    return Counter(row[0] for row in rows)
