"""A serial line under load: nothing lost at a hundred ECG front ends' rate, and nothing piled up beyond it."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import Frame, Line, LinkLost, lines, probed
from devicehub.transport import serial as line_module
from devicehub.transport.hands import Arrival, Hands, station_now
from devicehub.transport.inbox import Inbox, Received
from devicehub.transport.serial import PortLink, open_line

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

import tty

PATIENCE = 50.0
HEADER, SIZE = b"\xa5\x5a", 28
"""A packet as ECG front ends send: a mark of two bytes, 24 of samples, and two that check them."""

AHEAD = 1 << 19
"""Bytes that the device may be ahead: a third of a second's."""
PACKETS = 150_000
"""4.2 MB: three seconds of 14 kB/s a hundred times over."""


def packet(number: int) -> bytes:
    body = random.Random(number).randbytes(SIZE - 4)
    return HEADER + body + (zlib.crc32(body) & 0xFFFF).to_bytes(2, "big")


def length(ahead: bytes) -> int | None:
    if not HEADER.startswith(ahead[:2]):
        return None
    if len(ahead) < SIZE:
        return 0
    body = ahead[2 : SIZE - 2]
    return SIZE if zlib.crc32(body) & 0xFFFF == int.from_bytes(ahead[-2:], "big") else None


FRONT_END = Line(baud=921600, framer=probed(length, longest=SIZE, starts=HEADER[:1]))


async def keep(_frame: Frame, _arrival: Arrival) -> None:
    raise AssertionError


def show(_frame: Frame, _arrival: Arrival) -> None:
    raise AssertionError


HANDS = Hands(keep, show)


@contextmanager
def terminal() -> Iterator[tuple[int, str]]:
    """The device's end and the name of the hub's; a device waits where its line is full."""
    device, port = os.openpty()
    try:
        tty.setraw(port)
        yield device, os.ttyname(port)
    finally:
        os.close(device)
        os.close(port)


@asynccontextmanager
async def speaking(
    device: int, said: bytes, within: Callable[[int], bool] = lambda _at: True
) -> AsyncIterator[None]:
    """A device that speaks as fast as its line takes it, until it has said everything or is unplugged.

    ``within`` says whether it may be as far ahead of the hub already.
    """

    def speak() -> None:
        at = 0
        with suppress(OSError):
            while at < len(said):
                if within(at):
                    at += os.write(device, said[at : at + 16384])
                else:
                    time.sleep(0.001)

    threading.Thread(target=speak, daemon=True).start()
    yield


def line_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("serial ")]


@pytest.mark.parametrize("over", ["terminal", "socket"])
async def test_a_hundred_times_an_ecg_front_end_loses_no_byte(over: str) -> None:
    # The same packets again and again: making them must not be what takes the time.
    said = b"".join(map(packet, range(PACKETS // 100))) * 100
    crc = count = 0
    opened = asyncio.Event()

    async def listen(port: str) -> None:
        nonlocal crc, count
        async with open_line(port, FRONT_END, HANDS) as link:
            opened.set()
            while count < len(said):
                frame = await link.frame(within=PATIENCE)
                assert frame is not None
                crc, count = zlib.crc32(frame.data, crc), count + len(frame.data)

    async with asyncio.timeout(PATIENCE):
        if over == "terminal":
            with terminal() as (device, port):
                reading = asyncio.create_task(listen(port))
                await opened.wait()  # what came before would be dropped
                # Not quicker than it is read: how quick that is, benchmarks/line.py tells.
                async with speaking(device, said, lambda at: at - count < AHEAD):
                    await reading
        else:

            async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await opened.wait()
                for start in range(0, len(said), 65536):
                    while start - count > AHEAD:  # noqa: ASYNC110 - as above
                        await asyncio.sleep(0.001)
                    writer.write(said[start : start + 65536])
                    await writer.drain()
                await done.wait()
                writer.close()
                await writer.wait_closed()

            done = asyncio.Event()
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            host, number = server.sockets[0].getsockname()
            async with server:
                await listen(f"socket://{host}:{number}")
                done.set()
    assert (count, crc) == (len(said), zlib.crc32(said))
    assert line_threads() == []


async def test_a_device_that_floods_is_hung_up_on_before_old_messages_pile_up() -> None:
    said = b"9\r\n" * 2_000_000
    with terminal() as (device, port):
        async with open_line(port, Line(baud=9600, framer=lines()), HANDS) as link:
            async with speaking(device, said):
                with pytest.raises(LinkLost, match="quicker than the station reads"):
                    await link.pause(PATIENCE)
                taken = await count_left(link)
            assert line_module.MOST_WAITING < taken < len(said) // 6
        assert line_threads() == []


async def count_left(link: PortLink) -> int:
    taken = 0
    with suppress(LinkLost):
        while await link.frame(within=PATIENCE) is not None:
            taken += 1
    return taken


async def test_a_station_too_busy_to_look_hangs_up_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "MOST_UNREAD", 1 << 16)
    with terminal() as (device, port):
        async with open_line(port, Line(baud=9600, framer=lines()), HANDS) as link:
            (thread,) = line_threads()
            async with speaking(device, b"x" * (1 << 22)):
                thread.join(PATIENCE)  # and the loop with it: nobody takes what arrives
                assert not thread.is_alive()
                with pytest.raises(LinkLost, match="quicker than the station reads"):
                    await link.pause(PATIENCE)


@given(
    st.lists(
        st.binary(min_size=1, max_size=30).map(lambda data: bytes(65 + byte % 4 for byte in data)),
        max_size=12,
    )
)
def test_a_piece_at_once_is_cut_and_timed_as_its_bytes_one_by_one(pieces: list[bytes]) -> None:
    """``D`` ends a message. None begins later than its first byte came, none earlier than one before it."""
    line = Line(baud=9600, framer=lines(b"D"))
    start = station_now()
    stamps = [start + timedelta(milliseconds=10 * number) for number in range(len(pieces))]
    at_once, one_by_one = Timed(line), Timed(line)
    for piece, stamp in zip(pieces, stamps, strict=True):
        at_once.hear(piece, stamp)
        for byte in piece:
            one_by_one.hear(bytes([byte]), stamp)
    assert [bytes(one) for one in at_once.heard] == [bytes(one) for one in one_by_one.heard]
    for whole, exact in zip(at_once.heard, one_by_one.heard, strict=True):
        assert whole.at == exact.at
        assert whole.first <= exact.first
    for (before, _), (whole, exact) in pairwise(zip(at_once.heard, one_by_one.heard, strict=True)):
        assert whole.first in {exact.first, before.first}


class Timed:
    """What a link makes of bytes and their times, without a port."""

    def __init__(self, line: Line) -> None:
        self.heard: list[Received] = []
        link = PortLink.__new__(PortLink)
        link._tape = None
        link._framer = line.framer()
        link._first = link._last = None
        link._inbox = cast("Inbox", self)
        self.hear = link._arrived
        self.waiting = 0

    def add(self, _on: str, received: Received) -> None:
        self.heard.append(received)
