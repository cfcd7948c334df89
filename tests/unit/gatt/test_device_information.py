"""What a device says of itself, read from written-out vectors."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from devicehub.driver import DeviceFacts, Frame, NotUnderstood, by_characteristic
from devicehub.gatt import device_information
from devicehub.gatt.device_information import encode_current_time

decode = by_characteristic(device_information.decoders())


def said(*parts: tuple[str, str]) -> DeviceFacts:
    (found,) = decode(Frame(tuple((on, bytes.fromhex(data)) for on, data in parts)))
    assert isinstance(found, DeviceFacts)
    return found


def test_everything_is_one_record() -> None:
    assert said(
        (
            "2a23",
            "debc9afeff563412",
        ),  # the System ID of the specification's example, last byte first
        ("2a24", "582d31"),
        ("2a25", "303100aa"),  # what follows a NUL is padding
        ("2a26", "20 312e30 20"),
        ("2a29", "c3a9"),
        ("2a19", "64"),
        ("2a2b", "ea07 0b 16 08 1e 0f 07 80 00"),
    ) == DeviceFacts(
        system_id="123456fffe9abcde",
        model="X-1",
        serial_number="01",
        firmware="1.0",
        maker="é",
        battery_percent=Decimal(100),
        clock="2026-11-22T08:30:15",
    )


def test_empty_text_says_nothing() -> None:
    assert said(("2a25", ""), ("2a24", "00")) == DeviceFacts()
    assert said(("2a25", "ff")).serial_number == "\N{REPLACEMENT CHARACTER}"


def test_a_battery_level_above_100_is_none() -> None:
    assert said(("2a19", "00")).battery_percent == 0
    assert said(("2a19", "64")).battery_percent == 100
    assert said(("2a19", "65"), ("2a25", "3031")) == DeviceFacts(serial_number="01")
    assert said(("2a19", "ff")).battery_percent is None


@pytest.mark.parametrize(
    "part", [("2a23", "debc9a"), ("2a23", "00" * 9), ("2a19", ""), ("2a2b", "ea070b16081e0f")]
)
def test_half_a_fact_is_not_understood(part: tuple[str, str]) -> None:
    with pytest.raises(NotUnderstood):
        said(part)


def test_the_current_time_in_ten_bytes() -> None:
    paris = timezone(timedelta(hours=1))
    sunday = datetime(2026, 11, 22, 8, 30, 15, 500_000, tzinfo=paris)
    assert encode_current_time(sunday).hex(" ") == "ea 07 0b 16 08 1e 0f 07 80 00"
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    assert encode_current_time(monday, reason=1).hex(" ") == "ea 07 0b 17 00 00 00 01 00 01"
