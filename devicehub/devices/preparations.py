"""The room's ECG preparations: streams go to the check, its verdicts to the page, what is finished to the journal.

One preparation a device at most. Its times are the fence's interval: from the last moment at which nothing touched
(or the stream's first sample) to the verdict that is filed, so that electrodes which were on before the visit was
opened are nobody's, until a person says at the page that this is the patient (`begin`).
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from devicehub.devices.intake import Source
from devicehub.devices.news import DeviceNews
from devicehub.devices.preparation_filing import PreparationFiling, Unfiled
from devicehub.driver import (
    EcgPreparation,
    EcgSamples,
    ElectrodeContact,
    Measurement,
)
from devicehub.ecg.leads import ELECTRODES
from devicehub.ecg.preparation import Preparation, is_ready, nothing_touches
from devicehub.ecg.process import CheckProcess
from devicehub.ecg.verdict import ContactState, Verdict
from devicehub.journal.journal import Journal
from devicehub.journal.records import Visit
from devicehub.transport.hands import station_now
from devicehub.visit.desk import Desk

log = logging.getLogger(__name__)

Phase = Literal["waiting", "running", "others", "done"]
"""``waiting``: nothing touches. ``others``: what touches was put on before this visit, or is filed already: a person
says when it is the patient's. ``done``: filed; what touches is the same patient's still."""

Unable = Literal["no_scale", "no_rate", "rate"]
"""Why a stream cannot be checked: nobody says what its counts are worth, or how fast it is; or its rate is beyond
the check's (100 to 1000 a second)."""

SILENT = timedelta(seconds=1)
"""No sample for so long: what is shown is no longer now."""
ENDED = timedelta(seconds=10)
"""No sample, or nothing that touches, for so long: the preparation is over."""
TOLD_EVERY = timedelta(seconds=1)
"""How often the rest of the page hears that a device streams."""
LOOKS_EVERY = 0.25
SLOWEST, FASTEST = 100, 1000


@dataclass(frozen=True, slots=True)
class EcgShown:
    """One front end as the page shows it. ``is_frozen``: no sample comes, and the verdict is of the past."""

    device: str
    name: str
    phase: Phase
    began: datetime
    verdict: Verdict | None = None
    ready_since: datetime | None = None
    retries: int = 0
    is_frozen: bool = False
    is_anew: bool = False
    """The check has lost what it knew, and looks again from the beginning."""
    unable: Unable | None = None
    result: EcgPreparation | None = None
    """What was filed last, while the same electrodes are on."""

    @property
    def is_ready(self) -> bool:
        """Whether the page may say so."""
        return not self.is_frozen and self.verdict is not None and is_ready(self.verdict)


Show = Callable[[str, EcgShown | None], None]
"""Called with the device, and None when it has ended its stream."""
ShowTrace = Callable[[str, str], None]


class NoPreparation(LookupError):
    """There is nothing to begin or to finish: no stream, or no verdict yet."""


@dataclass(slots=True)
class _Stream:
    """A device that streams, and the preparation under way with it."""

    source: Source
    name: str
    leads: tuple[str, ...]
    fs: float
    unable: Unable | None
    heard: datetime
    preparation: Preparation
    phase: Phase = "waiting"
    untouched_since: datetime | None = None
    is_anew: bool = False
    result: EcgPreparation | None = None
    told: datetime | None = None
    shown: EcgShown | None = field(default=None)


