"""The road of a device's frames: committed, decoded, settled, made a reading, attributed, committed again.

This is the one place where a frame becomes a reading. Everything it decides with is pure
(`devicehub.reading`, `devicehub.visit.fence`); everything it learns is in the journal before anyone else
hears of it. A frame whose reading a crash prevented is read again at the next start (`recover`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from devicehub.devices.keyring import Keyring
from devicehub.devices.registry import driver_version
from devicehub.driver import DeviceFacts, Driver, Frame, Measurement, NotUnderstood, Settles
from devicehub.journal.journal import Journal
from devicehub.journal.records import Attribution, Fate, Filing, JournalledFrame, State
from devicehub.reading import clock, identity, interval, plausibility
from devicehub.reading.clock import DeviceClock
from devicehub.reading.reading import Device, DriverUsed, Origin, Reading
from devicehub.reading.settle import Finished, Settle, Settling
from devicehub.transport.hands import Arrival, Hands, station_now
from devicehub.visit.desk import Desk
from devicehub.visit.fence import Attributed

log = logging.getLogger(__name__)

ShowLive = Callable[[str, Sequence[Measurement], datetime], None]
"""Called with the device's id, what it is measuring now, and when that arrived."""
ShowNotUnderstood = Callable[[str, NotUnderstood], None]

HUB = "devicehub"
"""The author of an attribution nobody made by hand."""


@dataclass(frozen=True, slots=True)
class Source:
    """A device as it is bound to this station: the practice's name for it, its driver, where it is reached."""

    id: str
    driver: Driver
    address: str
    origin: Origin
    model: str | None = None


class Intake:
    """Makes readings of what the station's devices send."""

    def __init__(
        self,
        journal: Journal,
        desk: Desk,
        *,
        station: str,
        secrets: Path,
        show_live: ShowLive,
        show_not_understood: ShowNotUnderstood,
    ) -> None:
        self.journal = journal
        self.desk = desk
        self.station = station
        self.secrets = secrets
        self.show_live = show_live
        self.show_not_understood = show_not_understood

    def open(self, source: Source) -> Conversation:
        """A new connection's road. Nothing of an earlier one survives in it."""
        return Conversation(self, source, str(uuid4()), Settling(idle_since=station_now()))

    async def recover(self, sources: Sequence[Source]) -> int:
        """Read the frames a crash left unread, oldest first; how many there were.

        Frames of a device that is no longer bound stay where they are, unread and complete.
        """
        known = {source.id: source for source in sources}
        frames = [f for f in await self.journal.unread_frames() if f.device in known]
        for frame in frames:
            source = known[frame.device]
            conversation = Conversation(self, source, frame.connection, frame.settling)
            await conversation.read(frame)
        return len(frames)


