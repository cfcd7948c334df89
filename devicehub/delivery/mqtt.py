"""The MQTT client of station and dossier: connected whenever that is possible.

It dials for ever, says why it is not connected, subscribes again on each connection, and speaks
MQTT 5 where the broker does, else 3.1.1: a broker without MQTT 5 refuses, closes the connection,
or says nothing at all, and each of the three leads to the older version. What worked is tried
first the next time.

Sessions are clean and nothing is queued here: resending is the outbox's matter.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Literal, Self

from devicehub.delivery.address import Address, TlsFiles, Version
from devicehub.delivery.connection import INBOX, Connection
from devicehub.delivery.message import Incoming, Message
from devicehub.delivery.outage import Cause, NotConnected, Outage, PublishLost, PublishRefused

__all__ = [
    "Address",
    "Cause",
    "Incoming",
    "Message",
    "MqttClient",
    "NotConnected",
    "Outage",
    "PublishLost",
    "PublishRefused",
    "TlsFiles",
    "Version",
]

logger = logging.getLogger(__name__)

SILENCE = 3.0
"""Seconds without an answer after which an older version of MQTT is tried."""

PATIENCE = 10.0
"""Seconds for an answer where there is no older version: a cluster may be choosing a leader."""

FIRST_RETRY = 0.2
LONGEST_RETRY = 30.0
"""Seconds; a pause is drawn between zero and a limit that doubles (full jitter)."""

STEADY = 5.0
"""Seconds a connection must have held for the pauses to start again from the first."""


class MqttClient:
    """A client to use as ``async with``; entering does not wait for a connection.

    ``on_message`` is awaited for one message after the other. A message is acknowledged to the
    broker when it returns; with ``manual_ack`` only `Incoming.ack` does so, for instance after a
    commit. An exception in it is logged and leaves its message unacknowledged.

    ``on_connection(up, outage)`` is called in the event loop: once for each connection (``outage``
    is None), for each loss, and whenever the reason for having none changes.

    ``birth`` is published on each connection before anything else; ``will`` by the broker when
    the connection dies. A farewell at an orderly end is the caller's to publish before leaving
    the ``async with``: a clean goodbye makes the broker forget the will.
    """

    def __init__(
        self,
        address: Address,
        *,
        subscriptions: tuple[str, ...] = (),
        on_message: Callable[[Incoming], Awaitable[None]] | None = None,
        manual_ack: bool = False,
        will: Message | None = None,
        birth: Message | None = None,
        on_connection: Callable[[bool, Outage | None], None] | None = None,
    ) -> None:
        if subscriptions and on_message is None:
            raise ValueError("subscriptions need an on_message to receive what comes")
        self.connected = asyncio.Event()
        self.outage: Outage | None = None
        self.dropped = 0
        """Messages that found the inbox full; unacknowledged, so their sender sends them again."""
        self._address = address
        self._client_id = address.client_id or f"devicehub-{secrets.token_hex(4)}"
        self._subscriptions = subscriptions
        self._on_message = on_message
        self._manual_ack = manual_ack
        self._will = will
        self._birth = birth
        self._on_connection = on_connection
        self._versions: list[Version] = (
            ["5", "3.1.1"] if address.version == "auto" else [address.version]
        )
        self._connection: Connection | None = None
        self._inbox: asyncio.Queue[Incoming] = asyncio.Queue(INBOX)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def version(self) -> Version | None:
        """The MQTT version of the present connection."""
        return None if self._connection is None else self._connection.version

    async def __aenter__(self) -> Self:
        self._tasks.append(asyncio.create_task(self._stay_connected(), name="mqtt-connection"))
        if self._on_message is not None:
            receiving = self._receive(self._on_message)
            self._tasks.append(asyncio.create_task(receiving, name="mqtt-inbox"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: Literal[0, 1] = 1,
        retain: bool = False,
        expiry: int | None = None,
        content_type: str | None = None,
        user_properties: Mapping[str, str] | None = None,
    ) -> None:
        """Publish, and return when the broker has acknowledged (QoS 0: when handed over).

        Call it many times at once: thousands may be in flight. ``expiry`` (seconds),
        ``content_type`` and ``user_properties`` travel where the connection speaks MQTT 5. Over
        3.1.1 a broker acknowledges even what its access list makes it throw away.

        Raises:
            NotConnected: nothing was sent.
            PublishLost: it was sent, and the connection went before the PUBACK.
            PublishRefused: the broker refused it (MQTT 5).
        """
        connection = self._connection
        if connection is None:
            raise NotConnected(self.outage.detail if self.outage else "not connected yet")
        await connection.publish(
            topic,
            payload,
            qos=qos,
            retain=retain,
            expiry=expiry,
            content_type=content_type,
            user_properties=user_properties,
        )

    # ------------------------------------------------------------------ the two tasks

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            lasted = await self._one_connection()
            failures = 0 if lasted >= STEADY else failures + 1
            limit = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(failures, 10))
            await asyncio.sleep(random.uniform(0, limit))  # noqa: S311 - spreads load, hides nothing

    async def _one_connection(self) -> float:
        """Dial, stay until the loss; how many seconds the connection held."""
        try:
            connection = await self._dial()
        except Outage as refusal:
            self._report(refusal)
            return 0.0
        clock = asyncio.get_running_loop().time
        since = clock()
        try:
            if self._birth is not None:
                await self._announce(connection, self._birth)
            self._connection = connection
            self._report(None)
            outage = await connection.over()
        except (NotConnected, PublishLost):  # gone before the birth was taken
            outage = await connection.over()
        finally:
            self._connection = None
            self.connected.clear()
            self.dropped += connection.dropped
            await connection.close()
        self._report(outage)
        return clock() - since

    async def _dial(self) -> Connection:
        for version in tuple(self._versions):
            last = version == self._versions[-1]
            connection = Connection(
                self._address,
                version,
                client_id=self._client_id,
                subscriptions=self._subscriptions,
                will=self._will,
                on_message=self._take,
            )
            try:
                await connection.open(PATIENCE if last else SILENCE)
            except Outage as outage:
                if last or not outage.other_version:
                    raise
                logger.info("mqtt.version.refused version=%s detail=%s", version, outage.detail)
            else:
                self._versions.sort(key=lambda candidate: candidate != version)
                return connection
        raise AssertionError("the last version either connects or raises")

    async def _announce(self, connection: Connection, birth: Message) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await connection.publish(birth.topic, birth.payload, retain=birth.retain)
        except (PublishRefused, TimeoutError) as error:
            # Readings matter more than the announcement: stay, and say it.
            logger.warning("mqtt.birth.not_taken topic=%s reason=%s", birth.topic, error)

    def _report(self, outage: Outage | None) -> None:
        same = outage is not None and str(outage) == str(self.outage)
        self.outage = outage
        if outage is None:
            self.connected.set()
            logger.info("mqtt.up broker=%s version=%s", self._address, self.version)
        elif not same:
            logger.warning("mqtt.down cause=%s detail=%s", outage.cause, outage.detail)
        if self._on_connection is None or same:
            return
        try:
            self._on_connection(outage is None, outage)
        except Exception:
            logger.exception("mqtt.on_connection.failed")  # the connection must not end with it

    def _take(self, message: Incoming) -> None:
        try:
            self._inbox.put_nowait(message)
        except asyncio.QueueFull:
            self.dropped += 1
            if self.dropped == 1:
                logger.warning("mqtt.inbox.full waiting=%d", self._inbox.qsize())

    async def _receive(self, on_message: Callable[[Incoming], Awaitable[None]]) -> None:
        while True:
            message = await self._inbox.get()
            try:
                await on_message(message)
            except Exception:
                logger.exception("mqtt.message.failed topic=%s", message.topic)
                continue
            if not self._manual_ack:
                message.ack()
