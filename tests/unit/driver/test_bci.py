"""BCI packets: five octets, bit 7 in the first alone."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import NotUnderstood, bci

PACKET = bytes.fromhex("8528074861")  # strength 5; bar 7; pulse 0x48 = 72; SpO2 0x61 = 97


def test_a_packet_says_its_values() -> None:
    said = bci.decode(PACKET)
    assert (said.percent, said.pulse_per_minute, said.flags) == (Decimal(97), Decimal(72), ())


@pytest.mark.parametrize(
    ("packet", "percent", "pulse", "flags"),
    [
        ("8528470061", 97, 128, ()),  # 0x40 of the third octet is bit 7 of the pulse
        ("852847 7f7f", None, None, ()),  # 255 and 127: invalid
        ("8500170000", None, None, ("no_contact",)),
        ("a528074861", None, None, ("sensor_fault",)),
        ("9528274861", 97, 72, ("searching", "weak_signal")),
    ],
)
def test_what_stands_against_the_values(
    packet: str, percent: int | None, pulse: int | None, flags: tuple[str, ...]
) -> None:
    said = bci.decode(bytes.fromhex(packet))
    assert (said.percent, said.pulse_per_minute, said.flags) == (percent, pulse, flags)


@pytest.mark.parametrize(
    ("packet", "at"),
    [("", 0), ("85280748", 4), ("852807486161", 5), ("0528074861", 0), ("8528874861", 2)],
)
def test_what_is_no_packet_is_not_understood(packet: str, at: int) -> None:
    with pytest.raises(NotUnderstood) as refused:
        bci.decode(bytes.fromhex(packet), at=10)
    assert refused.value.at == 10 + at


def test_more_than_all_oxygen_is_not_understood() -> None:
    with pytest.raises(NotUnderstood, match="101 % of saturation") as refused:
        bci.decode(PACKET[:4] + bytes([101]))
    assert refused.value.at == 4


@given(st.binary(max_size=12))
def test_packets_follow_each_other_every_five_octets(data: bytes) -> None:
    begins = [at for at, octet in enumerate(data) if octet & bci.SYNC]
    assert bci.follows(data) == (begins == list(range(0, len(data), bci.LENGTH)))


@given(st.integers(0, 15), st.integers(0, 127), st.integers(0, 15))
def test_pleth_bar_and_strength_are_not_displayed(strength: int, pleth: int, bar: int) -> None:
    packet = bytes([bci.SYNC | strength, pleth, bar]) + PACKET[3:]
    assert bci.display(packet) == bci.display(PACKET)