class Conversation:
    """One connection with one device, seen from the hub."""

    def __init__(self, intake: Intake, source: Source, connection: str, state: Settling) -> None:
        self._intake = intake
        self._source = source
        self._connection = connection
        self._settle = Settle(source.driver.settles, state)
        self._used = DriverUsed(id=source.driver.id, version=driver_version(source.driver))
        self._secrets = Keyring(intake.secrets, source.id)
        self._repeated: list[Frame] = []

    @property
    def hands(self) -> Hands:
        """What the transport puts this connection's frames into."""
        return Hands(deliver=self.deliver, live=self.live, secrets=self._secrets)

    async def deliver(self, frame: Frame, arrival: Arrival) -> None:
        """Commit a frame, then read it. Returns when the frame, and what was read in it, is on disk.

        A scale that repeats itself says nothing new: after two equal frames the third is not kept.
        """
        if self._source.driver.settles is Settles.STREAM:
            if self._repeated == [frame, frame]:
                return
            self._repeated = [*self._repeated[-1:], frame]
        journalled = await self._intake.journal.commit_frame(
            device=self._source.id,
            connection=self._connection,
            driver=self._used,
            origin=self._source.origin,
            frame=frame,
            first_byte=arrival.first,
            last_byte=arrival.last,
            settling=self._settle.state,
        )
        await self.read(journalled)

    def live(self, frame: Frame, arrival: Arrival) -> None:
        """Show a frame of a measurement still going on."""
        self._repeated = []
        try:
            measurements = self._decode(frame)
        except NotUnderstood as error:
            self._intake.show_not_understood(self._source.id, error)
            return
        self._settle.live(measurements, arrival.first)
        self._intake.show_live(self._source.id, measurements, arrival.last)

    async def read(self, journalled: JournalledFrame) -> None:
        """Make the readings of a journalled frame. Reading it again changes nothing."""
        evidence = journalled.evidence
        frame = Frame.from_hex([list(part) for part in evidence.parts], evidence.model)
        journal = self._intake.journal
        try:
            measurements = self._decode(frame)
        except NotUnderstood as error:
            log.warning(
                "frame_not_understood device=%s frame=%d", journalled.device, evidence.number
            )
            await journal.settle_frame(evidence.number, "not_understood", detail=error.reason)
            self._intake.show_not_understood(self._source.id, error)
            return
        for measurement in measurements:
            if isinstance(measurement, DeviceFacts):
                await self._remember(measurement, evidence.last_byte)
        finished = self._settle.finished(measurements, evidence.first_byte)
        filings = [await self._file(f, journalled, index) for index, f in enumerate(finished)]
        fate: Fate = "read" if filings else "nothing"
        await journal.settle_frame(evidence.number, fate, filings)
        if not finished:
            self._intake.show_live(self._source.id, measurements, evidence.last_byte)

    def _decode(self, frame: Frame) -> list[Measurement]:
        driver = self._source.driver
        return list(driver.decode(driver.unseal(frame, self._secrets)))

    async def _remember(self, facts: DeviceFacts, seen_at: datetime) -> None:
        await self._intake.journal.remember_device(
            self._source.id,
            facts=facts,
            clock=clock.compare(facts.clock, seen_at),
            intrinsic=identity.intrinsic(facts, self._source.address),
        )

    async def _file(self, finished: Finished, journalled: JournalledFrame, index: int) -> Filing:
        reading = await self._reading(finished, journalled, index)
        state, attribution = self._attribute(reading)
        return Filing(
            reading=reading, attribution=attribution, state=state, state_at=attribution.at
        )

    async def _reading(
        self, finished: Finished, journalled: JournalledFrame, index: int
    ) -> Reading:
        source, evidence = self._source, journalled.evidence
        measurement = finished.measurement
        known = await self._intake.journal.device(source.id)
        facts = known.facts if known else None
        seen: DeviceClock | None = known.clock if known else None
        stamp = clock.stamp(measurement.device_time, seen, evidence.last_byte)
        model = next((m for m in source.driver.models if m.name == source.model), None)
        model = model or source.driver.models[0]
        intrinsic = identity.intrinsic(facts, source.address)
        key = identity.record_key(
            sequence=measurement.sequence,
            device_time=measurement.device_time,
            trusted=stamp.corrected is not None,
            frame=f"{self._intake.station}:{journalled.connection}:{evidence.number}",
            index=index,
        )
        return Reading(
            id=identity.reading_id(intrinsic, measurement.kind, key),
            measurement=measurement,
            device=Device(
                id=source.id,
                intrinsic=intrinsic,
                maker=facts.maker if facts else None,
                model=(facts.model if facts else None) or source.model,
                serial_number=facts.serial_number if facts else None,
                firmware=facts.firmware if facts else None,
                battery_percent=(
                    float(facts.battery_percent)
                    if facts and facts.battery_percent is not None
                    else None
                ),
            ),
            driver=journalled.driver,
            origin=journalled.origin,
            received_at=evidence.last_byte,
            stamp=stamp,
            began=interval.began(
                first_live=finished.began,
                stamp=stamp,
                stamped=model.time_stamp,
                first_byte=evidence.first_byte,
                longest=timedelta(seconds=model.longest),
            ),
            evidence=(evidence,),
            plausibility=plausibility.judge(measurement),
            unattended=source.driver.settles is Settles.PRINTED,
        )

    def _attribute(self, reading: Reading) -> tuple[State, Attribution]:
        decision = self._intake.desk.attribute(reading)
        visit = decision.visit if isinstance(decision, Attributed) else None
        attribution = Attribution(
            reading=reading.id,
            revision=1,
            visit=visit,
            quarantine=None if isinstance(decision, Attributed) else decision.reason,
            author=HUB,
            at=station_now(),
        )
        return self._intake.desk.first_state(reading, visit), attribution
