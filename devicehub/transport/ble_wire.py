"""A connected BLE device as a session sees it: the `BleLink` over bleak, whatever stack is beneath."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from collections.abc import Set as AbstractSet
from functools import partial
from typing import TypeVar

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError, BleakGATTProtocolError, BleakGATTProtocolErrorCode

from devicehub.driver import Frame, LinkLost, Refused
from devicehub.driver.frame import short
from devicehub.transport.hands import Recorder, station_now
from devicehub.transport.inbox import Inbox, InboxLink, Received

ANSWER_SECONDS = 30.0
"""A device that does not answer an ATT request for this long never will on this link (Core Specification,
vol. 3, part F, 3.3.3)."""

PAIRING_SECONDS = 60.0
"""Long enough for a person to read six digits on a device and type them."""

_PAIRING_REFUSED = (
    "pairing was refused: the device did not take the digits, nobody typed them, or it is not in its pairing "
    "mode. Put it into its pairing mode again, then pair it again with the digits it shows then"
)

_DOUBT_SECONDS = 0.5
_STACK_FAILURES = (BleakError, EOFError, OSError)
"""What bleak's backends raise when the stack or the link beneath them goes away; EOFError is D-Bus's."""

_WANTS_BOND = frozenset(
    {
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
    }
)

log = logging.getLogger(__name__)
T = TypeVar("T")


class NotPaired(Refused):
    """The device wants a bond, and its model's policy lets the hub make none by itself."""

    def __init__(self) -> None:
        super().__init__(
            "the device is not paired with this computer, and is never paired in passing: a failed attempt can "
            "erase the key it holds. Put it into its pairing mode and run: devicehub pair ADDRESS"
        )


class PairingRefused(Refused):
    """A pair request was sent, and no bond was made."""

    def __init__(self) -> None:
        super().__init__(_PAIRING_REFUSED)


class BleWire(InboxLink):
    """A `devicehub.driver.BleLink` over one bleak connection; it sends a pair request only where ``may_pair``."""

    def __init__(
        self,
        client: BleakClient,
        inbox: Inbox,
        recorder: Recorder | None = None,
        *,
        may_pair: bool = True,
    ) -> None:
        super().__init__(inbox)
        self._client = client
        self._may_pair = may_pair
        self.paired = False
        """Whether a bond was asked for over this link, and made."""
        self._recorder = recorder
        self._subscribed: set[str] = set()
        self._attributes: dict[str, BleakGATTCharacteristic] = {}
        # BlueZ lists services in no order; of two characteristics of one name the first handle counts.
        for handle in sorted(client.services.characteristics):
            characteristic = client.services.characteristics[handle]
            self._attributes.setdefault(short(characteristic.uuid), characteristic)

    @property
    def characteristics(self) -> AbstractSet[str]:
        """What the device offers."""
        return self._attributes.keys()

    async def subscribe(self, *characteristics: str) -> None:
        """Ask for notifications or indications. Raises `Refused`, `LinkLost`."""
        for on in characteristics:
            if on in self._subscribed:
                continue
            attribute = self._attribute(on)
            if self._recorder is not None:
                self._recorder.hub("subscribe", on, b"")
            await self._ask(on, partial(self._client.start_notify, attribute, self._heard))
            self._subscribed.add(on)
            self._inbox.listening()

    async def read(self, characteristic: str) -> bytes:
        """The characteristic's value. Raises `Refused`, `LinkLost`."""
        attribute = self._attribute(characteristic)
        if self._recorder is not None:
            self._recorder.hub("read", characteristic, b"")
        value = await self._ask(characteristic, lambda: self._client.read_gatt_char(attribute))
        data = Received(bytes(value), station_now())
        if self._recorder is not None:
            self._recorder.device("value", characteristic, data)
        return data

    async def write(self, characteristic: str, data: bytes, *, response: bool = True) -> None:
        """Write a value. Raises `Refused`, `LinkLost`."""
        attribute = self._attribute(characteristic)
        if self._recorder is not None:
            self._recorder.hub("write" if response else "command", characteristic, data)
        await self._ask(
            characteristic,
            lambda: self._client.write_gatt_char(attribute, data, response=response),
        )

    async def expect(self, characteristic: str, *, prefix: bytes = b"", within: float) -> bytes:
        """The next message of ``characteristic`` that starts with ``prefix``. Raises `LinkLost`."""
        return await self._inbox.expect(characteristic, prefix, within)

    def frames(self, *characteristics: str, quiet: float) -> AsyncIterator[Frame]:
        """Each message as a one-part frame; ends when ``quiet`` seconds pass without one."""
        return self._inbox.frames(frozenset(characteristics), quiet)

    def _heard(self, characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        on = short(characteristic.uuid)
        received = self._inbox.put(on, bytes(data))
        if self._recorder is not None:
            self._recorder.device("message", on, received)

    def _attribute(self, on: str) -> BleakGATTCharacteristic:
        self._inbox.check()
        if on not in self._attributes:
            raise Refused(f"the device has no characteristic {on}")
        return self._attributes[on]

    async def _ask(self, on: str, operation: Callable[[], Awaitable[T]]) -> T:
        """The device's answer; where it wants a bond first, one is made and the question asked again."""
        try:
            try:
                return await self._attempt(operation)
            except BleakGATTProtocolError as error:
                if error.code not in _WANTS_BOND:
                    raise
            await self.pair()
            return await self._attempt(operation)
        except BleakGATTProtocolError as error:
            if self._recorder is not None:
                self._recorder.device("refused", on, bytes([error.code & 0xFF]))
            words = error.code.name.replace("_", " ").lower()
            raise Refused(
                f"the device refused {on}: {words} (ATT error 0x{error.code:02x})"
            ) from error

    async def _attempt(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Raises ``BleakGATTProtocolError`` for the device's no and `LinkLost` for everything else."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await operation()
        except BleakGATTProtocolError as error:
            if error.code == BleakGATTProtocolErrorCode.UNLIKELY_ERROR:
                # BlueZ says this, too, of a read that was on its way when the link dropped.
                await self._inbox.pause(_DOUBT_SECONDS)
            self._inbox.check()
            raise
        except TimeoutError:
            raise LinkLost("the device no longer answers") from None
        except _STACK_FAILURES as error:
            self._inbox.check()
            raise LinkLost(f"the link failed: {error}") from error

    async def pair(self) -> None:
        """Bond with the device. Raises `PairingRefused` where it, or the operator, does not; `Refused`, `NotPaired`."""
        if not self._may_pair:
            raise NotPaired
        try:
            async with asyncio.timeout(PAIRING_SECONDS):
                await self._client.pair()
            self.paired = True
        except TimeoutError:
            self._inbox.check()
            raise Refused("pairing was not completed in time") from None
        except (NotImplementedError, *_STACK_FAILURES) as error:
            log.info("pairing refused: %s", error)
            raise PairingRefused from error
