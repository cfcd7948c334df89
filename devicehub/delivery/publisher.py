"""The publisher: sends the outbox until the dossier's receipts empty it, and says how the station is.

Theory of operation. The journal's outbox is the only queue. A batch that the broker has acknowledged
is *published*, no more: the broker may forget it, and nobody may have listened. Only a receipt from
the dossier takes an item out of the outbox, so all that is kept here (`Pace`) may be lost with the
process. After a reconnection, and when a dossier announces itself, everything without receipt is sent
at once; otherwise what stays without answer is sent again with growing pauses. The dossier answers
what it already has with ``duplicate``.

Readings are never retained on the broker; the states of station and devices, and its health, are.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from pydantic import ValidationError

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
from devicehub.delivery.pace import Pace
from devicehub.delivery.wire import (
    LARGEST_BATCH,
    LARGEST_PAYLOAD,
    ROOT,
    DeviceState,
    DossierState,
    Event,
    Health,
    Item,
    Payload,
    ReadingBatch,
    ReceiptBatch,
    Request,
    Response,
    StationState,
    StationTopics,
    dossier_state_topic,
    encode,
)
from devicehub.driver import NotUnderstood
from devicehub.journal.failures import JournalFull
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing

logger = logging.getLogger(__name__)

HEALTH_EVERY = 60.0
"""Seconds between two reports of the station's health."""

ANSWER_EXPIRES = 60
"""Seconds after which nobody waits for an answer any more."""

EVENTS_KEPT = 64
"""Events that wait for a broker; older ones are told to nobody, the journal and the log have them."""

FULL_DISK_RETRY = 5.0
"""Seconds before a full disk is tried again."""

FAREWELL = 1.0
"""Seconds the broker has to take the news that this station goes."""

NOT_PUBLISHED = (NotConnected, PublishLost, PublishRefused)

ShowState = Callable[[bool, str | None], None]
"""Called with whether somebody is there, and the reason where not."""

_EVENTS: dict[str, Literal["device_connected", "device_lost", "device_failed"]] = {
    "connected": "device_connected",
    "lost": "device_lost",
    "failed": "device_failed",
}


