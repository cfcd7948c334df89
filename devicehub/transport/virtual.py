"""A radio that exists in software: bleak on bumble, for the demo and every test without hardware.

Two real Bluetooth hosts (L2CAP, ATT, GATT, SMP) talk through a virtual controller that another process, or
another part of the same one, offers as an HCI socket. See `devicehub.testing.simulate`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementDataCallback
from bumble import core, hci
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.keys import JsonKeyStore, KeyStore, MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport
from bumble.transport.common import Transport

from devicehub.reading.reading import Origin
from devicehub.transport.ble import Radio
from devicehub.transport.failures import RadioUnavailable
from devicehub.transport.stack import AskPasskey, Purpose, ShowPasskey
from devicehub.transport.virtual_backend import Central, VirtualClient, VirtualScanner, plain
from devicehub.transport.watchdog import Hearsay

_HUB_ADDRESS = "F0:00:00:00:00:{:02X}"
"""A static random address for each adapter of the station: bonds on both sides survive a restart of the hub."""

_BONDS_FILE = "virtual-bonds.json"
_START_SECONDS = 5.0
_PAIRING_ENDS = (
    Connection.EVENT_PAIRING,
    Connection.EVENT_PAIRING_FAILURE,
    Connection.EVENT_DISCONNECTION,
)


def virtual_radio(
    hci_port: str,
    bonds: Path | None,
    ask_passkey: AskPasskey | None = None,
    show_passkey: ShowPasskey | None = None,
    *,
    number: int = 1,
    connections: int | None = None,
    hearsay: Hearsay | None = None,
) -> Radio:
    """A radio on the virtual controller at ``hci_port`` (``tcp-client:127.0.0.1:9700``, ``unix:/path``).

    Bonds are kept in the folder ``bonds``, or for this radio's life where it is ``None``. ``number`` tells the
    adapters of one station apart.
    """
    stack = VirtualStack(hci_port, bonds, ask_passkey, show_passkey, number)
    return Radio(stack, connections, hearsay)


class VirtualStack:
    """A bumble host on an HCI socket: the `devicehub.transport.stack.Stack` that is always a simulator."""

    origin: Origin = "simulator"

    def __init__(
        self,
        hci_port: str,
        bonds: Path | None,
        ask_passkey: AskPasskey | None = None,
        show_passkey: ShowPasskey | None = None,
        number: int = 1,
    ) -> None:
        self.name = f"virtual{number}"
        self.identity = _HUB_ADDRESS.format(number)
        self._hci_port = hci_port
        self._keystore = _keystore(bonds, self.identity)
        self._ask_passkey = ask_passkey
        self._show_passkey = show_passkey
        self._transport: Transport | None = None
        self._on_lost: Callable[[RadioUnavailable], None] = lambda _why: None
        self._central = Central()

    async def open(self, on_lost: Callable[[RadioUnavailable], None]) -> None:
        """Connect to the controller and reset it."""
        # bumble reports every lost link as an error of its own, with a traceback.
        logging.getLogger("bumble").setLevel(logging.CRITICAL)
        self._on_lost = on_lost
        await self._plug_in()

    async def close(self) -> None:
        """Let go of the controller."""
        transport, self._transport = self._transport, None
        self._central.gone.set()
        if transport is not None:
            await transport.close()
            # The socket closes in the loop's next turn.
            await asyncio.sleep(0)

    async def reset(self) -> None:
        """Plug out and in again: the simulators give each caller a fresh controller."""
        await self.close()
        self._central.gone = asyncio.Event()
        await self._plug_in()

    async def _plug_in(self) -> None:
        try:
            async with asyncio.timeout(_START_SECONDS):
                transport = self._transport = await open_transport(self._hci_port)
                await self._power_on(transport)
        except (OSError, TimeoutError, ValueError, core.BaseBumbleError) as error:
            await self.close()
            raise RadioUnavailable(
                f"no virtual radio answers at {self._hci_port}: start the simulators ({error})",
                "no_simulator",
            ) from error
        except BaseException:
            await self.close()
            raise
        transport.source.terminated.add_done_callback(lambda _: self._on_terminated(transport))

    def scanner(self, heard: AdvertisementDataCallback) -> BleakScanner:
        """A bleak scanner on this controller."""
        return BleakScanner(heard, backend=VirtualScanner, central=self._central)

    async def is_scanning(self) -> bool:
        """A controller does not tell."""
        return True

    def client(
        self,
        device: BLEDevice,
        on_lost: Callable[[BleakClient], None],
        seconds: float,
        *,
        may_pair: bool,
    ) -> BleakClient:
        """A bleak client on this controller. It pairs when it is told to and never by itself."""
        return BleakClient(
            device, on_lost, timeout=seconds, backend=VirtualClient, central=self._central
        )

    async def is_bonded(self, address: str) -> bool | None:
        """Whether a key is kept."""
        return await self._bond(address) is not None

    async def forget(self, address: str) -> None:
        """Delete the key."""
        if bond := await self._bond(address):
            await self._keystore.delete(bond)

    async def count_characteristics(self, device: BLEDevice) -> int:
        """This backend discovers for itself."""
        return 0

    async def _bond(self, address: str) -> str | None:
        """What the key is kept under: bumble marks public addresses with a suffix of its own."""
        for bond, _keys in await self._keystore.get_all():
            if bond.removesuffix("/P").upper() == address.upper():
                return bond
        return None

    async def _power_on(self, transport: Transport) -> None:
        host = Host(transport.source, transport.sink)
        device = Device(
            config=DeviceConfiguration(name="devicehub", address=hci.Address(self.identity)),
            host=host,
        )
        device.keystore = self._keystore
        device.pairing_config_factory = self._pairing
        await device.power_on()
        self._central.device = device

    def _pairing(self, connection: Connection) -> PairingConfig:
        delegate = _Delegate(plain(connection.peer_address), self._ask_passkey, self._show_passkey)
        for ended in _PAIRING_ENDS:
            connection.once(ended, delegate.end)
        return PairingConfig(sc=True, mitm=False, delegate=delegate)

    def _on_terminated(self, transport: Transport) -> None:
        # One that was closed here is no longer ours.
        if transport is self._transport:
            self._central.gone.set()
            self._on_lost(
                RadioUnavailable(
                    "the virtual radio has gone: start the simulators again", "no_simulator"
                )
            )


class _Delegate(PairingDelegate):
    """Answers the questions of pairing: nothing to show, and six digits only where somebody can be asked."""

    def __init__(
        self, address: str, ask_passkey: AskPasskey | None, show_passkey: ShowPasskey | None
    ) -> None:
        # Without the identity key: bumble would then look for a resolvable address by a scan of its own,
        # which ends ours.
        keys = PairingDelegate.KeyDistribution.DISTRIBUTE_ENCRYPTION_KEY
        capability = PairingDelegate.NO_OUTPUT_NO_INPUT
        if ask_passkey is not None:
            capability = PairingDelegate.KEYBOARD_INPUT_ONLY
            if show_passkey is not None:
                capability = PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT
        super().__init__(capability, keys, keys)
        self._address = address
        self._ask_passkey = ask_passkey
        self._show_passkey = show_passkey
        self._asking: asyncio.Task[int | None] | None = None

    def end(self, *_: object) -> None:
        """Pairing is over, well or not: nobody waits for an answer any more."""
        if self._asking is not None:
            self._asking.cancel()

    async def get_number(self) -> int | None:
        """The passkey the device shows."""
        if self._ask_passkey is None:
            return None
        # bumble takes the passkey 0 for none and then waits for ever: a refusal ends the pairing.
        return await self._answer(self._ask_passkey(self._address)) or None

    async def display_number(self, number: int, digits: int) -> None:
        """Show the passkey to type on the device; pairing goes on meanwhile."""
        self._asking = asyncio.create_task(self._show(number, "type_there"))

    async def compare_numbers(self, number: int, digits: int) -> bool:
        """Whether the operator sees the same digits on both."""
        return await self._answer(self._show(number, "compare")) is not None

    async def _answer(self, question: Awaitable[int | None]) -> int | None:
        """The operator's; ``None`` where pairing ends before there is one."""
        asking = self._asking = asyncio.ensure_future(question)
        await asyncio.wait((asking,))
        return None if asking.cancelled() else asking.result()

    async def _show(self, number: int, purpose: Purpose) -> int | None:
        if self._show_passkey is None:
            return None
        return number if await self._show_passkey(self._address, number, purpose) else None


def _keystore(bonds: Path | None, identity: str) -> KeyStore:
    if bonds is None:
        return MemoryKeyStore()
    bonds.mkdir(mode=0o700, parents=True, exist_ok=True)
    return JsonKeyStore(identity, str(bonds / _BONDS_FILE))
