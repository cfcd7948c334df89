"""A serial line on a real pseudo-terminal, read through pyserial."""

import asyncio
import contextlib
import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import serial
import serial.rfc2217

from devicehub.devices.binding import set_to
from devicehub.driver import Frame, Line, LineSettings, LinkLost, lines
from devicehub.transport.hands import Arrival, Hands, station_now
from devicehub.transport.port_trouble import not_opened
from devicehub.transport.serial import PortLink, open_line, origin_of

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

import grp
import tty

LINE = Line(baud=9600, framer=lines(b"\r\n", limit=40))
PATIENCE = 10.0


class Terminal:
    """The device's end of a pseudo-terminal."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)

    def send(self, data: bytes) -> None:
        os.write(self.master, data)

    async def received(self, count: int) -> bytes:
        data = b""
        async with asyncio.timeout(PATIENCE):
            while len(data) < count:
                data += await asyncio.to_thread(os.read, self.master, count)
        return data

    def unplug(self) -> None:
        os.close(self._slave)
        os.close(self.master)


class Journal:
    """Keeps what is delivered."""

    def __init__(self) -> None:
        self.kept: list[tuple[Frame, Arrival]] = []
        self.shown: list[tuple[Frame, Arrival]] = []

    async def keep(self, frame: Frame, arrival: Arrival) -> None:
        self.kept.append((frame, arrival))

    def show(self, frame: Frame, arrival: Arrival) -> None:
        self.shown.append((frame, arrival))

    @property
    def hands(self) -> Hands:
        return Hands(self.keep, self.show)


class Tape:
    """A recorder in memory."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str, str, bytes]] = []

    def hub(self, do: str, on: str, data: bytes) -> None:
        self.steps.append(("hub", do, on, data))

    def device(self, do: str, on: str, data: bytes) -> None:
        self.steps.append(("device", do, on, data))


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    try:
        terminal.unplug()
    except OSError:
        return  # a test has unplugged it


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
async def link(terminal: Terminal, journal: Journal) -> AsyncIterator[PortLink]:
    async with open_line(terminal.port, LINE, journal.hands, model="X1") as link:
        yield link


def line_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("serial ")]


async def test_bytes_in_any_pieces_become_frames_with_the_time_of_their_ends(
    terminal: Terminal, link: PortLink, journal: Journal
) -> None:
    before = station_now()
    terminal.send(b"S S   ")
    assert await link.frame(within=0.1) is None
    between = station_now()
    terminal.send(b"72.40 kg\r")
    terminal.send(b"\nsecond\r\nthi")
    frame = await link.frame(within=PATIENCE)
    assert frame == Frame.of("-", b"S S   72.40 kg", "X1")
    second = await link.frame(within=PATIENCE)
    assert second == Frame.of("-", b"second", "X1")
    assert await link.frame(within=0.0) is None
    await link.deliver(frame)
    link.live(second)
    (kept, arrival), (shown, later) = journal.kept[0], journal.shown[0]
    assert kept is frame
    assert before <= arrival.first < between <= arrival.last <= station_now()
    assert shown is second
    # It came in one piece with the end of the message before: it began with that one at the earliest.
    assert arrival.first <= later.first <= later.last
    assert between <= later.last
    assert arrival.first.utcoffset() is not None


async def test_writes_arrive_and_both_directions_are_taped(
    terminal: Terminal, journal: Journal
) -> None:
    tape = Tape()
    async with open_line(terminal.port, LINE, journal.hands, tape=tape) as link:
        await link.write(b"SI\r\n")
        assert await terminal.received(4) == b"SI\r\n"
        terminal.send(b"ES\r\n")
        assert await link.frame(within=PATIENCE) == Frame.of("-", b"ES")
    assert tape.steps[0] == ("hub", "write", "-", b"SI\r\n")
    assert b"".join(step[3] for step in tape.steps[1:]) == b"ES\r\n"


async def test_settings_reach_the_port(terminal: Terminal, journal: Journal) -> None:
    import termios

    slow = Line(
        baud=4800, framer=lines(), stop_bits=2
    )  # Linux gives a terminal no parity to look at
    async with open_line(terminal.port, slow, journal.hands):
        _i, _o, cflag, lflag, ispeed, ospeed, _cc = termios.tcgetattr(terminal.master)
        assert ispeed == ospeed == termios.B4800
        assert cflag & termios.CSTOPB
        assert not lflag & (termios.ECHO | termios.ICANON)


@pytest.mark.parametrize("waiting", ["frame", "pause"])
async def test_unplugging_ends_whoever_waits_at_once(
    terminal: Terminal, link: PortLink, waiting: str
) -> None:
    terminal.send(b"half a mess")
    assert await link.frame(within=0.1) is None
    waiter = asyncio.create_task(link.frame(within=600) if waiting == "frame" else link.pause(600))
    await asyncio.sleep(0)
    terminal.unplug()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LinkLost, match=terminal.port):
            await waiter
        for again in (link.frame(within=600), link.pause(600), link.write(b"SI\r\n")):
            with pytest.raises(LinkLost):
                await again


