"""From the broker into the store: validate, commit, and only then acknowledge and answer.

What cannot be committed is neither acknowledged nor answered: it is tried again until the disk
takes it, and until then the broker and the stations keep it. Whatever is lost on the way comes
again from a station's outbox and is answered ``duplicate``.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import ValidationError

from devicehub import __version__
from devicehub.delivery import wire
from devicehub.delivery.mqtt import (
    Address,
    Incoming,
    Message,
    MqttClient,
    NotConnected,
    Outage,
    PublishLost,
    PublishRefused,
)
from devicehub.dossier.filing import Arrival, Reason, refused
from devicehub.dossier.store import DossierStore, StoreFull
from devicehub.journal.records import Receipt

logger = logging.getLogger(__name__)

LARGEST_COMMIT = 64
"""Messages in one transaction."""

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
"""Seconds between two tries to commit; the pause doubles."""

REPEAT_SECONDS = 20.0
"""How often a dossier says again that it is there: so long a station that missed its birth waits at most."""

FAREWELL = 1.0
"""Seconds the broker has to take the news that this dossier goes."""


SHOWN = 5
"""How many faults of one payload are logged."""


@dataclass(frozen=True)
class Answer:
    """What one message leads to: its receipts, or none where nothing could be read in it."""

    message: Incoming
    receipts: tuple[Receipt, ...]


class Ingest:
    """One dossier worker: subscribed to every station, one commit at a time."""

    def __init__(
        self, store: DossierStore, broker: Address, *, dossier: str, accepts_simulators: bool
    ) -> None:
        self.failing: str | None = None
        """Why nothing can be filed at present."""
        self._store = store
        self._broker = broker
        self._dossier = dossier
        self._accepts_simulators = accepts_simulators
        self._boot = uuid4()
        self._listening = uuid4()
        self._since = datetime.now(UTC)
        self._arrived: asyncio.Queue[Incoming] = asyncio.Queue(LARGEST_COMMIT)
        self._client: MqttClient | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the broker."""
        return self._client is not None and self._client.connected.is_set()

    async def run(self) -> None:
        """Take in what comes until cancelled; then say goodbye."""
        topic = wire.dossier_state_topic(self._dossier)
        client = MqttClient(
            self._broker,
            subscriptions=(wire.READINGS_OF_ALL_SHARDS,),
            on_message=self._arrived.put,
            manual_ack=True,
            will=Message(topic, self._state("offline"), retain=True),
            birth=Message(topic, self._state("online"), retain=True),
            on_connection=self._on_connection,
        )
        async with client:
            self._client = client
            repeating = asyncio.create_task(self._repeat(client, topic), name="dossier-repeat")
            try:
                while True:
                    await self._take(client, await self._next())
            finally:
                repeating.cancel()
                await asyncio.wait({repeating})
                await self._leave(client, topic)

    def _on_connection(self, up: bool, _outage: Outage | None) -> None:
        if up:
            self._listening = uuid4()

    async def _repeat(self, client: MqttClient, topic: str) -> None:
        while True:
            await asyncio.sleep(REPEAT_SECONDS)
            await client.connected.wait()
            try:
                again = self._state("online", self._listening)
                await client.publish(topic, again, retain=True)
            except (NotConnected, PublishLost, PublishRefused) as error:
                logger.info("dossier.state.not_repeated reason=%s", error)

    def _state(self, state: Literal["online", "offline"], listening: UUID | None = None) -> bytes:
        return wire.encode(
            wire.DossierState(
                dossier=self._dossier,
                state=state,
                since=self._since,
                boot=self._boot,
                version=__version__,
                accepts_simulators=self._accepts_simulators,
                listening=listening,
            )
        )

    async def _leave(self, client: MqttClient, topic: str) -> None:
        try:
            async with asyncio.timeout(FAREWELL):
                await client.publish(topic, self._state("offline"), retain=True)
        except (NotConnected, PublishLost, PublishRefused, TimeoutError) as error:
            logger.info("dossier.farewell.not_taken reason=%s", error)

    async def _next(self) -> list[Incoming]:
        """Wait for a message, and take what has come meanwhile."""
        messages = [await self._arrived.get()]
        while len(messages) < LARGEST_COMMIT and not self._arrived.empty():
            messages.append(self._arrived.get_nowait())
        return messages

    async def _take(self, client: MqttClient, messages: Sequence[Incoming]) -> None:
        answers = await self._commit(messages)
        for answer in answers:
            answer.message.ack()
        await asyncio.gather(*(self._answer(client, answer) for answer in answers))

    async def _commit(self, messages: Sequence[Incoming]) -> list[Answer]:
        """File a batch; where the store cannot, wait and try again, for ever."""
        pause = FIRST_PAUSE
        while True:
            try:
                answers = await asyncio.to_thread(self._file, messages)
            except StoreFull as error:
                self.failing = str(error)
                logger.critical(
                    "dossier.store.failing messages=%d reason=%s "
                    "nothing is filed nor lost: stations keep their readings; make room on the disk",
                    len(messages),
                    error,
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                if self.failing is not None:
                    logger.warning("dossier.store.works_again")
                    self.failing = None
                return answers

    # ---------------------------------------------------------------- in a thread of its own

    def _file(self, messages: Sequence[Incoming]) -> list[Answer]:
        try:
            return self._file_together(messages)
        except StoreFull:
            raise
        except Exception:
            if len(messages) == 1:
                logger.exception("dossier.message.failed topic=%s", messages[0].topic)
                return [Answer(messages[0], tuple(readable(messages[0].payload, "internal")))]
        # One of them cannot be filed for a fault of ours: it must not hold up the others.
        return [answer for message in messages for answer in self._file([message])]

    def _file_together(self, messages: Sequence[Incoming]) -> list[Answer]:
        read = [read_message(message) for message in messages]
        arrivals = [entry for entries in read for entry in entries if isinstance(entry, Arrival)]
        filed = iter(self._store.file(arrivals, accepts_simulators=self._accepts_simulators))
        return [
            Answer(
                message,
                tuple(entry if isinstance(entry, Receipt) else next(filed) for entry in entries),
            )
            for message, entries in zip(messages, read, strict=True)
        ]

    # -------------------------------------------------------------------------- the answer

    async def _answer(self, client: MqttClient, answer: Answer) -> None:
        topic = wire.receipt_topic(answer.message.topic)
        for start in range(0, len(answer.receipts), wire.LARGEST_BATCH):
            batch = wire.ReceiptBatch(
                dossier=self._dossier,
                sent_at=datetime.now(UTC),
                receipts=answer.receipts[start : start + wire.LARGEST_BATCH],
            )
            for receipt in batch.receipts:
                level = logging.WARNING if receipt.result == "refused" else logging.INFO
                logger.log(
                    level,
                    "dossier.receipt id=%s revision=%d result=%s reason=%s",
                    receipt.id,
                    receipt.revision,
                    receipt.result,
                    receipt.reason,
                )
            try:
                await client.publish(
                    topic,
                    wire.encode(batch),
                    content_type="application/json",
                    user_properties={"schema": batch.schema_},
                )
            except (NotConnected, PublishLost, PublishRefused) as error:
                # The station asks again, and gets ``duplicate``.
                logger.warning("dossier.receipt.not_sent topic=%s reason=%s", topic, error)


def read_message(message: Incoming) -> list[Arrival | Receipt]:
    """What a message brings: arrivals, and at once the refusals of items that break the schema.

    One bad item does not spoil the others. Where not even ids can be read there is nothing to
    answer, and the log alone tells.
    """
    site, station = wire.sender(message.topic)
    try:
        batch = wire.ReadingBatch.model_validate_json(message.payload)
    except ValidationError as error:
        _log(message.topic, error)
        return list(_one_by_one(message, site, station))
    return [Arrival(site, station, batch.station, item) for item in batch.items]


def _one_by_one(message: Incoming, site: str, station: str) -> Iterator[Arrival | Receipt]:
    raw, items = _loosely(message.payload)
    for item in items:
        alone = json.dumps({**raw, "items": [item]})
        try:
            batch = wire.ReadingBatch.model_validate_json(alone)
        except ValidationError:
            yield from _refusal(item, "schema")
        else:
            yield Arrival(site, station, batch.station, batch.items[0])


def readable(payload: bytes, reason: Reason) -> Iterator[Receipt]:
    """A refusal for each item whose reading and revision can be read."""
    _, items = _loosely(payload)
    for item in items:
        yield from _refusal(item, reason)


def _loosely(payload: bytes) -> tuple[dict[str, Any], list[Any]]:
    """The object and its items, or nothing of both, from a payload that may be anything."""
    try:
        raw = json.loads(payload)
    except (ValueError, RecursionError):
        return {}, []
    items = raw.get("items") if isinstance(raw, dict) else None
    return (raw, items) if isinstance(items, list) else ({}, [])


def _refusal(item: Any, reason: Reason) -> Iterator[Receipt]:
    try:
        reading, revision = UUID(item["reading"]["id"]), item["attribution"]["revision"]
    except (KeyError, TypeError, ValueError, AttributeError):
        return
    if type(revision) is int:
        yield refused(reading, revision, reason)


def _log(topic: str, error: ValidationError) -> None:
    """Where a payload breaks the schema; never what stood there."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    for fault in faults[:SHOWN]:
        where = ".".join(str(step) for step in fault["loc"])
        logger.error("dossier.payload.refused topic=%s at=%s fault=%s", topic, where, fault["type"])
