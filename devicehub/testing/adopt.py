"""Turn a field capture into evidence: a de-identified fixture, a device to simulate, and a test that fails.

The test fails until the driver reads what the person saw on the device's display, or, as long as nobody has
said what that was, until somebody does. What no display shows (the device's own time, who it is, the pressure
in the cuff on its way) is approved as the driver reads it; a kind that was shown, as it was shown alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from devicehub.devices import registry
from devicehub.driver import AnyMeasurement, Measurement, NotUnderstood
from devicehub.driver.measurement import MeasurementBase
from devicehub.testing.capture import WRITE_DOWN
from devicehub.testing.replay import ReplayFailed, converse
from devicehub.testing.scrub import scrub
from devicehub.transport.tape import NO_DRIVER, Capture, dump, in_words, load

Fields = dict[str, object]
_MEASUREMENT: TypeAdapter[Measurement] = TypeAdapter(AnyMeasurement)
_UNSEEN = frozenset(MeasurementBase.model_fields)
"""What every measurement may have beside its values, and no display shows."""


class NotAdopted(ValueError):
    """The capture cannot become a fixture. The message says why and what to do."""


def adopt(field: Path, *, driver: str, device: str, display: str | None, captures: Path) -> Path:
    """Write the fixture and its expected measurements below ``captures``; the fixture's path.

    ``display`` is the JSON list of what the device showed. Raises `NotAdopted`.
    """
    capture = load(field)
    if capture.header.secrets:
        raise NotAdopted(f"{field}:1: a capture with secrets is not adopted; take them out")
    if driver == NO_DRIVER:
        raise NotAdopted(
            f"{field} was recorded without a driver: say whose it is with --driver, or draft one: "
            f"devicehub drivers new NAME --from {field}"
        )
    if not device.strip():
        raise NotAdopted("--device is empty: say the maker and the model, as on the device's label")
    header = capture.header.model_copy(update={"driver": driver, "device": device})
    fixture = captures / driver / f"{_stem(device)}.jsonl"
    if fixture.exists():
        raise NotAdopted(f"{fixture} exists; name the device differently (--device)")
    adopted = scrub(Capture(path=fixture, header=header, steps=capture.steps), None)
    approved = [WRITE_DOWN] if display is None else _approved(_shown(display), adopted)
    fixture.parent.mkdir(parents=True, exist_ok=True)
    dump(adopted, fixture)
    text = json.dumps(approved, indent=2, ensure_ascii=False) + "\n"
    fixture.with_suffix(".measurements.json").write_text(text, encoding="utf-8")
    return fixture


def _shown(display: str) -> list[Fields]:
    try:
        shown = json.loads(display)
        shown = shown if isinstance(shown, list) else [shown]
        for one in shown:
            _MEASUREMENT.validate_python(one)
    except json.JSONDecodeError as error:
        raise NotAdopted(f"--display is not JSON: {error}") from None
    except ValidationError as error:
        raise NotAdopted(f"--display is no measurement: {in_words(error)}") from None
    if not shown:
        raise NotAdopted("--display is empty: leave it out, and write down later what was shown")
    return shown


def _approved(shown: list[Fields], capture: Capture) -> list[Fields]:
    """What was shown, in the order of the conversation, among what no display shows."""
    kinds = {one["kind"] for one in shown}
    left = list(shown)
    approved: list[Fields] = []
    for finished, measurement in _read(capture):
        fields = measurement.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        if not finished or measurement.kind not in kinds:
            approved.append({"kind": measurement.kind, **fields})
        elif same := next((one for one in left if one["kind"] == measurement.kind), None):
            left.remove(same)
            approved.append({**{name: fields[name] for name in _UNSEEN & set(fields)}, **same})
    return approved + left


def _read(capture: Capture) -> Iterator[tuple[bool, Measurement]]:
    """What the driver reads today, each with whether it is finished; nothing where it cannot follow."""
    try:
        driver = registry.find(capture.header.driver)
        handed = converse(driver, capture)
    except (registry.UnknownDriver, ReplayFailed):
        return
    for one in handed:
        with suppress(NotUnderstood):
            for measurement in driver.decode(driver.unseal(one.frame, one.secrets)):
                yield one.finished, measurement


def _stem(device: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", device.lower()).strip("_") or "capture"
