"""The journal: everything a station must not lose, in one SQLite file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Self
from uuid import UUID

from devicehub.driver import DeviceFacts, Frame
from devicehub.journal import devices, frames, outbox, readings, told, visits
from devicehub.journal.records import (
    Attribution,
    DeviceRecord,
    Due,
    Fate,
    Filing,
    JournalledFrame,
    Outbox,
    Receipt,
    State,
    StateChange,
    Told,
    Visit,
)
from devicehub.journal.store import Store
from devicehub.reading.clock import DeviceClock
from devicehub.reading.reading import DriverUsed, Origin
from devicehub.reading.settle import Settling

logger = logging.getLogger(__name__)

STATION = "station"
"""The author of what the station decides by itself."""


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

    async def not_understood(self) -> int:
        """How many frames were not understood."""
        return await self.store.read(frames.not_understood)

    # ---------------------------------------------------------------------------- readings

    async def change(
        self, reading: UUID, state: State, *, author: str, detail: str | None = None
    ) -> Filing:
        """A person's word on a reading: accept, reject, discard, try again, or undo one of these.

        Raises `NotAllowed` where the reading is unknown or its present state does not lead there.
        """
        now = datetime.now(UTC)
        return await self.store.write(
            partial(
                readings.change, reading=reading, state=state, author=author, detail=detail, at=now
            ),
            lambda filing: self._announce([filing]),
        )

    async def attribute(self, attribution: Attribution, state: State) -> Filing:
        """A new revision of a reading's attribution, and the state it leads to.

        Raises `NotAllowed` where the revision is not the next one, or the state does not follow.
        """
        return await self.store.write(
            partial(readings.attribute, attribution=attribution, state=state),
            lambda filing: self._announce([filing]),
        )

    async def reading(self, reading: UUID) -> Filing | None:
        """One reading as it stands."""
        return await self.store.read(partial(readings.one, reading=reading))

    async def latest(self, limit: int) -> list[Filing]:
        """The readings that came last, newest first."""
        return await self.store.read(partial(readings.latest, limit=limit))

    async def of_visit(self, visit: str) -> list[Filing]:
        """The readings now attributed to a visit, in their order of arrival."""
        return await self.store.read(partial(readings.of_visit, visit=visit))

    async def counts(self) -> dict[State, int]:
        """How many readings are in each state; a state without reading is absent."""
        return await self.store.read(readings.counts)

    async def history(self, reading: UUID) -> list[StateChange]:
        """Every state a reading has been in, oldest first."""
        return await self.store.read(partial(readings.history, reading=reading))

    # ------------------------------------------------------------------------------ outbox

    async def outbox_items(self, limit: int, after: int = 0) -> list[Due]:
        """What has no receipt yet, oldest first, behind the place ``after``."""
        return await self.store.read(partial(outbox.items, limit=limit, after=after))

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

    async def open_visit(self, visit: Visit, *, author: str = STATION) -> None:
        """Open a visit. Raises `NotAllowed` while another one is open."""
        await self.store.write(partial(visits.open_, visit=visit, author=author))

    async def close_visit(self, visit: str, at: datetime, *, author: str = STATION) -> None:
        """Close a visit; once closed it stays as it is. Raises `NotAllowed` for an unknown one."""
        await self.store.write(partial(visits.close, visit=visit, at=at, author=author))

    async def visits(self, since: datetime) -> list[Visit]:
        """The visits that were open at ``since`` or later, by opening."""
        return await self.store.read(partial(visits.since, moment=since))

    async def open_visit_now(self) -> Visit | None:
        """The visit that is open."""
        return await self.store.read(visits.open_now)

    # ----------------------------------------------------------------------------- devices

    async def remember_device(
        self,
        device: str,
        *,
        facts: DeviceFacts | None = None,
        clock: DeviceClock | None = None,
        intrinsic: str | None = None,
    ) -> DeviceRecord:
        """Keep what a device said of itself; what it did not say this time stays as it was."""
        return await self.store.write(
            partial(devices.remember, device=device, facts=facts, clock=clock, intrinsic=intrinsic)
        )

    async def device(self, device: str) -> DeviceRecord | None:
        """What is remembered of a device."""
        return await self.store.read(partial(devices.one, device=device))

    def _announce(self, changed: Sequence[Filing]) -> None:
        for filing in changed:
            for listener in tuple(self.on_change):
                try:
                    listener(filing)
                except Exception:
                    logger.exception("journal.listener.failed reading=%s", filing.reading.id)
