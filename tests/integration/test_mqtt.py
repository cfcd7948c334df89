"""The MQTT client against real brokers: what it promises to station and dossier."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest
from mqtt_5 import Beside, overheard
from processes import until

from devicehub.delivery import connection as connection_module
from devicehub.delivery.mqtt import (
    Address,
    Incoming,
    Message,
    MqttClient,
    NotConnected,
    Outage,
    PublishLost,
    PublishRefused,
    TlsFiles,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.integration.conftest import Certificates, Mosquitto, RunningBroker, StartBroker

PATIENCE_SECONDS = 20.0

TOPIC = "devicehub/v1/00/test/station/reading"


class Inbox:
    """Keeps what a client receives."""

    def __init__(self) -> None:
        self.messages: list[Incoming] = []
        self._changed = asyncio.Condition()

    async def take(self, message: Incoming) -> None:
        async with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    async def holds(self, count: int) -> list[Incoming]:
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.messages) >= count)
        return self.messages


class Ups:
    """Keeps what a client says about its connection."""

    def __init__(self) -> None:
        self.history: list[tuple[bool, str | None]] = []
        self.last: Outage | None = None
        self._told = asyncio.Event()

    def hear(self, up: bool, outage: Outage | None) -> None:
        self.history.append((up, outage.cause if outage else None))
        self.last = outage
        self._told.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._told.clear()
                await self._told.wait()

    async def down(self) -> Outage:
        await self.until(lambda: self.last is not None)
        assert self.last is not None
        return self.last


class Levels(list[int]):
    """The MQTT levels clients asked for: 5 is MQTT 5, 4 is 3.1.1."""

    def __init__(self) -> None:
        super().__init__()
        self.first = asyncio.Event()


async def up(client: MqttClient) -> None:
    await asyncio.wait_for(client.connected.wait(), PATIENCE_SECONDS)


@asynccontextmanager
async def listening(
    address: Address, *topics: str, manual_ack: bool = False
) -> AsyncIterator[Inbox]:
    inbox = Inbox()
    async with MqttClient(
        address, subscriptions=topics, on_message=inbox.take, manual_ack=manual_ack
    ) as client:
        await up(client)
        yield inbox


@asynccontextmanager
async def gateway(broker: RunningBroker, answer_5: str) -> AsyncIterator[tuple[Address, Levels]]:
    """Stands before a real broker and treats MQTT 5 as old brokers do: silence, or a closed door.

    Yields its address and the MQTT levels that clients asked for.
    """
    asked = Levels()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            connect = await reader.readexactly(9)  # header, length, "MQTT", level
            asked.append(connect[8])
            asked.first.set()
            if connect[8] == 5:
                if answer_5 == "silence":
                    await reader.read()
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", broker.port)
            far_writer.write(connect)
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while some := await reader.read(65_536):
            writer.write(some)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1]), asked
    finally:
        server.close()
        ending = list(tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await asyncio.sleep(0)


async def test_what_is_published_arrives_over_the_best_version_the_broker_speaks(
    broker: RunningBroker,
) -> None:
    async with (
        listening(broker.address(), "devicehub/v1/+/test/#") as inbox,
        MqttClient(broker.address(client_id="devicehub-test")) as client,
    ):
        await up(client)
        assert client.version == broker.speaks
        await client.publish(
            TOPIC,
            b'{"grammes": 1}',
            expiry=60,
            content_type="application/json",
        )
        (message,) = await inbox.holds(1)
    assert (message.topic, message.payload) == (TOPIC, b'{"grammes": 1}')
    assert (message.qos, message.retained) == (1, False)


async def test_over_mqtt_5_a_message_says_what_it_is(mosquitto: RunningBroker) -> None:
    async with (
        overheard(mosquitto.address(), TOPIC) as heard,
        MqttClient(mosquitto.address(client_id="devicehub-test")) as client,
    ):
        await up(client)
        await client.publish(
            TOPIC,
            b"{}",
            content_type="application/json",
            user_properties={"schema": "reading/1"},
        )
        await until(lambda: heard != [], "the message came")
    assert heard == [Beside("application/json", {"schema": "reading/1"})]


@pytest.mark.parametrize("answer_5", ["silence", "closed door"])
async def test_a_broker_that_ignores_mqtt_5_gets_3_1_1_at_once_the_next_time(
    nats: RunningBroker, answer_5: str
) -> None:
    ups = Ups()
    async with gateway(nats, answer_5) as (address, asked):
        async with MqttClient(address, on_connection=ups.hear) as client:
            await up(client)
            assert client.version == "3.1.1"
            assert asked == [5, 4]
            await nats.kill()
            await ups.down()
            await nats.start()
            await ups.until(lambda: ups.history[-1][0])
            await client.publish(TOPIC, b"{}")
        assert asked[2] == 4


async def test_a_version_that_is_asked_for_is_the_only_one_tried(nats: RunningBroker) -> None:
    ups = Ups()
    async with MqttClient(nats.address(version="5"), on_connection=ups.hear) as client:
        outage = await ups.down()
        assert outage.cause == "protocol"
        assert "Unsupported protocol version" in outage.detail
        assert client.version is None


DIES = """
import asyncio, sys
from devicehub.delivery.mqtt import Address, Message, MqttClient

