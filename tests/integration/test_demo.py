"""The demo as somebody sees it who has just cloned the repository: by its command, in processes of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

PATIENCE_SECONDS = 60.0
"""What the demo promises: by then it has said what there is to say, or why not."""

PARTS = {"simulate", "dossier", "run", "nats-server"}
"""A word of each command line."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where the demo keeps its files: what it leaves there can be seen."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@asynccontextmanager
async def demo(
    scratch: Path, *arguments: str, to: int = asyncio.subprocess.PIPE
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``devicehub demo`` with these arguments; nothing of it outlives the context."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devicehub", "demo", *arguments),
        env={**os.environ, "TMPDIR": str(scratch)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=to,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a terminal of its own, as far as Ctrl-C goes
    )
    family: set[psutil.Process] = set()
    try:
        yield process
    finally:
        if process.returncode is None:
            family.update(psutil.Process(process.pid).children(recursive=True))
            process.kill()
            await process.wait()
        for child in family:
            if child.is_running():
                child.kill()


def children(process: asyncio.subprocess.Process) -> dict[str, psutil.Process]:
    """The demo's own processes, by what they do."""
    found = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        words = " ".join(child.cmdline())
        found.update({name: child for name in PARTS if re.search(rf"[ /]{name}\b", words)})
    return found


async def all_said(process: asyncio.subprocess.Process) -> tuple[str, str]:
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    return out.decode(), err.decode()


async def first_line(process: asyncio.subprocess.Process, containing: str) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for line in process.stdout:
            if containing in line.decode():
                return line.decode()
    _, err = await all_said(process)
    pytest.fail(f"the demo ended without a word of {containing!r}:\n{err}")


async def test_once_tells_of_three_readings_that_were_filed(scratch: Path) -> None:
    async with demo(scratch, "--once", "--json") as process:
        out, err = await all_said(process)
    assert (process.returncode, err) == (0, "")
    readings = [json.loads(line) for line in out.splitlines()]
    assert {reading["kind"] for reading in readings} == {
        "blood_pressure",
        "body_temperature",
        "body_weight",
    }
    assert len(readings) == len({reading["device"] for reading in readings}) == 3
    for reading in readings:
        assert reading["state"] == "filed"
        took = reading["milliseconds"]
        assert set(took) == {"saved", "published", "filed"}
        assert 0 < took["saved"] <= min(took["published"], took["filed"])
        assert all(isinstance(number, int | float) for number in took.values())
    assert not list(scratch.iterdir()), "nothing is left behind"


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is Unix's")
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_whole_room_files_every_planned_reading_once(scratch: Path) -> None:
    async with demo(scratch, "--room", "vitals", "--once", "--json") as process:
        out, err = await asyncio.wait_for(process.communicate(), 220)
    assert (process.returncode, err.decode()) == (0, "")
    readings = [json.loads(line) for line in out.decode().splitlines()]
    assert sorted((reading["device"], reading["kind"]) for reading in readings) == [
        ("ecg", "ecg_preparation"),
        ("oxymetre", "oxygen_saturation"),
        ("tensiometre", "blood_pressure"),
        ("thermometre", "body_temperature"),
        ("toise", "body_height"),
        ("toise", "body_mass_index"),
        ("toise", "body_weight"),
    ]
    assert {reading["state"] for reading in readings} == {"filed"}
    assert len({reading["reading"] for reading in readings}) == len(readings)
    (visit,) = {reading["visit"] for reading in readings}
    assert re.fullmatch(r"v-[0-9a-f]{20}", visit), "the visit that the identity reader opened"
    assert not list(scratch.iterdir()), "nothing is left behind"


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is Unix's")
async def test_the_rooms_reader_opens_the_visit_and_proposes_the_next(scratch: Path) -> None:
    async with demo(scratch, "--room", "vitals", "--lang", "en") as process:
        page = (await first_line(process, "Station page")).split()[2]
        async with httpx.AsyncClient(base_url=page) as client:
            board = (await client.get("/api/board")).json()
            first = await client.get("/")
            (folder,) = scratch.iterdir()
            shown = await client.get("/")
            async with asyncio.timeout(PATIENCE_SECONDS):
                while "/open" not in shown.text:
                    await asyncio.sleep(0.5)
                    shown = await client.get("/")
        log = (folder / "station.log").read_text(encoding="utf-8")
        process.send_signal(signal.SIGINT)
        _, err = await all_said(process)
    assert (process.returncode, err) == (0, "")
    assert board["visit"] is not None
    assert "ALICE" in first.text
    assert "BRUNO" in shown.text
    assert "The open visit of TEST ALICE will be closed." in shown.text
    assert "ALICE" not in log
    assert "BRUNO" not in log


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", ("SIMULÉS", "enregistré", "classé", "Tensiomètre", "Balance", "kg", "mmHg", ",")),
        ("en", ("SIMULATED", "saved", "filed", "Cuff", "Scale", "kg", "mmHg", ".")),
    ],
)
async def test_the_text_speaks_to_a_person(
    language: str, words: tuple[str, ...], scratch: Path
) -> None:
    async with demo(scratch, "--once", "--lang", language) as process:
        out, err = await all_said(process)
    assert (process.returncode, err) == (0, "")
    assert "\x1b" not in out, "no colours in a file"
    assert all(word in out for word in words), out
    assert len([line for line in out.splitlines() if line.count("✓") == 3]) == 3, out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("reaches", ["the demo alone", "every process of the terminal"])
