"""Framers: cut the byte stream of a serial line into frames.

A framer is fed whatever arrives, in any pieces, and gives back the finished messages; a fresh one is made
for every connection, so nothing survives from one to the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
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


class _Enclosed:
    def __init__(self, start: int, end: int, trailing: int, limit: int) -> None:
        self._start, self._end = start, end
        self._trailing, self._limit = trailing, limit
        self._buffer = bytearray()
        self._missing = 0

    def feed(self, data: bytes) -> list[bytes]:
        messages = []
        for byte in data:
            if self._missing:
                self._missing -= 1
                self._buffer.append(byte)
                ended = not self._missing
            elif byte == self._start:
                self._buffer = bytearray([byte])
                continue
            elif self._buffer:
                self._buffer.append(byte)
                ended = byte == self._end and not self._trailing
                if len(self._buffer) > self._limit:
                    self._buffer.clear()
                    continue
                self._missing = self._trailing if byte == self._end else 0
            else:
                continue
            if ended:
                messages.append(bytes(self._buffer))
                self._buffer.clear()
        return messages


def enclosed(start: bytes, end: bytes, *, trailing: int = 0, limit: int = 128) -> MakeFramer:
    """Messages from the byte ``start`` to the byte ``end`` and ``trailing`` more (a checksum), all in the frame.

    What lies between messages is passed over. ``start`` inside a message begins it anew: the end of the one
    before was lost. A message longer than ``limit`` bytes (not counting ``trailing``) is refused whole.
    """
    return lambda: _Enclosed(start[0], end[0], trailing, limit)


Probe = Callable[[bytes], int | None]
"""How long the message is that begins where the bytes begin: ``0`` where more must arrive to tell, ``None``
where none begins there."""


class _Probed:
    def __init__(self, probe: Probe, starts: bytes, longest: int) -> None:
        self._probe = probe
        self._start = re.compile(b"[" + re.escape(starts) + b"]")
        self._longest = longest
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        messages, at = [], 0
        while start := self._start.search(self._buffer, at):
            at = start.start()
            ahead = bytes(self._buffer[at : at + self._longest])
            length = self._probe(ahead)
            if length:
                messages.append(ahead[:length])
                at += length
            elif length == 0 and len(ahead) < self._longest:
                break
            else:
                at += 1
        else:
            at = len(self._buffer)
        del self._buffer[:at]
        return messages


def probed(probe: Probe, *, longest: int, starts: bytes = bytes(range(256))) -> MakeFramer:
    """Messages known by their build (marks, lengths, checksums), found again byte by byte after a disturbance.

    ``probe`` sees at most ``longest`` bytes, which may be more than the message to tell it by what follows.
    It is asked only where one of the bytes ``starts`` is.
    """
    return lambda: _Probed(probe, starts, longest)


class _Packets:
    def __init__(
        self, size: int, is_packet: Callable[[bytes], bool], sure: int, alike: Sure | None
    ) -> None:
        self._size, self._is_packet = size, is_packet
        self._sure, self._alike = sure, alike
        self._buffer = bytearray()
        self._locked = False
        self._strayed = False

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        packets: list[bytes] = []
        at, size, end = 0, self._size, len(self._buffer)
        while end - at >= (size if self._locked else size * self._sure):
            if self._locked:
                packet = bytes(self._buffer[at : at + size])
                if self._is_packet(packet):
                    packets.append(packet)
                    at += size
                else:
                    self._locked = False
            elif row := self._row(at):
                packets += [b"", *row] if self._strayed else row
                at += size * self._sure
                self._locked, self._strayed = True, False
            else:
                self._strayed = True
                at += 1
        del self._buffer[:at]
        return packets

    def _row(self, at: int) -> list[bytes]:
        """The packets in a row that begin here, where they are enough to be sure of it."""
        row: list[bytes] = []
        for start in range(at, at + self._size * self._sure, self._size):
            packet = bytes(self._buffer[start : start + self._size])
            if not self._is_packet(packet):
                return []
            row.append(packet)
        return row if self._alike is None or self._alike(row) else []


Sure = Callable[[list[bytes]], bool]
"""Whether packets in a row are those of one stream."""


def packets(
    size: int, is_packet: Callable[[bytes], bool], *, sure: int = 1, alike: Sure | None = None
) -> MakeFramer:
    """A stream of packets of one ``size``, one right behind the other.

    Their place is known once ``sure`` of them stand in a row and are ``alike``; from then on each is handed over as it
    comes, for as long as they fit. Whatever lay between two rows is an empty message: something was lost there.
    """
    return lambda: _Packets(size, is_packet, sure, alike)


class _TextLines:
    def __init__(self, limit: int) -> None:
        self._lines = _Lines(b"\n", limit)

    def feed(self, data: bytes) -> list[bytes]:
        return self._lines.feed(data.replace(b"\r", b"\n"))


def text_lines(*, limit: int = 128) -> MakeFramer:
    """Lines of text that end with a carriage return, a line feed or both, however the device is set.

    Line ends are left out of the frame; a line feed before a line is one too. Otherwise as `lines`.
    """
    return lambda: _TextLines(limit)


class _Until:
    def __init__(self, ends: tuple[bytes, ...], limit: int) -> None:
        self._end = re.compile(b"|".join(map(re.escape, ends)))
        self._part = max(map(len, ends)) - 1
        self._limit = limit
        self._buffer = bytearray()
        self._refusing = False

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        messages: list[bytes] = []
        while end := self._end.search(self._buffer):
            message = bytes(self._buffer[: end.end()])
            del self._buffer[: end.end()]
            if not self._refusing:
                messages.append(message if len(message) <= self._limit else b"")
            self._refusing = False
        if len(self._buffer) > self._limit:
            messages += [] if self._refusing else [b""]
            self._refusing = True
            # The end mark may have arrived in part: keep just enough to recognise it.
            del self._buffer[: len(self._buffer) - self._part]
        return messages


def until(*ends: bytes, limit: int = 256) -> MakeFramer:
    """Messages that finish with one of ``ends``, which stays in the frame.

    So does whatever came before the message: decoders look for its start mark from the end. A message longer
    than ``limit`` bytes is refused whole, never buffered: an empty message stands for it.
    """
    return lambda: _Until(ends, limit)


class Blanked:
    """A framer made by `blanked`: what names a person leaves it blank."""

    def __init__(self, framer: Framer, blank: Callable[[bytes], bytes]) -> None:
        self._framer = framer
        self._blank = blank

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` finishes, in order, blanked."""
        return [self._blank(message) for message in self._framer.feed(data)]


