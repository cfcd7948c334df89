"""A body for a BLE simulator: a bumble host that advertises, bonds, serves its values and keeps its memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Self

from bumble import hci
from bumble.att import ATT_Error, Attribute, AttributeValueV2, Bearer, is_enhanced_bearer
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import (
    GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
    Characteristic,
    CharacteristicValue,
    Descriptor,
    Service,
)
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink

from devicehub.testing.radio import Air, VirtualController
from devicehub.testing.simulator import (
    Access,
    Advertisement,
    AttributeRefused,
    BleSimulator,
    Message,
)
from devicehub.transport.hands import station_now

ADVERTISING_MILLISECONDS = 100.0

OnEvent = Callable[[str, Message], None]
"""Hears ``measured`` when a measurement is finished and ``confirmed`` when a hub has taken it."""

_PROPERTIES: dict[Access, Characteristic.Properties] = {
    "read": Characteristic.Properties.READ,
    "write": Characteristic.Properties.WRITE,
    "write_command": Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
    "notify": Characteristic.Properties.NOTIFY,
    "indicate": Characteristic.Properties.INDICATE,
}
_SECURITY = {
    "none": Attribute.Permissions(0),
    "just_works": Attribute.Permissions.WRITE_REQUIRES_ENCRYPTION,
    "passkey": Attribute.Permissions.WRITE_REQUIRES_AUTHENTICATION,
}
_SENDS: frozenset[Access] = frozenset({"notify", "indicate"})
_WRITES: frozenset[Access] = frozenset({"write", "write_command"})


class Peripheral:
    """One simulated device on the air, used with ``async with``.

    A finished measurement stays in the simulator's memory until a hub has confirmed its indication; a
    subscription makes the device send its memory again, oldest first. A characteristic that only notifies
    is never confirmed: sent counts as taken there, as with the real thing.

    A device with a ``keypad`` shows no passkey: its user types there the one that the hub shows.
    """

    def __init__(
        self,
        simulator: BleSimulator,
        air: Air,
        address: str,
        on_event: OnEvent = lambda _event, _message: None,
        on_passkey: Callable[[int], None] = lambda _passkey: None,
        keypad: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        self.simulator = simulator
        self.address = address
        self._air = air
        self._on_event = on_event
        self._on_passkey = on_passkey
        self._keypad = keypad
        self._controller = VirtualController(address, link=air)
        self._characteristics: dict[str, Characteristic[bytes]] = {}
        self._measuring = asyncio.Lock()
        self._memory_changed = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._advertised: Advertisement | None = None
        self._leaving = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._device = self._host()

    async def __aenter__(self) -> Self:
        await self._device.power_on()
        await self._advertise()
        self._start(self._send_memory())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leaving = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(hci.HCI_Error):
            await self._device.stop_advertising()
        self._air.leave(self._controller)
        await self._device.power_off()

    async def measure(self) -> None:
        """Measure one patient, in real time. Returns when the measurement is in the device's memory."""
        async with self._measuring:
            await self._play(self.simulator.measure(station_now()))

    async def subscribed(self) -> None:
        """Waits until a hub listens to a characteristic that finishes measurements or to any other."""
        await self._subscribed.wait()

    async def drop(self) -> None:
        """The device ends every connection, as one that switches itself off."""
        for connection in list(self._device.connections.values()):
            await connection.disconnect()

    def out_of_range(self, supervision_timeout: float | None = None) -> None:
        """The device is carried away; both ends notice after ``supervision_timeout`` seconds, if ever."""
        self._air.out_of_range(self._controller, supervision_timeout)

    def in_range(self) -> None:
        """It is back."""
        self._air.in_range(self._controller)

    def forget_bonds(self) -> None:
        """The device's own list of hubs is emptied, as by a change of batteries."""
        self._device.keystore = MemoryKeyStore()

    def _host(self) -> Device:
        device = Device(
            config=DeviceConfiguration(
                name=self.simulator.advertisement.name,
                address=hci.Address(self.address),
                advertising_interval_min=ADVERTISING_MILLISECONDS,
                advertising_interval_max=ADVERTISING_MILLISECONDS,
            ),
            host=Host(self._controller, AsyncPipeSink(self._controller)),
        )
        device.keystore = MemoryKeyStore()
        device.pairing_config_factory = self._pairing
        device.on(Device.EVENT_CONNECTION, self._on_connection)
        for service, characteristics in self.simulator.services.items():
            table = [self._characteristic(device, on, can) for on, can in characteristics.items()]
            device.add_service(Service(UUID(service), table))
        return device

    def _pairing(self, _connection: Connection) -> PairingConfig:
        passkey = self.simulator.bonding == "passkey"
        delegate: PairingDelegate | None = None
        if passkey:
            delegate = _Keypad(self._keypad) if self._keypad else _Display(self._on_passkey)
        return PairingConfig(sc=True, mitm=passkey, delegate=delegate)

    def _characteristic(
        self, device: Device, on: str, can: frozenset[Access]
    ) -> Characteristic[bytes]:
        permissions = Attribute.Permissions(0)
        if "read" in can:
            permissions |= Attribute.Permissions.READABLE
        if can & _WRITES:
            permissions |= Attribute.Permissions.WRITEABLE
        properties = Characteristic.Properties(0)
        for access in can:
            properties |= _PROPERTIES[access]
        characteristic: Characteristic[bytes] = Characteristic(
            UUID(on),
            properties,
            permissions,
            CharacteristicValue(read=partial(self._read, on), write=partial(self._write, on)),
        )
        if can & _SENDS:
            characteristic.descriptors = [self._configuration(device, characteristic)]
        self._characteristics[on] = characteristic
        return characteristic

    def _configuration(self, device: Device, characteristic: Characteristic[bytes]) -> Descriptor:
        """The descriptor a hub subscribes with, out of reach until the bond the simulator asks for."""
        server = device.gatt_server

        def write(bearer: Bearer, value: bytes) -> None:
            server.write_cccd(bearer, characteristic, value)
            self._memory_changed.set()
            if self._subscribers(characteristic):
                self._subscribed.set()

        return Descriptor(
            GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
            Attribute.Permissions.READABLE
            | Attribute.Permissions.WRITEABLE
            | _SECURITY[self.simulator.bonding],
            AttributeValueV2(lambda bearer: server.read_cccd(bearer, characteristic), write),
        )

    def _read(self, on: str, _connection: Connection) -> bytes:
        try:
            return self.simulator.read(on, station_now())
        except AttributeRefused as refused:
            raise ATT_Error(refused.code) from refused

    def _write(self, on: str, _connection: Connection, data: bytes) -> None:
        try:
            answers = list(self.simulator.write(on, data, station_now()))
        except AttributeRefused as refused:
            raise ATT_Error(refused.code) from refused
        # After the response to the write itself.
        self._start(self._play(answers))

    async def _play(self, messages: Iterable[Message]) -> None:
        for message in messages:
            await asyncio.sleep(message.after)
            if message.truth is not None:
                self._on_event("measured", message)
                if message.on in self._characteristics:
                    self.simulator.memory.append(message)
                    self._memory_changed.set()
            elif message.data:
                await self._send(message)
            await self._advertise()

    async def _send_memory(self) -> None:
        while True:
            self._memory_changed.clear()
            while self.simulator.memory and await self._send(self.simulator.memory[0]):
                self._on_event("confirmed", self.simulator.memory.pop(0))
            await self._memory_changed.wait()

    async def _send(self, message: Message) -> bool:
        """Whether a hub has taken the message; ``False`` at once when none listens, or the link drops."""
        characteristic = self._characteristics[message.on]
        server = self._device.gatt_server
        taken = False
        for connection, indicates in self._subscribers(characteristic):
            if indicates:
                send = server.indicate_subscriber(connection, characteristic, message.data)
            else:
                send = server.notify_subscriber(connection, characteristic, message.data)
            taken |= await _is_taken(connection, send)
        return taken

    def _subscribers(self, characteristic: Characteristic[bytes]) -> list[tuple[Connection, bool]]:
        """Who listens, and whether by indication (Core Specification, vol. 3, part G, 3.3.3.3)."""
        found: list[tuple[Connection, bool]] = []
        for bearer, configurations in self._device.gatt_server.subscribers.items():
            bits = int.from_bytes(configurations.get(characteristic.handle, b""), "little")
            if bits & 0x03 and not is_enhanced_bearer(bearer):
                found.append((bearer, bool(bits & 0x02)))
        return found

    def _on_connection(self, connection: Connection) -> None:
        connection.once(Connection.EVENT_DISCONNECTION, self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self._subscribed.clear()
        if not self._leaving:
            self._start(self._advertise_again())

    async def _advertise_again(self) -> None:
        advertising = self._device.legacy_advertising_set
        if advertising is not None and not advertising.enabled:
            await advertising.start()

    async def _advertise(self) -> None:
        advertisement = self.simulator.advertisement
        if advertisement == self._advertised:
            return
        self._advertised = advertisement
        data = _advertising_data(advertisement)
        advertising = self._device.legacy_advertising_set
        if advertising is None:
            await self._device.start_advertising(advertising_data=data)
        else:
            await advertising.set_advertising_data(data)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Display(PairingDelegate):
    """A device that shows six digits."""

    def __init__(self, on_passkey: Callable[[int], None]) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)
        self._on_passkey = on_passkey

    async def display_number(self, number: int, digits: int) -> None:
        """Show the passkey."""
        self._on_passkey(number)


