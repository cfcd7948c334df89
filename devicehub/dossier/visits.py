"""The visits in the dossier's store, and whom they are about. Functions of one transaction each.

A visit is planned (``plans``), then opened and closed (``visits``). Its id may be chosen by whoever makes it:
then making it twice makes one, and a station can open it while the dossier cannot be reached.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import Connection, Row, insert, or_, select, update

from devicehub.dossier.tables import ATTRIBUTIONS, AUDIT, PATIENTS, PLANS, READINGS, VISITS
from devicehub.driver import Kind
from devicehub.journal.records import Attribution
from devicehub.reading.reading import Reading, Record
from devicehub.visit.dossier import EarlierValue, KnownVisit
from devicehub.visit.patient import PatientIdentity

LATE, AHEAD = timedelta(hours=12), timedelta(hours=24)
"""A planned visit is on the worklist this long after and before its time."""

EARLIER_OF_A_KIND = 10
EARLIER_LOOKED_AT = 500
"""How many earlier values of each kind are told, and how many readings are looked at for them."""


class UnknownVisit(Exception):
    """No such visit was planned or opened at this dossier."""

    def __init__(self) -> None:
        super().__init__(
            "ce dossier ne connaît pas cette visite · this dossier knows no such visit"
        )


class UnknownPatient(Exception):
    """No such patient is known to this dossier."""

    def __init__(self) -> None:
        super().__init__(
            "ce dossier ne connaît pas ce patient · this dossier knows no such patient"
        )


class VisitConflict(Exception):
    """The id a visit is made under belongs to somebody else's."""

    def __init__(self) -> None:
        super().__init__(
            "cette visite existe déjà pour un autre patient · this visit exists already for another patient"
        )


class NewVisit(Record):
    """What is known of a visit when it is made. ``who`` is a person new to the dossier, or a patient's id."""

    who: PatientIdentity | str
    visit: str | None = None
    station: str | None = None
    planned_at: AwareDatetime | None = None
    opened_at: AwareDatetime | None = None
    plan: tuple[Kind, ...] = ()
    responsible: str | None = None


class PatientVisit(Record):
    """A visit with the id of its patient."""

    known: KnownVisit
    patient: str


def make(connection: Connection, new: NewVisit, actor: str) -> tuple[PatientVisit, bool]:
    """Plan a visit, or open one at once where no time is planned; and whether it is new.

    Raises `UnknownPatient` or `VisitConflict`.
    """
    visit = new.visit or f"v-{secrets.token_hex(10)}"
    patient = _patient_of(connection, visit)
    is_new = patient is None
    if patient is None:
        patient = _patient(connection, new.who)
        row = {
            "visit": visit,
            "patient": patient,
            "station": new.station,
            "planned_at": new.planned_at,
            "plan": list(new.plan),
            "responsible": new.responsible,
            "created_at": datetime.now(UTC),
        }
        connection.execute(insert(PLANS).values(row))
        if new.planned_at is not None:
            note(connection, actor, "visit_planned", visit, new.station)
    elif not _is_about(connection, patient, new.who):
        raise VisitConflict
    if new.planned_at is None:
        # A station that was cut off tells what it has opened, perhaps once more.
        open_(connection, visit, new.station or "", new.opened_at, actor)
    return known(connection, visit), is_new


def open_(
    connection: Connection, visit: str, station: str, at: datetime | None, actor: str
) -> PatientVisit:
    """Open a visit; one that was opened stays as it is, wherever that was. Raises `UnknownVisit`.

    What a station has measured in it belongs to its patient, even where the plan was cancelled meanwhile.
    """
    patient = _patient_of(connection, visit)
    if patient is None:
        raise UnknownVisit
    if connection.execute(select(VISITS.c.id).where(VISITS.c.id == visit)).first() is None:
        row = {
            "id": visit,
            "patient": patient,
            "station": station,
            "opened_at": at or datetime.now(UTC),
        }
        connection.execute(insert(VISITS).values(row))
        note(connection, actor, "visit_opened", visit, station)
    return known(connection, visit)


