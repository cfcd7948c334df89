"""Try a driver on bytes: what ``devicehub drivers decode`` does.

The bytes are as a device sent them: `decode_hex` unseals them first, and bytes of a serial line may keep
their line end. Where nothing says where bytes came from, they came from the driver's main place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devicehub.driver import (
    SERIAL,
    Driver,
    Frame,
    Framer,
    Measurement,
    NotUnderstood,
    Secrets,
    SerialDriver,
)
from devicehub.testing.places import NoPlace, leads, main_place, place

Said = list[dict[str, object]]
"""Measurements in their JSON form, every field present."""

_BYTE = 2
"""Digits of a byte."""

_BETWEEN_BYTES = re.compile(r"\\x|(?<![0-9a-f])0x|[\s:,;-]", re.IGNORECASE)
"""What programs write before and between two digits."""


class BadHex(ValueError):
    """What was given is not bytes in hexadecimal, or not a question at all."""


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str | None = None
    secrets: dict[str, str] = Field(default_factory=dict)
    parts: list[tuple[str, str]] = Field(min_length=1)


def decode_hex(
    driver: Driver,
    on: str | None,
    hexes: Sequence[str],
    model: str | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Said:
    """The measurements of one frame a piece of ``hexes``, one after the other; single bytes are one frame together.

    A place may stand before them, as on a line of `decode_stdin`.
    Raises `NotUnderstood` (``at`` is the byte) and `BadHex`, which both name the piece where there are several.
    """
    keys = _secrets(secrets or {})
    if on is None and leads(driver, hexes):
        on, *hexes = hexes
    if all(len(text) == _BYTE for text in hexes):
        hexes = [" ".join(hexes)]
    said: Said = []
    for number, text in enumerate(hexes, start=1):
        where = f"hex {number}: " if len(hexes) > 1 else ""
        try:
            said += _said(driver, _frames(driver, [(on or main_place(driver), text)], model), keys)
        except NotUnderstood as error:
            raise NotUnderstood(where + error.reason, error.at) from None
        except BadHex as error:
            raise BadHex(f"{where}{error}") from None
    return said


def decode_stdin(
    driver: Driver,
    stream_in: Iterable[str],
    stream_out: TextIO,
    on: str | None = None,
    model: str | None = None,
    secrets: Mapping[str, str] | None = None,
) -> None:
    """Answer each line, ``[characteristic] hex`` or a JSON object, with one line of JSON, at once."""
    for line in stream_in:
        stream_out.write(json.dumps(_answer(driver, line, on, model, secrets or {})) + "\n")
        stream_out.flush()


def _answer(
    driver: Driver, line: str, on: str | None, model: str | None, secrets: Mapping[str, str]
) -> dict[str, object]:
    try:
        question = _question(driver, line, on)
        frames = _frames(driver, question.parts, question.model or model)
        said = _said(driver, frames, _secrets({**secrets, **question.secrets}))
    except NotUnderstood as error:
        return {"ok": False, "error": error.reason, "at": error.at}
    except BadHex as error:
        return {"ok": False, "error": str(error), "at": None}
    return {"ok": True, "measurements": said}


def _question(driver: Driver, line: str, on: str | None) -> _Question:
    if line.lstrip().startswith("{"):
        try:
            return _Question.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            raise BadHex(f"{where}: {fault['msg']}".removeprefix(": ")) from None
    words = line.split()
    if leads(driver, words):
        on, *words = words
    return _Question(parts=[(on or main_place(driver), " ".join(words))])


def _frames(driver: Driver, parts: Sequence[tuple[str, str]], model: str | None) -> Iterable[Frame]:
    try:
        given = tuple((place(driver, on), _bytes(text, "hex")) for on, text in parts)
    except NoPlace as error:
        raise BadHex(str(error)) from None
    if isinstance(driver, SerialDriver) and len(given) == 1 and given[0][0] == SERIAL:
        return [
            Frame.of(SERIAL, message, model)
            for message in _messages(driver.line.framer(), given[0][1])
        ]
    return [Frame(given, model)]


def _messages(framer: Framer, data: bytes) -> list[bytes]:
    """What the line's framer makes of the bytes; they are one message already where they have no end.

    Line ends after the last message belong to nothing. A framer that tells a packet by the next one leaves the last
    ones of a stream: they are as long as those before.
    """
    messages: list[bytes] = []
    whole = 0
    for at in range(len(data)):
        if found := framer.feed(data[at : at + 1]):
            messages += found
            whole = at + 1
    if not messages:
        return [data]
    if not data[whole:].strip(b"\r\n"):
        return messages
    kept, size = b"".join(messages), len(messages[-1])
    rest = data[len(kept) :] if data.startswith(kept) else data[whole:]
    if not data.startswith(kept) or len(rest) % size:
        raise NotUnderstood("the last message has no end", len(data) - len(rest.lstrip(b"\r\n")))
    return messages + [rest[at : at + size] for at in range(0, len(rest), size)]


def _said(driver: Driver, frames: Iterable[Frame], secrets: Secrets) -> Said:
    return [
        measurement.model_dump(mode="json")
        for frame in frames
        for measurement in _measurements(driver, frame, secrets)
    ]


def _measurements(driver: Driver, frame: Frame, secrets: Secrets) -> list[Measurement]:
    try:
        return list(driver.decode(driver.unseal(frame, secrets)))
    except NotUnderstood:
        # Many listeners print service data with its UUID in front, as it is on the air.
        bare = Frame(tuple((on, _without_uuid(on, data)) for on, data in frame.parts), frame.model)
        if bare == frame:
            raise
        return list(driver.decode(driver.unseal(bare, secrets)))


def _without_uuid(on: str, data: bytes) -> bytes:
    uuid = on.removeprefix("adv:")
    return data.removeprefix(bytes.fromhex(uuid)[::-1]) if len(uuid) == 4 and uuid != on else data


def _secrets(given: Mapping[str, str]) -> Secrets:
    return {name: _bytes(text, f"secret {name}") for name, text in given.items()}


def _bytes(text: str, what: str) -> bytes:
    try:
        return bytes.fromhex(_BETWEEN_BYTES.sub(" ", text))
    except ValueError:
        # Never the text itself: it may be a key.
        raise BadHex(
            f"{what} : pas des octets en hexadécimal, deux chiffres chacun · not bytes in hexadecimal, two digits each"
        ) from None
