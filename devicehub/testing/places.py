"""Where bytes came from, however a person writes it: the ``on`` of `devicehub drivers decode`.

A characteristic is its number (``2a35``, ``0x2A35``), its UUID with or without hyphens, or the name the SIG
gave it (``blood_pressure_measurement``), in any case. ``adv:181d`` is advertised service data, ``adv`` the
maker's data, ``-`` a serial line. A driver that only overhears takes ``181d`` for ``adv:181d``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType

from devicehub.driver import SERIAL, Driver, SerialDriver
from devicehub.driver.frame import short
from devicehub.gatt import (
    blood_pressure,
    body_composition,
    device_information,
    elapsed_time,
    enhanced_blood_pressure,
    generic_health_sensor,
    glucose,
    heart_rate,
    pulse_oximeter,
    thermometer,
    weight_scale,
)

NAMES = MappingProxyType(
    {
        "battery_level": device_information.BATTERY,
        "blood_pressure_feature": blood_pressure.FEATURE,
        "blood_pressure_measurement": blood_pressure.MEASUREMENT,
        "blood_pressure_record": enhanced_blood_pressure.RECORD,
        "body_composition_feature": body_composition.FEATURE,
        "body_composition_measurement": body_composition.MEASUREMENT,
        "body_sensor_location": heart_rate.LOCATION,
        "current_elapsed_time": elapsed_time.CURRENT,
        "current_time": device_information.CURRENT_TIME,
        "enhanced_blood_pressure_measurement": enhanced_blood_pressure.MEASUREMENT,
        "enhanced_intermediate_cuff_pressure": enhanced_blood_pressure.INTERMEDIATE,
        "firmware_revision_string": device_information.FIRMWARE,
        "glucose_feature": glucose.FEATURE,
        "glucose_measurement": glucose.MEASUREMENT,
        "glucose_measurement_context": glucose.CONTEXT,
        "heart_rate_measurement": heart_rate.MEASUREMENT,
        "intermediate_cuff_pressure": blood_pressure.INTERMEDIATE,
        "intermediate_temperature": thermometer.INTERMEDIATE,
        "live_health_observations": generic_health_sensor.LIVE,
        "manufacturer_name_string": device_information.MAKER,
        "model_number_string": device_information.MODEL,
        "plx_continuous_measurement": pulse_oximeter.CONTINUOUS,
        "plx_features": pulse_oximeter.FEATURE,
        "plx_spot_check_measurement": pulse_oximeter.SPOT,
        "serial_number_string": device_information.SERIAL_NUMBER,
        "stored_health_observations": generic_health_sensor.STORED,
        "system_id": device_information.SYSTEM_ID,
        "temperature_measurement": thermometer.MEASUREMENT,
        "temperature_type": thermometer.TYPE,
        "weight_measurement": weight_scale.MEASUREMENT,
        "weight_scale_feature": weight_scale.FEATURE,
    }
)
"""Characteristics by their name in the GATT Specification Supplement, words joined by ``_``."""

_NUMBER = re.compile(r"(?:0x|0000)?([0-9a-f]{4})")
_UUID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEXADECIMAL = re.compile(r"[0-9a-f]*")
_FOUR_DIGITS = re.compile(r"[0-9a-f]{4}")
_SIG_CHARACTERISTIC = re.compile(r"2[a-c][0-9a-f]{2}")
"""The numbers the SIG gives to characteristics (Assigned Numbers, 3.8) begin like this."""


class NoPlace(ValueError):
    """What was given names no place bytes can come from."""


def main_place(driver: Driver) -> str:
    """Where bytes come from that do not say."""
    return SERIAL if isinstance(driver, SerialDriver) else driver.main


def place(driver: Driver, text: str) -> str:
    """The place as frames name it. Raises `NoPlace`."""
    word = text.strip().rstrip(":").lower()
    if word in (SERIAL, "adv"):
        return word
    advertised = word.startswith("adv:")
    uuid = _uuid(word.removeprefix("adv:"))
    if uuid is None:
        raise NoPlace(
            f"{text!r} is no place: a characteristic (2a35, its UUID or its name), adv:181d, adv or -"
        )
    overhears = main_place(driver).startswith("adv:")
    return f"adv:{uuid}" if advertised or overhears else uuid


def leads(driver: Driver, words: Sequence[str]) -> bool:
    """Whether the first of several words is the place of the bytes in the others.

    Bytes written in groups of four digits look like a characteristic: then it is one only where the
    number is one of the SIG's, or where this driver's finished measurements come from.
    """
    if len(words) < 2:
        return False
    first, *rest = (word.lower().removeprefix("0x") for word in words)
    if isinstance(driver, SerialDriver):
        return first == SERIAL
    if _FOUR_DIGITS.fullmatch(first):
        in_fours = all(len(word) == 4 for word in rest[:-1]) and len(rest[-1]) in (2, 4)
        its_own = bool(_SIG_CHARACTERISTIC.fullmatch(first)) or first == main_place(driver)
        return its_own or not in_fours
    return not _HEXADECIMAL.fullmatch(first) and _is_place(driver, first)


def _is_place(driver: Driver, word: str) -> bool:
    try:
        place(driver, word)
    except NoPlace:
        return False
    return True


def _uuid(word: str) -> str | None:
    named = NAMES.get(re.sub(r"[ -]", "_", word))
    if named is not None:
        return named
    if number := _NUMBER.fullmatch(word):
        return number[1]
    if not _UUID.fullmatch(word):
        return None
    digits = word.replace("-", "")
    return short("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])))