async def main():
    address = Address("127.0.0.1", int(sys.argv[1]), client_id="devicehub-dies")
    birth = Message("devicehub/state", b"online", retain=True)
    will = Message("devicehub/state", b"gone", retain=True)
    async with MqttClient(address, birth=birth, will=will) as client:
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_client_leaves_its_last_will_as_the_retained_state(
    broker: RunningBroker,
) -> None:
    async with listening(broker.address(), "devicehub/state") as inbox:
        process = subprocess.Popen([sys.executable, "-c", DIES, str(broker.port)])
        try:
            await inbox.holds(1)
        finally:
            process.kill()
            process.wait()
        assert [message.payload for message in await inbox.holds(2)] == [b"online", b"gone"]
    async with listening(broker.address(), "devicehub/state") as later:
        (state,) = await later.holds(1)
    assert (state.payload, state.retained) == (b"gone", True)


async def test_an_orderly_end_sends_no_will(broker: RunningBroker) -> None:
    will = Message("devicehub/state", b"gone", retain=True)
    async with listening(broker.address(), "devicehub/#") as inbox:
        async with MqttClient(broker.address(), will=will) as client:
            await up(client)
            await client.publish("devicehub/state", b"stopped", retain=True)
        async with MqttClient(broker.address()) as client:
            await up(client)
            await client.publish("devicehub/after", b"")
        received = await inbox.holds(2)
    assert [message.payload for message in received] == [b"stopped", b""]


async def test_both_ends_prove_themselves_with_certificates(
    start_broker: StartBroker[RunningBroker], certificates: Certificates
) -> None:
    broker = await start_broker(tls=certificates.server, user="TEST", password="Alice's, \"é\\$")
    address = broker.address(tls=certificates.client)
    async with listening(address, "#") as inbox, MqttClient(address) as client:
        await up(client)
        await client.publish(TOPIC, b"{}")
        await inbox.holds(1)


@pytest.mark.parametrize("fault", ["no certificate", "stranger", "authority", "name", "missing"])
async def test_a_certificate_that_is_not_accepted_is_named_as_the_cause(
    start_broker: StartBroker[RunningBroker], certificates: Certificates, fault: str
) -> None:
    broker = await start_broker(tls=certificates.server)
    good = certificates.client
    files: TlsFiles = {
        "no certificate": TlsFiles(ca=good.ca),
        "stranger": certificates.stranger,
        "authority": replace(good, ca=None),
        "name": good,
        "missing": replace(good, key=broker.folder / "nothing.key"),
    }[fault]
    host = "localhost" if fault == "name" else "127.0.0.1"
    ups = Ups()
    async with MqttClient(broker.address(host=host, tls=files), on_connection=ups.hear):
        outage = await ups.down()
    assert outage.cause == "tls", outage


