"""The product as its users run it: every program a process of its own, from the example configuration.

Broker, dossier and station are started as the manual says, the devices by ``devicehub simulate``; what is asked
of them goes through the station's HTTP and ``devicehub dossier show``. Once with the embedded broker (MQTT
3.1.1), once with Debian's mosquitto (MQTT 5, TLS, client certificate, password, access list).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from ports import free_port

if TYPE_CHECKING:
    from tests.integration.conftest import Certificates, ExampleMosquitto

EXAMPLE = Path(__file__).parents[2] / "config" / "devicehub.example.toml"
PATIENCE_SECONDS = 40.0
PATIENT = {"family_name": "TEST", "given_name": "Alice", "born": "1970-01-01", "sex": "F"}
NEXT_PATIENT = {"family_name": "TEST", "given_name": "Basile", "born": "1980-02-02", "sex": "M"}
DEVICES = {
    "tensiometre": "sig_blood_pressure",
    "thermometre": "sig_thermometer",
    "balance": "mt_sics",
}
"""The devices of the example configuration, and their drivers."""

SEEN_IDLE = 6.0
"""Seconds between two measurements of a Bluetooth device that let a station see when one begins."""

PASSWORD = "an invented password"

pytestmark = pytest.mark.timeout(120)


async def until(
    condition: Callable[[], Awaitable[bool]], what: str, seconds: float = PATIENCE_SECONDS
) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - it is told by other processes
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"after {seconds:.0f} s still not: {what}")


class Program:
    """One ``devicehub`` command in a process of its own; its log is a file."""

    def __init__(
        self, folder: Path, words: tuple[str, ...], environment: Mapping[str, str]
    ) -> None:
        self.words = words
        self._log = folder / f"{words[0]}.log"
        self._environment = {**os.environ, **environment}
        self._process: asyncio.subprocess.Process | None = None
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._lines = asyncio.Queue()
        with self._log.open("ab") as log:
            process = self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "devicehub", *self.words),
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )

        self._reader = asyncio.create_task(self._read(process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._lines.put_nowait(line.decode())
        self._lines.put_nowait("")

    async def line(self) -> str:
        """The next line it prints."""
        line = await asyncio.wait_for(self._lines.get(), PATIENCE_SECONDS)
        if not line:
            pytest.fail(f"{self.words[0]} ended:\n{self.said()[-2000:]}")
        return line

    def lines(self) -> list[str]:
        """What else it has printed by now."""
        return [self._lines.get_nowait() for _ in range(self._lines.qsize())]

    def said(self) -> str:
        return self._log.read_text("utf-8", "replace")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def stop(self) -> None:
        """Ask it to end, which it must do in order; a person would press Ctrl-C."""
        process, self._process = self._process, None
        if process is None or self._reader is None:
            return
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await self._reader
        assert process.returncode == 0, f"{self.words[0]}:\n{self.said()[-2000:]}"


class Broker(ABC):
    """A broker of the practice, and what the programs must be told to use it."""

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...

    @abstractmethod
    def expect(self, password: str) -> None:
        """Let the station in with this password; from the next start on."""

    @abstractmethod
    def settings(self, user: str) -> dict[str, str]: ...


class Embedded(Broker):
    """``devicehub broker``."""

    def __init__(self, program: Callable[..., Program]) -> None:
        self._make = program
        self._port = free_port()
        self._password = PASSWORD
        self._program: Program | None = None

    async def start(self) -> None:
        self._program = self._make(
            "broker",
            environment={
                "DEVICEHUB__BROKER__LISTEN": f"127.0.0.1:{self._port}",
                "DEVICEHUB__BROKER__USER": "salle-1",
                "DEVICEHUB__BROKER__PASSWORD": self._password,
            },
        )
        await self._program.start()
        assert await self._program.line() == f"mqtt://127.0.0.1:{self._port}\n"

    async def stop(self) -> None:
        if self._program is not None:
            await self._program.stop()

    def expect(self, password: str) -> None:
        self._password = password

    def settings(self, user: str) -> dict[str, str]:
        return {
            "DEVICEHUB__MQTT__PORT": str(self._port),
            "DEVICEHUB__MQTT__VERSION": "3.1.1",
            "DEVICEHUB__MQTT__USER": "salle-1",  # it knows one user
            "DEVICEHUB__MQTT__PASSWORD": PASSWORD,
        }


class Own(Broker):
    """A mosquitto of the practice's own, configured as our example says."""

    def __init__(self, mosquitto: ExampleMosquitto, certificates: Certificates) -> None:
        self._mosquitto = mosquitto
        self._tls = certificates.client
        mosquitto.users = {"salle-1": PASSWORD, "dossier-1": PASSWORD}

    async def start(self) -> None:
        await self._mosquitto.start()

    async def stop(self) -> None:
        await self._mosquitto.stop()

    def expect(self, password: str) -> None:
        self._mosquitto.users["salle-1"] = password

    def settings(self, user: str) -> dict[str, str]:
        return {
            "DEVICEHUB__MQTT__PORT": str(self._mosquitto.port),
            "DEVICEHUB__MQTT__VERSION": "5",
            "DEVICEHUB__MQTT__USER": user,
            "DEVICEHUB__MQTT__PASSWORD": PASSWORD,
            "DEVICEHUB__MQTT__TLS__CA": str(self._tls.ca),
            "DEVICEHUB__MQTT__TLS__CERTIFICATE": str(self._tls.certificate),
            "DEVICEHUB__MQTT__TLS__KEY": str(self._tls.key),
        }


