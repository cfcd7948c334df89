"""The board as JSON: devices, values, states. No identity of a person is in it, nor a value of a visit that is locked."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from devicehub.driver import Kind, Measurement
from devicehub.driver.measurement import MeasurementBase
from devicehub.journal.records import Filing
from devicehub.station import telling
from devicehub.station.picture import Picture, Seen
from devicehub.station.words import Words

_BESIDE_VALUES = frozenset({"kind", *MeasurementBase.model_fields})


def as_json(data: object) -> str:
    """Compact JSON on one line."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def values(measurement: Measurement) -> dict[str, Any]:
    """The values of a measurement by their field names, units in the names."""
    return measurement.model_dump(mode="json", exclude=set(_BESIDE_VALUES))


def filing_told(filing: Filing, picture: Picture, words: Words) -> dict[str, Any]:
    """A reading and its state, with the time since the last byte of its frame, where it has one.

    ``text`` is the measurement as the page words it, for people; ``values`` is for programs. Neither is told of what is
    nobody's, nor of a visit whose patient is to be confirmed.
    """
    reading = filing.reading
    since = None
    if reading.evidence:
        passed = filing.state_at - max(frame.last_byte for frame in reading.evidence)
        since = round(passed.total_seconds() * 1000, 1)
    visit, whose = picture.visit, filing.attribution.visit
    is_locked = visit is not None and visit.locked and visit.id == whose
    is_shown = whose is not None and not is_locked
    return {
        "reading": str(reading.id),
        "revision": filing.attribution.revision,
        "device": reading.device.id,
        "kind": reading.kind,
        "visit": filing.attribution.visit,
        "values": values(reading.measurement) if is_shown else {},
        "text": words.value(reading.measurement) if is_shown else "",
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
        "devices": [_device_told(seen, picture, words) for seen in picture.devices.values()],
        "outbox": outbox and {"waiting": outbox.waiting, "oldest": _moment(outbox.oldest)},
        "broker": broker and {"up": broker.up, "detail": broker.detail},
        "quarantined": picture.quarantined,
        "notices": [
            {"device": device, "matter": one.matter, "text": telling.notice(words, one)}
            for device, notices in picture.notices.items()
            for one in notices
        ],
        "doubles": [
            {"address": one.address, "text": telling.double(words, one)} for one in picture.doubles
        ],
        "passkeys": [
            {"id": str(question.id), "device": question.device, "want": question.want}
            for question in picture.passkeys
        ],
        "radios": [
            {
                "name": news.name,
                "condition": news.condition,
                "since": news.since.isoformat(),
                "fault": news.fault,
                "detail": news.detail,
            }
            for _number, news in sorted(picture.radios.items())
        ],
    }


def _device_told(seen: Seen, picture: Picture, words: Words) -> dict[str, Any]:
    live, is_locked = seen.live, picture.visit is not None and picture.visit.locked
    newest: dict[Kind, Filing] = {}
    for filing in picture.filings.values():
        known = newest.get(filing.reading.kind)
        if filing.reading.device.id != seen.device:
            continue
        if known is None or filing.reading.received_at >= known.reading.received_at:
            newest[filing.reading.kind] = filing
    held = next((f for f in picture.tray if f.reading.device.id == seen.device), None)
    return {
        "device": seen.device,
        "name": seen.name,
        "state": seen.state and seen.state.state,
        "why": seen.why,
        "last_seen": _moment(seen.last_seen),
        "battery_percent": seen.battery_percent,
        "live": live
        and {
            "at": live.at.isoformat(),
            "measurements": [
                {"kind": m.kind, "values": {} if is_locked else values(m)}
                for m in live.measurements
            ],
        },
        "readings": [filing_told(filing, picture, words) for filing in newest.values()],
        "held": held
        and {
            "reading": str(held.reading.id),
            "kind": held.reading.kind,
            "reason": held.attribution.quarantine,
        },
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
