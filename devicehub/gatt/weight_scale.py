"""Weight Scale Service 1.0.1 (0x181D): measurement and feature.

Layouts: GATT Specification Supplement, *Weight Measurement*, *Weight Scale Feature*. A scale indicates a
weight when it has one; the layout has no bit for a weight that still moves, so ``stable`` stays unsaid.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from devicehub.driver import (
    BodyHeight,
    BodyMassIndex,
    BodyWeight,
    Decode,
    DeviceFacts,
    Frame,
    Measurement,
    Reader,
    Said,
    centimetres,
    encode_date_time,
    kilograms,
    uuid16,
)

SERVICE = uuid16(0x181D)
MEASUREMENT = uuid16(0x2A9D)
FEATURE = uuid16(0x2A9E)

UNSUCCESSFUL = 0xFFFF
UNKNOWN_USER = 255
_IMPERIAL, _TIME, _USER, _BMI_AND_HEIGHT = 0x01, 0x02, 0x04, 0x08
_KNOWN_FLAGS = 0x0F
_BMI_STEP = Decimal("0.1")
_TENTH = Decimal("0.1")


class Resolution(NamedTuple):
    """What one step of a mass field is worth."""

    kilograms: Decimal
    pounds: Decimal


RESOLUTIONS = {
    1: Resolution(Decimal("0.5"), Decimal(1)),
    2: Resolution(Decimal("0.2"), Decimal("0.5")),
    3: Resolution(Decimal("0.1"), Decimal("0.2")),
    4: Resolution(Decimal("0.05"), Decimal("0.1")),
    5: Resolution(Decimal("0.02"), Decimal("0.05")),
    6: Resolution(Decimal("0.01"), Decimal("0.02")),
    7: Resolution(Decimal("0.005"), Decimal("0.01")),
}
"""Codes of the feature characteristics. They tell how finely a scale weighs: mass fields always count in
the steps of code 7, whatever the feature says."""
HEIGHT_RESOLUTIONS = {1: "0.01_m", 2: "0.005_m", 3: "0.001_m"}
FIELD = RESOLUTIONS[7]

_FEATURES = ("time_stamp", "multiple_users", "body_mass_index")


def decode(frame: Frame) -> Iterator[Measurement]:
    """A weight (0x2A9D, indicated), and the body mass index and height the scale put beside it.

    An unsuccessful weight stands alone: the service disables the other fields then. A body mass index or
    height of 0 was not computed, and is not told: scales without a profile of the user send it.
    """
    return _decode(frame, FIELD)


def decoder(step: Resolution) -> Decode:
    """The decoder for a model whose weights count in other steps than the service's."""
    return lambda frame: _decode(frame, step)


def _decode(frame: Frame, step: Resolution) -> Iterator[Measurement]:
    reader = Reader(frame.data)
    flags = reader.u8()
    imperial = bool(flags & _IMPERIAL)
    weight, said = mass(reader, imperial=imperial, step=step)
    device_time = reader.date_time() if flags & _TIME else None
    user_slot = user(reader) if flags & _USER else None
    index = length = None
    length_said = None
    if flags & _BMI_AND_HEIGHT:
        index = measured(reader, _BMI_STEP)
        length, length_said = height(reader, imperial=imperial)
    # A flag reserved today announces fields of a later version; without one nothing may follow.
    if not flags & ~_KNOWN_FLAGS:
        reader.end()
    yield BodyWeight(
        kilograms=weight,
        device_time=device_time,
        user_slot=user_slot,
        said={"kilograms": said} if said else None,
        flags=("measurement_failed",) if weight is None else (),
    )
    if weight is None:
        return
    if index:
        yield BodyMassIndex(
            kilograms_per_square_metre=index, device_time=device_time, user_slot=user_slot
        )
    if length:
        yield BodyHeight(
            centimetres=length,
            device_time=device_time,
            user_slot=user_slot,
            said={"centimetres": length_said} if length_said else None,
        )


