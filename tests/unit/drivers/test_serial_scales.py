"""Serial scales: single lines, whole, cut and damaged, as manuals print them and as somebody might send them."""

import json
from datetime import UTC, datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.devices import registry
from devicehub.driver import (
    SERIAL,
    BodyHeight,
    BodyMassIndex,
    BodyWeight,
    Frame,
    Measurement,
    NotUnderstood,
    SerialDriver,
    check_index,
    shown_height,
    shown_weight,
)
from devicehub.reading.settle import Settle, Settling
from devicehub.testing.capture import captured
from devicehub.testing.replay import Handed, converse
from devicehub.transport.tape import Capture, Header, Step

LINES = {
    "sma_scp_0499": b" 1G       72.40kg ",
    "sartorius_sbi": b"G#    +    72.40 kg ",
    "and_scale": b"ST,+00072.40 kg",
    "rice_lake_350": b"     72.4 kg Gross ",
    "pelstar": b"\x01\x82\xd7\xe4072.4",
    "health_o_meter": b"\x1bR\x1bI0000000000\x1bW72.4\x1bH0.0\x1bB0.0\x1bNm\x1bE",
    "g_tech": b"\x02000.0,072.4,M,100.0,000.0\x03",
    "detecto_solo": b"12:00,08/07/15,0.0,000.0cm,72.4kg",
    "kern": b"       72.40 kg ",
    "tanita_wb": b"S     72.4kg",
    "radwag": b"SI        72.40 kg ",
}
"""The same 72.4 kg in every format without a checksum."""


def read(driver: str, line: bytes) -> list[Measurement]:
    found = registry.find(driver)
    return list(found.decode(found.unseal(Frame.of("-", line), {})))


def weight(driver: str, line: bytes) -> BodyWeight:
    (found,) = read(driver, line)
    assert isinstance(found, BodyWeight)
    return found


@pytest.mark.parametrize("driver", LINES)
def test_the_same_weight_in_every_format(driver: str) -> None:
    assert weight(driver, LINES[driver]) == BodyWeight(kilograms=Decimal("72.4"), stable=True)


@pytest.mark.parametrize("driver", LINES)
@given(data=st.data())
def test_a_lost_byte_never_turns_one_weight_into_another_unit(
    driver: str, data: st.DataObject
) -> None:
    line = LINES[driver]
    at = data.draw(st.integers(0, len(line) - 1))
    try:
        found = read(driver, line[:at] + line[at + 1 :])
    except NotUnderstood:
        return
    # Without a checksum a lost digit can show as another weight; nothing else may come of it.
    assert all(one.said is None and isinstance(one, BodyWeight) for one in found)


@pytest.mark.parametrize(
    ("driver", "line"),
    [
        ("sma_scp_0499", b"\n 1G       72.40kg "),
        ("sma_scp_0499", b"\r\n 1G       72.40kg \r\n"),
        ("and_scale", b"ST,+00072.40 kg\r\n"),
        ("sartorius_sbi", b"G#    +    72.40 kg \r\n"),
        ("rice_lake_350", b"     72.4 kg Gross \r\n"),
        ("tanita_wb", b"S     72.4kg\r\n"),
    ],
)
def test_line_ends_may_be_there_or_not(driver: str, line: bytes) -> None:
    assert weight(driver, line).kilograms == Decimal("72.4")


@pytest.mark.parametrize(
    ("driver", "line", "flag"),
    [
        ("sma_scp_0499", b"O1G      260.00kg ", "overload"),
        ("sma_scp_0499", b"U1G       -1.00kg ", "underload"),
        ("sma_scp_0499", b"e1G        0.00kg ", "measurement_failed"),
        ("sartorius_sbi", b"Stat        High    ", "overload"),
        ("sartorius_sbi", b"      High    ", "overload"),
        ("sartorius_sbi", b"      L       ", "underload"),
        ("and_scale", b"OL,+999999.9 kg", "overload"),
        ("and_scale", b"OL,GS,-    .  kg", "underload"),
        ("and_scale", b"OL,GS,", "overload"),
        ("and_scale", b"UL,GS,", "underload"),
        ("and_scale", b"OL,", "overload"),
        ("radwag", b"SI ^     200.00 kg ", "overload"),
        ("radwag", b"SI v", "underload"),
        ("tanita_wb", b"SI  270.9 kg", "overload"),
        ("tanita_wb", b"SI          ", "overload"),
        ("health_o_meter", b"\x1bR\x1bW999.9\x1bNc\x1bE", "overload"),
    ],
)
def test_out_of_range_is_no_weight(driver: str, line: bytes, flag: str) -> None:
    found = weight(driver, line)
    assert found.kilograms is None
    assert found.flags == (flag,)


