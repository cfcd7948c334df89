"""The captures of a driver: ``tests/captures/<driver id>/*.jsonl``, each with its approved measurements.

Beside ``reading.jsonl`` stands ``reading.measurements.json``: the list of what a correct driver reads from
it, worked out by a person or another program, never by the driver itself. Fields not given are left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from devicehub.driver import AnyMeasurement, Measurement
from devicehub.transport.tape import BadCapture, Capture, in_words, load

WRITE_DOWN = (
    "write here what the device's display showed, as a list of measurements such as "
    '{"kind": "body_weight", "kilograms": 72.4}; `devicehub replay` prints the form'
)
"""Stands in the place of the approved measurements until a person has looked."""

_APPROVED: TypeAdapter[list[Measurement]] = TypeAdapter(list[AnyMeasurement])


@dataclass(frozen=True, slots=True)
class Captured:
    """A capture and the measurements approved for it; ``asks`` is what a person has yet to write down."""

    capture: Capture
    approved: tuple[Measurement, ...]
    asks: str | None = None


def captured(driver_id: str, folder: Path) -> list[Captured]:
    """Every capture of a driver under ``folder`` (usually ``tests/captures``), by file name.

    Raises `BadCapture`, also where the approved measurements are missing.
    """
    return [
        _captured(load(path), path.with_suffix(".measurements.json"))
        for path in sorted((folder / driver_id).glob("*.jsonl"))
    ]


def _captured(capture: Capture, path: Path) -> Captured:
    if not path.is_file():
        raise BadCapture(
            f"{path}: missing; write down what a correct driver reads from the capture"
        )
    text = path.read_bytes()
    try:
        if json.loads(text) == [WRITE_DOWN]:
            return Captured(capture, (), f"{path}: {WRITE_DOWN}")
        return Captured(capture, tuple(_APPROVED.validate_json(text)))
    except json.JSONDecodeError as error:
        raise BadCapture(f"{path}:{error.lineno}: {error.msg}") from None
    except ValidationError as error:
        raise BadCapture(f"{path}: {in_words(error)}") from None
