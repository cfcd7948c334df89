"""The wire as documents: an AsyncAPI 3.0 description and one JSON Schema a payload, from the models.

``docs/wire/`` holds what `generate` writes; `stale` says which of its files no longer tell the
truth. The document describes the wire from a station's side; a dossier does the reverse.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from devicehub.delivery import wire
from devicehub.delivery.examples import EXAMPLES

BINDING = "0.2.0"
"""Version of the MQTT bindings (github.com/asyncapi/bindings, mqtt)."""

STATION = f"{wire.ROOT}/{{shard}}/{{site}}/{{station}}"

PARAMETERS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "shard": {
            "description": "The shard of the station: the first byte of the SHA-256 of its id, modulo 64.",
            "enum": [f"{number:02x}" for number in range(wire.SHARDS)],
        },
        "site": {"description": "A practice; opaque, a-z 0-9 and -, at most 32."},
        "station": {"description": "A vitals room's station; opaque, a-z 0-9 and -, at most 32."},
        "device": {"description": "A device of a station; opaque, a-z 0-9 and -, at most 32."},
        "dossier": {"description": "A dossier worker; opaque, a-z 0-9 and -, at most 32."},
    }
)


@dataclass(frozen=True)
class Channel:
    """One topic of the wire; without ``address`` the request says where the answer goes."""

    name: str
    address: str | None
    payload: type[wire.Payload]
    action: Literal["send", "receive"]
    retained: bool = False


CHANNELS = (
    Channel("reading", f"{STATION}/reading", wire.ReadingBatch, "send"),
    Channel("receipt", f"{STATION}/receipt", wire.ReceiptBatch, "receive"),
    Channel("stationState", f"{STATION}/state", wire.StationState, "send", retained=True),
    Channel(
        "dossierState",
        wire.dossier_state_topic("{dossier}"),
        wire.DossierState,
        "receive",
        retained=True,
    ),
    Channel(
        "deviceState",
        f"{STATION}/device/{{device}}/state",
        wire.DeviceState,
        "send",
        retained=True,
    ),
    Channel("health", f"{STATION}/health", wire.Health, "send", retained=True),
    Channel("request", f"{STATION}/request", wire.Request, "receive"),
    Channel("response", None, wire.Response, "send"),
    Channel("event", f"{STATION}/event", wire.Event, "send"),
)


def generate(folder: Path) -> None:
    """Write the documents into ``folder``; a schema that is no longer one of ours is taken away."""
    documents = _documents()
    for path in _surplus(folder, documents):
        path.unlink()
    for name, text in documents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def stale(folder: Path) -> list[Path]:
    """The files in ``folder`` that are missing, differ from what `generate` writes, or are too many."""
    documents = _documents()
    wrong = [
        folder / name
        for name, text in documents.items()
        if not (folder / name).exists() or (folder / name).read_text("utf-8") != text
    ]
    return wrong + _surplus(folder, documents)


def schema_name(payload: type[wire.Payload]) -> str:
    """What a payload calls its schema: ``devicehub/reading/1``."""
    name: str = payload.model_fields["schema_"].default
    return name


def json_schema(payload: type[wire.Payload]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a payload as it is written."""
    schema = payload.model_json_schema(by_alias=True, mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{schema_name(payload).replace('/', ':')}",
        **_plain(schema),
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "devicehub wire",
            "version": wire.ROOT.rpartition("/")[2].removeprefix("v") + ".0.0",
            "description": (
                "What stations and dossiers say to each other over MQTT 5 or 3.1.1, seen from a station. "
                "All meaning is in the payloads. Readings are never retained; states are. "
                "A PUBACK means that the broker has a message: only a receipt means that a reading is filed."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {_operation_name(channel): _operation(channel) for channel in CHANNELS},
        "components": {
            "messages": {channel.payload.__name__: _message(channel) for channel in CHANNELS},
            "schemas": _component_schemas(),
        },
    }


def _documents() -> dict[str, str]:
    documents = {"asyncapi.json": _text(asyncapi())}
    for channel in CHANNELS:
        name = schema_name(channel.payload).removeprefix("devicehub/").replace("/", "-")
        documents[f"schemas/{name}.json"] = _text(json_schema(channel.payload))
    return documents


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _surplus(folder: Path, documents: dict[str, str]) -> list[Path]:
    ours = {folder / name for name in documents}
    return [path for path in sorted((folder / "schemas").glob("*.json")) if path not in ours]


def _channel(channel: Channel) -> dict[str, Any]:
    address = channel.address or ""
    names = [name for name in PARAMETERS if f"{{{name}}}" in address]
    message = channel.payload.__name__
    return {
        "address": channel.address,
        "description": channel.payload.__doc__,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        **({"parameters": {name: PARAMETERS[name] for name in names}} if names else {}),
    }


def _operation_name(channel: Channel) -> str:
    return f"{channel.action}{channel.name[0].upper()}{channel.name[1:]}"


def _operation(channel: Channel) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "action": channel.action,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "bindings": {
            "mqtt": {"qos": 1, "retain": channel.retained, "bindingVersion": BINDING},
        },
    }
    if channel.payload is wire.Request:
        operation["reply"] = {
            "address": {"location": "$message.payload#/reply_to"},
            "channel": {"$ref": "#/channels/response"},
        }
    return operation


def _message(channel: Channel) -> dict[str, Any]:
    name = channel.payload.__name__
    example = next(payload for payload in EXAMPLES if type(payload) is channel.payload)
    return {
        "name": schema_name(channel.payload),
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "examples": [{"payload": json.loads(wire.encode(example))}],
        "bindings": {"mqtt": {"payloadFormatIndicator": 1, "bindingVersion": BINDING}},
    }


def _component_schemas() -> dict[str, Any]:
    _, schemas = models_json_schema(
        [(channel.payload, "serialization") for channel in CHANNELS],
        by_alias=True,
        ref_template="#/components/schemas/{model}",
    )
    return {name: _draft_07(_plain(schema)) for name, schema in schemas["$defs"].items()}


def _plain(schema: Any) -> Any:
    """The schema without ``discriminator``, an OpenAPI word that JSON Schema does not have."""
    match schema:
        case dict():
            return {
                key: _plain(value)
                for key, value in schema.items()
                if key != "discriminator"
                or not isinstance(value, dict)
                or "propertyName" not in value
            }
        case list():
            return [_plain(value) for value in schema]
        case _:
            return schema


def _draft_07(schema: Any) -> Any:
    """The schema in the draft AsyncAPI builds on: the items of a tuple stand under ``items`` there."""
    match schema:
        case dict():
            return {
                "items" if key == "prefixItems" else key: _draft_07(value)
                for key, value in schema.items()
            }
        case list():
            return [_draft_07(value) for value in schema]
        case _:
            return schema
