"""The demo: a whole vitals room on this machine, every part a process of its own, nothing installed.

Broker (in the wheel), dossier, station and simulated devices are started as a practice would start them,
each with its own command; the demo only opens a visit for an invented patient and looks on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from devicehub.delivery.broker import EmbeddedBroker

PATIENT = MappingProxyType(
    {"family_name": "TEST", "given_name": "Alice", "born": "1970-01-01", "sex": "F"}
)
DEVICES = MappingProxyType(
    {"sig_blood_pressure": "tensiometre", "sig_thermometer": "thermometre", "mt_sics": "balance"}
)
"""The simulated devices by driver, and what the practice calls them."""
NAMES = MappingProxyType(
    {
        "fr": {"tensiometre": "Tensiomètre", "thermometre": "Thermomètre", "balance": "Balance"},
        "en": {"tensiometre": "Cuff", "thermometre": "Thermometer", "balance": "Scale"},
    }
)
EVERY = 8.0
"""Seconds between two measurements of a device: long enough for it to be seen idle in between."""
START_SECONDS = 20.0
ONCE_SECONDS = 30.0
"""Together less than the minute in which ``--once`` has ended, well or not."""
ENDING_SECONDS = 2.0
"""How long a process may take to end whose connection has ended: then it is named as the cause."""
FINAL = frozenset({"filed", "refused", "invalid", "quarantined", "to_review"})
LONGEST_VIEW = 100
"""Readings the demo remembers; older ones are in the journal."""
STATE_NAMES = MappingProxyType({"accepted": "saved", "published": "published", "filed": "filed"})


Show = Callable[["Progress"], None]


class DemoFailed(Exception):
    """The demo cannot go on, and why."""


@dataclass
class Progress:
    """How far one reading has come. ``milliseconds`` counts from the last byte of its frame."""

    reading: str
    device: str
    kind: str
    values: dict[str, object]
    text: str
    """The values as the page words them."""
    at: datetime
    """When it came."""
    state: str = "accepted"
    milliseconds: dict[str, float] = field(default_factory=dict)

    def take(self, news: dict[str, object]) -> None:
        """Take in one event of the station."""
        state = str(news["state"])
        self.state = state
        name = STATE_NAMES.get(state, state)
        took = news["milliseconds_since_last_byte"]
        if isinstance(took, int | float):
            self.milliseconds.setdefault(name, round(float(took), 1))

    def as_json(self) -> str:
        """One line for a program to read."""
        return json.dumps(
            {
                "reading": self.reading,
                "device": self.device,
                "kind": self.kind,
                "values": self.values,
                "state": self.state,
                "milliseconds": self.milliseconds,
            },
            ensure_ascii=False,
        )


@dataclass
class Part:
    """One process of the room, with the last lines it said in case it ends."""

    name: str
    process: asyncio.subprocess.Process
    output: asyncio.StreamReader
    errors: asyncio.StreamReader
    said: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    reader: asyncio.Task[None] | None = None

    async def ready(self) -> dict[str, object]:
        """The next JSON line the process prints. Raises `DemoFailed` when it ends instead."""
        line = await self.output.readline()
        if not line:
            await self.process.wait()
            if self.reader is not None:
                await self.reader
            raise DemoFailed(f"{self.name} ended at start:\n" + "\n".join(self.said))
        found: dict[str, object] = json.loads(line)
        return found


class Room:
    """The demo's processes, started in order and ended together."""

    def __init__(self, folder: Path, broker: EmbeddedBroker) -> None:
        self.folder = folder
        self.broker = broker
        self.parts: list[Part] = []
        self._drains: list[asyncio.Task[None]] = []

    async def start(self, name: str, *arguments: str) -> Part:
        """Start ``devicehub <arguments>``."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "devicehub",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        if process.stdout is None or process.stderr is None:
            raise DemoFailed(f"{name} has no output")
        part = Part(name, process, process.stdout, process.stderr)
        part.reader = asyncio.create_task(self._listen(part))
        self.parts.append(part)
        return part

    async def _listen(self, part: Part) -> None:
        with (self.folder / f"{part.name}.log").open("a", encoding="utf-8") as log:
            async for line in part.errors:
                text = line.decode("utf-8", "replace")
                part.said.append(text.rstrip())
                log.write(text)

    def keep_reading(self, part: Part) -> None:
        """Nobody waits for this part's lines any more; a full pipe must not stop it."""

        async def drain() -> None:
            async for _ in part.output:
                pass

        self._drains.append(asyncio.create_task(drain()))

    async def ended(self) -> str:
        """Waits for the first process that ends, which none should; its name and last words."""
        broker = asyncio.create_task(self.broker.ended())
        waits = {asyncio.create_task(part.process.wait()): part for part in self.parts}
        tasks: set[asyncio.Task[Any]] = {broker, *waits}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if broker in done:
                return "broker ended"
            part = waits[done.pop()]
            if part.reader is not None:
                await part.reader
            return "\n".join([f"{part.name} ended:", *part.said])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """End every process, last started first, by asking and then by force."""
        for part in reversed(self.parts):
            with contextlib.suppress(ProcessLookupError):
                part.process.terminate()
            try:
                await asyncio.wait_for(part.process.wait(), 5.0)
            except TimeoutError:
                part.process.kill()
                await part.process.wait()
        readers = [part.reader for part in self.parts if part.reader is not None]
        await asyncio.gather(*readers, *self._drains)


