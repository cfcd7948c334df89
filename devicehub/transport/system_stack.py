"""The computer's own Bluetooth: BlueZ, WinRT or CoreBluetooth, whichever bleak finds."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementDataCallback
from bleak.exc import BleakError

from devicehub.reading.reading import Origin
from devicehub.transport.failures import RadioUnavailable, unavailable
from devicehub.transport.stack import FORGET_SECONDS, AskPasskey, ShowPasskey

if TYPE_CHECKING:
    from devicehub.transport.bluez_adapter import BluezAdapter

NAMELESS = "system"
"""What a system's only radio is called where the system names none."""


class SystemStack:
    """One adapter of this computer; the `devicehub.transport.stack.Stack` of real devices.

    ``adapter`` is BlueZ's name of it (``hci1``); ``None`` takes the first that is switched on. ``answered`` holds
    the addresses whose pairing questions may be answered: adapters share it, since BlueZ asks one agent for all.
    """

    origin: Origin = "device"

    def __init__(
        self,
        ask_passkey: AskPasskey | None,
        show_passkey: ShowPasskey | None,
        adapter: str | None,
        answered: set[str],
    ) -> None:
        self.name = self.identity = adapter or NAMELESS
        self._ask_passkey = ask_passkey
        self._show_passkey = show_passkey
        self._wanted = adapter
        self._adapter: BluezAdapter | None = None
        self._answered = answered
        self._bluez = contextlib.AsyncExitStack()

    async def open(self, on_lost: Callable[[RadioUnavailable], None]) -> None:
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
                # Without an agent of ours BlueZ refuses even the bond that asks nobody anything.
                agent = BluezAgent(
                    self._answered.__contains__, self._ask_passkey, self._show_passkey
                )
                await opened.enter_async_context(agent)
                self._bluez = opened.pop_all()
        except (BleakError, OSError, EOFError) as error:
            raise unavailable(error) from error
        self.name, self.identity = adapter.name, adapter.address

    async def close(self) -> None:
        """Let go of the adapter and the agent."""
        await self._bluez.aclose()

    async def reset(self) -> None:
        """Off and on through BlueZ. Elsewhere a new scanner is all that can be done, and the radio makes it."""
        if self._adapter is None:
            return
        try:
            await self._adapter.power_cycle()
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            raise RadioUnavailable(
                f"the Bluetooth adapter {self.name} does not come back by itself ({error}): pull it out and "
                "plug it in again; if it is built in, restart the service bluetooth, then this computer",
                "stuck",
            ) from error

    def scanner(self, heard: AdvertisementDataCallback) -> BleakScanner:
        """The backend bleak chooses."""
        if self._adapter is None:
            return BleakScanner(heard)
        return BleakScanner(heard, bluez=BlueZScannerArgs(adapter=self._adapter.name))

    async def is_scanning(self) -> bool:
        """What BlueZ says; the other systems do not tell."""
        return self._adapter is None or await self._adapter.is_discovering()

    def client(
        self,
        device: BLEDevice,
        on_lost: Callable[[BleakClient], None],
        seconds: float,
        *,
        may_pair: bool,
    ) -> BleakClient:
        """The backend bleak chooses."""
        if may_pair:
            self._answered.add(device.address)
        else:
            self._answered.discard(device.address)
        return BleakClient(device, on_lost, timeout=seconds)

    async def is_bonded(self, address: str) -> bool | None:
        """What BlueZ says; the other systems do not tell."""
        return None if self._adapter is None else await self._adapter.is_bonded(address)

    async def forget(self, address: str) -> None:
        """Remove it from BlueZ; WinRT unpairs by address, CoreBluetooth leaves it to the person."""
        if self._adapter is not None:
            await self._adapter.forget(address)
            return
        try:
            await BleakClient(address, timeout=FORGET_SECONDS).unpair()
        except NotImplementedError as error:
            raise BleakError(
                "this system lets no program do it: forget the device in the system's Bluetooth settings"
            ) from error

    async def count_characteristics(self, device: BLEDevice) -> int:
        """BlueZ may say that all services are resolved before it has told bleak of all."""
        if self._adapter is None:
            return 0
        return await self._adapter.count_characteristics(device.address)
