"""The publisher with a real journal, real brokers, and a small dossier of the test's own that answers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from mqtt_5 import overheard
from processes import until

from devicehub.delivery import publisher as publisher_module
from devicehub.delivery.mqtt import Address, Incoming, Message, MqttClient
from devicehub.delivery.publisher import Publisher
from devicehub.delivery.wire import (
    LARGEST_PAYLOAD,
    READINGS_OF_ALL_SHARDS,
    DeviceState,
    DossierState,
    Event,
    Health,
    ReadingBatch,
    ReceiptBatch,
    Request,
    Response,
    StationState,
    StationTopics,
    dossier_state_topic,
    encode,
    receipt_topic,
)
from devicehub.driver import BodyWeight, Frame, NotUnderstood
from devicehub.journal.journal import Journal
from devicehub.journal.records import Attribution, Filing, Receipt, State
from devicehub.reading.clock import Stamp
from devicehub.reading.interval import Began
from devicehub.reading.reading import Device, DriverUsed, Evidence, Reading
from devicehub.reading.settle import Settling
from devicehub.station.board import Board
from devicehub.station.line import line
from devicehub.transport.hands import station_now

if TYPE_CHECKING:
    from tests.integration.conftest import RunningBroker

PATIENCE_SECONDS = 30.0
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOPICS = StationTopics("test", "station-1")
DRIVER = DriverUsed(id="mt_sics", version="0.1.0")

Decide = Callable[[UUID, int], dict[str, Any]]


async def accept(
    journal: Journal, count: int = 1, *, bytes_each: int = 9, state: State = "accepted"
) -> list[UUID]:
    """Commit a frame and accept ``count`` invented weights from it, or leave them to a person."""
    frame = await journal.commit_frame(
        device="scale-1",
        address="C0:00:00:00:00:01",
        connection="connection-1",
        driver=DRIVER,
        origin="simulator",
        frame=Frame.of("-", b"S" * bytes_each),
        first_byte=NOON,
        last_byte=NOON,
        settling=Settling(idle_since=NOON),
    )
    filings = [_filing(frame.evidence).model_copy(update={"state": state}) for _ in range(count)]
    await journal.settle_frame(frame.number, "read", filings)
    return [filing.reading.id for filing in filings]


def _filing(evidence: Evidence) -> Filing:
    reading = Reading(
        id=uuid4(),
        measurement=BodyWeight(kilograms=Decimal("72.4"), stable=True),
        device=Device(id="scale-1", intrinsic="address:test"),
        driver=DRIVER,
        origin="simulator",
        received_at=NOON,
        stamp=Stamp(device_time=None, corrected=None, offset_seconds=None, how="none"),
        began=Began(earliest=NOON - timedelta(seconds=9), latest=NOON, known_from="arrival"),
        evidence=(evidence,),
    )
    attribution = Attribution(
        reading=reading.id, revision=1, visit="visit-1", author="devicehub", at=NOON
    )
    return Filing(reading=reading, attribution=attribution, state="accepted", state_at=NOON)


class Watch:
    """Waits for what the journal becomes, woken by its changes."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.filed: Counter[UUID] = Counter()
        self._changed = asyncio.Event()
        journal.on_change.append(self._hear)

    def _hear(self, filing: Filing) -> None:
        if filing.state == "filed":
            self.filed[filing.reading.id] += 1
        self._changed.set()

    async def until(self, state: State, count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self.journal.counts()).get(state, 0) != count:
                self._changed.clear()
                if (await self.journal.counts()).get(state, 0) != count:
                    await self._changed.wait()


