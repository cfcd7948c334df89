"""The agent BlueZ asks while it pairs: without one registered, BlueZ refuses every bond.

Interface: BlueZ's *org.bluez.Agent* and *org.bluez.AgentManager* documents. Linux only.
"""

# No `annotations` from __future__: dbus-fast reads them when the class is made.
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

from dbus_fast import BusType, DBusError, Message
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

from devicehub.transport.bluez_bus import BLUEZ, ask
from devicehub.transport.stack import AskPasskey, Purpose, ShowPasskey

_PATH = "/devicehub/agent"
_REJECTED = "org.bluez.Error.Rejected"
_CANCELED = "org.bluez.Error.Canceled"


class BluezAgent:
    """A registered agent, for as long as the ``async with`` block lasts.

    ``is_ours`` tells whether the hub has connected to an address and may pair with it: a stranger who asks to
    pair is rejected. Entering raises ``OSError`` without a system bus, ``BleakDBusError`` without BlueZ.
    """

    def __init__(
        self,
        is_ours: Callable[[str], bool],
        ask_passkey: AskPasskey | None,
        show_passkey: ShowPasskey | None = None,
    ) -> None:
        self._agent = _Agent(is_ours, ask_passkey, show_passkey)
        if ask_passkey is None:
            self._capability = "NoInputNoOutput"
        else:
            self._capability = "KeyboardOnly" if show_passkey is None else "KeyboardDisplay"
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
        self._agent.stop_asking()
        if self._bus is not None:
            self._bus.disconnect()


class _Agent(ServiceInterface):
    def __init__(
        self,
        is_ours: Callable[[str], bool],
        ask_passkey: AskPasskey | None,
        show_passkey: ShowPasskey | None,
    ) -> None:
        super().__init__("org.bluez.Agent1")
        self._is_ours = is_ours
        self._ask_passkey = ask_passkey
        self._show_passkey = show_passkey
        self._asking: asyncio.Task[Any] | None = None

    def stop_asking(self) -> None:
        """Nobody waits for the operator's answer any more."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def _ask(self, question: Awaitable[Any]) -> Any:
        """The operator's answer. BlueZ pairs with one device at a time: a new question ends the one before."""
        self.stop_asking()
        asking = self._asking = asyncio.ensure_future(question)
        await asyncio.wait((asking,))
        if asking.cancelled():
            raise DBusError(_CANCELED, "the question was withdrawn")
        return asking.result()

    async def _show(self, address: str, passkey: int, purpose: Purpose) -> bool:
        return self._show_passkey is None or await self._show_passkey(address, passkey, purpose)

    def _address(self, device: str) -> str:
        """The address in an object path (``…/dev_C0_00_00_00_00_01``). Rejects a device not ours."""
        address = device.rpartition("/dev_")[2].replace("_", ":")
        if not self._is_ours(address):
            raise DBusError(_REJECTED, "the hub has not connected to this device")
        return address

    @dbus_method()
    async def RequestPasskey(self, device: DBusObjectPath) -> DBusUInt32:  # noqa: N802 - BlueZ's name
        address = self._address(device)
        passkey = None
        if self._ask_passkey is not None:
            passkey = await self._ask(self._ask_passkey(address))
        if not isinstance(passkey, int):
            raise DBusError(_REJECTED, "nobody typed the passkey")
        return passkey

    @dbus_method()
    async def RequestConfirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> None:  # noqa: N802
        if await self._ask(self._show(self._address(device), passkey, "compare")) is not True:
            raise DBusError(_REJECTED, "the operator did not confirm the digits")

    @dbus_method()
    def RequestAuthorization(self, device: DBusObjectPath) -> None:  # noqa: N802
        self._address(device)

    @dbus_method()
    def AuthorizeService(self, device: DBusObjectPath, _uuid: DBusStr) -> None:  # noqa: N802
        self._address(device)

    @dbus_method()
    def DisplayPasskey(  # noqa: N802
        self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16
    ) -> None:
        """Show what must be typed on the device. BlueZ tells it again with each digit typed there."""
        address = self._address(device)
        if entered == 0:
            self.stop_asking()
            self._asking = asyncio.ensure_future(self._show(address, passkey, "type_there"))

    @dbus_method()
    def Cancel(self) -> None:  # noqa: N802
        """BlueZ has given up: the operator is asked no longer."""
        self.stop_asking()

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
