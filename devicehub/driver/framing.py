"""Framers: cut the byte stream of a serial line into frames.

A framer is fed whatever arrives, in any pieces, and gives back the finished messages; a fresh one is made
for every connection, so nothing survives from one to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Framer(Protocol):
    """The state of cutting one connection's bytes into frames."""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` finishes, in order."""
        ...


MakeFramer = Callable[[], Framer]


class _Lines:
    def __init__(self, end: bytes, limit: int) -> None:
        self._end = end
        self._limit = limit
        self._buffer = bytearray()
        self._refusing = False

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        *lines, rest = bytes(self._buffer).split(self._end)
        self._buffer = bytearray(rest)
        if self._refusing and lines:
            lines, self._refusing = lines[1:], False
        if len(self._buffer) > self._limit + len(self._end):
            self._refusing = True
            # The end mark may have arrived in part: keep just enough to recognise it.
            del self._buffer[: len(self._buffer) - len(self._end) + 1]
        return [line for line in lines if line and len(line) <= self._limit]


def lines(end: bytes = b"\r\n", *, limit: int = 128) -> MakeFramer:
    """Messages that end with ``end`` (left out of the frame).

    Empty lines are passed over. A line longer than ``limit`` bytes is refused whole, never buffered.
    """
    return lambda: _Lines(end, limit)
