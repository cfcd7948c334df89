"""One connection to a broker: the only module that knows paho-mqtt.

Theory of operation. A `Connection` is one paho client in one network thread of ours, alive from
dialling to loss and never again: paho neither reconnects nor queues, so it never publishes
anything twice behind the outbox's back. What is unacknowledged when the connection goes is
reported as lost and forgotten.

The thread is ours, and not `paho.Client.loop_start`, for three reasons: the exception that ended
a dial is kept (paho's thread swallows it, and with it the reason a person needs), the thread can
be joined (paho clears its own reference to it while others read it), and the socket pair that
wakes it is closed in a known place. It turns `paho.Client.loop`, so it keeps pinging while the
event loop stalls.

What the thread learns goes to the event loop as a batch: one wake-up for as many events as came.
"""

import asyncio
import logging
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devicehub.delivery.address import Address, TlsFiles, Version
from devicehub.delivery.message import Incoming, Message
from devicehub.delivery.outage import (
    NotConnected,
    Outage,
    PublishLost,
    PublishRefused,
    refused,
    rejected,
    undialled,
)
from devicehub.delivery.tls import client_context

__all__ = ["Connection"]

logger = logging.getLogger(__name__)

KEEPALIVE = 20
"""Seconds between pings; the broker gives us up after one and a half times as long."""

DIAL = 3.0
"""Seconds for TCP, and again for the TLS handshake."""

FAREWELL = 1.0
"""Seconds a broker has to take our DISCONNECT before the socket is cut."""

WINDOW = 256
"""Received messages a broker may have unacknowledged with us (MQTT 5 Receive Maximum)."""

INBOX = 4096
"""Received messages that may wait for the event loop."""

IN_FLIGHT = 8192
"""Publishes that may wait for their PUBACK; further ones wait their turn."""


