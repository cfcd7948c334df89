"""The road of a device's frames: committed, decoded, settled, made a reading, attributed, committed again.

This is the one place where a frame becomes a reading. Everything it decides with is pure
(`devicehub.reading`, `devicehub.visit.fence`); everything it learns is in the journal before anyone else
hears of it. A frame whose reading a crash prevented is read again at the next start (`recover`).
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from devicehub.devices.bursts import Bursts
from devicehub.devices.keyring import Keyring
from devicehub.devices.registry import driver_version
from devicehub.devices.upkeep import Upkeep
from devicehub.driver import DeviceFacts, Driver, Frame, Measurement, NotUnderstood, Settles
from devicehub.journal.failures import JournalFailed
from devicehub.journal.journal import Journal
from devicehub.journal.records import Attribution, DeviceRecord, Filing, JournalledFrame, Told
from devicehub.reading import clock, identity
from devicehub.reading.assembly import Around, assemble, declared
from devicehub.reading.clock import DeviceClock
from devicehub.reading.reading import DriverUsed, Origin, Reading
from devicehub.reading.settle import (
    NOT_BEGUN_BY,
    Finished,
    Settle,
    Settling,
    ends,
    has_value,
    is_live,
)
from devicehub.transport.hands import Arrival, Hands, station_now
from devicehub.visit.desk import Desk
from devicehub.visit.fence import Attributed, Quarantined

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


@dataclass(frozen=True, slots=True)
class FrameSeen:
    """A frame as it came in, and what was read in it: for a technician who looks on."""

    source: Source
    frame: Frame
    at: datetime
    live: bool
    """It belongs to a measurement still going on, and is not kept."""
    measurements: tuple[Measurement, ...] = ()
    not_understood: str | None = None


ShowFrame = Callable[[FrameSeen], None]
ShowLoad = Callable[[str, bool, datetime], None]
"""Told of every frame of a streaming scale whether a load rests on it that is no weight to come."""


class Intake:
    """Makes readings of what the station's devices send."""

    def __init__(
        self,
        journal: Journal,
        desk: Desk,
        *,
        station: str,
        secrets: Path,
        given_secrets: Mapping[str, Mapping[str, bytes]] | None = None,
        upkeep: Upkeep | None = None,
        show_live: ShowLive,
        show_not_understood: ShowNotUnderstood,
        show_frame: ShowFrame = lambda _seen: None,
        show_load: ShowLoad = lambda _device, _rests, _at: None,
        now: Callable[[], datetime] = station_now,
    ) -> None:
        self.journal = journal
        self.desk = desk
        self.station = station
        self.secrets = secrets
        self.given_secrets = given_secrets or {}
        """What the practice's configuration gives, by device."""
        self.upkeep = upkeep or Upkeep()
        self.show_live = show_live
        self.show_not_understood = show_not_understood
        self.show_frame = show_frame
        self._bursts = Bursts()
        self.show_load = show_load
        self.now = now

    def open(self, source: Source, last_idle: datetime | None = None) -> Conversation:
        """A new connection's road. Nothing of an earlier one survives in it but ``last_idle`` (`Conversation.idle_at_end`)."""
        self.desk.look()
        state = Settling(idle_since=self.now(), last_idle=last_idle)
        return Conversation(self, source, str(uuid4()), state)

    def tell_not_understood(self, device: str, error: NotUnderstood, at: datetime) -> None:
        """Say that a frame was not understood, but once of a burst and then how many."""
        count = self._bursts.worth_telling(device, at)
        if count is not None:
            log.warning("frame_not_understood device=%s in_a_row=%d", device, count)
            self.show_not_understood(device, error)

    async def recover(self, sources: Sequence[Source]) -> int:
        """Read the frames a crash left unread, oldest first; how many there were.

        One that its driver stumbles over is kept as not understood, and said: it holds up no other. Frames of a device
        that is no longer bound stay where they are, unread and complete. Raises `JournalFailed`, ``sqlite3.Error`` or
        ``OSError`` where the disk is at fault: nothing more is read then, and nothing lost.
        """
        known = {source.id: source for source in sources}
        frames = [f for f in await self.journal.unread_frames() if f.device in known]
        for frame in frames:
            bound = known[frame.device]
            # Another device may bear its name by now.
            source = replace(bound, address=frame.address or bound.address)
            conversation = Conversation(self, source, frame.connection, frame.settling)
            await conversation.take_up()
            try:
                await conversation.read(frame)
            except (JournalFailed, sqlite3.Error, OSError):
                # The disk's fault: the frame may be read yet.
                raise
            except Exception as error:
                log.exception(
                    "frame_not_read device=%s frame=%d", frame.device, frame.evidence.number
                )
                reason = f"{type(error).__name__}: {error}"
                await conversation.set_aside(frame, NotUnderstood(reason))
        return len(frames)


