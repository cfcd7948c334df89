"""The deriver: keeps a visit's derived readings in step with what they are derived from, through the journal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

from devicehub.journal.failures import JournalFull, NotAllowed
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing
from devicehub.journal.states import ACCEPTED
from devicehub.reading.derivation import Arm, Posture
from devicehub.reading.reading import Reading
from devicehub.transport.hands import station_now
from devicehub.visit import series as series_of
from devicehub.visit.course import Course, look
from devicehub.visit.derivations import DERIVER, Change, changes, of_record, wanted
from devicehub.visit.dossier import EarlierValue
from devicehub.visit.earlier import known_height
from devicehub.visit.series import Series, SeriesRules, Taken

log = logging.getLogger(__name__)

RETRY_SECONDS = 15.0
"""How long to wait for room on the disk before trying again."""

Known = Callable[[str], tuple[Sequence[EarlierValue], date] | None]
"""What the record knew of a visit's patient from before, and when they were born; ``None`` where nobody knows that."""

ShowSeries = Callable[[str, Series | None, Mapping[UUID, Filing]], None]


class NoSeries(Exception):
    """This series is not under way in this visit."""


class NotTaken(Exception):
    """No series of this visit has taken this reading, or it has left its place since."""


class Deriver:
    """Runs the series of the room's visits and files what is derived. `run` it; a restart changes nothing.

    ``ended`` is when a visit was closed, as the desk knows it before it is on disk. ``show`` is told a visit's newest series and its readings whenever either has moved.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        version: str,
        known: Known,
        ended: Callable[[str], datetime | None] = lambda _visit: None,
        show: ShowSeries = lambda _visit, _series, _filings: None,
        now: Callable[[], datetime] = station_now,
    ) -> None:
        self._journal = journal
        self._version = version
        self._known = known
        self._ended = ended
        self._show = show
        self._now = now
        self._due: dict[str, None] = {}
        self._moved: dict[UUID, None] = {}
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def run(self, visits: tuple[str, ...] = ()) -> None:
        """Follow the journal until cancelled, beginning with ``visits``: a crash may have come between."""
        self._journal.on_change.append(self._on_change)
        try:
            for visit in visits:
                self.look_again(visit)
            while True:
                await self._wake.wait()
                self._wake.clear()
                try:
                    await self._settle_all()
                except JournalFull as full:
                    log.critical("derived_readings_wait %s", full)
                    await asyncio.sleep(RETRY_SECONDS)
                    self._wake.set()
        finally:
            self._journal.on_change.remove(self._on_change)

    def look_again(self, visit: str) -> None:
        """Something a visit's derived readings depend on has changed outside the journal."""
        self._due[visit] = None
        self._wake.set()

    async def _settle_all(self) -> None:
        while self._moved:
            reading, _ = self._moved.popitem()
            # It may have left another visit, whose derived readings used it, as those of later visits may have.
            for visit in await self._journal.visits_of(reading):
                self._due[visit] = None
        while self._due:
            visit = next(iter(self._due))
            try:
                await self.settle(visit)
            except JournalFull:
                self._due[visit] = None
                raise

    async def settle(self, visit: str) -> None:
        """Take what has come into the visit's series, then file and withdraw until its derived readings fit."""
        async with self._one_at_a_time:
            self._due.pop(visit, None)
            filings = await self._journal.of_visit(visit)
            series = await self._series_with(visit, filings)
            now = self._now()
            height, stays = await self._of_record(visit, filings, now)
            should = wanted(filings, series, known_height=height, now=now, version=self._version)
            should += stays
            known = [filing for filing in filings if filing.reading.source == "derived"]
            here = {filing.reading.id for filing in known}
            for reading in should:
                held = await self._journal.reading(reading.id)
                if held is not None and reading.id not in here:
                    known.append(held)
            for change in changes(visit, should, known, now):
                try:
                    await self._do(change)
                except NotAllowed as moved:
                    # Somebody else has changed it since it was looked at: theirs is the newer word.
                    log.warning(
                        "derived_reading_left reading=%s %s", change.filing.reading.id, moved
                    )
        by_id = {filing.reading.id: filing for filing in filings}
        self._show(visit, series[-1] if series else None, by_id)

    # ---------------------------------------------------------------------------- the series

    async def begin(
        self, visit: str, rules: SeriesRules, *, arm: Arm | None, posture: Posture
    ) -> Series:
        """Begin a series in a visit; one that is under way ends. Raises ``ValueError`` for rules that cannot be."""
        now = self._now()
        new = series_of.begin(uuid4(), visit, now, rules, arm=arm, posture=posture)
        async with self._one_at_a_time:
            for one in await self._series(visit):
                if one.ended_at is None:
                    await self._keep(series_of.end(one, now))
            await self._keep(new)
        self.look_again(visit)
        return new

    async def change(
        self, visit: str, series: UUID, said: Callable[[Series, datetime], Series]
    ) -> Series:
        """Take in what the operator says of a series under way. Raises `NoSeries`."""
        async with self._one_at_a_time:
            present = self._under_way(await self._series(visit))
            if present is None or present.id != series:
                raise NoSeries
            changed = said(present, self._now())
            await self._keep(changed)
        self.look_again(visit)
        return changed

    async def relabel(
        self, visit: str, reading: UUID, *, arm: Arm, posture: Posture, author: str
    ) -> None:
        """A person corrects what a reading of a series was taken on, under way or ended. Raises `NotTaken`.

        Whatever was derived from it is withdrawn and derived anew, as when a member is rejected.
        """
        async with self._one_at_a_time:
            by_id = {filing.reading.id: filing for filing in await self._journal.of_visit(visit)}
            for series in await self._series(visit):
                for one in series_of.usable_of(series, by_id):
                    if one.reading == reading:
                        changed = series_of.relabel(
                            series, reading, by_id, arm=arm, posture=posture
                        )
                        await self._relabelled(changed, one, arm, posture, author)
                        return
            raise NotTaken

    async def _relabelled(
        self, series: Series, before: Taken, arm: Arm, posture: Posture, author: str
    ) -> None:
        if (before.arm, before.posture) == (arm, posture):
            return
        await self._journal.relabel(
            series.id,
            series.visit,
            series.model_dump_json(),
            reading=before.reading,
            author=author,
            detail=f"{before.arm or '?'} {before.posture} > {arm} {posture}",
        )
        self.look_again(series.visit)

    async def course(self, visit: str) -> tuple[Series, Course] | None:
        """The visit's newest series and where it stands now."""
        every = await self._series(visit)
        if not every:
            return None
        by_id = {filing.reading.id: filing for filing in await self._journal.of_visit(visit)}
        return every[-1], look(every[-1], by_id, self._now())

    @staticmethod
    def _under_way(every: list[Series]) -> Series | None:
        return every[-1] if every and every[-1].ended_at is None else None

    async def _series(self, visit: str) -> list[Series]:
        return [Series.model_validate_json(one) for one in await self._journal.series_of(visit)]

    async def _keep(self, series: Series) -> None:
        await self._journal.keep_series(series.id, series.visit, series.model_dump_json())

    async def _series_with(self, visit: str, filings: Sequence[Filing]) -> list[Series]:
        """The visit's series, with what has come for the one under way; they end with their visit."""
        by_id = {filing.reading.id: filing for filing in filings}
        known = await self._journal.visit(visit)
        closed_at = self._ended(visit) or (known.closed_at if known is not None else None)
        every = []
        for one in await self._series(visit):
            series = one
            for filing in filings:
                series = series_of.take(series, filing, by_id)
            if closed_at is not None:
                series = series_of.end(series, closed_at)
            if series != one:
                await self._keep(series)
            every.append(series)
        return every

    # ---------------------------------------------------------------------- the derived readings

    async def _of_record(
        self, visit: str, filings: Sequence[Filing], now: datetime
    ) -> tuple[EarlierValue | None, list[Reading]]:
        """The height that the record knows; where nobody knows what it knows, what stays of one it knew."""
        before = self._known(visit)
        if before is None:
            index = of_record(filings)
            stays = index is not None and await self._still_theirs(index.derived_from[1], visit)
            return None, [index] if index is not None and stays else []
        earlier, born = before
        heights = [
            one
            for one in earlier
            if one.kind == "body_height" and await self._still_theirs(one.reading, visit)
        ]
        return known_height(heights, now, born=born), []

    async def _still_theirs(self, reading: UUID, visit: str) -> bool:
        """Whether a reading of the record is of the visit's patient, as far as this station has a say in it.

        The record may lag behind what was said here, and was asked when the visit was opened: one that was withdrawn is
        nobody's, and one that was moved counts only where the dossier had filed it so before.
        """
        held = await self._journal.reading(reading)
        if held is None:
            return True
        if held.state not in ACCEPTED:
            return False
        if held.attribution.action == "assign":
            return True
        known = await self._journal.visit(visit)
        return held.state == "filed" and known is not None and held.state_at <= known.opened_at

    async def _do(self, change: Change) -> None:
        filing = change.filing
        if change.is_new:
            await self._journal.file([filing])
        elif change.state == "rejected":
            await self._journal.change(
                filing.reading.id, filing.attribution.revision, "rejected", author=DERIVER
            )
        else:
            await self._journal.attribute(filing.attribution, change.state)

    def _on_change(self, filing: Filing) -> None:
        if filing.reading.source == "derived":
            return
        if filing.attribution.revision > 1:
            self._moved[filing.reading.id] = None
            self._wake.set()
        elif filing.attribution.visit is not None:
            self.look_again(filing.attribution.visit)
