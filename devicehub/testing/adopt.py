"""Turn a field capture into evidence: a de-identified fixture, a device to simulate, and a test that fails.

The test fails until the driver reads what the person saw on the device's display, or, as long as nobody has
said what that was, until somebody does.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from devicehub.testing.capture import WRITE_DOWN
from devicehub.testing.scrub import scrub
from devicehub.transport.tape import Capture, dump, load


class NotAdopted(ValueError):
    """The capture cannot become a fixture. The message says why and what to do."""


def adopt(field: Path, *, driver: str, device: str, display: str | None, captures: Path) -> Path:
    """Write the fixture and its expected measurements below ``captures``; the fixture's path.

    ``display`` is the JSON list of what the device showed. Raises `NotAdopted`.
    """
    capture = load(field)
    if capture.header.secrets:
        raise NotAdopted(f"{field}:1: a capture with secrets is not adopted; take them out")
    header = capture.header.model_copy(update={"driver": driver, "device": device})
    fixture = captures / driver / f"{_stem(device)}.jsonl"
    if fixture.exists():
        raise NotAdopted(f"{fixture} exists; name the device differently (--device)")
    fixture.parent.mkdir(parents=True, exist_ok=True)
    dump(scrub(Capture(path=fixture, header=header, steps=capture.steps), None), fixture)
    expected = fixture.with_suffix(".measurements.json")
    expected.write_text(_expected(display), encoding="utf-8")
    return fixture


def _expected(display: str | None) -> str:
    if display is None:
        return json.dumps([WRITE_DOWN], indent=2, ensure_ascii=False) + "\n"
    try:
        shown = json.loads(display)
    except json.JSONDecodeError as error:
        raise NotAdopted(f"--display is not JSON: {error}") from None
    return json.dumps(shown if isinstance(shown, list) else [shown], indent=2) + "\n"


def _stem(device: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", device.lower()).strip("_") or "capture"