class Dossier:
    """A dossier that files in memory and answers as it is told to."""

    def __init__(self, address: Address, decide: Decide | None = None) -> None:
        self.filed: dict[tuple[UUID, int], str] = {}
        self.messages: list[Incoming] = []
        self.batches: list[ReadingBatch] = []
        self._decide = decide
        topic = dossier_state_topic("test")
        state = DossierState(
            dossier="test",
            state="online",
            since=NOON,
            boot=uuid4(),
            version="0",
            accepts_simulators=True,
        )
        offline = state.model_copy(update={"state": "offline"})
        self.will = Message(topic, encode(offline), retain=True)
        self.client = MqttClient(
            address,
            subscriptions=(READINGS_OF_ALL_SHARDS,),
            on_message=self._file,
            birth=Message(topic, encode(state), retain=True),
            will=self.will,
        )

    async def _file(self, message: Incoming) -> None:
        self.messages.append(message)
        batch = ReadingBatch.model_validate_json(message.payload)
        self.batches.append(batch)
        receipts = []
        for item in batch.items:
            content = item.model_dump_json()
            one = (item.reading.id, item.attribution.revision)
            answer: dict[str, Any] = {"result": "duplicate" if one in self.filed else "filed"}
            if self._decide is not None:
                answer = self._decide(*one) or answer
            if answer["result"] == "filed":
                assert self.filed.setdefault(one, content) == content
            receipts.append(Receipt.model_validate({"id": one[0], "revision": one[1]} | answer))
        await answer_with(self.client, message.topic, receipts)


async def answer_with(client: MqttClient, topic: str, receipts: list[Receipt]) -> None:
    batch = ReceiptBatch(dossier="test", sent_at=NOON, receipts=tuple(receipts))
    await client.publish(receipt_topic(topic), encode(batch))


@asynccontextmanager
async def dossier_at(address: Address, decide: Decide | None = None) -> AsyncIterator[Dossier]:
    dossier = Dossier(address, decide)
    async with dossier.client:
        await asyncio.wait_for(dossier.client.connected.wait(), PATIENCE_SECONDS)
        yield dossier


@asynccontextmanager
async def publishing(journal: Journal, address: Address, **shows: Any) -> AsyncIterator[Publisher]:
    publisher = Publisher(
        journal, address, TOPICS, station="station-1", boot=uuid4(), version="0", **shows
    )
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


class Listener:
    """Keeps the newest message of each topic, and all that came."""

    def __init__(self) -> None:
        self.newest: dict[str, bytes] = {}
        self.all: list[Incoming] = []
        self._came = asyncio.Event()

    async def hear(self, message: Incoming) -> None:
        self.newest[message.topic] = message.payload
        self.all.append(message)
        self._came.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._came.clear()
                await self._came.wait()


@asynccontextmanager
async def listening(address: Address, *topics: str) -> AsyncIterator[tuple[Listener, MqttClient]]:
    listener = Listener()
    async with MqttClient(address, subscriptions=topics, on_message=listener.hear) as client:
        await asyncio.wait_for(client.connected.wait(), PATIENCE_SECONDS)
        yield listener, client


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal(tmp_path / "journal.sqlite") as opened:
        yield opened