@dataclass(frozen=True)
class Running:
    """A running demo: the page's address and what the room is called by a person."""

    page: str
    language: str
    devices: Sequence[str]
    room: Room


@contextlib.asynccontextmanager
async def running(folder: Path, language: str) -> AsyncIterator[Running]:
    """Start everything and open the visit. Raises `DemoFailed`, or ``BrokerFailed`` from the broker."""
    async with EmbeddedBroker(folder / "broker") as broker:
        room = Room(folder, broker)
        try:
            async with asyncio.timeout(START_SECONDS):
                demo = await _start(room, folder, language, broker.port)
        except TimeoutError:
            await room.stop()
            raise DemoFailed(f"not ready after {START_SECONDS:.0f} s") from None
        except BaseException:
            await room.stop()
            raise
        try:
            yield demo
        finally:
            await room.stop()


async def _start(room: Room, folder: Path, language: str, mqtt_port: int) -> Running:
    simulators = await room.start(
        "devices",
        *("simulate", *DEVICES, "--hci", "tcp-server:127.0.0.1:0", "--every", str(EVERY), "--json"),
    )
    found: dict[str, dict[str, object]] = {}
    while len(found) < len(DEVICES):
        news = await simulators.ready()
        if news["event"] == "ready":
            found[str(news["device"])] = news
    room.keep_reading(simulators)
    config = folder / "devicehub.toml"
    config.write_text(_config(folder, language, mqtt_port, "http://127.0.0.1:1", found), "utf-8")
    dossier = await room.start(
        "dossier", "dossier", "--config", str(config), "--simulation", "--json"
    )
    api = str((await dossier.ready())["url"])
    room.keep_reading(dossier)
    config.write_text(_config(folder, language, mqtt_port, api, found), "utf-8")
    station = await room.start("station", "run", "--config", str(config), "--json")
    page = str((await station.ready())["url"])
    room.keep_reading(station)
    async with httpx.AsyncClient(base_url=page) as client:
        answer = await client.post("/api/visits", json=dict(PATIENT))
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise DemoFailed(f"the visit could not be opened: {answer.text}")
    return Running(page, language, tuple(DEVICES.values()), room)