@pytest.mark.parametrize(
    ("driver", "line"),
    [
        ("sma_scp_0499", b"?"),
        ("sma_scp_0499", b" 1T       72.40kg "),
        ("sma_scp_0499", b" 1G       7 .40kg "),
        ("sma_scp_0499", b" 1G       72.40ct "),
        ("sma_scp_0499", b"SMA:1/1.0"),
        ("and_scale", b"QT,+00012345 PC"),
        ("and_scale", b"ST,PT,+0001.00kg"),
        ("and_scale", b"ST,+00012.34ozt"),
        ("and_scale", b"ST,+0.40 kg"),
        ("and_scale", b"OL,GS"),
        ("and_scale", b"US,NT,+ 8.3kg"),
        ("sartorius_sbi", b"Qnt   +       12 pcs"),
        ("sartorius_sbi", b"Stat     ERR 054    "),
        ("health_o_meter", b"\x1bR\x1bW72.4\x1bE"),
        ("health_o_meter", b"\x1bR\x1bW72.4\x1bNx\x1bE"),
        ("health_o_meter", b"\x1bR\x1bW72.4\x1bW73.4\x1bNm\x1bE"),
        ("health_o_meter", b"\x1bR\x1bW-2.4\x1bNm\x1bE"),
        ("health_o_meter", b"\x1bR\x1bW72.4\x1bNm"),
        ("health_o_meter", b"\x1bR\x1bW72.4\x1b170.0\x1bB25.1\x1bNm\x1bE"),
        ("pelstar", b"\x01\x81\xd7\xe4072.4"),
        ("pelstar", b"\x01\x82\xd7\xe40072.4"),
        ("rice_lake_350", b"     72.4 st Gross "),
        ("rice_lake_350", b"PATIENT HEIGHT 6-12.0 FT"),
        ("detecto_solo", b"12:00,08/07/15,21.5,5'12.0\",132.3lb"),
        ("detecto_solo", b"12:00,08/07/15,0.0,5'1.0\",132.3lb"),  # 5'11.0", or 5'10.0"
        ("tanita", b"0,2,185,110.6,431,28.4,31.4,79.2,58.0,27,32.3,977"),
        ("g_tech", b"\x02178.5,105.4,M,123.5,033.1"),
        ("tanita_wb", b"S     72.4k"),
        ("tanita_wb", b"S     7 .4kg"),
        ("tanita_wb", b"S     72.4Kx"),
        ("tanita_wb", b"S     72.4kg    25.1    "),
        ("tanita", b"{0,17,~0,1,Wk,72.4,"),
        ("radwag", b"ES"),
        ("radwag", b"SI         72.4 kg"),
        ("radwag", b"SI          7240 kg "),
        ("radwag", b"SI x      72.40 kg "),
        ("radwag", b"SI        72.40 pcs"),
        ("radwag", b"S         72.40 kg "),
    ],
)
def test_what_does_not_add_up_is_not_understood(driver: str, line: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read(driver, line)


PRINT = (
    b"GROSS WEIGHT         %b kg\r\n\nTARE WEIGHT           0.0 kg\r\n\nNET WEIGHT           %b kg\r\n\n"
    b"HEIGHT              170.0 cm\r\n\nBMI                  25.1   \r\n\n22/11/2026   08:30  \r\n\r\n    \r\n\n"
    b"                          \r\n\n\n\n"
)


@pytest.mark.parametrize(
    ("driver", "right", "wrong"),
    [
        (
            "detecto_solo",
            b"12:07,08/07/15,24.2,173.0cm,72.4kg",
            b"12:07,08/07/15,24.2,173.0cm,7.4kg",
        ),
        (
            "detecto_solo",
            b"12:07,08/07/15,24.2,173.0cm,72.4kg",
            b"12:07,08/07/15,24.2,73.0cm,72.4kg",
        ),
        (
            "detecto_solo",
            b"12:07,08/07/15,24.2,173.0cm,72.4kg",
            b"12:07,08/07/15,4.2,173.0cm,72.4kg",
        ),
        ("g_tech", b"\x02178.5,105.4,M,123.5,033.1\x03", b"\x02178.5,10.4,M,123.5,033.1\x03"),
        ("g_tech", b"\x02178.5,105.4,M,123.5,033.1\x03", b"\x02178.5,105.4,M,123.5,33.1\x03"),
        ("g_tech", b"\x02178.5,105.4,M,123.5,033.1\x03", b"\x02178.5,005.4,M,123.5,033.1\x03"),
        ("g_tech", b"\x02000.0,072.4,M,100.0,000.0\x03", b"\x02000.0,72.4,M,100.0,000.0\x03"),
        (
            "g_tech",
            b"WEIGHT   ---- 90.05 kg\r\nHEIGHT   ---- 188.6 cm\r\nB  M  I  ----  25.3   \r\n\x1bT\0",
            b"WEIGHT   ---- 9.05 kg\r\nHEIGHT   ---- 188.6 cm\r\nB  M  I  ----  25.3   \r\n\x1bT\0",
        ),
        (
            "health_o_meter",
            b"\x1bR\x1bW0200.5\x1bH068.0\x1bB30.5\x1bNc\x1bE",
            b"\x1bR\x1bW0020.5\x1bH068.0\x1bB30.5\x1bNc\x1bE",
        ),
        (
            "health_o_meter",
            b"\x1bR\x1bW90.98\x1bH178.70\x1bB28.5\x1bNm\x1bE",
            b"\x1bR\x1bW90.98\x1bH178.70\x1bB28.5\x1bNc\x1bE",
        ),
        ("marsden_m430", PRINT % (b"72.4", b"72.4"), PRINT % (b" 7.4", b" 7.4")),
    ],
)
def test_a_body_mass_index_tells_a_lost_digit(driver: str, right: bytes, wrong: bytes) -> None:
    assert isinstance(read(driver, right)[0], BodyWeight)
    with pytest.raises(NotUnderstood):
        read(driver, wrong)


@given(
    tenths=st.integers(300, 2500),
    height=st.integers(1200, 2200),
    how=st.sampled_from([ROUND_HALF_UP, ROUND_DOWN, ROUND_HALF_EVEN]),
)
def test_however_a_scale_rounds_its_own_index_is_its_own(
    tenths: int, height: int, how: str
) -> None:
    """The scale knows its values finer than it shows them."""
    exact, tall = Decimal(tenths) / 10 + Decimal("0.04"), Decimal(height) / 10 + Decimal("0.03")
    index = (exact / (tall / 100) ** 2).quantize(Decimal("0.1"), how)
    weight, rod = (each.quantize(Decimal("0.1"), how) for each in (exact, tall))
    check_index(shown_weight(weight, "kg"), shown_height(rod, "cm"), index)


@pytest.mark.parametrize("unit", ["kg", "lb"])
@given(weight=st.integers(300, 2500), height=st.integers(1200, 2200), data=st.data())
def test_a_digit_lost_from_a_weight_is_noticed(
    unit: str, weight: int, height: int, data: st.DataObject
) -> None:
    shown = shown_weight(Decimal(weight) / 10, unit)
    tall = shown_height(Decimal(height) / 10, "cm")
    assert shown.kilograms is not None
    index = (shown.kilograms / (Decimal(height) / 1000) ** 2).quantize(Decimal("0.1"))
    at = data.draw(st.integers(0, len(str(weight)) - 2))
    lost = Decimal(str(weight)[:at] + str(weight)[at + 1 :]) / 10
    if lost:
        with pytest.raises(NotUnderstood):
            check_index(shown_weight(lost, unit), tall, index)


def test_a_net_weight_with_the_blank_too_many_of_the_manual() -> None:
    assert weight("rice_lake_350", b"    -10.0 lb  Net   ").kilograms == Decimal("-4.54")


def test_typographic_marks_of_feet_and_inches() -> None:
    line = "12:00,08/07/15,21.5,5\u201903.0\u201d,132.3lb".encode()
    load, height, index = read("detecto_solo", line)
    assert isinstance(load, BodyWeight)
    assert isinstance(height, BodyHeight)
    assert (load.kilograms, height.centimetres) == (Decimal("60.01"), Decimal("160.0"))
    assert index == BodyMassIndex(kilograms_per_square_metre=Decimal("21.5"))


# 11.5 st = 161 lb = 73.0284 kg; 100 oz = 6.25 lb = 2.834952 kg; 12.5 g; 159.6 lb = 72.3933 kg.
@pytest.mark.parametrize(
    ("value", "unit", "kilograms"),
    [
        ("11.5", "st", "73.03"),
        ("100", "oz", "2.835"),
        ("12.5", "g", "0.0125"),
        ("159.6", "LB", "72.39"),
        ("72.4", "KG", "72.4"),
    ],
)
def test_units_of_mass(value: str, unit: str, kilograms: str) -> None:
    assert shown_weight(Decimal(value), unit).kilograms == Decimal(kilograms)


def test_units_of_length() -> None:
    assert shown_height(Decimal(68), "in").centimetres == Decimal("172.7")
    with pytest.raises(NotUnderstood):
        shown_height(Decimal("1.70"), "m")


def test_a_packet_after_noise_and_the_rest_of_another() -> None:
    packet = b"6R\x1bI0000000000\x1bW72.4\x1bH0.0\x1bB0.0\x1bNm\x1bE"
    assert weight("health_o_meter", b"\x00\xff" + packet).kilograms == Decimal("72.4")
    print_out = b"ARKS    ---- FATTY\r\n!\r\n\r\nWEIGHT   ---- 72.4 kg\r\n\x1bT\0"
    with pytest.raises(NotUnderstood):
        read("g_tech", print_out)
    assert weight("g_tech", print_out[19:]).kilograms == Decimal("72.4")


@pytest.mark.parametrize(
    "driver", ["mt_sics", "omron_hbp", "tanita", "and_scale", "kern", "tanita_wb", "radwag"]
)
@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
def test_lines_end_as_the_device_is_set(driver: str, end: bytes) -> None:
    found = registry.find(driver)
    assert isinstance(found, SerialDriver)
    one, another = found.line.framer().feed(b"one line" + end + b"another" + end)
    # A driver that keeps no identity keeps the length of what it does not know.
    assert one in {b"one line", b"*** ****"}
    assert another in {b"another", b"*******"}


def test_the_longest_line_of_a_tanita_fits() -> None:
    """The MC-780MA's has about 1500 characters, the segments' impedances at six frequencies among them."""
    found = registry.find("tanita")
    assert isinstance(found, SerialDriver)
    line = b"{0,16," + b"GH,665.2," * 200
    (message,) = found.line.framer().feed(line + b"\r\n")
    assert len(message) == len(line)


def tanita_lines() -> list[bytes]:
    """Every line of a capture or of somebody's test that is understood."""
    captures = captured("tanita", Path(__file__).parents[2] / "captures")
    known = [step.data for one in captures for step in one.capture.steps if step.by == "device"]
    published = Path(__file__).with_name("published_frames.jsonl").read_text()
    rows = map(json.loads, published.splitlines())
    known += [bytes.fromhex(row["hex"]) for row in rows if row["driver"] == "tanita"]
    return [line for line in dict.fromkeys(each.strip(b"\0\r\n") for each in known) if told(line)]


def told(line: bytes) -> set[tuple[str, str, str]]:
    """Each value of a Tanita's line with its name; none where it is not understood."""
    try:
        found = read("tanita", line)
    except NotUnderstood:
        return set()
    return {
        (one.kind, name, str(value))
        for one in found
        for name, value in one.model_dump(exclude={"kind"}, exclude_none=True).items()
    }


@pytest.mark.parametrize("line", tanita_lines(), ids=lambda line: line[:40].decode())
def test_a_byte_lost_from_a_tanitas_line_changes_no_value(line: bytes) -> None:
    whole = told(line)
    changed = {
        line[:at] + line[at + 1 :]: other
        for at in range(len(line))
        if (other := told(line[:at] + line[at + 1 :]) - whole)
    }
    assert changed == {}


TBF = "0,2,185,110.6,{ohms},{percent},{fat},79.2,{water},27,32.3,9771"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"percent": "28.7"}, "fat mass"),
        ({"percent": "8.4"}, "fat mass"),
        ({"water": "79.2"}, "water"),
        ({"water": "580"}, "water"),
        ({"water": "-5.0"}, "below zero"),
        ({"water": "8.0"}, "not whole"),
        ({"ohms": "43"}, "not whole"),
        ({"percent": "28."}, "not whole"),
    ],
)
def test_values_by_position_that_are_not_each_others_are_refused(
    wrong: dict[str, str], why: str
) -> None:
    right = {"ohms": "431", "percent": "28.4", "fat": "31.4", "water": "58.0"}
    assert told(TBF.format(**right).encode())
    with pytest.raises(NotUnderstood, match=why):
        read("tanita", TBF.format(**{**right, **wrong}).encode())


