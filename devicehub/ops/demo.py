"""The demo: a whole vitals room on this machine, every part a process of its own, nothing installed.

Broker (in the wheel), dossier, station and simulated devices are started as a practice would start them,
each with its own command. The demo only does what a person would: in a room without identity reader it opens the
visit, in one with a scale that prints its result it accepts it, and in one with an ECG front end it says whose
the electrodes are, and when the preparation is finished. Then it looks on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import httpx

from devicehub.delivery.broker import EmbeddedBroker
from devicehub.ops.demo_rooms import ROOMS, DemoRoom
from devicehub.ops.processes import DemoFailed, Processes
from devicehub.ops.progress import FINAL, Progress, follow

LOOKS_EVERY = 0.1
READER = "identity_reader"
NEXT_PATIENT_SECONDS = 45.0
"""How often the simulated reader scans somebody: the page then proposes the other patient's visit."""

Show = Callable[[Progress], None]
Found = Mapping[str, Mapping[str, object]]
"""Where each simulated device is, by driver."""


@dataclass(frozen=True)
class Running:
    """A running demo: the page's address, the language it speaks, and the visit that is open."""

    page: str
    language: str
    room: DemoRoom
    visit: str
    processes: Processes


@contextlib.asynccontextmanager
async def running(folder: Path, language: str, room: str = "small") -> AsyncIterator[Running]:
    """Start everything and open the visit. Raises `DemoFailed`, or ``BrokerFailed`` from the broker."""
    stands = ROOMS[room]
    async with EmbeddedBroker(folder / "broker") as broker:
        processes = Processes(folder, broker)
        try:
            async with asyncio.timeout(stands.start_seconds):
                demo = await _start(processes, stands, folder, language, broker.port)
        except TimeoutError:
            await processes.stop()
            raise DemoFailed(f"not ready after {stands.start_seconds:.0f} s") from None
        except BaseException:
            await processes.stop()
            raise
        try:
            yield demo
        finally:
            await processes.stop()


async def _start(
    processes: Processes, room: DemoRoom, folder: Path, language: str, mqtt_port: int
) -> Running:
    found = await _devices(processes, room)
    config = folder / "devicehub.toml"
    config.write_text(
        _config(room, folder, language, mqtt_port, "http://127.0.0.1:1", found), "utf-8"
    )
    dossier = await processes.start(
        "dossier", "dossier", "--config", str(config), "--simulation", "--json"
    )
    api = str((await dossier.ready())["url"])
    processes.keep_reading(dossier)
    config.write_text(_config(room, folder, language, mqtt_port, api, found), "utf-8")
    station = await processes.start("station", "run", "--config", str(config), "--json")
    page = str((await station.ready())["url"])
    processes.keep_reading(station)
    async with httpx.AsyncClient(base_url=page) as client:
        if room.has_reader:
            visit = await _scanned_visit(client)
        else:
            visit = await _open_visit(client, room)
    return Running(page, language, room, visit, processes)


async def _devices(processes: Processes, room: DemoRoom) -> Found:
    """Start the simulators: one process for each rhythm, all Bluetooth devices on one radio."""
    found: dict[str, dict[str, object]] = {}
    rhythms: dict[float, list[str]] = {}
    for device in room.devices:
        rhythms.setdefault(device.every, []).append(device.simulator)
    if room.has_reader:
        rhythms[NEXT_PATIENT_SECONDS] = [READER]
    started = [
        await processes.start(
            "devices" if number == 0 else f"devices-{number + 1}",
            *("simulate", *drivers, "--hci", "tcp-server:127.0.0.1:0"),
            *("--every", str(every), "--json"),
        )
        for number, (every, drivers) in enumerate(rhythms.items())
    ]
    for simulators, drivers in zip(started, rhythms.values(), strict=True):
        while not found.keys() >= set(drivers):
            news = await simulators.ready()
            if news["event"] == "ready":
                found[str(news["device"])] = news
        processes.keep_reading(simulators)
    return found


async def _open_visit(client: httpx.AsyncClient, room: DemoRoom) -> str:
    answer = await client.post("/api/visits", json=dict(room.patient))
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        raise DemoFailed(f"the visit could not be opened: {answer.text}")
    return str(answer.json()["visit"])