def entrust(connection: Connection, visit: str, responsible: str, actor: str) -> PatientVisit:
    """This physician answers for a visit. One that is over takes it too: a station may have been cut off.

    Raises `UnknownVisit`.
    """
    before = known(connection, visit)
    if before.known.responsible == responsible:
        return before
    naming = update(PLANS).where(PLANS.c.visit == visit).values(responsible=responsible)
    connection.execute(naming)
    note(connection, actor, "visit_entrusted", visit)
    return known(connection, visit)


def close(connection: Connection, visit: str, at: datetime | None, actor: str) -> PatientVisit:
    """Close a visit, or cancel one that was never opened; a closed one stays as it is. Raises `UnknownVisit`."""
    before = known(connection, visit)
    if before.known.state == "closed":
        return before
    moment = at or datetime.now(UTC)
    if before.known.state == "planned":
        cancelling = update(PLANS).where(PLANS.c.visit == visit).values(cancelled_at=moment)
        connection.execute(cancelling)
        note(connection, actor, "visit_cancelled", visit)
    else:
        connection.execute(update(VISITS).where(VISITS.c.id == visit).values(closed_at=moment))
        note(connection, actor, "visit_closed", visit)
    return known(connection, visit)


def known(connection: Connection, visit: str) -> PatientVisit:
    """A visit with its patient and what was measured of them before. Raises `UnknownVisit`."""
    row = connection.execute(_KNOWN.where(PLANS.c.visit == visit)).first()
    if row is None:
        raise UnknownVisit
    return _patient_visit(connection, row)


def worklist(connection: Connection, station: str) -> list[PatientVisit]:
    """The visits planned for a station, or for any, around now and not opened yet, by their time."""
    now = datetime.now(UTC)
    wanted = (
        _KNOWN.where(VISITS.c.id.is_(None), PLANS.c.cancelled_at.is_(None))
        .where(PLANS.c.planned_at >= now - LATE, PLANS.c.planned_at <= now + AHEAD)
        .where(or_(PLANS.c.station.is_(None), PLANS.c.station == station))
        .order_by(PLANS.c.planned_at, PLANS.c.visit)
    )
    return [_patient_visit(connection, row) for row in connection.execute(wanted).all()]


def note(
    connection: Connection, actor: str, action: str, subject: str, detail: str | None = None
) -> None:
    """One line of the audit, in the transaction of the act itself."""
    row = {
        "at": datetime.now(UTC),
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": detail,
    }
    connection.execute(insert(AUDIT).values(row))


def by_reading(rows: Iterable[Row[Any]]) -> Iterator[tuple[Row[Any], tuple[Attribution, ...]]]:
    """Each reading with its revisions, oldest first, from rows in the order of both."""
    for _, its in groupby(rows, key=lambda row: row.key):
        several = list(its)
        yield several[-1], tuple(Attribution.model_validate(row.attribution) for row in several)


def belongs_to(revisions: Sequence[Attribution]) -> str | None:
    """The visit a reading belongs to, or the last one it did until it was withdrawn."""
    return next((one.visit for one in reversed(revisions) if one.visit is not None), None)


_KNOWN = select(
    PLANS.c.visit,
    PLANS.c.patient,
    PLANS.c.planned_at,
    PLANS.c.plan,
    PLANS.c.responsible,
    PLANS.c.cancelled_at,
    PLANS.c.station.label("planned_station"),
    VISITS.c.station,
    VISITS.c.opened_at,
    VISITS.c.closed_at,
    PATIENTS.c.identity,
).select_from(
    PLANS.outerjoin(VISITS, VISITS.c.id == PLANS.c.visit).join(
        PATIENTS, PATIENTS.c.id == PLANS.c.patient
    )
)