@pytest.mark.parametrize("nothing", ["0", "0.0", ""])
def test_what_a_line_by_position_does_not_tell_is_not_missed(nothing: str) -> None:
    """Of the youngest only the percentage is told, or nothing but the weight."""
    bare = dict.fromkeys(("ohms", "fat", "water"), nothing)
    assert told(TBF.format(percent="28.4", **bare).encode())


def test_a_scale_in_the_mode_of_the_body_mass_index_says_what_to_do() -> None:
    with pytest.raises(NotUnderstood, match="set it to weigh"):
        read("tanita_wb", b"S     72.4kg    25.1    ")


@pytest.mark.parametrize("line", [b"SI A", b"SI I"])
def test_a_scale_that_is_busy_says_nothing(line: bytes) -> None:
    assert read("radwag", line) == []


EMPTY, NET, GROSS = "ST,GS,+0000.00kg", "ST,NT,+0072.40kg", "ST,GS,+0095.00kg"
NET_EMPTY = "ST,NT,-0022.60kg"
GROSS_OF_CHAIR, NET_ZERO = "ST,GS,+0022.60kg", "ST,NT,+0000.00kg"
GROSS_MOVING, OUT = "US,GS,+0095.00kg", "OL,GS,-    .  kg"


def handed(lines: list[str]) -> list[Handed]:
    """What the session of an A&D scale hands over of these lines, one after the other."""
    driver = registry.find("and_scale")
    began = datetime(2026, 1, 5, 8, tzinfo=UTC)
    header = Header(device="TEST", driver="and_scale", origin="synthetic", recorded=began, hub="0")
    steps = tuple(
        Step(t=number / 10, by="device", do="message", on=SERIAL, data=f"{line}\r\n".encode())
        for number, line in enumerate(lines)
    )
    return converse(driver, Capture(path=Path("x"), header=header, steps=steps))


