"""Serial lines: pyserial in one thread of its own a line, frames and times on the event loop.

Theory of operation. Everything that can block (opening, reading, writing, closing) happens in the line's
thread, so a stuck adapter never stops the hub. The thread reads what is there or waits a moment for one
byte, never for a line: a message may come in any pieces. Each piece is stamped where it was read and handed
to the loop, where the driver's framer, fresh for every connection, cuts it. A write wakes the thread.
Whatever ends the line, a pulled plug or pyserial's own surprise, ends every waiting method with `LinkLost`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import serial

from devicehub.driver import SERIAL, Frame, Line, LinkLost
from devicehub.reading.reading import Origin
from devicehub.transport.hands import Hands, Recorder, station_now
from devicehub.transport.inbox import Inbox, InboxLink, Received
from devicehub.transport.port_identity import UsbIdentity, find_port
from devicehub.transport.port_trouble import in_use, line_lost, not_opened, rival
from devicehub.transport.ports import no_url, plugged_in

logger = logging.getLogger(__name__)

READ_SECONDS = 0.05
"""How long one read waits: the longest a write or a close waits where pyserial cannot wake a read."""
WRITE_SECONDS = 2.0
MOST_AT_ONCE = 1 << 16
"""Bytes taken from a socket in one read."""
MOST_UNREAD = 1 << 22
"""Bytes a line may be ahead of the event loop: three seconds of the quickest ECG front end a hundred times over."""
MOST_WAITING = 1 << 16
"""Messages a session may leave untaken. Beyond either limit the line is closed: old bytes never pile up, to be
taken for new ones."""
SILENCE = timedelta(seconds=1)
"""A pause this long ends whatever was arriving: the next byte is a message's first, not an old stray's."""

_PARITY = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
_PSEUDO_TERMINALS = ("/dev/pts/", "/dev/ttys") if sys.platform == "darwin" else ("/dev/pts/",)


def origin_of(port: str) -> Origin:
    """What is behind a port: a pseudo-terminal is always a simulator, everything else a device."""
    is_pseudo = os.path.realpath(port).startswith(_PSEUDO_TERMINALS)
    return "simulator" if is_pseudo else "device"


@contextlib.asynccontextmanager
async def open_line(
    port: str,
    line: Line,
    hands: Hands,
    *,
    model: str | None = None,
    tape: Recorder | None = None,
) -> AsyncIterator[PortLink]:
    """Open ``port`` (a device, ``COM3``, a USB identity, or a URL as pyserial knows them) for one conversation.

    Raises `LinkLost` where the port cannot be opened, saying why and what to do. When the block ends, the
    port is closed and its thread has ended.
    """
    link = PortLink(port, line, hands, model, tape)
    try:
        await link.opened()
        yield link
    finally:
        await link.closed()


class PortLink(InboxLink):
    """An open serial line (a `devicehub.driver.SerialLink`). Made by `open_line`."""

    def __init__(
        self, port: str, line: Line, hands: Hands, model: str | None, tape: Recorder | None
    ) -> None:
        super().__init__(Inbox(hands, model))
        self._tape = tape
        self._framer = line.framer()
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._thread = _LineThread(port, line, self._arrived, self._inbox.close)

    async def opened(self) -> None:
        """Start the thread and wait until the port is open. Raises `LinkLost`."""
        await self._thread.start()

    async def closed(self) -> None:
        """Close the port; returns when the thread has ended."""
        await self._thread.stop()

    async def write(self, data: bytes) -> None:
        """Send bytes to the device; returns when the system has taken them."""
        self._inbox.check()
        if self._tape is not None:
            self._tape.hub("write", SERIAL, data)
        await self._thread.write(data)

    async def frame(self, *, within: float) -> Frame | None:
        """The next finished message, or ``None`` when ``within`` seconds pass without one."""
        try:
            on, data = await self._inbox.take({SERIAL}, within)
        except TimeoutError:
            return None
        return Frame.of(on, data, self.model)

    def _arrived(self, data: bytes, stamp: datetime) -> bool:
        """Cut what has arrived; whether more may come."""
        if self._tape is not None:
            self._tape.device("message", SERIAL, data)
        if self._last is not None and stamp - self._last > SILENCE:
            self._first = None
        self._last = stamp
        # The last byte apart: only so is it known whether a message ended with it, or another has begun. Of
        # several messages in one piece each may have begun with the first: never later than it did.
        for piece in (data[:-1], data[-1:]):
            first = self._first = self._first or stamp
            messages = self._framer.feed(piece)
            for message in messages:
                self._inbox.add(SERIAL, Received(message, stamp, first))
            if messages:
                self._first = None
        return self._inbox.waiting <= MOST_WAITING


class _LineThread:
    """The thread of one line, and the only code that touches its port. Its callbacks run on the loop."""

    def __init__(
        self,
        port: str,
        line: Line,
        arrived: Callable[[bytes, datetime], bool],
        end: Callable[[str], None],
    ) -> None:
        self._name = port
        self._line = line
        self._arrived = arrived
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._over = asyncio.Event()
        self._stop = threading.Event()
        self._writes: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._counting = threading.Lock()
        self._unread = 0
        self._flooded = False
        self._waking = threading.Lock()
        self._wake: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name=f"serial {port}", daemon=True)

    async def start(self) -> None:
        self._thread.start()
        await self._opened

    async def write(self, data: bytes) -> None:
        taken: asyncio.Future[None] = self._loop.create_future()
        self._writes.append((data, taken))
        self._wake_up()
        await taken

    async def stop(self) -> None:
        self._stop.set()
        self._wake_up()
        cancelled: asyncio.CancelledError | None = None
        while not self._over.is_set():
            try:
                await self._over.wait()
            except asyncio.CancelledError as error:  # the port closes first, then we are cancelled
                cancelled = error
        self._thread.join()
        if cancelled is not None:
            raise cancelled

    def _wake_up(self) -> None:
        with self._waking:
            if self._wake is not None:
                self._wake()

    def _run(self) -> None:
        lost = line_lost(self._name, "ligne fermée", "line closed")
        try:
            port = _open(self._name, self._line)
            try:
                _check_alone(port)
                self._loop.call_soon_threadsafe(_settle, self._opened, None)
                self._talk(port)
            finally:
                with self._waking:
                    self._wake = None
                port.close()
        except LinkLost as error:
            lost = error
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait must be told
            logger.info("serial.lost port=%s reason=%s", self._name, error)
            lost = line_lost(
                self._name,
                "ligne perdue ; vérifiez la prise et l'alimentation",
                "line lost; check the plug and the power",
            )
            lost.__cause__ = error
        finally:
            self._loop.call_soon_threadsafe(self._finish, lost)

    def _talk(self, port: serial.Serial) -> None:
        with self._waking:
            self._wake = getattr(port, "cancel_read", None)
        read = _read_socket if self._name.lower().startswith("socket:") else _read
        while not self._stop.is_set():
            while self._writes:
                data, taken = self._writes[0]
                port.write(data)
                self._writes.popleft()
                self._loop.call_soon_threadsafe(_settle, taken, None)
            data = read(port)
            if data:
                self._loop.call_soon_threadsafe(self._take, data, station_now())
                with self._counting:
                    self._unread += len(data)
            if self._flooded or self._unread > MOST_UNREAD:
                raise line_lost(
                    self._name,
                    "l'appareil envoie plus vite que le poste ne lit ; vérifiez son mode d'envoi",
                    "the device sends quicker than the station reads; check its output mode",
                )

    def _take(self, data: bytes, stamp: datetime) -> None:
        with self._counting:
            self._unread -= len(data)
        if not self._flooded:
            self._flooded = not self._arrived(data, stamp)

    def _finish(self, lost: LinkLost) -> None:
        self._end(str(lost))
        _settle(self._opened, lost)
        for _data, taken in self._writes:
            _settle(taken, lost)
        self._over.set()


def _settle(future: asyncio.Future[None], lost: LinkLost | None) -> None:
    if future.done():
        return
    if lost is None:
        future.set_result(None)
    else:
        future.set_exception(lost)


def _check_alone(port: serial.Serial) -> None:
    """Nobody else reads it. A simulator keeps its own pseudo-terminal open."""
    name = port.name or ""
    if "://" in name or origin_of(name) == "simulator":
        return
    other = rival(name)
    if other is not None:
        raise in_use(name, other)


def _read(port: serial.Serial) -> bytes:
    return port.read(port.in_waiting or 1)


def _read_socket(port: serial.Serial) -> bytes:
    """Of a socket pyserial tells only whether anything has come, not how much."""
    data = port.read(1)
    if data:
        port.timeout = 0
        with contextlib.suppress(serial.SerialException):  # the end: the next read meets it again
            data += port.read(MOST_AT_ONCE)
        port.timeout = READ_SECONDS
    return data


def _open(meant: str, line: Line) -> serial.Serial:
    try:
        by_identity = UsbIdentity.parse(meant) is not None
    except ValueError as error:
        raise line_lost(
            meant,
            "n'est pas une identité USB ; écrivez-la comme « devicehub devices list » la montre",
            "is no USB identity; write it as `devicehub devices list` shows it",
            why="port_wrong",
        ) from error
    port = find_port(meant, plugged_in() if by_identity else ())
    wanted = no_url(port)
    if wanted is not None:
        fr, en = wanted
        raise line_lost(
            meant,
            f"cette adresse ne s'ouvre pas ; écrivez {fr}",
            f"this address cannot be opened; write {en}",
            why="port_wrong",
        )
    try:
        return serial.serial_for_url(
            port,
            baudrate=line.baud,
            bytesize=line.data_bits,
            parity=_PARITY[line.parity],
            stopbits=line.stop_bits,
            rtscts=line.flow == "rtscts",
            xonxoff=line.flow == "xonxoff",
            dsrdtr=line.flow == "dsrdtr",
            timeout=READ_SECONDS,
            # pyserial's RFC 2217 client has none; its socket fails by itself.
            write_timeout=None if port.lower().startswith("rfc2217:") else WRITE_SECONDS,
            exclusive=True,
        )
    except Exception as error:  # pyserial lets ValueError and termios.error through
        raise not_opened(port, error) from error
