"""Plausibility asks about the sensor, never about health, and changes no value."""

from decimal import Decimal

import pytest

from devicehub.driver import (
    BloodPressure,
    BodyComposition,
    BodyMassIndex,
    BodyTemperature,
    BodyWeight,
    Measurement,
)
from devicehub.reading.plausibility import judge


@pytest.mark.parametrize(
    ("measurement", "verdict"),
    [
        (BloodPressure(systolic_mmhg=Decimal(128), diastolic_mmhg=Decimal(82)), "plausible"),
        (BloodPressure(systolic_mmhg=Decimal(240), diastolic_mmhg=Decimal(120)), "unusual"),
        (BloodPressure(systolic_mmhg=Decimal(80), diastolic_mmhg=Decimal(120)), "impossible"),
        (BloodPressure(systolic_mmhg=Decimal(2047), diastolic_mmhg=Decimal(80)), "impossible"),
        (BodyWeight(kilograms=Decimal(260)), "unusual"),
        (BodyWeight(kilograms=Decimal("0.05")), "impossible"),
        (BodyTemperature(celsius=Decimal("36.6")), "plausible"),
        (BodyTemperature(celsius=Decimal(98)), "impossible"),
        (BodyTemperature(), "plausible"),
        *(
            (BodyMassIndex(kilograms_per_square_metre=Decimal(index)), verdict)
            for index, verdict in (
                ("25.1", "plausible"),
                ("9.5", "unusual"),
                ("85", "unusual"),
                ("228.4", "impossible"),
                ("425", "impossible"),
                ("933.1", "impossible"),
                ("2.4", "impossible"),
            )
        ),
        (
            BodyComposition(
                fat_percent=Decimal("18.6"),
                muscle_kilograms=Decimal(64),
                fat_free_kilograms=Decimal("67.3"),
                water_kilograms=Decimal(48),
                water_percent=Decimal(58),
                bone_kilograms=Decimal("3.3"),
                basal_metabolism_kilojoules=Decimal(8255),
                impedance_ohms=Decimal("369.4"),
                kilograms=Decimal("82.7"),
                centimetres=Decimal(170),
            ),
            "plausible",
        ),
        (BodyComposition(fat_percent=Decimal(65)), "unusual"),
        (BodyComposition(fat_percent=Decimal(186)), "impossible"),
        (BodyComposition(muscle_percent=Decimal(101)), "impossible"),
        (BodyComposition(water_percent=Decimal(580)), "impossible"),
        (BodyComposition(muscle_kilograms=Decimal(640)), "impossible"),
        (BodyComposition(soft_lean_kilograms=Decimal(640)), "impossible"),
        (BodyComposition(fat_free_kilograms=Decimal(673)), "impossible"),
        (BodyComposition(water_kilograms=Decimal(-1)), "impossible"),
        (BodyComposition(bone_kilograms=Decimal(33)), "impossible"),
        (BodyComposition(basal_metabolism_kilojoules=Decimal(82550)), "impossible"),
        (BodyComposition(impedance_ohms=Decimal(1)), "impossible"),
        (BodyComposition(kilograms=Decimal(827)), "impossible"),
        (BodyComposition(centimetres=Decimal(17)), "impossible"),
    ],
)
def test_two_levels(measurement: Measurement, verdict: str) -> None:
    assert judge(measurement) == verdict


@pytest.mark.parametrize(
    ("systolic", "mean", "diastolic", "verdict"),
    [
        (128, 97, 82, "plausible"),
        (128, 128, 82, "plausible"),
        (128, 82, 82, "plausible"),
        (128, 129, 82, "impossible"),
        (128, 81, 82, "impossible"),
        (128, 197, 82, "impossible"),
        (128, None, 82, "plausible"),
        (None, 197, 82, "unusual"),
        (128, 81, None, "plausible"),
        (128, 130, None, "impossible"),
        (None, 70, 82, "impossible"),
    ],
)
def test_a_mean_pressure_lies_between_the_two(
    systolic: int | None, mean: int | None, diastolic: int | None, verdict: str
) -> None:
    pressure = BloodPressure(
        systolic_mmhg=None if systolic is None else Decimal(systolic),
        mean_mmhg=None if mean is None else Decimal(mean),
        diastolic_mmhg=None if diastolic is None else Decimal(diastolic),
    )
    assert judge(pressure) == verdict