def _patient_visit(connection: Connection, row: Row[*tuple[Any, ...]]) -> PatientVisit:
    closed_at = row.closed_at if row.opened_at else row.cancelled_at
    state = "closed" if closed_at else "open" if row.opened_at else "planned"
    told = KnownVisit.model_validate(
        {
            "visit": row.visit,
            "state": state,
            "station": row.station or row.planned_station,
            "identity": row.identity,
            "planned_at": row.planned_at,
            "opened_at": row.opened_at,
            "closed_at": closed_at,
            "plan": row.plan,
            "responsible": row.responsible,
            "earlier": _earlier(connection, row.patient, row.visit),
        }
    )
    return PatientVisit(known=told, patient=row.patient)


def _patient_of(connection: Connection, visit: str) -> str | None:
    found = select(PLANS.c.patient).where(PLANS.c.visit == visit)
    patient: str | None = connection.execute(found).scalar_one_or_none()
    return patient


def _patient(connection: Connection, who: PatientIdentity | str) -> str:
    """The id of a patient. Two people can share every trait: only an id, or an INS, says that they are one."""
    if isinstance(who, str):
        found = select(PATIENTS.c.id).where(PATIENTS.c.id == who)
        if connection.execute(found).first() is None:
            raise UnknownPatient
        return who
    if who.ins is not None:
        ins = PATIENTS.c.identity["ins"]
        same = select(PATIENTS.c.id, PATIENTS.c.identity).where(
            ins["matricule"].as_string() == who.ins.matricule,
            ins["oid"].as_string() == who.ins.oid,
        )
        for row in connection.execute(same):
            held = PatientIdentity.held(row.identity)
            # An INS with another date of birth is a mistake somewhere: not the same person, to be safe.
            if (held.born, held.sex) == (who.born, who.sex):
                return str(row.id)
    patient = f"p-{secrets.token_hex(10)}"
    new = {
        "id": patient,
        "identity": who.model_dump(mode="json"),
        "created_at": datetime.now(UTC),
    }
    connection.execute(insert(PATIENTS).values(new))
    return patient


def _is_about(connection: Connection, patient: str, who: PatientIdentity | str) -> bool:
    if isinstance(who, str):
        return who == patient
    held = select(PATIENTS.c.identity).where(PATIENTS.c.id == patient)
    identity = PatientIdentity.held(connection.execute(held).scalar_one())
    return identity == who or identity.is_also(who)


def _earlier(connection: Connection, patient: str, visit: str) -> tuple[EarlierValue, ...]:
    """The newest values of each kind from the patient's other visits, newest first."""
    visits = select(VISITS.c.id).where(VISITS.c.patient == patient, VISITS.c.id != visit)
    others = set(connection.execute(visits).scalars())
    if not others:
        return ()
    its = (
        select(READINGS.c.key)
        .where(
            READINGS.c.key.in_(
                select(ATTRIBUTIONS.c.reading).where(ATTRIBUTIONS.c.visit.in_(others))
            )
        )
        .order_by(READINGS.c.key.desc())
        .limit(EARLIER_LOOKED_AT)
    )
    wanted = (
        select(READINGS.c.key, READINGS.c.body, ATTRIBUTIONS.c.body.label("attribution"))
        .join(ATTRIBUTIONS, ATTRIBUTIONS.c.reading == READINGS.c.key)
        .where(READINGS.c.key.in_(its))
        .order_by(READINGS.c.key, ATTRIBUTIONS.c.revision)
    )
    values = []
    for row, revisions in by_reading(connection.execute(wanted)):
        if belongs_to(revisions) in others and revisions[-1].action != "withdraw":
            reading = Reading.model_validate(row.body)
            values.append(
                EarlierValue(
                    reading=reading.id, at=reading.measured_at, measurement=reading.measurement
                )
            )
    return _newest_of_each_kind(values)


def _newest_of_each_kind(values: Sequence[EarlierValue]) -> tuple[EarlierValue, ...]:
    counted: Counter[Kind] = Counter()
    kept = []
    for value in sorted(values, key=lambda value: value.at, reverse=True):
        counted[value.kind] += 1
        if counted[value.kind] <= EARLIER_OF_A_KIND:
            kept.append(value)
    return tuple(kept)
