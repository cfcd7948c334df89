"""Glucose: vectors written out by hand from the GATT Specification Supplement, and encode against decode."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import Flag, Frame, Glucose, NotUnderstood, Said
from devicehub.gatt import glucose

TIME = "ea07 0b 16 08 1e 0f"
"""2026-11-22, 08:30:15"""
BLOOD = "0100" + TIME + "5fb0 11"
"""Record 1, 95 x 10^-5 kg/L, capillary whole blood from a finger."""


def decoded(*data: str) -> Glucose:
    return joined(("2a18", "".join(data)))


def joined(*parts: tuple[str, str]) -> Glucose:
    frame = Frame(tuple((on, bytes.fromhex(data)) for on, data in parts))
    (found,) = glucose.decode(frame)
    assert isinstance(found, Glucose)
    return found


def test_kilograms_per_litre() -> None:
    assert decoded("02", BLOOD) == Glucose(
        milligrams_per_decilitre=Decimal(95),
        sample="capillary_whole_blood",
        location="finger",
        device_time="2026-11-22T08:30:15",
        sequence=1,
        stored=True,
        said={"milligrams_per_decilitre": Said(value=Decimal("0.00095"), unit="kg/L")},
    )


@pytest.mark.parametrize(
    ("sfloat", "milligrams"),
    [
        ("36c0", 97),  # 54 x 10^-4 mol/L: 5.4 x 18.0156 = 97.28
        ("64c0", 180),  # 10.0 mmol/L: 180.156
        ("38d0", 1009),  # 56 x 10^-3 mol/L: 56 x 18.0156 = 1008.87
        ("2cb1", 54),  # 300 x 10^-5 mol/L: 3.00 x 18.0156 = 54.05
    ],
)
def test_moles_per_litre(sfloat: str, milligrams: int) -> None:
    found = decoded("06", "0100", TIME, sfloat, "11")
    assert found.milligrams_per_decilitre == milligrams
    assert found.said is not None
    assert found.said["milligrams_per_decilitre"].unit == "mol/L"


@pytest.mark.parametrize(
    ("offset", "time"),
    [
        ("0000", "2026-11-22T08:30:15"),
        ("3c00", "2026-11-22T09:30:15"),
        ("c4ff", "2026-11-22T07:30:15"),  # -60
        ("a005", "2026-11-23T08:30:15"),  # 1440
        ("ff7f", None),  # overrun
        ("0080", None),  # underrun
    ],
)
def test_the_time_is_what_the_display_shows(offset: str, time: str | None) -> None:
    assert decoded("01", "0100", TIME, offset).device_time == time


def test_a_partial_date_is_not_moved() -> None:
    assert decoded("01", "0100", "ea07 0b 00 08 1e 0f", "0000").device_time == "2026-11T08:30:15"
    assert decoded("01", "0100", "ea07 0b 00 08 1e 0f", "3c00").device_time is None
    assert decoded("01", "0100", "0000 00 00 08 1e 0f", "3c00").device_time is None
    assert decoded("01", "0100", "0f27 0c 1f 17 3b 3b", "3c00").device_time is None  # year 9999


def test_a_time_fault_takes_the_time_away() -> None:
    found = decoded("0a", BLOOD, "0008")
    assert found.device_time is None
    assert found.milligrams_per_decilitre == 95
    assert found.flags == ()


@pytest.mark.parametrize(
    ("kind", "sample", "location"),
    [
        ("11", "capillary_whole_blood", "finger"),
        ("22", "capillary_plasma", "alternate_site"),
        ("33", "venous_whole_blood", "earlobe"),
        ("f4", "venous_plasma", None),
        ("05", "arterial_whole_blood", None),
        ("56", "arterial_plasma", None),
        ("f7", "undetermined_whole_blood", None),
        ("f8", "undetermined_plasma", None),
        ("f9", "interstitial_fluid", None),
        ("f0", None, None),
        ("fb", None, None),
    ],
)
def test_sample_and_location(kind: str, sample: str | None, location: str | None) -> None:
    found = decoded("02", "0100", TIME, "5fb0", kind)
    assert (found.sample, found.location, found.flags) == (sample, location, ())


@pytest.mark.parametrize("kind", ["4a", "fa", "41"])
def test_control_solution_is_nobody_s_blood(kind: str) -> None:
    assert decoded("02", "0100", TIME, "5fb0", kind).flags == ("demo_data",)


@pytest.mark.parametrize(
    ("bit", "flags"),
    [
        (0, ("low_battery",)),
        (1, ("sensor_fault",)),
        (2, ("measurement_failed",)),
        (3, ("measurement_failed",)),
        (4, ("measurement_failed",)),
        (5, ("out_of_range_high",)),
        (6, ("out_of_range_low",)),
        (7, ("questionable",)),
        (8, ("questionable",)),
        (9, ("measurement_failed",)),
        (10, ("sensor_fault",)),
        (12, ()),
        (15, ()),
    ],
)
def test_sensor_status(bit: int, flags: tuple[Flag, ...]) -> None:
    assert decoded("0a", BLOOD, (1 << bit).to_bytes(2, "little").hex()).flags == flags


@pytest.mark.parametrize("reserved", ["ff07", "0008", "fe07", "0208", "0108"])
def test_reserved_values_are_not_measured(reserved: str) -> None:
    for flags in ("02", "06"):
        found = decoded(flags, "0100", TIME, reserved, "11")
        assert found.milligrams_per_decilitre is None
        assert found.said is None


def test_reserved_flags_are_passed_over_and_may_bring_more() -> None:
    assert decoded("e2", BLOOD, "aabb").milligrams_per_decilitre == 95
    with pytest.raises(NotUnderstood, match="2 bytes too many") as error:
        decoded("02", BLOOD, "aabb")
    assert error.value.at == 13


@pytest.mark.parametrize("length", range(13))
def test_what_is_cut_short_is_not_understood(length: int) -> None:
    with pytest.raises(NotUnderstood):
        decoded(bytes.fromhex("02" + BLOOD)[:length].hex())


def test_every_field_of_a_context() -> None:
    # Extended flags, carbohydrate, meal 2, tester and health, exercise, medication, HbA1c
    context = "df 0100 00 01 2dd0 02 11 2c01 50 01 05d0 48f0"
    assert joined(("2a18", "12" + BLOOD), ("2a34", context)).meal == "postprandial"
    lone = joined(("2a34", context))
    assert lone == Glucose(meal="postprandial", sequence=1, stored=True)


@pytest.mark.parametrize(
    ("meal", "name"),
    [("01", "preprandial"), ("03", "fasting"), ("04", "casual"), ("05", "bedtime"), ("06", None)],
)
def test_meals(meal: str, name: str | None) -> None:
    assert joined(("2a34", "02 0100" + meal)).meal == name


def test_a_context_of_another_record_is_not_understood() -> None:
    with pytest.raises(NotUnderstood, match="another measurement"):
        joined(("2a18", "12" + BLOOD), ("2a34", "02 0200 01"))


def test_a_context_with_more_than_its_flags_announce_is_not_understood() -> None:
    with pytest.raises(NotUnderstood):
        joined(("2a34", "02 0100 01 00"))
    assert joined(("2a34", "82 0100 00 01 aa")).meal == "preprandial"


def test_two_measurements_are_no_frame() -> None:
    with pytest.raises(NotUnderstood):
        joined(("2a18", "02" + BLOOD), ("2a18", "02" + BLOOD))


MEASURED = Frame.of("2a18", bytes.fromhex("12" + BLOOD))
CONTEXT = Frame.of("2a34", bytes.fromhex("02 0100 01"))
OTHER = Frame.of("2a34", bytes.fromhex("02 0200 01"))
BARE = Frame.of("2a18", bytes.fromhex("02" + BLOOD))


@pytest.mark.parametrize(
    ("messages", "frames"),
    [
        ([BARE], [BARE]),
        ([MEASURED, CONTEXT], [Frame((*MEASURED.parts, *CONTEXT.parts))]),
        ([MEASURED, MEASURED, CONTEXT, CONTEXT], [Frame((*MEASURED.parts, *CONTEXT.parts))]),
        ([MEASURED, BARE], [MEASURED, BARE]),
        ([MEASURED, OTHER], [MEASURED, OTHER]),
        ([CONTEXT], [CONTEXT]),
        ([MEASURED], [MEASURED]),
    ],
)
def test_records_are_joined_with_their_context(messages: list[Frame], frames: list[Frame]) -> None:
    records = glucose.Records()
    found = [frame for message in messages for frame in records.take(message)]
    assert [*found, *records.rest()] == frames
    assert list(records.rest()) == []


measurements = st.builds(
    lambda tenths, moles, sample, location, **fields: Glucose(
        milligrams_per_decilitre=None if tenths is None else Decimal(tenths),
        sample=sample,
        location=location,
        said=None
        if tenths is None
        else {"milligrams_per_decilitre": Said(value=Decimal(tenths).scaleb(-5), unit="kg/L")},
        stored=True,
        **fields,
    ),
    tenths=st.none() | st.integers(1, 600),
    moles=st.none(),
    sample=st.none() | st.sampled_from(["venous_plasma", "interstitial_fluid"]),
    location=st.none() | st.sampled_from(["finger", "earlobe"]),
    device_time=st.just("2026-11-22T08:30:15"),
    sequence=st.integers(0, 0xFFFF),
    meal=st.none() | st.sampled_from(["fasting", "bedtime"]),
    flags=st.lists(
        st.sampled_from(["low_battery", "out_of_range_low", "sensor_fault", "questionable"]),
        unique=True,
    ).map(tuple),
)


@given(measurements)
def test_what_is_encoded_is_decoded(measurement: Glucose) -> None:
    data = glucose.encode(measurement, context_follows=measurement.meal is not None)
    parts = [("2a18", data.hex())]
    if measurement.meal is not None:
        parts.append(("2a34", glucose.encode_context(measurement).hex()))
    assert joined(*parts) == measurement


def test_moles_are_encoded_as_they_were_said() -> None:
    data = bytes.fromhex("06 0100" + TIME + "36c0 11")
    (found,) = glucose.decode(Frame.of("2a18", data))
    assert isinstance(found, Glucose)
    assert glucose.encode(found) == data


def test_a_record_without_a_number_cannot_be_encoded() -> None:
    with pytest.raises(ValueError, match="sequence"):
        glucose.encode(Glucose(device_time="2026-11-22T08:30:15"))


def test_features() -> None:
    facts = glucose.decode_feature(bytes.fromhex("0504"))
    assert facts.features == ("low_battery_detection", "sample_size_detection", "multiple_bond")
    assert glucose.encode_feature(facts.features) == bytes.fromhex("0504")
