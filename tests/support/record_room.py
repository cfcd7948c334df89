"""A patient with a past: a real dossier that knows earlier values, and a station's desk and journal before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from invented import filed

from devicehub.delivery.address import Address
from devicehub.delivery.dossier_api import DossierApi
from devicehub.delivery.wire import Item
from devicehub.devices import registry
from devicehub.devices.passkeys import Passkeys
from devicehub.dossier.dossier import DossierSettings, running
from devicehub.dossier.filing import Arrival
from devicehub.dossier.store import DossierStore
from devicehub.dossier.visits import NewVisit
from devicehub.driver import (
    BloodPressure,
    BodyHeight,
    BodyTemperature,
    BodyWeight,
    EcgPreparation,
    Kind,
    Measurement,
    OxygenSaturation,
)
from devicehub.journal.journal import Journal
from devicehub.journal.records import Filing, Receipt, State, Visit
from devicehub.journal.seal import Seal
from devicehub.reading.derivation import Arm, Derivation, Member
from devicehub.reading.derived import derive
from devicehub.reading.reading import Device
from devicehub.station.board import Board
from devicehub.station.expecting import Listed
from devicehub.station.hub import Hub
from devicehub.station.rendering import Rendering
from devicehub.station.sessions import Sessions
from devicehub.transport.hands import station_now
from devicehub.visit.by_hand import ByHand
from devicehub.visit.deriver import Deriver
from devicehub.visit.desk import Desk
from devicehub.visit.operators import Operators
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.review import Review
from devicehub.visit.series import SeriesRules

ALICE = PatientIdentity(family_name="TEST", given_name="Alice", born=date(1970, 1, 1), sex="F")
PLAN: tuple[Kind, ...] = (
    "blood_pressure",
    "body_weight",
    "body_temperature",
    "oxygen_saturation",
    "ecg_preparation",
)
CUFF = Device(
    id="cuff",
    intrinsic="serial:A1",
    maker="TEST Maker",
    model="Cuff 1",
    serial_number="A1",
    firmware="1.2",
)

SCALE = Device(
    id="scale", intrinsic="serial:B2", maker="TEST Maker", model="Scale 2", serial_number="B2"
)
THERMOMETER = Device(id="thermometer", intrinsic="serial:C3", maker="TEST Maker", model="Ear 3")
FRONT_END = Device(id="ecg", intrinsic="serial:D4", maker="TEST Maker", model="Front end 4")


def past(now: datetime) -> list[tuple[datetime, Measurement]]:
    """What was measured of the patient before, oldest first: six visits, one of them long ago."""
    told: list[tuple[datetime, Measurement]] = [
        (now - timedelta(days=1900), BodyHeight(centimetres=Decimal(168))),
        (now - timedelta(days=1900), BodyWeight(kilograms=Decimal("64.2"))),
    ]
    rows = ((720, "66.1", 131, 82), (540, "66.8", 134, 80), (360, "68.0", 129, 84))
    for days, kilograms, systolic, diastolic in (*rows, (180, "67.4", 138, 79)):
        at = now - timedelta(days=days)
        told += [
            (at, BodyWeight(kilograms=Decimal(kilograms))),
            (
                at,
                BloodPressure(
                    systolic_mmhg=Decimal(systolic),
                    diastolic_mmhg=Decimal(diastolic),
                    pulse_per_minute=Decimal(68),
                ),
            ),
            (at, BodyTemperature(celsius=Decimal("36.5"), site="ear")),
            (at, OxygenSaturation(percent=Decimal(97), pulse_per_minute=Decimal(66))),
        ]
    return told


@dataclass
class RecordRoom:
    """A station's desk and journal with a visit open for a patient whom the dossier knows."""

    journal: Journal
    desk: Desk
    board: Board
    visit: Visit

    async def file(
        self,
        measurement: Measurement,
        state: State = "filed",
        *,
        ago: timedelta = timedelta(),
        device: Device = CUFF,
    ) -> Filing:
        """A reading of the visit in a state; where that is sent ahead of a person, it is put there straight."""
        made = filed(measurement, at=station_now() - ago, visit=self.visit.id, state=_first(state))
        filing = made.model_copy(
            update={"reading": made.reading.model_copy(update={"device": device})}
        )
        await self.journal.file([filing])
        if state in ("published", "filed"):
            await self.journal.mark_published([(filing.reading.id, 1)])
        if state == "filed":
            receipt = Receipt(id=filing.reading.id, revision=1, result="filed")
            await self.journal.receipts([receipt])
        if state == "rejected":
            await self.journal.change(filing.reading.id, 1, "rejected", author="a", detail="moved")
        now = await self.journal.reading(filing.reading.id)
        assert now is not None
        return now

    async def series(self, pressures: Sequence[tuple[int, int]], arm: Arm = "left") -> Filing:
        """A series on an arm: its members, and the mean of the last two."""
        members = [
            await self.file(
                BloodPressure(
                    systolic_mmhg=Decimal(systolic),
                    diastolic_mmhg=Decimal(diastolic),
                    pulse_per_minute=Decimal(70),
                ),
                ago=timedelta(minutes=len(pressures) - number),
            )
            for number, (systolic, diastolic) in enumerate(pressures)
        ]
        last = members[-2:]
        mean = BloodPressure(
            systolic_mmhg=Decimal(sum(one[0] for one in pressures[-2:])) / 2,
            diastolic_mmhg=Decimal(sum(one[1] for one in pressures[-2:])) / 2,
            pulse_per_minute=Decimal(70),
        )
        derivation = Derivation(
            rule="blood_pressure_series",
            members=tuple(
                Member(reading=one.reading.id, counted=one in last, arm=arm, posture="seated")
                for one in members
            ),
            deviation={"systolic_mmhg": Decimal("2.8"), "diastolic_mmhg": Decimal("1.4")},
        )
        reading = derive(mean, derivation, [one.reading for one in last], version="1")
        made = members[-1].model_copy(
            update={
                "reading": reading,
                "state": "accepted",
                "attribution": members[-1].attribution.model_copy(update={"reading": reading.id}),
            }
        )
        await self.journal.file([made])
        return made


