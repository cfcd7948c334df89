"""The laws of the room: through the hub's own intake, nothing of one patient is ever found with another.

Two captures are two patients. Their frames go through a real journal, intake and fence, each in a visit of
its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from devicehub.devices.intake import Conversation
from devicehub.driver import Driver, Measurement, Settles
from devicehub.journal.records import Filing
from devicehub.testing.capture import Captured
from devicehub.testing.laws.measuring import readings
from devicehub.testing.laws.said import shown, strangers
from devicehub.testing.replay import Handed, converse
from devicehub.testing.room import Room, take

_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
_BEFORE = timedelta(hours=2)
"""How long a visit lasts before its measurement: longer than any takes."""
_MOST_BREAKS = 5
"""Of a longer conversation, it is broken off at so many places, evenly over it."""


def law_two_patients(driver: Driver, captures: Sequence[Captured]) -> None:
    """One patient's measurement broken off anywhere leaves nothing with the next, and each keeps their own."""
    patients = [Patient(driver, one) for one in captures]
    patients = [patient for patient in patients if patient.said]
    for first, second in zip(patients, patients[1:] + patients[:1], strict=True):
        frames = len(first.frames)
        for at in range(0, frames + 1, frames // _MOST_BREAKS + 1):
            asyncio.run(_broken_off(driver, first, second, at))
        # Beside itself, a device that names itself would tell each reading twice: once is right.
        if first is not second:
            asyncio.run(_side_by_side(driver, first, second))


def law_read_again(driver: Driver, captures: Sequence[Captured]) -> None:
    """A journalled frame that is read again gives nothing new."""
    for one in captures:
        asyncio.run(_read_again(driver, Patient(driver, one)))


def law_repeats(driver: Driver, captures: Sequence[Captured]) -> None:
    """Two equal measurements are two; what a device without a clock tells again from memory is nobody's."""
    for one in captures:
        patient = Patient(driver, one)
        if patient.said:
            asyncio.run(_twice(driver, patient))
            asyncio.run(_from_memory(driver, patient))


class Patient:
    """A capture, the frames its session hands over, and what is read in it alone."""

    def __init__(self, driver: Driver, captured: Captured) -> None:
        self.name = captured.capture.path.name
        self.since = captured.capture.header.recorded
        self.frames = converse(driver, captured.capture)
        found = {reading.id: reading for reading in readings(driver, captured)}
        self.said = [reading.measurement for reading in found.values()]

    async def measured(
        self, room: Room, conversation: Conversation, frames: Sequence[Handed]
    ) -> None:
        """Their frames arrive."""
        await take(room, conversation, frames, since=self.since)

    async def measured_on(self, room: Room, conversation: Conversation, at: int) -> None:
        """Frame ``at`` arrives, as long after the one before as it did."""
        since = self.frames[at - 1].at if 0 < at < len(self.frames) else self.since
        await take(room, conversation, self.frames[at : at + 1], since=since)

    def open(self, room: Room, driver: Driver, device: str = "device") -> Conversation:
        """A connection of their device."""
        secrets = self.frames[-1].secrets if self.frames else {}
        return room.open(driver, device, secrets)


async def _broken_off(driver: Driver, first: Patient, second: Patient, at: int) -> None:
    what = f"{first.name} broken off after frame {at}, then {second.name}"
    async with Room(_NOON) as room:
        await room.visit("first")
        room.now += _BEFORE
        await first.measured(room, first.open(room, driver), first.frames[:at])
        await room.visit("second")
        room.now += _BEFORE
        await second.measured(room, second.open(room, driver), second.frames)
        filings = await room.filings()
    _check(what, _of(filings, "first"), first.said)
    _check(what, _of(filings, "second"), second.said)
    _check(what, [filing.reading.measurement for filing in filings], first.said + second.said)


async def _side_by_side(driver: Driver, first: Patient, second: Patient) -> None:
    """Two devices of a kind in one room, their frames in turn: each device's readings are its own."""
    async with Room(_NOON) as room:
        await room.visit("both")
        room.now += _BEFORE
        one, other = first.open(room, driver, "one"), second.open(room, driver, "other")
        for at in range(max(len(first.frames), len(second.frames))):
            await first.measured_on(room, one, at)
            await second.measured_on(room, other, at)
        filings = await room.filings()
    for device, patient in (("one", first), ("other", second)):
        found = [f.reading.measurement for f in filings if f.reading.device.id == device]
        _check(f"{first.name} and {second.name} in turn, {device}", found, patient.said)
        assert len(found) == len(patient.said), f"{patient.name} beside another: {shown(found)}"


async def _read_again(driver: Driver, patient: Patient) -> None:
    async with Room(_NOON) as room:
        await room.visit("visit")
        room.now += _BEFORE
        conversation = patient.open(room, driver)
        await patient.measured(room, conversation, patient.frames)
        before = await room.filings()
        number = 0
        while (frame := await room.journal.frame(number := number + 1)) is not None:
            again = Conversation(room.intake, conversation.source, frame.connection, frame.settling)
            await again.take_up()
            await again.read(frame)
        after = await room.filings()
    new = [one.reading.measurement for one in after[len(before) :]]
    assert after == before, f"{patient.name}: read again, and found\n{shown(new)}"


async def _twice(driver: Driver, patient: Patient) -> None:
    """The same frames twice in one connection: twice as many readings, but of records with a name."""
    async with Room(_NOON) as room:
        await room.visit("visit")
        room.now += _BEFORE
        conversation = patient.open(room, driver)
        for _ in range(2):
            await patient.measured(room, conversation, patient.frames)
            room.now += timedelta(minutes=1)
        found = [filing.reading.measurement for filing in await room.filings()]
    if driver.settles is not Settles.STREAM:  # a load must leave the scale first
        unnamed = [one for one in patient.said if one.sequence is None and one.device_time is None]
        wanted = len(patient.said) + len(unnamed)
        assert len(found) >= wanted, f"{patient.name}: of two equal measurements\n{shown(found)}"
    _check(f"{patient.name} twice", found, patient.said * 2)


async def _from_memory(driver: Driver, patient: Patient) -> None:
    """The same frames again at once upon a new connection, in the next patient's visit."""
    async with Room(_NOON) as room:
        await room.visit("first")
        room.now += _BEFORE
        await patient.measured(room, patient.open(room, driver), patient.frames)
        given = await room.filings()
        await room.visit("second")
        room.now += _BEFORE
        conversation = patient.open(room, driver)
        for one in patient.frames:
            if one.finished:
                await take(room, conversation, [one], since=one.at)
        again = _of(await room.filings(), "second")
    if driver.settles is Settles.EACH:
        told = [one for one in again if one.stored is not False]
        assert not told, f"{patient.name}: told again, and filed with the next\n{shown(told)}"
    assert given or not patient.said, f"{patient.name}: nothing was read"


def _of(filings: Sequence[Filing], visit: str) -> list[Measurement]:
    return [one.reading.measurement for one in filings if one.attribution.visit == visit]


def _check(what: str, found: Sequence[Measurement], whole: Sequence[Measurement]) -> None:
    beyond = strangers(found, whole)
    assert not beyond, f"{what}: carried over\n{shown(beyond)}\nalone\n{shown(whole)}"
