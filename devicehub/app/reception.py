"""The identity reader, wired: who is scanned in waits for a person, who opens a visit at the desk."""

from __future__ import annotations

from devicehub.config.tree import Reader
from devicehub.journal.failures import JournalFull, NotAllowed
from devicehub.station.board import Board
from devicehub.station.visits import physician_of
from devicehub.visit.desk import Desk
from devicehub.visit.dossier import DossierRefused, DossierUnreachable
from devicehub.visit.operators import Operators
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.reception import (
    Doors,
    DossierSilent,
    NoSuchVisit,
    NotOpened,
    Proposal,
    Reception,
    VisitOver,
)


def make_reception(reader: Reader, desk: Desk, board: Board, operators: Operators) -> Reception:
    """Who is scanned in waits here for a person, or where none is open, has their visit opened."""

    async def planned(visit: str) -> PatientIdentity:
        try:
            known = await desk.planned(visit)
        except NotAllowed as error:
            raise VisitOver from error
        except DossierRefused as error:
            raise NoSuchVisit from error
        except DossierUnreachable as error:
            raise DossierSilent(str(error)) from error
        return known.identity

    async def open_visit(proposal: Proposal, closes: str | None, author: str) -> None:
        responsible = physician_of(operators, author)
        try:
            if proposal.visit is None:
                await desk.open(
                    proposal.identity, author=author, responsible=responsible, closes=closes
                )
            else:
                await desk.open_planned(
                    proposal.visit, author=author, responsible=responsible, closes=closes
                )
        except (DossierUnreachable, DossierRefused, NotAllowed, JournalFull, OSError) as error:
            raise NotOpened(str(error)) from error

    return Reception(
        Doors(
            planned=planned,
            open_visit=open_visit,
            visit=lambda: desk.visit.id if desk.visit is not None else None,
            present=lambda: board.picture.identity,
            show=board.reception,
        ),
        simulation=board.picture.simulation,
        opens_visit=reader.opens_visit,
    )
