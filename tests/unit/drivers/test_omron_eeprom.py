"""Records of Omron monitors, bare and as they arrive, each worked out by hand."""

from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.devices import registry
from devicehub.driver import BloodPressure, Flag, Frame, NotUnderstood
from devicehub.testing.decode import decode_hex
from devicehub_drivers.omron_eeprom import FROM_DEVICE
from devicehub_drivers.omron_eeprom.memory import MEMORIES
from devicehub_simulators.omron_eeprom import encode_record

DRIVER = registry.find("omron_eeprom")
ON = FROM_DEVICE[0]

# 0x4f = 79, 0x60 = 96 + 25 = 121; 0x1a = 26, 0x42 = 66; 0x2ed2 = 0 0 1011 10110 10010: November, 22nd, 18 h;
# 0x1163 = 0001 000101 100011: minute 5, second 35; number 0x0102 = 258.
BIG = bytes.fromhex("4f60 1a42 2ed2 1163 0000 0102 0000")
SAID = BloodPressure(
    systolic_mmhg=Decimal(121),
    diastolic_mmhg=Decimal(79),
    pulse_per_minute=Decimal(66),
    device_time="2026-11-22T18:05:35",
    stored=True,
)


def swapped(words: bytes) -> bytes:
    return b"".join(words[i : i + 2][::-1] for i in range(0, len(words), 2))


def answer(address: int, data: bytes, kind: int = 0x8100) -> bytes:
    body = kind.to_bytes(2, "big") + address.to_bytes(2, "big") + bytes([len(data)]) + data
    whole = bytes([len(body) + 3]) + body + b"\0"
    return whole + bytes([reduce(xor, whole)])


def read(data: bytes, model: str | None, *parts: bytes) -> list[BloodPressure]:
    pieces = tuple(zip(FROM_DEVICE, (data, *parts), strict=False))
    said = list(DRIVER.decode(DRIVER.unseal(Frame(pieces, model), {})))
    return [one for one in said if isinstance(one, BloodPressure)]


@pytest.mark.parametrize(
    ("model", "record", "sequence"),
    [
        ("HEM-7322T", BIG, None),
        ("HEM-7322T-D", BIG, None),
        ("HEM-7600T-E", BIG, None),
        ("hem-6232t", BIG, 258),
        ("HEM-7530T", BIG, 258),
        ("HEM-7142T2", swapped(BIG), 258),
        ("HEM-7144T2", swapped(BIG), 258),
        ("HEM-7155T-EBK", swapped(BIG) + b"\x12\x34", 258),
        ("HEM-7361T", swapped(BIG) + b"\x12\x34", 258),
        ("HEM-7382T1", swapped(BIG) + b"\x12\x34", 258),
        (None, swapped(BIG) + b"\x12\x34", 258),
        ("HEM-9601T", swapped(BIG) + bytes(10), 258),
    ],
)
def test_a_record_is_the_same_words_in_every_family(
    model: str | None, record: bytes, sequence: int | None
) -> None:
    assert read(record, model) == [SAID.model_copy(update={"sequence": sequence})]


@pytest.mark.parametrize(
    ("model", "address", "user"),
    [
        ("HEM-7322T", 0x02AC, 1),
        ("HEM-7322T", 0x02AC + 99 * 14, 1),
        ("HEM-7322T", 0x0824, 2),
        ("HEM-6232T", 0x0860 + 3 * 14, 2),
        ("HEM-7600T", 0x02BA, None),
    ],
)
def test_an_answer_tells_whose_record_it_is(model: str, address: int, user: int | None) -> None:
    (said,) = read(answer(address, BIG), model)
    assert (said.user_slot, said.systolic_mmhg) == (user, Decimal(121))


def test_the_pieces_of_four_channels_and_several_records_in_one_answer() -> None:
    whole = answer(0x0824, BIG + b"\xff" * 14 + BIG)
    pieces = [whole[i : i + 16].ljust(16, b"\0") for i in range(0, len(whole), 16)]
    assert len(pieces) == 4
    of_user_2 = SAID.model_copy(update={"user_slot": 2})
    assert read(pieces[0], "HEM-7322T", *pieces[1:]) == [of_user_2, of_user_2]
    said = decode_hex(DRIVER, None, [b"".join(pieces).hex()], "HEM-7322T")
    assert [one["user_slot"] for one in said] == [2, 2]


@pytest.mark.parametrize(
    ("bits", "flags"),
    [
        (0x8000, ("body_movement",)),
        (0x4000, ("irregular_pulse",)),
        (0xC000, ("body_movement", "irregular_pulse")),
    ],
)
@pytest.mark.parametrize("model", ["HEM-7322T", "HEM-6232T", "HEM-7361T"])
def test_movement_is_the_higher_bit_on_every_model(
    model: str, bits: int, flags: tuple[str, ...]
) -> None:
    record = BIG[:4] + (0x2ED2 | bits).to_bytes(2, "big") + BIG[6:]
    (said,) = read(record if model != "HEM-7361T" else swapped(record) + bytes(2), model)
    assert said.flags == flags


def test_seconds_of_a_clock_never_set_and_the_bits_above_the_year() -> None:
    # 0xd17f: cuff and battery bits, minute 5, second 63; 0x5a = 64 + 26.
    record = BIG[:2] + b"\x5a" + BIG[3:6] + b"\xd1\x7f" + BIG[8:]
    times = [read(record, model)[0].device_time for model in ("HEM-6232T", "HEM-7322T")]
    assert times == ["2026-11-22T18:05:59", "2090-11-22T18:05:59"]


