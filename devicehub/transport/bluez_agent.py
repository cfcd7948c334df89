"""The agent BlueZ asks while it pairs: without one registered, BlueZ refuses every bond.

Interface: BlueZ's *org.bluez.Agent* and *org.bluez.AgentManager* documents. Linux only.
"""

# No `annotations` from __future__: dbus-fast reads them when the class is made.
from collections.abc import Awaitable, Callable
from typing import Self

from dbus_fast import BusType, DBusError, Message
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

from devicehub.transport.bluez_bus import BLUEZ, ask

_PATH = "/devicehub/agent"
_REJECTED = "org.bluez.Error.Rejected"


class BluezAgent:
    """A registered agent, for as long as the ``async with`` block lasts.

    ``is_ours`` tells whether the hub has connected to an address itself: a stranger who asks to pair is
    rejected. Entering raises ``OSError`` without a system bus, ``BleakDBusError`` without BlueZ.
    """

    def __init__(
        self,
        is_ours: Callable[[str], bool],
        ask_passkey: Callable[[str], Awaitable[int | None]] | None,
    ) -> None:
        self._agent = _Agent(is_ours, ask_passkey)
        self._capability = "NoInputNoOutput" if ask_passkey is None else "KeyboardOnly"
        self._bus: MessageBus | None = None

    async def __aenter__(self) -> Self:
        self._bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            await self._bus.connect()
            self._bus.export(_PATH, self._agent)
            await ask(self._bus, _to_manager("RegisterAgent", "os", [_PATH, self._capability]))
            await ask(self._bus, _to_manager("RequestDefaultAgent", "o", [_PATH]))
        except BaseException:
            # The bus holds a socket from its constructor on.
            self._bus.disconnect()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._bus is not None:
            self._bus.disconnect()


class _Agent(ServiceInterface):
    def __init__(
        self,
        is_ours: Callable[[str], bool],
        ask_passkey: Callable[[str], Awaitable[int | None]] | None,
    ) -> None:
        super().__init__("org.bluez.Agent1")
        self._is_ours = is_ours
        self._ask_passkey = ask_passkey

    def _address(self, device: str) -> str:
        """The address in an object path (``…/dev_C0_00_00_00_00_01``). Rejects a device not ours."""
        address = device.rpartition("/dev_")[2].replace("_", ":")
        if not self._is_ours(address):
            raise DBusError(_REJECTED, "the hub has not connected to this device")
        return address

    @dbus_method()
    async def RequestPasskey(self, device: DBusObjectPath) -> DBusUInt32:  # noqa: N802 - BlueZ's name
        address = self._address(device)
        passkey = None if self._ask_passkey is None else await self._ask_passkey(address)
        if passkey is None:
            raise DBusError(_REJECTED, "nobody typed the passkey")
        return passkey

    @dbus_method()
    def RequestConfirmation(self, device: DBusObjectPath, _passkey: DBusUInt32) -> None:  # noqa: N802
        self._address(device)

    @dbus_method()
    def RequestAuthorization(self, device: DBusObjectPath) -> None:  # noqa: N802
        self._address(device)

    @dbus_method()
    def AuthorizeService(self, device: DBusObjectPath, _uuid: DBusStr) -> None:  # noqa: N802
        self._address(device)

    @dbus_method()
    def DisplayPasskey(  # noqa: N802
        self, _device: DBusObjectPath, _passkey: DBusUInt32, _entered: DBusUInt16
    ) -> None:
        """The hub has nothing to show it on: the operator reads the device's own display."""

    @dbus_method()
    def Cancel(self) -> None:  # noqa: N802
        """BlueZ has given up; the question to the operator times out by itself."""

    @dbus_method()
    def Release(self) -> None:  # noqa: N802
        """Another agent has taken over."""


def _to_manager(member: str, signature: str, body: list[object]) -> Message:
    return Message(
        destination=BLUEZ,
        path="/org/bluez",
        interface="org.bluez.AgentManager1",
        member=member,
        signature=signature,
        body=body,
    )
