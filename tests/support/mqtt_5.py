"""What a message carries beside its payload over MQTT 5, as another program at the broker sees it: nothing of ours hears it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from processes import until

from devicehub.delivery.address import Address


@dataclass(frozen=True)
class Beside:
    """The content type and the user properties of one message."""

    content_type: str | None
    user: dict[str, str]


@asynccontextmanager
async def overheard(address: Address, topic: str) -> AsyncIterator[list[Beside]]:
    """What comes on a topic, for as long as the context lasts."""
    heard: list[Beside] = []
    listens = threading.Event()

    def hear(_client: Client, _userdata: object, message: MQTTMessage) -> None:
        said = message.properties
        heard.append(
            Beside(getattr(said, "ContentType", None), dict(getattr(said, "UserProperty", ())))
        )

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: listens.set()
    client.on_message = hear
    client.connect(address.host, address.port)
    client.loop_start()
    try:
        await until(listens.is_set, "it is subscribed")
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()
