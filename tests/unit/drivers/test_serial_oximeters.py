"""Oximeters on serial lines: every bit of their messages, worked out by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import SERIAL, Frame, NotUnderstood, OxygenSaturation, SerialDriver
from devicehub_drivers import berry_bci_serial, contec_cms50d, nonin_serial

NONIN, BERRY, CONTEC = nonin_serial.DRIVER, berry_bci_serial.DRIVER, contec_cms50d.DRIVER


def said(driver: SerialDriver, data: bytes) -> OxygenSaturation:
    (found,) = driver.decode(driver.unseal(Frame.of(SERIAL, data), {}))
    assert isinstance(found, OxygenSaturation)
    return found


def told(driver: SerialDriver, data: bytes) -> tuple[object, ...]:
    found = said(driver, data)
    return found.pulse_per_minute, found.percent, found.flags


def spot(hexadecimal: str) -> bytes:
    """A spot-check of Nonin's format 13 around its data, with the sum it must have."""
    data = bytes.fromhex(hexadecimal)
    head = b"\x00\x02\x00\x0d" + len(data).to_bytes(2, "big")
    return head + data + bytes([sum(data) & 0xFF, 3])


def packet(values: dict[int, int], *, status: int = 0, wide: bool = False) -> bytes:
    """25 frames of Nonin's format 2 or 7, with the sums they must have."""
    frames = []
    for number in range(25):
        flags = 0x80 | status | (number == 0)
        value = values.get(number + 1, 0)
        frame = bytes((flags, 200, 201, value) if wide else (1, flags, 200, value))
        frames.append(frame + bytes([sum(frame) & 0xFF]))
    return b"".join(frames)


def test_a_spot_check() -> None:
    # 20 26 11 22 08 30 15 00, SmartPoint 02 00, pulse 00 48 = 72, reserved, 61 = 97 %.
    found = said(NONIN, spot("20 26 11 22 08 30 15 00 02 00 00 48 00 61"))
    assert found == OxygenSaturation(
        percent=Decimal(97),
        pulse_per_minute=Decimal(72),
        device_time="2026-11-22T08:30:15",
        stored=False,
    )


@pytest.mark.parametrize(
    ("status", "flags", "stored"),
    [
        ("0200", (), False),
        ("0210", (), True),
        ("0201", ("low_battery",), False),
        ("0000", ("questionable",), False),
        ("feee", (), False),  # every reserved bit
    ],
)
def test_the_status_of_a_spot_check(status: str, flags: tuple[str, ...], stored: bool) -> None:
    found = said(NONIN, spot(f"2026112208301500 {status} 0048 00 61"))
    assert (found.flags, found.stored) == (flags, stored)
    assert found.percent == 97


def test_a_spot_check_of_nothing() -> None:
    found = said(NONIN, spot("2026112208301500 0100 01ff 00 7f"))
    assert (found.percent, found.pulse_per_minute) == (None, None)
    assert found.flags == ("measurement_failed",)


@pytest.mark.parametrize(
    "data",
    [
        spot("2026112208301500 0200 0048 00 65"),  # 101 %
        spot("2026132208301500 0200 0048 00 61"),  # month 13
        spot("202611220830a500 0200 0048 00 61"),  # no decimal digit
        spot("2026112208301500 0200 0048 00"),  # too short
        spot("2026112208301500 0200 0048 00 61")[:-1],
        spot("2026112208301500 0200 0048 00 61")[:-2] + b"\x00\x03",  # a wrong sum
        b"",
        b"\x00\x02\x00\x0d",
    ],
)
def test_what_is_no_spot_check_is_not_understood(data: bytes) -> None:
    with pytest.raises(NotUnderstood):
        said(NONIN, data)


