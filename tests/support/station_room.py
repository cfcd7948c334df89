"""A room to look at: devices, readings and filings of an invented patient, for the tests of the station."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from devicehub.delivery.wire import DeviceState
from devicehub.driver import BloodPressure, BodyTemperature, BodyWeight, Kind, Measurement
from devicehub.journal.records import Attribution, Filing, QuarantineReason, State, Visit
from devicehub.reading.clock import Stamp
from devicehub.reading.interval import Began
from devicehub.reading.reading import Device, DriverUsed, Evidence, Plausibility, Reading
from devicehub.station.expecting import Listed
from devicehub.visit.operators import Operator
from devicehub.visit.patient import PatientIdentity

ALICE = PatientIdentity(family_name="TEST", given_name="Alice", born=date(1970, 1, 1), sex="F")
BRUNO = PatientIdentity(family_name="TEST", given_name="Bruno", born=date(1985, 6, 2), sex="M")
ANNE = Operator(id="anne", name="TEST Anne", role="assistant")
PAUL = Operator(id="paul", name="Dr TEST Paul", role="physician")
RENE = Operator(id="rene", name="Dr TEST René", role="physician")
TINA = Operator(id="tina", name="TEST Tina", role="technician")
CUFF, SCALE, THERMOMETER = "cuff-1", "scale-1", "thermometer-1"
NAMES = {CUFF: "Tensiomètre", SCALE: "Balance", THERMOMETER: "Thermomètre"}
TELLS: dict[str, frozenset[Kind]] = {
    "a_cuff": frozenset({"blood_pressure"}),
    "a_scale": frozenset({"body_weight"}),
    "a_thermometer": frozenset({"body_temperature"}),
}
LISTED = (
    Listed(CUFF, "Tensiomètre", on_radio=True, driver="a_cuff"),
    Listed(SCALE, "Balance", on_radio=False, driver="a_scale"),
    Listed(THERMOMETER, "Thermomètre", on_radio=True, driver="a_thermometer"),
)
DRIVERS = {one.id: one.driver for one in LISTED}


def now() -> datetime:
    return datetime.now(UTC)


def visit(name: str = "visit-a") -> Visit:
    return Visit(id=name, opened_at=now() - timedelta(minutes=6))


def pressure(systolic: str = "128", diastolic: str = "76") -> BloodPressure:
    return BloodPressure.model_validate(
        {"systolic_mmhg": systolic, "diastolic_mmhg": diastolic, "pulse_per_minute": "71"}
    )


def weight(kilograms: str = "71.45") -> BodyWeight:
    return BodyWeight.model_validate({"kilograms": kilograms, "stable": True})


def temperature(celsius: str = "36.8") -> BodyTemperature:
    return BodyTemperature.model_validate({"celsius": celsius, "site": "ear"})


def device_state(device: str, state: str, *, battery: float | None = None) -> DeviceState:
    return DeviceState.model_validate(
        {
            "device": device,
            "driver": DRIVERS.get(device) or "some_driver",
            "origin": "simulator",
            "state": state,
            "since": now(),
            "battery_percent": battery,
        }
    )


def filing(
    device: str,
    measurement: Measurement,
    state: State,
    *,
    visit: str | None = "visit-a",
    quarantine: QuarantineReason | None = None,
    reading: UUID | None = None,
    received_at: datetime | None = None,
    detail: str | None = None,
    plausibility: Plausibility = "plausible",
    offset_seconds: float = 1.0,
) -> Filing:
    arrived = received_at or now()
    told = (arrived.astimezone() - timedelta(seconds=offset_seconds)).replace(tzinfo=None)
    made = Reading(
        id=reading or uuid4(),
        measurement=measurement,
        device=Device(id=device, intrinsic=f"serial:{device}"),
        driver=DriverUsed(id="some_driver", version="1"),
        origin="simulator",
        received_at=arrived,
        stamp=Stamp(
            device_time=told.isoformat(timespec="seconds"),
            corrected=arrived,
            offset_seconds=offset_seconds,
            how="device_clock",
        ),
        began=Began(earliest=arrived, latest=arrived, known_from="live_frames"),
        evidence=(
            Evidence(
                number=1, parts=(("-", "00"),), model=None, first_byte=arrived, last_byte=arrived
            ),
        ),
        plausibility=plausibility,
    )
    attribution = Attribution(
        reading=made.id, revision=1, visit=visit, quarantine=quarantine, author="fence", at=arrived
    )
    return Filing(
        reading=made,
        attribution=attribution,
        state=state,
        state_at=arrived + timedelta(milliseconds=12.5),
        detail=detail,
    )
