"""The identity reader over a real pseudo-terminal, and through a whole station: whom it reads goes nowhere else."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
from ports import free_port
from processes import Part, until
from vitals_room import Room

from devicehub.app.reception import make_reception
from devicehub.config.tree import Reader
from devicehub.delivery.address import Address
from devicehub.delivery.message import Incoming
from devicehub.delivery.mqtt import MqttClient
from devicehub.station.board import Board
from devicehub.transport.serial import SILENCE
from devicehub.visit.ins import INS_NIR_TEST
from devicehub.visit.operators import Operators
from devicehub.visit.patient import Ins, PatientIdentity
from devicehub.visit.reader import run_reader
from devicehub.visit.scan import read_scan

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

from devicehub.testing.reader_body import ALICE, BRUNO, ReaderBody, ins_code

CANARY = PatientIdentity(
    family_name="TEST-ZIBULONQUE",
    given_name="ORGLUBINE",
    born=date(1931, 7, 23),
    sex="F",
    ins=Ins(matricule="231079999987787", oid=INS_NIR_TEST),
)
WORDS = ("ZIBULONQUE", "ORGLUBINE", "231079999987787", "1931-07-23", "23-07-1931", "23/07/1931")

pytestmark = pytest.mark.timeout(120)


class Desk:
    """What a reader has read, and whether it can be."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.news: list[str | None] = []

    async def take(self, line: bytes) -> None:
        self.lines.append(line)

    @property
    def patients(self) -> list[str]:
        """Who was read, and ``?`` for what was not understood."""
        names = []
        for line in self.lines:
            try:
                who = read_scan(line, simulation=True)
            except ValueError:
                names.append("?")
            else:
                names += [who.given_name] if isinstance(who, PatientIdentity) else []
        return names


@asynccontextmanager
async def reading(port: str) -> AsyncIterator[Desk]:
    desk = Desk()
    task = asyncio.create_task(run_reader(port, {}, take=desk.take, show=desk.news.append))
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.wait({task})


async def listening(body: ReaderBody, desk: Desk) -> None:
    await body.opened()
    await until(lambda: desk.news[-1:] == [None], "the reader's port is open")


async def test_two_patients_in_quick_succession_are_two() -> None:
    async with ReaderBody() as body, reading(body.path) as desk:
        await listening(body, desk)
        body.scan(ins_code(ALICE))
        body.scan(ins_code(BRUNO))
        await until(lambda: desk.patients == ["ALICE", "BRUNO"], "both were read, in order")


@pytest.mark.parametrize(
    ("garbage", "read"),
    [
        (b"\x00\xff\x1d~", ["ALICE", "BRUNO"]),
        (b"3400930000000\r\n", ["ALICE", "?", "BRUNO"]),
        (ins_code(ALICE)[:70], ["ALICE", "BRUNO"]),
        (b"X" * 5000 + b"\r", ["ALICE", "?", "BRUNO"]),
    ],
    ids=["noise", "another code", "half a code", "too much"],
)
async def test_garbage_between_two_patients_is_neither(garbage: bytes, read: list[str]) -> None:
    async with ReaderBody() as body, reading(body.path) as desk:
        await listening(body, desk)
        body.scan(ins_code(ALICE))
        await until(lambda: desk.patients == ["ALICE"], "the first was read")
        for at in range(0, len(garbage), 500):
            body.send(garbage[at : at + 500])
            await asyncio.sleep(0.02)  # no faster than a terminal's buffer is emptied
        body.scan(ins_code(BRUNO))
        await until(lambda: desk.patients[-1:] == ["BRUNO"], "the second was read")
        assert desk.patients == read


async def test_half_a_code_and_silence_is_nobody() -> None:
    code = ins_code(ALICE)
    async with ReaderBody() as body, reading(body.path) as desk:
        await listening(body, desk)
        body.send(code[: len(code) - 4])
        await asyncio.sleep(1.5 * SILENCE.total_seconds())
        assert desk.lines == []
        body.scan(ins_code(BRUNO))
        await until(lambda: desk.patients != [], "the next one was read")
        assert desk.patients == ["BRUNO"]


