"""A room with a real journal, desk, intake and review, whose station and clock the test moves by hand."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from devicehub.delivery.address import Address
from devicehub.delivery.dossier_api import DossierApi
from devicehub.devices import registry
from devicehub.devices.intake import Intake, Source
from devicehub.dossier.dossier import DossierSettings, running
from devicehub.driver import Frame
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing, Visit
from devicehub.journal.seal import Seal
from devicehub.transport.hands import Arrival
from devicehub.visit.desk import Desk
from devicehub.visit.operators import Operator
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.policy import Confirm
from devicehub.visit.review import Review

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ALICE = PatientIdentity(family_name="TEST", given_name="Alice", born=date(1970, 1, 1), sex="F")
BRUNO = PatientIdentity(family_name="TEST", given_name="Bruno", born=date(1985, 6, 2), sex="M")
NURSE = Operator(id="nurse", name="TEST Nurse", role="assistant")
DOCTOR = Operator(id="doctor", name="Dr TEST", role="physician")
STATION = "room-1"
GRACE = timedelta(seconds=120)
LONGEST = timedelta(minutes=4)
"""Longer than any cuff measures: after it nothing can have begun before."""
CUFF = Source("cuff", registry.find("sig_blood_pressure"), "C0:00:00:00:00:01", "simulator")
SCALE = Source("scale", registry.find("sig_weight_scale"), "C0:00:00:00:00:02", "simulator")


def pressure(number: int, *, moved: bool = False) -> bytes:
    """A blood pressure without time stamp, with a value of its own; the cuff may have noticed a movement."""
    systolic = (100 + number % 60).to_bytes(2, "little")
    flags, end = (b"\x10", b"\x01\x00") if moved else (b"\x00", b"")
    return flags + systolic + bytes.fromhex("3c004a00") + end


@dataclass
class Clock:
    """The wall, which can be set, and seconds nobody can set."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0

    def pass_by(self, time: timedelta) -> None:
        """Time passes."""
        self.now += time
        self.seconds += time.total_seconds()


class Room:
    """One run of a station, used as ``async with``: leaving it is its end, however it came."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        clock: Clock | None = None,
        confirm: Confirm = "none",
        undo_for: timedelta = timedelta(),
    ) -> None:
        self.clock = clock or Clock()
        self.shown: list[tuple[Visit | None, PatientIdentity | None]] = []
        self.journal = Journal(folder / "journal.sqlite")
        self.api = DossierApi(url)
        self.desk = Desk(
            self.journal,
            station=STATION,
            grace=GRACE,
            confirm=confirm,
            undo_for=undo_for,
            dossier=self.api,
            seal=Seal(folder / "identity.key"),
            show=lambda visit, identity: self.shown.append((visit, identity)),
            now=lambda: self.clock.now,
            monotonic=lambda: self.clock.seconds,
        )
        self.review = Review(self.journal, self.desk)
        self.intake = Intake(
            self.journal,
            self.desk,
            station=STATION,
            secrets=folder / "secrets",
            show_live=lambda _device, _measurements, _at: None,
            show_not_understood=lambda _device, _error: None,
            now=lambda: self.clock.now,
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.journal)
        await self._stack.enter_async_context(self.api)
        await self.desk.load()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def settle(self) -> None:
        """Time passes until nothing that arrives now can have begun before."""
        self.clock.pass_by(LONGEST)

    async def measure(self, *, moved: bool = False) -> Filing:
        """The cuff gives a value it never gave before; what became of it."""
        at = self.clock.now
        data = pressure(await self.journal.last_frame(), moved=moved)
        await self.intake.open(CUFF).deliver(Frame.of("2a35", data), Arrival(at, at))
        (filing,) = await self.journal.latest(1)
        self.clock.pass_by(timedelta(seconds=1))
        return filing

    async def weigh(self, kilograms: int, *, index_and_height: bytes = b"") -> Filing:
        """The scale gives a weight, perhaps with a body mass index and a height; what became of the weight."""
        at = self.clock.now
        flags = b"\x08" if index_and_height else b"\x00"
        data = flags + (kilograms * 200).to_bytes(2, "little") + index_and_height
        await self.intake.open(SCALE).deliver(Frame.of("2a9d", data), Arrival(at, at))
        self.clock.pass_by(timedelta(seconds=1))
        latest = await self.journal.latest(3)
        return next(one for one in latest if one.reading.kind == "body_weight")

    async def audit(self) -> list[tuple[str, str, str]]:
        """Author, act and subject of every line."""
        return await self.journal.store.read(
            lambda database: database.execute(
                "SELECT author, act, subject FROM audit ORDER BY number"
            ).fetchall()
        )


@asynccontextmanager
async def dossier_on(folder: Path, port: int, broker: Address | None = None) -> AsyncIterator[str]:
    """A real dossier on a port, with a broker or only its HTTP; its address."""
    nowhere = Address("127.0.0.1", 1)
    settings = DossierSettings(
        dossier="main",
        store=folder / "dossier.sqlite",
        broker=broker or nowhere,
        port=port,
        simulation=True,
    )
    async with running(settings) as dossier:
        yield dossier.url