class Connection:
    """One paho client from dialling to loss. Belongs to the event loop that makes it."""

    def __init__(
        self,
        address: Address,
        version: Version,
        *,
        client_id: str,
        subscriptions: tuple[str, ...] = (),
        will: Message | None = None,
        on_message: Callable[[Incoming], None],
    ) -> None:
        self.version = version
        self.dropped = 0
        self._address = address
        self._subscriptions = subscriptions
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._dialled: asyncio.Future[None] = self._loop.create_future()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._subscribed: asyncio.Future[None] = self._loop.create_future()
        self._over: asyncio.Future[Outage] = self._loop.create_future()
        self._unacknowledged: dict[int, asyncio.Future[None]] = {}
        self._window = asyncio.Semaphore(IN_FLIGHT)
        self._events: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._woken = False
        self._closing = False
        self._refusal: Outage | None = None
        self._last_error = ""
        self._answered = False
        self._paho = self._client(client_id, will)
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{client_id}", daemon=True)

    def _client(self, client_id: str, will: Message | None) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5
            if self.version == "5"
            else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = DIAL
        client.max_inflight_messages = 0  # no queue inside paho: `_window` counts instead
        client.username = self._address.user
        client.password = self._address.password
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        client.on_connect = self._heard_connack
        client.on_subscribe = self._heard_suback
        client.on_publish = self._heard_puback
        client.on_message = self._heard_message
        client.on_disconnect = self._heard_disconnect
        client.on_log = self._heard_log
        # Its presence tells paho that only the network thread writes to the socket.
        client.on_socket_register_write = lambda *_: None
        client.on_socket_open = _send_at_once
        return client

    # ------------------------------------------------------------------ in the event loop

    async def open(self, patience: float) -> None:
        """Dial, log in, subscribe; the broker has ``patience`` seconds for each answer.

        Raises:
            Outage: there is no connection; nothing is left behind.
        """
        try:
            self._thread.start()
            await self._reach(self._dialled, None)
            await self._reach(self._accepted, patience)
            await self._reach(self._subscribed, patience)
        except BaseException:
            await self.close()
            raise

    async def _reach(self, milestone: asyncio.Future[None], patience: float | None) -> None:
        either: tuple[asyncio.Future[Any], ...] = (milestone, self._over)
        await asyncio.wait(either, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if self._over.done():
            raise self._over.result()
        if not milestone.done():
            raise Outage(
                "protocol",
                f"{self._address} took the connection and then said nothing for {patience:g} s "
                f"to MQTT {self.version}",
                other_version=milestone is self._accepted,
            )

    async def over(self) -> Outage:
        """Wait until the connection is gone, and say why."""
        return await asyncio.shield(self._over)

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
        """Send, and return when the broker has acknowledged (QoS 0: when handed over).

        Raises:
            NotConnected: nothing was sent.
            PublishLost: it was sent, and no PUBACK came before the connection went.
            PublishRefused: the broker refused it.
        """
        await self._window.acquire()
        if self._over.done():
            self._window.release()
            raise NotConnected(self._over.result().detail)
        properties = None
        if self.version == "5":
            properties = _publish_properties(payload, expiry, content_type, user_properties)
        try:
            sent = self._paho.publish(topic, payload, qos, retain, properties)
        except BaseException:
            self._window.release()
            raise
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._window.release()
            raise NotConnected(f"{self._address}: {sent.rc.name}")
        if qos == 0:
            self._window.release()
            return
        acknowledged = self._unacknowledged[sent.mid] = self._loop.create_future()
        await acknowledged

    async def close(self) -> None:
        """Say goodbye (the last will is then not sent), end the thread, free the sockets."""
        self._closing = True
        if not self._over.done():
            self._paho.disconnect()
            await asyncio.wait({self._over}, timeout=FAREWELL)
        if not self._over.done():
            self._cut()
            # A dial cannot be interrupted: one address family after the other, then TLS.
            await asyncio.wait({self._over}, timeout=4 * DIAL)
        if self._over.done():
            self._thread.join()
        else:
            logger.warning("mqtt.thread.left_behind name=%s", self._thread.name)

    def _cut(self) -> None:
        connected = self._paho.socket()
        if isinstance(connected, socket.socket):
            try:
                # Not SSLSocket.shutdown, which would take the cipher from under the thread.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)
            except OSError:
                logger.debug("mqtt.cut.already_closed")

    def _drain(self) -> None:
        self._woken = False
        while self._events:
            act, arguments = self._events.popleft()
            act(*arguments)

    def _set(self, milestone: asyncio.Future[None]) -> None:
        if not milestone.done():
            milestone.set_result(None)

    def _set_window(self, receive_maximum: int) -> None:
        self._window = asyncio.Semaphore(min(receive_maximum, IN_FLIGHT))

    def _acknowledged(self, mid: int, refusal: str | None) -> None:
        waiting = self._unacknowledged.pop(mid, None)
        if waiting is None:
            return
        self._window.release()
        if waiting.done():
            return
        if refusal is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(PublishRefused(refusal))

    def _ended(self, outage: Outage) -> None:
        # paho's one public way to close its socket pair; here and not in the network thread, or
        # it would be closed while `publish` writes to it to wake that thread.
        self._paho.reinitialise()
        self._over.set_result(outage)
        while self._unacknowledged:
            _, waiting = self._unacknowledged.popitem()
            self._window.release()
            if not waiting.done():
                waiting.set_exception(PublishLost(outage.detail))

    # -------------------------------------------------------------- in the network thread

    def _run(self) -> None:
        error: Exception | None = None
        try:
            if self._address.tls is not None:
                self._paho.tls_set_context(_tls_context(self._address.tls))
            properties = None
            if self.version == "5":
                properties = Properties(PacketTypes.CONNECT)
                properties.ReceiveMaximum = WINDOW
            self._paho.connect(
                self._address.host, self._address.port, KEEPALIVE, properties=properties
            )
            self._post(self._set, self._dialled)
            if not self._closing:
                while self._paho.loop(timeout=1.0) == MQTTErrorCode.MQTT_ERR_SUCCESS:
                    pass
        except Exception as caught:  # noqa: BLE001 - whatever it is, the loop must learn of it
            error = caught
        self._post(self._ended, self._explain(error))

    def _explain(self, error: Exception | None) -> Outage:
        if self._refusal is not None:
            return self._refusal
        if error is not None:
            return undialled(self._address, error, DIAL)
        if "SSL" in self._last_error:
            # TLS 1.3: the server judges our certificate after the handshake is over for us.
            return rejected(self._address, self._last_error)
        if not self._answered:
            return Outage(
                "protocol",
                f"{self._address} closed the connection without answering MQTT {self.version}"
                + ("; perhaps it expects TLS" if self._address.tls is None else ""),
                other_version=True,
            )
        return Outage("lost", f"the connection to {self._address} was lost")

    def _post(self, act: Callable[..., None], *arguments: object) -> None:
        self._events.append((act, arguments))
        if not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:
                logger.debug("mqtt.loop.closed")  # nobody is left to be told

    def _heard_connack(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._refusal = refused(self._address, self.version, str(reason))
            return
        self._last_error = ""
        self._answered = True
        client.on_log = None  # from here on it would format a line for every packet
        # Unless the broker says otherwise it takes 65 535 (MQTT 5.0, 3.2.2.3.3).
        self._post(self._set_window, getattr(properties, "ReceiveMaximum", 65_535))
        self._post(self._set, self._accepted)
        if self._subscriptions:
            client.subscribe([(topic_filter, 1) for topic_filter in self._subscriptions])
        else:
            self._post(self._set, self._subscribed)

    def _heard_suback(
        self,
        client: Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        forbidden = [
            topic_filter
            for topic_filter, reason in zip(self._subscriptions, reasons, strict=False)
            if reason.is_failure
        ]
        if forbidden:
            self._refusal = Outage(
                "refused_topic",
                f"{self._address} does not let this user subscribe to {', '.join(forbidden)}; "
                "its access list must allow it",
            )
            client.disconnect()
        else:
            self._post(self._set, self._subscribed)

    def _heard_puback(
        self,
        _client: Client,
        _userdata: object,
        mid: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._post(self._acknowledged, mid, str(reason) if reason.is_failure else None)

    def _heard_message(self, _client: Client, _userdata: object, heard: MQTTMessage) -> None:
        if len(self._events) >= INBOX:
            self.dropped += 1
            return
        try:
            topic = heard.topic
        except UnicodeDecodeError:
            logger.warning("mqtt.topic.not_utf8")
            return
        mid, qos = heard.mid, heard.qos
        self._post(
            self._on_message,
            Incoming(
                topic=topic,
                payload=bytes(heard.payload),
                qos=qos,
                retained=heard.retain,
                _acknowledge=lambda: self._acknowledge(mid, qos),
            ),
        )

    def _acknowledge(self, mid: int, qos: int) -> bool:
        if not self._thread.is_alive():
            return False
        try:
            return qos == 0 or self._paho.ack(mid, qos) == MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:  # from another thread, at the moment the connection ends
            return False

    def _heard_disconnect(
        self,
        _client: Client,
        _userdata: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._refusal = Outage("lost", f"{self._address} ended the connection: {reason}")

    def _heard_log(self, _client: Client, _userdata: object, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._last_error = text


def _send_at_once(_client: Client, _userdata: object, opened: object) -> None:
    """No waiting for the TCP acknowledgement of a PUBACK before the receipt behind it may leave.

    Nagle's algorithm (RFC 896) and delayed acknowledgements (RFC 1122, 4.2.3.2) cost 40 ms together.
    """
    if isinstance(opened, socket.socket):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _TlsSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho leaves it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _tls_context(files: TlsFiles) -> ssl.SSLContext:
    context = client_context(files)
    context.sslsocket_class = _TlsSocket
    return context


def _publish_properties(
    payload: bytes,
    expiry: int | None,
    content_type: str | None,
    user_properties: Mapping[str, str] | None,
) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    if expiry is not None:
        properties.MessageExpiryInterval = expiry
    if content_type is not None:
        properties.ContentType = content_type
    if payload:
        properties.PayloadFormatIndicator = 1  # UTF-8: every payload of ours is JSON
    if user_properties:
        properties.UserProperty = list(user_properties.items())
    return properties
