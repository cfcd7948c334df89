"""Plausibility asks about the sensor, never about health, and changes no value."""

from decimal import Decimal

import pytest

from devicehub.driver import BloodPressure, BodyTemperature, BodyWeight, Measurement
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
    ],
)
def test_two_levels(measurement: Measurement, verdict: str) -> None:
    assert judge(measurement) == verdict
