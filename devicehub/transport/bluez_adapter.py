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
from dbus_fast import BusType, Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus

from devicehub.transport.bluez_bus import BLUEZ, ask
from devicehub.transport.failures import NO_ADAPTER, SWITCHED_OFF, RadioFault, RadioUnavailable

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
POWER_SECONDS = 10.0
"""Longer than an adapter takes to be switched off, or on."""


class BluezAdapter:
    """One adapter, watched for as long as the ``async with`` block lasts.

    ``wanted`` is its name (``hci0``); ``None`` takes the first that is switched on. Entering raises
    `RadioUnavailable` where there is none, ``OSError`` without a system bus, ``BleakDBusError`` without BlueZ.
    ``on_lost`` is called once, with words, when the adapter can no longer be used.
    """

    def __init__(self, wanted: str | None, on_lost: Callable[[RadioUnavailable], None]) -> None:
        self.name = wanted or ""
        """Known after entering."""
        self.address = ""
        """The adapter's own, which stays its own in whatever order adapters are found. Known after entering."""
        self._on_lost: Callable[[RadioUnavailable], None] | None = on_lost
        self._powered = asyncio.Event()
        self._is_cycling = False
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
            adapters = await _adapters(bus)
            self.name = _choose(adapters, self.name)
            self.address = str(adapters[self.name].get("Address", self.name))
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
        try:
            properties = await _properties(self._bus, self._device(address), _DEVICE)
        except (BleakError, OSError, EOFError):
            return False
        # BlueZ before 5.65 knows no "bonded"; what a device asks for by itself makes it bonded, not "paired".
        return any(properties.get(name) for name in ("Bonded", "Paired"))

    async def is_discovering(self) -> bool:
        """Whether BlueZ itself says that this adapter scans. Raises what `bluez_bus.ask` raises."""
        if self._bus is None:
            return True
        properties = await _properties(self._bus, self._path, _ADAPTER)
        return bool(properties.get("Discovering"))

    async def power_cycle(self) -> None:
        """Switch it off and on. Raises what `bluez_bus.ask` raises, ``TimeoutError`` when it stays off."""
        if self._bus is None:
            return
        self._is_cycling = True
        try:
            async with asyncio.timeout(POWER_SECONDS):
                await self._switch(self._bus, on=False)
                self._powered.clear()
                await self._switch(self._bus, on=True)
                # BlueZ answers before the change is told everywhere: bleak goes by what it was told.
                if not (await _properties(self._bus, self._path, _ADAPTER)).get("Powered"):
                    await self._powered.wait()
        finally:
            self._is_cycling = False

    async def forget(self, address: str) -> None:
        """Remove a device and its bond. One that BlueZ does not know is forgotten already."""
        if self._bus is None:
            return
        objects = await _objects(self._bus)
        if self._device(address) not in objects:
            return
        removal = Message(
            destination=BLUEZ,
            path=self._path,
            interface=_ADAPTER,
            member="RemoveDevice",
            signature="o",
            body=[self._device(address)],
        )
        await ask(self._bus, removal)

    async def count_characteristics(self, address: str) -> int:
        """How many characteristics of a device BlueZ knows. Raises what `bluez_bus.ask` raises."""
        if self._bus is None:
            return 0
        inside = f"{self._device(address)}/"
        objects = await _objects(self._bus)
        return sum(path.startswith(inside) and _GATT in has for path, has in objects.items())

    @property
    def _path(self) -> str:
        return f"/org/bluez/{self.name}"

    def _device(self, address: str) -> str:
        return f"{self._path}/dev_{address.upper().replace(':', '_')}"

    async def _switch(self, bus: MessageBus, *, on: bool) -> None:
        switching = Message(
            destination=BLUEZ,
            path=self._path,
            interface=_PROPERTIES,
            member="Set",
            signature="ssv",
            body=[_ADAPTER, "Powered", Variant("b", on)],
        )
        await ask(bus, switching)

    async def _watch(self, bus: MessageBus) -> None:
        # How it ended changes nothing.
        with contextlib.suppress(OSError, EOFError):
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call] # dbus-fast leaves it out
        self._lose("the D-Bus system bus has stopped: restart this computer", "no_bus")

    def _hear(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        path = self._path
        match message.member, message.body:
            case "NameOwnerChanged", [name, _, ""] if name == BLUEZ:
                self._lose(
                    "BlueZ has stopped: if it does not come back, restart its service, bluetooth",
                    "no_bluez",
                )
            case "InterfacesRemoved", [at, interfaces] if at == path and _ADAPTER in interfaces:
                self._lose_adapter()
            case "PropertiesChanged", [_, changed, _] if message.path == path:
                powered = unpack_variants(changed).get("Powered")
                # BlueZ switches off what is pulled out, too.
                if powered is False and not self._is_cycling:
                    self._lose_adapter()
                if powered:
                    self._powered.set()

    def _lose_adapter(self) -> None:
        self._lose(
            f"the Bluetooth adapter {self.name} was pulled out or switched off: plug it in again, or "
            "switch Bluetooth on in the system's settings",
            "unplugged",
        )

    def _lose(self, reason: str, fault: RadioFault) -> None:
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None:
            on_lost(RadioUnavailable(reason, fault))


def _choose(adapters: Mapping[str, Mapping[str, Any]], wanted: str) -> str:
    """Raises `RadioUnavailable`. ``adapters`` are BlueZ's, by name, with their properties."""
    if not adapters:
        raise RadioUnavailable(NO_ADAPTER, "no_adapter")
    if wanted and wanted not in adapters:
        raise RadioUnavailable(
            f"there is no Bluetooth adapter {wanted}: plug it in, or choose one of "
            f"{', '.join(sorted(adapters))}",
            "no_adapter",
        )
    for name in [wanted] if wanted else sorted(adapters):
        if adapters[name].get("Powered"):
            return name
    raise RadioUnavailable(SWITCHED_OFF, "switched_off")


async def _properties(bus: MessageBus, path: str, interface: str) -> dict[str, Any]:
    question = Message(
        destination=BLUEZ,
        path=path,
        interface=_PROPERTIES,
        member="GetAll",
        signature="s",
        body=[interface],
    )
    (properties,) = await ask(bus, question)
    unpacked: dict[str, Any] = unpack_variants(properties)
    return unpacked


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
