"""The adapter of this computer that the radio uses, and the watch over it.

bleak tells nobody when BlueZ or the adapter goes away: it would listen for ever to nothing. Interfaces:
BlueZ's *org.bluez.Adapter* document; the signals of ``org.freedesktop.DBus`` and its ``ObjectManager`` (D-Bus
Specification). Linux only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Self

from bleak.exc import BleakError
from dbus_fast import BusType, Message, MessageType, unpack_variants
from dbus_fast.aio import MessageBus

from devicehub.transport.bluez_bus import BLUEZ, ask
from devicehub.transport.failures import RadioUnavailable

_ADAPTER = "org.bluez.Adapter1"
_DEVICE = "org.bluez.Device1"
_GATT = "org.bluez.GattCharacteristic1"
_DBUS = "org.freedesktop.DBus"
_OBJECTS = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_SIGNALS = (
    f"type='signal',sender='{_DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"type='signal',sender='{BLUEZ}',interface='{_OBJECTS}',member='InterfacesRemoved'",
    f"type='signal',sender='{BLUEZ}',interface='{_PROPERTIES}',arg0='{_ADAPTER}'",
)


class BluezAdapter:
    """One adapter, watched for as long as the ``async with`` block lasts.

    ``wanted`` is its name (``hci0``); ``None`` takes the first that is switched on. Entering raises
    `RadioUnavailable` where there is none, ``OSError`` without a system bus, ``BleakDBusError`` without BlueZ.
    ``on_lost`` is called once, with words, when the adapter can no longer be used.
    """

    def __init__(self, wanted: str | None, on_lost: Callable[[str], None]) -> None:
        self.name = wanted or ""
        """Known after entering."""
        self._on_lost: Callable[[str], None] | None = on_lost
        self._bus: MessageBus | None = None
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._bus = bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            await bus.connect()
            bus.add_message_handler(self._hear)
            for rule in _SIGNALS:
                await ask(bus, _to_the_bus("AddMatch", rule))
            # After the rules: what happens from here on is heard.
            self.name = _choose(await _adapters(bus), self.name)
        except BaseException:
            # The bus holds a socket from its constructor on.
            bus.disconnect()
            raise
        self._watching = asyncio.create_task(self._watch(bus))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._on_lost = None
        if self._bus is not None and self._watching is not None:
            self._bus.disconnect()
            await self._watching

    async def is_bonded(self, address: str) -> bool:
        """Whether BlueZ keeps a bond with a device. Asked, since BlueZ 5.66 does not tell of every new one."""
        if self._bus is None:
            return False
        question = Message(
            destination=BLUEZ,
            path=self._device(address),
            interface=_PROPERTIES,
            member="GetAll",
            signature="s",
            body=[_DEVICE],
        )
        try:
            (properties,) = await ask(self._bus, question)
        except (BleakError, OSError, EOFError):
            return False
        # BlueZ before 5.65 knows no "bonded"; what a device asks for by itself makes it bonded, not "paired".
        return any(properties[name].value for name in ("Bonded", "Paired") if name in properties)

    async def count_characteristics(self, address: str) -> int:
        """How many characteristics of a device BlueZ knows. Raises what `bluez_bus.ask` raises."""
        if self._bus is None:
            return 0
        inside = f"{self._device(address)}/"
        objects = await _objects(self._bus)
        return sum(path.startswith(inside) and _GATT in has for path, has in objects.items())

    def _device(self, address: str) -> str:
        return f"/org/bluez/{self.name}/dev_{address.replace(':', '_')}"

    async def _watch(self, bus: MessageBus) -> None:
        # How it ended changes nothing.
        with contextlib.suppress(OSError, EOFError):
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call] # dbus-fast leaves it out
        self._lose("the D-Bus system bus has stopped: restart this computer")

    def _hear(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        path = f"/org/bluez/{self.name}"
        match message.member, message.body:
            case "NameOwnerChanged", [name, _, ""] if name == BLUEZ:
                self._lose(
                    "BlueZ has stopped: if it does not come back, restart its service, bluetooth"
                )
            case "InterfacesRemoved", [at, interfaces] if at == path and _ADAPTER in interfaces:
                self._lose_adapter()
            case "PropertiesChanged", [_, changed, _] if message.path == path:
                # BlueZ switches off what is pulled out, too.
                if unpack_variants(changed).get("Powered") is False:
                    self._lose_adapter()

    def _lose_adapter(self) -> None:
        self._lose(
            f"the Bluetooth adapter {self.name} was pulled out or switched off: plug it in again, or "
            "switch Bluetooth on in the system's settings"
        )

    def _lose(self, reason: str) -> None:
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None:
            on_lost(reason)


def _choose(adapters: Mapping[str, Mapping[str, Any]], wanted: str) -> str:
    """Raises `RadioUnavailable`. ``adapters`` are BlueZ's, by name, with their properties."""
    if not adapters:
        raise RadioUnavailable(
            "this computer has no Bluetooth Low Energy radio: plug in a Bluetooth 4.0 or later "
            "USB adapter"
        )
    if wanted and wanted not in adapters:
        raise RadioUnavailable(
            f"there is no Bluetooth adapter {wanted}: plug it in, or choose one of "
            f"{', '.join(sorted(adapters))}"
        )
    for name in [wanted] if wanted else sorted(adapters):
        if adapters[name].get("Powered"):
            return name
    raise RadioUnavailable("Bluetooth is switched off: switch it on in the system's settings")


async def _adapters(bus: MessageBus) -> dict[str, dict[str, Any]]:
    return {
        path.rpartition("/")[2]: unpack_variants(interfaces[_ADAPTER])
        for path, interfaces in (await _objects(bus)).items()
        if _ADAPTER in interfaces
    }


async def _objects(bus: MessageBus) -> dict[str, dict[str, Any]]:
    """Everything BlueZ has, by path and interface."""
    question = Message(destination=BLUEZ, path="/", interface=_OBJECTS, member="GetManagedObjects")
    objects: dict[str, dict[str, Any]]
    (objects,) = await ask(bus, question)
    return objects


def _to_the_bus(member: str, rule: str) -> Message:
    return Message(
        destination=_DBUS,
        path="/org/freedesktop/DBus",
        interface=_DBUS,
        member=member,
        signature="s",
        body=[rule],
    )
