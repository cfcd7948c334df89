"""Blood pressure: vectors written out by hand from the GATT Specification Supplement, and encode against decode."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BloodPressure, CuffPressure, Flag, Frame, NotUnderstood, Said
from devicehub.gatt import blood_pressure

STATUS_FLAGS: tuple[Flag, ...] = (
    "body_movement",
    "cuff_loose",
    "irregular_pulse",
    "improper_position",
)


def decoded(*data: str) -> BloodPressure:
    (found,) = blood_pressure.decode(Frame.of("2a35", bytes.fromhex("".join(data))))
    assert isinstance(found, BloodPressure)
    return found


def shown(*data: str) -> CuffPressure:
    (found,) = blood_pressure.decode_intermediate(Frame.of("2a36", bytes.fromhex("".join(data))))
    assert isinstance(found, CuffPressure)
    return found


def test_every_field() -> None:
    assert decoded(
        "1e",  # time, pulse, user, status; mmHg
        "7800 5000 5d00",  # 120, 80, 93
        "ea07 0b 16 08 1e 0f",
        "4800",  # 72
        "01",
        "0100",
    ) == BloodPressure(
        systolic_mmhg=Decimal(120),
        diastolic_mmhg=Decimal(80),
        mean_mmhg=Decimal(93),
        pulse_per_minute=Decimal(72),
        device_time="2026-11-22T08:30:15",
        user_slot=1,
        flags=("body_movement",),
    )


def test_kilopascals_are_converted_and_kept() -> None:
    found = decoded("01", "b0f0 6cf0 ff07")  # 17.6, 10.8, not computed
    assert found.systolic_mmhg == 132
    assert found.diastolic_mmhg == 81
    assert found.mean_mmhg is None
    assert found.said == {
        "systolic_mmhg": Said(value=Decimal("17.6"), unit="kPa"),
        "diastolic_mmhg": Said(value=Decimal("10.8"), unit="kPa"),
    }
    assert shown("01", "c8f0 ff07 ff07").pressure_mmhg == 150  # 20.0 kPa


def test_a_mean_of_zero_was_not_computed() -> None:
    assert decoded("00", "7800 5000 0000").mean_mmhg is None


@pytest.mark.parametrize("reserved", ["ff07", "0008", "fe07", "0208", "0108"])
def test_reserved_values_are_not_measured(reserved: str) -> None:
    found = decoded("05", reserved * 3, reserved)
    assert found == BloodPressure()
    assert shown("01", reserved * 3) == CuffPressure()


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        ("0000", ()),
        ("0100", ("body_movement",)),
        ("0200", ("cuff_loose",)),
        ("0400", ("irregular_pulse",)),
        ("0800", ("pulse_above_range",)),
        ("1000", ("pulse_below_range",)),
        ("1800", ()),  # both: reserved
        ("2000", ("improper_position",)),
        ("c0ff", ()),  # reserved bits
        ("3f00", ("body_movement", "cuff_loose", "improper_position", "irregular_pulse")),
    ],
)
def test_status(status: str, flags: tuple[Flag, ...]) -> None:
    assert decoded("10", "7800 5000 5d00", status).flags == flags


def test_reserved_flags_are_passed_over_and_may_bring_more() -> None:
    assert (
        decoded("de", "7c00 5100 6000", "ea07 0b 16 09 05 00", "4400", "02", "0000").user_slot == 2
    )
    assert decoded("20", "7c00 5100 6000", "aabbcc").systolic_mmhg == 124
    with pytest.raises(NotUnderstood, match="3 bytes too many") as error:
        decoded("00", "7c00 5100 6000", "aabbcc")
    assert error.value.at == 7


def test_user_255_is_nobody() -> None:
    assert decoded("08", "7c00 5100 6000", "ff").user_slot is None


def test_the_intermediate_pressure_has_the_same_layout() -> None:
    found = shown("1e", "a000 0000 0000", "ea07 0b 16 08 1e 0f", "4800", "01", "0400")
    assert found == CuffPressure(
        pressure_mmhg=Decimal(160),
        device_time="2026-11-22T08:30:15",
        user_slot=1,
        flags=("irregular_pulse",),
    )


pressures = st.none() | st.integers(1, 300).map(Decimal)
flags = st.lists(st.sampled_from(STATUS_FLAGS), unique=True, max_size=4)
ranges: st.SearchStrategy[list[Flag]] = st.sampled_from(
    [[], ["pulse_above_range"], ["pulse_below_range"]]
)
measurements = st.builds(
    lambda status, pulse_range, **fields: BloodPressure(
        flags=tuple(status) + tuple(pulse_range), **fields
    ),
    status=flags,
    pulse_range=ranges,
    systolic_mmhg=pressures,
    diastolic_mmhg=pressures,
    mean_mmhg=pressures,
    pulse_per_minute=pressures,
    device_time=st.none() | st.just("2026-11-22T08:30:15"),
    user_slot=st.none() | st.integers(0, 254),
)


@given(measurements)
def test_what_is_encoded_is_decoded(measurement: BloodPressure) -> None:
    assert decoded(blood_pressure.encode(measurement).hex()) == measurement


@given(st.integers(0, 300).map(Decimal))
def test_cuff_pressure_is_encoded(pressure: Decimal) -> None:
    data = blood_pressure.encode_intermediate(pressure)
    assert shown(data.hex()) == CuffPressure(pressure_mmhg=pressure)


def test_features() -> None:
    said = bytes.fromhex("05fe")  # bits 0 and 2, and reserved ones from 9 on
    facts = blood_pressure.decode_feature(said)
    assert facts.features == ("body_movement_detection", "irregular_pulse_detection")
    assert blood_pressure.encode_feature(facts.features) == b"\x05\x00"
    with pytest.raises(NotUnderstood):
        blood_pressure.decode_feature(b"\x05")
    with pytest.raises(ValueError, match="not in"):
        blood_pressure.encode_feature(("telepathy",))
