"""The captures of a driver: ``tests/captures/<driver id>/*.jsonl``, each with its approved measurements.

Beside ``reading.jsonl`` stands ``reading.measurements.json``: the list of what a correct driver reads from
it, worked out by a person or another program, never by the driver itself. Fields not given are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from devicehub.driver import AnyMeasurement, Measurement
from devicehub.transport.tape import BadCapture, Capture, load

_APPROVED: TypeAdapter[list[Measurement]] = TypeAdapter(list[AnyMeasurement])


@dataclass(frozen=True, slots=True)
class Captured:
    """A capture and the measurements approved for it."""

    capture: Capture
    approved: tuple[Measurement, ...]


def captured(driver_id: str, folder: Path) -> list[Captured]:
    """Every capture of a driver under ``folder`` (usually ``tests/captures``), by file name.

    Raises `BadCapture`, also where the approved measurements are missing.
    """
    return [
        Captured(load(path), _approved(path.with_suffix(".measurements.json")))
        for path in sorted((folder / driver_id).glob("*.jsonl"))
    ]


def _approved(path: Path) -> tuple[Measurement, ...]:
    if not path.is_file():
        raise BadCapture(
            f"{path}: missing; write down what a correct driver reads from the capture"
        )
    try:
        return tuple(_APPROVED.validate_json(path.read_bytes()))
    except ValidationError as error:
        raise BadCapture(f"{path}: {error}") from None
