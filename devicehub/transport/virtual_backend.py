"""bleak's scanner and client on a bumble host: the backends beneath `devicehub.transport.virtual`."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable
from typing import Any, TypeVar, cast

from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import core, hci
from bumble.att import ATT_Error
from bumble.core import AdvertisingData
from bumble.device import Advertisement, Connection, Device
from bumble.gatt_client import CharacteristicProxy, Client

from devicehub.driver import LinkLost

_LARGEST_MTU = 517
_WRONG_KEY = hci.HCI_ErrorCode.CONNECTION_TERMINATED_DUE_TO_MIC_FAILURE_ERROR
_SHORT_UUIDS = (
    AdvertisingData.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
)
_LONG_UUIDS = (
    AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)
_NAMES = (AdvertisingData.Type.COMPLETE_LOCAL_NAME, AdvertisingData.Type.SHORTENED_LOCAL_NAME)

log = logging.getLogger(__name__)
T = TypeVar("T")


class Central:
    """The bumble host that scanner and clients share."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        """Set when the controller can no longer be reached."""
        self.connecting = asyncio.Lock()
        """A controller makes one connection at a time."""
        self._device: Device | None = None

    @property
    def device(self) -> Device:
        """The host, powered on. Raises ``BleakError`` when its controller has gone, or never was there."""
        if self._device is None or self.gone.is_set():
            raise BleakError("the virtual radio is gone")
        return self._device

    @device.setter
    def device(self, device: Device) -> None:
        self._device = device


def plain(address: hci.Address) -> str:
    """The address as the rest of the world writes it."""
    # bumble marks public addresses with a suffix of its own.
    return str(address).removesuffix("/P")


def _long(short: core.UUID) -> str:
    return str(uuid.UUID(bytes=short.to_bytes(force_128=True)[::-1]))


class VirtualScanner(BaseBleakScanner):
    """bleak's scanner on bumble."""

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        *,
        central: Central,
        **_: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._central = central
        self._active = scanning_mode == "active"

    async def start(self) -> None:
        """Scan until `stop`."""
        self.seen_devices = {}
        device = self._central.device
        device.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        await _unless(self._central.gone, device.start_scanning(active=self._active))

    async def stop(self) -> None:
        """Stop scanning."""
        device = self._central.device
        device.remove_listener(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        await _unless(self._central.gone, device.stop_scanning())

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        address = plain(advertisement.address)
        data = _advertised(advertisement)
        if not self.is_allowed_uuid(data.service_uuids):
            return
        known = self.create_or_update_device(
            address, address, data.local_name, advertisement.address, data
        )
        self.call_detection_callbacks(known, data)


def _advertised(advertisement: Advertisement) -> AdvertisementData:
    name: str | None = None
    company_data: dict[int, bytes] = {}
    service_data: dict[str, bytes] = {}
    services: list[str] = []
    for kind, data in advertisement.data.ad_structures:
        if kind in _NAMES:
            name = data.decode("utf-8", "replace")
        elif kind in _SHORT_UUIDS:
            services += _uuids(data, 2)
        elif kind in _LONG_UUIDS:
            services += _uuids(data, 16)
        elif kind == AdvertisingData.Type.MANUFACTURER_SPECIFIC_DATA and len(data) >= 2:
            company_data[int.from_bytes(data[:2], "little")] = data[2:]
        elif kind == AdvertisingData.Type.SERVICE_DATA_16_BIT_UUID and len(data) >= 2:
            service_data[_uuids(data[:2], 2)[0]] = data[2:]
        elif kind == AdvertisingData.Type.SERVICE_DATA_128_BIT_UUID and len(data) >= 16:
            service_data[_uuids(data[:16], 16)[0]] = data[16:]
    return AdvertisementData(
        name, company_data, service_data, services, None, advertisement.rssi, ()
    )


def _uuids(data: bytes, size: int) -> list[str]:
    ends = range(size, len(data) + 1, size)
    return [_long(core.UUID.from_bytes(data[end - size : end])) for end in ends]


async def _unless(gone: asyncio.Event, operation: Awaitable[T]) -> T:
    """The operation's result; ``BleakError`` at once when the other side has gone, and for bumble's failures.

    bumble cancels what waits for a lost link. In a task of its own that cannot be mistaken for our end.
    """
    work = asyncio.ensure_future(operation)
    loss = asyncio.ensure_future(gone.wait())
    try:
        await asyncio.wait((work, loss), return_when=asyncio.FIRST_COMPLETED)
        if not work.done() or work.cancelled():
            raise BleakError("the link was lost")
        return work.result()
    except ATT_Error as error:
        raise BleakGATTProtocolError(int(error.error_code)) from error
    except core.TimeoutError as error:
        raise TimeoutError(str(error)) from error
    except (core.BaseBumbleError, hci.HCI_Error) as error:
        raise BleakError(f"{type(error).__name__}: {error}") from error
    finally:
        loss.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait((work,))
        if not work.cancelled():
            work.exception()


class VirtualClient(BaseBleakClient):
    """bleak's client on bumble."""

    def __init__(
        self, address_or_ble_device: BLEDevice | str, *, central: Central, **arguments: Any
    ) -> None:
        super().__init__(address_or_ble_device, **arguments)
        if not isinstance(address_or_ble_device, BLEDevice):
            raise BleakError("the virtual radio connects to what it has seen, not to an address")
        self._central = central
        self._seen = address_or_ble_device
        self._connection: Connection | None = None
        self._gone = asyncio.Event()
        self._why_gone = 0

    @property
    def name(self) -> str:
        """The advertised name."""
        return self._seen.name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """The negotiated MTU in bytes."""
        return 23 if self._connection is None else self._connection.att_mtu

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return self._connection is not None

    async def connect(self, pair: bool, **_: Any) -> None:
        """Connect, resume the encryption of a bonded device, discover."""
        device = self._central.device
        peer = cast("hci.Address", self._seen.details)
        async with asyncio.timeout(self._timeout):
            async with self._central.connecting:
                connection = await self._create(device, peer)
            self._gone.clear()
            self._connection = connection
            connection.once(Connection.EVENT_DISCONNECTION, self._on_disconnection)
            if device.lookup_connection(connection.handle) is not connection:
                self._connection = None
                raise BleakError("the link was lost as soon as it was made")
            try:
                if pair:
                    await self.pair()
                else:
                    await self._resume(device, connection)
                await self._ask(connection.gatt_client.request_mtu(_LARGEST_MTU))
                await self._discover(connection)
            except BaseException:
                await self.disconnect()
                raise

    async def _create(self, device: Device, peer: hci.Address) -> Connection:
        try:
            return await _unless(self._central.gone, device.connect_le(peer, timeout=None))
        except BaseException:
            if not self._central.gone.is_set():
                await self._give_up(device, peer)
            raise

    async def _give_up(self, device: Device, peer: hci.Address) -> None:
        """Leave neither a pending connect nor a connection that was made in the last moment."""
        cancel = device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
        try:
            await _unless(self._central.gone, cancel)
            connection = device.find_connection_by_bd_addr(peer)
            if connection is not None:
                await _unless(self._central.gone, connection.disconnect())
        except BleakError as error:
            log.debug("connect cancelled: %s", error)

    async def _resume(self, device: Device, connection: Connection) -> None:
        keystore = device.keystore
        bond = str(connection.peer_address)
        if keystore is None or await keystore.get(bond) is None:
            return
        try:
            await self._ask(connection.encrypt())
        except BleakError:
            if not (self.is_connected or self._why_gone == _WRONG_KEY):
                raise
            # As on the real stacks: the bond stays here until a person deletes it.
            raise LinkLost("the device no longer knows this hub") from None

    async def _discover(self, connection: Connection) -> None:
        gatt = connection.gatt_client
        found = BleakGATTServiceCollection()
        for service in await self._ask(gatt.discover_services()):
            known = BleakGATTService(service, service.handle, _long(service.uuid))
            found.add_service(known)
            for characteristic in await self._ask(gatt.discover_characteristics((), service)):
                attribute = BleakGATTCharacteristic(
                    characteristic,
                    characteristic.handle,
                    _long(characteristic.uuid),
                    list(gatt_char_props_to_strs(int(characteristic.properties))),
                    lambda: self.mtu_size - 3,
                    known,
                )
                found.add_characteristic(attribute)
                for descriptor in await self._ask(gatt.discover_descriptors(characteristic)):
                    found.add_descriptor(
                        BleakGATTDescriptor(
                            descriptor, descriptor.handle, _long(descriptor.type), attribute
                        )
                    )
        self.services = found

    async def disconnect(self) -> None:
        """Disconnect. Nothing happens when the link is down already."""
        connection = self._connection
        if connection is None:
            return
        try:
            await self._ask(connection.disconnect())
        except BleakError as error:
            log.debug("disconnecting: %s", error)
        self._connection = None

    async def pair(self, *_: Any, **__: Any) -> None:
        """Bond: just works, or the passkey the device shows."""
        await self._ask(self._connected().pair())

    async def unpair(self) -> None:
        """Forget the bond."""
        keystore = self._central.device.keystore
        bond = str(self._seen.details)
        await self.disconnect()
        if keystore is not None and await keystore.get(bond) is not None:
            await keystore.delete(bond)

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_: Any
    ) -> bytearray:
        """Read a value."""
        return bytearray(await self._ask(self._gatt().read_value(characteristic.handle)))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_: Any
    ) -> bytearray:
        """Read a descriptor."""
        return bytearray(await self._ask(self._gatt().read_value(descriptor.handle)))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write a value."""
        await self._ask(
            self._gatt().write_value(characteristic.handle, bytes(data), with_response=response)
        )

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a descriptor."""
        await self._ask(
            self._gatt().write_value(descriptor.handle, bytes(data), with_response=True)
        )

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_: Any
    ) -> None:
        """Subscribe; a refused subscription leaves nothing behind."""
        gatt = self._gatt()
        proxy = cast("CharacteristicProxy[bytes]", characteristic.obj)
        try:
            await self._ask(gatt.subscribe(proxy, lambda value: callback(bytearray(value))))
        except BaseException:
            gatt.indication_subscribers.pop(proxy.handle, None)
            gatt.notification_subscribers.pop(proxy.handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        proxy = cast("CharacteristicProxy[bytes]", characteristic.obj)
        await self._ask(self._gatt().unsubscribe(proxy))

    def _connected(self) -> Connection:
        if self._connection is None:
            raise BleakError("not connected")
        return self._connection

    def _gatt(self) -> Client:
        return self._connected().gatt_client

    async def _ask(self, operation: Awaitable[T]) -> T:
        return await _unless(self._gone, operation)

    def _on_disconnection(self, reason: int) -> None:
        self._why_gone = reason
        self._connection = None
        self._gone.set()
        if self._disconnected_callback is not None:
            self._disconnected_callback()
