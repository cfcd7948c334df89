"""Generic Health Sensor: vectors written out by hand from the service, and encode against decode."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import (
    BloodPressure,
    BodyComposition,
    BodyHeight,
    BodyMassIndex,
    BodyTemperature,
    BodyWeight,
    Flag,
    Frame,
    Glucose,
    HeartRate,
    Measurement,
    NotUnderstood,
    OxygenSaturation,
    Said,
)
from devicehub.gatt import generic_health_sensor as sensor
from devicehub.gatt import observation, segmentation

STAMP = "20 976495320000 00 00"
"""Wall clock, current timeline, 2026-11-22 08:30:15."""
WEIGHT = "40e10200"
"""188736, MDC_MASS_BODY_ACTUAL"""
KILOGRAMS = "c306"
VALUE = "d40200ff"
"""72.4"""


def observed(kind: int, flags: int, *body: str, count_header: bool = False) -> bytes:
    """One observation around a hand-written body, with its length."""
    data = flags.to_bytes(2, "little") + bytes.fromhex("".join(body))
    length = len(data) + (3 if count_header else 0)
    return bytes([kind]) + length.to_bytes(2, "little") + data


def decoded(message: bytes, on: str = "2b8b") -> list[Measurement]:
    return list(sensor.decode(Frame.of(on, b"\x03" + message)))


def numeric(code: int, unit: int, value: str) -> list[Measurement]:
    data = observation.encode_numeric(Decimal(value), unit)
    return decoded(observation.encode(observation.NUMERIC, data, code=code))


@pytest.mark.parametrize("count_header", [False, True])
def test_every_field(count_header: bool) -> None:
    message = observed(
        0x01,
        0x3FF,
        WEIGHT,
        STAMP,
        "0a000000",  # duration 10 s
        "0200",  # questionable
        "01000000",  # object
        "05",  # patient
        "01 4c728000",  # one supplemental code
        "01 02000000",  # derived from one
        "02 03000000 04000000",  # member of two
        "01 11111111 0200 06 abcd",  # one attribute of two octets
        KILOGRAMS,
        VALUE,
        count_header=count_header,
    )
    assert decoded(message) == [
        BodyWeight(
            kilograms=Decimal("72.4"),
            device_time="2026-11-22T08:30:15",
            user_slot=5,
            stored=False,
            flags=("questionable",),
        )
    ]


@pytest.mark.parametrize(
    ("code", "unit", "value", "measurement"),
    [
        (188736, 1731, "72.4", BodyWeight(kilograms=Decimal("72.4"))),
        (
            188736,
            1728,
            "72400",
            BodyWeight(
                kilograms=Decimal("72.4"), said={"kilograms": Said(value=Decimal(72400), unit="g")}
            ),
        ),
        (
            188736,
            1760,
            "160",  # x 0.45359237 = 72.5748
            BodyWeight(
                kilograms=Decimal("72.57"),
                said={"kilograms": Said(value=Decimal(160), unit="[lb_av]")},
            ),
        ),
        (188740, 1297, "178.5", BodyHeight(centimetres=Decimal("178.5"))),
        (
            188740,
            1280,
            "1.785",
            BodyHeight(
                centimetres=Decimal("178.5"),
                said={"centimetres": Said(value=Decimal("1.785"), unit="m")},
            ),
        ),
        (
            188740,
            1376,
            "70",  # x 2.54
            BodyHeight(
                centimetres=Decimal("177.8"),
                said={"centimetres": Said(value=Decimal(70), unit="[in_i]")},
            ),
        ),
        (188752, 1952, "22.7", BodyMassIndex(kilograms_per_square_metre=Decimal("22.7"))),
        (188748, 544, "21.5", BodyComposition(fat_percent=Decimal("21.5"))),
        (150364, 6048, "37.6", BodyTemperature(celsius=Decimal("37.6"))),
        (188428, 6048, "37.6", BodyTemperature(celsius=Decimal("37.6"), site="ear")),
        (
            188424,
            4416,
            "98.6",
            BodyTemperature(
                celsius=Decimal(37),
                site="mouth",
                said={"celsius": Said(value=Decimal("98.6"), unit="[degF]")},
            ),
        ),
        (147842, 2720, "61", HeartRate(per_minute=Decimal(61))),
        (149546, 2720, "61", HeartRate(per_minute=Decimal(61))),
        (150456, 544, "97", OxygenSaturation(percent=Decimal(97))),
        (
            160188,
            2130,
            "95",
            Glucose(milligrams_per_decilitre=Decimal(95), sample="capillary_plasma"),
        ),
        (
            160376,
            2130,
            "95",
            Glucose(
                milligrams_per_decilitre=Decimal(95),
                sample="control_solution",
                flags=("demo_data",),
            ),
        ),
    ],
)
def test_numbers(code: int, unit: int, value: str, measurement: Measurement) -> None:
    assert numeric(code, unit, value) == [measurement.model_copy(update={"stored": False})]


def test_what_is_none_of_our_kinds_is_passed_over() -> None:
    assert numeric(151562, 2784, "16") == []
    assert decoded(observed(0x02, 0x0001, "01020304", "05060708")) == []  # discrete
    assert decoded(observed(0x03, 0x0001, "01020304", "0300 616263")) == []  # string
    assert decoded(observed(0x04, 0x0001, "01020304", "aabbccdd")) == []  # samples
    assert decoded(observed(0x05, 0x0001, "01020304", "02 01020304 05060708")) == []  # events
    assert decoded(observed(0x06, 0x0001, "01020304", "02 ffff 0000 1234")) == []  # state
    assert decoded(observed(0x08, 0x0001, "01020304", "aa")) == []  # attributes


def test_a_known_type_in_an_unknown_unit_is_not_understood() -> None:
    with pytest.raises(NotUnderstood, match="unit 3872") as error:
        numeric(188736, 3872, "72.4")
    assert error.value.at == 1 + 3 + 2 + 4


PRESSURES = "03 054a0200 01 200f 78000000 064a0200 01 200f 50000000 074a0200 01 200f 5d000000"
"""120, 80, 93 mmHg"""


def test_a_compound_with_more_than_numbers() -> None:
    other = "05" + PRESSURES[2:] + "01020304 02 05060708" + "01020305 03 0200 6162"
    (found,) = decoded(observed(0x07, 0x0001, "044a0200", other))
    assert found == BloodPressure(
        systolic_mmhg=Decimal(120),
        diastolic_mmhg=Decimal(80),
        mean_mmhg=Decimal(93),
        stored=False,
    )


def test_a_component_twice_is_not_understood() -> None:
    twice = "02 054a0200 01 200f 78000000 054a0200 01 200f 50000000"
    with pytest.raises(NotUnderstood, match="twice"):
        decoded(observed(0x07, 0x0001, "044a0200", twice))


def test_a_component_of_an_unknown_class_is_not_understood() -> None:
    with pytest.raises(NotUnderstood, match="class 9"):
        decoded(observed(0x07, 0x0001, "044a0200", "01 054a0200 09 00"))


@pytest.mark.parametrize("count_header", [False, True])
def test_a_bundle_hands_down_what_is_the_same_for_all(count_header: bool) -> None:
    members = (
        observed(0x07, 0x0001, "044a0200", PRESSURES, count_header=count_header),
        observed(0x01, 0x0001, "2a480200", "a00a 48000000", count_header=count_header),
        observed(0x01, 0x0001, WEIGHT, KILOGRAMS, VALUE, count_header=count_header),
    )
    body = "03" + b"".join(members).hex()
    pressure, weight = decoded(observed(0xFF, 0x22, STAMP, "02", body, count_header=count_header))
    assert pressure == BloodPressure(
        systolic_mmhg=Decimal(120),
        diastolic_mmhg=Decimal(80),
        mean_mmhg=Decimal(93),
        pulse_per_minute=Decimal(72),
        device_time="2026-11-22T08:30:15",
        user_slot=2,
        stored=False,
    )
    assert weight.device_time == "2026-11-22T08:30:15"
    assert weight.user_slot == 2


def test_a_bundle_of_two_persons_is_not_put_together() -> None:
    members = (
        observed(0x01, 0x0021, "b84b0200", "01", "2002 61000000"),
        observed(0x01, 0x0021, "1a480200", "02", "a00a 48000000"),
    )
    saturation, rate = decoded(observed(0xFF, 0, "02" + b"".join(members).hex()))
    assert saturation == OxygenSaturation(percent=Decimal(97), user_slot=1, stored=False)
    assert rate == HeartRate(per_minute=Decimal(72), user_slot=2, stored=False)


def test_two_of_the_same_are_two_measurements() -> None:
    member = observed(0x01, 0x0001, WEIGHT, KILOGRAMS, VALUE)
    assert len(decoded(observed(0xFF, 0, "02" + (member * 2).hex()))) == 2


def test_a_type_may_stand_with_the_bundle() -> None:
    member = observed(0x01, 0x0000, KILOGRAMS, VALUE)
    (found,) = decoded(observed(0xFF, 0x0001, WEIGHT, "01" + member.hex()))
    assert isinstance(found, BodyWeight)
    with pytest.raises(NotUnderstood, match="number of nothing"):
        decoded(observed(0xFF, 0x0000, "01" + member.hex()))


@pytest.mark.parametrize(
    ("bit", "flags", "measured"),
    [
        (0, ("measurement_failed",), False),
        (1, ("questionable",), True),
        (2, ("measurement_failed",), False),
        (3, ("questionable",), True),
        (4, ("demo_data", "questionable"), True),
        (5, ("demo_data", "early_estimate"), True),
        (6, ("demo_data", "early_estimate"), True),
        (7, (), True),
        (15, (), True),
    ],
)
def test_status(bit: int, flags: tuple[Flag, ...], measured: bool) -> None:
    status = (1 << bit).to_bytes(2, "little").hex()
    (found,) = decoded(observed(0x01, 0x0009, WEIGHT, status, KILOGRAMS, VALUE))
    assert isinstance(found, BodyWeight)
    assert found.flags == flags
    assert (found.kilograms is not None) == measured


@pytest.mark.parametrize("reserved", ["ffff7f00", "00008000", "feff7f00", "02008000", "01008000"])
def test_reserved_values_are_not_measured(reserved: str) -> None:
    (found,) = decoded(observed(0x01, 0x0001, WEIGHT, KILOGRAMS, reserved))
    assert found == BodyWeight(stored=False)


def test_a_stored_observation_has_its_record_number() -> None:
    old = "00" + STAMP[2:]  # not on the current timeline
    for stamp, time in ((STAMP, "2026-11-22T08:30:15"), (old, None)):
        message = observed(0x01, 0x0003, WEIGHT, stamp, KILOGRAMS, VALUE)
        assert decoded(bytes.fromhex("07000100") + message, on="2bdd") == [
            BodyWeight(kilograms=Decimal("72.4"), device_time=time, sequence=0x10007, stored=True)
        ]


def test_user_255_is_nobody_known() -> None:
    (found,) = decoded(observed(0x01, 0x0021, WEIGHT, "ff", KILOGRAMS, VALUE))
    assert found.user_slot is None


def test_lengths_that_do_not_add_up_are_not_understood() -> None:
    whole = observed(0x01, 0x0001, WEIGHT, KILOGRAMS, VALUE)
    for message in (whole + b"\0", whole[:-1], b"\x01\x00\x00"):
        with pytest.raises(NotUnderstood):
            decoded(message)
    longer = observed(0x01, 0x0001, WEIGHT, KILOGRAMS, VALUE, "00")
    with pytest.raises(NotUnderstood, match="1 bytes too many"):
        decoded(longer)
    within = observed(0xFF, 0x0000, "01", "ff0200 0000")
    with pytest.raises(NotUnderstood, match="inside a bundle"):
        decoded(within)
    short = observed(0xFF, 0x0000, "01", "010100 00", count_header=True)
    with pytest.raises(NotUnderstood, match="shorter than its header"):
        decoded(short)


values = st.none() | st.integers(1, 3000).map(lambda tenths: Decimal(tenths) / 10)


@given(
    systolic=values,
    diastolic=values,
    pulse=values,
    user=st.none() | st.integers(0, 254),
    supplemental=st.lists(st.integers(0, 0xFFFFFFFF), max_size=3).map(tuple),
    size=st.integers(2, 100),
)
def test_what_is_encoded_is_decoded(
    systolic: Decimal | None,
    diastolic: Decimal | None,
    pulse: Decimal | None,
    user: int | None,
    supplemental: tuple[int, ...],
    size: int,
) -> None:
    pressures = observation.encode_compound({150021: (systolic, 3872), 150022: (diastolic, 3872)})
    rate = observation.encode_numeric(pulse, 2720)
    members = [
        observation.encode(observation.COMPOUND, pressures, code=150020, supplemental=supplemental),
        observation.encode(observation.NUMERIC, rate, code=149546),
    ]
    message = observation.encode_bundle(members, stamp=bytes.fromhex(STAMP), user=user)
    parts = tuple(("2b8b", piece) for piece in segmentation.segments(message, size))
    assert list(sensor.decode(Frame(parts))) == [
        BloodPressure(
            systolic_mmhg=systolic,
            diastolic_mmhg=diastolic,
            pulse_per_minute=pulse,
            device_time="2026-11-22T08:30:15",
            user_slot=user,
            stored=False,
        )
    ]
