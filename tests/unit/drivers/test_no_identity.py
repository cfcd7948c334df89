"""Devices into which a card reader puts the patient's number: it never reaches a frame, and costs no value."""

from __future__ import annotations

import pytest

from devicehub.devices import registry
from devicehub.driver import BloodPressure, BodyWeight, Frame, Measurement, SerialDriver

NUMBER = b"1700175123456"


def summed(text: bytes) -> bytes:
    return text + bytes([sum(text) & 0xFF])


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
