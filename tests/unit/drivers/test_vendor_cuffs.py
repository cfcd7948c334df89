"""Beurer BM 85, Yonker and Microlife: what their bytes mean, and which are refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.devices import matching, registry
from devicehub.driver import BleDriver, BloodPressure, Frame, NotUnderstood
from devicehub_drivers import beurer_bm85, microlife_bp3gy1, yonker_bp

# Flags 0x56; 118/80, mean 0; 2026-08-11 20:27:00; pulse 00 3c; user 0; status 00 04.
BM85 = bytes.fromhex("56 7600 5000 0000 ea07080b141b00 003c 00 0004")
YONKER = bytes.fromhex("81 83 67 51 0000 19 0b 18 13 12 00000000")
RECORD = bytes((120, 80, 60, 24, 6, 15, 14, 30, 0, 0))


@dataclass(frozen=True)
class Seen:
    name: str | None
    services: frozenset[str] = frozenset()
    company_data: Mapping[int, bytes] = field(default_factory=dict)
    service_data: Mapping[str, bytes] = field(default_factory=dict)


def read(driver: BleDriver, data: bytes) -> list[BloodPressure]:
    found = driver.decode(driver.unseal(Frame.of(driver.main, data), {}))
    return [one for one in found if isinstance(one, BloodPressure)]


def answer(payload: bytes, *, length: int | None = None) -> bytes:
    length = len(payload) + 1 if length is None else length
    body = b"\x4d\x3a" + length.to_bytes(2, "big") + payload
    return body + bytes([sum(body) % 256])


@pytest.mark.parametrize("name", ["BM48", "BM59", "BM85", "ELITE900"])
def test_a_beurer_that_swaps_bytes_is_told_by_its_name(name: str) -> None:
    seen = Seen(name, frozenset({"1810"}))
    assert matching.match(seen, registry.installed().values()) is beurer_bm85.DRIVER


def test_another_beurer_is_read_as_specified() -> None:
    generic = matching.match(Seen("BM77", frozenset({"1810"})), registry.installed().values())
    assert generic is not None
    assert generic.id == "sig_blood_pressure"


def test_bm85_pulse_and_status_are_big_endian() -> None:
    (found,) = read(beurer_bm85.DRIVER, BM85)
    assert (found.pulse_per_minute, found.user_slot, found.mean_mmhg) == (Decimal(60), 0, None)
    assert found.flags == ("irregular_pulse",)


def test_bm85_without_a_time() -> None:
    (found,) = read(beurer_bm85.DRIVER, b"\x54" + BM85[1:7] + BM85[14:])
    assert (found.systolic_mmhg, found.pulse_per_minute, found.device_time) == (
        Decimal(118),
        Decimal(60),
        None,
    )


@pytest.mark.parametrize("data", [BM85[:length] for length in range(len(BM85))] + [BM85 + b"\0"])
def test_bm85_of_another_length_is_not_understood(data: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read(beurer_bm85.DRIVER, data)


def test_a_pulse_in_the_other_order_is_not_understood() -> None:
    with pytest.raises(NotUnderstood, match="pulse") as error:
        read(beurer_bm85.DRIVER, BM85[:14] + b"\x3c\x00" + BM85[16:])
    assert error.value.at == 14


def test_yonker_says_what_its_display_shows() -> None:
    (found,) = read(yonker_bp.DRIVER, YONKER)
    assert (found.systolic_mmhg, found.diastolic_mmhg, found.pulse_per_minute) == tuple(
        map(Decimal, (131, 103, 81))
    )
    assert found.device_time == "2024-11-25T19:18:00"


def test_a_yonker_still_working_says_that_alone() -> None:
    working = BloodPressure(flags=("unstable",))
    assert read(yonker_bp.DRIVER, bytes.fromhex("80012c")) == [working]


def test_a_yonker_without_a_date_keeps_its_values() -> None:
    (found,) = read(yonker_bp.DRIVER, b"\x81\x83\x67\x00" + bytes(11))
    assert (found.systolic_mmhg, found.pulse_per_minute, found.device_time) == (
        Decimal(131),
        None,
        None,
    )


@pytest.mark.parametrize(
    ("data", "at"),
    [
        (b"\x82" + YONKER[1:], 0),
        (YONKER[:10], 10),
        (YONKER + b"\0", 15),
        (YONKER[:7] + b"\x0d" + YONKER[8:], 6),
        (b"", 0),
    ],
)
def test_what_is_no_yonker_result_is_not_understood(data: bytes, at: int) -> None:
    with pytest.raises(NotUnderstood) as error:
        read(yonker_bp.DRIVER, data)
    assert error.value.at == at


def test_microlife_commands_are_those_of_its_app() -> None:
    # The maker's own log: sums 0x52, and 0xe7 for 2024-06-15 14:30:45.
    assert microlife_bp3gy1.sealed(microlife_bp3gy1.TELL_ALL).hex() == "4dff000900000000000000fd52"
    assert microlife_bp3gy1.sealed(microlife_bp3gy1.GOODBYE).hex() == "4dff00020452"
    clock = microlife_bp3gy1.sealed(b"\x0d" + bytes((24, 6, 15, 14, 30, 45)))
    assert clock.hex() == "4dff00080d18060f0e1e2de7"


def test_microlife_tells_every_record_and_no_empty_slot() -> None:
    records = RECORD + bytes(10) + bytes((130, 85, 0, 25, 1, 2, 3, 4, 9, 9))
    first, second = read(microlife_bp3gy1.DRIVER, answer(bytes(38) + records))
    assert (first.systolic_mmhg, first.diastolic_mmhg, first.pulse_per_minute) == tuple(
        map(Decimal, (120, 80, 60))
    )
    assert (first.device_time, first.stored) == ("2024-06-15T14:30:00", True)
    assert (second.systolic_mmhg, second.pulse_per_minute) == (Decimal(130), None)


def test_microlife_records_with_impossible_dates_are_none() -> None:
    wrong = [(24, 0, 15, 14, 30), (24, 2, 30, 14, 30), (24, 6, 15, 24, 0), (255,) * 5]
    records = b"".join(bytes((120, 80, 60, *date, 0, 0)) for date in wrong)
    assert read(microlife_bp3gy1.DRIVER, answer(bytes(38) + records)) == []
    assert read(microlife_bp3gy1.DRIVER, answer(bytes(38))) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        answer(b"\x81"),
        answer(bytes(37)),
        answer(bytes(38) + RECORD[:5]),
        answer(bytes(38), length=38),
        answer(bytes(38))[:-1] + b"\xff",
        b"\x4d\xff" + answer(bytes(38))[2:],
    ],
)
def test_what_is_no_memory_is_not_understood(data: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read(microlife_bp3gy1.DRIVER, data)


@given(data=st.data())
def test_an_answer_is_the_same_in_any_pieces(data: st.DataObject) -> None:
    whole = answer(bytes(38) + RECORD * 3)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=8)))
    edges = [0, *cuts, len(whole)]
    parts = tuple(("fff1", whole[a:b]) for a, b in pairwise(edges))
    driver = microlife_bp3gy1.DRIVER
    assert len(list(driver.decode(driver.unseal(Frame(parts), {})))) == 3
