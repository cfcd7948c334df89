"""The dossier as it runs: real brokers, real HTTP, a real file, and a real process to kill."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID, uuid4, uuid5

import httpx
import psutil
import pytest

from devicehub.delivery import wire
from devicehub.delivery.dossier_api import DossierApi, DossierRefused, DossierUnreachable
from devicehub.delivery.examples import NOON, READING
from devicehub.delivery.mqtt import (
    Address,
    Incoming,
    MqttClient,
    TlsFiles,
)
from devicehub.dossier import ingest as ingest_module
from devicehub.dossier.dossier import DossierFailed, DossierSettings, Running, run_dossier, running
from devicehub.dossier.store import DossierStore
from devicehub.driver import BodyWeight
from devicehub.journal.records import Attribution, Receipt
from devicehub.visit.dossier import Opening
from devicehub.visit.patient import PatientIdentity

if TYPE_CHECKING:
    from tests.integration.conftest import Certificates, RunningBroker

PATIENCE_SECONDS = 30.0
ALICE = PatientIdentity(family_name="TEST", given_name="Alice", born=date(1970, 1, 1), sex="F")
TOPICS = wire.StationTopics("practice", "room-1")


def item(number: int, visit: str | None, revision: int = 1, **changes: Any) -> wire.Item:
    update = {"id": uuid5(READING.id, str(number)), **changes}
    reading = READING.model_copy(update=update)
    attribution = Attribution(
        reading=reading.id, revision=revision, visit=visit, author="station", at=NOON
    )
    return wire.Item(reading=reading, attribution=attribution)


async def open_visit(api: DossierApi) -> str:
    """A new visit of Alice's, as a station tells of it."""
    visit = f"v-{token_hex(10)}"
    opening = Opening(visit=visit, station="room-1", opened_at=NOON, identity=ALICE)
    return (await api.open_visit(opening)).visit


class Station:
    """Sends batches and keeps the receipts, as a station's publisher would."""

    def __init__(self, address: Address) -> None:
        self.receipts: list[Receipt] = []
        self.births: list[wire.DossierState] = []
        self._changed = asyncio.Condition()
        self.client = MqttClient(
            address,
            subscriptions=(TOPICS.receipt, wire.dossier_state_topic("+")),
            on_message=self._take,
        )

    async def __aenter__(self) -> Self:
        await self.client.__aenter__()
        await asyncio.wait_for(self.client.connected.wait(), PATIENCE_SECONDS)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.__aexit__(None, None, None)

    async def _take(self, message: Incoming) -> None:
        async with self._changed:
            if message.topic == TOPICS.receipt:
                batch = wire.ReceiptBatch.model_validate_json(message.payload)
                self.receipts.extend(batch.receipts)
            else:
                self.births.append(wire.DossierState.model_validate_json(message.payload))
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(condition)

    async def online(self, *, other_than: UUID | None = None) -> UUID:
        """Wait until a dossier is there (not the one of that boot); its boot."""

        def born() -> bool:
            last = self.births[-1] if self.births else None
            return last is not None and last.state == "online" and last.boot != other_than

        await self.until(born)
        return self.births[-1].boot

    async def send(self, *items: wire.Item, station: str = "room-1") -> None:
        batch = wire.ReadingBatch(station=station, sent_at=NOON, items=items)
        await self.client.publish(TOPICS.reading, wire.encode(batch))

    async def ask(self, *items: wire.Item, station: str = "room-1") -> list[str]:
        """Send one batch; the answers, by result or reason."""
        before = len(self.receipts)
        await self.send(*items, station=station)
        await self.until(lambda: len(self.receipts) >= before + len(items))
        return [receipt.reason or receipt.result for receipt in self.receipts[before:]]


@pytest.fixture
def settings(tmp_path: Path, broker: RunningBroker) -> DossierSettings:
    return DossierSettings(
        dossier="main", store=tmp_path / "dossier.sqlite", broker=broker.address()
    )


@asynccontextmanager
async def practice(
    settings: DossierSettings, broker: RunningBroker
) -> AsyncIterator[tuple[Running, Station, DossierApi]]:
    """A dossier, a station that knows it is there, and the station's way to its API."""
    async with (
        running(settings) as dossier,
        DossierApi(dossier.url) as api,
    ):
        await announced(dossier.url)
        async with Station(broker.address()) as station:
            await station.online()
            yield dossier, station, api


