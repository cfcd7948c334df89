"""The agent on a real D-Bus, asked as BlueZ asks. What BlueZ itself makes of the answers is not tested here."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from bleak.exc import BleakDBusError

from devicehub.transport.ble import system_radio
from devicehub.transport.failures import RadioUnavailable

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
            while not socket.exists():  # noqa: ASYNC110 - the daemon is another process
                await asyncio.sleep(0.01)
        yield
    finally:
        daemon.terminate()
        await daemon.wait()


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


async def ask(bluez: MessageBus, agent: str, member: str, address: str) -> Message:
    device = f"/org/bluez/hci0/dev_{address.replace(':', '_')}"
    reply = await bluez.call(
        Message(
            destination=agent,
            path="/devicehub/agent",
            interface="org.bluez.Agent1",
            member=member,
            signature="o",
            body=[device],
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


async def test_without_bluez_it_says_so(bus: None) -> None:
    with pytest.raises(BleakDBusError):
        await BluezAgent(lambda _: True, None).__aenter__()
    with pytest.raises(RadioUnavailable, match="BlueZ is not running"):
        await system_radio().__aenter__()
