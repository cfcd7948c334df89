"""The law of framing: a serial stream gives the same frames however its bytes arrive."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from devicehub.driver import BleDriver, Driver, Framer, SerialDriver
from devicehub.testing.capture import Captured

_FLOOD = 1 << 20
_MOST_KEPT = 1 << 16


def law_stream(driver: Driver, captures: Sequence[Captured]) -> None:
    """A serial stream gives the same frames however its bytes arrive, and recovers from garbage."""
    if isinstance(driver, BleDriver):
        return
    stream, frames = _stream(driver, captures)

    @settings(deadline=None)
    @given(cuts=st.lists(st.integers(0, len(stream)), max_size=40), garbage=st.binary(max_size=400))
    def split(cuts: list[int], garbage: bytes) -> None:
        edges = [0, *sorted(cuts), len(stream)]
        pieces = [stream[a:b] for a, b in pairwise(edges)]
        assert _cut(driver, pieces) == frames, f"in other pieces: {cuts}"
        # What precedes a message without an end of its own may spoil that one message.
        tail = frames[1:]
        found = _cut(driver, [garbage, *pieces])
        assert found[len(found) - len(tail) :] == tail, f"after {garbage.hex(' ')}: {found}"

    assert frames, f"{driver.id}: no capture holds a whole message"
    assert _cut(driver, [stream]) == frames, "other frames in one piece than byte by byte"
    assert _cut(driver, [stream + stream]) == frames * 2, "two glued streams give other frames"
    split()
    _check_flood(driver, stream, frames)


def _check_flood(driver: SerialDriver, stream: bytes, frames: list[bytes]) -> None:
    framer = driver.line.framer()
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        for _ in range(_FLOOD >> 10):
            for message in framer.feed(b"A" * 1024):
                assert len(message) < _MOST_KEPT, "an endless message was handed over"
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert kept < _MOST_KEPT, f"an endless message is buffered: {kept} bytes kept"
    found = _fed(framer, [stream + stream])
    tail = frames[1:] + frames
    assert found[len(found) - len(tail) :] == tail, "no recovery after an endless message"


def _stream(driver: SerialDriver, captures: Sequence[Captured]) -> tuple[bytes, list[bytes]]:
    """The captured bytes up to the end of the last whole message, and the messages."""
    stream, frames = b"", list[bytes]()
    for one in captures:
        framer, received, whole = driver.line.framer(), b"", 0
        for step in one.capture.steps:
            for byte in step.data if step.by == "device" else b"":
                received += bytes([byte])
                if messages := framer.feed(bytes([byte])):
                    frames += messages
                    whole = len(received)
        stream += received[:whole]
    return stream, frames


def _cut(driver: SerialDriver, pieces: Iterable[bytes]) -> list[bytes]:
    return _fed(driver.line.framer(), pieces)


def _fed(framer: Framer, pieces: Iterable[bytes]) -> list[bytes]:
    return [message for piece in pieces for message in framer.feed(piece)]