def _config(
    folder: Path,
    language: str,
    mqtt_port: int,
    dossier: str,
    found: Mapping[str, Mapping[str, object]],
) -> str:
    quoted = {name: json.dumps(str(folder / name)) for name in ("station", "dossier.sqlite")}
    radio = next(str(news["hci"]) for news in found.values() if "hci" in news)
    head = f"""\
[station]
id = "salle-1"
site = "demo"
language = "{language}"
listen = "127.0.0.1:0"
data = {quoted["station"]}
simulation = true

[mqtt]
host = "127.0.0.1"
port = {mqtt_port}

[dossier]
url = {json.dumps(dossier)}

[dossier_service]
id = "demo"
listen = "127.0.0.1:0"
store = {quoted["dossier.sqlite"]}

[bluetooth]
radio = {json.dumps("virtual:" + radio)}

[confirm]
policy = "none"
"""
    return head + "".join(
        f"""
[[device]]
id = "{device}"
name = {json.dumps(NAMES[language][device], ensure_ascii=False)}
driver = "{driver}"
{"address" if "address" in found[driver] else "port"} = {json.dumps(found[driver].get("address") or found[driver]["port"])}
"""
        for driver, device in DEVICES.items()
    )


async def follow(demo: Running) -> AsyncGenerator[dict[str, object], None]:
    """The station's news about readings, one by one. Raises `DemoFailed` when there will be no more."""
    timeout = httpx.Timeout(10.0, read=None)
    asked = {"lang": demo.language}
    try:
        async with (
            httpx.AsyncClient(base_url=demo.page, timeout=timeout) as client,
            client.stream("GET", "/api/events", params=asked) as answer,
        ):
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    news: dict[str, object] = json.loads(line.removeprefix("data:"))
                    if "reading" in news:
                        yield news
    except httpx.HTTPError as error:
        raise DemoFailed(f"the station does not answer any more: {error}") from error
    raise DemoFailed("the station has hung up")


async def once(demo: Running, show: Show) -> list[Progress]:
    """One measurement of every device, shown up to its end. Raises `DemoFailed` when one does not come."""
    first: dict[str, Progress] = {}

    async def look() -> None:
        async with aclosing(_progress(demo)) as steps:
            async for progress in steps:
                if first.setdefault(progress.device, progress) is progress:
                    show(progress)
                ends = [each for each in first.values() if each.state in FINAL]
                if len(ends) == len(demo.devices):
                    return

    try:
        async with asyncio.timeout(ONCE_SECONDS):
            await _unless_ended(demo.room, look())
    except TimeoutError:
        seen = ", ".join(f"{p.device}: {p.state}" for p in first.values()) or "nothing"
        raise DemoFailed(
            f"{len(demo.devices)} devices, but after {ONCE_SECONDS:.0f} s only: {seen}"
        ) from None
    return list(first.values())


async def watch(demo: Running, show: Show) -> None:
    """Show every reading as it moves along, until a process ends or the task is cancelled."""

    async def look() -> None:
        async with aclosing(_progress(demo)) as steps:
            async for progress in steps:
                show(progress)

    await _unless_ended(demo.room, look())


async def _progress(demo: Running) -> AsyncGenerator[Progress, None]:
    """A reading each time it has moved along."""
    readings: dict[str, Progress] = {}
    async with aclosing(follow(demo)) as station:
        async for news in station:
            key, values = str(news["reading"]), news["values"]
            if key not in readings:
                readings[key] = Progress(
                    key,
                    str(news["device"]),
                    str(news["kind"]),
                    dict(values) if isinstance(values, dict) else {},
                    str(news["text"]),
                    datetime.fromisoformat(str(news["at"])),
                )
            readings[key].take(news)
            yield readings[key]
            while len(readings) > LONGEST_VIEW:
                readings.pop(next(iter(readings)))


async def _unless_ended(room: Room, work: Coroutine[None, None, None]) -> None:
    """Do the work; raise `DemoFailed` when a process ends before it is done."""
    task = asyncio.create_task(work)
    end = asyncio.create_task(room.ended())
    try:
        await asyncio.wait({task, end}, return_when=asyncio.FIRST_COMPLETED)
        if task.done() and task.exception() is not None:
            await asyncio.wait({end}, timeout=ENDING_SECONDS)
        if end.done():
            raise DemoFailed(end.result())
        task.result()
    finally:
        for each in (task, end):
            each.cancel()
        await asyncio.gather(task, end, return_exceptions=True)
