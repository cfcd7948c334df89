"""Could this sensor have measured this at all? Two levels, and neither says anything about health.

``impossible`` values lie outside what any device of the kind can display: they are kept, as invalid.
``unusual`` values are real often enough: the person in the room is asked to look again. No value is altered.

Limits: the display ranges of devices in clinical use (IEC 80601-2-30 and ISO 81060-2 cuffs reach
0-300 mmHg, IEC 80601-2-56 thermometers 25-45 °C, class III scales 300 kg, ISO 80601-2-61 oximeters 0-100 %).
Body mass index: such a scale full, under somebody of 122 cm, is 201; below 5 not the whole body was on the scale. Of the
composition a share is less than the whole, a mass no more than a scale carries and bone a small part of it; an
analyser tells basal metabolism in at most four digits of kilocalories, and impedance in the tenths of an ohm that two
octets hold (GATT Specification Supplement, *Body Composition Measurement*). A mean pressure lies between the
pressures it is the mean of; drivers read a mean of 0 as none.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from devicehub.driver import BloodPressure, Measurement
from devicehub.reading.reading import Plausibility


class _Range(NamedTuple):
    possible: tuple[str, str]
    usual: tuple[str, str]


_RANGES: dict[tuple[str, str], _Range] = {
    ("blood_pressure", "systolic_mmhg"): _Range(("20", "320"), ("70", "220")),
    ("blood_pressure", "diastolic_mmhg"): _Range(("10", "280"), ("35", "130")),
    ("blood_pressure", "mean_mmhg"): _Range(("10", "300"), ("45", "160")),
    ("blood_pressure", "pulse_per_minute"): _Range(("10", "300"), ("35", "180")),
    ("body_weight", "kilograms"): _Range(("0.2", "500"), ("2", "250")),
    ("body_height", "centimetres"): _Range(("20", "260"), ("45", "215")),
    ("body_mass_index", "kilograms_per_square_metre"): _Range(("5", "200"), ("10", "70")),
    ("body_composition", "fat_percent"): _Range(("1", "99"), ("3", "60")),
    ("body_composition", "muscle_percent"): _Range(("1", "99"), ("15", "95")),
    ("body_composition", "muscle_kilograms"): _Range(("0.1", "500"), ("1", "150")),
    ("body_composition", "fat_free_kilograms"): _Range(("0.1", "500"), ("1", "150")),
    ("body_composition", "soft_lean_kilograms"): _Range(("0.1", "500"), ("1", "150")),
    ("body_composition", "water_kilograms"): _Range(("0.1", "500"), ("1", "120")),
    ("body_composition", "water_percent"): _Range(("1", "99"), ("25", "80")),
    ("body_composition", "bone_kilograms"): _Range(("0.01", "20"), ("0.1", "8")),
    ("body_composition", "basal_metabolism_kilojoules"): _Range(
        ("200", "42000"), ("1500", "17000")
    ),
    ("body_composition", "impedance_ohms"): _Range(("10", "6553.5"), ("100", "1500")),
    ("body_composition", "kilograms"): _Range(("0.2", "500"), ("2", "250")),
    ("body_composition", "centimetres"): _Range(("20", "260"), ("45", "215")),
    ("body_temperature", "celsius"): _Range(("15", "50"), ("34", "41.5")),
    ("oxygen_saturation", "percent"): _Range(("1", "100"), ("80", "100")),
    ("oxygen_saturation", "pulse_per_minute"): _Range(("10", "350"), ("35", "180")),
    ("heart_rate", "per_minute"): _Range(("10", "350"), ("30", "220")),
    ("glucose", "milligrams_per_decilitre"): _Range(("5", "1500"), ("50", "400")),
}


def judge(measurement: Measurement) -> Plausibility:
    """How plausible a measurement is for a sensor of its kind. A value it does not have is not judged."""
    worst: Plausibility = "plausible"
    for (kind, field), limits in _RANGES.items():
        value: Decimal | None = getattr(measurement, field, None)
        if kind != measurement.kind or value is None:
            continue
        if not _inside(value, limits.possible):
            return "impossible"
        if not _inside(value, limits.usual):
            worst = "unusual"
    if isinstance(measurement, BloodPressure) and _out_of_order(measurement):
        return "impossible"
    return worst


def _inside(value: Decimal, limits: tuple[str, str]) -> bool:
    low, high = limits
    return Decimal(low) <= value <= Decimal(high)


def _out_of_order(pressure: BloodPressure) -> bool:
    """Whether the pressures cannot be of one artery: systolic, mean, diastolic, each where the device gave it."""
    systolic, diastolic = pressure.systolic_mmhg, pressure.diastolic_mmhg
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        return True
    told = [p for p in (systolic, pressure.mean_mmhg, diastolic) if p is not None]
    return told != sorted(told, reverse=True)
