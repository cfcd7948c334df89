"""Devices into which a card reader or a keyboard puts the patient's number: it never reaches a frame, and costs no value."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.devices import registry
from devicehub.driver import (
    BloodPressure,
    BodyWeight,
    Frame,
    Measurement,
    NotUnderstood,
    SerialDriver,
)

NUMBER = b"1700175123456"

Line = Callable[[bytes], bytes]


def summed(text: bytes) -> bytes:
    return text + bytes([sum(text) & 0xFF])


def sealed(text: bytes) -> bytes:
    return text + f"CS,{sum(text) & 0xFF:02X}\r\n".encode()


@pytest.mark.parametrize(
    ("driver_id", "sent", "kind"),
    [
        (
            "terumo_es_p2020",
            summed(b"\x02R1," + NUMBER + b",210427,153000,128,097,082,084,0000,0000,00000,000\x03"),
            BloodPressure,
        ),
        (
            "omron_hbp",
            b"bp," + NUMBER.rjust(20, b"0") + b",2026/01/05,08:30,128,097,082,084,1\r\n",
            BloodPressure,
        ),
        (
            "health_o_meter",
            b"\x1bR\x1bI" + NUMBER + b"\x1bW072.40\x1bH170.0\x1bB25.0\x1bNm\x1bE",
            BodyWeight,
        ),
        ("tanita", sealed(b'{0,16,~0,1,MO,"PW-630",ID,"' + NUMBER + b'",Wk,72.4,'), BodyWeight),
        ("tanita", sealed(b"{0,16,~0,1,MO,PW-630,ID," + NUMBER + b",Wk,72.4,"), BodyWeight),
    ],
)
def test_the_number_is_blanked_and_the_value_read(
    driver_id: str, sent: bytes, kind: type[Measurement]
) -> None:
    driver = registry.find(driver_id)
    assert isinstance(driver, SerialDriver)
    (message,) = driver.line.framer().feed(sent)
    assert NUMBER not in message
    frame = driver.unseal(Frame.of("-", message), {})
    assert any(isinstance(measurement, kind) for measurement in driver.decode(frame))


def test_a_wrong_sum_stays_wrong() -> None:
    driver = registry.find("terumo_es_p2020")
    assert isinstance(driver, SerialDriver)
    right = summed(b"\x02R1," + NUMBER + b",210427,153000,128,097,082,084\x03")
    wrong = right[:-1] + bytes([right[-1] ^ 1])
    (message,) = driver.line.framer().feed(wrong)
    assert sum(message[:-1]) & 0xFF != message[-1]


@pytest.mark.parametrize("wrong_by", range(1, 256))
def test_a_wrong_checksum_stays_wrong(wrong_by: int) -> None:
    driver = registry.find("tanita")
    assert isinstance(driver, SerialDriver)
    text = b'{0,16,~0,1,MO,"PW-630",ID,"' + NUMBER + b'",Wk,72.4,'
    wrong = text + f"CS,{(sum(text) + wrong_by) & 0xFF:02X}\r\n".encode()
    (message,) = driver.line.framer().feed(wrong)
    assert NUMBER not in message
    with pytest.raises(NotUnderstood):
        driver.unseal(Frame.of("-", message), {})


# ------------------------------------------------------------------- any number, any single damage


def checked(text: bytes) -> bytes:
    return b"\x16\x16\x0100\x02" + text + b"\x03" + bytes([reduce(xor, text, 0)])


LINES: dict[str, Line] = {
    "terumo_es_p2020": lambda number: summed(
        b"\x02R1," + number + b",210420,130000,124,097,082,084,0000,0000,00000,000\x03"
    ),
    "omron_hbp": lambda number: b"bp," + number + b",2024/01/03,08:30,124,097,082,084,1\r\n",
    "omron_hbp as an HBP-9030": lambda number: (
        b"2024,01,03,08,30," + number + b",0,124,082,084,0\r\n"
    ),
    "health_o_meter": lambda number: (
        b"\x1bR\x1bI" + number + b"\x1bW042.40\x1bH140.0\x1bB21.6\x1bNm\x1bE"
    ),
    "health_o_meter, opened by 6R": lambda number: (
        b"6R\x1bI" + number + b"\x1bW042.40\x1bH140.0\x1bB21.6\x1bNm\x1bE"
    ),
    "tanita": lambda number: sealed(
        b'{0,16,~0,1,MO,"SC-330",SN,"00000001",ID,"'
        + number
        + b'",Da,"20/04/2030",TI,"20:02",Wk,42.4,MI,21.6,'
    ),
    "tanita without quotes": lambda number: sealed(
        b"{0,16,~0,1,MO,PW-630,Wk,42.4,ID," + number + b","
    ),
    "and_tm2657": lambda number: checked(
        b"TM2657\x1e2411121014\x1eRA\x1eM\x1eE00\x1eS124\x1eM 97\x1eD 82\x1eP 84\x1eI"
        + number
        + b"\x1ei 0\x1em0\x1e"
    ),
    "rice_lake_350": lambda number: b"PATIENT ID " + number + b"\r\nNET WEIGHT 42.4 KG\r\n",
}
"""A line with a number typed into it. Its own values have no run of the digits that the numbers are made of."""

NUMBERS = st.text("56789", min_size=1, max_size=20).map(str.encode)
RUN = re.compile(rb"[56789]{4}")


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_the_test_would_see_it(line: Line) -> None:
    assert RUN.search(line(b"9786"))
    assert not RUN.search(line(b"978"))


@pytest.mark.parametrize("name", LINES)
@given(number=NUMBERS, damage=st.data())
def test_no_single_damage_lets_it_out(name: str, number: bytes, damage: st.DataObject) -> None:
    driver = registry.find(re.split(r"[ ,]", name)[0])
    assert isinstance(driver, SerialDriver)
    whole = LINES[name](number)
    at = damage.draw(st.integers(0, len(whole) - 1))
    put = damage.draw(
        st.just(b"") | st.just(whole[at : at + 1] * 2) | st.binary(min_size=1, max_size=1)
    )
    heard = damage.draw(st.sampled_from([b"", whole])) + whole[:at] + put + whole[at + 1 :] + whole
    cuts = sorted(damage.draw(st.lists(st.integers(0, len(heard)), max_size=5)))
    framer = driver.line.framer()
    for start, end in pairwise([0, *cuts, len(heard)]):
        for message in framer.feed(heard[start:end]):
            assert not RUN.search(message)
    for place in range(len(whole)):
        for instead in (b"", whole[place : place + 1] * 2):
            for message in driver.line.framer().feed(
                whole[:place] + instead + whole[place + 1 :] + whole
            ):
                assert not RUN.search(message), (place, instead)


@pytest.mark.parametrize("name", LINES)
@given(number=NUMBERS, at=st.integers(0, 200))
def test_whatever_is_lost_in_front_it_stays_inside(name: str, number: bytes, at: int) -> None:
    driver = registry.find(re.split(r"[ ,]", name)[0])
    assert isinstance(driver, SerialDriver)
    whole = LINES[name](number)
    for message in driver.line.framer().feed(whole[at % len(whole) :] + whole):
        assert not RUN.search(message)


@pytest.mark.parametrize("name", [name for name in LINES if "rice" not in name])
@given(number=NUMBERS)
def test_the_values_of_a_sound_line_are_read(name: str, number: bytes) -> None:
    driver = registry.find(re.split(r"[ ,]", name)[0])
    assert isinstance(driver, SerialDriver)
    (message,) = driver.line.framer().feed(LINES[name](number))
    said = list(driver.decode(driver.unseal(Frame.of("-", message), {})))
    assert [m for m in said if isinstance(m, (BloodPressure, BodyWeight))]


@pytest.mark.parametrize("name", LINES)
@given(number=NUMBERS, noise=st.binary(max_size=60), at=st.integers(0, 200))
def test_no_line_is_too_damaged_to_be_blanked(
    name: str, number: bytes, noise: bytes, at: int
) -> None:
    driver = registry.find(re.split(r"[ ,]", name)[0])
    assert isinstance(driver, SerialDriver)
    whole = LINES[name](number)
    at %= len(whole)
    sent = whole[:at] + noise + whole[at:]
    framer = driver.line.framer()
    assert sum(len(message) for message in framer.feed(sent + whole)) <= len(sent + whole)


@pytest.mark.parametrize(
    "end", [b"CS,Zz", b"CS,", b"CS", b"CS,F", b"x,CS,D6}", b"CS,D6,", b"CS,CS,D6"]
)
def test_a_tanita_without_a_sum_is_blanked_and_refused(end: bytes) -> None:
    driver = registry.find("tanita")
    assert isinstance(driver, SerialDriver)
    (message,) = driver.line.framer().feed(b"{0,16,Wk,42.4,ID," + NUMBER + b"," + end + b"\r\n")
    assert NUMBER[:4] not in message
    with pytest.raises(NotUnderstood):
        list(driver.decode(driver.unseal(Frame.of("-", message), {})))


def test_what_is_blanked_is_never_a_value() -> None:
    driver = registry.find("health_o_meter")
    assert isinstance(driver, SerialDriver)
    (message,) = driver.line.framer().feed(b"\x1bR\x1bW42x40\x1bH140.0\x1bNm\x1bE")
    with pytest.raises(NotUnderstood):
        list(driver.decode(driver.unseal(Frame.of("-", message), {})))
