"""Enhanced blood pressure and its records: vectors written out by hand from the GATT Specification Supplement."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BloodPressure, CuffPressure, Frame, Measurement, NotUnderstood, Said
from devicehub.gatt import enhanced_blood_pressure as enhanced

SINCE_2000 = "97649532"
"""848651415 s: 2026-11-22, 08:30:15"""


def decoded(*data: str) -> BloodPressure:
    (found,) = enhanced.decode(Frame.of("2b34", bytes.fromhex("".join(data))))
    assert isinstance(found, BloodPressure)
    return found


def recorded(*segments: str) -> list[Measurement]:
    parts = tuple(("2b36", bytes.fromhex(segment)) for segment in segments)
    return list(enhanced.decode_record(Frame(parts)))


def test_every_field() -> None:
    # Time in UTC an hour earlier, pulse 72, user 1, movement, the time shown
    assert decoded(
        "7e", "7800 5000 5d00", "87569532", "4800", "01", "0100", SINCE_2000
    ) == BloodPressure(
        systolic_mmhg=Decimal(120),
        diastolic_mmhg=Decimal(80),
        mean_mmhg=Decimal(93),
        pulse_per_minute=Decimal(72),
        device_time="2026-11-22T08:30:15",
        user_slot=1,
        flags=("body_movement",),
    )


def test_the_time_in_utc_where_the_cuff_shows_none() -> None:
    assert decoded("42", "7800 5000 5d00", SINCE_2000).device_time == "2026-11-22T08:30:15"


def test_seconds_since_1900() -> None:
    # 848651415 s and the 36524 days (1900 was no leap year) between the two epochs: 4004325015
    assert decoded("22", "7800 5000 5d00", "00000000", "9726adee").device_time == (
        "2026-11-22T08:30:15"
    )


def test_kilopascals() -> None:
    found = decoded("01", "a0f0 64f0 ff07")  # 16.0, 10.0, not computed
    assert found.systolic_mmhg == 120
    assert found.diastolic_mmhg == 75
    assert found.mean_mmhg is None
    assert found.said is not None
    assert found.said["systolic_mmhg"] == Said(value=Decimal("16.0"), unit="kPa")


def test_cuff_pressure() -> None:
    data = bytes.fromhex("6c a000 4800 01" + SINCE_2000)
    assert list(enhanced.decode_intermediate(Frame.of("2b35", data))) == [
        CuffPressure(pressure_mmhg=Decimal(160), user_slot=1, device_time="2026-11-22T08:30:15")
    ]


@pytest.mark.parametrize("reserved", ["ff07", "0008", "fe07", "0208", "0108"])
def test_reserved_values_are_not_measured(reserved: str) -> None:
    assert decoded("05", reserved * 4) == BloodPressure()


def test_reserved_flags_are_passed_over_and_may_bring_more() -> None:
    assert decoded("80", "7800 5000 5d00", "aa").systolic_mmhg == 120
    with pytest.raises(NotUnderstood, match="1 bytes too many"):
        decoded("00", "7800 5000 5d00", "aa")


BARE = "0600 352a"
"""Record 6 holds a Blood Pressure Measurement."""


def test_a_record_is_identified_by_its_time_else_by_its_number() -> None:
    (untimed,) = recorded("03" + BARE + "00 7c00 5100 6000")
    assert (untimed.sequence, untimed.device_time, untimed.stored) == (6, None, True)
    (timed,) = recorded("03" + BARE + "02 7c00 5100 6000 ea07 0b 16 08 1e 0f")
    assert (timed.sequence, timed.device_time) == (None, "2026-11-22T08:30:15")


@pytest.mark.parametrize(
    "segments",
    [
        ["03" + BARE],
        ["03 0600"],
        ["03 0600 362b 00"],  # a record of a record
        ["01" + BARE + "00 7c00", "06 0700 352a 5100 6000"],  # of another number
        ["01" + BARE + "00 7c00", "0a" + BARE + "6000"],  # one is missing
        ["03" + BARE + "00 7c00 5100 6000 1d0f"],  # with a checksum
    ],
)
def test_what_is_no_whole_record_is_not_understood(segments: list[str]) -> None:
    with pytest.raises(NotUnderstood):
        recorded(*segments)


def test_a_segment_of_another_place_is_not_understood() -> None:
    data = bytes.fromhex("01" + BARE + "00"), bytes.fromhex("06" + BARE)
    with pytest.raises(NotUnderstood, match="2a35"):
        list(enhanced.decode_record(Frame((("2b36", data[0]), ("2a35", data[1])))))


pressures = st.none() | st.integers(1, 300).map(Decimal)


@given(
    measurement=st.builds(
        BloodPressure,
        systolic_mmhg=pressures,
        diastolic_mmhg=pressures,
        mean_mmhg=pressures,
        pulse_per_minute=pressures,
        device_time=st.none() | st.just("2026-11-22T08:30:15"),
        user_slot=st.none() | st.integers(0, 254),
        flags=st.sampled_from([(), ("irregular_pulse",), ("cuff_loose", "pulse_above_range")]),
    ),
    size=st.integers(6, 60),
)
def test_what_is_encoded_is_decoded(measurement: BloodPressure, size: int) -> None:
    data = enhanced.encode(measurement)
    assert decoded(data.hex()) == measurement
    segments = enhanced.encode_record(9, enhanced.MEASUREMENT, data, size)
    assert all(len(segment) <= size for segment in segments)
    (found,) = recorded(*(segment.hex() for segment in segments))
    number = None if measurement.device_time else 9
    assert found == measurement.model_copy(update={"sequence": number, "stored": True})