async def announced(url: str) -> None:
    """Wait until the dossier's birth is at the broker: one that subscribes meanwhile may miss it (NATS)."""
    async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient(base_url=url) as client:
        while not (await client.get("/health")).json()["broker"]:  # noqa: ASYNC110 - it is told over HTTP
            await asyncio.sleep(0.02)


# ---------------------------------------------------------------------------- over the broker


async def test_readings_are_answered_and_filed_once(
    settings: DossierSettings, broker: RunningBroker
) -> None:
    async with practice(settings, broker) as (_, station, api):
        visit = await open_visit(api)
        other = await open_visit(api)
        assert await station.ask(item(0, visit), item(1, visit)) == ["filed", "filed"]
        assert await station.ask(item(0, visit), item(1, visit)) == ["duplicate", "duplicate"]
        assert await station.ask(item(0, visit, unattended=True)) == ["conflict"]
        assert await station.ask(item(0, other)) == ["conflict"]
        assert await station.ask(item(0, other, revision=2)) == ["filed"]
        assert await station.ask(item(2, "v-0"), item(3, None)) == ["unknown_visit", "no_visit"]
        assert await station.ask(item(4, visit, origin="simulator")) == ["simulator"]
        assert await station.ask(item(5, visit), station="room-2") == ["wrong_station"]
    with DossierStore(settings.store, create=False) as store:
        filed = {entry.reading.id: (entry.revision, entry.visit) for entry in store.filed()}
    assert filed == {
        item(0, None).reading.id: (2, other),
        item(1, None).reading.id: (1, visit),
    }


async def test_simulated_readings_are_filed_where_that_was_asked_for(
    settings: DossierSettings, broker: RunningBroker
) -> None:
    async with practice(replace(settings, simulation=True), broker) as (_, station, api):
        assert station.births[-1].accepts_simulators
        visit = await open_visit(api)
        assert await station.ask(item(0, visit, origin="simulator")) == ["filed"]


async def test_it_says_again_and_again_that_it_is_there(
    settings: DossierSettings, broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "REPEAT_SECONDS", 0.05)
    async with Station(broker.address()) as station, running(settings):
        await station.until(lambda: sum(b.listening is not None for b in station.births) >= 3)
        repeated = [birth for birth in station.births if birth.listening is not None]
        assert len({birth.listening for birth in repeated}) == 1
        assert {birth.state for birth in repeated} == {"online"}


async def test_a_thousand_readings_in_batches(
    settings: DossierSettings, broker: RunningBroker
) -> None:
    async with practice(settings, broker) as (dossier, station, api):
        visit = await open_visit(api)
        items = [item(number, visit) for number in range(1000)]
        batches = [items[start : start + 50] for start in range(0, 1000, 50)]
        await asyncio.gather(*(station.send(*batch) for batch in batches))
        await station.until(lambda: len(station.receipts) >= 1000)
        assert {receipt.result for receipt in station.receipts} == {"filed"}
        async with httpx.AsyncClient(base_url=dossier.url) as client:
            answer = await client.get(f"/v1/visits/{visit}/readings")
        assert len({filed["reading"]["id"] for filed in answer.json()["readings"]}) == 1000


async def test_nonsense_does_not_stop_what_follows(
    settings: DossierSettings, broker: RunningBroker
) -> None:
    async with practice(settings, broker) as (_, station, api):
        visit = await open_visit(api)
        for nonsense in (b"", b"{", b"[1]", b"\xff\xfe"):
            await station.client.publish(TOPICS.reading, nonsense)
        # More than SQLite's integers hold: a fault of the dossier's, found only when it writes.
        assert await station.ask(item(0, visit, revision=2**70)) == ["internal"]
        assert station.receipts[-1].retryable
        assert await station.ask(item(0, visit)) == ["filed"]


# ------------------------------------------------------------------------------ as a process


