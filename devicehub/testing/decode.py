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

from devicehub.driver import SERIAL, Driver, Frame, Framer, NotUnderstood, Secrets, SerialDriver
from devicehub.driver.frame import short

Said = list[dict[str, object]]
"""Measurements in their JSON form, every field present."""

_PLACE = re.compile(
    r"-|adv(:.+)?|[0-9a-f]{4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE
)


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
    """The measurements of one frame a piece of ``hexes``, one after the other.

    Raises `NotUnderstood` (``at`` is the byte) and `BadHex`, which both name the piece where there are several.
    """
    keys = _secrets(secrets or {})
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


def main_place(driver: Driver) -> str:
    """Where bytes come from that do not say."""
    return SERIAL if isinstance(driver, SerialDriver) else driver.main


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
    # A lone word is always bytes; and four digits are a place only where the driver has several.
    place = re.compile(SERIAL) if isinstance(driver, SerialDriver) else _PLACE
    if len(words) > 1 and place.fullmatch(words[0]):
        on, *words = words
    return _Question(parts=[(on or main_place(driver), "".join(words))])


def _frames(driver: Driver, parts: Sequence[tuple[str, str]], model: str | None) -> Iterable[Frame]:
    given = tuple((_place(on), _bytes(text, "hex")) for on, text in parts)
    if isinstance(driver, SerialDriver) and len(given) == 1 and given[0][0] == SERIAL:
        return [
            Frame.of(SERIAL, message, model)
            for message in _messages(driver.line.framer(), given[0][1])
        ]
    return [Frame(given, model)]


def _place(on: str) -> str:
    """Where bytes came from, as frames name it, however the UUID was written."""
    kind, mark, uuid = on.lower().rpartition(":")
    return f"{kind}{mark}{short(uuid)}"


def _messages(framer: Framer, data: bytes) -> list[bytes]:
    """What the line's framer makes of the bytes; they are one message already where they have no end.

    Line ends after the last message belong to nothing.
    """
    messages: list[bytes] = []
    whole = 0
    for at in range(len(data)):
        if found := framer.feed(data[at : at + 1]):
            messages += found
            whole = at + 1
    if messages and data[whole:].strip(b"\r\n"):
        raise NotUnderstood("the last message has no end", at=whole)
    return messages or [data]


def _said(driver: Driver, frames: Iterable[Frame], secrets: Secrets) -> Said:
    return [
        measurement.model_dump(mode="json")
        for frame in frames
        for measurement in driver.decode(driver.unseal(frame, secrets))
    ]


def _secrets(given: Mapping[str, str]) -> Secrets:
    return {name: _bytes(text, f"secret {name}") for name, text in given.items()}


def _bytes(text: str, what: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        # Never the text itself: it may be a key.
        raise BadHex(f"{what}: not bytes in hexadecimal, two digits each") from None
