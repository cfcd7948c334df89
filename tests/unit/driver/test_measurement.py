"""Measurements: exact conversions, flags in order, and JSON that says the same."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from devicehub.driver import (
    KINDS,
    AnyMeasurement,
    BloodPressure,
    BodyWeight,
    HeartRate,
    Measurement,
    Said,
    celsius,
    centimetres,
    kilograms,
    mmhg,
)

ANY: TypeAdapter[Measurement] = TypeAdapter(AnyMeasurement)
displays = st.decimals(min_value=0, max_value=999, places=1)


def nearest(value: Fraction, digit: Fraction) -> Decimal:
    """The nearest multiple of a digit; a tie goes to the even one."""
    return Decimal(round(value / digit)) * Decimal(digit.numerator) / Decimal(digit.denominator)


@given(displays)
def test_conversions_are_exact_and_rounded_once(value: Decimal) -> None:
    exact = Fraction(value)
    assert mmhg(value) == nearest(exact * 1000 / Fraction("133.322387415"), Fraction(1))
    assert kilograms(value) == nearest(exact * Fraction("0.45359237"), Fraction(1, 100))
    assert centimetres(value) == nearest(exact * Fraction("2.54"), Fraction(1, 10))
    assert celsius(value) == nearest((exact - 32) * 5 / 9, Fraction(1, 100))


def test_conversions_worked_by_hand() -> None:
    assert mmhg(Decimal("16.0")) == 120  # 120.01
    assert mmhg(Decimal("13.332")) == 100  # 99.998
    assert kilograms(Decimal("159.6")) == Decimal("72.39")  # 72.3933
    assert centimetres(Decimal(70)) == Decimal("177.8")
    assert celsius(Decimal("98.6")) == 37
    assert celsius(Decimal("101.5")) == Decimal("38.61")  # 38.611
    assert centimetres(Decimal("0.25")).as_tuple() == Decimal("0.6").as_tuple()  # 0.635


@given(st.integers(-(2**23), 2**23).map(Decimal), st.integers(-128, 127))
def test_nonsense_is_converted_too(mantissa: Decimal, exponent: int) -> None:
    value = mantissa.scaleb(exponent)
    for convert in (mmhg, kilograms, centimetres, celsius):
        assert convert(value).is_finite()


def test_every_kind_is_in_the_union_and_says_its_name() -> None:
    schema = ANY.json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(KINDS)


@given(st.integers(-(10**9), 10**9), st.integers(-6, 0))
def test_json_holds_plain_numbers_and_loses_nothing(digits: int, places: int) -> None:
    value = Decimal(digits).scaleb(places)
    weight = BodyWeight(kilograms=value, said={"kilograms": Said(value=value, unit="kg")})
    text = weight.model_dump_json()
    assert ANY.validate_json(text) == weight
    assert isinstance(json.loads(text)["kilograms"], int | float)
    assert json.loads(text)["said"]["kilograms"]["value"] == json.loads(text)["kilograms"]


def test_all_fields_are_present_and_null_where_not_given() -> None:
    said = json.loads(HeartRate(per_minute=Decimal(60)).model_dump_json())
    assert said == {
        "kind": "heart_rate",
        "per_minute": 60,
        "sensor_contact": None,
        "energy_kilojoules": None,
        "rr_milliseconds": [],
        "device_time": None,
        "user_slot": None,
        "sequence": None,
        "stored": None,
        "mode": None,
        "said": None,
        "flags": [],
    }


def test_flags_are_a_sorted_set() -> None:
    assert BloodPressure(flags=("irregular_pulse", "body_movement", "irregular_pulse")).flags == (
        "body_movement",
        "irregular_pulse",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "blood_pressure", "systolic": 120},
        {"kind": "blood_pressure", "systolic_mmhg": "NaN"},
        {"kind": "blood_pressure", "flags": ["tired"]},
        {"kind": "blood_pressure", "device_time": "2026-11-22"},
        {"kind": "blood_pressure", "device_time": "2026-11-22T08:30:00Z"},
        {"kind": "horoscope"},
    ],
)
def test_what_is_not_in_the_language_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ANY.validate_python(wrong)


def test_a_measurement_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        BodyWeight().kilograms = Decimal(1)  # type: ignore[misc]  # that is the test
