"""Which port an identity means: never a guess, and what to write where it means none or several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import LinkLost
from devicehub.transport.port_identity import Port, UsbIdentity, find_port
from devicehub.transport.ports import plugged_in

FTDI = Port("/dev/ttyUSB0", "0403:6001", "A50285BI", "1-1.2", "FT232R USB UART")
OTHER_FTDI = Port("/dev/ttyUSB1", "0403:6001", "B7", "1-1.3")
NAMELESS = Port("/dev/ttyUSB2", "1a86:7523", None, "1-1.4")
OTHER_NAMELESS = Port("COM7", "1a86:7523", "", "1-2")
EQUAL = Port("/dev/ttyUSB3", "10c4:ea60", "0001", "2-1:1.0")
OTHER_EQUAL = Port("/dev/ttyUSB4", "10c4:ea60", "0001", "2-2:1.0")
BUILT_IN = Port("/dev/ttyS0")
ROOM = (FTDI, OTHER_FTDI, NAMELESS, OTHER_NAMELESS, EQUAL, OTHER_EQUAL, BUILT_IN)


@pytest.mark.parametrize("port", ROOM, ids=lambda port: port.path)
def test_what_is_proposed_for_a_port_means_it_alone(port: Port) -> None:
    assert find_port(port.identity(ROOM), ROOM) == port.path


def test_the_proposed_identities_are_the_shortest_that_tell_apart() -> None:
    assert [port.identity(ROOM) for port in ROOM] == [
        "usb:0403:6001:A50285BI",
        "usb:0403:6001:B7",
        "usb:1a86:7523@1-1.4",
        "usb:1a86:7523@1-2",
        "usb:10c4:ea60:0001@2-1:1.0",
        "usb:10c4:ea60:0001@2-2:1.0",
        "/dev/ttyS0",
    ]


def test_an_adapter_is_found_under_another_name_and_in_another_socket() -> None:
    moved = Port("/dev/ttyUSB9", "0403:6001", "A50285BI", "3-4")
    assert find_port("usb:0403:6001:A50285BI", [OTHER_FTDI, moved]) == "/dev/ttyUSB9"


@pytest.mark.parametrize(
    ("meant", "said"),
    [
        ("usb:10c4:ea60:0001", '"usb:10c4:ea60:0001@2-1:1.0" (/dev/ttyUSB3), "usb:10c4:ea60:0001@2-2'),
        ("usb:1a86:7523", '"usb:1a86:7523@1-1.4" (/dev/ttyUSB2), "usb:1a86:7523@1-2" (COM7)'),
        ("usb:0403:6001", 'with the same chip there is "usb:0403:6001:A50285BI" (/dev/ttyUSB0)'),
        ("usb:0403:6001:C", 'there is "usb:0403:6001:A50285BI" (/dev/ttyUSB0), "usb:0403:6001:B7"'),
        ("usb:0403:6001@1-1.2", 'there is "usb:0403:6001:A50285BI"'),
        ("usb:067b:2303", "this adapter is not plugged in; plug it in"),
    ],
)  # fmt: skip
def test_what_is_not_one_port_is_no_port_and_says_what_to_write(meant: str, said: str) -> None:
    with pytest.raises(LinkLost) as lost:
        find_port(meant, ROOM)
    assert str(lost.value).startswith(f"{meant} : ")
    assert said in str(lost.value)


def test_a_plain_port_is_taken_as_it_stands() -> None:
    for plain in ("/dev/ttyUSB0", "COM3", "socket://10.0.0.5:4001", "rfc2217://host:23"):
        assert find_port(plain, ()) == plain


@pytest.mark.parametrize("wrong", ["usb:", "usb:403:6001", "usb:0403-6001", "usb:0403:6001:", "usb:0403:6001@"])  # fmt: skip
def test_a_wrong_identity_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no USB identity"):
        UsbIdentity.parse(wrong)


HEX4 = st.integers(0, 0xFFFF).map("{:04x}".format)
LOCATIONS = st.from_regex(r"[0-9]{1,2}-[0-9](\.[0-9]){0,3}(:1\.[0-9])?", fullmatch=True)
NUMBERS = st.from_regex(r"[0-9A-Za-z&_.+#-][0-9A-Za-z &_.+#-]{0,20}", fullmatch=True)


@given(HEX4, HEX4, st.none() | NUMBERS, st.none() | LOCATIONS)
def test_an_identity_is_read_as_it_is_written(
    vendor: str, product: str, number: str | None, location: str | None
) -> None:
    identity = UsbIdentity(f"{vendor}:{product}", number, location)
    assert UsbIdentity.parse(str(identity)) == identity


@given(
    st.lists(
        st.builds(
            Port,
            st.uuids().map(str),
            st.sampled_from(["0403:6001", "1a86:7523"]),
            st.sampled_from([None, "", "A", "B"]),
            st.sampled_from(["1-1", "1-2", "1-3"]),
        ),
        max_size=5,
    ),
    st.sampled_from(["0403:6001", "1a86:7523"]),
    st.sampled_from([None, "A", "B"]),
    st.sampled_from([None, "1-1", "1-2"]),
)
def test_a_port_is_found_only_where_it_is_the_only_one(
    plugged: list[Port], usb: str, number: str | None, location: str | None
) -> None:
    wanted = UsbIdentity(usb, number, location)
    fitting = [port.path for port in plugged if wanted.fits(port)]
    try:
        assert [find_port(str(wanted), plugged)] == fitting
    except LinkLost:
        assert len(fitting) != 1


def test_two_identities_that_no_adapter_could_share() -> None:
    one, any_socket = UsbIdentity("1a86:7523", None, "1-1"), UsbIdentity("1a86:7523")
    assert one.may_be(any_socket)
    assert any_socket.may_be(one)
    assert not one.may_be(UsbIdentity("1a86:7523", None, "1-2"))
    assert not one.may_be(UsbIdentity("1a86:7523", "A", "1-1"))
    assert not one.may_be(UsbIdentity("0403:6001", None, "1-1"))


def test_this_computers_ports_can_be_listed() -> None:
    for port in plugged_in():
        assert find_port(port.identity(plugged_in()), plugged_in()) == port.path