async def test_ctrl_c_ends_everything(reaches: str, scratch: Path) -> None:
    async with demo(scratch) as process:
        await first_line(process, "Page du poste")
        family = children(process)
        assert set(family) == PARTS
        if reaches == "the demo alone":
            process.send_signal(signal.SIGINT)
        else:
            os.killpg(process.pid, signal.SIGINT)
        _, err = await all_said(process)
    assert (process.returncode, err) == (0, "")
    assert not [name for name, child in family.items() if child.is_running()]
    assert not list(scratch.iterdir())


@pytest.mark.parametrize(
    ("victim", "named"),
    [("simulate", "devices"), ("run", "station"), ("nats-server", "broker")],
)
async def test_a_part_that_dies_is_named(victim: str, named: str, scratch: Path) -> None:
    async with demo(scratch, "--once") as process:
        await first_line(process, "Page du poste")
        family = children(process)
        family[victim].kill()
        _, err = await all_said(process)
    assert process.returncode == 1
    assert err.startswith(f"devicehub demo: {named} ended"), err
    assert "Traceback" not in err
    (logs,) = scratch.iterdir()
    assert str(logs) in err, "it says where the logs are, and they are there"
    assert (logs / "station.log").exists()
    assert not [name for name, child in family.items() if child.is_running()]


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is Unix's")
async def test_the_view_fits_a_terminal_of_80_by_24(scratch: Path) -> None:
    master, slave = os.openpty()
    os.set_blocking(master, False)
    seen = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(master, lambda: seen.extend(os.read(master, 65536)))
    try:
        async with demo(scratch, "--once", to=slave) as process:
            _, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
            with suppress(BlockingIOError):  # nothing more is there
                while True:
                    seen.extend(os.read(master, 65536))
    finally:
        loop.remove_reader(master)
        os.close(slave)
        os.close(master)
    assert (process.returncode, err) == (0, b"")
    screens = seen.decode().split("\x1b[H")
    last = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", screens[-1]).replace("\r", "").splitlines()
    print("\n".join(last))  # noqa: T201 - to look at, with -s
    assert max(map(len, last)) <= 80
    assert len(last) <= 24
    assert len([line for line in last if line.count("✓") == 3]) == 3
    assert len([line for line in last if "SIMUL" in line]) == 1