@pytest.mark.parametrize("wide", [False, True], ids=["format 2", "format 7"])
@given(pulse=st.integers(0, 511), percent=st.sampled_from([*range(101), 127]))
def test_a_packet(wide: bool, pulse: int, percent: int) -> None:
    values = {1: pulse >> 7, 2: pulse & 0x7F, 3: percent, 8: 0x20, 9: 1, 20: 1, 21: 1}
    found = said(NONIN, packet(values, wide=wide))
    assert found.percent == (None if percent == 127 else percent)
    assert found.pulse_per_minute == (None if pulse == 511 else pulse)
    assert found.flags == ()


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        (0x20, ("artifact",)),
        (0x10, ("questionable",)),
        (0x08, ("no_contact",)),
        (0x06, ("weak_signal",)),
        (0x04, ("weak_signal",)),
        (0x02, ()),
        (0x40, ()),
    ],
)
def test_the_status_of_a_packet(status: int, flags: tuple[str, ...]) -> None:
    found = said(NONIN, packet({2: 72, 3: 97, 8: 0x20}, status=status))
    assert found.flags == flags
    assert (found.percent is None) == (status == 0x08)


def test_format_8() -> None:
    # 1000 0001: pulse bit 7; 0x02: 130 per minute; 0x61: 97 %; SmartPoint and low battery.
    data = bytes((0x81, 0x02, 0x61, 0x21))
    assert told(NONIN, data) == (130, 97, ("low_battery",))
    assert said(NONIN, bytes((0x83, 0x7F, 0x7F, 0x08))).percent is None


@given(pulse=st.integers(1, 254), percent=st.integers(1, 100), rest=st.integers(0, 15))
def test_five_octets(pulse: int, percent: int, rest: int) -> None:
    data = bytes((0x80 | rest, rest, pulse >> 1 & 0x40 | rest, pulse & 0x7F, percent))
    for driver in (BERRY, CONTEC):
        assert told(driver, data) == (pulse, percent, ())


def test_the_same_bits_mean_other_things_to_contec_and_berry() -> None:
    # Octet 0, 0x10: no signal to Berry, no finger to Contec. Octet 2, 0x10: no finger; a fault.
    first, third = bytes((0x97, 20, 3, 72, 97)), bytes((0x87, 20, 0x13, 72, 97))
    assert said(BERRY, first).flags == ("weak_signal",)
    assert said(CONTEC, first).flags == ("no_contact",)
    assert said(BERRY, third).flags == ("no_contact",)
    assert said(CONTEC, third).flags == ("sensor_fault",)
    assert said(BERRY, third).percent is said(CONTEC, third).percent is None


@given(pulse=st.integers(1, 254), percent=st.integers(1, 100), rest=st.integers(0, 127))
def test_nine_octets(pulse: int, percent: int, rest: int) -> None:
    # The bits 7 of the octets 2 to 8 stand in octet 1: the pulse is octet 5, its bit is 3.
    high = 0x80 | (pulse >> 7) << 3
    octets = (rest & 7, rest, rest, pulse, percent, rest, rest)
    data = bytes((1, high, *(0x80 | octet for octet in octets)))
    assert told(CONTEC, data) == (pulse, percent, ())


@pytest.mark.parametrize(
    ("data", "flags"),
    [
        ("01 81 87 94 83 c8 e1 80 80", ("no_contact",)),  # bit 7 of octet 2: finger out
        ("01 82 87 94 83 c8 e1 80 80", ("searching",)),  # bit 7 of octet 3
        ("01 80 97 94 83 c8 e1 80 80", ("searching",)),  # searched too long
    ],
)
def test_the_flags_of_nine_octets(data: str, flags: tuple[str, ...]) -> None:
    found = said(CONTEC, bytes.fromhex(data))
    assert found.flags == flags
    assert (found.percent is None) == (flags == ("no_contact",))


def test_invalid_values_of_nine_octets() -> None:
    # High bits 0x80 | 1<<3: pulse 0xff; SpO2 0x7f.
    found = said(CONTEC, bytes.fromhex("01 88 87 94 83 ff ff 80 80"))
    assert (found.percent, found.pulse_per_minute) == (None, None)


@given(data=st.binary(max_size=12))
def test_other_octets_are_not_understood(data: bytes) -> None:
    for driver in (BERRY, CONTEC):
        try:
            found = said(driver, data)
        except NotUnderstood:
            continue
        assert found.percent is None or 0 < found.percent <= 100
        assert len(data) in (5, 9)


def test_format_7_is_never_taken_for_format_8() -> None:
    stream = packet({1: 0, 2: 72, 3: 97}, wide=True) * 3
    for start in range(1, 125):
        framer = NONIN.line.framer()
        assert {len(found) for found in framer.feed(stream[start:])} == {125}