def test_a_failed_measurement_has_no_values() -> None:
    (said,) = read(swapped(BIG) + bytes(3) + b"\x05" + bytes(6), "HEM-9700T")
    assert said == BloodPressure(
        device_time=SAID.device_time, sequence=258, stored=True, flags=("measurement_failed",)
    )


@pytest.mark.parametrize(
    ("model", "record"),
    [
        ("HEM-7322T", b"\xff" * 14),
        ("HEM-7322T", bytes(14)),
        ("HEM-7142T2", b"\xff" * 14),
        ("HEM-7142T2", b"\xe2" + bytes(13)),
        ("HEM-7361T", bytes(8) + b"\x12" * 8),
        ("HEM-9601T", b"\xff" * 24),
    ],
)
def test_a_slot_never_written_says_nothing(model: str, record: bytes) -> None:
    assert read(record, model) == []


@pytest.mark.parametrize(
    ("data", "model", "at", "words"),
    [
        (BIG, None, 0, "the model decides"),
        (BIG, "M7 Intelli IT", None, "not known"),
        (BIG[:-1], "HEM-7322T", 13, "records of 14 bytes"),
        (BIG + b"\0", "HEM-7322T", 15, "records of 14 bytes"),
        (b"", "HEM-7322T", 0, "records of 14 bytes"),
        (BIG[:4] + b"\x02\xd2" + BIG[6:], "HEM-7322T", 4, "month 0"),
        (BIG[:4] + b"\x2c\x12" + BIG[6:], "HEM-7322T", 4, "day 0"),
        (BIG[:4] + b"\x2f\xf2" + BIG[6:], "HEM-7322T", 4, "not a date"),  # 31 November
        (BIG[:5] + b"\xd8" + BIG[6:], "HEM-7322T", 4, "not a date"),  # 24 h
        (BIG[:6] + b"\x1f\x00" + BIG[8:], "HEM-7322T", 4, "not a date"),  # minute 60
        (answer(0x02AC, BIG)[:-1], "HEM-7322T", 21, "22 bytes announced, 21 there"),
        (answer(0x02AD, BIG), "HEM-7322T", 0, "no record begins at address 02ad"),
        (answer(0x0260, BIG), "HEM-7322T", 0, "no record begins at address 0260"),
        (answer(0x02AC, BIG[:8]), "HEM-7322T", 11, "records of 14 bytes"),
        (answer(0x02AC, b""), "HEM-7322T", 3, "records of 14 bytes"),
        (bytes.fromhex("088100 02ac 0e 00 29"), "HEM-7322T", 5, "no room for 14 bytes"),
        (bytes.fromhex("048100 85"), "HEM-7322T", 4, "4 bytes announced, 4 there"),
    ],
)
def test_what_does_not_add_up(data: bytes, model: str | None, at: int | None, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words) as error:
        read(data, model)
    assert error.value.at == at


def test_other_answers_and_pieces_out_of_order_are_not_records() -> None:
    with pytest.raises(NotUnderstood):
        read(answer(0x02AC, BIG, kind=0x81C0), "HEM-7322T")
    whole = answer(0x02AC, BIG)
    with pytest.raises(NotUnderstood, match="not the answer to a read"):
        read(whole[16:].ljust(16, b"\0"), "HEM-7322T", whole[:16])
    with pytest.raises(NotUnderstood, match="other than 16 bytes"):
        read(whole[:14], "HEM-7322T", whole[14:])


@given(bit=st.integers(0, 22 * 8 - 1))
def test_any_flipped_bit_of_an_answer_is_noticed(bit: int) -> None:
    whole = bytearray(answer(0x02AC, BIG))
    whole[bit // 8] ^= 1 << bit % 8
    with pytest.raises(NotUnderstood):
        read(bytes(whole), "HEM-7322T")


@given(
    systolic=st.integers(25, 280),
    diastolic=st.integers(0, 254),
    pulse=st.integers(1, 255),
    when=st.datetimes(),
    sequence=st.integers(0, 0xFFFF),
    moved=st.booleans(),
    irregular=st.booleans(),
)
def test_what_a_monitor_keeps_is_what_is_read(
    systolic: int,
    diastolic: int,
    pulse: int,
    when: datetime,
    sequence: int,
    moved: bool,
    irregular: bool,
) -> None:
    told: dict[Flag, bool] = {"body_movement": moved, "irregular_pulse": irregular}
    flags = tuple(flag for flag, is_told in told.items() if is_told)
    kept = BloodPressure(
        systolic_mmhg=Decimal(systolic),
        diastolic_mmhg=Decimal(diastolic),
        pulse_per_minute=Decimal(pulse),
        device_time=when.replace(year=2026, day=1, microsecond=0).isoformat(),
        sequence=sequence,
        stored=True,
        flags=flags,
    )
    assert read(encode_record(kept), "HEM-6161T") == [kept]


def test_no_two_users_share_an_address() -> None:
    for name, memory in MEMORIES.items():
        ends = [start + memory.slots * memory.layout.size for start in memory.starts]
        assert all(end <= start for end, start in zip(ends, memory.starts[1:], strict=False)), name