async def _scanned_visit(client: httpx.AsyncClient) -> str:
    """The visit that the identity reader opens."""
    while not (board := (await client.get("/api/board")).json())["visit"]:  # noqa: ASYNC110 - told by another process
        await asyncio.sleep(LOOKS_EVERY)
    return str(board["visit"]["id"])


def _config(
    room: DemoRoom, folder: Path, language: str, mqtt_port: int, dossier: str, found: Found
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
    if room.has_reader:
        head += f"\n[reader]\nport = {json.dumps(found[READER]['port'])}\nopens_visit = true\n"
    return head + "".join(
        f"""
[[device]]
id = "{device.id}"
name = {json.dumps(room.name_of(device.id, language), ensure_ascii=False)}
driver = "{device.driver}"
{"address" if "address" in found[device.simulator] else "port"} = {json.dumps(found[device.simulator].get("address") or found[device.simulator]["port"])}
{f"model = {json.dumps(device.model, ensure_ascii=False)}" if device.model else ""}
"""
        for device in room.devices
    )


async def once(demo: Running, show: Show) -> list[Progress]:
    """One measurement of every device, shown up to its end. Raises `DemoFailed` when one does not come.

    A reading that is nobody's is not counted: the device's next one may be the patient's. Nor is one that was
    withdrawn: the body mass index that is derived until the scale's own has been accepted.
    """
    planned = {(device.id, kind) for device in demo.room.devices for kind in device.readings}
    first: dict[tuple[str, str], Progress] = {}

    async def look() -> None:
        async with aclosing(_progress(demo)) as steps:
            async for progress in steps:
                key = (progress.device, progress.kind)
                if progress.state == "withdrawn" and first.get(key) is progress:
                    show(progress)
                    del first[key]
                if key not in planned or progress.state in ("quarantined", "withdrawn"):
                    continue
                if first.setdefault(key, progress) is progress:
                    show(progress)
                if len(first) == len(planned) and all(p.state in FINAL for p in first.values()):
                    break

    async def room() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(look())
            tasks.create_task(_prepare(demo))

    try:
        async with asyncio.timeout(demo.room.once_seconds):
            await demo.processes.unless_ended(room())
    except TimeoutError:
        seen = ", ".join(f"{p.device} {p.kind}: {p.state}" for p in first.values()) or "nothing"
        raise DemoFailed(
            f"{len(planned)} readings planned, but after {demo.room.once_seconds:.0f} s only: {seen}"
        ) from None
    strays = {progress.device for progress in first.values() if progress.visit != demo.visit}
    if strays:
        raise DemoFailed(f"not of the visit that is open: {', '.join(sorted(strays))}")
    return list(first.values())


async def watch(demo: Running, show: Show) -> None:
    """Show every reading as it moves along, until a process ends or the task is cancelled."""

    async def look() -> None:
        async with aclosing(_progress(demo)) as steps:
            async for progress in steps:
                show(progress)

    async def room() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(look())
            tasks.create_task(_prepare(demo))

    await demo.processes.unless_ended(room())


async def _progress(demo: Running) -> AsyncGenerator[Progress, None]:
    """A reading each time it has moved along; one that waits for a person is accepted."""
    async with (
        httpx.AsyncClient(base_url=demo.page) as client,
        aclosing(follow(demo.page, demo.language)) as steps,
    ):
        async for progress in steps:
            if progress.state == "to_review":
                seen = f"{progress.reading}/{progress.revision}"
                await client.post(f"/api/readings/{seen}/accept", json={})
            else:
                yield progress


async def _prepare(demo: Running) -> None:
    """What the assistant does at the ECG: says that the electrodes are this patient's, and finishes when it is ready."""
    waiting = {one.id for one in demo.room.devices if "ecg_preparation" in one.readings}
    async with httpx.AsyncClient(base_url=demo.page) as client:
        while waiting:
            told = (await client.get("/api/ecg")).json()
            for ecg in told["ecg"]:
                act = "begin" if ecg["phase"] == "others" else "finish" if ecg["ready"] else None
                if act is None or ecg["device"] not in waiting:
                    continue
                answer = await client.post(
                    f"/api/ecg/{ecg['device']}/{act}", json={"visit": told["visit"]}
                )
                if act == "finish" and answer.is_success:
                    waiting.discard(ecg["device"])
            await asyncio.sleep(LOOKS_EVERY)
