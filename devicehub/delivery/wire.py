"""The wire: topics and versioned payloads between stations and dossiers. All meaning is in the payload.

The JSON Schemas and the AsyncAPI document in ``docs/wire/`` are generated from these models
(`devicehub.delivery.asyncapi`).
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from devicehub.journal.records import Attribution, Receipt
from devicehub.reading.reading import Origin, Reading, Record

ROOT = "devicehub/v1"
SHARDS = 64
LARGEST_BATCH = 256
LARGEST_PAYLOAD = 256 * 1024
"""Bytes in one payload: a batch that would be larger is cut in two."""

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
"""A site, station or device on the wire: opaque, and safe in a topic."""


class Item(Record):
    """A reading and the revision of its attribution that is being filed."""

    reading: Reading
    attribution: Attribution


class ReadingBatch(Record):
    """What a station files: 1 to 256 readings with their attributions. QoS 1, never retained."""

    schema_: Literal["devicehub/reading/1"] = Field("devicehub/reading/1", alias="schema")
    station: Id
    sent_at: AwareDatetime
    items: tuple[Item, ...] = Field(min_length=1, max_length=LARGEST_BATCH)


class ReceiptBatch(Record):
    """What the dossier answers: a receipt for every reading and revision of a batch. QoS 1, never retained."""

    schema_: Literal["devicehub/receipt/1"] = Field("devicehub/receipt/1", alias="schema")
    dossier: Id
    sent_at: AwareDatetime
    receipts: tuple[Receipt, ...] = Field(min_length=1, max_length=LARGEST_BATCH)


class StationState(Record):
    """Whether a station is there. Retained; ``offline`` is its last will."""

    schema_: Literal["devicehub/state/1"] = Field("devicehub/state/1", alias="schema")
    state: Literal["online", "offline"]
    since: AwareDatetime
    boot: UUID
    version: str


class DossierState(Record):
    """Whether a dossier worker is there. Retained; its birth makes stations send what has no receipt.

    While it is there it says so again and again: a station that subscribes while the birth is published may
    miss it (seen with NATS). ``listening`` tells one time of listening from the next; a birth has none.
    """

    schema_: Literal["devicehub/dossier-state/1"] = Field(
        "devicehub/dossier-state/1", alias="schema"
    )
    dossier: Id
    state: Literal["online", "offline"]
    since: AwareDatetime
    boot: UUID
    version: str
    accepts_simulators: bool
    listening: UUID | None = None


class DeviceState(Record):
    """What is known of a device. Retained; it carries no measured value and no identity of a person."""

    schema_: Literal["devicehub/device-state/1"] = Field("devicehub/device-state/1", alias="schema")
    device: Id
    driver: str
    origin: Origin
    state: Literal["waiting", "connecting", "connected", "measuring", "lost", "failed"]
    since: AwareDatetime
    detail: str | None = None
    battery_percent: float | None = None
    last_reading_at: AwareDatetime | None = None


class Health(Record):
    """A station's own state once a minute. Retained; counts and ages only."""

    schema_: Literal["devicehub/health/1"] = Field("devicehub/health/1", alias="schema")
    at: AwareDatetime
    outbox: int
    outbox_oldest: AwareDatetime | None
    quarantined: int
    frames_not_understood: int
    disk_free_bytes: int


class Request(Record):
    """A question to a station. ``reply_to`` is the topic the answer goes to."""

    schema_: Literal["devicehub/request/1"] = Field("devicehub/request/1", alias="schema")
    request_id: UUID
    reply_to: str
    ask: Literal["health", "resend"]


class Response(Record):
    """The answer to a request: done, or why not."""

    schema_: Literal["devicehub/response/1"] = Field("devicehub/response/1", alias="schema")
    request_id: UUID
    ok: bool
    reason: str | None = None
    health: Health | None = None


class Event(Record):
    """Something that happened at a station, for whoever watches. No value, no identity."""

    schema_: Literal["devicehub/event/1"] = Field("devicehub/event/1", alias="schema")
    at: AwareDatetime
    event: Literal["device_connected", "device_lost", "device_failed", "frame_not_understood"]
    device: Id
    detail: str | None = None


Payload = (
    ReadingBatch
    | ReceiptBatch
    | StationState
    | DossierState
    | DeviceState
    | Health
    | Request
    | Response
    | Event
)


def encode(payload: Payload) -> bytes:
    """The JSON of a payload."""
    return payload.model_dump_json(by_alias=True).encode()


def shard(station: str) -> str:
    """The two hexadecimal digits of the shard a station belongs to, fixed by its id: ``00`` to ``3f``."""
    return f"{sha256(station.encode()).digest()[0] % SHARDS:02x}"


class StationTopics:
    """The topics of one station. Raises ``ValueError`` for ids that may not stand in a topic."""

    def __init__(self, site: str, station: str) -> None:
        for name in (site, station):
            if not re.fullmatch(r"[a-z0-9-]{1,32}", name):
                raise ValueError(f"{name!r}: only a-z, 0-9 and -, at most 32")
        self.root = f"{ROOT}/{shard(station)}/{site}/{station}"
        self.reading = f"{self.root}/reading"
        self.receipt = f"{self.root}/receipt"
        self.request = f"{self.root}/request"
        self.state = f"{self.root}/state"
        self.health = f"{self.root}/health"
        self.event = f"{self.root}/event"

    def device_state(self, device: str) -> str:
        """Where a device's state is retained."""
        return f"{self.root}/device/{device}/state"


def sender(topic: str) -> tuple[str, str]:
    """The site and the station a station's topic belongs to. Raises ``ValueError`` for any other topic."""
    levels = topic.removeprefix(f"{ROOT}/").split("/")
    if not topic.startswith(f"{ROOT}/") or len(levels) < 4:
        raise ValueError(f"{topic!r} is no topic of a station")
    return levels[1], levels[2]


def receipt_topic(reading_topic: str) -> str:
    """Where the receipts for what came on ``reading_topic`` go."""
    return reading_topic.removesuffix("/reading") + "/receipt"


def dossier_state_topic(dossier: str) -> str:
    """Where a dossier worker's state is retained. ``+`` gives the filter for all of them."""
    return f"{ROOT}/dossier/{dossier}/state"


READINGS_OF_ALL_SHARDS = f"{ROOT}/+/+/+/reading"
"""What a single dossier worker subscribes to; never ``#``."""
