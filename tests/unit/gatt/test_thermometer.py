"""Temperature: vectors written out by hand from the GATT Specification Supplement, and encode against decode."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BodyTemperature, Frame, NotUnderstood, Said
from devicehub.driver.measurement import TemperatureSite
from devicehub.gatt import thermometer

SITES: dict[int, TemperatureSite | None] = {
    0: None,  # reserved
    1: "axilla",
    2: "body",
    3: "ear",
    4: "finger",
    5: "gastrointestinal",
    6: "mouth",
    7: "rectum",
    8: "toe",
    9: "tympanum",
    10: None,  # reserved
}


def decoded(*data: str) -> BodyTemperature:
    (found,) = thermometer.decode(Frame.of("2a1c", bytes.fromhex("".join(data))))
    assert isinstance(found, BodyTemperature)
    return found


def test_every_field() -> None:
    assert decoded("06", "720100ff", "ea07 0b 16 08 1e 06", "03") == BodyTemperature(
        celsius=Decimal("37.0"), device_time="2026-11-22T08:30:06", site="ear"
    )


def test_the_white_papers_example() -> None:
    assert decoded("00", "6c0100ff") == BodyTemperature(celsius=Decimal("36.4"))


def test_fahrenheit_is_converted_and_kept() -> None:
    assert decoded("01", "da0300ff") == BodyTemperature(
        celsius=Decimal(37), said={"celsius": Said(value=Decimal("98.6"), unit="[degF]")}
    )


@pytest.mark.parametrize("reserved", ["ffff7f00", "00008000", "feff7f00", "02008000", "01008000"])
def test_reserved_values_are_not_measured(reserved: str) -> None:
    assert decoded("00", reserved) == decoded("01", reserved) == BodyTemperature()


@pytest.mark.parametrize(("code", "site"), SITES.items())
def test_sites(code: int, site: TemperatureSite | None) -> None:
    assert decoded("04", "720100ff", f"{code:02x}").site == site


def test_the_site_may_be_read_once_beside_the_message() -> None:
    parts = (("2a1c", bytes.fromhex("00720100ff")), ("2a1d", b"\x06"))
    (found,) = thermometer.decode(Frame(parts))
    assert isinstance(found, BodyTemperature)
    assert found.site == "mouth"


def test_a_rising_temperature_is_an_early_estimate() -> None:
    (found,) = thermometer.decode_intermediate(Frame.of("2a1e", bytes.fromhex("00650100ff")))
    assert found == BodyTemperature(celsius=Decimal("35.7"), flags=("early_estimate",))


def test_nothing_may_follow_unless_a_reserved_flag_says_so() -> None:
    assert decoded("08", "720100ff", "aa").celsius == 37
    with pytest.raises(NotUnderstood, match="1 bytes too many") as error:
        decoded("00", "720100ff", "aa")
    assert error.value.at == 5


@given(
    celsius=st.none() | st.decimals(30, 45, places=2),
    site=st.none() | st.sampled_from([site for site in SITES.values() if site]),
    device_time=st.none() | st.just("2026-11-22T08:30:06"),
)
def test_what_is_encoded_is_decoded(
    celsius: Decimal | None, site: TemperatureSite | None, device_time: str | None
) -> None:
    measurement = BodyTemperature(celsius=celsius, site=site, device_time=device_time)
    assert decoded(thermometer.encode(measurement).hex()) == measurement
