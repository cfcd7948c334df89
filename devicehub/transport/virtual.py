"""A radio that exists in software: bleak on bumble, for the demo and every test without hardware.

Two real Bluetooth hosts (L2CAP, ATT, GATT, SMP) talk through a virtual controller that another process, or
another part of the same one, offers as an HCI socket. See `devicehub.testing.simulate`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
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

from devicehub.transport.ble import AskPasskey, Radio
from devicehub.transport.failures import RadioUnavailable
from devicehub.transport.hands import Origin
from devicehub.transport.virtual_backend import Central, VirtualClient, VirtualScanner, plain

HUB_ADDRESS = "F0:00:00:00:00:01"
"""A static random address: bonds on both sides survive a restart of the hub."""

_BONDS_FILE = "virtual-bonds.json"
_START_SECONDS = 5.0


def virtual_radio(
    hci_port: str, bonds: Path | None, ask_passkey: AskPasskey | None = None
) -> Radio:
    """A radio on the virtual controller at ``hci_port`` (``tcp-client:127.0.0.1:9700``, ``unix:/path``).

    Bonds are kept in the folder ``bonds``, or for this radio's life where it is ``None``.
    """
    return Radio(VirtualStack(hci_port, bonds, ask_passkey))


class VirtualStack:
    """A bumble host on an HCI socket: the `devicehub.transport.ble.Stack` that is always a simulator."""

    origin: Origin = "simulator"

    def __init__(self, hci_port: str, bonds: Path | None, ask_passkey: AskPasskey | None) -> None:
        self._hci_port = hci_port
        self._bonds = bonds
        self._ask_passkey = ask_passkey
        self._transport: Transport | None = None
        self._closing = False
        self._central = Central()

    async def open(self, on_lost: Callable[[str], None]) -> None:
        """Connect to the controller and reset it."""
        # bumble reports every lost link as an error of its own, with a traceback.
        logging.getLogger("bumble").setLevel(logging.CRITICAL)
        try:
            async with asyncio.timeout(_START_SECONDS):
                self._transport = await open_transport(self._hci_port)
                await self._power_on(self._transport)
        except (OSError, TimeoutError, ValueError, core.BaseBumbleError) as error:
            await self.close()
            raise RadioUnavailable(
                f"no virtual radio answers at {self._hci_port}: start the simulators ({error})"
            ) from error
        except BaseException:
            await self.close()
            raise
        self._transport.source.terminated.add_done_callback(lambda _: self._on_terminated(on_lost))

    async def close(self) -> None:
        """Let go of the controller."""
        self._closing = True
        self._central.gone.set()
        if self._transport is not None:
            await self._transport.close()
            # The socket closes in the loop's next turn.
            await asyncio.sleep(0)

    def scanner(self, heard: AdvertisementDataCallback) -> BleakScanner:
        """A bleak scanner on this controller."""
        return BleakScanner(heard, backend=VirtualScanner, central=self._central)

    def client(
        self, device: BLEDevice, on_lost: Callable[[BleakClient], None], seconds: float
    ) -> BleakClient:
        """A bleak client on this controller."""
        return BleakClient(
            device, on_lost, timeout=seconds, backend=VirtualClient, central=self._central
        )

    async def is_bonded(self, device: BLEDevice) -> bool:
        """Never asked for: this backend pairs anew by itself when it is told that a key is missing."""
        return False

    async def count_characteristics(self, device: BLEDevice) -> int:
        """This backend discovers for itself."""
        return 0

    async def _power_on(self, transport: Transport) -> None:
        host = Host(transport.source, transport.sink)
        device = Device(
            config=DeviceConfiguration(name="devicehub", address=hci.Address(HUB_ADDRESS)),
            host=host,
        )
        device.keystore = _keystore(self._bonds)
        device.pairing_config_factory = self._pairing
        await device.power_on()
        self._central.device = device

    def _pairing(self, connection: Connection) -> PairingConfig:
        address = plain(connection.peer_address)
        return PairingConfig(sc=True, mitm=False, delegate=_Delegate(address, self._ask_passkey))

    def _on_terminated(self, on_lost: Callable[[str], None]) -> None:
        self._central.gone.set()
        if not self._closing:
            on_lost("the virtual radio has gone: start the simulators again")


class _Delegate(PairingDelegate):
    """Answers the questions of pairing: nothing to show, and six digits only where somebody can be asked."""

    def __init__(self, address: str, ask_passkey: AskPasskey | None) -> None:
        # Without the identity key: bumble would then look for a resolvable address by a scan of its own,
        # which ends ours.
        keys = PairingDelegate.KeyDistribution.DISTRIBUTE_ENCRYPTION_KEY
        super().__init__(
            PairingDelegate.NO_OUTPUT_NO_INPUT
            if ask_passkey is None
            else PairingDelegate.KEYBOARD_INPUT_ONLY,
            keys,
            keys,
        )
        self._address = address
        self._ask_passkey = ask_passkey

    async def get_number(self) -> int | None:
        """The passkey."""
        return None if self._ask_passkey is None else await self._ask_passkey(self._address)


def _keystore(bonds: Path | None) -> KeyStore:
    if bonds is None:
        return MemoryKeyStore()
    bonds.mkdir(mode=0o700, parents=True, exist_ok=True)
    return JsonKeyStore(HUB_ADDRESS, str(bonds / _BONDS_FILE))
