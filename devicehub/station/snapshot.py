"""The board as JSON: devices, values, states. No identity of a person is in it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from devicehub.driver import Measurement
from devicehub.driver.measurement import MeasurementBase
from devicehub.journal.records import Filing
from devicehub.station.board import Picture, Tile
from devicehub.station.words import Words

_BESIDE_VALUES = frozenset({"kind", *MeasurementBase.model_fields})


def as_json(data: object) -> str:
    """Compact JSON on one line."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def values(measurement: Measurement) -> dict[str, Any]:
    """The values of a measurement by their field names, units in the names."""
    return measurement.model_dump(mode="json", exclude=set(_BESIDE_VALUES))


def filing_told(filing: Filing, words: Words) -> dict[str, Any]:
    """A reading and its state, with the time since the last byte of its frame, where it has one.

    ``text`` is the measurement as the page words it, for people; ``values`` is for programs.
    """
    reading = filing.reading
    since = None
    if reading.evidence:
        passed = filing.state_at - max(frame.last_byte for frame in reading.evidence)
        since = round(passed.total_seconds() * 1000, 1)
    return {
        "reading": str(reading.id),
        "device": reading.device.id,
        "kind": reading.kind,
        "values": values(reading.measurement),
        "text": ", ".join(
            f"{figure.text} {figure.unit}".rstrip() for figure in words.figures(reading.measurement)
        ),
        "state": filing.state,
        "at": filing.state_at.isoformat(),
        "milliseconds_since_last_byte": since,
    }


def picture_told(picture: Picture, words: Words, now: datetime) -> dict[str, Any]:
    """The whole board at one moment."""
    visit, outbox, broker = picture.visit, picture.outbox, picture.broker
    return {
        "at": now.isoformat(),
        "simulation": picture.simulation,
        "visit": visit and {"id": visit.id, "since": visit.opened_at.isoformat()},
        "devices": [_tile_told(tile, words) for tile in picture.tiles.values()],
        "outbox": outbox and {"waiting": outbox.waiting, "oldest": _moment(outbox.oldest)},
        "broker": broker and {"up": broker.up, "detail": broker.detail},
        "quarantined": picture.quarantined,
    }


def _tile_told(tile: Tile, words: Words) -> dict[str, Any]:
    live, held = tile.live, tile.held
    return {
        "device": tile.device,
        "name": tile.name,
        "state": tile.state and tile.state.state,
        "last_seen": _moment(tile.last_seen),
        "battery_percent": tile.battery_percent,
        "live": live
        and {
            "at": live.at.isoformat(),
            "measurements": [{"kind": m.kind, "values": values(m)} for m in live.measurements],
        },
        "readings": [filing_told(filing, words) for filing in tile.filings.values()],
        "held": held
        and {
            "reading": str(held.reading.id),
            "kind": held.reading.kind,
            "reason": held.attribution.quarantine,
        },
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