class Conversation:
    """One connection with one device, seen from the hub."""

    def __init__(self, intake: Intake, source: Source, connection: str, state: Settling) -> None:
        self._intake = intake
        self._source = source
        self._connection = connection
        self._settle = Settle(source.driver.settles, state)
        self._used = DriverUsed(id=source.driver.id, version=driver_version(source.driver))
        given = intake.given_secrets.get(source.id)
        self._secrets = Keyring(intake.secrets, source.id, given)
        self._repeated: list[Frame] = []
        self._clock: DeviceClock | None = None
        self.has_told = False
        """Whether the last that the device told was a result, or that nobody is on it: it may leave after that."""

    @property
    def source(self) -> Source:
        """The device it is with."""
        return self._source

    @property
    def hands(self) -> Hands:
        """What the transport puts this connection's frames into."""
        return Hands(
            deliver=self.deliver,
            live=self.live,
            secrets=self._secrets,
            listening=self._settle.watched,
        )

    def idle_at_end(self) -> datetime | None:
        """Now, where the driver ends the connection with a device that it has watched being idle; else ``None``."""
        return self._settle.idle_at(self._intake.now())

    async def take_up(self) -> None:
        """Go on with a connection that a crash has ended: the clock it had seen is seen again."""
        first, *_ = await self._intake.journal.frames_of(self._connection)
        known = await self._known()
        if known and known.clock and known.clock.seen_at >= first.evidence.first_byte:
            self._clock = known.clock

    async def deliver(self, frame: Frame, arrival: Arrival) -> None:
        """Commit a frame, then read it. Returns when the frame, and what was read in it, is on disk.

        A scale that repeats itself says nothing new: after two equal frames the third is not kept.
        """
        self._intake.desk.look()
        if self._source.driver.settles is Settles.STREAM:
            if self._repeated == [frame, frame]:
                self._look_at_load(arrival.last)
                return
            self._repeated = [*self._repeated[-1:], frame]
        journalled = await self._intake.journal.commit_frame(
            device=self._source.id,
            address=self._source.address,
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
        self._intake.desk.look()
        self._repeated = []
        try:
            measurements = self._decode(frame)
        except NotUnderstood as error:
            self._look(frame, arrival.last, error, live=True)
            self._intake.tell_not_understood(self._source.id, error, arrival.last)
            return
        self._look(frame, arrival.last, measurements, live=True)
        self._settle.live(measurements, arrival.first)
        self._note_told(measurements, live=True)
        self._look_at_load(arrival.last)
        self._intake.show_live(self._source.id, measurements, arrival.last)

    async def read(self, journalled: JournalledFrame) -> None:
        """Make the readings of a journalled frame. Reading it again changes nothing."""
        evidence = journalled.evidence
        frame, journal = _frame(journalled), self._intake.journal
        try:
            measurements = self._decode(frame)
        except NotUnderstood as error:
            await self.set_aside(journalled, error)
            return
        self._look(frame, evidence.last_byte, measurements)
        for measurement in measurements:
            if isinstance(measurement, DeviceFacts):
                await self._remember(measurement, evidence.last_byte)
        finished = self._settle.finished(measurements, evidence.first_byte)
        self._note_told(measurements, live=False)
        self._look_at_load(evidence.last_byte)
        filed = await self._file(finished, journalled)
        await journal.settle_frame(
            evidence.number,
            "read" if finished else "nothing",
            [filing for filing, _told in filed],
            said=[told for _filing, told in filed if told is not None],
        )
        if not finished:
            self._intake.show_live(self._source.id, measurements, evidence.last_byte)

    async def set_aside(self, journalled: JournalledFrame, error: NotUnderstood) -> None:
        """Keep a frame that nobody understands, and say so."""
        evidence = journalled.evidence
        await self._intake.journal.settle_frame(
            evidence.number, "not_understood", detail=error.reason
        )
        self._look(_frame(journalled), evidence.last_byte, error)
        self._intake.tell_not_understood(self._source.id, error, evidence.last_byte)

    def _look(
        self,
        frame: Frame,
        at: datetime,
        read: Sequence[Measurement] | NotUnderstood,
        *,
        live: bool = False,
    ) -> None:
        if isinstance(read, NotUnderstood):
            seen = FrameSeen(self._source, frame, at, live, not_understood=read.reason)
        else:
            seen = FrameSeen(self._source, frame, at, live, tuple(read))
        self._intake.show_frame(seen)

    def _note_told(self, measurements: Sequence[Measurement], *, live: bool) -> None:
        for measurement in measurements:
            if measurement.kind not in NOT_BEGUN_BY:
                is_result = ends(measurement) and not live
                self.has_told = is_result or not has_value(measurement)

    def _look_at_load(self, at: datetime) -> None:
        if self._source.driver.settles is Settles.STREAM:
            self._intake.show_load(self._source.id, self._settle.rests_in_vain, at)

    def _decode(self, frame: Frame) -> list[Measurement]:
        driver = self._source.driver
        return list(driver.decode(driver.unseal(frame, self._secrets)))

    async def _remember(self, facts: DeviceFacts, seen_at: datetime) -> None:
        seen = clock.compare(facts.clock, seen_at)
        if self._clock is None and seen is not None:
            # A clock seen again may have been set meanwhile; the memory was stamped by the one seen first.
            known = await self._known()
            self._clock = seen.after(known.clock if known else None)
        await self._intake.journal.remember_device(
            self._source.id,
            self._source.address,
            facts=facts,
            clock=self._clock,
            intrinsic=identity.intrinsic(facts, self._source.address),
        )

    async def _file(
        self, finished: Sequence[Finished], journalled: JournalledFrame
    ) -> list[tuple[Filing, Told | None]]:
        """The filings of one frame, and beside each what its device told without a number of its own."""
        around = await self._around(journalled)
        # What it told before anybody knew who it is, it told under its address.
        unknown = replace(around, facts=None)
        found: list[tuple[Callable[[], Filing], Told | None]] = []
        known: dict[UUID, Reading] = {}
        for index, one in enumerate(finished):
            first_byte = journalled.evidence.first_byte
            settles, recalls = around.driver.settles, declared(around).recalls
            live = is_live(one, settles, journalled.settling, first_byte, recalls=recalls)
            reading = assemble(one, around, index=index, live=live)
            before = assemble(one, unknown, index=index, live=live)
            held = known.get(reading.id) or await self._held(reading.id)
            if held is None and (held := await self._held(before.id)) is not None:
                reading = before
            likeness = identity.likeness(held, reading) if held is not None else "same"
            if likeness != "same":
                reading = assemble(one, around, index=index, live=live, by_frame=True)
            known[reading.id] = reading
            told = Told(
                device=reading.device.intrinsic,
                content=identity.content(reading.measurement),
                connection=journalled.connection,
            )
            told_before = told.model_copy(update={"device": before.device.intrinsic})
            repeated = likeness == "repeated" or await self._intake.journal.is_repeated(told)
            repeated = repeated or await self._intake.journal.is_repeated(told_before)
            numbered = reading.measurement.sequence is not None
            decide = partial(
                self._attributed,
                reading,
                live=live,
                repeated=repeated and not live,
                recalled=recalls and not live,
                recent_from=first_byte - timedelta(seconds=declared(around).longest),
            )
            found.append((decide, None if numbered else told))
        # Decided together, and written before anything else is: the dossier may have told who it is meanwhile.
        return [(decide(), told) for decide, told in found]

    async def _known(self) -> DeviceRecord | None:
        return await self._intake.journal.device_at(self._source.id, self._source.address)

    async def _held(self, reading: UUID) -> Reading | None:
        filing = await self._intake.journal.reading(reading)
        return filing.reading if filing is not None else None

    async def _around(self, journalled: JournalledFrame) -> Around:
        source, number = self._source, journalled.evidence.number
        known = await self._known()
        return Around(
            device=source.id,
            address=source.address,
            model=source.model,
            driver=source.driver,
            used=journalled.driver,
            origin=journalled.origin,
            evidence=journalled.evidence,
            frame=f"{self._intake.station}:{journalled.connection}:{number}",
            facts=known.facts if known else None,
            clock=self._clock,
            zone=self._intake.now().utcoffset() or timedelta(),
            metrology=self._intake.upkeep.metrology(
                source.id,
                await self._intake.journal.checks_of(source.id),
                journalled.evidence.last_byte.astimezone().date(),
            ),
        )

    def _attributed(
        self,
        reading: Reading,
        *,
        live: bool,
        repeated: bool,
        recalled: bool,
        recent_from: datetime,
    ) -> Filing:
        seen_at = None if self._clock is None else self._clock.seen_at
        decision = self._intake.desk.attribute(reading, clock_seen=seen_at)
        # A device may stamp when it was started, before its first live frame, or its end.
        by_arrival = reading.began.known_from == "arrival"
        started_from = reading.began.earliest - clock.LONGEST_LIVE_DRIFT
        could_be_now = not recalled and clock.could_be(
            reading.measurement.device_time,
            self._clock,
            earliest=recent_from if by_arrival else started_from,
            latest=reading.began.latest if by_arrival else reading.received_at,
            live=live,
            zone=self._intake.now().utcoffset() or timedelta(),
        )
        if reading.stamp.corrected is None and not could_be_now:
            decision = Quarantined("unknown_time")
        if repeated:
            decision = Quarantined("repeated_untimed")
        return first_filing(reading, decision, self._intake.desk, self._intake.now())


def _frame(journalled: JournalledFrame) -> Frame:
    evidence = journalled.evidence
    return Frame.from_hex([list(part) for part in evidence.parts], evidence.model)


def first_filing(
    reading: Reading, decision: Attributed | Quarantined, desk: Desk, at: datetime
) -> Filing:
    """A new reading as the fence has decided, nobody's hand in it."""
    visit = decision.visit if isinstance(decision, Attributed) else None
    attribution = Attribution(
        reading=reading.id,
        revision=1,
        visit=visit,
        quarantine=None if isinstance(decision, Attributed) else decision.reason,
        author=HUB,
        at=at,
    )
    state = desk.first_state(reading, visit)
    return Filing(reading=reading, attribution=attribution, state=state, state_at=at)