@contextmanager
def slow_to_repeat(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No repetition by the clock: only an announcement can make the publisher send again."""
    with monkeypatch.context() as patch:
        patch.setattr("devicehub.delivery.pace.SHORTEST_PAUSE", 3600.0)
        yield


async def test_a_reading_is_filed_by_its_receipt(broker: RunningBroker, journal: Journal) -> None:
    watch = Watch(journal)
    before = await accept(journal, 3)
    async with (
        dossier_at(broker.address()) as dossier,
        publishing(journal, broker.address()),
    ):
        await watch.until("filed", 3)
        after = await accept(journal, 2)
        await watch.until("filed", 5)
    assert {one for one, _ in dossier.filed} == {*before, *after}
    assert set(watch.filed.values()) == {1}
    assert (await journal.outbox()).waiting == 0
    assert not dossier.messages[0].retained


async def test_over_mqtt_5_a_batch_names_its_schema_and_its_trace(
    mosquitto: RunningBroker, journal: Journal
) -> None:
    watch = Watch(journal)
    await accept(journal, 1)
    async with (
        overheard(mosquitto.address(), TOPICS.reading) as heard,
        dossier_at(mosquitto.address()),
        publishing(journal, mosquitto.address()),
    ):
        await watch.until("filed", 1)
        await until(lambda: heard != [], "the batch came")
    assert heard[0].content_type == "application/json"
    assert heard[0].user["schema"] == "devicehub/reading/1"
    version, trace, span, flags = heard[0].user["traceparent"].split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "00")


async def test_a_backlog_goes_in_batches_within_the_limits(
    mosquitto: RunningBroker, journal: Journal
) -> None:
    watch = Watch(journal)
    await accept(journal, 600)
    await accept(journal, 40, bytes_each=10_000)
    async with dossier_at(mosquitto.address()) as dossier, publishing(journal, mosquitto.address()):
        await watch.until("filed", 640)
    assert max(len(message.payload) for message in dossier.messages) <= LARGEST_PAYLOAD
    assert max(len(batch.items) for batch in dossier.batches) > 100
    assert set(watch.filed.values()) == {1}


async def test_a_killed_broker_costs_nothing(broker: RunningBroker, journal: Journal) -> None:
    watch = Watch(journal)
    ups: list[bool] = []
    shown = asyncio.Event()

    def show(up: bool, detail: str | None) -> None:
        assert up == (detail is None)
        ups.append(up)
        shown.set()

    async def shows(up: bool) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ups or ups[-1] != up:
                shown.clear()
                await shown.wait()

    async with (
        dossier_at(broker.address()) as dossier,
        publishing(journal, broker.address(), on_broker=show),
    ):
        expected = await accept(journal, 50)
        await watch.until("filed", 50)
        for _ in range(2):
            expected += await accept(journal, 300)
            await broker.kill()
            await shows(False)
            expected += await accept(journal, 50)
            await broker.start()
            await shows(True)
        await watch.until("filed", len(expected))
    assert {one for one, _ in dossier.filed} == set(expected)
    assert watch.filed == Counter(expected)


async def test_what_nobody_heard_is_sent_again_when_the_dossier_comes(
    broker: RunningBroker, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(journal)
    seen: list[tuple[bool, str | None]] = []

    def show(up: bool, detail: str | None) -> None:
        seen.append((up, detail))

    with slow_to_repeat(monkeypatch):
        await accept(journal, 20)
        async with publishing(journal, broker.address(), on_dossier=show):
            await watch.until("published", 20)
            assert (await journal.outbox()).waiting == 20
            async with dossier_at(broker.address()) as dossier:
                await watch.until("filed", 20)
    assert len(dossier.filed) == 20
    assert seen[0] == (True, None)


async def test_a_dossier_that_leaves_is_no_longer_told_to_be_there(
    broker: RunningBroker, journal: Journal
) -> None:
    board, told = Board(simulation=True), asyncio.Event()
    lines: list[str] = []

    def look() -> None:
        lines.append(line(board.picture, station_now()))
        told.set()

    def show_broker(up: bool, detail: str | None) -> None:
        board.broker(up, detail)
        look()

    def show_dossier(here: bool, detail: str | None) -> None:
        board.dossier_here(here, detail)
        look()

    async with publishing(
        journal, broker.address(), on_broker=show_broker, on_dossier=show_dossier
    ):
        # NATS may keep a retained state from who subscribes at the very moment it is published.
        async with asyncio.timeout(PATIENCE_SECONDS):
            await told.wait()
        async with dossier_at(broker.address()) as dossier:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not board.picture.dossier_here:
                    told.clear()
                    await told.wait()
            board.worklist((), None)
            await dossier.client.publish(
                dossier.will.topic, dossier.will.payload, retain=dossier.will.retain
            )
        # Nothing waits, the broker is up, and the dossier is gone.
        async with asyncio.timeout(PATIENCE_SECONDS):
            while lines[-1] != "silent":
                told.clear()
                await told.wait()


async def test_what_was_on_its_way_is_sent_again_after_a_reconnection(
    broker: RunningBroker, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(journal)
    own = broker.address(client_id="devicehub-station-1")
    with slow_to_repeat(monkeypatch):
        async with (
            listening(broker.address(), READINGS_OF_ALL_SHARDS) as (silent, _),
            publishing(journal, own),
        ):
            await accept(journal, 3)
            await watch.until("published", 3)
            # A second client with the same id throws the first one out, which then comes back.
            async with MqttClient(own) as intruder:
                await asyncio.wait_for(intruder.connected.wait(), PATIENCE_SECONDS)
            await silent.until(lambda: len(silent.all) >= 2)
    first, second = (json.loads(message.payload)["items"] for message in silent.all[:2])
    assert first == second


async def test_what_stays_without_answer_is_sent_again_by_the_clock(
    mosquitto: RunningBroker, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicehub.delivery.pace.SHORTEST_PAUSE", 0.05)
    monkeypatch.setattr("devicehub.delivery.pace.FIRST_PAUSE", 0.1)
    watch = Watch(journal)
    async with (
        listening(mosquitto.address(), READINGS_OF_ALL_SHARDS) as (silent, client),
        publishing(journal, mosquitto.address()),
    ):
        (one,) = await accept(journal)
        await silent.until(lambda: len(silent.all) >= 3)
        receipt = Receipt(id=one, revision=1, result="duplicate")
        await answer_with(client, TOPICS.reading, [receipt])
        await watch.until("filed", 1)


async def test_a_full_disk_only_delays_the_receipt(
    mosquitto: RunningBroker, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def allow(pages: int, database: Connection) -> None:
        database.execute(f"PRAGMA max_page_count = {pages}")

    def make_receipts_bulky(database: Connection) -> None:
        # Else a receipt finds the room it needs in the outbox that it empties.
        database.execute("CREATE TABLE bulk (bytes BLOB)")
        database.execute(
            "CREATE TRIGGER bulky AFTER INSERT ON state "
            "BEGIN INSERT INTO bulk VALUES (zeroblob(5000)); END"
        )

    monkeypatch.setattr("devicehub.delivery.pace.SHORTEST_PAUSE", 0.05)
    monkeypatch.setattr("devicehub.delivery.pace.FIRST_PAUSE", 0.1)
    watch = Watch(journal)
    await accept(journal, 200)
    pages = await journal.store.write(lambda db: int(db.execute("PRAGMA page_count").fetchone()[0]))
    await journal.store.write(make_receipts_bulky)
    await journal.store.write(partial(allow, pages + 8))
    async with (
        listening(mosquitto.address(), READINGS_OF_ALL_SHARDS) as (asked, _),
        dossier_at(mosquitto.address()),
        publishing(journal, mosquitto.address()),
    ):
        await asked.until(lambda: len(asked.all) >= 3)
        assert await journal.counts() == {"accepted": 200}
        await journal.store.write(partial(allow, 100_000))
        await watch.until("filed", 200)


async def test_a_full_disk_only_delays_the_sending(
    mosquitto: RunningBroker,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = asyncio.Semaphore(0)

    def told(reason: str, *_about: object) -> None:
        assert reason.startswith("publisher.journal.full")
        tried.release()

    def fill(database: Connection) -> None:
        # Else marking a reading as sent needs no room.
        database.execute("CREATE TABLE bulk (bytes BLOB)")
        database.execute(
            "CREATE TRIGGER bulky AFTER UPDATE OF sent ON reading "
            "BEGIN INSERT INTO bulk VALUES (zeroblob(50000)); END"
        )
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")

    monkeypatch.setattr("devicehub.delivery.publisher.FULL_DISK_RETRY", 0.05)
    monkeypatch.setattr(publisher_module.logger, "critical", told)
    watch = Watch(journal)
    await accept(journal)
    await journal.store.write(fill)
    async with dossier_at(mosquitto.address()), publishing(journal, mosquitto.address()):
        await tried.acquire()
        await tried.acquire()
        assert await journal.counts() == {"accepted": 1}
        await journal.store.write(
            lambda database: database.execute("PRAGMA max_page_count = 100000").close()
        )
        await watch.until("filed", 1)


async def test_repeated_unknown_and_senseless_receipts_harm_nobody(
    broker: RunningBroker, journal: Journal
) -> None:
    watch = Watch(journal)
    async with dossier_at(broker.address()) as dossier, publishing(journal, broker.address()):
        (one,) = await accept(journal)
        await watch.until("filed", 1)
        senseless = [b"", b"{", b'{"schema": "devicehub/receipt/9"}', b"\xff\x00"]
        for payload in senseless:
            await dossier.client.publish(TOPICS.receipt, payload)
        receipts = [
            Receipt(id=one, revision=1, result="filed"),
            Receipt(id=one, revision=1, result="refused", reason="late"),
            Receipt(id=one, revision=2, result="filed"),
            Receipt(id=uuid4(), revision=1, result="filed"),
        ]
        await answer_with(dossier.client, TOPICS.reading, receipts)
        await accept(journal)
        await watch.until("filed", 2)
    assert watch.filed[one] == 1


async def test_a_conflict_waits_for_a_person_and_a_locked_record_for_its_turn(
    mosquitto: RunningBroker, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicehub.delivery.pace.SHORTEST_PAUSE", 0.05)
    monkeypatch.setattr("devicehub.delivery.pace.FIRST_PAUSE", 0.1)
    watch = Watch(journal)
    asked: Counter[UUID] = Counter()
    conflict, locked = await accept(journal, 2)

    def decide(reading: UUID, _revision: int) -> dict[str, Any]:
        asked[reading] += 1
        if reading == conflict:
            return {"result": "refused", "reason": "conflict"}
        if asked[reading] < 4:
            return {"result": "refused", "reason": "unavailable", "retryable": True}
        return {}

    async with (
        dossier_at(mosquitto.address(), decide),
        publishing(journal, mosquitto.address()),
    ):
        await watch.until("filed", 1)
        await watch.until("refused", 1)
    assert asked[locked] == 4
    refused = await journal.reading(conflict)
    assert refused is not None
    assert refused.detail == "conflict"
    assert (await journal.outbox()).waiting == 0


async def test_what_is_undone_in_time_never_leaves_and_holds_up_nobody(
    broker: RunningBroker, journal: Journal
) -> None:
    watch = Watch(journal)
    (mistake,) = await accept(journal, state="to_review")
    async with dossier_at(broker.address()) as dossier, publishing(journal, broker.address()):
        await journal.change(mistake, 1, "accepted", author="nurse", undo_for=timedelta(hours=1))
        (other,) = await accept(journal)
        await watch.until("filed", 1)
        await journal.change(mistake, 1, "to_review", author="nurse")
        (later,) = await accept(journal)
        await watch.until("filed", 2)
        assert list(dossier.filed) == [(other, 1), (later, 1)]
        await journal.change(mistake, 1, "accepted", author="nurse")
        await watch.until("filed", 3)
    assert list(dossier.filed) == [(other, 1), (later, 1), (mistake, 1)]


async def test_what_can_be_undone_goes_by_itself_when_its_moment_comes(
    broker: RunningBroker, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(journal)
    first, second, third = await accept(journal, 3, state="to_review")
    moment = timedelta(seconds=0.4)
    with slow_to_repeat(monkeypatch):
        async with dossier_at(broker.address()):
            async with publishing(journal, broker.address()):
                for one in (first, second):
                    await journal.change(one, 1, "accepted", author="nurse", undo_for=moment)
                await watch.until("filed", 2)
                await journal.change(third, 1, "accepted", author="nurse", undo_for=moment)
            # The station has ended meanwhile; it goes when it is started again.
            async with publishing(journal, broker.address()):
                await watch.until("filed", 3)
    assert watch.filed == Counter([first, second, third])


async def test_the_states_are_retained_and_the_end_is_announced(
    broker: RunningBroker, journal: Journal
) -> None:
    state = DeviceState(
        device="scale-1", driver="mt_sics", origin="simulator", state="waiting", since=NOON
    )
    topic = TOPICS.device_state("scale-1")
    everything = f"{TOPICS.root}/#"
    async with listening(broker.address(), everything) as (live, _):
        async with publishing(journal, broker.address()) as publisher:
            publisher.device_state(state)
            connected = state.model_copy(update={"state": "connected"})
            publisher.device_state(connected)
            publisher.not_understood("scale-1", NotUnderstood("not a number: '72.4'", at=3))
            await live.until(
                lambda: (
                    TOPICS.health in live.newest
                    and live.newest.get(topic) == encode(connected)
                    and sum(m.topic == TOPICS.event for m in live.all) == 2
                )
            )
            async with listening(broker.address(), everything) as (late, _):
                await late.until(lambda: {TOPICS.state, TOPICS.health, topic} <= set(late.newest))
            assert {m.topic for m in late.all} == {TOPICS.state, TOPICS.health, topic}
            assert all(m.retained for m in late.all)
            health = Health.model_validate_json(late.newest[TOPICS.health])
            assert (health.outbox, health.quarantined, health.frames_not_understood) == (0, 0, 0)
            assert health.disk_free_bytes > 0
        await live.until(
            lambda: StationState.model_validate_json(live.newest[TOPICS.state]).state == "offline"
        )
    events = [Event.model_validate_json(m.payload) for m in live.all if m.topic == TOPICS.event]
    assert [(e.event, e.detail) for e in events] == [
        ("device_connected", None),
        ("frame_not_understood", "at byte 3"),
    ]


async def test_health_is_told_again_and_again(
    mosquitto: RunningBroker, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "HEALTH_EVERY", 0.05)
    async with (
        listening(mosquitto.address(), TOPICS.health) as (live, _),
        publishing(journal, mosquitto.address()),
    ):
        await live.until(lambda: len(live.all) >= 3)


async def test_requests_are_answered_where_they_may_be(
    broker: RunningBroker, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = "devicehub/v1/answers/test"
    watch = Watch(journal)
    with slow_to_repeat(monkeypatch):
        async with (
            listening(broker.address(), answers, READINGS_OF_ALL_SHARDS) as (live, client),
            publishing(journal, broker.address()),
        ):

            async def ask(what: str, reply_to: str) -> UUID:
                request = {"request_id": uuid4(), "reply_to": reply_to, "ask": what}
                asked = Request.model_validate(request)
                await client.publish(TOPICS.request, encode(asked))
                return asked.request_id

            await accept(journal, 2)
            await watch.until("published", 2)
            for elsewhere in ("somewhere/else", "devicehub/v1/+/all", "devicehub/v1/#"):
                await ask("health", elsewhere)
            await client.publish(TOPICS.request, b"{}")
            health, resend = await ask("health", answers), await ask("resend", answers)
            await live.until(
                lambda: (
                    sum(m.topic == answers for m in live.all) == 2
                    and sum(m.topic == TOPICS.reading for m in live.all) == 2
                )
            )
    replies = [Response.model_validate_json(m.payload) for m in live.all if m.topic == answers]
    assert [(r.request_id, r.ok) for r in replies] == [(health, True), (resend, True)]
    assert replies[0].health is not None
    assert replies[0].health.outbox == 2
    first, second = (json.loads(m.payload) for m in live.all if m.topic == TOPICS.reading)
    assert first["items"] == second["items"]


async def test_a_station_that_missed_a_birth_hears_the_next_repetition_and_only_that_one(
    journal: Journal, broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "devicehub.delivery.pace.SHORTEST_PAUSE", 3600.0
    )  # nothing is sent again by itself
    state = DossierState(
        dossier="test",
        state="online",
        since=NOON,
        boot=uuid4(),
        version="0",
        accepts_simulators=True,
    )

    def listens(which: int | None) -> bytes:
        one = None if which is None else UUID(int=which)
        return encode(state.model_copy(update={"listening": one}))

    (reading,) = await accept(journal)
    topic = dossier_state_topic("test")
    async with (
        listening(broker.address(), READINGS_OF_ALL_SHARDS) as (listener, client),
        publishing(journal, broker.address()),
    ):

        async def sent_after(payload: bytes, times: int) -> None:
            await client.publish(topic, payload, retain=True)
            await listener.until(lambda: len(listener.all) >= times)

        await listener.until(lambda: len(listener.all) == 1)
        await sent_after(listens(1), 2)  # its birth was missed
        await client.publish(topic, listens(1), retain=True)
        await sent_after(listens(None), 3)  # it has subscribed anew
        await client.publish(topic, listens(2), retain=True)
        await client.publish(topic, listens(2), retain=True)
        await sent_after(listens(3), 4)  # and once more, but that birth was missed
        await client.publish(TOPICS.receipt, _filed(reading))
        await Watch(journal).until("filed", 1)
    assert len(listener.all) == 4, "what is only repeated makes nobody send again"


def _filed(reading: UUID) -> bytes:
    receipts = (Receipt(id=reading, revision=1, result="filed"),)
    return encode(ReceiptBatch(dossier="test", sent_at=NOON, receipts=receipts))
