"""The documents of the wire are fresh, and an independent validator agrees with the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from devicehub.delivery import wire
from devicehub.delivery.asyncapi import CHANNELS, asyncapi, generate, json_schema, stale
from devicehub.delivery.examples import EXAMPLES

COMMITTED = Path(__file__).parents[3] / "docs" / "wire"


def validator(payload: type[wire.Payload]) -> Draft202012Validator:
    schema = json_schema(payload)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def test_the_committed_documents_are_fresh() -> None:
    assert stale(COMMITTED) == [], "run: devicehub wire docs/wire"


def test_missing_altered_and_left_over_documents_are_noticed(tmp_path: Path) -> None:
    generate(tmp_path)
    assert stale(tmp_path) == []
    (tmp_path / "asyncapi.json").write_text("{}")
    (tmp_path / "schemas" / "reading-1.json").unlink()
    (tmp_path / "schemas" / "reading-0.json").write_text("{}")
    assert {path.name for path in stale(tmp_path)} == {
        *("asyncapi.json", "reading-1.json", "reading-0.json")
    }
    generate(tmp_path)
    assert stale(tmp_path) == []
    assert not (tmp_path / "schemas" / "reading-0.json").exists()


def test_every_payload_has_a_channel_and_an_example() -> None:
    payloads = set(get_args(wire.Payload))
    assert {channel.payload for channel in CHANNELS} == payloads
    assert [type(example) for example in EXAMPLES] == list(get_args(wire.Payload))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_a_payload_as_written_keeps_to_its_schema(example: wire.Payload) -> None:
    written = json.loads(wire.encode(example))
    validator(type(example)).validate(written)
    assert type(example).model_validate_json(wire.encode(example)) == example


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_a_broken_payload_breaks_its_schema(example: wire.Payload) -> None:
    written = json.loads(wire.encode(example))
    broken: list[dict[str, Any]] = [
        written | {"surname": "TEST"},
        written | {"schema": "devicehub/other/1"},
        {key: value for key, value in written.items() if key not in type(example).model_fields},
    ]
    for document in broken:
        with pytest.raises(ValidationError):
            validator(type(example)).validate(document)


def test_a_schema_has_a_name_and_no_address() -> None:
    for channel in CHANNELS:
        assert json_schema(channel.payload)["$id"].startswith("urn:devicehub:")


def test_only_states_are_retained() -> None:
    operations = asyncapi()["operations"]
    retained = {
        name for name, one in operations.items() if one["bindings"]["mqtt"]["retain"] is True
    }
    assert retained == {
        *("sendStationState", "receiveDossierState", "sendDeviceState", "sendHealth")
    }


def test_the_addresses_are_the_topics_stations_use() -> None:
    topics = wire.StationTopics("practice", "room-1")
    values = {
        "shard": wire.shard("room-1"),
        "site": "practice",
        "station": "room-1",
        "device": "cuff-1",
        "dossier": "main",
    }
    channels = asyncapi()["channels"]
    said = {name: (one["address"] or "").format(**values) for name, one in channels.items()}
    assert said == {
        "reading": topics.reading,
        "receipt": topics.receipt,
        "stationState": topics.state,
        "dossierState": wire.dossier_state_topic("main"),
        "deviceState": topics.device_state("cuff-1"),
        "health": topics.health,
        "request": topics.request,
        "response": "",
        "event": topics.event,
    }
    assert wire.sender(topics.reading) == ("practice", "room-1")
    for channel in channels.values():
        assert set(channel.get("parameters", {})) == {
            name for name in values if f"{{{name}}}" in (channel["address"] or "")
        }


@pytest.mark.parametrize(
    "topic", ["", "devicehub/v1/dossier/main/state", "other/v1/00/a/b/reading"]
)
def test_a_topic_of_nobody_has_no_sender(topic: str) -> None:
    with pytest.raises(ValueError, match="no topic of a station"):
        wire.sender(topic)
