"""The example configuration for mosquitto: accepted by a real one, and its access list keeps stations apart."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from devicehub.delivery.mqtt import Address, Incoming, MqttClient, PublishRefused
from devicehub.delivery.wire import (
    READINGS_OF_ALL_SHARDS,
    StationTopics,
    dossier_state_topic,
    receipt_topic,
)

if TYPE_CHECKING:
    from tests.integration.conftest import Certificates, ExampleMosquitto

PATIENCE_SECONDS = 20.0
USERS = {"salle-1": "one", "salle-2": "two", "dossier-1": "three"}
ONE, TWO = StationTopics("cabinet", "salle-1"), StationTopics("cabinet", "salle-2")


class Doorway:
    """A mosquitto started from the example files, and who may log in to it."""

    def __init__(self, port: int, certificates: Certificates) -> None:
        self.port = port
        self._certificates = certificates

    def address(self, user: str) -> Address:
        return Address(
            "127.0.0.1",
            self.port,
            tls=self._certificates.client,
            user=user,
            password=USERS[user],
            version="5",
        )

    @asynccontextmanager
    async def enter(
        self, user: str, *topics: str
    ) -> AsyncIterator[tuple[MqttClient, asyncio.Queue[Incoming]]]:
        inbox: asyncio.Queue[Incoming] = asyncio.Queue()
        client = MqttClient(self.address(user), subscriptions=topics, on_message=inbox.put)
        async with client:
            await asyncio.wait_for(client.connected.wait(), PATIENCE_SECONDS)
            yield client, inbox


@pytest.fixture
async def doorway(
    example_mosquitto: ExampleMosquitto, certificates: Certificates
) -> AsyncIterator[Doorway]:
    example_mosquitto.users = USERS
    await example_mosquitto.start()
    yield Doorway(example_mosquitto.port, certificates)
    said = example_mosquitto.said()
    said = said.replace("Warning: Mosquitto should not be run as root", "")
    assert not re.search(r"^\d+: (Error|Warning|Note)", said, re.MULTILINE), said


async def next_payload(inbox: asyncio.Queue[Incoming]) -> bytes:
    return (await asyncio.wait_for(inbox.get(), PATIENCE_SECONDS)).payload


async def test_a_reading_reaches_the_dossier_and_its_receipt_the_station(doorway: Doorway) -> None:
    async with (
        doorway.enter("dossier-1", READINGS_OF_ALL_SHARDS) as (dossier, readings),
        doorway.enter("salle-1", ONE.receipt, dossier_state_topic("+")) as (station, answers),
    ):
        await station.publish(ONE.reading, b"a reading")
        assert await next_payload(readings) == b"a reading"
        await dossier.publish(receipt_topic(ONE.reading), b"a receipt")
        assert await next_payload(answers) == b"a receipt"
        await dossier.publish(dossier_state_topic("dossier-1"), b"online", retain=True)
        assert await next_payload(answers) == b"online"
        for topic in (ONE.state, ONE.health, ONE.event, ONE.device_state("scale")):
            await station.publish(topic, b"may be said")


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("salle-1", TWO.reading),
        ("salle-1", TWO.state),
        ("salle-1", TWO.device_state("scale")),
        ("salle-1", ONE.receipt),
        ("salle-1", ONE.request),
        ("salle-1", dossier_state_topic("dossier-1")),
        ("dossier-1", ONE.reading),
        ("dossier-1", ONE.state),
        ("dossier-1", dossier_state_topic("dossier-2")),
    ],
)
async def test_nobody_speaks_on_the_topic_of_another(
    doorway: Doorway, user: str, topic: str
) -> None:
    async with doorway.enter(user) as (client, _):
        with pytest.raises(PublishRefused):
            await client.publish(topic, b"not mine to say")


async def test_a_station_does_not_hear_what_is_for_another(doorway: Doorway) -> None:
    async with (
        doorway.enter("dossier-1") as (dossier, _),
        doorway.enter("salle-1", ONE.receipt, TWO.receipt, TWO.reading) as (_, heard),
        doorway.enter("salle-2") as (other, _),
    ):
        await other.publish(TWO.reading, b"for the dossier alone")
        await dossier.publish(TWO.receipt, b"for room 2 alone")
        await dossier.publish(ONE.receipt, b"for room 1")
        assert await next_payload(heard) == b"for room 1"
        assert heard.empty()