def preparation(*, ready: bool = True) -> EcgPreparation:
    """A finished electrode check."""
    return EcgPreparation(
        ready=ready,
        electrodes={"RA": "good", "LA": "good", "V3": "good" if ready else "poor"},
        leads={"I": "good", "V3": "good" if ready else "poor"},
        causes=() if ready else ("mains",),
        duration_seconds=Decimal(95),
        retries=2,
    )


def _first(state: State) -> State:
    return state if state in ("to_review", "accepted", "invalid") else _before(state)


def _before(state: State) -> State:
    return "to_review" if state == "rejected" else "accepted"


def _know(folder: Path, values: Sequence[tuple[datetime, Measurement]]) -> str:
    """The dossier's past of the patient; the id of the visit that is planned for today."""
    with DossierStore(folder / "dossier.sqlite") as store:
        first = store.make_visit(NewVisit(who=ALICE, station="room-1"), actor="test")[0].known
        patient = store.visit(first.visit, actor="test").patient
        arrivals = []
        for at, measurement in values:
            one = filed(measurement, at=at, visit=first.visit)
            item = Item(reading=one.reading, attribution=one.attribution)
            arrivals.append(Arrival("practice", "room-1", "room-1", item))
        receipts = store.file(arrivals, accepts_simulators=True)
        assert {receipt.result for receipt in receipts} <= {"filed"}
        new = NewVisit(
            who=patient,
            station="room-1",
            planned_at=station_now(),
            plan=PLAN,
            responsible="Dr TEST",
        )
        return store.make_visit(new, actor="test")[0].known.visit


@asynccontextmanager
async def record_room(folder: Path) -> AsyncIterator[RecordRoom]:
    """A room with an open visit of a patient with a past."""
    planned = _know(folder, past(station_now()))
    settings = DossierSettings(
        dossier="main",
        store=folder / "dossier.sqlite",
        broker=Address("127.0.0.1", 1),
        port=0,
        simulation=True,
    )
    board = Board(simulation=True)
    async with (
        running(settings) as dossier,
        DossierApi(dossier.url) as api,
        Journal(folder / "journal.sqlite") as journal,
    ):
        desk = Desk(
            journal,
            station="room-1",
            grace=timedelta(seconds=120),
            confirm="none",
            dossier=api,
            seal=Seal(folder / "identity.key"),
            show=board.visit,
        )
        await desk.load()
        visit = await desk.open_planned(planned, author="page")
        await desk.reconcile()
        yield RecordRoom(journal, desk, board, visit)


def nobodys(measurement: Measurement) -> Filing:
    """A reading that arrived just now and belongs to nobody."""
    return filed(measurement, at=station_now(), visit=None, state="quarantined")


def hub_of(room: RecordRoom, folder: Path) -> Hub:
    """What stands behind the pages of this room; nobody has to sign in until operators are added."""
    return Hub(
        board=room.board,
        desk=room.desk,
        review=Review(room.journal, room.desk),
        deriver=Deriver(room.journal, version="1", known=room.desk.patient_before),
        by_hand=ByHand(room.journal, room.desk, origin="simulator", version="1"),
        sessions=Sessions(Operators.of(folder), idle=timedelta(minutes=5)),
        rendering=Rendering(),
        language="fr",
        rules=SeriesRules(),
        listed=[
            Listed("cuff", "Tensiomètre", on_radio=True, driver="sig_blood_pressure"),
            Listed("scale", "Balance", on_radio=True, driver="sig_weight_scale"),
            Listed("thermometer", "Thermomètre", on_radio=True, driver="sig_thermometer"),
            Listed("ecg", "Amplificateur ECG", on_radio=False, driver="medlab_eg"),
        ],
        tells=lambda driver: frozenset(
            kind for model in registry.find(driver).models for kind in model.reads
        ),
        passkeys=Passkeys(room.board.passkeys),
    )