class Room:
    """A vitals room: a configuration file and the programs that read it."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.page = ""
        self.dossier_api = f"127.0.0.1:{free_port()}"
        self._stack = stack
        self._radio = "none"

    def program(self, *words: str, environment: Mapping[str, str]) -> Program:
        """A command that reads the room's configuration."""
        config = ("--config", str(self.folder / "devicehub.toml"))
        places = {
            "DEVICEHUB__STATION__LISTEN": "127.0.0.1:0",
            "DEVICEHUB__STATION__DATA": str(self.folder / "station"),
            "DEVICEHUB__BROKER__DATA": str(self.folder / "broker"),
            "DEVICEHUB__DOSSIER__URL": f"http://{self.dossier_api}",
            "DEVICEHUB__DOSSIER_SERVICE__LISTEN": self.dossier_api,
            "DEVICEHUB__DOSSIER_SERVICE__STORE": str(self.folder / "dossier.sqlite"),
            "DEVICEHUB__BLUETOOTH__RADIO": self._radio,
            "DEVICEHUB__CONFIRM__POLICY": "none",
        }
        return self.keep(Program(self.folder, (*words, *config), {**places, **environment}))

    def keep(self, program: Program) -> Program:
        """End it with the room, at the latest."""
        self._stack.push_async_callback(program.stop)
        return program

    async def switch_on(self, *drivers: str, every: float) -> Program:
        """Start the devices, and write the configuration that knows where they are."""
        words = ("simulate", *drivers, "--hci", "tcp-server:127.0.0.1:0", "--every", str(every))
        devices = self.keep(Program(self.folder, (*words, "--json"), {}))
        await devices.start()
        found = [json.loads(await devices.line()) for _ in drivers]
        text = EXAMPLE.read_text("utf-8")
        for news in found:
            written, ours = {
                "sig_blood_pressure": ('"00:00:5E:00:53:01"', f'"{news.get("address")}"'),
                "sig_thermometer": ('"TEST-THERMO"', '"SIM-THERMO"'),
                "mt_sics": ('port = "usb:0403:6001:A50285BI"', f'port = "{news.get("port")}"'),
            }[news["device"]]
            assert text.count(written) == 1, f"{written} stands in the example once"
            text = text.replace(written, ours)
            if "hci" in news:
                self._radio = f"virtual:{news['hci']}"
        (self.folder / "devicehub.toml").write_text(text, "utf-8")
        return devices

    async def open(self, station: Program) -> None:
        """Start the station; `page` is where it answers."""
        await station.start()
        ready = json.loads(await station.line())
        assert ready["event"] == "ready"
        self.page = ready["url"]

    async def open_visit(self, patient: Mapping[str, str], closes: str = "") -> str:
        async with httpx.AsyncClient(base_url=self.page) as client:
            answer = await client.post("/api/visits", json={**patient, "closes": closes})
        assert answer.status_code == 200, answer.text
        visit: str = answer.json()["visit"]
        return visit

    async def unlock(self) -> None:
        async with httpx.AsyncClient(base_url=self.page) as client:
            visit = (await client.get("/api/tray")).json()["visits"][0]["id"]
            answer = await client.post(f"/api/visits/{visit}/unlock", json={})
        assert answer.is_success, answer.text

    async def say(self, reading: str, act: str) -> dict[str, Any]:
        """A person's word on a reading; the station's answer."""
        async with httpx.AsyncClient(base_url=self.page) as client:
            answer = await client.post(f"/api/readings/{reading}/1/{act}", json={})
        assert answer.is_success, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def board(self) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.page) as client:
            board: dict[str, Any] = (await client.get("/api/board")).json()
        return board

    async def readings(self) -> dict[str, dict[str, Any]]:
        """The last reading of each device as the board has it, by device."""
        board = await self.board()
        return {
            tile["device"]: tile["readings"][0] for tile in board["devices"] if tile["readings"]
        }

    async def html(self) -> str:
        async with httpx.AsyncClient(base_url=self.page) as client:
            return (await client.get("/")).text

    async def states(self) -> set[tuple[str, str]]:
        return {(device, one["state"]) for device, one in (await self.readings()).items()}

    async def each_is(self, state: str, *devices: str) -> bool:
        """Whether the last reading of each of these devices is in this state."""
        return {(device, state) for device in devices} <= await self.states()

    async def show(self, *arguments: str) -> tuple[int, str]:
        """``devicehub dossier show``: its exit status, and what it prints."""
        show = self.program("dossier", "show", *arguments, environment={})
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devicehub", *show.words),
            env=show._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        assert process.returncode is not None
        return process.returncode, out.decode()

    async def filed(self, *arguments: str) -> list[dict[str, Any]]:
        status, out = await self.show("--json", *arguments)
        assert status == 0, out
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        yield Room(tmp_path, stack)