def blanked(framer: MakeFramer, blank: Callable[[bytes], bytes]) -> MakeFramer:
    """The messages of ``framer`` with what may name a person blanked out, before anybody keeps them.

    For devices into which a card reader or a keyboard puts the patient's number: it is no measurement, and it
    must not reach the journal. ``blank`` names what is kept, never what is blanked (`keep_only`), for a lost byte
    moves a number to any place; it keeps the length, and the message as right or as wrong as it was.
    """
    return lambda: Blanked(framer(), blank)


_MARKS = frozenset(range(0x20)) | frozenset(b' ,"{}')
"""What divides a message into fields: it says nothing of anybody."""


def keep_only(message: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    """The message with its bytes from ``start`` to before ``end`` of each span; all else but marks becomes a star.

    A star is no digit: what was blanked is never taken for a value.
    """
    kept = bytearray(byte if byte in _MARKS else ord("*") for byte in message)
    for start, end in spans:
        kept[start:end] = message[start:end]
    return bytes(kept)


def keep_groups(form: re.Pattern[bytes], message: bytes) -> bytes:
    """The message with what the groups of ``form`` hold, as `keep_only`; with nothing, unless all of it has that form."""
    found = form.fullmatch(message)
    groups = found.regs[1:] if found else ()
    return keep_only(message, (span for span in groups if span != (-1, -1)))
