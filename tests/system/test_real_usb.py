"""Serial adapters on the kernel's own USB and its own driver, plugged in and pulled out.

The adapters are QEMU's: FTDI chips (0403:6001) with the serial numbers of `machine.ADAPTERS`. An adapter is
pulled out by withdrawing the kernel's authorisation of it (kernel.org, *Documentation/usb/authorization.rst*):
its driver is taken off and its port disappears, whoever has it open.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the virtual machine's system is Linux", allow_module_level=True)

import termios
import tty

from devicehub.driver import Frame, Line, LineSettings, LinkLost, lines
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.port_identity import Port, find_port
from devicehub.transport.ports import Ports, plugged_in
from devicehub.transport.serial import PortLink, open_line, origin_of

PATIENCE = 60.0
CHIP = "0403:6001"
HUB, DEVICE = f"usb:{CHIP}:HUB", f"usb:{CHIP}:DEVICE"
LINE = Line(baud=9600, framer=lines(b"\r\n", limit=40))


async def keep(_frame: Frame, _arrival: Arrival) -> None:
    raise AssertionError


HANDS = Hands(keep, lambda _frame, _arrival: None)


def adapter(number: str, nth: int = 0) -> Port:
    return [port for port in plugged_in() if port.usb == CHIP and port.serial_number == number][nth]


def plug(location: str | None, *, is_in: bool) -> None:
    assert location is not None
    place = Path("/sys/bus/usb/devices") / location / "authorized"
    place.write_text("1" if is_in else "0", encoding="ascii")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.05)


@asynccontextmanager
async def device_end() -> AsyncIterator[int]:
    """The other end of the hub's wire, as the device has it."""
    path = find_port(DEVICE, plugged_in())
    end = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(end)
        yield end
    finally:
        os.close(end)


@asynccontextmanager
async def hub_end(line: Line = LINE) -> AsyncIterator[tuple[str, PortLink]]:
    async with Ports().use(HUB, "scale") as path, open_line(path, line, HANDS) as link:
        yield path, link


def test_adapters_are_listed_with_what_means_them_alone() -> None:
    plugged = plugged_in()
    ours = [port for port in plugged if port.usb == CHIP]
    assert sorted(port.serial_number or "" for port in ours) == ["0001", "0001", "DEVICE", "HUB"]
    identities = {port.identity(plugged) for port in ours}
    assert {HUB, DEVICE} < identities
    twins = [port for port in ours if port.serial_number == "0001"]
    assert {f"usb:{CHIP}:0001@{port.location}" for port in twins} < identities
    for port in ours:
        assert find_port(port.identity(plugged), plugged) == port.path
        assert origin_of(port.path) == "device"
    with pytest.raises(LinkLost) as several:
        find_port(f"usb:{CHIP}:0001", plugged)
    for port in twins:
        assert f'"usb:{CHIP}:0001@{port.location}" ({port.path})' in str(several.value)


@pytest.mark.parametrize(
    ("settings", "speed"),
    [
        (LineSettings(baud=2400, data_bits=7, parity="even"), termios.B2400),
        (LineSettings(baud=1200, data_bits=7, parity="odd", stop_bits=2), termios.B1200),
        (LineSettings(baud=19200, parity="odd", flow="rtscts"), termios.B19200),
        (LineSettings(baud=9600, flow="xonxoff"), termios.B9600),
        (LineSettings(baud=921600), termios.B921600),
    ],
    ids=str,
)
async def test_what_was_asked_of_the_line_is_what_the_kernel_set(
    settings: LineSettings, speed: int
) -> None:
    line = Line(
        baud=settings.baud,
        data_bits=settings.data_bits,
        parity=settings.parity,
        stop_bits=settings.stop_bits,
        flow=settings.flow,
        framer=lines(),
    )
    async with hub_end(line) as (path, _link):
        other = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            iflag, _o, cflag, lflag, ispeed, ospeed, _cc = termios.tcgetattr(other)
        finally:
            os.close(other)
    assert (ispeed, ospeed) == (speed, speed)
    assert cflag & termios.CSIZE == (termios.CS7 if settings.data_bits == 7 else termios.CS8)
    assert bool(cflag & termios.PARENB) == (settings.parity != "none")
    assert bool(cflag & termios.PARODD) == (settings.parity == "odd")
    assert bool(cflag & termios.CSTOPB) == (settings.stop_bits == 2)
    assert bool(cflag & termios.CRTSCTS) == (settings.flow == "rtscts")
    assert bool(iflag & termios.IXON) == (settings.flow == "xonxoff")
    assert not lflag & (termios.ECHO | termios.ICANON)


async def test_a_program_that_reads_along_without_a_lock_is_named() -> None:
    path = find_port(HUB, plugged_in())
    opened = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    along = await asyncio.create_subprocess_exec("sleep", "600", stdin=opened)
    os.close(opened)
    try:
        with pytest.raises(LinkLost, match=rf"in use by sleep \(pid {along.pid}\); close it"):
            async with hub_end():
                pytest.fail("two would read it")
    finally:
        along.kill()
        await along.wait()


async def test_pulled_out_in_the_middle_of_a_message_and_found_again_under_another_name(
    record_property: Callable[[str, object], None],
) -> None:
    hub, twin = adapter("HUB"), adapter("0001")
    async with device_end() as device:
        async with hub_end() as (path, link):
            assert path == hub.path
            os.write(device, b"first\r\nS S     7")
            assert await link.frame(within=PATIENCE) == Frame.of("-", b"first")
            waiting = asyncio.create_task(link.frame(within=PATIENCE))
            await asyncio.sleep(0)
            plug(hub.location, is_in=False)
            with pytest.raises(LinkLost, match=path):
                await waiting
        try:
            with pytest.raises(LinkLost, match="not plugged in"):
                async with hub_end():
                    pytest.fail("it is pulled out")
            # Another adapter takes the name that has become free.
            plug(twin.location, is_in=False)
            await until(lambda: not any(p.location == twin.location for p in plugged_in()))
        finally:
            plug(twin.location, is_in=True)
            await until(lambda: any(p.location == twin.location for p in plugged_in()))
            plugged_at = time.monotonic()
            plug(hub.location, is_in=True)
        await until(lambda: any(port.serial_number == "HUB" for port in plugged_in()))
        assert adapter("HUB").path != hub.path
        async with hub_end() as (path, link):
            record_property("seconds until it was read again", time.monotonic() - plugged_at)
            assert path != hub.path
            os.write(device, b"2.40 kg\r\nS S     80.00 kg\r\n")
            # What was sent before belongs to a message whose beginning nobody has.
            assert await link.frame(within=PATIENCE) == Frame.of("-", b"2.40 kg")
            assert await link.frame(within=PATIENCE) == Frame.of("-", b"S S     80.00 kg")
