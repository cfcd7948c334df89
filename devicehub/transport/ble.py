"""Bluetooth Low Energy: a radio that listens all the time and connects to what it hears.

This is bleak's public API and nothing else. The stack beneath is the system's (BlueZ, WinRT,
CoreBluetooth) or the virtual one of `devicehub.transport.virtual`; what follows is the same for both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Self

from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from devicehub.driver import LinkLost
from devicehub.driver.frame import short
from devicehub.transport.ble_wire import BleWire
from devicehub.transport.failures import RadioUnavailable
from devicehub.transport.hands import Hands, Recorder, station_now
from devicehub.transport.inbox import Inbox
from devicehub.transport.overheard import OverheardLink
from devicehub.transport.scanning import STACK_FAILURES, Listening, Scan, quietly
from devicehub.transport.slots import Place, Slots
from devicehub.transport.stack import FORGET_SECONDS, Stack
from devicehub.transport.watchdog import Hearsay

CONNECT_SECONDS = 20.0
"""For all attempts together, without the wait for other devices' connects: the patient is waiting."""

ATTEMPTS = 3
"""BlueZ loses one connect in ten under load; a second attempt after a new sighting nearly always works."""

RESCAN_SECONDS = 2.0
"""How long a second attempt waits to see the device again. Stacks drop and re-create their device objects."""

_BOND_LOST = (
    "the device hangs up at every connect: it has probably forgotten this computer (new batteries, a reset, "
    "paired with something else). It keeps its measurements. Delete the old pairing here (devicehub bonds forget "
    "{address}), put the device into its pairing mode, and pair it anew (devicehub pair {address})"
)
_NO_PLACE = (
    "le-connection-concurrent-connection-limit",
    "le-connection-memory-allocation",
    "CONNECTION_LIMIT_EXCEEDED",
    "MEMORY_CAPACITY_EXCEEDED",
)
RSSI_UNKNOWN = -127
"""In dBm: what a stack says of a strength it does not know, and less than any it knows."""

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


class NoPlace(LinkLost):
    """The adapter takes no more connections now; the device waits for a place."""


