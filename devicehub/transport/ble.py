"""Bluetooth Low Energy: a radio that listens all the time and connects to what it hears.

This is bleak's public API and nothing else. The stack beneath is the system's (BlueZ, WinRT,
CoreBluetooth) or the virtual one of `devicehub.transport.virtual`; what follows is the same for both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol, Self

from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
)

from devicehub.driver import LinkLost
from devicehub.driver.frame import short
from devicehub.transport.ble_wire import BleWire
from devicehub.transport.failures import RadioUnavailable
from devicehub.transport.hands import Hands, Origin, Recorder, station_now
from devicehub.transport.inbox import Inbox
from devicehub.transport.overheard import OverheardLink

if TYPE_CHECKING:
    from devicehub.transport.bluez_adapter import BluezAdapter

CONNECT_SECONDS = 20.0
"""For all attempts together, without the wait for other devices' connects: the patient is waiting."""

ATTEMPTS = 3
"""BlueZ loses one connect in ten under load; a second attempt after a new sighting nearly always works."""

RESCAN_SECONDS = 2.0
"""How long a second attempt waits to see the device again. Stacks drop and re-create their device objects."""

DISCONNECT_SECONDS = 5.0
_BOND_LOST = (
    "the device hangs up at every connect: it has probably forgotten this computer (new batteries, a reset, "
    "paired with something else). It keeps its measurements. Delete the old pairing here, put the device into "
    "its pairing mode, and pair it anew"
)
_RSSI_UNKNOWN = -127
_NO_SERVICE = "org.freedesktop.DBus.Error.ServiceUnknown"

AskPasskey = Callable[[str], Awaitable[int | None]]
"""Asks the operator for the six digits the device at this address displays; ``None`` gives up."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One advertisement heard. Services are named as in `devicehub.driver.Frame`: ``1810`` or a whole UUID."""

    address: str
    name: str | None
    services: frozenset[str]
    company_data: Mapping[int, bytes]
    service_data: Mapping[str, bytes]
    rssi: int | None
    at: datetime
    device: BLEDevice = field(repr=False, compare=False)
    """What the stack needs to connect; opaque to everyone else."""


class BondLost(LinkLost):
    """The device hangs up at every connect although the two were paired: it has probably forgotten the hub."""


