"""Weights: vectors written out by hand from the GATT Specification Supplement, and encode against decode."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import (
    BodyHeight,
    BodyMassIndex,
    BodyWeight,
    Frame,
    Measurement,
    NotUnderstood,
    Said,
)
from devicehub.gatt import weight_scale


def decoded(*data: str) -> list[Measurement]:
    return list(weight_scale.decode(Frame.of("2a9d", bytes.fromhex("".join(data)))))


def test_every_field() -> None:
    # 14480 steps of 0.005 kg; user 1; 24.2; 1730 mm
    assert decoded("0e", "9038", "ea07 0b 16 08 1e 0f", "01", "f200", "c206") == [
        BodyWeight(kilograms=Decimal("72.4"), device_time="2026-11-22T08:30:15", user_slot=1),
        BodyMassIndex(
            kilograms_per_square_metre=Decimal("24.2"),
            device_time="2026-11-22T08:30:15",
            user_slot=1,
        ),
        BodyHeight(centimetres=Decimal(173), device_time="2026-11-22T08:30:15", user_slot=1),
    ]


def test_pounds_and_inches_are_converted_and_kept() -> None:
    # 159.62 lb * 0.45359237 = 72.4024; 68.1 in * 2.54 = 172.974
    assert decoded("09", "5a3e", "f200", "a902") == [
        BodyWeight(
            kilograms=Decimal("72.40"),
            said={"kilograms": Said(value=Decimal("159.62"), unit="[lb_av]")},
        ),
        BodyMassIndex(kilograms_per_square_metre=Decimal("24.2")),
        BodyHeight(
            centimetres=Decimal("173.0"),
            said={"centimetres": Said(value=Decimal("68.1"), unit="[in_i]")},
        ),
    ]


@pytest.mark.parametrize("data", ["00 ffff", "01 ffff", "08 ffff f200 c206", "04 ffff ff"])
def test_an_unsuccessful_weight_stands_alone(data: str) -> None:
    assert decoded(data) == [BodyWeight(flags=("measurement_failed",))]


@pytest.mark.parametrize("beside", ["0000 0000", "ffff ffff", "0000 ffff"])
def test_an_index_or_a_height_that_was_not_computed_is_not_told(beside: str) -> None:
    assert decoded("08 9038", beside) == [BodyWeight(kilograms=Decimal("72.4"))]


def test_the_ends_of_the_field() -> None:
    assert decoded("00 feff") == [BodyWeight(kilograms=Decimal("327.67"))]  # 65534 * 0.005
    assert decoded("00 0100") == [BodyWeight(kilograms=Decimal("0.005"))]
    assert decoded("00 0000") == [BodyWeight(kilograms=Decimal(0))]


def test_reserved_flags_are_passed_over_and_may_bring_more() -> None:
    assert decoded("f0 9038") == decoded("20 9038 aabb") == decoded("00 9038")
    with pytest.raises(NotUnderstood, match="1 bytes too many") as error:
        decoded("00 9038 aa")
    assert error.value.at == 3


@pytest.mark.parametrize("length", range(15))
def test_a_frame_cut_short_is_not_understood(length: int) -> None:
    whole = bytes.fromhex("0e9038ea070b16081e0f01f200c206")
    with pytest.raises(NotUnderstood) as error:
        list(weight_scale.decode(Frame.of("2a9d", whole[:length])))
    assert error.value.at == length


def test_a_day_that_does_not_exist_is_not_understood() -> None:
    with pytest.raises(NotUnderstood, match="not a date"):
        decoded("02 9038 ea07 02 1e 08 1e 0f")


def test_another_step_is_for_models_known_to_need_it() -> None:
    decode = weight_scale.decoder(weight_scale.RESOLUTIONS[4])
    (kilograms,) = decode(Frame.of("2a9d", bytes.fromhex("006a07")))
    (pounds,) = decode(Frame.of("2a9d", bytes.fromhex("01d007")))
    assert kilograms == BodyWeight(kilograms=Decimal("94.9"))  # 1898 * 0.05
    assert isinstance(pounds, BodyWeight)
    assert pounds.kilograms == Decimal("90.72")  # 2000 * 0.1 lb


def test_features() -> None:
    # time, users, index; 7 << 3; 3 << 7
    facts = weight_scale.decode_feature(bytes.fromhex("bf010000"))
    assert facts.features == (
        "time_stamp",
        "multiple_users",
        "body_mass_index",
        "mass_resolution_0.005_kg",
        "height_resolution_0.001_m",
    )
    assert weight_scale.decode_feature(bytes.fromhex("01fcffff")).features == ("time_stamp",)
    assert weight_scale.encode_feature(
        ("time_stamp", "multiple_users", "body_mass_index"), mass_code=7, height_code=3
    ) == bytes.fromhex("bf010000")
    with pytest.raises(NotUnderstood):
        weight_scale.decode_feature(b"\x00\x00\x00")
    with pytest.raises(ValueError, match="not in"):
        weight_scale.encode_feature(("telepathy",))


steps = st.integers(0, 65534)
common = st.fixed_dictionaries(
    {
        "device_time": st.none() | st.just("2026-11-22T08:30:15"),
        "user_slot": st.none() | st.integers(0, 254),
    }
)


@given(
    weight=st.none() | steps,
    index=st.none() | st.integers(1, 65534),
    height=st.none() | st.integers(1, 65534),
    common=common,
)
def test_what_is_encoded_is_decoded(
    weight: int | None, index: int | None, height: int | None, common: dict[str, object]
) -> None:
    told = BodyWeight.model_validate(
        {
            "kilograms": None if weight is None else weight * Decimal("0.005"),
            "flags": ("measurement_failed",) if weight is None else (),
            **common,
        }
    )
    beside: list[Measurement] = []
    bmi = tall = None
    if index is not None:
        bmi = BodyMassIndex.model_validate(
            {"kilograms_per_square_metre": Decimal(index) / 10, **common}
        )
        beside.append(bmi)
    if height is not None:
        tall = BodyHeight.model_validate({"centimetres": Decimal(height) / 10, **common})
        beside.append(tall)
    data = weight_scale.encode(told, bmi, tall)
    assert decoded(data.hex()) == [told, *(beside if weight is not None else [])]


@pytest.mark.parametrize("kilograms", ["72.401", "-1", "327.675"])
def test_what_has_no_step_is_not_encoded(kilograms: str) -> None:
    with pytest.raises(ValueError, match="no whole number"):
        weight_scale.encode(BodyWeight(kilograms=Decimal(kilograms)))
