"""Body composition: vectors written out by hand from the GATT Specification Supplement, and encode against decode."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BodyComposition, Frame, NotUnderstood, Said
from devicehub.gatt import body_composition

FULL = BodyComposition(
    fat_percent=Decimal("22.4"),
    basal_metabolism_kilojoules=Decimal(6500),
    muscle_percent=Decimal("38.5"),
    muscle_kilograms=Decimal("27.875"),
    fat_free_kilograms=Decimal("56.18"),
    soft_lean_kilograms=Decimal("53.2"),
    water_kilograms=Decimal(41),
    impedance_ohms=Decimal("512.3"),
    kilograms=Decimal("72.4"),
    centimetres=Decimal(173),
    device_time="2026-11-22T08:30:15",
    user_slot=1,
)
WHOLE = "fe0f e000 ea070b16081e0f 01 6419 8101 c715 e42b 9029 0820 0314 9038 c206"
FIRST = "3e10 e000 ea070b16081e0f 01 6419 8101 c715"
SECOND = "c01f e000 e42b 9029 0820 0314 9038 c206"
IN_FIRST = (
    "basal_metabolism_kilojoules",
    "muscle_percent",
    "muscle_kilograms",
    "fat_free_kilograms",
    "device_time",
    "user_slot",
)
IN_SECOND = (
    "soft_lean_kilograms",
    "water_kilograms",
    "impedance_ohms",
    "kilograms",
    "centimetres",
)
WEIGHT = ("2a9d", bytes.fromhex("069038ea070b16081e0f01"))


def composition(*packets: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(("2a9c", bytes.fromhex(packet)) for packet in packets)


def halves(measured: BodyComposition) -> tuple[bytes, bytes]:
    """As an analyser splits it: the flag in both, time and user in the first only."""
    first, second = (
        body_composition.encode(measured.model_copy(update=dict.fromkeys(left_out)))
        for left_out in (IN_SECOND, IN_FIRST)
    )
    return (
        bytes((first[0], first[1] | 0x10, *first[2:])),
        bytes((second[0], second[1] | 0x10, *second[2:])),
    )


def decoded(*parts: tuple[str, bytes]) -> BodyComposition:
    (found,) = body_composition.decode(Frame(parts))
    assert isinstance(found, BodyComposition)
    return found


def test_every_field_in_one_packet() -> None:
    assert decoded(*composition(WHOLE)) == FULL
    assert body_composition.encode(FULL) == bytes.fromhex(WHOLE)


def test_every_field_in_two_packets() -> None:
    assert decoded(*composition(FIRST, SECOND)) == FULL


def test_pounds_and_inches_are_converted_and_kept() -> None:
    # muscle 60.00 lb = 27.2155 kg; 159.62 lb = 72.4024 kg; 68.1 in = 172.974 cm
    assert decoded(*composition("210c 2c01 7017 5a3e a902")) == BodyComposition(
        fat_percent=Decimal(30),
        muscle_kilograms=Decimal("27.22"),
        kilograms=Decimal("72.40"),
        centimetres=Decimal("173.0"),
        said={
            "muscle_kilograms": Said(value=Decimal(60), unit="[lb_av]"),
            "kilograms": Said(value=Decimal("159.62"), unit="[lb_av]"),
            "centimetres": Said(value=Decimal("68.1"), unit="[in_i]"),
        },
    )


def test_an_unsuccessful_analysis_says_so_and_keeps_the_weight() -> None:
    assert decoded(*composition("0000 ffff")) == BodyComposition(flags=("measurement_failed",))
    assert decoded(*composition("0004 ffff 9038")) == BodyComposition(
        kilograms=Decimal("72.4"), flags=("measurement_failed",)
    )
    assert decoded(*composition("0002 e000 ffff")) == BodyComposition(fat_percent=Decimal("22.4"))


def test_the_weight_before_it_tells_time_and_user() -> None:
    found = decoded(*composition("0000 e000"), WEIGHT)
    assert (found.device_time, found.user_slot) == ("2026-11-22T08:30:15", 1)
    assert found.kilograms is None
    own = decoded(*composition("0600 e000 ea070b16081e28 01"), WEIGHT)
    assert own.device_time == "2026-11-22T08:30:40"


@pytest.mark.parametrize(
    "parts",
    [
        (*composition("0400 e000 02"), WEIGHT),  # two users
        (*composition("0000 e000"), WEIGHT, WEIGHT),
        (WEIGHT,),
        (*composition("0000 e000"), ("2a19", b"\x64")),
        composition(FIRST),  # one half
        composition(FIRST, FIRST),  # the same fields twice
        composition(FIRST, "001f e100 0820 0314 9038 c206"),  # another body fat
        composition(FIRST, "c11f e000 e42b 9029 0820 0314 9038 c206"),  # pounds
        composition(FIRST, "0410 e000 01"),  # a user in the second
        composition(FIRST, "0000 e000"),  # the second is no half
        composition(FIRST, SECOND, SECOND),
        composition("0000 e000", "0000 e000"),
        composition("0000 e000 aa"),
        composition("0000 e0"),
        composition("00"),
    ],
)
def test_what_does_not_add_up_is_not_understood(parts: tuple[tuple[str, bytes], ...]) -> None:
    with pytest.raises(NotUnderstood):
        list(body_composition.decode(Frame(parts)))


def test_reserved_flags_may_bring_more() -> None:
    assert decoded(*composition("00e0 e000 aabb")).fat_percent == Decimal("22.4")


def test_features() -> None:
    # eleven bits; 7 << 11; 3 << 15
    names = body_composition.decode_feature(bytes.fromhex("ffbf0100")).features
    assert names[:2] == ("time_stamp", "multiple_users")
    assert names[10:] == ("height", "mass_resolution_0.005_kg", "height_resolution_0.001_m")
    assert body_composition.encode_feature(names[:11], mass_code=7, height_code=3) == bytes.fromhex(
        "ffbf0100"
    )
    assert body_composition.decode_feature(bytes.fromhex("000000fc")).features == ()


tenths = st.none() | st.integers(0, 65534).map(lambda count: Decimal(count) / 10)
masses = st.none() | st.integers(0, 65534).map(lambda count: count * Decimal("0.005"))
compositions = st.builds(
    lambda fat_percent, **fields: BodyComposition(
        fat_percent=fat_percent,
        flags=("measurement_failed",) if fat_percent is None else (),
        **fields,
    ),
    fat_percent=tenths,
    basal_metabolism_kilojoules=st.none() | st.integers(0, 65534).map(Decimal),
    muscle_percent=tenths,
    muscle_kilograms=masses,
    fat_free_kilograms=masses,
    soft_lean_kilograms=masses,
    water_kilograms=masses,
    impedance_ohms=tenths,
    kilograms=masses,
    centimetres=tenths,
    device_time=st.none() | st.just("2026-11-22T08:30:15"),
    user_slot=st.none() | st.integers(0, 254),
)


@given(compositions)
def test_what_is_encoded_is_decoded(measured: BodyComposition) -> None:
    assert decoded(("2a9c", body_composition.encode(measured))) == measured
    first, second = halves(measured)
    assert len(first) <= 20
    assert len(second) <= 20
    assert body_composition.is_half(first)
    assert decoded(("2a9c", first), ("2a9c", second)) == measured


@given(st.binary(max_size=3))
def test_only_the_flag_makes_a_half(data: bytes) -> None:
    assert body_composition.is_half(data) == (len(data) > 1 and bool(data[1] & 0x10))
