"""What the desk needs of the dossier: visits planned, opened, closed and looked up. `app` passes the real one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator

from devicehub.driver import AnyMeasurement, Kind
from devicehub.reading.reading import Record
from devicehub.visit.patient import PatientIdentity


class DossierUnreachable(Exception):
    """The dossier did not answer, or not now, or not as a dossier does; the message says where and why."""


class DossierRefused(Exception):
    """The dossier said no, and will say so again: ``code`` for programs, the message for people."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class EarlierValue(Record):
    """What was measured of the same patient in an earlier visit, by which reading and when."""

    reading: UUID
    at: AwareDatetime
    measurement: AnyMeasurement

    @property
    def kind(self) -> Kind:
        """The measurement's kind."""
        return self.measurement.kind


class KnownVisit(Record):
    """A visit as the dossier knows it, with its patient: for the page and its memory alone."""

    visit: str
    state: Literal["planned", "open", "closed"]
    station: str | None = None
    """Where it was opened, else where it is planned; nothing where any station may open it."""
    identity: Annotated[PatientIdentity, BeforeValidator(PatientIdentity.held)]
    planned_at: AwareDatetime | None = None
    """When the patient is expected; nothing for a visit a station opened by itself."""
    opened_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    plan: tuple[Kind, ...] = ()
    """What is to be measured."""
    responsible: str | None = None
    """The physician who answers for it."""
    earlier: tuple[EarlierValue, ...] = ()
    """The newest values of each kind from the patient's other visits, newest first."""


class Opening(Record):
    """A visit a station has opened. ``visit`` is the id it chose: told twice, it is one visit."""

    visit: str
    station: str
    opened_at: AwareDatetime
    identity: PatientIdentity | None
    """Whom it is about; nothing for a planned visit, which the dossier knows."""
    plan: tuple[Kind, ...] = ()
    responsible: str | None = None


class Dossier(Protocol):
    """The dossier. Every call raises `DossierUnreachable` or `DossierRefused`."""

    async def worklist(self, station: str) -> Sequence[KnownVisit]:
        """The visits that are planned for a station and not opened yet, by their time."""
        ...

    async def open_visit(self, opening: Opening) -> KnownVisit:
        """Tell that a visit is open; telling it again changes nothing."""
        ...

    async def entrust_visit(self, visit: str, responsible: str) -> None:
        """Tell which physician answers for a visit; telling it again changes nothing."""
        ...

    async def close_visit(self, visit: str, at: AwareDatetime) -> None:
        """Tell that a visit ended; one that is closed keeps its end."""
        ...

    async def visit(self, visit: str) -> KnownVisit:
        """A visit and whom it is about."""
        ...