class _Keypad(PairingDelegate):
    """A device that wants six digits typed on it."""

    def __init__(self, keypad: Callable[[], Awaitable[int]]) -> None:
        super().__init__(PairingDelegate.KEYBOARD_INPUT_ONLY)
        self._keypad = keypad

    async def get_number(self) -> int | None:
        """What its user typed."""
        return await self._keypad()


async def _is_taken(connection: Connection, send: Awaitable[None]) -> bool:
    """Whether the message was sent and, if indicated, confirmed.

    bumble waits 30 s for the confirmation of a hub that has vanished; here its disconnection ends the wait.
    """
    gone: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def on_disconnection(reason: int) -> None:
        if not gone.done():
            gone.set_result(reason)

    connection.on(Connection.EVENT_DISCONNECTION, on_disconnection)
    sending = asyncio.ensure_future(send)
    try:
        await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
        return sending.done() and sending.exception() is None
    finally:
        connection.remove_listener(Connection.EVENT_DISCONNECTION, on_disconnection)
        sending.cancel()
        await asyncio.wait((sending,))


def _advertising_data(advertisement: Advertisement) -> bytes:
    kinds = AdvertisingData.Type
    flags = (
        AdvertisingData.Flags.LE_GENERAL_DISCOVERABLE_MODE
        | AdvertisingData.Flags.BR_EDR_NOT_SUPPORTED
    )
    structures: list[tuple[int, bytes]] = [(kinds.FLAGS, bytes([flags]))]
    if advertisement.name:
        structures.append((kinds.COMPLETE_LOCAL_NAME, advertisement.name.encode()))
    for size, kind in (
        (2, kinds.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS),
        (16, kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS),
    ):
        uuids = [bytes(UUID(service)) for service in advertisement.services]
        if listed := b"".join(uuid for uuid in uuids if len(uuid) == size):
            structures.append((kind, listed))
    for company, data in advertisement.company_data.items():
        structures.append((kinds.MANUFACTURER_SPECIFIC_DATA, company.to_bytes(2, "little") + data))
    for service, data in advertisement.service_data.items():
        uuid = bytes(UUID(service))
        kind = kinds.SERVICE_DATA_16_BIT_UUID if len(uuid) == 2 else kinds.SERVICE_DATA_128_BIT_UUID
        structures.append((kind, uuid + data))
    return bytes(AdvertisingData(structures))
