"""Cuffs on serial lines: published lines, worked-out frames, and what is no result."""

from decimal import Decimal
from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import (
    SERIAL,
    BloodPressure,
    CuffPressure,
    Frame,
    Measurement,
    NotUnderstood,
    SerialDriver,
)
from devicehub.testing.loop import loop
from devicehub_drivers import and_tm2657, omron_hbp, suntech_oem, terumo_es_p2020, visomat
from devicehub_simulators.suntech_oem import SIMULATOR

SUNTECH, TERUMO = suntech_oem.DRIVER, terumo_es_p2020.DRIVER
AND, OMRON, VISOMAT = and_tm2657.DRIVER, omron_hbp.DRIVER, visomat.DRIVER
NOBODY = " " * 20
AND_FIELDS = (
    *("TM2657", "2411121014", "RA", "M", "E00", "S127", "M 97", "D 76", "P 78", "I00", "L232"),
    *("p173", "i 0", "m0", "r0", "t 35", "cN", "l  "),
)


def said(driver: SerialDriver, data: bytes) -> list[Measurement]:
    return list(driver.decode(driver.unseal(Frame.of(SERIAL, data), {})))


def pressures(found: list[Measurement]) -> tuple[object, ...]:
    (one,) = found
    assert isinstance(one, BloodPressure)
    return (one.systolic_mmhg, one.diastolic_mmhg, one.mean_mmhg, one.pulse_per_minute)


def answer(body: bytes) -> bytes:
    """What a SunTech module answers: 3E, the whole length, and the octet that makes the sum 0."""
    start = bytes((0x3E, len(body) + 3)) + body
    return start + bytes([-sum(start) & 0xFF])


def result(*numbers: int, error: int = 0) -> bytes:
    systolic, diastolic, pulse, mean = (number.to_bytes(2, "little") for number in numbers)
    return answer(systolic + diastolic + bytes(10) + pulse + mean + bytes((error, 0, 0)))


def terumo(text: str) -> bytes:
    start = b"\x02" + text.encode() + b"\x03"
    return start + bytes([sum(start) & 0xFF])


def tm2657(*fields: str) -> bytes:
    text = "".join(f"{field}\x1e" for field in fields).encode()
    return b"\x16\x16\x0100\x02" + text + b"\x03" + bytes([reduce(xor, text, 0)])


def replaced(place: int, field: str) -> bytes:
    return tm2657(*AND_FIELDS[:place], field, *AND_FIELDS[place + 1 :])


def test_a_cuff_pressure() -> None:
    # 3e + 05 + b6 + 00 = f9; 100 - f9 = 07.
    assert said(SUNTECH, bytes.fromhex("3e 05 b6 00 07")) == [
        CuffPressure(pressure_mmhg=Decimal(182))
    ]
    assert said(SUNTECH, answer(b"\xff\xff")) == [CuffPressure()]
    assert said(SUNTECH, answer(b"K")) == []


@given(st.tuples(*[st.integers(1, 320)] * 4))
def test_a_result_of_suntech(numbers: tuple[int, int, int, int]) -> None:
    systolic, diastolic, pulse, mean = numbers
    assert pressures(said(SUNTECH, result(*numbers))) == (systolic, diastolic, mean, pulse)


@pytest.mark.parametrize(
    ("error", "flags"),
    [
        (1, ("measurement_failed", "weak_signal")),
        (2, ("artifact", "measurement_failed")),
        (86, ("measurement_failed",)),
        (87, ("cuff_loose", "measurement_failed")),
        (99, ("measurement_failed",)),
        (255, ("measurement_failed",)),
    ],
)
def test_an_error_of_suntech_is_no_result(error: int, flags: tuple[str, ...]) -> None:
    found = said(SUNTECH, result(131, 84, 72, 99, error=error))
    assert pressures(found) == (None, None, None, None)
    assert found[0].flags == flags


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x3e",
        b"\x3e\x00\xc2",
        answer(b"\x01\x02\x03"),
        result(131, 84, 72, 99)[:-1] + b"\x00",
    ],
)
def test_what_suntech_does_not_say(data: bytes) -> None:
    with pytest.raises(NotUnderstood):
        said(SUNTECH, data)


@given(seed=st.integers(0, 2**32))
def test_nothing_but_questions_is_ever_written_to_a_cuff(seed: int) -> None:
    looped = loop(SUNTECH, SIMULATOR, seed=seed)
    written = {step.data for step in looped.capture.steps if step.by == "hub"}
    # 79 05 is the pressure, 79 03 the result; 20, 28 and 87 would start a measurement.
    assert written == {bytes.fromhex("3a79050048"), bytes.fromhex("3a7903004a")}