async def test_what_arrived_before_the_unplugging_is_not_lost(
    terminal: Terminal, link: PortLink
) -> None:
    terminal.send(b"one\r\ntwo\r\n")
    assert await link.frame(within=PATIENCE) == Frame.of("-", b"one", "X1")
    terminal.unplug()
    with pytest.raises(LinkLost):
        await link.pause(PATIENCE)
    assert await link.frame(within=0) == Frame.of("-", b"two", "X1")


async def test_a_device_that_takes_no_bytes_is_lost(terminal: Terminal, link: PortLink) -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LinkLost):
            await link.write(b"x" * 200_000)  # far more than a terminal that nobody reads can hold


async def test_a_port_that_is_not_there_is_named(tmp_path: Path, journal: Journal) -> None:
    port = str(tmp_path / "ttyUSB0")
    with pytest.raises(LinkLost, match=r"ttyUSB0 : port introuvable.*no such port; plug"):
        async with open_line(port, LINE, journal.hands):
            pytest.fail("it opened")
    assert line_threads() == []


async def test_what_is_no_usb_identity_is_not_said_to_be_a_plug(journal: Journal) -> None:
    with pytest.raises(LinkLost, match="identité USB") as wrong:
        async with open_line("usb:zz", LINE, journal.hands):
            pytest.fail("it opened")
    assert "prise" not in str(wrong.value)


def test_a_port_without_permission_names_the_group(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    port.chmod(0o660)
    if os.geteuid() == 0:  # else it is in a group of whoever runs the tests
        os.chown(port, -1, grp.getgrnam("dialout").gr_gid)
    denied = not_opened(str(port), OSError(errno.EACCES, "Permission denied"))
    assert f"add this user to the group {port.group()}" in str(denied)


def test_nobody_is_told_to_join_the_administrators_group(tmp_path: Path) -> None:
    roots = Path("/etc/passwd")
    assert roots.stat().st_gid == 0
    owners = tmp_path / "ttyUSB0"
    owners.touch()
    owners.chmod(0o600)  # whatever its group is, it could do nothing with it
    for port in (roots, owners):
        denied = str(not_opened(str(port), OSError(errno.EACCES, "Permission denied")))
        assert "add this user" not in denied
        assert "ajoutez cet utilisateur" not in denied
        assert "règle udev" in denied


@pytest.mark.parametrize("port", ["/dev", "/dev/null"])
async def test_what_is_no_serial_port_is_said_without_a_number(journal: Journal, port: str) -> None:
    with pytest.raises(LinkLost, match=f"{port} : ce n'est pas un port série") as lost:
        async with open_line(port, LINE, journal.hands):
            pytest.fail("it opened")
    assert "rrno" not in str(lost.value)
    assert "ioctl" not in str(lost.value)


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ("socket://127.0.0.1", "écrivez l'hôte et un port de 1 à 65535"),
        ("rfc2217://h:x", "écrivez l'hôte et un port de 1 à 65535"),
        ("socket://h:99999", "write the host and a port from 1 to 65535"),
        ("socket:127.0.0.1:4001", 'write "socket://host:port"'),
        ("socket://127.0.0.1:4001?logging=debug", "without this option"),
    ],
)
async def test_a_terminal_servers_wrong_address_is_explained(
    journal: Journal, port: str, said: str
) -> None:
    with pytest.raises(LinkLost) as lost:
        async with open_line(port, LINE, journal.hands):
            pytest.fail("it opened")
    assert said in str(lost.value)
    assert "NoneType" not in str(lost.value)


@pytest.mark.filterwarnings("ignore:set(Daemon|Name)\\(\\) is deprecated:DeprecationWarning:serial")
async def test_a_terminal_server_that_does_not_set_lines_is_told_from_one_that_is_off(
    journal: Journal,
) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with pytest.raises(LinkLost, match='prenez "socket://"'):
            async with open_line(
                f"rfc2217://127.0.0.1:{server.getsockname()[1]}", LINE, journal.hands
            ):
                pytest.fail("it opened")