async def test_a_client_without_tls_is_told_what_the_broker_may_expect(
    start_broker: StartBroker[RunningBroker], certificates: Certificates
) -> None:
    broker = await start_broker(tls=certificates.server)
    ups = Ups()
    async with MqttClient(broker.address(), on_connection=ups.hear):
        outage = await ups.down()
    assert (outage.cause, "perhaps it expects TLS" in outage.detail) == ("protocol", True)


async def test_a_failing_listener_does_not_end_the_connection(
    mosquitto: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(up: bool, outage: Outage | None) -> None:
        raise ValueError("a test")

    async with MqttClient(mosquitto.address(), on_connection=fail) as client:
        await up(client)
        await client.publish(TOPIC, b"{}", qos=0)
        await client.publish(TOPIC, b"{}")
    assert not client.connected.is_set()
    assert "mqtt.on_connection.failed" in caplog.text


async def test_a_name_nobody_knows_is_said() -> None:
    unknown, ups = "broker..invalid", Ups()  # an empty label: refused before anybody is asked
    async with MqttClient(Address(unknown, 1883), on_connection=ups.hear):
        outage = await ups.down()
    assert (outage.cause, unknown in outage.detail) == ("unreachable", True)


async def test_more_than_the_loop_can_hold_is_counted_and_not_kept(
    mosquitto: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "INBOX", 10)
    seen = Inbox()
    async with (
        MqttClient(mosquitto.address(), subscriptions=(TOPIC,), on_message=seen.take) as client,
        MqttClient(mosquitto.address()) as sender,
    ):
        await up(client)
        await up(sender)
        for number in range(100):  # not awaited: QoS 0, which no broker holds back
            await sender.publish(TOPIC, b"%d" % number, qos=0)
        assert client._connection is not None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not client._connection.dropped and time.monotonic() < deadline:
            time.sleep(0.01)  # the network thread goes on, the loop stands
        async with asyncio.timeout(PATIENCE_SECONDS):
            while client._connection.dropped + len(seen.messages) < 100:
                await sender.publish("devicehub/elsewhere", b"")  # something to wait for
    assert client.dropped > 0
    assert client.dropped + len(seen.messages) == 100


async def test_a_wrong_password_is_named_as_the_cause_and_stays_secret(
    start_broker: StartBroker[RunningBroker],
) -> None:
    broker = await start_broker(user="TEST", password="right")
    ups = Ups()
    address = broker.address(password="wrong-secret")
    assert "wrong-secret" not in repr(address)
    async with MqttClient(address, on_connection=ups.hear) as client:
        outage = await ups.down()
        assert (outage.cause, client.connected.is_set()) == ("refused_login", False)
        assert "wrong-secret" not in outage.detail
        with pytest.raises(NotConnected):
            await client.publish(TOPIC, b"{}")


async def test_a_forbidden_topic_is_said_and_not_passed_over(
    start_mosquitto: StartBroker[Mosquitto],
) -> None:
    broker = await start_mosquitto()
    (broker.folder / "acl").write_text("topic write allowed\n")
    await broker.configure(f"acl_file {broker.folder / 'acl'}")
    async with MqttClient(broker.address()) as client:
        await up(client)
        await client.publish("allowed", b"{}")
        with pytest.raises(PublishRefused, match="Not authorized"):
            await client.publish("forbidden", b"{}")


async def test_a_refused_birth_is_logged_and_readings_go_on(
    start_mosquitto: StartBroker[Mosquitto], caplog: pytest.LogCaptureFixture
) -> None:
    broker = await start_mosquitto()
    (broker.folder / "acl").write_text("topic write allowed\n")
    await broker.configure(f"acl_file {broker.folder / 'acl'}")
    async with MqttClient(broker.address(), birth=Message("forbidden", b"online")) as client:
        await up(client)
        await client.publish("allowed", b"{}")
    assert "mqtt.birth.not_taken" in caplog.text


async def test_a_topic_that_cannot_be_published_to_costs_nothing(
    mosquitto: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "IN_FLIGHT", 1)
    async with MqttClient(mosquitto.address()) as client:
        await up(client)
        for _ in range(3):
            with pytest.raises(ValueError, match="wildcards"):
                await client.publish("devicehub/#", b"{}")
        await asyncio.wait_for(client.publish(TOPIC, b"{}"), PATIENCE_SECONDS)


async def test_a_subscription_that_is_refused_is_an_outage(nats: RunningBroker) -> None:
    ups = Ups()
    unthinkable = "no spaces in NATS"
    async with MqttClient(
        nats.address(),
        subscriptions=(TOPIC, unthinkable),
        on_message=Inbox().take,
        on_connection=ups.hear,
    ) as client:
        outage = await ups.down()
        assert not client.connected.is_set()
    assert outage.cause == "refused_topic"
    assert unthinkable in outage.detail
    assert TOPIC not in outage.detail


async def test_it_waits_for_a_broker_that_starts_later(
    start_broker: StartBroker[RunningBroker],
) -> None:
    broker = await start_broker()
    await broker.stop()
    ups = Ups()
    async with MqttClient(broker.address(), on_connection=ups.hear) as client:
        assert (await ups.down()).cause == "unreachable"
        await broker.start()
        await up(client)
        await client.publish(TOPIC, b"{}")
    assert ups.history == [(False, "unreachable"), (True, None)]


async def test_after_a_killed_broker_everything_is_as_before(broker: RunningBroker) -> None:
    inbox, ups = Inbox(), Ups()
    birth = Message("devicehub/state", b"online")
    async with MqttClient(
        broker.address(),
        subscriptions=("devicehub/#",),
        on_message=inbox.take,
        birth=birth,
        on_connection=ups.hear,
    ) as client:
        await up(client)
        await inbox.holds(1)
        await broker.kill()
        assert (await ups.down()).cause == "lost"
        await broker.start()
        await ups.until(lambda: ups.history[-1][0])
        await client.publish(TOPIC, b"again")
        received = await inbox.holds(3)
    assert [message.payload for message in received] == [b"online", b"online", b"again"]


async def test_thousands_in_flight_are_all_acknowledged_and_arrive_in_order(
    broker: RunningBroker,
) -> None:
    count = 2000
    async with (
        listening(broker.address(), TOPIC) as inbox,
        MqttClient(broker.address()) as client,
    ):
        await up(client)
        payloads = [b"%d" % number for number in range(count)]
        await asyncio.gather(*(client.publish(TOPIC, payload) for payload in payloads))
        received = await inbox.holds(count)
    assert [message.payload for message in received] == payloads


async def test_what_was_in_flight_when_the_broker_died_is_lost_and_never_sent_again(
    broker: RunningBroker,
) -> None:
    inbox, ups = Inbox(), Ups()
    async with MqttClient(
        broker.address(), subscriptions=(TOPIC,), on_message=inbox.take, on_connection=ups.hear
    ) as client:
        await up(client)
        broker.suspend()
        publishes = [asyncio.create_task(client.publish(TOPIC, b"lost")) for _ in range(100)]
        publishes[0].cancel()
        await asyncio.sleep(0)
        await broker.kill()
        results = await asyncio.gather(*publishes, return_exceptions=True)
        assert {type(result) for result in results[1:]} <= {PublishLost, NotConnected}
        assert PublishLost in {type(result) for result in results[1:]}
        await ups.down()
        with pytest.raises(NotConnected):
            await client.publish(TOPIC, b"offline")
        await broker.start()
        await ups.until(lambda: ups.history[-1][0])
        await client.publish(TOPIC, b"after")
        assert [message.payload for message in await inbox.holds(1)] == [b"after"]


async def test_unacknowledged_messages_hold_the_rest_back(broker: RunningBroker) -> None:
    count = 600  # more than either broker lets one subscriber have unacknowledged
    async with (
        listening(broker.address(), TOPIC, manual_ack=True) as inbox,
        listening(broker.address(), TOPIC) as other,
        MqttClient(broker.address()) as client,
    ):
        await up(client)
        await asyncio.gather(*(client.publish(TOPIC, b"%d" % number) for number in range(count)))
        await other.holds(count)
        held = len(inbox.messages)
        assert held <= connection_module.WINDOW
        acknowledged = 0
        while acknowledged < count:
            for message in (await inbox.holds(acknowledged + 1))[acknowledged:]:
                assert message.ack()
                acknowledged += 1
    assert [message.payload for message in inbox.messages] == [b"%d" % n for n in range(count)]
    assert not inbox.messages[-1].ack()  # its connection is gone


async def test_a_handler_that_fails_is_logged_and_the_next_message_comes(
    broker: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()

    async def handle(message: Incoming) -> None:
        if message.payload == b"bad":
            raise ValueError("a test")
        await inbox.take(message)

    address = broker.address()
    async with MqttClient(address, subscriptions=(TOPIC,), on_message=handle) as client:
        await up(client)
        await client.publish(TOPIC, b"bad")
        await client.publish(TOPIC, b"good")
        await inbox.holds(1)
    assert "mqtt.message.failed" in caplog.text


async def test_the_connection_survives_a_stalled_event_loop(
    mosquitto: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "KEEPALIVE", 1)
    ups = Ups()
    async with MqttClient(mosquitto.address(), on_connection=ups.hear) as client:
        await up(client)
        time.sleep(4)  # mosquitto gives up a client after 1.5 s without a word
        await client.publish(TOPIC, b"{}")
    assert ups.history == [(True, None)]


async def test_the_will_of_a_dead_connection_never_comes_after_the_birth_of_the_next(
    broker: RunningBroker,
) -> None:
    async with listening(broker.address(), "devicehub/state") as inbox:
        process = subprocess.Popen([sys.executable, "-c", DIES, str(broker.port)])
        try:
            await inbox.holds(1)
            psutil.Process(process.pid).suspend()  # its connection stays, as after a power cut
            birth = Message("devicehub/state", b"back", retain=True)
            address = broker.address(client_id="devicehub-dies")
            async with MqttClient(address, birth=birth) as client:
                await up(client)
                process.kill()
                process.wait()
                await client.publish("devicehub/state", b"end")
                # Mosquitto sends the will when it throws the old connection out, NATS never does.
                received = await inbox.holds(4 if broker.speaks == "5" else 3)
        finally:
            process.kill()
            process.wait()
    assert [message.payload for message in received[-2:]] == [b"back", b"end"]


async def test_the_reason_a_broker_gives_for_leaving_is_passed_on(
    start_mosquitto: StartBroker[Mosquitto],
) -> None:
    broker = await start_mosquitto()
    await broker.configure("max_packet_size 1000")
    ups = Ups()
    async with MqttClient(broker.address(), on_connection=ups.hear) as client:
        await up(client)
        with pytest.raises(PublishLost):
            await client.publish(TOPIC, bytes(2000))
        assert "Packet too large" in (await ups.down()).detail


@pytest.mark.parametrize("moment", ["connected", "silent", "unreachable"])
async def test_nothing_is_left_after_close(mosquitto: RunningBroker, moment: str) -> None:
    async with gateway(mosquitto, "silence") as (silent, asked):
        address = {
            "connected": mosquitto.address(),
            "silent": silent,
            "unreachable": Address("127.0.0.1", 9),
        }[moment]
        ups = Ups()
        async with MqttClient(address, on_connection=ups.hear) as client:
            if moment == "connected":
                await up(client)
            elif moment == "silent":
                await asyncio.wait_for(asked.first.wait(), PATIENCE_SECONDS)
            else:
                await ups.down()
    gc.collect()  # an unclosed socket would warn now, and a warning is an error
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mqtt-")]


async def test_a_broker_that_takes_nothing_more_does_not_hold_up_the_end(
    broker: RunningBroker,
) -> None:
    async with MqttClient(broker.address()) as client:
        await up(client)
        broker.suspend()
        flood = [asyncio.create_task(client.publish(TOPIC, bytes(1_000_000))) for _ in range(30)]
        await asyncio.sleep(0)
    results = await asyncio.gather(*flood, return_exceptions=True)
    await broker.kill()
    assert {type(result) for result in results} <= {PublishLost, NotConnected}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mqtt-")]


def test_subscriptions_need_a_receiver() -> None:
    with pytest.raises(ValueError, match="on_message"):
        MqttClient(Address("127.0.0.1", 1), subscriptions=("#",))