async def test_a_reader_that_was_unplugged_comes_back(tmp_path: Path) -> None:
    port = tmp_path / "reader"
    async with reading(str(port)) as desk:
        async with ReaderBody() as body:
            port.symlink_to(body.path)
            await listening(body, desk)
            body.send(ins_code(ALICE)[:60])
            port.unlink()
        await until(lambda: desk.news[-1] is not None, "it is lost")
        assert str(port) in str(desk.news[-1])
        async with ReaderBody() as again:
            port.symlink_to(again.path)
            await listening(again, desk)
            again.scan(ins_code(BRUNO))
            await until(lambda: desk.patients == ["BRUNO"], "it reads again, and no half before")


async def test_a_scan_closes_no_visit_that_a_person_opens_at_the_same_moment(
    tmp_path: Path,
) -> None:
    async with Room(tmp_path, "http://127.0.0.1:1") as room:
        reception = make_reception(
            Reader(port="reader", opens_visit=True),
            room.desk,
            Board(simulation=True),
            Operators(tmp_path / "nobody.json"),
        )
        opened, _ = await asyncio.gather(
            room.desk.open(CANARY, author="nurse"), reception.scan(ins_code(ALICE) + b"\r")
        )
        assert room.desk.visit == opened
        assert [line[:2] for line in await room.audit()] == [("nurse", "open_visit")]