class Stack(Protocol):
    """The Bluetooth stack beneath a radio."""

    origin: Origin

    async def open(self, on_lost: Callable[[str], None]) -> None:
        """Make it ready. Raises `RadioUnavailable`. ``on_lost`` is called if it goes away later."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...

    def scanner(self, heard: AdvertisementDataCallback) -> BleakScanner:
        """A scanner on this stack."""
        ...

    def client(
        self, device: BLEDevice, on_lost: Callable[[BleakClient], None], seconds: float
    ) -> BleakClient:
        """A client of one device, not connected yet."""
        ...

    async def is_bonded(self, device: BLEDevice) -> bool:
        """Whether this computer holds a bond with the device, as far as the stack tells."""
        ...

    async def count_characteristics(self, device: BLEDevice) -> int:
        """How many characteristics of a connected device the stack knows; 0 where bleak knows as much."""
        ...


class Radio:
    """One radio, used with ``async with``: it scans from entering to leaving. Not entered twice.

    Entering raises `RadioUnavailable`. After `lost` returns, every link has failed with `LinkLost` and a
    new radio must be made.
    """

    def __init__(self, stack: Stack) -> None:
        self.origin = stack.origin
        self._stack = stack
        self._scanning = contextlib.AsyncExitStack()
        self._listeners: list[Callable[[Sighting], None]] = []
        self._inboxes: set[Inbox] = set()
        self._connecting = asyncio.Lock()
        self._awaited: dict[str, asyncio.Future[BLEDevice]] = {}
        self._lost = asyncio.Event()
        self._why_lost = ""

    async def __aenter__(self) -> Self:
        await self._stack.open(self._on_lost)
        try:
            scanner = self._stack.scanner(self._heard)
            await scanner.start()
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            await self._stack.close()
            raise RadioUnavailable(_why_unavailable(error)) from error
        except BaseException:
            await self._stack.close()
            raise
        self._scanning.push_async_callback(lambda: _quietly(scanner.stop()))
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._scanning.aclose()
        finally:
            await self._stack.close()

    def listen(self, heard: Callable[[Sighting], None]) -> None:
        """Call ``heard`` for every advertisement from now on. It must return at once."""
        self._listeners.append(heard)

    async def lost(self) -> str:
        """Waits until the radio is gone; returns why, in words."""
        await self._lost.wait()
        return self._why_lost

    @contextlib.asynccontextmanager
    async def connect(
        self,
        sighting: Sighting,
        hands: Hands,
        model: str | None = None,
        recorder: Recorder | None = None,
    ) -> AsyncGenerator[BleWire]:
        """A link to the device just seen, closed on leaving.

        Raises `LinkLost` when it cannot be reached, `BondLost` when that is probably why.
        """
        client, inbox = await self._connected(sighting, lambda: Inbox(hands, model))
        self._inboxes.add(inbox)
        if self._lost.is_set():
            inbox.close(self._why_lost)
        try:
            yield BleWire(client, inbox, recorder)
        finally:
            self._inboxes.discard(inbox)
            inbox.close("the hub has ended the connection")
            await _quietly(client.disconnect())

    async def forget(self, sighting: Sighting) -> None:
        """Delete this computer's bond with a device; the next connect pairs anew if the device lets it.

        Never done unasked: a device that has *not* forgotten the hub may take no new bond until somebody
        presses its pairing button. Raises `LinkLost` when the stack does not answer.
        """
        client = self._stack.client(sighting.device, lambda _: None, CONNECT_SECONDS)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.unpair()
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            raise LinkLost(f"the bond could not be deleted: {error}") from error

    @contextlib.contextmanager
    def overhear(
        self,
        sighting: Sighting,
        hands: Hands,
        model: str | None = None,
        recorder: Recorder | None = None,
    ) -> Generator[OverheardLink]:
        """A link to a device that is never connected to: this sighting of it and all that follow."""
        inbox = Inbox(hands, model)
        link = OverheardLink(inbox, recorder)

        def heard(seen: Sighting) -> None:
            if seen.address == sighting.address:
                link.heard(seen.company_data, seen.service_data)

        heard(sighting)
        self._listeners.append(heard)
        self._inboxes.add(inbox)
        try:
            yield link
        finally:
            self._listeners.remove(heard)
            self._inboxes.discard(inbox)

    async def _connected(
        self, sighting: Sighting, fresh: Callable[[], Inbox]
    ) -> tuple[BleakClient, Inbox]:
        device = sighting.device
        failure = "it does not answer"
        hung_up = 0
        left = CONNECT_SECONDS
        clock = asyncio.get_running_loop().time
        for attempt in range(1, ATTEMPTS + 1):
            if attempt > 1:
                began = clock()
                device = await self._seen_again(device, min(RESCAN_SECONDS, left))
                left -= clock() - began
            # One at a time: of connects that overlap, BlueZ loses some and tells half the services of others.
            async with self._connecting:
                if left <= 0 or self._lost.is_set():
                    break
                began = clock()
                inbox = fresh()
                client = self._stack.client(device, partial(_ended, inbox), left)
                try:
                    async with asyncio.timeout(left):
                        await _connect(client, inbox)
                        await self._check_services(client, device)
                    return client, inbox
                except (LinkLost, BleakError, OSError, EOFError, TimeoutError) as error:
                    failure = str(error) or failure
                    hung_up += isinstance(error, LinkLost)
                    log.info("connecting failed: attempt %d of %d: %s", attempt, ATTEMPTS, failure)
                    await _quietly(client.disconnect())
                except BaseException:
                    await _quietly(client.disconnect())
                    raise
                left -= clock() - began
        if hung_up == ATTEMPTS and await self._stack.is_bonded(device):
            raise BondLost(_BOND_LOST)
        raise LinkLost(f"the device could not be reached: {failure}")

    async def _check_services(self, client: BleakClient, device: BLEDevice) -> None:
        """Raises ``BleakError`` where some are missing, or all because the link has dropped."""
        known = len(client.services.characteristics)
        if known < await self._stack.count_characteristics(device):
            raise BleakError("not all of its services were told")

    async def _seen_again(self, device: BLEDevice, seconds: float) -> BLEDevice:
        seen: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()
        self._awaited[device.address] = seen
        try:
            async with asyncio.timeout(seconds):
                return await seen
        except TimeoutError:
            return device
        finally:
            self._awaited.pop(device.address, None)

    def _heard(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        awaited = self._awaited.get(device.address)
        if awaited is not None and not awaited.done():
            awaited.set_result(device)
        sighting = Sighting(
            address=device.address,
            name=advertisement.local_name or device.name,
            services=frozenset(map(short, advertisement.service_uuids)),
            company_data=advertisement.manufacturer_data,
            service_data={short(on): data for on, data in advertisement.service_data.items()},
            rssi=None if advertisement.rssi == _RSSI_UNKNOWN else advertisement.rssi,
            at=station_now(),
            device=device,
        )
        for listener in tuple(self._listeners):
            listener(sighting)

    def _on_lost(self, reason: str) -> None:
        self._why_lost = reason
        self._lost.set()
        for inbox in tuple(self._inboxes):
            inbox.close(reason)


class _SystemStack:
    """The computer's own Bluetooth."""

    origin: Origin = "device"

    def __init__(self, ask_passkey: AskPasskey | None, adapter: str | None) -> None:
        self._ask_passkey = ask_passkey
        self._wanted = adapter
        self._adapter: BluezAdapter | None = None
        self._ours: set[str] = set()
        self._bluez = contextlib.AsyncExitStack()

    async def open(self, on_lost: Callable[[str], None]) -> None:
        """Choose and watch BlueZ's adapter and answer its questions; other systems do both by themselves."""
        if sys.platform != "linux":
            return
        # D-Bus is Linux's.
        from devicehub.transport.bluez_adapter import BluezAdapter  # noqa: PLC0415
        from devicehub.transport.bluez_agent import BluezAgent  # noqa: PLC0415

        try:
            async with contextlib.AsyncExitStack() as opened:
                adapter = BluezAdapter(self._wanted, on_lost)
                self._adapter = await opened.enter_async_context(adapter)
                agent = BluezAgent(self._ours.__contains__, self._ask_passkey)
                await opened.enter_async_context(agent)
                self._bluez = opened.pop_all()
        except (BleakError, OSError, EOFError) as error:
            raise RadioUnavailable(_why_unavailable(error)) from error

    async def close(self) -> None:
        """Let go of the adapter and the agent."""
        await self._bluez.aclose()

    def scanner(self, heard: AdvertisementDataCallback) -> BleakScanner:
        """The backend bleak chooses."""
        if self._adapter is None:
            return BleakScanner(heard)
        return BleakScanner(heard, bluez=BlueZScannerArgs(adapter=self._adapter.name))

    def client(
        self, device: BLEDevice, on_lost: Callable[[BleakClient], None], seconds: float
    ) -> BleakClient:
        """The backend bleak chooses."""
        self._ours.add(device.address)
        return BleakClient(device, on_lost, timeout=seconds)

    async def is_bonded(self, device: BLEDevice) -> bool:
        """What BlueZ says; the other systems do not tell."""
        return self._adapter is not None and await self._adapter.is_bonded(device.address)

    async def count_characteristics(self, device: BLEDevice) -> int:
        """BlueZ may say that all services are resolved before it has told bleak of all."""
        if self._adapter is None:
            return 0
        return await self._adapter.count_characteristics(device.address)