@pytest.fixture(params=["embedded", "mosquitto"])
def broker(request: pytest.FixtureRequest, room: Room) -> Broker:
    if request.param == "embedded":
        return Embedded(room.program)
    return Own(
        request.getfixturevalue("example_mosquitto"), request.getfixturevalue("certificates")
    )


@pytest.fixture
def embedded(room: Room) -> Broker:
    return Embedded(room.program)


def in_words(measurement: dict[str, Any]) -> str:
    return json.dumps(measurement, sort_keys=True)


def ids(filed: list[dict[str, Any]]) -> list[str]:
    return [entry["reading"]["id"] for entry in filed]


def a_station(room: Room, broker: Broker) -> Program:
    return room.program("run", "--json", environment=broker.settings("salle-1"))


def a_dossier(room: Room, broker: Broker, *arguments: str) -> Program:
    return room.program("dossier", *arguments, environment=broker.settings("dossier-1"))


async def test_what_the_devices_measure_is_filed_once_and_outlives_the_station(
    room: Room, broker: Broker
) -> None:
    devices = await room.switch_on(*DEVICES.values(), every=SEEN_IDLE)
    await broker.start()
    dossier, station = a_dossier(room, broker, "--simulation"), a_station(room, broker)
    await asyncio.gather(dossier.start(), room.open(station))
    assert await dossier.line() == f"devicehub: http://{room.dossier_api}\n"
    visit = await room.open_visit(PATIENT)
    await until(lambda: room.each_is("filed", *DEVICES), "every device's reading filed")
    await devices.stop()

    async def nothing_waits() -> bool:
        outbox = (await room.board())["outbox"]
        return outbox is not None and outbox["waiting"] == 0

    await until(nothing_waits, "the outbox is empty")
    filed = await room.filed()
    told = [json.loads(line) for line in devices.lines() if line]
    measured = Counter(
        in_words(news["measurement"]) for news in told if news["event"] == "measured"
    )
    said = Counter(in_words(entry["reading"]["measurement"]) for entry in filed)
    assert len(set(ids(filed))) == len(filed)
    assert not said - measured, "nothing is filed that was not measured, and nothing twice"
    assert {entry["reading"]["device"]["id"] for entry in filed} == set(DEVICES)
    assert {entry["reading"]["origin"] for entry in filed} == {"simulator"}

    shown, board = await room.readings(), await room.board()
    assert board["broker"]["up"] is True
    await station.stop()
    await room.open(station)
    assert (await room.board())["visit"] == board["visit"]

    async def knows_whose_visit_it_is() -> bool:
        return "Alice" in await room.html()

    await until(knows_whose_visit_it_is, "the station has asked the dossier for the identity")
    texts = [reading["text"].split()[0] for reading in shown.values()]
    locked = await room.html()
    assert not any(text in locked for text in texts), "nobody has confirmed the patient yet"
    for reading in (await room.readings()).values():
        assert reading["values"] == {}, "nor is a program told any value"
    await room.unlock()
    assert await room.readings() == shown, "the page shows the visit's values again"
    unlocked = await room.html()
    assert all(text in unlocked for text in texts)

    next_visit = await room.open_visit(NEXT_PATIENT, closes=visit)
    assert await room.readings() == {}, "nothing of one patient stands under the next"
    of_visit, of_next, (status, out) = await asyncio.gather(
        room.filed("--visit", visit), room.filed("--visit", next_visit), room.show("--visit", "no")
    )
    assert ids(of_visit) == ids(filed)
    assert of_next == []
    assert status == 1
    assert "visite" in out


