"""Draft a new driver: a file that declares everything, reads nothing yet, and says what is to be done.

It passes the conformance suite's law on declarations and fails the rest with the words of its own `decode`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from devicehub import __version__
from devicehub.driver import SERIAL
from devicehub.testing.adopt import adopt
from devicehub.testing.capture import WRITE_DOWN
from devicehub.transport.hands import station_now
from devicehub.transport.tape import Capture, Header, Step, dump, load

_BLE = '''\
"""{title}: a draft. Name the devices here, and where their protocol is written down."""

from collections.abc import Iterator

from devicehub.driver import (
    Advert,
    Automatic,
    BleDriver,
    Frame,
    Measurement,
    Model,
    NotUnderstood,
    listen,
)

RESULT = "{main}"
"""The characteristic a finished measurement comes on."""


def decode(frame: Frame) -> Iterator[Measurement]:
    """What the bytes mean, byte by byte, with the source."""
    raise NotUnderstood("{id}: decode is not written yet", at=0)
    yield


DRIVER = BleDriver(
    id="{id}",
    models=(
        Model(
            maker="{maker}",
            name="{name}",
            tells=("body_weight",),  # everything the device can tell
            reads=("body_weight",),  # what decode takes from it
            longest=60.0,  # seconds one measurement can take
        ),
    ),
    automatic=Automatic(modes=frozenset(), source="not looked up yet: which manual, which page"),
    match=Advert({match}),
    main=RESULT,
    session=listen(RESULT),
    decode=decode,
)
'''

_SERIAL = '''\
"""{title}: a draft. Name the devices here, and where their protocol is written down."""

from collections.abc import Iterator

from devicehub.driver import (
    Automatic,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    SerialLink,
    Settles,
    lines,
)


async def session(link: SerialLink) -> None:
    """Listen for lines; a device that must be asked wants `devicehub.driver.poll` instead."""
    while True:
        frame = await link.frame(within=60.0)
        if frame is not None:
            await link.deliver(frame)


def decode(frame: Frame) -> Iterator[Measurement]:
    """What a line means, field by field, with the source."""
    raise NotUnderstood("{id}: decode is not written yet", at=0)
    yield


DRIVER = SerialDriver(
    id="{id}",
    models=(
        Model(
            maker="{maker}",
            name="{name}",
            tells=("body_weight",),  # everything the device can tell
            reads=("body_weight",),  # what decode takes from it
            longest=60.0,  # seconds one measurement can take
        ),
    ),
    automatic=Automatic(modes=frozenset(), source="not looked up yet: which manual, which page"),
    line=Line(baud=9600, framer=lines(b"\\r\\n")),
    session=session,
    decode=decode,
    settles=Settles.PRINTED,  # STREAM where the device repeats itself
)
'''


class NotDrafted(ValueError):
    """No draft was written. The message says why."""


def draft(
    driver: str, *, over: str, capture: Path | None, drivers: Path, captures: Path
) -> list[Path]:
    """Write the driver's file and a first capture; the files written, the driver's first.

    ``over`` is ``ble`` or ``serial``; a ``capture`` decides it by itself. Raises `NotDrafted`, or
    `devicehub.testing.adopt.NotAdopted` and `devicehub.transport.tape.BadCapture` from the capture.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", driver):
        raise NotDrafted(f"{driver!r}: small letters, digits and _ only, a letter first")
    file = drivers / f"{driver}.py"
    if file.exists():
        raise NotDrafted(f"{file} exists")
    recorded = load(capture) if capture is not None else None
    if recorded is not None:
        over = "serial" if any(step.on == SERIAL for step in recorded.steps) else "ble"
    name = recorded.header.device if recorded is not None else driver
    text = (_BLE if over == "ble" else _SERIAL).format(
        id=driver,
        title=name,
        maker="who makes it",
        name=name,
        main=_main(recorded),
        match=_match(recorded),
    )
    if capture is not None:
        fixture = adopt(capture, driver=driver, device=name, display=None, captures=captures)
    else:
        fixture = _first_capture(driver, over, captures)
    file.write_text(text, encoding="utf-8")
    return [file, fixture, fixture.with_suffix(".measurements.json")]


def _main(capture: Capture | None) -> str:
    """Where most messages of the capture came from."""
    if capture is None:
        return "fff1"
    places = [step.on for step in capture.steps if step.do == "message"]
    return max(places, key=places.count) if places else "fff1"


def _match(capture: Capture | None) -> str:
    advert = capture.header.advert if capture is not None else None
    if advert is not None and advert.services:
        return f'service="{advert.services[0]}"'
    if advert is not None and advert.name:
        return f'name_prefix="{advert.name.rstrip("0123456789")}"'
    return 'name_prefix="what it advertises"'


def _first_capture(driver: str, over: str, captures: Path) -> Path:
    """An empty conversation, to be replaced by a recorded one."""
    on = SERIAL if over == "serial" else _main(None)
    steps = [Step(t=1.0, by="device", do="message", on=on, data=b"?\r\n")]
    if over == "ble":
        steps.insert(0, Step(t=0.5, by="hub", do="subscribe", on=on))
    capture = Capture(
        path=captures / driver / "first.jsonl",
        header=Header(
            device=driver,
            driver=driver,
            origin="synthetic",
            recorded=station_now(),
            hub=__version__,
            characteristics=(on,) if over == "ble" else (),
            note="A placeholder: record the device with `devicehub record`, or type frames from its manual.",
        ),
        steps=tuple(steps),
    )
    capture.path.parent.mkdir(parents=True, exist_ok=True)
    dump(capture, capture.path)
    expected = json.dumps([WRITE_DOWN], indent=2) + "\n"
    capture.path.with_suffix(".measurements.json").write_text(expected, encoding="utf-8")
    return capture.path
