"""The journal: everything a station must not lose, in one SQLite file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Self
from uuid import UUID

from devicehub.driver import DeviceFacts, Frame, Kind
from devicehub.journal import (
    adoptions,
    delegation,
    devices,
    frames,
    metrology,
    outbox,
    readings,
    series,
    told,
    visits,
)
from devicehub.journal.adoptions import Adoption
from devicehub.journal.audit import STATION
from devicehub.journal.metrology import MetrologyEntry
from devicehub.journal.records import (
    AtDossier,
    Attribution,
    Decided,
    DeviceRecord,
    Due,
    Fate,
    Filing,
    JournalledFrame,
    Outbox,
    Owed,
    Receipt,
    State,
    StateChange,
    Told,
    Visit,
    Withdrawn,
)
from devicehub.journal.store import Store
from devicehub.reading.clock import DeviceClock
from devicehub.reading.metrology import Done
from devicehub.reading.reading import DriverUsed, Origin, Reading
from devicehub.reading.settle import Settling

logger = logging.getLogger(__name__)


class Journal:
    """The station's durable store, used as ``async with``. Every method returns after the commit.

    A caller that is cancelled while it waits is committed all the same, and ``on_change`` is told.
    Any writing method raises `JournalFull` where the disk does not take it, and has then changed
    nothing. Opening raises `JournalBusy`, `JournalTooNew` or `JournalFailed`.
    """

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.on_change: list[Callable[[Filing], None]] = []
        """Called in the event loop with each filing that is new or changed, after its commit."""

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self.store.path

    async def damage(self) -> list[str]:
        """What SQLite finds wrong with the file, in its words; nothing where it is whole. It reads all of it."""
        return await self.store.damage()

    async def __aenter__(self) -> Self:
        await self.store.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.store.close()

    # ------------------------------------------------------------------------------ frames

    async def commit_frame(
        self,
        *,
        device: str,
        address: str,
        connection: str,
        driver: DriverUsed,
        origin: Origin,
        frame: Frame,
        first_byte: datetime,
        last_byte: datetime,
        settling: Settling,
    ) -> JournalledFrame:
        """Put a frame on disk and give it its number, before anything else learns of it.

        ``connection`` names one connection of one device, ``settling`` is what had settled in it
        before this frame: with both, a frame that a crash left unread is read as it would have been.
        """
        return await self.store.write(
            partial(
                frames.commit,
                device=device,
                address=address,
                connection=connection,
                driver=driver,
                origin=origin,
                frame=frame,
                first_byte=first_byte,
                last_byte=last_byte,
                settling=settling,
            )
        )

    async def settle_frame(
        self,
        number: int,
        fate: Fate,
        filings: Sequence[Filing] = (),
        *,
        said: Sequence[Told] = (),
        detail: str | None = None,
    ) -> list[Filing]:
        """Say what became of a frame and file what it gave, in one transaction.

        ``said`` is what its device told without a number of its own (`is_repeated`).

        Returns the filings that are new: a reading that is known already is counted and otherwise
        left alone. Raises `NotAllowed` for an unknown frame, a first state that cannot be one, or
        a reading without visit that is not quarantined.
        """

        def settle(database: Connection) -> list[Filing]:
            frames.settle(database, number, fate, detail)
            told.remember(database, said)
            return [filing for filing in filings if readings.add(database, filing)]

        return await self.store.write(settle, self._announce)

    async def is_repeated(self, said: Told) -> bool:
        """Whether a device told the same in an earlier connection."""
        return await self.store.read(partial(told.is_repeated, told=said))

    async def unread_frames(self) -> list[JournalledFrame]:
        """The frames whose fate is not known, oldest first: a crash came between."""
        return await self.store.read(frames.unread)

    async def frames_of(self, connection: str) -> list[JournalledFrame]:
        """All frames of one connection, oldest first."""
        return await self.store.read(partial(frames.of_connection, connection=connection))

    async def frame(self, number: int) -> JournalledFrame | None:
        """One frame by its number."""
        return await self.store.read(partial(frames.one, number=number))

    async def last_frame(self) -> int:
        """The number of the last frame; 0 where there is none."""
        return await self.store.read(frames.last)

    async def not_understood(self) -> int:
        """How many frames were not understood."""
        return await self.store.read(frames.not_understood)

    async def last_not_understood(self, limit: int) -> list[tuple[JournalledFrame, str]]:
        """The frames that were not understood, each with the reason, newest first."""
        return await self.store.read(partial(frames.last_not_understood, limit=limit))

    # ---------------------------------------------------------------------------- readings

    async def change(
        self,
        reading: UUID,
        revision: int,
        state: State,
        *,
        author: str,
        detail: str | None = None,
        undo_for: timedelta = timedelta(),
    ) -> Filing:
        """A person's word on a reading: accept, reject, discard, try again, or undo one of these.

        ``revision`` is that of the attribution they have seen. What is accepted stays here for ``undo_for`` before it
        may be sent, here and in what follows.

        Raises `NotAllowed` where the reading is unknown, its attribution is another by now, its present state does
        not lead there, or what is to be undone has been sent.
        """
        (filing,) = await self.change_all(
            {reading: revision}, state, author=author, detail=detail, undo_for=undo_for
        )
        return filing

    async def change_all(
        self,
        several: Mapping[UUID, int],
        state: State,
        *,
        author: str,
        detail: str | None = None,
        undo_for: timedelta = timedelta(),
    ) -> list[Filing]:
        """`change` for several readings, each with its revision, in one transaction: all of them, or none."""
        now = datetime.now(UTC)

        def change(database: Connection) -> list[Filing]:
            return [
                readings.change(
                    database,
                    reading,
                    revision,
                    state,
                    author=author,
                    detail=detail,
                    at=now,
                    undo_for=undo_for,
                )
                for reading, revision in several.items()
            ]

        return await self.store.write(change, self._announce)

    async def retake(
        self, reading: UUID, revision: int, *, author: str, detail: str | None = None
    ) -> Filing:
        """Reject a reading and expect its kind again in its visit. Raises `NotAllowed` as `change` does."""
        now = datetime.now(UTC)

        def retake(database: Connection) -> Filing:
            filing = readings.change(
                database,
                reading,
                revision,
                "rejected",
                author=author,
                detail=detail,
                at=now,
                act="retake",
            )
            if filing.attribution.visit is not None:
                visits.expect(database, filing.attribution.visit, filing.reading.kind)
            return filing

        return await self.store.write(retake, lambda filing: self._announce([filing]))

    async def attribute(
        self, attribution: Attribution, state: State, *, undo_for: timedelta = timedelta()
    ) -> Filing:
        """A new revision of a reading's attribution, and the state it leads to.

        Raises `NotAllowed` where the revision is not the next one, or the state does not follow.
        """
        return await self.store.write(
            partial(readings.attribute, attribution=attribution, state=state, undo_for=undo_for),
            lambda filing: self._announce([filing]),
        )

    async def file(
        self, filings: Sequence[Filing], *, undo_for: timedelta = timedelta()
    ) -> list[Filing]:
        """File readings that come from no frame: derived and typed ones. Returns those that are new.

        A derived one stays here for as long as any of its sources does.

        One that is known already is counted and otherwise left alone. Raises `NotAllowed` for a first
        state that cannot be one.
        """
        return await self.store.write(
            lambda database: [one for one in filings if readings.add(database, one, undo_for)],
            self._announce,
        )

    async def reading(self, reading: UUID) -> Filing | None:
        """One reading as it stands."""
        return await self.store.read(partial(readings.one, reading=reading))

    async def latest(self, limit: int) -> list[Filing]:
        """The readings that came last, newest first."""
        return await self.store.read(partial(readings.latest, limit=limit))

    async def quarantined(self, limit: int) -> list[Filing]:
        """The readings that belong to nobody yet, newest first."""
        return await self.store.read(partial(readings.quarantined, limit=limit))

    async def to_review(self, *, but: str | None, limit: int) -> list[Filing]:
        """The readings that wait for a decision in any visit ``but`` this one, newest first."""
        return await self.store.read(partial(readings.to_review, but=but, limit=limit))

    async def withdrawn(self, *, since: datetime, limit: int) -> list[Withdrawn]:
        """What was taken back at ``since`` or later, the newest withdrawal first; derived readings left out."""
        return await self.store.read(partial(readings.withdrawn, since=since, limit=limit))

    async def decided(self, *, since: datetime, limit: int) -> list[Decided]:
        """What a person decided and can undo, newest first: rejected or discarded at ``since`` or later, or not sent yet."""
        return await self.store.read(partial(readings.decided, since=since, limit=limit))

    async def undecided(self) -> dict[str, int]:
        """How many readings wait for a decision, by visit; one where none waits is absent."""
        return await self.store.read(readings.undecided)

    async def of_visit(self, visit: str) -> list[Filing]:
        """The readings now attributed to a visit, in their order of arrival."""
        return await self.store.read(partial(readings.of_visit, visit=visit))

    async def confirmed(self, visit: str) -> dict[UUID, str]:
        """Who accepted the readings of a visit that waited for a person, where that stands."""
        return await self.store.read(partial(readings.confirmed, visit=visit))

    async def counts(self) -> dict[State, int]:
        """How many readings are in each state; a state without reading is absent."""
        return await self.store.read(readings.counts)

    async def history(self, reading: UUID) -> list[StateChange]:
        """Every state a reading has been in, oldest first."""
        return await self.store.read(partial(readings.history, reading=reading))

    async def visits_of(self, reading: UUID) -> list[str]:
        """Every visit a reading was ever attributed to, and those that hold one derived from it."""
        return await self.store.read(partial(readings.visits_of, reading=reading))

    # ------------------------------------------------------------------------------ outbox

    async def take_due(self, limit: int, after: int = 0) -> list[Due]:
        """What has no receipt yet and is to be sent now, oldest first, behind the place ``after``.

        From here on it can be withdrawn, no longer undone.
        """
        now = datetime.now(UTC)
        return await self.store.write(partial(outbox.take, limit=limit, after=after, now=now))

    async def undo_until(self) -> datetime | None:
        """When the first of what a person can still undo may be sent."""
        return await self.store.read(outbox.undo_until)

    async def outbox(self) -> Outbox:
        """How much has no receipt yet, and since when."""
        return await self.store.read(outbox.summary)

    async def mark_published(self, keys: Sequence[tuple[UUID, int]]) -> list[Filing]:
        """The broker has these readings and revisions. Those that moved on meanwhile are left alone."""
        now = datetime.now(UTC)
        return await self.store.write(
            partial(outbox.mark_published, keys=keys, at=now), self._announce
        )

    async def receipts(self, batch: Sequence[Receipt]) -> list[Filing]:
        """Take in the dossier's answers; returns the filings they changed.

        Answers about an unknown reading or an outdated revision, and repeated ones, change nothing.
        A retryable refusal leaves its reading accepted, in the outbox, with the reason.
        """
        now = datetime.now(UTC)
        return await self.store.write(partial(outbox.receipts, batch=batch, at=now), self._announce)

    # ------------------------------------------------------------------------------ visits

    async def open_visit(
        self, visit: Visit, *, author: str = STATION, sealed: bytes | None = None
    ) -> None:
        """Open a visit; ``sealed`` is who the patient is, kept until the dossier has answered.

        Raises `NotAllowed` while another one is open, and for the id of a closed one.
        """
        await self.store.write(partial(visits.open_, visit=visit, sealed=sealed, author=author))

    async def close_visit(self, visit: str, at: datetime, *, author: str = STATION) -> None:
        """Close a visit; once closed it stays as it is. Raises `NotAllowed` for an unknown one."""
        await self.store.write(partial(visits.close, visit=visit, at=at, author=author))

    async def lock_visit(self, visit: str, at: datetime, *, author: str, reason: str) -> None:
        """Lock an open visit; one that is locked stays so. Raises `NotAllowed`."""
        await self.store.write(
            partial(visits.lock, visit=visit, at=at, author=author, reason=reason)
        )

    async def unlock_visit(self, visit: str, at: datetime, *, since: datetime, author: str) -> None:
        """A person has confirmed the patient of a visit that was locked ``since`` then. Raises `NotAllowed` for a closed one.

        A lock that a full disk refused is written now, with its end.
        """
        await self.store.write(
            partial(visits.unlock, visit=visit, at=at, since=since, author=author)
        )

    async def entrust_visit(
        self, visit: str, responsible: str, at: datetime, *, physician: str, author: str
    ) -> None:
        """Write who answers for an open visit, and owe the dossier the news. Raises `NotAllowed`.

        ``physician`` is the operator's id, for the audit.
        """
        await self.store.write(
            partial(
                visits.entrust,
                visit=visit,
                responsible=responsible,
                physician=physician,
                at=at,
                author=author,
            )
        )

    async def visit_entrusted(self, visit: str, responsible: str) -> None:
        """The dossier has heard who answers for a visit."""
        await self.store.write(partial(visits.entrusted, visit=visit, responsible=responsible))

    async def visit_answered(
        self,
        visit: str,
        at_dossier: AtDossier,
        *,
        doubt: Callable[[Reading], str | None] = lambda _reading: None,
        author: str = STATION,
    ) -> None:
        """The dossier has answered about a visit: its identity is erased, its readings may go.

        ``doubt`` is why a person must look at a reading, now that the dossier has answered: what nobody but the
        practice's rule has accepted then waits for one. It runs in the writer thread.
        """
        now = datetime.now(UTC)
        await self.store.write(
            partial(
                visits.answered,
                visit=visit,
                at_dossier=at_dossier,
                doubt=doubt,
                at=now,
                author=author,
            ),
            self._announce,
        )

    async def owed_visits(self) -> list[Owed]:
        """The visits of which the dossier does not know all, by opening."""
        return await self.store.read(visits.owed)

    async def sealed_identity(self, visit: str) -> bytes | None:
        """Who a visit's patient is, sealed; nothing once the dossier has answered."""
        return await self.store.read(partial(visits.sealed_identity, visit=visit))

    async def visit(self, visit: str) -> Visit | None:
        """One visit by its id."""
        return await self.store.read(partial(visits.one, visit=visit))

    async def last_boundary(self) -> datetime | None:
        """The latest moment at which any visit began, ended, was locked or unlocked."""
        return await self.store.read(visits.last_boundary)

    async def visits(self, since: datetime) -> list[Visit]:
        """The visits that were open at ``since`` or later, by opening."""
        return await self.store.read(partial(visits.since, moment=since))

    # ------------------------------------------------------------------------------ series

    async def keep_series(self, one: UUID, visit: str, content: str) -> None:
        """Keep a blood-pressure series of a visit as it stands now."""
        await self.store.write(partial(series.keep, series=one, visit=visit, content=content))

    async def relabel(
        self, one: UUID, visit: str, content: str, *, reading: UUID, author: str, detail: str
    ) -> None:
        """Keep a series in which a person has corrected the label of a reading, with its line in the audit."""
        await self.store.write(
            partial(
                series.relabel,
                series=one,
                visit=visit,
                content=content,
                reading=reading,
                author=author,
                detail=detail,
                at=datetime.now(UTC),
            )
        )

    async def series_of(self, visit: str) -> list[str]:
        """The series of a visit, in the order they began."""
        return await self.store.read(partial(series.of_visit, visit=visit))

    # ----------------------------------------------------------------------------- devices

    async def remember_device(
        self,
        device: str,
        address: str,
        *,
        facts: DeviceFacts | None = None,
        clock: DeviceClock | None = None,
        intrinsic: str | None = None,
    ) -> DeviceRecord:
        """Keep what the device at an address said of itself; what it did not say this time stays as it was."""
        return await self.store.write(
            partial(
                devices.remember,
                device=device,
                address=address,
                facts=facts,
                clock=clock,
                intrinsic=intrinsic,
            )
        )

    async def device(self, device: str) -> DeviceRecord | None:
        """What is remembered of the device that spoke last under this name, to be shown."""
        return await self.store.read(partial(devices.newest, device=device))

    async def device_at(self, device: str, address: str) -> DeviceRecord | None:
        """What is remembered of the device of this name at this address: nothing of another one is its own."""
        return await self.store.read(partial(devices.at, device=device, address=address))

    async def record_metrology(self, entry: MetrologyEntry) -> None:
        """Add a line to the metrology log."""
        await self.store.write(partial(metrology.record, entry=entry))

    async def metrology_log(self, device: str | None = None) -> list[MetrologyEntry]:
        """The metrology log, of one device or of all, oldest line first."""
        return await self.store.read(partial(metrology.log, device=device))

    async def checks_of(self, device: str) -> list[Done]:
        """The newest record of each check of a device."""
        return await self.store.read(partial(metrology.newest, device=device))

    async def record_adoption(self, adoption: Adoption) -> None:
        """Write down that a physical device was made the room's, or let go."""
        await self.store.write(partial(adoptions.record, adoption=adoption))

    async def adoptions(self) -> list[Adoption]:
        """The physical devices that belong to the room now."""
        return await self.store.read(adoptions.present)

    async def delegate(self, kind: Kind, *, delegated: bool, author: str) -> None:
        """Write down whether assistants may measure a kind on their own."""
        now = datetime.now(UTC)
        await self.store.write(
            partial(delegation.record, kind=kind, delegated=delegated, author=author, at=now)
        )

    async def withheld(self) -> frozenset[Kind]:
        """The kinds that the physician has not delegated."""
        return await self.store.read(delegation.withheld)

    def _announce(self, changed: Sequence[Filing]) -> None:
        for filing in changed:
            for listener in tuple(self.on_change):
                try:
                    listener(filing)
                except Exception:
                    logger.exception("journal.listener.failed reading=%s", filing.reading.id)