def system_radio(ask_passkey: AskPasskey | None = None, adapter: str | None = None) -> Radio:
    """The radio of this computer; entering it tells whether there is one.

    ``adapter`` is BlueZ's name of one of several (``hci1``); the first that is switched on where it is ``None``.
    """
    return Radio(_SystemStack(ask_passkey, adapter))


_Reason = Literal["none", "off", "denied"]
_REASONS: dict[BleakBluetoothNotAvailableReason, _Reason] = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: "none",
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: "none",
    BleakBluetoothNotAvailableReason.POWERED_OFF: "off",
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: "denied",
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: "denied",
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: "denied",
}


def _why_unavailable(error: BaseException) -> str:
    if isinstance(error, BleakBluetoothNotAvailableError):
        reason = _REASONS.get(error.reason)
        if reason == "none":
            return (
                "this computer has no Bluetooth Low Energy radio: plug in a Bluetooth 4.0 or later "
                "USB adapter, then start again"
            )
        if reason == "off":
            return "Bluetooth is switched off: switch it on in the system's settings"
        if reason == "denied":
            return "the system does not let this program use Bluetooth: allow it in the settings"
    if isinstance(error, BleakDBusError) and error.dbus_error == _NO_SERVICE:
        return "BlueZ is not running: install the package bluez and start its service, bluetooth"
    if isinstance(error, OSError) and sys.platform == "linux":
        return (
            "no D-Bus system bus answers, so BlueZ cannot be reached: install and start the packages "
            f"dbus and bluez ({error})"
        )
    return f"Bluetooth cannot be used: check that its service is running and not switched off ({error})"


async def _connect(client: BleakClient, inbox: Inbox) -> None:
    """Connect. Raises `LinkLost` as soon as the link drops again: BlueZ would try on until its time is up."""
    connecting = asyncio.ensure_future(client.connect())
    dropping = asyncio.ensure_future(inbox.pause(CONNECT_SECONDS))
    try:
        await asyncio.wait((connecting, dropping), return_when=asyncio.FIRST_COMPLETED)
        inbox.check()
        await connecting
    finally:
        connecting.cancel()
        dropping.cancel()
        # Gathered, not waited for: both may have failed, and only one is told.
        await asyncio.gather(connecting, dropping, return_exceptions=True)


def _ended(inbox: Inbox, _client: BleakClient) -> None:
    inbox.close("the connection to the device was lost")


async def _quietly(ending: Awaitable[None]) -> None:
    """End something whose other side may have gone already: its complaints tell nothing new."""
    try:
        async with asyncio.timeout(DISCONNECT_SECONDS):
            await ending
    except (BleakError, OSError, EOFError, TimeoutError) as error:
        log.debug("while ending: %s", error)
