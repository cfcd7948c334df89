"""Pairing with six digits, as a person does it: one program is the device, another asks at the terminal."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 30.0


async def _next(device: Process, event: str) -> dict[str, Any]:
    assert device.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while line := await device.stdout.readline():
            news: dict[str, Any] = json.loads(line)
            if news["event"] == event:
                return news
    pytest.fail(f"the simulator ended before it was {event}")


async def _start(*words: str, stdin: int | None = None, stderr: int = PIPE) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devicehub", *words), stdin=stdin, stdout=PIPE, stderr=stderr
    )


@asynccontextmanager
async def simulated() -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    """The simulated monitor, and what it said when it was ready."""
    device = await _start("simulate", "omron_blesmart", "--json", stderr=DEVNULL)
    try:
        yield device, await _next(device, "ready")
    finally:
        device.kill()
        await device.communicate()


def configuration(folder: Path, ready: dict[str, Any]) -> tuple[str, ...]:
    """The options and the address that a command takes."""
    path = folder / "devicehub.toml"
    radio = f"virtual:{ready['hci']}"
    path.write_text(
        f'[station]\nid = "salle-1"\nsite = "cabinet"\ndata = "data"\n[bluetooth]\nradio = "{radio}"\n',
        "utf-8",
    )
    return ("--config", str(path), ready["address"])


async def test_the_simulator_shows_the_digits_that_a_person_types(tmp_path: Path) -> None:
    async with simulated() as (device, ready):
        asked = configuration(tmp_path, ready)
        pair = await _start("pair", *asked, stdin=PIPE)
        shown = await _next(device, "passkey")
        async with asyncio.timeout(PATIENCE):
            _, said = await pair.communicate(f"letters\n{shown['digits']}\n".encode())
        assert (pair.returncode, b"bonded with" in said) == (0, True), said
        assert b"the six digits it shows are needed" in said
        forget = await _start("bonds", "forget", *asked)
        async with asyncio.timeout(PATIENCE):
            await forget.communicate()
        assert forget.returncode == 0
        again = await _start("bonds", "forget", *asked)
        async with asyncio.timeout(PATIENCE):
            _, said = await again.communicate()
        assert (again.returncode, b"nothing to forget" in said) == (2, True), said


@pytest.mark.parametrize("digits", ["000000\n", "\n", ""])
async def test_digits_that_are_not_the_devices_end_in_words(tmp_path: Path, digits: str) -> None:
    async with simulated() as (_, ready):
        pair = await _start("pair", *configuration(tmp_path, ready), stdin=PIPE)
        async with asyncio.timeout(PATIENCE):
            _, said = await pair.communicate(digits.encode())
    assert pair.returncode == 1, said
    assert b"pairing was refused: " in said
    assert b"pairing mode again" in said
    for jargon in (b"ProtocolError", b"Traceback", b"assert"):
        assert jargon not in said
