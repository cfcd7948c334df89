"""A room for the laws: a real journal on disk, a desk and an intake, whose time is handed in."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from devicehub.devices.intake import Conversation, Intake, Source
from devicehub.devices.keyring import Keyring
from devicehub.driver import Driver
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing
from devicehub.journal.seal import Seal
from devicehub.testing.replay import Handed
from devicehub.transport.hands import Arrival
from devicehub.visit.desk import Desk
from devicehub.visit.dossier import KnownVisit, Opening
from devicehub.visit.patient import PatientIdentity

ALICE = PatientIdentity(family_name="TEST", given_name="Alice", born=date(1970, 1, 1), sex="F")
STATION = "salle-1"
GRACE = timedelta(minutes=2)

_SWIFT = Path("/dev/shm")  # noqa: S108 - each room makes a folder of its own in it
"""Linux keeps files here without a disk: nothing the laws ask depends on surviving a power cut."""


class Room:
    """The hub without its transports, page and broker, used as ``async with``. ``now`` is what its clock says."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._folder = tempfile.TemporaryDirectory(
            prefix="devicehub-law-", dir=_SWIFT if _SWIFT.is_dir() else None
        )
        folder = Path(self._folder.name)
        self._secrets = folder / "secrets"
        self.journal = Journal(folder / "journal.sqlite")
        self.desk = Desk(
            self.journal,
            station=STATION,
            grace=GRACE,
            confirm="none",
            dossier=_EveryVisitIsPlanned(),
            seal=Seal(folder / "identity.key"),
            show=lambda _visit, _identity: None,
            now=lambda: self.now,
            monotonic=self._seconds,
        )
        self.intake = Intake(
            self.journal,
            self.desk,
            station=STATION,
            secrets=self._secrets,
            show_live=lambda _device, _measurements, _at: None,
            show_not_understood=lambda _device, _error: None,
            now=lambda: self.now,
        )

    def _seconds(self) -> float:
        return self.now.timestamp()

    async def __aenter__(self) -> Self:
        await self.journal.__aenter__()
        await self.desk.load()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.journal.__aexit__(kind, error, trace)
        self._folder.cleanup()

    async def visit(self, visit: str) -> None:
        """The open visit ends, and this one begins now."""
        present = self.desk.visit
        await self.desk.open_planned(visit, author="law", closes=present.id if present else None)

    def open(
        self, driver: Driver, device: str = "device", secrets: Mapping[str, bytes] | None = None
    ) -> Conversation:
        """A connection that begins now."""
        keyring = Keyring(self._secrets, device)
        for name, secret in (secrets or {}).items():
            keyring[name] = secret
        return self.intake.open(Source(device, driver, f"address of {device}", "simulator"))

    async def filings(self) -> list[Filing]:
        """Every reading of the journal, oldest first."""
        return (await self.journal.latest(10_000))[::-1]


async def take(
    room: Room, conversation: Conversation, frames: Sequence[Handed], *, since: datetime
) -> None:
    """Hand frames in at their own pace, the first seconds of which are ``since``; the room's time follows."""
    began = room.now
    for one in frames:
        room.now = max(room.now, began + (one.at - since))
        arrival = Arrival(room.now, room.now)
        if one.finished:
            await conversation.deliver(one.frame, arrival)
        else:
            conversation.live(one.frame, arrival)


class _EveryVisitIsPlanned:
    """A dossier whose patients are all the same invented person."""

    async def worklist(self, station: str) -> tuple[KnownVisit, ...]:
        return ()

    async def visit(self, visit: str) -> KnownVisit:
        return KnownVisit(visit=visit, state="planned", station=STATION, identity=ALICE)

    async def open_visit(self, opening: Opening) -> KnownVisit:
        return await self.visit(opening.visit)

    async def entrust_visit(self, visit: str, responsible: str) -> None:
        return None

    async def close_visit(self, visit: str, at: datetime) -> None:
        return None
