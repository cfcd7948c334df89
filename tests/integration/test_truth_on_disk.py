"""The walk of `tests/unit/visit/test_truth.py` with everything real: frames, intake, SQLite, seal, restarts.

Besides the truth about people it holds that nothing is lost and nothing is doubled: every measurement whose
frame reached the disk is one reading, in one place.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from waiting_room import CALM, GRACE, MORNING, Instrument, Measured, NoDossier, Truth, step

from devicehub.devices import registry
from devicehub.devices.intake import Conversation, Intake, Source
from devicehub.driver import BloodPressure, Frame
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing, JournalledFrame
from devicehub.journal.seal import Seal
from devicehub.transport.hands import Arrival
from devicehub.visit.desk import Desk
from devicehub.visit.patient import PatientIdentity

T = TypeVar("T")

STEPS = int(os.environ.get("DEVICEHUB_FENCE_DISK_STEPS", "9000"))
EPISODE = 300
DRIVER = registry.find("sig_blood_pressure")


class Crash(Exception):
    """The station ends just here."""


class OnDisk(Truth):
    """The room as it is, and a station whose journal is a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = asyncio.new_event_loop()
        self.told: dict[tuple[int, int], PatientIdentity] = {}
        self.talks: dict[int, Conversation] = {}
        self.live: dict[int, Conversation] = {}
        super().__init__()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def leave(self) -> None:
        """Close everything."""
        self.crash()
        self.loop.close()

    # ------------------------------------------------------------------------- the station

    def start(self) -> None:
        if self.alive:
            return
        self.alive = True
        self.disk = Journal(self.folder / "journal.sqlite")
        self.do(self.disk.__aenter__())
        self.desk = Desk(
            self.disk,
            station="room-1",
            grace=GRACE,
            confirm="none",
            dossier=NoDossier(),
            seal=Seal(self.folder / "identity.key"),
            show=lambda _visit, _identity: None,
            now=self.now,
            monotonic=lambda: self.seconds,
        )
        self.intake = Intake(
            self.disk,
            self.desk,
            station="room-1",
            secrets=self.folder / "secrets",
            show_live=lambda _device, _measurements, _at: None,
            show_not_understood=lambda _device, _error: None,
            now=self.now,
        )
        self.do(self.desk.load())
        self.do(self.desk.reconcile())

    def crash(self) -> None:
        if self.alive:
            super().crash()
            self.talks.clear()
            self.live.clear()
            self.do(self.disk.__aexit__(None, None, None))

    def recover(self) -> None:
        if self.alive:
            self.do(self.intake.recover([self._source(number) for number in range(3)]))

    def unlock(self) -> None:
        visit = self.visit
        if visit is not None and visit.locked and self.patients[visit.id] == self.present:
            assert self.desk.identity(visit.id) == self.present, "the seal tells the name again"
            self.do(self.desk.unlock(visit.id, author="nurse"))

    # ------------------------------------------------------------------------- its devices

    def begin(self, one: Instrument, *, live: bool) -> None:
        before = one.measuring
        super().begin(one, live=live)
        if one.measuring is not None and one.measuring is not before and one.measuring.first_live:
            number = self.instruments.index(one)
            self.live[number] = self.intake.open(self._source(number))
            inflating = Frame.of("2a36", bytes.fromhex("00 5a00 ff07 ff07"))
            self.live[number].live(inflating, Arrival(self.now(), self.now()))

    def end(self, one: Instrument, *, remembers: bool, unread: bool) -> None:
        measured, one.measuring = one.measuring, None
        if measured is None:
            return
        longest = DRIVER.models[0].longest
        if remembers or not self.alive or self.seconds - measured.since > longest:
            one.memory.append(measured)
            return
        number = self.instruments.index(one)
        talk = self.intake.open(self._source(number))
        if measured.first_live is not None:
            talk = self.live.pop(number)
        if unread:
            setattr(talk, "read", self._crash_now)  # noqa: B010 - the crash comes just after the commit
        self._deliver(talk, self._pressure(measured, None))

    def connect(self, one: Instrument) -> None:
        if not self.alive:
            return
        number = self.instruments.index(one)
        self.talks[number] = self.intake.open(self._source(number))
        clock = _date_time(MORNING + timedelta(seconds=self.seconds + one.clock_off))
        self._deliver(self.talks[number], Frame.of("2a2b", clock + bytes(3)))

    def tell_memory(self, one: Instrument) -> None:
        talk = self.talks.get(self.instruments.index(one))
        if self.alive and talk is not None and one.memory:
            measured = one.memory.pop(0)
            at = MORNING + timedelta(seconds=measured.since + one.clock_off)
            self._deliver(talk, self._pressure(measured, at))

    def _source(self, number: int) -> Source:
        return Source(f"cuff-{number}", DRIVER, f"C0:00:00:00:00:0{number}", "simulator")

    def _pressure(self, measured: Measured, at: datetime | None) -> Frame:
        """A value that was never measured before, and whose it is."""
        number = len(self.told)
        systolic, diastolic = 100 + number // 50, 40 + number % 50
        self.told[systolic, diastolic] = measured.person
        flags = b"\x00" if at is None else b"\x02"
        values = b"".join(value.to_bytes(2, "little") for value in (systolic, diastolic, 60))
        return Frame.of("2a35", flags + values + (b"" if at is None else _date_time(at)))

    def _deliver(self, talk: Conversation, frame: Frame) -> None:
        try:
            self.do(talk.deliver(frame, Arrival(self.now(), self.now())))
        except Crash:
            self.crash()

    async def _crash_now(self, _frame: JournalledFrame) -> None:
        raise Crash

    # ------------------------------------------------------------------------ what must hold

    def check(self) -> Counter[str]:
        """Where everything is: each measurement once, and under nobody else's name."""
        self.start()
        self.recover()
        filings = self.do(self.disk.latest(100_000))
        values = Counter(_values(filing) for filing in filings)
        assert values == Counter(dict.fromkeys(self.told, 1))
        said: Counter[str] = Counter()
        for filing in filings:
            visit = filing.attribution.visit
            if visit is None:
                assert filing.state == "quarantined"
                said[str(filing.attribution.quarantine)] += 1
            else:
                assert self.patients[visit] == self.told[_values(filing)], "somebody else's"
                said["attributed"] += 1
        return said


def _values(filing: Filing) -> tuple[int, int]:
    pressure = filing.reading.measurement
    assert isinstance(pressure, BloodPressure)
    return int(pressure.systolic_mmhg or 0), int(pressure.diastolic_mmhg or 0)


def _date_time(moment: datetime) -> bytes:
    """As the Date Time characteristic (0x2A08) has it."""
    rest = (moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return moment.year.to_bytes(2, "little") + bytes(rest)


@pytest.mark.timeout(0)
def test_a_walk_on_disk(tmp_path: Path) -> None:
    chance = random.Random(7)
    said: Counter[str] = Counter()
    for episode in range(STEPS // EPISODE):
        folder = tmp_path / str(episode)
        folder.mkdir()
        truth = OnDisk(folder)
        try:
            for _ in range(EPISODE):
                step(truth, chance, CALM)
            said += truth.check()
        finally:
            truth.leave()
    assert said["attributed"] > said.total() / 20
    assert {"visit_locked", "restarted", "clock_changed"} <= said.keys()