class Preparations:
    """Looks after the streams of the room's ECG front ends. `run` it; the callbacks return at once."""

    def __init__(
        self,
        journal: Journal,
        desk: Desk,
        *,
        show: Show,
        show_trace: ShowTrace,
        now: Callable[[], datetime] = station_now,
    ) -> None:
        self._filing = PreparationFiling(journal, desk, now)
        self._desk = desk
        self._show = show
        self._now = now
        self._sources: dict[str, tuple[Source, str]] = {}
        self._streams: dict[str, _Stream] = {}
        self._visit: str | None = None
        self._streaming = asyncio.Event()
        self.check = CheckProcess(
            on_verdict=self._judged, on_trace=show_trace, on_lost=self._begun_anew
        )

    async def run(self) -> None:
        """Check what streams and file what is finished, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.check.run(), name="ecg check")
            tasks.create_task(self._watch(), name="ecg streams")
            tasks.create_task(self._filing.run(), name="ecg preparations")

    # ------------------------------------------------------------------------ what the room says

    def device(self, news: DeviceNews) -> None:
        """A device's condition has changed. A stream ends with its connection."""
        self._sources[news.source.id] = news.source, news.name
        if news.condition != "connected":
            self._stop(news.source.id)

    def live(
        self, device: str, measurements: Sequence[Measurement], at: datetime
    ) -> list[Measurement]:
        """Take the stream's samples and contacts. Gives back what the rest of the page is to show.

        That is everything else, and once a second the stream itself, without its samples.
        """
        rest: list[Measurement] = []
        samples: EcgSamples | None = None
        contact: dict[str, ContactState] | None = None
        for measurement in measurements:
            if isinstance(measurement, EcgSamples):
                samples = measurement
            elif isinstance(measurement, ElectrodeContact):
                contact = {
                    name: one.state
                    for name, one in measurement.electrodes.items()
                    if name in ELECTRODES
                }
            else:
                rest.append(measurement)
        if samples is not None and device in self._sources:
            stream = self._take(device, samples, contact or None, at)
            if stream.told is None or at - stream.told >= TOLD_EVERY:
                stream.told = at
                rest.append(samples.model_copy(update={"microvolts": (), "counts": ()}))
        return rest

    def visit(self, visit: Visit | None) -> None:
        """A visit was opened, switched or closed: what touches now may be another patient's."""
        present = None if visit is None else visit.id
        if present == self._visit:
            return
        self._visit = present
        for stream in self._streams.values():
            if stream.phase != "waiting" or stream.preparation.verdict is None:
                self._end_by_itself(stream)
                stream.phase, stream.result = "others", None
            self._tell(stream)

    # --------------------------------------------------------------------- what a person says

    def begin(self, device: str, visit: str) -> None:
        """The electrodes are the patient's of this visit, which is the open one: a preparation begins now.

        Raises `NoPreparation`, and `NotAllowed` where another visit is open, or it is locked.
        """
        self._check(visit)
        stream = self._known(device)
        self._begin(stream)
        stream.preparation.has_touched = True
        self.check.open(device, stream.leads, stream.fs)
        self._tell(stream)

    async def finish(self, device: str, visit: str) -> EcgPreparation:
        """File the preparation as it stands, ready or not. Raises as `begin` does, and ``JournalFull``."""
        self._check(visit)
        stream = self._known(device)
        at = self._now()
        ended = stream.preparation.end(at) if stream.phase == "running" else None
        if ended is None or at - stream.heard > SILENT:
            raise NoPreparation(device)
        await self._filing.file(Unfiled(stream.source, stream.preparation.began, ended))
        stream.phase, stream.result = "done", ended.measurement
        self._tell(stream)
        return ended.measurement

    def _check(self, visit: str) -> None:
        """The panel that was touched may still show the patient before."""
        self._desk.check_open(visit)
        self._desk.check_confirmed(visit)

    def _known(self, device: str) -> _Stream:
        stream = self._streams.get(device)
        if stream is None or stream.unable is not None:
            raise NoPreparation(device)
        return stream

    # ------------------------------------------------------------------------------- the stream

    def _take(
        self,
        device: str,
        samples: EcgSamples,
        contact: dict[str, ContactState] | None,
        at: datetime,
    ) -> _Stream:
        stream = self._streams.get(device)
        fs = float(samples.sampling_hz or 0)
        if stream is None or (stream.leads, stream.fs) != (samples.leads, fs):
            if stream is not None:
                self._stop(device)
            stream = self._start(device, samples, fs, at)
        missed = at - stream.heard
        stream.heard = at
        if stream.unable is not None:
            return stream
        rows = [
            [math.nan if value is None else float(value) / 1000 for value in lead]
            for lead in samples.microvolts
        ]
        if missed > SILENT:
            # What the device did not send is a gap, as long as it was silent.
            hole = [math.nan] * round(min(missed, ENDED).total_seconds() * fs)
            rows = [hole + row for row in rows]
        self.check.push(device, rows, contact)
        if missed > SILENT:
            self._tell(stream)
        return stream

    def _start(self, device: str, samples: EcgSamples, fs: float, at: datetime) -> _Stream:
        source, name = self._sources[device]
        unable = _unable(samples, fs)
        stream = _Stream(source, name, samples.leads, fs, unable, at, Preparation(at))
        self._streams[device] = stream
        self._streaming.set()
        if unable is None:
            self.check.open(device, samples.leads, fs)
        log.info("ecg_stream_began device=%s leads=%d", device, len(samples.leads))
        self._tell(stream)
        return stream

    def _stop(self, device: str) -> None:
        stream = self._streams.pop(device, None)
        if stream is None:
            return
        self.check.close(device)
        self._end_by_itself(stream)
        log.info("ecg_stream_ended device=%s", device)
        self._show(device, None)

    def _judged(self, device: str, verdict: Verdict) -> None:
        stream = self._streams[device]
        at = self._now()
        stream.is_anew = False
        if nothing_touches(verdict):
            stream.untouched_since = stream.untouched_since or at
            if at - stream.untouched_since >= ENDED and stream.phase != "waiting":
                self._end_by_itself(stream)
                self._begin(stream)
                stream.phase = "waiting"
        else:
            stream.untouched_since = None
            if stream.phase == "waiting":
                stream.phase = "running"
        stream.preparation.see(verdict, at)
        self._tell(stream)

    def _begun_anew(self, device: str) -> None:
        stream = self._streams[device]
        stream.preparation.forget()
        stream.is_anew = True
        self._tell(stream)

    def _begin(self, stream: _Stream) -> None:
        stream.preparation = Preparation(self._now())
        stream.phase, stream.result = "running", None

    def _end_by_itself(self, stream: _Stream) -> None:
        """File what had been ready, once."""
        if stream.phase != "running":
            return
        ended = stream.preparation.end_by_itself(self._now())
        if ended is not None:
            self._filing.put(Unfiled(stream.source, stream.preparation.began, ended))

    def _tell(self, stream: _Stream) -> None:
        preparation = stream.preparation
        shown = EcgShown(
            device=stream.source.id,
            name=stream.name,
            phase=stream.phase,
            began=preparation.began,
            verdict=preparation.verdict,
            ready_since=preparation.ready_since,
            retries=preparation.retries,
            is_frozen=self._now() - stream.heard > SILENT,
            is_anew=stream.is_anew,
            unable=stream.unable,
            result=stream.result,
        )
        if shown != stream.shown:
            stream.shown = shown
            self._show(shown.device, shown)

    async def _watch(self) -> None:
        """Notice the streams that have fallen silent."""
        while True:
            if not self._streams:
                self._streaming.clear()
                await self._streaming.wait()
            now = self._now()
            for device, stream in list(self._streams.items()):
                if now - stream.heard > ENDED:
                    self._stop(device)
                elif now - stream.heard > SILENT:
                    self._tell(stream)
            await asyncio.sleep(LOOKS_EVERY)


def _unable(samples: EcgSamples, fs: float) -> Unable | None:
    if not samples.microvolts:
        return "no_scale"
    if not fs:
        return "no_rate"
    return None if SLOWEST <= fs <= FASTEST else "rate"