class Publisher:
    """One station's voice at the broker. `run` it; the other methods may be called at any time."""

    def __init__(
        self,
        journal: Journal,
        address: Address,
        topics: StationTopics,
        *,
        station: str,
        boot: UUID,
        version: str,
        on_broker: ShowState | None = None,
        on_dossier: ShowState | None = None,
    ) -> None:
        self._journal = journal
        self._topics = topics
        self._station = station
        self._boot = boot
        self._version = version
        self._since = datetime.now(UTC)
        self._on_broker = on_broker
        self._on_dossier = on_dossier
        self._pace = Pace()
        self._dossiers: dict[str, bool] = {}
        self._listening: dict[str, UUID | None] = {}
        self._dossier_present: bool | None = None
        self._states: dict[str, DeviceState] = {}
        self._untold: set[str] = set()
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._requests: asyncio.Queue[Request] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._health_due = asyncio.Event()
        self._client = MqttClient(
            address,
            subscriptions=(topics.receipt, topics.request, dossier_state_topic("+")),
            on_message=self._hear,
            will=Message(topics.state, self._state("offline"), retain=True),
            birth=Message(topics.state, self._state("online"), retain=True),
            on_connection=self._on_connection,
        )

    async def run(self) -> None:
        """Send until cancelled, then say goodbye. What has no receipt stays in the outbox."""
        self._journal.on_change.append(self._on_change)
        try:
            async with self._client:
                try:
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._send(tasks), name="publisher-outbox")
                        tasks.create_task(self._tell(), name="publisher-states")
                        tasks.create_task(self._tell_health(), name="publisher-health")
                        tasks.create_task(self._answer(), name="publisher-answers")
                finally:
                    await self._leave()
        finally:
            self._journal.on_change.remove(self._on_change)

    def device_state(self, state: DeviceState) -> None:
        """Tell the newest state of a device, now or when there is a broker again."""
        before = self._states.get(state.device)
        self._states[state.device] = state
        self._untold.add(state.device)
        if state.state in _EVENTS and (before is None or before.state != state.state):
            self._event(_EVENTS[state.state], state.device, state.detail)
        self._news.set()

    def not_understood(self, device: str, error: NotUnderstood) -> None:
        """Tell that a device sent something its driver does not understand; never what it was."""
        where = None if error.at is None else f"at byte {error.at}"
        self._event("frame_not_understood", device, where)

    # ---------------------------------------------------------------------- the outbox

    async def _send(self, tasks: asyncio.TaskGroup) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._client.connected.wait()
            self._wake.clear()
            at_end = False
            if not self._pace.is_full:
                place = self._pace.place
                try:
                    due = await self._journal.take_due(LARGEST_BATCH, after=place)
                except JournalFull as error:
                    # What is not marked as sent is not sent: a person could undo what the dossier holds.
                    logger.critical("publisher.journal.full reason=%s", error)
                    await asyncio.sleep(FULL_DISK_RETRY)
                    continue
                self._send_now(self._pace.take(due, after=place), tasks, clock())
                at_end = not due
            seconds = self._pace.rest(at_end=at_end, now=clock())
            if at_end:
                seconds = _sooner(seconds, await self._undo_ends())
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _send_now(self, filings: Sequence[Filing], tasks: asyncio.TaskGroup, now: float) -> None:
        for batch, payload in self._cut(filings):
            keys = [(item.reading.id, item.attribution.revision) for item in batch.items]
            self._pace.sent(keys, now)
            if len(payload) > LARGEST_PAYLOAD:
                logger.error("publisher.reading.too_large id=%s bytes=%d", keys[0][0], len(payload))
                continue
            tasks.create_task(self._send_batch(batch, payload), name="publisher-batch")

    def _cut(self, filings: Sequence[Filing]) -> Iterator[tuple[ReadingBatch, bytes]]:
        """Batches within the limits of the wire; one reading that is too large stays alone."""
        if not filings:
            return
        items = tuple(Item(reading=f.reading, attribution=f.attribution) for f in filings)
        batch = ReadingBatch(station=self._station, sent_at=datetime.now(UTC), items=items)
        payload = encode(batch)
        if len(payload) <= LARGEST_PAYLOAD or len(filings) == 1:
            yield batch, payload
            return
        middle = len(filings) // 2
        yield from self._cut(filings[:middle])
        yield from self._cut(filings[middle:])

    async def _send_batch(self, batch: ReadingBatch, payload: bytes) -> None:
        try:
            await self._publish(self._topics.reading, batch, payload=payload)
            await self._journal.mark_published(
                [(item.reading.id, item.attribution.revision) for item in batch.items]
            )
        except NOT_PUBLISHED as error:
            logger.warning(
                "publisher.batch.not_sent readings=%d reason=%s", len(batch.items), error
            )
        except JournalFull as error:
            logger.critical("publisher.journal.full reason=%s", error)

    async def _undo_ends(self) -> float | None:
        """Seconds until something may go that a person can still undo; None where there is none."""
        until = await self._journal.undo_until()
        return max(0.0, (until - datetime.now(UTC)).total_seconds()) if until else None

    def _start_over(self) -> None:
        self._pace.start_over()
        self._wake.set()

    def _on_change(self, filing: Filing) -> None:
        if filing.state in {"accepted", "withdrawn"}:
            self._wake.set()

    # ------------------------------------------------------------------- what is heard

    def _on_connection(self, up: bool, outage: Outage | None) -> None:
        if up:
            self._untold.update(self._states)
            self._news.set()
            self._health_due.set()
            self._start_over()
        if self._on_broker is not None:
            self._on_broker(up, outage.detail if outage else None)

    async def _hear(self, message: Incoming) -> None:
        try:
            if message.topic == self._topics.receipt:
                await self._hear_receipts(ReceiptBatch.model_validate_json(message.payload))
            elif message.topic == self._topics.request:
                self._hear_request(Request.model_validate_json(message.payload), message)
            else:
                self._hear_dossier(DossierState.model_validate_json(message.payload), message)
        except ValidationError as error:
            logger.warning(
                "publisher.message.invalid topic=%s errors=%d", message.topic, error.error_count()
            )

    async def _hear_receipts(self, batch: ReceiptBatch) -> None:
        await self._journal.receipts(batch.receipts)
        self._pace.answered(batch.receipts, asyncio.get_running_loop().time())
        for receipt in batch.receipts:
            if receipt.result == "refused":
                logger.warning(
                    "publisher.reading.refused id=%s revision=%d reason=%s retryable=%s",
                    receipt.id,
                    receipt.revision,
                    receipt.reason,
                    receipt.retryable,
                )
        self._wake.set()

    def _hear_request(self, request: Request, message: Incoming) -> None:
        reply_to = request.reply_to
        if message.retained or not reply_to.startswith(f"{ROOT}/") or set("+#\0") & set(reply_to):
            logger.warning("publisher.request.ignored retained=%s", message.retained)
            return
        self._requests.put_nowait(request)

    def _hear_dossier(self, state: DossierState, message: Incoming) -> None:
        online = state.state == "online"
        self._dossiers[state.dossier] = online
        if online and not message.retained and not self._is_repeated(state):
            # It has just subscribed: what was sent before, it may never have seen. A retained state
            # tells of a dossier that listened before we connected, and all was sent since.
            self._start_over()
        if online:
            self._listening[state.dossier] = state.listening
        else:
            self._listening.pop(state.dossier, None)
        present = any(self._dossiers.values())
        if present != self._dossier_present and self._on_dossier is not None:
            self._on_dossier(present, None if present else f"{state.dossier} is offline")
        self._dossier_present = present

    def _is_repeated(self, state: DossierState) -> bool:
        """Whether a dossier only says again that it listens, as it has since we heard of it first."""
        if state.listening is None or state.dossier not in self._listening:
            return False
        return self._listening[state.dossier] in {None, state.listening}

    # -------------------------------------------------------------------- what is told

    async def _publish(
        self,
        topic: str,
        message: Payload,
        *,
        payload: bytes | None = None,
        retain: bool = False,
        expiry: int | None = None,
    ) -> None:
        await self._client.publish(
            topic,
            payload or encode(message),
            retain=retain,
            expiry=expiry,
            content_type="application/json",
            user_properties={"schema": message.schema_, "traceparent": _traceparent()},
        )

    async def _tell(self) -> None:
        while True:
            await self._news.wait()
            await self._client.connected.wait()
            self._news.clear()
            try:
                while self._untold:
                    device = next(iter(self._untold))
                    state = self._states[device]
                    await self._publish(self._topics.device_state(device), state, retain=True)
                    if self._states[device] is state:
                        self._untold.discard(device)
                while self._events:
                    await self._publish(self._topics.event, self._events[0])
                    self._events.popleft()
            except NOT_PUBLISHED as error:
                logger.info("publisher.state.not_sent reason=%s", error)

    async def _tell_health(self) -> None:
        while True:
            await self._client.connected.wait()
            self._health_due.clear()
            try:
                await self._publish(self._topics.health, await self._health(), retain=True)
            except NOT_PUBLISHED as error:
                logger.info("publisher.health.not_sent reason=%s", error)
            try:
                async with asyncio.timeout(HEALTH_EVERY):
                    await self._health_due.wait()
            except TimeoutError:
                continue

    async def _answer(self) -> None:
        while True:
            request = await self._requests.get()
            health = await self._health() if request.ask == "health" else None
            if request.ask == "resend":
                self._start_over()
            response = Response(request_id=request.request_id, ok=True, health=health)
            try:
                await self._publish(request.reply_to, response, expiry=ANSWER_EXPIRES)
            except NOT_PUBLISHED as error:
                logger.info("publisher.answer.not_sent reason=%s", error)

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(FAREWELL):
                await self._client.publish(self._topics.state, self._state("offline"), retain=True)
        except (*NOT_PUBLISHED, TimeoutError) as error:
            logger.info("publisher.farewell.not_taken reason=%s", error)

    async def _health(self) -> Health:
        outbox = await self._journal.outbox()
        return Health(
            at=datetime.now(UTC),
            outbox=outbox.waiting,
            outbox_oldest=outbox.oldest,
            quarantined=(await self._journal.counts()).get("quarantined", 0),
            frames_not_understood=await self._journal.not_understood(),
            disk_free_bytes=shutil.disk_usage(self._journal.path.parent).free,
        )

    def _state(self, state: Literal["online", "offline"]) -> bytes:
        return encode(
            StationState(state=state, since=self._since, boot=self._boot, version=self._version)
        )

    def _event(
        self,
        event: Literal["device_connected", "device_lost", "device_failed", "frame_not_understood"],
        device: str,
        detail: str | None,
    ) -> None:
        self._events.append(Event(at=datetime.now(UTC), event=event, device=device, detail=detail))
        self._news.set()


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((seconds for seconds in (one, other) if seconds is not None), default=None)


def _traceparent() -> str:
    """A new trace, as W3C Trace Context, 3.2 writes it: version, trace, span, flags."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
