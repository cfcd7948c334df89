"""A preparation from the first electrode to the journal: whose it is, when it ends, and what is never claimed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from ecg_room import EcgRoom, until

from devicehub.devices.preparations import ENDED, NoPreparation
from devicehub.driver import EcgPreparation, EcgSamples, HeartRate, Measurement
from devicehub.journal.failures import NotAllowed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)
NOTHING_ON = ",".join(
    f"{name}:off" for name in ("RA", "LA", "LL", "RL", "V1", "V2", "V3", "V4", "V5", "V6")
)


def said(**values: object) -> EcgSamples:
    """A stretch of lead I."""
    return EcgSamples.model_validate({"leads": ["I"], "sampling_hz": None, **values})


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[EcgRoom]:
    async with EcgRoom(tmp_path) as room:
        yield room


async def test_a_preparation_is_filed_in_the_visit_it_was_made_in(room: EcgRoom) -> None:
    await room.open("visit-a")
    room.front_end.tell("connected")
    room.front_end.script("V3:off@2-6")
    await room.front_end.play(4)
    assert room.ecg().phase == "running"
    seen = room.ecg().verdict
    assert seen is not None
    assert seen.electrodes["V3"].state == "off"
    assert not room.ecg().is_ready
    await room.front_end.play(16)
    assert room.ecg().is_ready
    filed = await room.preparations.finish("ecg", "visit-a")
    (filing,) = await room.filings(1)
    reading = filing.reading
    assert reading.measurement == filed
    assert isinstance(reading.measurement, EcgPreparation)
    assert reading.measurement.ready
    assert reading.measurement.retries == 1
    assert 15 <= reading.measurement.duration_seconds <= 19
    assert filing.attribution.visit == "visit-a"
    assert filing.state == "accepted"
    assert reading.origin == "simulator"
    assert reading.began.latest == reading.received_at
    assert reading.began.latest - reading.began.earliest > timedelta(seconds=19), "all of it"
    assert room.ecg().phase == "done"
    assert room.ecg().result == filed
    with pytest.raises(NoPreparation):
        await room.preparations.finish("ecg", "visit-a")
    assert room.traces


async def test_not_ready_is_filed_by_a_persons_word_alone(room: EcgRoom) -> None:
    await room.open("visit-a")
    room.front_end.tell("connected")
    room.front_end.script("V3:off")
    await room.front_end.play(6)
    filed = await room.preparations.finish("ecg", "visit-a")
    assert not filed.ready
    assert filed.electrodes["V3"] == "off"
    room.preparations.begin("ecg", "visit-a")
    room.front_end.sent = 0
    await room.front_end.play(6)
    room.front_end.tell("lost")
    assert room.has_ended()
    assert len(await room.filings(1)) == 1


async def test_electrodes_that_were_on_before_the_visit_are_nobodys_until_somebody_says_so(
    room: EcgRoom,
) -> None:
    room.front_end.tell("connected")
    await room.front_end.play(6)
    assert room.ecg().phase == "running"
    await room.open("visit-a")
    assert room.ecg().phase == "others"
    await room.front_end.play(14)
    assert room.ecg().phase == "others"
    with pytest.raises(NoPreparation):
        await room.preparations.finish("ecg", "visit-a")
    room.preparations.begin("ecg", "visit-a")
    room.front_end.sent = 0
    assert not room.ecg().is_ready
    await room.front_end.play(12)
    assert room.ecg().is_ready
    await room.preparations.finish("ecg", "visit-a")
    (filing,) = await room.filings(1)
    assert filing.attribution.visit == "visit-a"


async def test_a_panel_that_still_shows_the_patient_before_says_nothing_of_the_next_one(
    room: EcgRoom,
) -> None:
    room.front_end.tell("connected")
    await room.front_end.play(6)
    await room.open("visit-a")
    await room.open("visit-b")
    assert room.ecg().phase == "others"
    with pytest.raises(NotAllowed, match="no longer the open one"):
        room.preparations.begin("ecg", "visit-a")
    assert room.ecg().phase == "others"
    room.preparations.begin("ecg", "visit-b")
    room.front_end.sent = 0
    await room.front_end.play(6)
    with pytest.raises(NotAllowed, match="no longer the open one"):
        await room.preparations.finish("ecg", "visit-a")
    await room.desk.lock(author="test", reason="asked")
    with pytest.raises(NotAllowed, match="confirm the patient first"):
        room.preparations.begin("ecg", "visit-b")
    with pytest.raises(NotAllowed, match="confirm the patient first"):
        await room.preparations.finish("ecg", "visit-b")
    assert await room.journal.latest(1) == []


async def test_a_change_of_visit_ends_it_and_what_was_ready_stays_with_its_own(
    room: EcgRoom,
) -> None:
    await room.open("visit-a")
    room.front_end.tell("connected")
    await room.front_end.play(18)
    await room.open("visit-b")
    assert room.ecg().phase == "others"
    (filing,) = await room.filings(1)
    assert filing.attribution.visit == "visit-a"
    assert isinstance(filing.reading.measurement, EcgPreparation)
    assert filing.reading.measurement.ready


async def test_one_that_reaches_over_two_visits_is_in_neither(room: EcgRoom) -> None:
    room.front_end.tell("connected")
    await room.front_end.play(18)
    await room.open("visit-a")
    (filing,) = await room.filings(1)
    assert filing.attribution.visit is None
    assert filing.state == "quarantined"


async def test_clips_that_come_off_end_it_and_the_next_patients_begin_another(
    room: EcgRoom,
) -> None:
    await room.open("visit-a")
    room.front_end.tell("connected")
    await room.front_end.play(18)
    room.front_end.script(NOTHING_ON)
    await room.front_end.play(ENDED.total_seconds() + 3)
    assert room.ecg().phase == "waiting"
    (filing,) = await room.filings(1)
    assert isinstance(filing.reading.measurement, EcgPreparation)
    assert filing.reading.measurement.ready
    await room.open("visit-b")
    assert room.ecg().phase == "waiting"
    await room.front_end.play(1)
    room.front_end.script("")
    await room.front_end.play(14)
    assert room.ecg().phase == "running"
    assert room.ecg().began > filing.reading.received_at
    await room.preparations.finish("ecg", "visit-b")
    assert {one.attribution.visit for one in await room.filings(2)} == {"visit-a", "visit-b"}


async def test_silence_is_never_now(room: EcgRoom) -> None:
    await room.open("visit-a")
    room.front_end.tell("connected")
    await room.front_end.play(14)
    assert room.ecg().is_ready
    room.pass_by(timedelta(seconds=2))
    await until(lambda: room.ecg().is_frozen)
    assert not room.ecg().is_ready
    with pytest.raises(NoPreparation):
        await room.preparations.finish("ecg", "visit-a")
    room.front_end.sent += 2 * 500
    await room.front_end.play(2)
    assert not room.ecg().is_frozen
    assert not room.ecg().is_ready, "ten seconds without a gap"
    await room.front_end.play(12)
    assert room.ecg().is_ready
    room.pass_by(ENDED + timedelta(seconds=1))
    await until(room.has_ended)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
async def test_a_check_that_is_killed_begins_anew_and_says_so(room: EcgRoom) -> None:
    await room.open("visit-a")
    room.front_end.tell("connected")
    await room.front_end.play(14)
    assert room.ecg().is_ready
    first = room.preparations.check.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: room.ecg().is_anew)
    assert not room.ecg().is_ready
    await until(lambda: room.preparations.check.pid not in (None, first))
    room.front_end.sent = 0
    await room.front_end.play(4)
    assert not room.ecg().is_anew
    assert not room.ecg().is_ready
    await room.front_end.play(10)
    assert room.ecg().is_ready


async def test_what_cannot_be_checked_says_why(room: EcgRoom) -> None:
    await room.open("visit-a")
    room.front_end.tell("connected")
    for samples, why in (
        (said(microvolts=[[1]]), "no_rate"),
        (said(sampling_hz=500, counts=[[1]]), "no_scale"),
        (said(sampling_hz=50, microvolts=[[1]]), "rate"),
    ):
        room.preparations.live("ecg", [samples], room.now)
        assert room.ecg().unable == why
        with pytest.raises(NoPreparation):
            room.preparations.begin("ecg", "visit-a")
    assert room.preparations.check.pid is None


async def test_the_rest_of_the_page_hears_of_a_stream_once_a_second_without_its_samples(
    room: EcgRoom,
) -> None:
    room.front_end.tell("connected")
    samples = said(sampling_hz=500, microvolts=[[1] * 20])
    pulse = HeartRate.model_validate({"per_minute": 70})
    told: list[Measurement] = []
    for _ in range(50):
        told += room.preparations.live("ecg", [samples, pulse], room.now)
        room.pass_by(timedelta(milliseconds=40))
    assert told.count(pulse) == 50
    streams = [one for one in told if isinstance(one, EcgSamples)]
    assert len(streams) == 2
    assert all(not one.microvolts for one in streams)
    await asyncio.sleep(0)
