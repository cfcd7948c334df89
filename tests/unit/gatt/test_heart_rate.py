"""Heart rate: vectors written out by hand from the GATT Specification Supplement, and encode against decode."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import Frame, HeartRate, NotUnderstood
from devicehub.gatt import heart_rate


def decoded(*data: str) -> HeartRate:
    (found,) = heart_rate.decode(Frame.of("2a37", bytes.fromhex("".join(data))))
    assert isinstance(found, HeartRate)
    return found


def test_every_field() -> None:
    # 16-bit rate 300, contact, energy 1000 kJ, intervals 1024/1024 s and 512/1024 s
    assert decoded("1f", "2c01", "e803", "0004 0002") == HeartRate(
        per_minute=Decimal(300),
        sensor_contact=True,
        energy_kilojoules=Decimal(1000),
        rr_milliseconds=(Decimal(1000), Decimal(500)),
    )


@pytest.mark.parametrize(
    ("flags", "contact"), [("00", None), ("02", None), ("04", False), ("06", True)]
)
def test_contact(flags: str, contact: bool | None) -> None:
    assert decoded(flags, "48").sensor_contact is contact


def test_intervals_are_unsigned() -> None:
    assert decoded("10", "28", "00ff").rr_milliseconds == (Decimal(63750),)  # 65280/1024 s


def test_reserved_flags_are_passed_over_and_may_bring_more() -> None:
    assert decoded("e0", "48") == HeartRate(per_minute=Decimal(72))
    assert decoded("e0", "48", "aabb") == HeartRate(per_minute=Decimal(72))
    assert decoded("f0", "48", "0004").rr_milliseconds == (Decimal(1000),)


@pytest.mark.parametrize(
    ("data", "at"), [("", 0), ("00", 1), ("01 48", 2), ("08 48 00", 3), ("10 48 00", 2)]
)
def test_what_is_cut_short_is_not_understood(data: str, at: int) -> None:
    with pytest.raises(NotUnderstood) as error:
        decoded(data)
    assert error.value.at == at


def test_what_no_flag_announces_is_not_understood() -> None:
    with pytest.raises(NotUnderstood, match="2 bytes too many"):
        decoded("00 48 0004")


ticks = st.integers(0, 0xFFFF).map(lambda count: Decimal(count) * 1000 / 1024)


@given(
    st.builds(
        HeartRate,
        per_minute=st.integers(0, 0xFFFF).map(Decimal),
        sensor_contact=st.none() | st.booleans(),
        energy_kilojoules=st.none() | st.integers(0, 0xFFFF).map(Decimal),
        rr_milliseconds=st.lists(ticks, max_size=9).map(tuple),
    )
)
def test_what_is_encoded_is_decoded(measurement: HeartRate) -> None:
    assert decoded(heart_rate.encode(measurement).hex()) == measurement


def test_location() -> None:
    assert heart_rate.decode_location(b"\x05").features == ("worn_on_ear_lobe",)
    assert heart_rate.decode_location(b"\x07").features == ()
    assert heart_rate.encode_location("chest") == b"\x01"
    with pytest.raises(NotUnderstood):
        heart_rate.decode_location(b"")
    with pytest.raises(ValueError, match="not in"):
        heart_rate.encode_location("nose")
