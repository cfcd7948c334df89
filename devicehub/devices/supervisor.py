"""The supervisor: one task a device, kept alive for as long as the station runs.

Only three failures are expected of a conversation (`devicehub.driver.failures`). Anything else is a bug of
one driver: that device rests for a while, with the traceback in the log, and no other device notices. Then the
frame is set aside (`Intake.recover`), and the device is read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from devicehub.devices.binding import BleBinding, SerialBinding, WrongDriver
from devicehub.devices.bluetooth import Bluetooth, PutOff, ShowRadio, Sort
from devicehub.devices.bonds import Bonds
from devicehub.devices.intake import Intake, Source
from devicehub.devices.news import Condition, DeviceNews, ShowDevice, Why
from devicehub.driver import Line, LinkLost, NotUnderstood, Refused, SerialDriver
from devicehub.journal.failures import JournalFull
from devicehub.transport.hands import station_now
from devicehub.transport.port_trouble import PortLost
from devicehub.transport.ports import Ports
from devicehub.transport.radios import MakeRadio
from devicehub.transport.serial import open_line, origin_of

log = logging.getLogger(__name__)

SERIAL_RETRY = 0.5
"""A device that was plugged in again, wherever, is read within two seconds."""
FULL_DISK_RETRY = 15.0
FAULT_RETRY = 30.0
"""A driver that stumbles at every frame fills no log, and one that stumbled once misses no second patient."""


class Supervisor:
    """Looks after the room's devices."""

    def __init__(
        self,
        intake: Intake,
        *,
        serial: Sequence[SerialBinding],
        bluetooth: Sequence[BleBinding],
        accept_any: bool,
        sort: Sort,
        put_off: PutOff,
        make_radios: Sequence[MakeRadio],
        bonds: Bonds,
        show_device: ShowDevice,
        show_radio: ShowRadio,
        ports: Ports | None = None,
    ) -> None:
        self._intake = intake
        self._ports = ports or Ports()
        self._serial = [(binding, binding.source(), binding.line()) for binding in serial]
        self._show_device = show_device
        self._shown: dict[str, DeviceNews] = {}
        self._bluetooth = Bluetooth(
            intake,
            bonds,
            make_radios,
            bluetooth,
            accept_any=accept_any,
            sort=sort,
            put_off=put_off,
            guard=self._guard,
            show=self._show,
            show_radio=show_radio,
        )

    def belongs(self, device: str, address: str | None) -> None:
        """Talk to no other address as this Bluetooth device from now on; to none, where it was let go."""
        self._bluetooth.belongs(device, address)

    async def run(self) -> None:
        """Look after every device until cancelled."""
        async with asyncio.TaskGroup() as group:
            for binding, source, line in self._serial:
                care = partial(self._serial_device, source, line, binding.name)
                group.create_task(self._guard(source, binding.name, care), name=source.id)
            group.create_task(self._bluetooth.run(), name="bluetooth")

    def _show(
        self,
        source: Source,
        name: str,
        condition: Condition,
        detail: str | None = None,
        why: Why | None = None,
        holder: str | None = None,
    ) -> None:
        before = self._shown.get(source.id)
        if before is not None and (before.condition, before.detail) == (condition, detail):
            return  # An absent device is tried every second; once is enough to say so.
        # Another reason does not begin the trouble anew.
        same = before is not None and before.condition == condition
        since = before.since if before is not None and same else station_now()
        log.info("device_%s device=%s %s", condition, source.id, detail or "")
        news = DeviceNews(source, name, condition, since, detail, why, holder)
        self._shown[source.id] = news
        self._show_device(news)

    async def _guard(self, source: Source, name: str, care: Callable[[], Awaitable[None]]) -> None:
        """Run one device's task; a bug in its driver goes no further."""
        while True:
            try:
                await care()
            except JournalFull as full:
                # Nothing more is taken in until there is room: a frame that cannot be kept is not accepted.
                log.critical("intake_stopped device=%s %s", source.id, full)
                self._show(source, name, "failed", str(full))
                await asyncio.sleep(FULL_DISK_RETRY)
            except Exception as error:
                log.exception("device_failed device=%s driver=%s", source.id, source.driver.id)
                self._show(source, name, "failed", f"{type(error).__name__}: {error}")
                await asyncio.sleep(FAULT_RETRY)

    async def _serial_device(self, source: Source, line: Line, name: str) -> None:
        driver = source.driver
        if not isinstance(driver, SerialDriver):
            raise WrongDriver(f"{source.id}: {driver.id} does not read serial lines")
        await self._intake.recover([source])
        while True:
            try:
                async with self._ports.use(source.address, source.id) as port:
                    # What a port is, is known where it is opened: a link may lead elsewhere today.
                    here = replace(source, origin=origin_of(port))
                    hands = self._intake.open(here).hands
                    async with open_line(port, line, hands, model=source.model) as link:
                        if origin_of(port) != here.origin:  # it was led elsewhere meanwhile
                            continue
                        self._show(here, name, "connected")
                        await driver.session(link)
            except PortLost as lost:
                by = next((one.name for one, _, _ in self._serial if one.id == lost.by), lost.by)
                self._show(source, name, "lost", str(lost), lost.why, by)
            except (LinkLost, Refused, NotUnderstood) as lost:
                self._show(source, name, "lost", str(lost))
            await asyncio.sleep(SERIAL_RETRY)