async def test_a_port_held_by_another_program_names_it(
    terminal: Terminal, journal: Journal
) -> None:
    program = (
        f"import serial; port = serial.Serial({terminal.port!r}, exclusive=True); "
        "print('held', flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
        with pytest.raises(LinkLost, match=rf"in use by python.* \(pid {holder.pid}\); close it"):
            async with open_line(terminal.port, LINE, journal.hands):
                pytest.fail("it opened")
    async with open_line(terminal.port, LINE, journal.hands):
        assert len(line_threads()) == 1


async def test_nothing_is_left_when_the_block_ends_while_somebody_waits(
    terminal: Terminal, journal: Journal
) -> None:
    async def session() -> None:
        async with open_line(terminal.port, LINE, journal.hands) as link:
            waiting.set()
            await link.frame(within=600)

    waiting = asyncio.Event()
    task = asyncio.create_task(session())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(PATIENCE):
            await task
    assert line_threads() == []
    async with open_line(terminal.port, LINE, journal.hands):
        pass  # and the port is free again


async def test_cancelling_again_does_not_leave_the_port_open(
    terminal: Terminal, journal: Journal
) -> None:
    async def session() -> None:
        async with open_line(terminal.port, LINE, journal.hands) as link:
            await link.pause(600)

    task = asyncio.create_task(session())
    while not task.done():  # while it opens, and again while it closes
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert line_threads() == []
    async with open_line(terminal.port, LINE, journal.hands):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_port_that_somebody_opened_without_locking_it_names_them(terminal: Terminal) -> None:
    busy = not_opened(terminal.port, OSError(errno.EBUSY, "Device or resource busy"))
    assert f"(pid {os.getpid()}); close it" in str(busy)


async def test_a_terminal_server_is_a_port_too(journal: Journal) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(4) == b"SI\r\n"
        writer.write(b"S S       1.00 kg\r\n")
        await writer.drain()
        await hung_up.wait()
        writer.close()
        await writer.wait_closed()

    hung_up = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, number = server.sockets[0].getsockname()
    async with server, open_line(f"socket://{host}:{number}", LINE, journal.hands) as link:
        await link.write(b"SI\r\n")
        assert await link.frame(within=PATIENCE) == Frame.of("-", b"S S       1.00 kg")
        hung_up.set()
        with pytest.raises(LinkLost, match="socket://"):
            await link.pause(PATIENCE)


class Echo:
    """An RFC 2217 server with a looped-back line behind it; `devicehub` has only its client."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        line = serial.serial_for_url("loop://", timeout=0)
        self.line = line
        with connection, line, self._listening:
            connection.settimeout(0.02)
            # The stubs know this server's line and sender as something else.
            manager = serial.rfc2217.PortManager(cast("Any", line), cast("Any", Sender(connection)))
            while True:
                with contextlib.suppress(TimeoutError):
                    received = connection.recv(1024)
                    if not received:
                        return
                    line.write(b"".join(manager.filter(received)))
                connection.sendall(b"".join(manager.escape(line.read(1024))))

    def close(self) -> None:
        self._thread.join(PATIENCE)


class Sender:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)


@pytest.mark.filterwarnings("ignore:set(Daemon|Name)\\(\\) is deprecated:DeprecationWarning:serial")
async def test_a_terminal_server_that_sets_the_line_is_a_port_too(journal: Journal) -> None:
    with contextlib.closing(Echo()) as echo:
        async with open_line(echo.url, LINE, journal.hands) as link:
            await link.write(b"SI\r\n")
            assert await link.frame(within=PATIENCE) == Frame.of("-", b"SI")


@pytest.mark.filterwarnings("ignore:set(Daemon|Name)\\(\\) is deprecated:DeprecationWarning:serial")
@pytest.mark.parametrize(
    ("settings", "flow"),
    [
        (LineSettings(baud=2400, data_bits=7, parity="even"), (False, False)),
        (LineSettings(baud=1200, data_bits=7, parity="odd", flow="xonxoff"), (True, False)),
        (LineSettings(baud=19200, parity="odd", stop_bits=2, flow="rtscts"), (False, True)),
        (LineSettings(baud=921600), (False, False)),
    ],
    ids=str,
)
async def test_the_settings_reach_the_line_behind_a_terminal_server(
    journal: Journal, settings: LineSettings, flow: tuple[bool, bool]
) -> None:
    line = set_to(LINE, settings)
    with contextlib.closing(Echo()) as echo:
        async with open_line(echo.url, line, journal.hands):
            far = echo.line
            assert (far.baudrate, far.bytesize, far.stopbits) == (
                settings.baud,
                settings.data_bits,
                settings.stop_bits,
            )
            assert far.parity == settings.parity[0].upper()
            assert (far.xonxoff, far.rtscts) == flow


async def test_a_terminal_server_that_is_off_is_named(journal: Journal) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    with pytest.raises(LinkLost, match=f"socket://127.0.0.1:{number}.*this terminal server"):
        async with open_line(f"socket://127.0.0.1:{number}", LINE, journal.hands):
            pytest.fail("it opened")


def test_a_pseudo_terminal_is_a_simulator_even_behind_a_link(
    terminal: Terminal, tmp_path: Path
) -> None:
    alias = tmp_path / "scale"
    alias.symlink_to(terminal.port)
    assert origin_of(terminal.port) == origin_of(str(alias)) == "simulator"
    assert origin_of("/dev/ttyUSB0") == origin_of("COM3") == "device"
    assert origin_of("socket://127.0.0.1:4000") == "device"