class Radio:
    """One adapter, used with ``async with``: it scans from entering to leaving. Not entered twice.

    Entering raises `RadioUnavailable`. After `lost` returns, every link has failed with `LinkLost` and a
    new radio must be made. ``connections`` is how many it holds at once, where that is known; radios of one
    station share ``hearsay``.
    """

    def __init__(
        self, stack: Stack, connections: int | None = None, hearsay: Hearsay | None = None
    ) -> None:
        self.origin = stack.origin
        self.slots = Slots(connections)
        """Its places for connections."""
        self._stack = stack
        self._listeners: list[Callable[[Sighting], None]] = []
        self._observers: list[Callable[[Listening], None]] = []
        self._inboxes: set[Inbox] = set()
        self._connecting = asyncio.Lock()
        self._awaited: dict[str, asyncio.Future[BLEDevice]] = {}
        self._lost = asyncio.Event()
        self._why_lost = RadioUnavailable("")
        self._scan = Scan(
            stack,
            self._heard,
            self._connecting,
            hearsay or Hearsay(),
            linked=lambda: bool(self._inboxes),
            on_change=self._tell,
            on_reset=lambda: self._end_links("the radio was reset"),
            on_lost=self._on_lost,
        )

    async def __aenter__(self) -> Self:
        await self._stack.open(self._on_lost)
        try:
            await self._scan.start()
        except BaseException:
            await self._stack.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._scan.stop()
        finally:
            await self._stack.close()

    @property
    def name(self) -> str:
        """What people call this adapter. Known after entering."""
        return self._stack.name

    @property
    def identity(self) -> str:
        """What this adapter's bonds are kept under: its own address where the stack tells it."""
        return self._stack.identity

    @property
    def listening(self) -> Listening:
        """How its scan goes."""
        return self._scan.listening

    def observe(self, told: Callable[[Listening], None]) -> None:
        """Call ``told`` whenever the scan falls silent, is reset, or hears again."""
        self._observers.append(told)

    def listen(self, heard: Callable[[Sighting], None]) -> None:
        """Call ``heard`` for every advertisement from now on. It must return at once."""
        self._listeners.append(heard)

    async def lost(self) -> RadioUnavailable:
        """Waits until the radio is gone; returns why."""
        await self._lost.wait()
        return self._why_lost

    @contextlib.asynccontextmanager
    async def connect(
        self,
        sighting: Sighting,
        hands: Hands,
        model: str | None = None,
        recorder: Recorder | None = None,
        *,
        may_pair: bool = True,
        place: Place | None = None,
    ) -> AsyncGenerator[BleWire]:
        """A link to the device just seen, closed on leaving; it waits for a place first, unless it has one.

        Where ``may_pair`` is false, a device that wants a bond is refused one. Raises `LinkLost` when it cannot be
        reached, `BondLost` or `NoPlace` when that is why.
        """
        async with contextlib.AsyncExitStack() as own:
            taken = place
            if taken is None:
                taken = await own.enter_async_context(self.slots.place())
            client, inbox = await self._connected(
                sighting, lambda: Inbox(hands, model), may_pair=may_pair
            )
            taken.holder = inbox
            self._inboxes.add(inbox)
            if self._lost.is_set():
                inbox.close(self._why_lost.reason)
            try:
                yield BleWire(client, inbox, recorder, may_pair=may_pair)
            finally:
                self._inboxes.discard(inbox)
                inbox.close("the hub has ended the connection")
                await quietly(client.disconnect())

    async def is_bonded(self, address: str) -> bool | None:
        """Whether this adapter holds a bond with a device; ``None`` where its stack does not tell."""
        return await self._stack.is_bonded(address)

    async def forget(self, address: str) -> None:
        """Delete this adapter's bond with a device, in range or not; it can then be paired anew.

        Never done unasked: a device that has *not* forgotten the hub may take no new bond until somebody
        presses its pairing button. Raises `LinkLost` when the stack does not do it.
        """
        try:
            async with asyncio.timeout(FORGET_SECONDS):
                await self._stack.forget(address)
        except STACK_FAILURES as error:
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
        self, sighting: Sighting, fresh: Callable[[], Inbox], *, may_pair: bool
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
                ended = partial(_ended, inbox)
                client = self._stack.client(device, ended, left, may_pair=may_pair)
                try:
                    async with asyncio.timeout(left):
                        await _connect(client, inbox)
                        await self._check_services(client, device)
                    return client, inbox
                # Any of them: the same loss has another class on each stack (BlueZ answers a read that was on
                # its way with an ATT error, and says UnknownObject or Not connected of what comes after it).
                except (LinkLost, *STACK_FAILURES) as error:
                    failure = str(error) or failure
                    if _says_no_place(failure):
                        await quietly(client.disconnect())
                        self.slots.refused()
                        raise NoPlace(f"the radio takes no more connections: {failure}") from error
                    hung_up += isinstance(error, LinkLost)
                    log.info("connecting failed: attempt %d of %d: %s", attempt, ATTEMPTS, failure)
                    await quietly(client.disconnect())
                except BaseException:
                    await quietly(client.disconnect())
                    raise
                left -= clock() - began
        # BlueZ connects to a device that lost its bond and is hung up on, again and again until its time is up.
        if hung_up == ATTEMPTS and await self._stack.is_bonded(device.address):
            raise BondLost(_BOND_LOST.format(address=device.address))
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
        self._scan.heard(device.address)
        awaited = self._awaited.get(device.address)
        if awaited is not None and not awaited.done():
            awaited.set_result(device)
        sighting = Sighting(
            address=device.address,
            name=advertisement.local_name or device.name,
            services=frozenset(map(short, advertisement.service_uuids)),
            company_data=advertisement.manufacturer_data,
            service_data={short(on): data for on, data in advertisement.service_data.items()},
            rssi=None if advertisement.rssi == RSSI_UNKNOWN else advertisement.rssi,
            at=station_now(),
            device=device,
        )
        for listener in tuple(self._listeners):
            listener(sighting)

    def _tell(self, listening: Listening) -> None:
        for observer in self._observers:
            observer(listening)

    def _on_lost(self, why: RadioUnavailable) -> None:
        self._why_lost = why
        self._lost.set()
        self._end_links(why.reason)

    def _end_links(self, reason: str) -> None:
        for inbox in tuple(self._inboxes):
            inbox.close(reason)


def _says_no_place(failure: str) -> bool:
    """Whether a failed connect's words mean that the adapter is full.

    BlueZ's are those of its ``src/error.h`` for the kernel's EMLINK and ENOMEM, that is for the HCI errors 0x09
    and 0x07 (Core Specification, vol. 1, part F, 2.9 and 2.7), which bumble tells by name.
    """
    return any(words in failure for words in _NO_PLACE)


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
