"""The rooms a demo can be: which simulated devices stand in them, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

OFTEN = 8.0
"""Seconds between two measurements of a device: long enough for it to be seen idle in between."""


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """One device of a demo. ``driver`` is also its simulator's id, with the ``faults`` of its electrodes.

    ``readings`` are the kinds one measurement files. ``every`` is how many seconds pass from one measurement to the
    next: all Bluetooth devices of a room share it, as they share a radio.
    """

    id: str
    driver: str
    readings: frozenset[str]
    french: str
    english: str
    every: float = OFTEN
    model: str | None = None
    faults: str = ""

    @property
    def simulator(self) -> str:
        """What `devicehub simulate` calls it."""
        return f"{self.driver}+{self.faults}" if self.faults else self.driver


@dataclass(frozen=True, kw_only=True)
class DemoRoom:
    """A room, its patient, and how long everything in it may take.

    With ``has_reader`` the visit is opened by the identity reader, else by the demo, as the practice's software would.
    """

    devices: tuple[Simulated, ...]
    patient: Mapping[str, str]
    start_seconds: float
    once_seconds: float
    has_reader: bool = False

    def name_of(self, device: str, language: str) -> str:
        """What the practice calls a device."""
        found = next((each for each in self.devices if each.id == device), None)
        if found is None:
            return device
        return found.french if language == "fr" else found.english


CUFF = Simulated(
    id="tensiometre",
    driver="sig_blood_pressure",
    readings=frozenset({"blood_pressure"}),
    french="Tensiomètre",
    english="Cuff",
)
THERMOMETER = Simulated(
    id="thermometre",
    driver="sig_thermometer",
    readings=frozenset({"body_temperature"}),
    french="Thermomètre",
    english="Thermometer",
)
SCALE = Simulated(
    id="balance",
    driver="mt_sics",
    readings=frozenset({"body_weight"}),
    french="Balance",
    english="Scale",
)
OXIMETER = Simulated(
    id="oxymetre",
    driver="sig_pulse_oximeter",
    readings=frozenset({"oxygen_saturation"}),
    french="Oxymètre",
    english="Oximeter",
)
MEASURING_STATION = Simulated(
    id="toise",
    driver="g_tech",
    readings=frozenset({"body_weight", "body_height", "body_mass_index"}),
    french="Balance",
    english="Scale",
    # Its line tells a result and nothing before: what comes within a minute of a visit's opening
    # may have begun for the patient before, and is nobody's.
    every=75.0,
)
ECG = Simulated(
    id="ecg",
    driver="ads1298_bridge",
    readings=frozenset({"ecg_preparation"}),
    french="ECG",
    english="ECG",
    every=0.8,  # as long as one stretch of its stream
    model="ADS1298ECG-FE, 500 Hz, gain 6",
    # Seconds after the start: a clip that is off for a while, and later an electrode that has dried.
    faults="V3:off@12-40,LA:dry@240-270",
)

ROOMS: Mapping[str, DemoRoom] = MappingProxyType(
    {
        "small": DemoRoom(
            devices=(CUFF, THERMOMETER, SCALE),
            patient=MappingProxyType(
                {"family_name": "TEST", "given_name": "Alice", "born": "1970-01-01", "sex": "F"}
            ),
            # Together less than the minute in which ``--once`` has ended, well or not.
            start_seconds=20.0,
            once_seconds=30.0,
        ),
        "vitals": DemoRoom(
            devices=(CUFF, THERMOMETER, OXIMETER, MEASURING_STATION, ECG),
            patient=MappingProxyType({"family_name": "TEST", "given_name": "ALICE"}),
            start_seconds=40.0,
            once_seconds=180.0,
            has_reader=True,
        ),
    }
)
