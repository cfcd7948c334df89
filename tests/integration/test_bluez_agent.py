"""The agent on a real D-Bus, asked as BlueZ asks. What BlueZ itself makes of the answers is not tested here."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from bleak.exc import BleakDBusError

from devicehub.transport.failures import RadioUnavailable
from devicehub.transport.radios import make_radios
from devicehub.transport.stack import AskPasskey, Purpose, ShowPasskey

if sys.platform != "linux":
    pytest.skip("D-Bus is Linux's", allow_module_level=True)

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method

from devicehub.transport.bluez_agent import BluezAgent

OURS = "C0:00:00:00:00:01"
STRANGER = "C0:00:00:00:00:FF"
CONFIGURATION = """
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""


@pytest.fixture
async def bus(
    needs: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    socket = tmp_path / "bus"
    configuration = tmp_path / "bus.conf"
    configuration.write_text(CONFIGURATION.format(socket=socket))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={socket}")
    daemon = await asyncio.create_subprocess_exec(
        needs("dbus-daemon"), f"--config-file={configuration}", "--nofork", "--nopidfile"
    )
    try:
        async with asyncio.timeout(20):
            await _listening(socket)
        yield
    finally:
        daemon.terminate()
        await daemon.wait()


async def _listening(socket: Path) -> None:
    """Return once somebody answers there: the file is there a moment before."""
    while True:
        try:
            _reader, writer = await asyncio.open_unix_connection(socket)
        except (FileNotFoundError, ConnectionRefusedError):
            await asyncio.sleep(0.01)
        else:
            writer.close()
            await writer.wait_closed()
            return


class AgentManager(ServiceInterface):
    """The one interface of BlueZ's that an agent registers with."""

    def __init__(self) -> None:
        super().__init__("org.bluez.AgentManager1")
        self.registered: list[str] = []

    @dbus_method()
    def RegisterAgent(self, agent: DBusObjectPath, capability: DBusStr) -> None:  # noqa: N802
        self.registered.append(f"{agent} {capability}")

    @dbus_method()
    def RequestDefaultAgent(self, agent: DBusObjectPath) -> None:  # noqa: N802
        self.registered.append(f"{agent} default")


@pytest.fixture
async def bluez(bus: None) -> AsyncIterator[MessageBus]:
    connection = await MessageBus(bus_type=BusType.SYSTEM).connect()
    await connection.request_name("org.bluez")
    yield connection
    connection.disconnect()


async def ask(
    bluez: MessageBus, agent: str, member: str, address: str, types: str = "", *more: int
) -> Message:
    device = [f"/org/bluez/hci0/dev_{address.replace(':', '_')}"] if address else []
    reply = await bluez.call(
        Message(
            destination=agent,
            path="/devicehub/agent",
            interface="org.bluez.Agent1",
            member=member,
            signature="o" * len(device) + types,
            body=[*device, *more],
        )
    )
    assert reply is not None
    return reply


async def test_it_answers_for_devices_the_hub_has_connected_to(bluez: MessageBus) -> None:
    manager = AgentManager()
    bluez.export("/org/bluez", manager)
    asked: list[str] = []

    async def passkey(address: str) -> int:
        asked.append(address)
        return 123456

    async with BluezAgent(lambda address: address == OURS, passkey) as agent:
        assert manager.registered == ["/devicehub/agent KeyboardOnly", "/devicehub/agent default"]
        assert agent._bus is not None
        name = agent._bus.unique_name
        assert name is not None
        answer = await ask(bluez, name, "RequestPasskey", OURS)
        assert (answer.message_type, answer.body) == (MessageType.METHOD_RETURN, [123456])
        assert (await ask(bluez, name, "RequestAuthorization", OURS)).body == []
        for member in ("RequestPasskey", "RequestAuthorization"):
            refused = await ask(bluez, name, member, STRANGER)
            assert refused.error_name == "org.bluez.Error.Rejected"
    assert asked == [OURS]


@contextlib.asynccontextmanager
async def registered(
    bluez: MessageBus, ask_passkey: AskPasskey, show_passkey: ShowPasskey
) -> AsyncIterator[str]:
    """An agent with both a keyboard and a display; its name on the bus."""
    bluez.export("/org/bluez", AgentManager())
    async with BluezAgent(lambda address: address == OURS, ask_passkey, show_passkey) as agent:
        assert agent._bus is not None
        assert agent._bus.unique_name is not None
        yield agent._bus.unique_name


async def test_digits_are_compared_and_shown_by_the_operator(bluez: MessageBus) -> None:
    shown: asyncio.Queue[tuple[int, str]] = asyncio.Queue()

    async def show(_address: str, passkey: int, purpose: Purpose) -> bool:
        shown.put_nowait((passkey, purpose))
        if purpose == "type_there":
            await asyncio.Event().wait()
        return passkey == 42

    async def nobody(_address: str) -> int | None:
        return None

    async with registered(bluez, nobody, show) as name:
        agreed = await ask(bluez, name, "RequestConfirmation", OURS, "u", 42)
        assert agreed.message_type is MessageType.METHOD_RETURN
        refused = await ask(bluez, name, "RequestConfirmation", OURS, "u", 43)
        assert refused.error_name == "org.bluez.Error.Rejected"
        await ask(bluez, name, "DisplayPasskey", OURS, "uq", 7, 0)
        await ask(bluez, name, "DisplayPasskey", OURS, "uq", 7, 1)
        assert [await shown.get() for _ in range(3)] == [
            (42, "compare"),
            (43, "compare"),
            (7, "type_there"),
        ]
        assert shown.empty(), "a digit typed on the device is no new question"
        untyped = await ask(bluez, name, "RequestPasskey", OURS)
        assert untyped.error_name == "org.bluez.Error.Rejected"


async def test_a_question_bluez_withdraws_is_asked_no_longer(bluez: MessageBus) -> None:
    asking, ended = asyncio.Event(), asyncio.Event()

    async def passkey(_address: str) -> int | None:
        asking.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return None

    async def show(_address: str, _passkey: int, _purpose: Purpose) -> bool:
        return False

    async with registered(bluez, passkey, show) as name:
        question = asyncio.create_task(ask(bluez, name, "RequestPasskey", OURS))
        async with asyncio.timeout(20):
            await asking.wait()
            await ask(bluez, name, "Cancel", "")
            await ended.wait()
            assert (await question).error_name == "org.bluez.Error.Canceled"


async def test_without_bluez_it_says_so(bus: None) -> None:
    with pytest.raises(BleakDBusError):
        await BluezAgent(lambda _: True, None).__aenter__()
    (make_radio,) = make_radios("system", None)
    with pytest.raises(RadioUnavailable, match="BlueZ is not running"):
        await make_radio().__aenter__()
