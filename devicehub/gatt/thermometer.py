"""Health Thermometer Service 1.0 (0x1809): measurement and intermediate temperature.

Layouts: GATT Specification Supplement, *Temperature Measurement*, *Intermediate Temperature*,
*Temperature Type*.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from devicehub.driver import (
    BodyTemperature,
    Frame,
    Measurement,
    Reader,
    Said,
    celsius,
    encode_date_time,
    encode_float32,
    uuid16,
)
from devicehub.driver.measurement import TemperatureSite

SERVICE = uuid16(0x1809)
MEASUREMENT = uuid16(0x2A1C)
INTERMEDIATE = uuid16(0x2A1E)
TYPE = uuid16(0x2A1D)

_FAHRENHEIT, _TIME, _TYPE = 0x01, 0x02, 0x04
_KNOWN_FLAGS = 0x07

_SITES: dict[int, TemperatureSite] = {
    1: "axilla",
    2: "body",
    3: "ear",
    4: "finger",
    5: "gastrointestinal",
    6: "mouth",
    7: "rectum",
    8: "toe",
    9: "tympanum",
}


def decode(frame: Frame) -> Iterator[Measurement]:
    """One temperature: finished on 0x2A1C (indicated), still rising on 0x2A1E (notified).

    A frame may carry the Temperature Type characteristic as a second part, read once from a device that
    does not repeat its site in every message.
    """
    parts = dict(frame.parts)
    reader = Reader(frame.parts[0][1])
    flags = reader.u8()
    value = reader.float32()
    device_time = reader.date_time() if flags & _TIME else None
    site = reader.u8() if flags & _TYPE else (parts.get(TYPE) or b"\0")[0]
    if not flags & ~_KNOWN_FLAGS:
        reader.end()
    said = None
    if flags & _FAHRENHEIT and value is not None:
        said = {"celsius": Said(value=value, unit="[degF]")}
        value = celsius(value)
    yield BodyTemperature(
        celsius=value,
        site=_SITES.get(site),
        device_time=device_time,
        said=said,
    )


def decode_intermediate(frame: Frame) -> Iterator[Measurement]:
    """A temperature that has not settled yet (0x2A1E): the same layout, marked as an early estimate."""
    for measurement in decode(frame):
        yield measurement.model_copy(update={"flags": ("early_estimate",)})


def encode(measurement: BodyTemperature) -> bytes:
    """The bytes a thermometer would send, in degrees Celsius."""
    flags = (_TIME if measurement.device_time else 0) | (_TYPE if measurement.site else 0)
    data = bytes([flags]) + encode_float32(measurement.celsius)
    if measurement.device_time:
        data += encode_date_time(datetime.fromisoformat(measurement.device_time))
    if measurement.site:
        data += bytes(code for code, site in _SITES.items() if site == measurement.site)
    return data