async def test_what_is_accepted_can_be_undone_for_as_long_as_the_practice_says(
    room: Room, embedded: Broker
) -> None:
    await room.switch_on("mt_sics", every=1.0)
    await embedded.start()
    dossier = a_dossier(room, embedded, "--simulation")
    long, none = (
        room.program(
            *("run", "--json"),
            environment={
                **embedded.settings("salle-1"),
                "DEVICEHUB__CONFIRM__POLICY": "every",
                "DEVICEHUB__CONFIRM__UNDO_SECONDS": seconds,
            },
        )
        for seconds in ("60", "0")
    )
    await asyncio.gather(dossier.start(), room.open(long))
    await dossier.line()
    await room.open_visit(PATIENT)
    await until(lambda: room.each_is("to_review", "balance"), "a weight waits for a person")
    reading = (await room.readings())["balance"]["reading"]
    await room.say(reading, "accept")

    async def page_says(what: str) -> bool:
        return what in await room.html()

    await until(lambda: page_says("1 relevé accepté à l’instant"), "it waits for an undo")
    assert (await room.say(reading, "undo"))["state"] == "to_review"
    await long.stop()
    assert await room.filed() == []
    await room.open(none)
    await until(lambda: page_says("Alice"), "the station knows whose visit it is")
    await room.unlock()
    await room.say(reading, "accept")

    async def is_filed() -> bool:
        return ids(await room.filed()) == [reading]

    await until(is_filed, "it is filed")


async def test_a_dossier_refuses_simulated_readings_unless_told_otherwise(
    room: Room, embedded: Broker
) -> None:
    await room.switch_on("mt_sics", every=1.0)
    await embedded.start()
    dossier = a_dossier(room, embedded)
    await asyncio.gather(dossier.start(), room.open(a_station(room, embedded)))
    await dossier.line()
    await room.open_visit(PATIENT)
    await until(lambda: room.each_is("refused", "balance"), "the reading is refused")

    async def page_says_so() -> bool:
        return "Refusé" in await room.html()

    await until(page_says_so, "the page says that it is refused")
    assert await room.filed() == []
    assert await room.show() == (0, "rien n'est classé\n")


async def test_a_wrong_password_holds_the_readings_back_and_loses_none(
    room: Room, broker: Broker
) -> None:
    await room.switch_on("mt_sics", every=1.0)
    broker.expect("another password")
    await broker.start()
    dossier, station = a_dossier(room, broker, "--simulation"), a_station(room, broker)
    await asyncio.gather(dossier.start(), room.open(station))
    await dossier.line()
    visit = await room.open_visit(PATIENT)

    async def two_wait() -> bool:
        outbox = (await room.board())["outbox"]
        return outbox is not None and outbox["waiting"] >= 2

    await until(two_wait, "two readings wait")
    board, html = await room.board(), await room.html()
    assert await room.each_is("accepted", "balance")
    assert board["broker"]["up"] is False
    assert "refused the user or the password" in board["broker"]["detail"]
    assert "Le serveur de messages ne répond pas" in html
    assert "relevés en attente depuis" in html
    assert "tout est conservé" in html
    (waiting,) = [reading["reading"] for reading in (await room.readings()).values()]
    assert station.is_running

    await broker.stop()
    broker.expect(PASSWORD)
    await broker.start()

    async def drained() -> bool:
        board = await room.board()
        return bool(board["broker"]["up"]) and board["outbox"]["waiting"] == 0

    await until(drained, "nothing waits any more", seconds=80)
    assert waiting in ids(await room.filed("--visit", visit))
    assert station.is_running