def weighed(lines: list[str]) -> list[Decimal | None]:
    """What is filed of these lines."""
    driver = registry.find("and_scale")
    settle = Settle(driver.settles, Settling(idle_since=datetime(2026, 1, 5, 8, tzinfo=UTC)))
    filed: list[Decimal | None] = []
    for one in handed(lines):
        said = list(driver.decode(one.frame))
        if one.finished:
            finished = settle.finished(said, one.at)
            filed += [
                f.measurement.kilograms for f in finished if isinstance(f.measurement, BodyWeight)
            ]
        else:
            settle.live(said, one.at)
    return filed


@pytest.mark.parametrize(
    ("lines", "filed"),
    [
        ([EMPTY, GROSS, GROSS], ["95.00"]),
        ([NET_EMPTY, NET, NET], ["72.40"]),
        ([EMPTY, GROSS, NET, GROSS, GROSS, GROSS], []),
        ([EMPTY, NET_EMPTY, EMPTY, NET_EMPTY, GROSS, GROSS], []),
        ([NET_EMPTY, EMPTY, GROSS, GROSS, GROSS], []),
        ([NET_EMPTY, NET, NET, EMPTY, EMPTY, GROSS, GROSS], ["72.40", "95.00"]),
        ([NET_EMPTY, EMPTY, EMPTY, GROSS, NET, GROSS, GROSS], []),
        ([NET_EMPTY, OUT, OUT, GROSS, GROSS], []),
        ([GROSS_OF_CHAIR, NET_ZERO] * 3 + [GROSS, NET] * 6, ["72.40"]),
        ([GROSS_OF_CHAIR, NET_ZERO] * 3 + [GROSS_MOVING, NET] * 6, ["72.40"]),
    ],
)
def test_under_a_tare_the_gross_weight_is_nobodys(lines: list[str], filed: list[str]) -> None:
    assert weighed(lines) == [Decimal(one) for one in filed]


def test_under_a_tare_the_gross_weight_is_not_even_shown() -> None:
    found = [one.frame.data.decode() for one in handed([NET_ZERO, GROSS, GROSS_MOVING, NET, GROSS])]
    assert found == [NET_ZERO, NET]
