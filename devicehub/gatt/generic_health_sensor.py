"""Generic Health Sensor Service 1.0 (0x1840): live and stored observations.

An observation may need several notifications (`segmentation`); its content is `observation`, and
`observation_kinds` says which are ours. What one bundle says together (pressures and pulse, saturation and
pulse) becomes one measurement.
"""

from __future__ import annotations

from collections.abc import Iterator

from devicehub.driver import BleLink, Frame, Measurement, Reader, Refused, uuid16
from devicehub.gatt import observation, segmentation
from devicehub.gatt.observation import Observation
from devicehub.gatt.observation_kinds import measurements

SERVICE = uuid16(0x1840)
LIVE = uuid16(0x2B8B)
STORED = uuid16(0x2BDD)
CONTROL_POINT = uuid16(0x2BF4)

START_LIVE = b"\x01"
"""On the control point: send observations as they are made."""


def decode(frame: Frame) -> Iterator[Measurement]:
    """The measurements of one message, live (0x2B8B) or stored (0x2BDD, which starts with its record number)."""
    data = segmentation.joined(frame)
    reader = Reader(data)
    reader.skip(1)
    stored = frame.on == STORED
    record = reader.u32() if stored else None
    found = [one for one in observation.decode(data, reader.at) if one.quantities]
    if _can_be_joined(found):
        yield from measurements(_joined(found), record, stored=stored)
    else:
        for one in found:
            yield from measurements(one, record, stored=stored)


async def start(link: BleLink) -> None:
    """Tell the sensor to send observations as they are made, where it wants to be told."""
    if CONTROL_POINT in link.characteristics:
        try:
            await link.write(CONTROL_POINT, START_LIVE)
        except Refused:
            return  # A sensor that sends them anyway need not be told.


def _can_be_joined(found: list[Observation]) -> bool:
    """Whether a bundle says each thing once, of one person and one moment."""
    codes = [code for one in found for code in one.quantities]
    moments = {(one.user, one.stamp and one.stamp.local) for one in found}
    return len(codes) == len(set(codes)) and len(moments) <= 1


def _joined(found: list[Observation]) -> Observation:
    return Observation(
        quantities={code: quantity for one in found for code, quantity in one.quantities.items()},
        stamp=next((one.stamp for one in found if one.stamp), None),
        user=next((one.user for one in found if one.user is not None), None),
        supplemental=tuple(code for one in found for code in one.supplemental),
        flags=tuple(flag for one in found for flag in one.flags),
    )