def test_the_lines_that_devices_sent() -> None:
    line = terumo("R1,000000000,210427,153000,128,097,082,084,0000,0000,00000,000")
    assert pressures(said(TERUMO, line)) == (128, 82, 97, 84)
    assert tm2657(*AND_FIELDS[:-2], "cN")[:9] == b"\x16\x16\x0100\x02TM2"
    assert pressures(said(AND, tm2657(*AND_FIELDS))) == (127, 76, 97, 78)
    published = b"bp,99999999999999999999,2023/04/27,15:06,140,098,077,068,3"
    assert pressures(said(OMRON, published)) == (140, 77, 98, 68)


@pytest.mark.parametrize(
    "text",
    [
        "R1,000000000,210427,153000,128,097,082",
        "R1,000000000,211327,153000,128,097,082,084",
        "R1,000000000,210427,1530,1284,097,082,084",
        "R1,000000000,210427,153000,12a,097,082,084",
        "R2,000000000,210427,153000,128,097,082,084",
        "",
    ],
)
def test_what_terumo_does_not_say(text: str) -> None:
    with pytest.raises(NotUnderstood):
        said(TERUMO, terumo(text))


def test_flags_of_a_tm_2657() -> None:
    assert said(AND, replaced(12, "i 2"))[0].flags == ("irregular_pulse",)
    assert said(AND, replaced(13, "m1"))[0].flags == ("body_movement",)
    failed = said(AND, replaced(4, "E05"))
    assert pressures(failed) == (None, None, None, None)
    assert failed[0].flags == ("measurement_failed",)


@pytest.mark.parametrize(
    "data",
    [
        replaced(5, "S1x7"),
        replaced(5, "D 80"),  # two diastolic pressures, no systolic
        replaced(1, "2413121014"),
        replaced(0, "TM2430"),
        tm2657(*AND_FIELDS)[:-1] + b"\x00",
        tm2657(),
        b"",
    ],
)
def test_what_a_tm_2657_does_not_say(data: bytes) -> None:
    with pytest.raises(NotUnderstood):
        said(AND, data)


@given(st.tuples(*[st.integers(1, 299)] * 3), st.integers(0, 9))
def test_format_5_of_an_hbp_9030(numbers: tuple[int, int, int], moved: int) -> None:
    values = ",".join(f"{number:03}" for number in numbers)
    found = said(OMRON, f"2026,11,22,08,30,{NOBODY},0,{values},{moved}".encode())
    systolic, diastolic, pulse = numbers
    assert pressures(found) == (systolic, diastolic, None, pulse)
    assert found[0].flags == (("body_movement",) if moved else ())
    assert found[0].device_time == "2026-11-22T08:30:00"


@pytest.mark.parametrize(
    "line",
    [
        f"2026,11,22,08,30,{NOBODY},0,12,082,075,0",
        f"2026,11,31,08,30,{NOBODY},0,120,082,075,0",
        f"2026,11,22,08,30,{NOBODY},0,120,082,075",
        f"1926,11,22,08,30,{NOBODY},0,120,082,075,0",
        "bp,9,2023/04/27,15:06,140,98,077,068,3",
        "bp,9,2023-04-27,15:06,140,098,077,068,3",
        "bp,9,2023/04/27,15:06,140,098,077,068",
        "",
    ],
)
def test_what_omron_does_not_say(line: str) -> None:
    with pytest.raises(NotUnderstood):
        said(OMRON, line.encode())


def test_a_memory_with_an_empty_block() -> None:
    # The digit after the count 00 stands for nothing.
    (found,) = said(VISOMAT, b"\x02M1001M20115110321300134097083\x03")
    assert found == BloodPressure(
        systolic_mmhg=Decimal(134),
        diastolic_mmhg=Decimal(97),
        pulse_per_minute=Decimal(83),
        device_time="2015-11-03T21:30:00",
        user_slot=2,
        stored=True,
    )
    assert said(VISOMAT, b"\x02M1001M2001\x03") == []


@pytest.mark.parametrize(
    "text",
    [
        "M1001",
        "M1001M20115110321300134097083M",
        "M1001M2011511032130013409708",
        "M1001M20215110321300134097083",
        "M1001M2011511032130013409708x",
        "M1001M20115130321300134097083",
        "M2001M1001",
        "",
    ],
)
def test_a_memory_that_does_not_add_up_is_not_read_in_part(text: str) -> None:
    with pytest.raises(NotUnderstood):
        said(VISOMAT, b"\x02" + text.encode() + b"\x03")