@asynccontextmanager
async def process(
    settings: DossierSettings,
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """``devicehub dossier`` as a person starts it, and the address of its API."""
    configuration = settings.store.with_suffix(".toml")
    configuration.write_text(
        f"""
        [mqtt]
        host = "127.0.0.1"
        port = {settings.broker.port}

        [dossier_service]
        id = "main"
        listen = "127.0.0.1:0"
        store = {json.dumps(str(settings.store))}
        """,
        "utf-8",
    )
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devicehub", "dossier", "--json"),
        *("--config", str(configuration)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert started.stdout is not None
        line = await asyncio.wait_for(started.stdout.readline(), PATIENCE_SECONDS)
        yield started, json.loads(line)["url"]
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def test_killed_in_the_middle_each_reading_is_filed_once(
    settings: DossierSettings, broker: RunningBroker
) -> None:
    async with Station(broker.address()) as station:
        async with process(settings) as (first, url):
            boot = await station.online()
            async with DossierApi(url) as api:
                visit = await open_visit(api)
            items = {item(number, visit).reading.id: item(number, visit) for number in range(600)}
            sending = asyncio.create_task(send_all(station, list(items.values())))
            await station.until(lambda: len(station.receipts) >= 50)
            first.kill()
            await first.wait()
            await sending
        answered = {receipt.id for receipt in station.receipts}
        with DossierStore(settings.store, create=False) as store:
            assert answered <= {entry.reading.id for entry in store.filed()}
        async with process(settings) as (second, _):
            await station.online(other_than=boot)
            missing = [one for reading, one in items.items() if reading not in answered]
            await send_all(station, missing)
            await station.until(lambda: {r.id for r in station.receipts} == set(items))
            second.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(second.wait(), PATIENCE_SECONDS) == 0
    assert {receipt.result for receipt in station.receipts} <= {"filed", "duplicate"}
    with DossierStore(settings.store, create=False) as store:
        filed = [entry.reading.id for entry in store.filed(visit)]
    assert sorted(filed) == sorted(items)


async def send_all(station: Station, items: list[wire.Item]) -> None:
    for start in range(0, len(items), 5):
        await station.send(*items[start : start + 5])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal to send to one process")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_goodbye_when_asked_to_end(
    settings: DossierSettings, broker: RunningBroker, sent: signal.Signals
) -> None:
    async with Station(broker.address()) as station:
        async with process(settings) as (program, url):
            boot = await station.online()
            async with DossierApi(url) as api:
                await open_visit(api)  # a connection that is kept alive
                program.send_signal(sent)
                assert await asyncio.wait_for(program.wait(), PATIENCE_SECONDS) == 0
        await station.until(lambda: station.births[-1].state == "offline")
        assert station.births[-1].boot == boot


@pytest.mark.skipif(sys.platform != "linux", reason="only there a limit can be set from outside")
async def test_a_full_disk_is_waited_out(settings: DossierSettings, broker: RunningBroker) -> None:
    async with (
        process(settings) as (program, url),
        DossierApi(url) as api,
        httpx.AsyncClient(base_url=url) as client,
        Station(broker.address()) as station,
    ):
        await station.online()
        visit = await open_visit(api)
        # No file of the process may grow: each write fails, as it does on a full disk.
        dossier = psutil.Process(program.pid)
        dossier.rlimit(psutil.RLIMIT_FSIZE, (1, psutil.RLIM_INFINITY))
        await station.send(*(item(number, visit) for number in range(200)))
        await until_health(client, "failing")
        with pytest.raises(DossierUnreachable, match="make room"):
            await open_visit(api)
        assert station.receipts == []
        dossier.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        await station.until(lambda: len(station.receipts) == 200)
        await until_health(client, "ok")
    assert {receipt.result for receipt in station.receipts} == {"filed"}


async def until_health(client: httpx.AsyncClient, state: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        health = await client.get("/health")
        while health.json()["state"] != state:
            await asyncio.sleep(0.02)
            health = await client.get("/health")


async def test_killed_the_broker_says_it_is_gone(
    settings: DossierSettings, broker: RunningBroker
) -> None:
    async with Station(broker.address()) as station, process(settings) as (program, _):
        await station.online()
        program.kill()
        await station.until(lambda: station.births[-1].state == "offline")


# ------------------------------------------------------------------------------- over HTTP


async def test_a_stations_way_to_the_api(settings: DossierSettings, broker: RunningBroker) -> None:
    async with running(settings) as dossier, DossierApi(dossier.url) as api:
        visit = await open_visit(api)
        assert (await api.visit(visit)).identity == ALICE
        planned = await api.worklist("room-1")
        assert planned == ()
        await api.close_visit(visit, NOON)
        await api.close_visit(visit, NOON)
        assert (await api.visit(visit)).state == "closed"
        with pytest.raises(DossierRefused, match="no such visit") as refusal:
            await api.visit("v-0")
        assert refusal.value.code == "unknown_visit"
        with pytest.raises(DossierRefused, match="no such address"):
            await api.visit("../../health")
    async with DossierApi(dossier.url) as api:
        with pytest.raises(DossierUnreachable, match="does not answer"):
            await open_visit(api)


async def test_a_token_is_asked_for(settings: DossierSettings, broker: RunningBroker) -> None:
    async with running(replace(settings, token="right")) as dossier:
        async with DossierApi(dossier.url, token="right") as api:
            visit = await open_visit(api)
        for token in (None, "wrong"):
            async with DossierApi(dossier.url, token=token) as api:
                with pytest.raises(DossierUnreachable, match="wrong token"):
                    await api.visit(visit)


async def test_tls_asks_for_a_known_certificate(
    settings: DossierSettings, certificates: Certificates
) -> None:
    async with running(replace(settings, tls=certificates.server)) as dossier:
        assert dossier.url.startswith("https://")
        async with DossierApi(dossier.url, tls=certificates.client) as api:
            visit = await open_visit(api)
            assert (await api.visit(visit)).identity == ALICE
        nobody = TlsFiles(ca=certificates.server.ca)
        for wrong in (certificates.stranger, nobody, None):
            async with DossierApi(dossier.url, tls=wrong) as api:
                with pytest.raises(DossierUnreachable):
                    await api.visit(visit)


async def test_what_cannot_start_says_why(
    settings: DossierSettings, certificates: Certificates, tmp_path: Path
) -> None:
    async def start(**changes: Any) -> None:
        await run_dossier(replace(settings, **changes), on_ready=lambda url: None)

    with pytest.raises(DossierFailed, match="without a token"):
        await start(host="192.0.2.1")
    with pytest.raises(DossierFailed, match="cannot be read"):
        await start(tls=replace(certificates.server, key=tmp_path / "absent"))
    with pytest.raises(DossierFailed, match="needs a certificate"):
        await start(tls=TlsFiles())
    async with running(settings) as dossier:
        port = httpx.URL(dossier.url).port
        with pytest.raises(DossierFailed, match="cannot listen"):
            await start(port=port, store=tmp_path / "other.sqlite")


@asynccontextmanager
async def answering(body: bytes) -> AsyncIterator[DossierApi]:
    """A client of something that answers every request with this."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        )
        writer.write(body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with DossierApi(f"http://127.0.0.1:{port}") as api:
            yield api


async def test_what_is_no_dossier_is_said_to_be_none() -> None:
    async with answering(b"hello") as api:
        with pytest.raises(DossierUnreachable, match="is no dossier"):
            await api.close_visit("v-0", NOON)


async def test_a_kind_of_a_later_dossier_hides_neither_its_visit_nor_the_others() -> None:
    visit = {"state": "planned", "identity": ALICE.model_dump(mode="json")}
    earlier = {"reading": str(uuid4()), "at": NOON.isoformat()}
    weight = {"kind": "body_weight", "kilograms": "72.4"}
    first = {
        **visit,
        "visit": "v-1",
        "plan": ["grip_strength", "body_weight"],
        "earlier": [
            {**earlier, "measurement": {"kind": "grip_strength", "force": "31"}},
            {**earlier, "measurement": weight},
        ],
    }
    second = {**visit, "visit": "v-2", "plan": ["blood_pressure"]}
    async with answering(json.dumps({"visits": [first, second]}).encode()) as api:
        worklist = await api.worklist("salle-1")
    assert [(known.visit, known.plan) for known in worklist] == [
        ("v-1", ("body_weight",)),
        ("v-2", ("blood_pressure",)),
    ]
    assert [one.measurement for one in worklist[0].earlier] == [
        BodyWeight(kilograms=Decimal("72.4"))
    ]


async def test_an_earlier_value_of_a_known_kind_is_never_left_out() -> None:
    """Without it, nobody would be asked whether a weight that is unlike it is this patient's."""
    weight = {"kind": "body_weight", "kilograms": "72.4", "clothed": True}
    earlier = {"reading": str(uuid4()), "at": NOON.isoformat(), "measurement": weight}
    visit = {
        "visit": "v-1",
        "state": "planned",
        "identity": ALICE.model_dump(mode="json"),
        "earlier": [earlier],
    }
    async with answering(json.dumps(visit).encode()) as api:
        with pytest.raises(DossierUnreachable):
            await api.visit("v-1")