def measured(reader: Reader, step: Decimal) -> Decimal | None:
    """A two-byte field that counts in ``step``; ``None`` for 0xFFFF, "measurement unsuccessful"."""
    raw = reader.u16()
    return None if raw == UNSUCCESSFUL else raw * step


def mass(
    reader: Reader, *, imperial: bool, step: Resolution = FIELD
) -> tuple[Decimal | None, Said | None]:
    """A mass field in kilograms, and what the scale said where that was pounds."""
    value = measured(reader, step.pounds if imperial else step.kilograms)
    if value is None or not imperial:
        return value, None
    return kilograms(value), Said(value=value, unit="[lb_av]")


def height(reader: Reader, *, imperial: bool) -> tuple[Decimal | None, Said | None]:
    """A height field (0.001 m or 0.1 in) in centimetres, and what the scale said where that was inches."""
    value = measured(reader, _TENTH)
    if value is None or not imperial:
        return value, None
    return centimetres(value), Said(value=value, unit="[in_i]")


def user(reader: Reader) -> int | None:
    """A user index; ``None`` for 255, "unknown user"."""
    index = reader.u8()
    return None if index == UNKNOWN_USER else index


def encode(
    weight: BodyWeight, index: BodyMassIndex | None = None, height: BodyHeight | None = None
) -> bytes:
    """The bytes a scale would send, in kilograms and metres, with the optional fields there are.

    Raises ``ValueError`` for a value that is no whole number of steps.
    """
    beside = index is not None or height is not None
    flags = (
        (_TIME if weight.device_time else 0)
        | (_USER if weight.user_slot is not None else 0)
        | (_BMI_AND_HEIGHT if beside else 0)
    )
    data = bytes([flags]) + encode_steps(weight.kilograms, FIELD.kilograms)
    if weight.device_time:
        data += encode_date_time(datetime.fromisoformat(weight.device_time))
    if weight.user_slot is not None:
        data += bytes([weight.user_slot])
    if beside:
        data += encode_steps(index.kilograms_per_square_metre if index else Decimal(0), _BMI_STEP)
        data += encode_steps(height.centimetres if height else Decimal(0), _TENTH)
    return data


def encode_steps(value: Decimal | None, step: Decimal) -> bytes:
    """A two-byte field that counts in ``step``; ``None`` is "measurement unsuccessful"."""
    if value is None:
        return UNSUCCESSFUL.to_bytes(2, "little")
    count, rest = divmod(value, step)
    if rest or not 0 <= count < UNSUCCESSFUL:
        raise ValueError(f"{value} is no whole number of steps of {step}")
    return int(count).to_bytes(2, "little")


def decode_feature(data: bytes) -> DeviceFacts:
    """What the scale can tell (0x2A9E), and how finely it weighs and knows heights."""
    bits = Reader(data).u32()
    return DeviceFacts(
        features=(
            *(name for i, name in enumerate(_FEATURES) if bits >> i & 1),
            *resolutions(bits >> 3 & 0x0F, bits >> 7 & 0x07),
        )
    )


def resolutions(mass_code: int, height_code: int) -> Iterator[str]:
    """The names of two resolution codes; nothing for one that is not specified or reserved."""
    if mass_code in RESOLUTIONS:
        yield f"mass_resolution_{RESOLUTIONS[mass_code].kilograms}_kg"
    if height_code in HEIGHT_RESOLUTIONS:
        yield f"height_resolution_{HEIGHT_RESOLUTIONS[height_code]}"


def encode_feature(features: tuple[str, ...], *, mass_code: int = 0, height_code: int = 0) -> bytes:
    """The bytes that say these features. Raises ``ValueError`` for a name that is not one."""
    bits = sum(1 << _FEATURES.index(name) for name in features)
    return (bits | mass_code << 3 | height_code << 7).to_bytes(4, "little")
