"""What a message on the wire is read as, whole or broken."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.delivery import wire
from devicehub.delivery.examples import NOON, READING
from devicehub.delivery.mqtt import Incoming
from devicehub.dossier.filing import Arrival
from devicehub.dossier.ingest import read_message
from devicehub.journal.records import Receipt

Arrive = Callable[..., Arrival]
TOPIC = wire.StationTopics("practice", "room-1").reading


def message(payload: bytes) -> Incoming:
    return Incoming(TOPIC, payload, 1, False, lambda: True)


def batch(*arrivals: Arrival) -> dict[str, Any]:
    items = tuple(arrival.item for arrival in arrivals)
    payload = wire.encode(wire.ReadingBatch(station="room-1", sent_at=NOON, items=items))
    raw: dict[str, Any] = json.loads(payload)
    return raw


def test_a_whole_batch_is_read_in_order(arrive: Arrive) -> None:
    sent = [arrive("v-1", number) for number in range(3)]
    assert read_message(message(json.dumps(batch(*sent)).encode())) == sent


def test_one_broken_item_does_not_spoil_the_others(
    arrive: Arrive, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = arrive("v-1", 0), arrive("v-1", 1)
    raw = batch(good, bad, good)
    raw["items"][1]["reading"]["measurement"]["systolic_mmhg"] = "Alice"
    first, second, third = read_message(message(json.dumps(raw).encode()))
    assert first == third == good
    assert isinstance(second, Receipt)
    assert (second.id, second.reason) == (bad.item.reading.id, "schema")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "items.1.reading.measurement.blood_pressure.systolic_mmhg" in record.getMessage()
    assert "Alice" not in record.getMessage()


def test_a_wrong_envelope_refuses_every_item_that_can_be_named(arrive: Arrive) -> None:
    raw = batch(arrive("v-1", 0), arrive("v-1", 1)) | {"schema": "devicehub/reading/9"}
    raw["items"].append("no item")
    receipts = read_message(message(json.dumps(raw).encode()))
    assert [getattr(receipt, "reason", None) for receipt in receipts] == ["schema", "schema"]


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b'{"items": 1}', b'{"items": [1]}', b"\xff", b"[" * 100_000],
)
def test_what_says_nothing_is_dropped(payload: bytes) -> None:
    assert read_message(message(payload)) == []


@given(
    where=st.sampled_from(["id", "measurement", "device", "evidence", "stamp"]),
    what=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
)
def test_nonsense_anywhere_is_refused_and_never_raises(where: str, what: object) -> None:
    raw: dict[str, Any] = {
        "schema": "devicehub/reading/1",
        "station": "room-1",
        "sent_at": NOON.isoformat(),
        "items": [
            {
                "reading": READING.model_dump(mode="json") | {where: what},
                "attribution": {
                    "reading": str(READING.id),
                    "revision": 1,
                    "visit": "v-1",
                    "author": "station",
                    "at": NOON.isoformat(),
                },
            }
        ],
    }
    for entry in read_message(message(json.dumps(raw).encode())):
        assert isinstance(entry, Arrival) or entry.reason == "schema"
