"""The supervisor: one task a device, kept alive for as long as the station runs.

Only three failures are expected of a conversation (`devicehub.driver.failures`). Anything else is a bug of
one driver: it ends that device's task with its traceback in the log, and no other device notices.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal

from devicehub.devices.binding import BleBinding, SerialBinding, WrongDriver, recognise
from devicehub.devices.intake import Intake, Source
from devicehub.devices.matching import Ambiguous
from devicehub.devices.registry import UnknownDriver
from devicehub.driver import BleDriver, LinkLost, NotUnderstood, Overhear, Refused, SerialDriver
from devicehub.journal.failures import JournalFull
from devicehub.transport.ble import Radio, Sighting
from devicehub.transport.failures import RadioUnavailable
from devicehub.transport.hands import station_now
from devicehub.transport.serial import open_line

log = logging.getLogger(__name__)

Condition = Literal["waiting", "connecting", "connected", "lost", "failed"]

SERIAL_RETRY = 1.0
RADIO_RETRY = 1.0
FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 15.0


@dataclass(frozen=True, slots=True)
class DeviceNews:
    """A device's condition has changed."""

    source: Source
    name: str
    condition: Condition
    since: datetime
    detail: str | None = None


ShowDevice = Callable[[DeviceNews], None]
ShowRadio = Callable[[bool, str | None], None]
MakeRadio = Callable[[], AbstractAsyncContextManager[Radio]]


@dataclass(slots=True)
class _Nearby:
    """A Bluetooth device of the room and the last time it was seen, for the task that looks after it."""

    source: Source
    name: str
    seen: asyncio.Queue[tuple[Radio, Sighting]] = field(
        default_factory=lambda: asyncio.Queue(maxsize=1)
    )

    def put(self, radio: Radio, sighting: Sighting) -> None:
        """Keep the newest sighting only."""
        self.forget()
        self.seen.put_nowait((radio, sighting))

    def forget(self) -> None:
        """A sighting from before a connection says nothing about what is in range after it."""
        while not self.seen.empty():
            self.seen.get_nowait()


class Supervisor:
    """Looks after the room's devices."""

    def __init__(
        self,
        intake: Intake,
        *,
        serial: Sequence[SerialBinding],
        bluetooth: Sequence[BleBinding],
        accept_any: bool,
        make_radio: MakeRadio | None,
        show_device: ShowDevice,
        show_radio: ShowRadio,
    ) -> None:
        self._intake = intake
        self._serial = [(binding, binding.source()) for binding in serial]
        self._bluetooth = bluetooth
        self._accept_any = accept_any
        self._make_radio = make_radio
        self._show_device = show_device
        self._show_radio = show_radio
        self._nearby: dict[str, _Nearby] = {}
        self._strangers: set[str] = set()
        self._shown: dict[str, tuple[Condition, str | None]] = {}

    async def run(self) -> None:
        """Look after every device until cancelled."""
        async with asyncio.TaskGroup() as group:
            for binding, source in self._serial:
                care = partial(self._serial_device, source, binding.name)
                group.create_task(self._guard(source, binding.name, care), name=source.id)
            if self._make_radio is not None:
                group.create_task(self._listen(group, self._make_radio), name="radio")

    def _show(
        self, source: Source, name: str, condition: Condition, detail: str | None = None
    ) -> None:
        if self._shown.get(source.id) == (condition, detail):
            return  # An absent device is tried every second; once is enough to say so.
        self._shown[source.id] = (condition, detail)
        log.info("device_%s device=%s %s", condition, source.id, detail or "")
        self._show_device(DeviceNews(source, name, condition, station_now(), detail))

    async def _guard(self, source: Source, name: str, care: Callable[[], Awaitable[None]]) -> None:
        """Run one device's task; a bug in its driver ends it here."""
        while True:
            try:
                await care()
            except JournalFull as full:
                # Nothing more is taken in until there is room: a frame that cannot be kept is not accepted.
                log.critical("intake_stopped device=%s %s", source.id, full)
                self._show(source, name, "failed", str(full))
                await asyncio.sleep(LONGEST_BACKOFF)
            except Exception as error:
                log.exception("device_failed device=%s driver=%s", source.id, source.driver.id)
                self._show(source, name, "failed", f"{type(error).__name__}: {error}")
                return

    async def _serial_device(self, source: Source, name: str) -> None:
        driver = source.driver
        if not isinstance(driver, SerialDriver):
            raise WrongDriver(f"{source.id}: {driver.id} does not read serial lines")
        await self._intake.recover([source])
        while True:
            conversation = self._intake.open(source)
            try:
                async with open_line(
                    source.address, driver.line, conversation.hands, model=source.model
                ) as link:
                    self._show(source, name, "connected")
                    await driver.session(link)
            except (LinkLost, Refused, NotUnderstood) as lost:
                self._show(source, name, "lost", str(lost))
            await asyncio.sleep(SERIAL_RETRY)

    async def _listen(self, group: asyncio.TaskGroup, make_radio: MakeRadio) -> None:
        """Keep the radio listening; every device of the room that is seen gets a task."""

        def seen(sighting: Sighting) -> None:
            nearby = self._nearby.get(sighting.address) or self._meet(group, radio, sighting)
            if nearby is not None:
                nearby.put(radio, sighting)

        while True:
            try:
                async with make_radio() as radio:
                    radio.listen(seen)
                    self._show_radio(True, None)
                    reason = await radio.lost()
            except RadioUnavailable as error:
                reason = str(error)
            self._show_radio(False, reason)
            await asyncio.sleep(RADIO_RETRY)

    def _meet(self, group: asyncio.TaskGroup, radio: Radio, sighting: Sighting) -> _Nearby | None:
        if sighting.address in self._strangers:
            return None
        try:
            met = recognise(sighting, self._bluetooth, radio.origin, accept_any=self._accept_any)
        except (Ambiguous, UnknownDriver, WrongDriver) as error:
            log.error("device_not_bound address=%s %s", sighting.address, error)  # noqa: TRY400
            self._strangers.add(sighting.address)
            return None
        if met is None:
            return None
        if any(other.source.id == met[0].id for other in self._nearby.values()):
            log.warning("look_alike device=%s address=%s", met[0].id, sighting.address)
            self._strangers.add(sighting.address)
            return None
        nearby = self._nearby[sighting.address] = _Nearby(*met)
        group.create_task(
            self._guard(nearby.source, nearby.name, lambda: self._ble_device(nearby)),
            name=nearby.source.id,
        )
        return nearby

    async def _ble_device(self, nearby: _Nearby) -> None:
        source, name = nearby.source, nearby.name
        driver = source.driver
        if not isinstance(driver, BleDriver):
            raise WrongDriver(f"{source.id}: {driver.id} does not read Bluetooth")
        await self._intake.recover([source])
        backoff = FIRST_BACKOFF
        while True:
            self._show(source, name, "waiting")
            radio, sighting = await nearby.seen.get()
            self._show(source, name, "connecting")
            conversation = self._intake.open(source)
            hands, model = conversation.hands, source.model
            try:
                if isinstance(driver.session, Overhear):
                    with radio.overhear(sighting, hands, model) as overheard:
                        self._show(source, name, "connected")
                        await driver.session(overheard)
                else:
                    async with radio.connect(sighting, hands, model) as link:
                        self._show(source, name, "connected")
                        backoff = FIRST_BACKOFF
                        await driver.session(link)
                nearby.forget()
                continue
            except (LinkLost, Refused, NotUnderstood) as lost:
                self._show(source, name, "lost", str(lost))
                nearby.forget()
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)