async def test_the_simulated_reader_scans_once_somebody_listens() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devicehub", "simulate", "identity_reader"),
        *("--hci", "tcp-server:127.0.0.1:0", "--every", "0.1", "--count", "3", "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    assert ready["event"] == "ready"
    async with reading(ready["port"]) as desk:
        await until(lambda: len(desk.patients) == 3, "three were scanned")
        assert desk.patients == ["ALICE", "BRUNO", "ALICE"]
        said, _ = await process.communicate()
    assert process.returncode == 0
    told = [json.loads(line) for line in said.splitlines()]
    assert told == [{"event": "scanned", "device": "identity_reader"}] * 3, "no identity"


@asynccontextmanager
async def broker_traffic(port: int) -> AsyncIterator[list[bytes]]:
    """Everything the broker passes on, topics included."""
    heard: list[bytes] = []

    async def hear(message: Incoming) -> None:
        heard.append(message.topic.encode() + b" " + message.payload)

    async with MqttClient(
        Address("127.0.0.1", port), subscriptions=("devicehub/#",), on_message=hear
    ) as client:
        await asyncio.wait_for(client.connected.wait(), 20)
        yield heard


def disguises(word: str) -> list[bytes]:
    """A word as files and wires may hold it."""
    plain = [word.encode(), word.encode("utf-16-le"), word.lower().encode(), word.title().encode()]
    return [*plain, *(each.hex().encode() for each in plain), word.encode().hex(" ").encode()]


def traces(folder: Path, traffic: list[bytes]) -> list[str]:
    """Where the canary was seen."""
    seen = []
    places = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    places["the broker's traffic"] = b"\n".join(traffic)
    for place, content in places.items():
        if Path(place).name.startswith("dossier.sqlite"):
            continue  # the dossier alone keeps whom a visit is about
        seen += [
            f"{word} in {place}"
            for word in WORDS
            if any(trace in content for trace in disguises(word))
        ]
    return seen


def has_said(part: Part, word: str) -> bool:
    """Whether a word is in a program's log. Fails the test where it has ended."""
    said = part.log.read_text("utf-8")
    if part.process is not None and part.process.returncode is not None:
        pytest.fail(f"{part.name} ended:\n{said[-2000:]}")
    return word in said


async def shown_in(client: httpx.AsyncClient, pattern: str) -> str:
    """What of the page's text fits, once it does."""
    async with asyncio.timeout(20):
        while True:
            found = re.search(pattern, (await client.get("/")).text)
            if found is not None:
                return found[0]
            await asyncio.sleep(0.05)


async def test_whom_it_reads_is_on_the_page_and_at_the_dossier_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")  # the loop's own talk is looked at, too
    page, mqtt, api = free_port(), free_port(), free_port()
    config = tmp_path / "devicehub.toml"
    async with ReaderBody() as body:
        config.write_text(
            f"""
[station]
id = "salle-1"
site = "essai"
listen = "127.0.0.1:{page}"
data = "{tmp_path / "station"}"
simulation = true
[mqtt]
port = {mqtt}
[broker]
listen = "127.0.0.1:{mqtt}"
data = "{tmp_path / "broker"}"
[dossier]
url = "http://127.0.0.1:{api}"
[dossier_service]
id = "essai"
listen = "127.0.0.1:{api}"
store = "{tmp_path / "dossier.sqlite"}"
[bluetooth]
radio = "none"
[reader]
port = "{body.path}"
""",
            encoding="utf-8",
        )
        parts = [
            Part("broker", ("broker", "--config", str(config)), tmp_path / "broker.log"),
            Part(
                "dossier",
                ("dossier", "--config", str(config), "--simulation"),
                tmp_path / "dossier.log",
            ),
            Part("station", ("run", "--config", str(config)), tmp_path / "station.log"),
        ]
        try:
            for part in parts:
                await part.start()
            for part in parts[1:]:
                await until(partial(has_said, part, "mqtt.up"), f"the {part.name} is up")
            await body.opened()
            async with (
                broker_traffic(mqtt) as traffic,
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{page}") as client,
            ):
                await until(partial(has_said, parts[2], "reader_connected"), "it reads")
                code = ins_code(CANARY)
                for damaged in (
                    code.replace(b"231079", b"231078"),
                    code.replace(b"\x1d", b""),
                    code[:-3],
                    code.replace(b"ZIB", b"Z\xff"),
                    code,
                ):
                    body.scan(damaged)
                proposal = await shown_in(client, r"/api/proposals/[0-9a-f-]+/open")
                assert "TEST-ZIBULONQUE" in (await client.get("/")).text
                answer = await client.post(proposal, json={})
                assert answer.status_code == 200, answer.text
                board = (await client.get("/api/board")).json()
                visit = board["visit"]["id"]
                assert answer.json() == {"visit": visit}
                known: dict[str, object] = {}
                async with asyncio.timeout(20):
                    while "identity" not in known:
                        dossier = await client.get(f"http://127.0.0.1:{api}/v1/visits/{visit}")
                        known = dossier.json()
                        await asyncio.sleep(0.05)
                assert known["identity"] == CANARY.model_dump(mode="json")
                assert not any(word in str(board) for word in WORDS)
                planned = await client.post(
                    f"http://127.0.0.1:{api}/v1/visits",
                    json={
                        "identity": CANARY.model_dump(mode="json"),
                        "planned_at": datetime.now(UTC).isoformat(),
                    },
                )
                slip = planned.json()["visit"]
                body.scan(slip.encode())
                proposal = await shown_in(client, r"/api/proposals/[0-9a-f-]+/open")
                assert "La visite ouverte de TEST-ZIBULONQUE" in (await client.get("/")).text
                answer = await client.post(proposal, json={"closes": visit})
                assert answer.status_code == 200, answer.text
                board = (await client.get("/api/board")).json()
                assert board["visit"]["id"] == slip != visit, "it keeps the dossier's id"
                body.scan(visit.encode())  # a slip with the id of a visit that is over
                await shown_in(client, "Cette visite est déjà close")
        finally:
            for part in reversed(parts):
                await part.stop()
        assert traffic, "the broker was listened to"
        assert "scan_refused reason=key" in parts[2].log.read_text("utf-8"), "reasons are logged"
        assert traces(tmp_path, traffic) == []
        with sqlite3.connect(tmp_path / "station" / "journal.sqlite") as journal:
            assert journal.execute("SELECT count(*) FROM frame").fetchone() == (0,)
        journal.close()
