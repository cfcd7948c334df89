"""Commissioning: which of the devices in range are the room's, and how a new one becomes so.

The radio asks here of every device it hears (`sort`); what it answers is written down in the journal and
nowhere else (`devicehub.devices.adoption` decides).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devicehub.devices import adoption
from devicehub.devices.adoption import Challenge, NotAdopted, Sorted, Stage
from devicehub.devices.binding import BleBinding
from devicehub.journal.adoptions import Adoption
from devicehub.journal.journal import Journal
from devicehub.transport.ble import Sighting
from devicehub.transport.hands import station_now

log = logging.getLogger(__name__)

AROUND = timedelta(minutes=1)
"""Who was heard this long ago still counts as having been there before a challenge."""

FORGOTTEN = timedelta(minutes=5)
"""A double that was not heard for this long is no longer shown."""

KEPT = 64
"""Addresses remembered before the old ones are dropped."""


@dataclass(frozen=True, slots=True)
class Double:
    """A device in range that answers to one of the room's and is not it, or not yet: a named warning, never data."""

    what: Sorted
    address: str
    heard_at: datetime


class Commissioning:
    """The room's devices by their physical identity. `load` it before the radio listens.

    ``show`` is told the `doubles` and the `unadopted` whenever they, or the adoption under way, have changed.
    """

    def __init__(
        self,
        journal: Journal,
        bindings: Sequence[BleBinding],
        *,
        known_only: bool,
        show: Callable[[tuple[Double, ...], frozenset[str]], None] = lambda _doubles, _not: None,
        now: Callable[[], datetime] = station_now,
    ) -> None:
        self._journal = journal
        self._bindings = {binding.id: binding for binding in bindings}
        self._known_only = known_only
        self._show = show
        self._now = now
        self._adopted: dict[str, str] = {}
        self._taken: dict[str, str] = {}
        self._heard: dict[str, Sighting] = {}
        self._doubles: dict[str, Double] = {}
        self.on_belonging: list[Callable[[str, str | None], None]] = []
        """Called with a device and the address that has become the room's; ``None`` where it was let go."""
        self.challenge: Challenge | None = None
        """The adoption that is under way, or the last one."""

    async def load(self) -> None:
        """Take up what the journal knows."""
        self._adopted = adoption.addresses(await self._journal.adoptions())

    @property
    def doubles(self) -> tuple[Double, ...]:
        """Who is in range, answers to a device of the room, and is not read."""
        limit = self._now() - FORGOTTEN
        return tuple(one for one in self._doubles.values() if one.heard_at >= limit)

    @property
    def adopted(self) -> dict[str, str]:
        """The address of each adopted device, by its id."""
        return dict(self._adopted)

    @property
    def unadopted(self) -> frozenset[str]:
        """The devices of the configuration for which nothing is read before a device is adopted."""
        if not self._known_only:
            return frozenset()
        named = {one.id for one in self._bindings.values() if one.name_prefix is not None}
        return frozenset(named - self._adopted.keys())

    @property
    def stage(self) -> Stage | None:
        """Where the adoption under way stands; ``None`` where there is none."""
        return None if self.challenge is None else adoption.stage(self.challenge, self._now())

    def sort(self, seen: Sighting) -> Sorted:
        """What a device in range is to this room. Hearing it may be what an adoption waits for."""
        found = adoption.sort(
            seen,
            self._bindings.values(),
            {**self._taken, **self._adopted},
            known_only=self._known_only,
        )
        now = self._now()
        address = seen.address.lower()
        if found.binding is None:
            return found
        self._heard[address] = seen
        if len(self._heard) > KEPT:
            self._forget(now)
        if found.standing == "ours" and found.binding.id not in self._adopted:
            # The first that answers to a name is the room's while this run lasts, where that is allowed.
            self._taken[found.binding.id] = address
        if found.standing != "ours":
            self._warn(found, address, now)
        elif self._doubles.pop(address, None) is not None:
            self._show(self.doubles, self.unadopted)
        self._wake(seen, now)
        return found

    def begin(self, device: str, author: str) -> Challenge:
        """Show a code for this device. Raises ``KeyError`` for one that is not Bluetooth, else as `adoption.begin`."""
        binding, now = self._bindings[device], self._now()
        around = [seen for seen in self._heard.values() if now - seen.at <= AROUND]
        code = f"{secrets.randbelow(10_000):04}"
        self.challenge = adoption.begin(binding, code, author, now, around)
        log.info("adoption_begun device=%s", device)
        self._show(self.doubles, self.unadopted)
        return self.challenge

    async def confirm(self, code: str) -> Adoption:
        """The person gives the code back: the device that woke is the room's. Raises `NotAdopted`."""
        if self.challenge is None:
            raise NotAdopted("over")
        made = adoption.adopt(self.challenge, code, self._now())
        await self._journal.record_adoption(made)
        self._adopted[made.device] = made.address
        self._taken.pop(made.device, None)
        self._doubles.pop(made.address, None)
        self.challenge = None
        log.info("device_adopted device=%s address=%s", made.device, made.address)
        self._tell(made.device, made.address)
        return made

    def give_up(self) -> None:
        """Take the code away."""
        self.challenge = None
        self._show(self.doubles, self.unadopted)

    async def release(self, device: str, author: str) -> None:
        """Let an adopted device go; a device nobody adopted is let go of already."""
        address = self._adopted.get(device)
        if address is None:
            return
        await self._journal.record_adoption(
            Adoption(device=device, act="released", address=address, author=author, at=self._now())
        )
        del self._adopted[device]
        log.info("device_released device=%s address=%s", device, address)
        self._tell(device, None)

    def _tell(self, device: str, address: str | None) -> None:
        for listener in self.on_belonging:
            listener(device, address)
        self._show(self.doubles, self.unadopted)

    def _forget(self, now: datetime) -> None:
        """Devices with addresses that change all the time must not fill the memory."""
        self._heard = {a: seen for a, seen in self._heard.items() if now - seen.at <= AROUND}
        self._doubles = {one.address: one for one in self.doubles}

    def _warn(self, found: Sorted, address: str, now: datetime) -> None:
        is_new = address not in self._doubles
        self._doubles[address] = Double(found, address, now)
        if is_new and found.binding is not None:
            log.warning("%s device=%s address=%s", found.standing, found.binding.id, address)
            self._show(self.doubles, self.unadopted)

    def _wake(self, seen: Sighting, now: datetime) -> None:
        before = self.challenge
        if before is None:
            return
        self.challenge = adoption.heard(before, self._bindings[before.device], seen, now)
        if self.challenge != before:
            self._show(self.doubles, self.unadopted)
