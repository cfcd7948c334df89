"""A scan that is kept going: what `devicehub.transport.watchdog` decides is done here, rung by rung."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Literal

from bleak import BleakScanner
from bleak.backends.scanner import AdvertisementDataCallback
from bleak.exc import BleakError

from devicehub.transport.failures import RadioUnavailable, unavailable
from devicehub.transport.stack import Stack
from devicehub.transport.watchdog import Hearsay, Watchdog

TICK_SECONDS = 5.0
"""How often the watchdog looks."""

ENDING_SECONDS = 5.0
STACK_FAILURES = (BleakError, OSError, EOFError, TimeoutError)
"""What bleak's backends raise when the stack beneath them fails; EOFError is D-Bus's."""

_STUCK = (
    "the Bluetooth adapter {name} hears nothing any more and a reset did not help: pull it out and plug it in "
    "again; if it is built in, restart the service bluetooth, then this computer"
)

Listening = Literal["hearing", "quiet", "resetting"]
"""How a scan goes: ``quiet`` is no fault, a room without devices is; ``resetting`` is the adapter's restart.

A device that is linked advertises nothing: while one is, the room is not ``quiet``.
"""

log = logging.getLogger(__name__)


class Scan:
    """One adapter's scan, watched from `start` to `stop`.

    ``connecting`` is held by who makes a connection: stacks pause the scan meanwhile, and the watchdog waits.
    ``linked`` tells whether a device is spoken with through this adapter now.
    ``on_reset`` is called when the adapter was reset and every link with it; ``on_lost`` when nothing helps.
    """

    def __init__(
        self,
        stack: Stack,
        heard: AdvertisementDataCallback,
        connecting: asyncio.Lock,
        hearsay: Hearsay,
        *,
        linked: Callable[[], bool],
        on_change: Callable[[Listening], None],
        on_reset: Callable[[], None],
        on_lost: Callable[[RadioUnavailable], None],
    ) -> None:
        self._stack = stack
        self._heard = heard
        self._connecting = connecting
        self._hearsay = hearsay
        self._linked = linked
        self._on_change = on_change
        self._on_reset = on_reset
        self._on_lost = on_lost
        self._scanner: BleakScanner | None = None
        self._watching: asyncio.Task[None] | None = None
        self.listening: Listening = "quiet"
        """How it goes now."""
        self._watchdog = Watchdog(0.0)

    async def start(self) -> None:
        """Scan from now on. An adapter that refuses is reset once. Raises `RadioUnavailable`."""
        self._watchdog = Watchdog(_now())
        try:
            await self._start_scanner()
        except STACK_FAILURES as error:
            log.warning("radio_scan_refused adapter=%s: %s", self._stack.name, error)
            try:
                await self._stack.reset()
                await self._start_scanner()
            except STACK_FAILURES as again:
                why = unavailable(again)
                raise why if why.fault != "other" else self._stuck() from again
        self._watching = asyncio.create_task(self._watch(), name=f"watchdog {self._stack.name}")

    async def stop(self) -> None:
        """Scan no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait((self._watching,))
        await self._stop_scanner()

    def heard(self, address: str) -> None:
        """An advertisement has just come in."""
        now = _now()
        self._watchdog.heard(now)
        self._hearsay.note(self._stack.name, address, now)
        self._tell("hearing")

    async def _start_scanner(self) -> None:
        # A new one each time: bleak's are not made to be started again after a failure.
        scanner = self._stack.scanner(self._heard)
        await scanner.start()
        self._scanner = scanner

    async def _stop_scanner(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            await quietly(scanner.stop())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            # A connection being made pauses the scan, on BlueZ to the point of its saying so.
            async with self._connecting:
                if await self._gave_up():
                    return

    async def _gave_up(self) -> bool:
        try:
            scanning = await self._stack.is_scanning()
        except STACK_FAILURES:
            scanning = True  # the adapter's own watch tells when the stack is gone
        now, name = _now(), self._stack.name
        contradicted = self._hearsay.contradicts(name, self._watchdog.silent_since, now)
        rung = self._watchdog.due(now, scanning=scanning, contradicted=contradicted)
        if rung is None:
            return False
        words = f"scanning={scanning} contradicted={contradicted}"
        if rung == "restart_scan":
            log.info("radio_scan_restarted adapter=%s %s", name, words)
            if not self._linked():
                self._tell("quiet")
            worked = await self._restart()
            self._watchdog.restarted(_now(), worked=worked)
            if worked:
                return False
            rung = self._watchdog.due(_now(), scanning=False, contradicted=contradicted)
        if rung == "reset_adapter":
            log.warning("radio_reset adapter=%s %s", name, words)
            self._tell("resetting")
            worked = await self._reset()
            self._watchdog.was_reset(_now(), worked=worked)
            if worked:
                self._tell("quiet")
                return False
        log.error("radio_given_up adapter=%s %s", name, words)
        self._on_lost(self._stuck())
        return True

    def _stuck(self) -> RadioUnavailable:
        return RadioUnavailable(_STUCK.format(name=self._stack.name), "stuck")

    async def _restart(self) -> bool:
        await self._stop_scanner()
        try:
            await self._start_scanner()
        except STACK_FAILURES as error:
            log.warning("radio_scan_refused adapter=%s: %s", self._stack.name, error)
            return False
        return True

    async def _reset(self) -> bool:
        await self._stop_scanner()
        try:
            await self._stack.reset()
            self._on_reset()
            await self._start_scanner()
        except (RadioUnavailable, *STACK_FAILURES) as error:
            log.warning("radio_reset_failed adapter=%s: %s", self._stack.name, error)
            return False
        return True

    def _tell(self, listening: Listening) -> None:
        if listening != self.listening:
            self.listening = listening
            self._on_change(listening)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def quietly(ending: Awaitable[None]) -> None:
    """End something whose other side may have gone already: its complaints tell nothing new."""
    try:
        async with asyncio.timeout(ENDING_SECONDS):
            await ending
    except STACK_FAILURES as error:
        log.debug("while ending: %s", error)
