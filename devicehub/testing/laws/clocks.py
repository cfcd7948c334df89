"""The law of clocks: whatever the device's clock says, its measurements are what they are, when they were.

The captured bytes stay as they are; it is the room that moves to another moment, so that the same device
is decades behind, years ahead, or an hour off as after a change of zone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from devicehub.driver import Driver
from devicehub.testing.capture import Captured
from devicehub.testing.laws.patients import Patient
from devicehub.testing.laws.said import shown, strangers
from devicehub.testing.room import Room, take

_BEFORE = timedelta(hours=2)
_EARLIER = timedelta(hours=6)
_LATEST = timedelta(minutes=2)
"""How far into the future a corrected time may lie: `devicehub.reading.clock.LONGEST_LIVE_DRIFT`."""

SHIFTS = {
    "right": timedelta(),
    "an hour ahead": timedelta(hours=-1),
    "an hour behind": timedelta(hours=1),
    "at 1970 or thereabouts": timedelta(days=56 * 365),
    "in the future": timedelta(days=-10 * 365),
    "12 seconds ahead": timedelta(seconds=-12),
}
"""By how much the room is later than the device's clock thinks."""


def law_clocks(driver: Driver, captures: Sequence[Captured]) -> None:
    """With any clock, in any zone, the same measurements are read, and none comes from the future."""
    for one in captures:
        patient = Patient(driver, one)
        if any(said.device_time for said in patient.said):
            for hours, (clock, shift) in enumerate(SHIFTS.items(), start=-2):
                zone = timezone(timedelta(hours=hours))
                noon = (one.capture.header.recorded + shift).astimezone(zone)
                asyncio.run(_measure(driver, patient, noon, f"{patient.name}, clock {clock}"))


async def _measure(driver: Driver, patient: Patient, at: datetime, what: str) -> None:
    async with Room(at - _EARLIER) as room:
        await room.visit("earlier")
        room.now = at - _BEFORE
        await room.visit("now")
        room.now = at
        conversation = patient.open(room, driver)
        await take(room, conversation, patient.frames, since=patient.since)
        filings = await room.filings()
    found = [filing.reading.measurement for filing in filings]
    same = len(found) == len(patient.said) and not strangers(found, patient.said)
    assert same, f"{what}: read\n{shown(found)}\nwith its own clock\n{shown(patient.said)}"
    for filing in filings:
        corrected = filing.reading.stamp.corrected
        assert corrected is None or corrected <= filing.reading.received_at + _LATEST, (
            f"{what}: from the future, {corrected}"
        )
