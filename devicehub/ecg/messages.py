"""Messages between the station and the check's own process, over its two pipes.

``length (u32) kind (u8) body``, little-endian; the length is the body's. To the process: *open* a stream (JSON:
``stream``, ``leads``, ``fs``), *samples* (below), *close* one (``stream``). From it: *verdict* and *trace*, each
the stream's number (u32) and JSON. Samples are ``stream (u32) leads (u16) contact (u16)``, as many octets of JSON
as ``contact`` says, then a 32-bit float in millivolts per lead and sample, lead by lead, NaN where one is missing.
Plain Python: the station packs them, and only the process itself needs numbers.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from devicehub.ecg.verdict import ContactState

HEAD = struct.Struct("<IB")
STREAM = struct.Struct("<I")
_SAMPLES = struct.Struct("<IHH")

LARGEST = 4 * 1024 * 1024
"""Octets of one message's body: ten seconds of twelve leads at 1000 a second are half a megabyte."""


class Kind(IntEnum):
    """What a message is."""

    OPEN = 1
    SAMPLES = 2
    CLOSE = 3
    VERDICT = 4
    TRACE = 5


class BadMessage(ValueError):
    """Octets that are no message: the two sides do not speak the same language."""


class Samples(NamedTuple):
    """What a message of samples holds; ``floats`` are lead by lead, rows of equal length."""

    stream: int
    leads: int
    contact: dict[str, ContactState] | None
    floats: bytes


def message(kind: Kind, body: bytes) -> bytes:
    """One message. Raises `BadMessage` for a body that is too long."""
    if len(body) > LARGEST:
        raise BadMessage(f"{len(body)} octets in one message, {LARGEST} at most")
    return HEAD.pack(len(body), kind) + body


def head(octets: bytes) -> tuple[int, Kind]:
    """The length of the body that follows, and what it is. Raises `BadMessage`."""
    length, kind = HEAD.unpack(octets)
    if length > LARGEST or kind not in set(Kind):
        raise BadMessage(f"no message begins with {octets.hex(' ')}")
    return length, Kind(kind)


def opening(stream: int, leads: Sequence[str], fs: float) -> bytes:
    """Begin a stream, or begin it anew."""
    told = {"stream": stream, "leads": list(leads), "fs": fs}
    return message(Kind.OPEN, json.dumps(told).encode())


def closing(stream: int) -> bytes:
    """End a stream."""
    return message(Kind.CLOSE, STREAM.pack(stream))


def samples(
    stream: int,
    millivolts: Sequence[Sequence[float]],
    contact: Mapping[str, ContactState] | None = None,
) -> bytes:
    """A stretch of samples, lead by lead, and the electrodes' contact where the device has told it."""
    told = b"" if contact is None else json.dumps(dict(contact)).encode()
    count = sum(map(len, millivolts))
    floats = struct.pack(f"<{count}f", *(value for lead in millivolts for value in lead))
    return message(Kind.SAMPLES, _SAMPLES.pack(stream, len(millivolts), len(told)) + told + floats)


def read_samples(body: bytes) -> Samples:
    """The body of a message of samples. Raises `BadMessage`."""
    try:
        stream, leads, length = _SAMPLES.unpack_from(body)
        told = body[_SAMPLES.size : _SAMPLES.size + length]
        contact: dict[str, ContactState] | None = json.loads(told) if length else None
    except (struct.error, ValueError) as error:
        raise BadMessage(f"samples: {error}") from error
    floats = body[_SAMPLES.size + length :]
    if not leads or len(floats) % (4 * leads):
        raise BadMessage(f"samples: {len(floats)} octets for {leads} leads")
    return Samples(stream, leads, contact, floats)


def about(kind: Kind, stream: int, text: str) -> bytes:
    """What the process says of a stream: a verdict or a trace, as JSON."""
    return message(kind, STREAM.pack(stream) + text.encode())


def read_about(body: bytes) -> tuple[int, str]:
    """The stream and the JSON that is said of it. Raises `BadMessage`."""
    try:
        (stream,) = STREAM.unpack_from(body)
        return int(stream), body[STREAM.size :].decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise BadMessage(str(error)) from error


def read_opening(body: bytes) -> tuple[int, tuple[str, ...], float]:
    """The stream that begins, its leads and its rate. Raises `BadMessage`."""
    try:
        told: dict[str, Any] = json.loads(body)
        return int(told["stream"]), tuple(told["leads"]), float(told["fs"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadMessage(f"opening: {error}") from error
