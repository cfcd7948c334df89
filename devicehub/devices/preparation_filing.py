"""The filing of ECG preparations: the reading of one that has ended, attributed by the fence and journalled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from devicehub.devices.intake import Source, first_filing
from devicehub.devices.registry import driver_version
from devicehub.driver import DeviceFacts
from devicehub.ecg.preparation import Ended
from devicehub.journal.failures import JournalFull
from devicehub.journal.journal import Journal
from devicehub.reading import identity
from devicehub.reading.clock import Stamp
from devicehub.reading.interval import Began
from devicehub.reading.reading import Device, DriverUsed, Reading
from devicehub.visit.desk import Desk

log = logging.getLogger(__name__)

RETRY_SECONDS = 15.0
"""How long to wait for room on the disk before trying again."""


@dataclass(frozen=True, slots=True)
class Unfiled:
    """A preparation that has ended, on its way to the journal. Nothing of a stream comes twice: its key is chance."""

    source: Source
    began: datetime
    ended: Ended
    key: UUID = field(default_factory=uuid4)


class PreparationFiling:
    """Files what has ended: at once, or in `run` what nobody waits for."""

    def __init__(self, journal: Journal, desk: Desk, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._desk = desk
        self._now = now
        self._unfiled: asyncio.Queue[Unfiled] = asyncio.Queue()

    def put(self, unfiled: Unfiled) -> None:
        """Have it filed soon."""
        self._unfiled.put_nowait(unfiled)

    async def run(self) -> None:
        """File what was put here, until cancelled; a full disk delays it."""
        while True:
            unfiled = await self._unfiled.get()
            while True:
                try:
                    await self.file(unfiled)
                    break
                except JournalFull as full:
                    log.critical("ecg_preparation_waits %s", full)
                    await asyncio.sleep(RETRY_SECONDS)

    async def file(self, unfiled: Unfiled) -> None:
        """Journal its reading; a second time changes nothing. Raises `JournalFull`."""
        known = await self._journal.device_at(unfiled.source.id, unfiled.source.address)
        reading = _reading(unfiled, known.facts if known is not None else None)
        decision = self._desk.attribute(reading)
        await self._journal.file([first_filing(reading, decision, self._desk, self._now())])


def _reading(unfiled: Unfiled, facts: DeviceFacts | None) -> Reading:
    """The reading of a preparation. Its interval is all of it: nothing of it may be another patient's."""
    source, ended, said = unfiled.source, unfiled.ended, facts or DeviceFacts()
    intrinsic = identity.intrinsic(facts, source.address)
    return Reading(
        id=identity.reading_id(intrinsic, ended.measurement.kind, f"preparation:{unfiled.key}"),
        measurement=ended.measurement,
        device=Device(
            id=source.id,
            intrinsic=intrinsic,
            maker=said.maker,
            model=said.model or source.model,
            serial_number=said.serial_number,
            firmware=said.firmware,
        ),
        driver=DriverUsed(id=source.driver.id, version=driver_version(source.driver)),
        origin=source.origin,
        received_at=ended.at,
        stamp=Stamp(device_time=None, corrected=None, offset_seconds=None, how="none"),
        began=Began(earliest=unfiled.began, latest=ended.at, known_from="live_frames"),
        evidence=(),
    )
