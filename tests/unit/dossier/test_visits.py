"""Visits planned, opened and closed, and what was measured before, on a real SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from devicehub.dossier.filing import Arrival
from devicehub.dossier.store import DossierStore
from devicehub.dossier.visits import (
    EARLIER_OF_A_KIND,
    NewVisit,
    UnknownPatient,
    UnknownVisit,
    VisitConflict,
)
from devicehub.driver import BodyWeight
from devicehub.visit.dossier import KnownVisit
from devicehub.visit.patient import Ins, PatientIdentity

Arrive = Callable[..., Arrival]
NOW = datetime.now(UTC)


def make(store: DossierStore, who: PatientIdentity | str, **more: object) -> KnownVisit:
    new = NewVisit.model_validate({"who": who, "station": "room-1", **more})
    return store.make_visit(new, actor="test")[0].known


def patient_of(store: DossierStore, visit: str) -> str:
    return store.visit(visit, actor="test").patient


def test_a_visit_is_planned_opened_and_closed_once(
    store: DossierStore, alice: PatientIdentity
) -> None:
    planned = make(
        store, alice, planned_at=NOW, plan=("body_weight", "blood_pressure"), responsible="Dr TEST"
    )
    assert (planned.state, planned.opened_at) == ("planned", None)
    (listed,) = store.worklist("room-1", actor="test")
    assert listed.known == planned
    assert listed.known.plan == ("body_weight", "blood_pressure")
    at = NOW - timedelta(minutes=3)
    opened = store.open_visit(planned.visit, "room-1", at, actor="test").known
    assert (opened.state, opened.opened_at, opened.responsible) == ("open", at, "Dr TEST")
    again = store.open_visit(planned.visit, "room-2", NOW, actor="test").known
    assert again == opened, "who comes second changes nothing"
    assert store.worklist("room-1", actor="test") == []
    closed = store.close_visit(planned.visit, NOW, actor="test").known
    assert (closed.state, closed.closed_at) == ("closed", NOW)
    assert store.close_visit(planned.visit, actor="test").known == closed
    assert store.open_visit(planned.visit, "room-1", actor="test").known == closed


def test_who_answers_for_a_visit_is_the_last_one_named_even_after_its_end(
    store: DossierStore, alice: PatientIdentity
) -> None:
    visit = make(store, alice, planned_at=NOW).visit
    store.open_visit(visit, "room-1", actor="test")
    for name in ("Dr TEST Paul", "Dr TEST René", "Dr TEST René"):
        assert store.entrust_visit(visit, name, actor="test").known.responsible == name
    closed = store.close_visit(visit, actor="test").known
    late = store.entrust_visit(visit, "Dr TEST Paul", actor="test").known
    assert late == closed.model_copy(update={"responsible": "Dr TEST Paul"})
    with store._engine.connect() as connection:
        told = connection.exec_driver_sql(
            "SELECT detail FROM audit WHERE action = 'visit_entrusted' AND subject = ?", (visit,)
        ).all()
    assert told == [(None,)] * 3, "the audit names nobody, and the same word twice is one"


def test_the_worklist_is_of_this_station_and_of_these_hours(
    store: DossierStore, alice: PatientIdentity
) -> None:
    later = make(store, alice, planned_at=NOW + timedelta(hours=2))
    sooner = make(store, alice, planned_at=NOW - timedelta(hours=1), station=None)
    make(store, alice, planned_at=NOW, station="room-2")
    make(store, alice, planned_at=NOW - timedelta(days=2))
    make(store, alice, planned_at=NOW + timedelta(days=3))
    make(store, alice)
    cancelled = make(store, alice, planned_at=NOW)
    assert store.close_visit(cancelled.visit, actor="test").known.state == "closed"
    listed = [one.known.visit for one in store.worklist("room-1", actor="test")]
    assert listed == [sooner.visit, later.visit]


def test_what_a_station_opened_is_filed_though_its_plan_was_cancelled(
    store: DossierStore, alice: PatientIdentity, arrive: Arrive
) -> None:
    planned = make(store, alice, planned_at=NOW)
    store.close_visit(planned.visit, actor="test")
    assert store.open_visit(planned.visit, "room-1", actor="test").known.state == "open"
    assert store.file([arrive(planned.visit)], accepts_simulators=False)[0].result == "filed"


def test_making_a_visit_twice_makes_one(store: DossierStore, alice: PatientIdentity) -> None:
    visit = f"v-{1:020x}"
    first = make(store, alice, visit=visit, opened_at=NOW)
    assert make(store, alice, visit=visit, opened_at=NOW) == first
    assert make(store, patient_of(store, visit), visit=visit) == first
    bruno = alice.model_copy(update={"given_name": "Bruno"})
    for other in (bruno, "p-somebody-else"):
        with pytest.raises(VisitConflict):
            make(store, other, visit=visit)


def test_only_an_id_or_an_ins_says_that_two_visits_are_of_one_patient(
    store: DossierStore, alice: PatientIdentity
) -> None:
    first, second = make(store, alice), make(store, alice)
    assert patient_of(store, first.visit) != patient_of(store, second.visit)
    third = make(store, patient_of(store, first.visit), station="room-2")
    assert patient_of(store, third.visit) == patient_of(store, first.visit)
    with pytest.raises(UnknownPatient):
        make(store, "p-nobody")

    ins = Ins(matricule="270017500000114", oid="1.2.250.1.213.1.4.10")
    known = alice.model_copy(update={"ins": ins})
    married = known.model_copy(update={"family_name": "TESTE"})
    visits = [make(store, who).visit for who in (known, married)]
    assert len({patient_of(store, visit) for visit in visits}) == 1
    born_later = known.model_copy(update={"born": alice.born + timedelta(days=1)})
    assert patient_of(store, make(store, born_later).visit) != patient_of(store, visits[0])


def test_unknown_visits_are_said_to_be_unknown(store: DossierStore) -> None:
    for call in (
        lambda: store.visit("v-0", actor="test"),
        lambda: store.open_visit("v-0", "room-1", actor="test"),
        lambda: store.entrust_visit("v-0", "Dr TEST", actor="test"),
        lambda: store.close_visit("v-0", actor="test"),
        lambda: list(store.filed("v-0")),
    ):
        with pytest.raises(UnknownVisit):
            call()


def test_earlier_values_are_of_this_patient_and_not_withdrawn(
    store: DossierStore, alice: PatientIdentity, arrive: Arrive
) -> None:
    first = make(store, alice)
    patient = patient_of(store, first.visit)
    stranger = make(store, alice)
    weights = [
        arrive(
            first.visit,
            number,
            changes={
                "measurement": BodyWeight(kilograms=Decimal(60 + number), stable=True),
                "received_at": NOW - timedelta(days=number),
                "stamp": arrive(None).item.reading.stamp.model_copy(update={"corrected": None}),
            },
        )
        for number in range(EARLIER_OF_A_KIND + 2)
    ]
    pressure = arrive(first.visit, 50)
    store.file([*weights, pressure, arrive(stranger.visit, 51)], accepts_simulators=False)
    withdrawn = arrive(
        None,
        0,
        2,
        action="withdraw",
        changes=weights[0].item.reading.model_dump(include={"received_at"})
        | {
            "measurement": weights[0].item.reading.measurement,
            "stamp": weights[0].item.reading.stamp,
        },
    )
    moved = arrive(stranger.visit, 50, 2, action="reassign")
    receipts = store.file([withdrawn, moved], accepts_simulators=False)
    assert [receipt.result for receipt in receipts] == ["filed", "filed"]
    assert make(store, alice).earlier == ()
    assert store.visit(first.visit, actor="test").known.earlier == ()
    earlier = make(store, patient, planned_at=NOW).earlier
    told = [getattr(value.measurement, "kilograms", None) for value in earlier]
    assert told == [Decimal(60 + number) for number in range(1, EARLIER_OF_A_KIND + 1)]
    assert earlier[0].at == NOW - timedelta(days=1)


def test_a_store_of_the_first_version_is_brought_up_to_date(
    store: DossierStore, visit: str, arrive: Arrive, tmp_path: Path
) -> None:
    store.file([arrive(visit)], accepts_simulators=False)
    store.close()
    path = tmp_path / "dossier.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE plans")
        database.execute("PRAGMA user_version = 1")
        database.commit()
    with DossierStore(path) as later:
        assert later.visit(visit, actor="test").known.state == "open"
        assert [filed.visit for filed in later.filed(visit)] == [visit]
    with DossierStore(path) as again:
        assert again.visit(visit, actor="test").known.plan == ()
