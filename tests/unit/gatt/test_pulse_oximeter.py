"""Pulse oximeter: vectors written out by hand from the GATT Specification Supplement, and encode against decode."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import Flag, Frame, NotUnderstood, OxygenSaturation
from devicehub.gatt import pulse_oximeter


def spot(*data: str) -> OxygenSaturation:
    (found,) = pulse_oximeter.decode(Frame.of("2a5e", bytes.fromhex("".join(data))))
    assert isinstance(found, OxygenSaturation)
    return found


def live(*data: str) -> OxygenSaturation:
    (found,) = pulse_oximeter.decode_continuous(Frame.of("2a5f", bytes.fromhex("".join(data))))
    assert isinstance(found, OxygenSaturation)
    return found


def test_every_field_of_a_spot_check() -> None:
    assert spot(
        "0f",  # time, status, sensor, amplitude
        "6200 4100",  # 98, 65
        "ea07 0b 16 08 1e 0f",
        "0003",  # fully qualified, from memory
        "200000",  # low perfusion
        "05f0",  # 5 x 10^-1
    ) == OxygenSaturation(
        percent=Decimal(98),
        pulse_per_minute=Decimal(65),
        perfusion_index_percent=Decimal("0.5"),
        device_time="2026-11-22T08:30:15",
        stored=True,
        flags=("weak_signal",),
    )


def test_fractions_of_a_percent() -> None:
    assert spot("00", "d4f3 4100").percent == Decimal("98.0")  # 980 x 10^-1


def test_the_time_of_a_clock_never_set_is_left_out() -> None:
    assert spot("01", "6200 4100", "d007 01 01 00 00 05").device_time == "2000-01-01T00:00:05"
    assert spot("11", "6200 4100", "d007 01 01 00 00 05").device_time is None


@pytest.mark.parametrize("reserved", ["ff07", "0008", "fe07", "0208", "0108"])
def test_reserved_values_are_not_measured(reserved: str) -> None:
    assert spot("08", reserved * 3) == OxygenSaturation()
    assert live("10", reserved * 3) == OxygenSaturation()


@pytest.mark.parametrize("status", ["0080", "0020", "80a0"])
def test_an_invalid_or_unavailable_measurement_has_no_value(status: str) -> None:
    found = spot("0a", "6200 4100", status, "05f0")
    assert found == OxygenSaturation(stored=False, flags=("measurement_failed",))
    assert live("04", "6200 4100", status) == found


@pytest.mark.parametrize(
    ("bit", "flags"),
    [
        (0, ()),
        (5, ()),
        (6, ("early_estimate",)),
        (7, ()),
        (8, ()),
        (10, ("demo_data",)),
        (11, ("demo_data",)),
        (12, ("questionable",)),
        (14, ("questionable",)),
    ],
)
def test_measurement_status(bit: int, flags: tuple[Flag, ...]) -> None:
    found = spot("02", "6200 4100", (1 << bit).to_bytes(2, "little").hex())
    assert found.flags == flags
    assert found.percent == 98
    assert found.stored is False


@pytest.mark.parametrize(
    ("bit", "flags"),
    [
        (0, ()),
        (1, ("sensor_fault",)),
        (2, ("artifact",)),
        (3, ("weak_signal",)),
        (4, ("weak_signal",)),
        (5, ("weak_signal",)),
        (6, ("artifact",)),
        (7, ("weak_signal",)),
        (8, ("questionable",)),
        (9, ("searching",)),
        (10, ("artifact",)),
        (11, ("no_contact",)),
        (12, ("sensor_fault",)),
        (13, ("improper_position",)),
        (14, ("sensor_fault",)),
        (15, ("sensor_fault",)),
        (16, ()),
        (23, ()),
    ],
)
def test_device_and_sensor_status(bit: int, flags: tuple[Flag, ...]) -> None:
    sensor = (1 << bit).to_bytes(3, "little").hex()
    assert spot("04", "6200 4100", sensor).flags == flags
    assert live("08", "6200 4100", sensor).flags == flags


def test_the_live_value_is_the_normal_average() -> None:
    assert live(
        "1f", "6200 4100", "6300 4600", "6100 3c00", "2000", "000000", "0ff0"
    ) == OxygenSaturation(
        percent=Decimal(98),
        pulse_per_minute=Decimal(65),
        perfusion_index_percent=Decimal("1.5"),
        stored=False,
    )


def test_reserved_flags_are_passed_over_and_may_bring_more() -> None:
    assert spot("e0", "6200 4100", "aabbcc").percent == 98
    assert live("e0", "6200 4100", "aabbcc").percent == 98
    for decode in (spot, live):
        with pytest.raises(NotUnderstood, match="3 bytes too many") as error:
            decode("00", "6200 4100", "aabbcc")
        assert error.value.at == 5


STATUS: tuple[Flag, ...] = ("early_estimate", "demo_data", "no_contact", "searching", "artifact")
values = st.none() | st.integers(0, 2000).map(lambda tenths: Decimal(tenths) / 10)
measurements = st.builds(
    OxygenSaturation,
    percent=values,
    pulse_per_minute=values,
    perfusion_index_percent=values,
    device_time=st.none() | st.just("2026-11-22T08:30:15"),
    stored=st.booleans(),
    flags=st.lists(st.sampled_from(STATUS), unique=True).map(tuple),
)


@given(measurements)
def test_what_is_encoded_is_decoded(measurement: OxygenSaturation) -> None:
    assert spot(pulse_oximeter.encode(measurement).hex()) == measurement
    shown = live(pulse_oximeter.encode_continuous(measurement).hex())
    assert shown == measurement.model_copy(update={"device_time": None})


def test_what_says_nothing_of_its_status_sends_none() -> None:
    bare = OxygenSaturation(percent=Decimal(98), pulse_per_minute=Decimal(65))
    assert pulse_oximeter.encode(bare) == bytes.fromhex("0062004100")
    assert pulse_oximeter.encode_continuous(bare) == bytes.fromhex("0062004100")


def test_features() -> None:
    facts = pulse_oximeter.decode_feature(bytes.fromhex("83ff e0ff ffff00"))
    assert facts.features == ("measurement_status", "device_and_sensor_status", "multiple_bond")
    assert pulse_oximeter.encode_feature(facts.features)[:2] == b"\x83\x00"
    assert pulse_oximeter.decode_feature(pulse_oximeter.encode_feature(facts.features)) == facts
    with pytest.raises(NotUnderstood):
        pulse_oximeter.decode_feature(b"\x01\x00")
