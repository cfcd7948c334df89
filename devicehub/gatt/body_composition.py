"""Body Composition Service 1.0.1 (0x181B): measurement, in one packet or two, and feature.

Layouts: GATT Specification Supplement, *Body Composition Measurement*, *Body Composition Feature*. A
measurement too long for one packet comes in two consecutive ones, each marked as half of it: both repeat
flags and body fat, the time stamp and the user are in the first only.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from devicehub.driver import (
    BodyComposition,
    DeviceFacts,
    Frame,
    Measurement,
    NotUnderstood,
    Reader,
    Said,
    encode_date_time,
    uuid16,
)
from devicehub.gatt import weight_scale

SERVICE = uuid16(0x181B)
MEASUREMENT = uuid16(0x2A9C)
FEATURE = uuid16(0x2A9B)

_IMPERIAL, _TIME, _USER, _HEIGHT, _HALF = 0x0001, 0x0002, 0x0004, 0x0800, 0x1000
_RESERVED_FLAGS = 0xE000
_PACKETS = 2
_TENTH, _ONE = Decimal("0.1"), Decimal(1)


class _Field(NamedTuple):
    flag: int
    name: str
    step: Decimal | None
    """What one step is worth; ``None`` for a mass, whose unit the flags tell."""


_FIELDS = (
    _Field(0x0008, "basal_metabolism_kilojoules", _ONE),
    _Field(0x0010, "muscle_percent", _TENTH),
    _Field(0x0020, "muscle_kilograms", None),
    _Field(0x0040, "fat_free_kilograms", None),
    _Field(0x0080, "soft_lean_kilograms", None),
    _Field(0x0100, "water_kilograms", None),
    _Field(0x0200, "impedance_ohms", _TENTH),
    _Field(0x0400, "kilograms", None),
)
_FEATURES = (
    "time_stamp",
    "multiple_users",
    "basal_metabolism",
    "muscle_percentage",
    "muscle_mass",
    "fat_free_mass",
    "soft_lean_mass",
    "body_water_mass",
    "impedance",
    "weight",
    "height",
)


class _Packet(NamedTuple):
    flags: int
    fat: Decimal | None
    device_time: str | None
    user_slot: int | None
    values: dict[str, Decimal | None]
    said: dict[str, Said]


def decode(frame: Frame) -> Iterator[Measurement]:
    """One composition (0x2A9C, indicated): one part, or the two halves of a long one.

    One half alone is not understood, or it would pass for the whole. The frame may carry the Weight
    Measurement the scale sent just before: its time and user stand in for those the composition does not
    have. Other fields beside an unsuccessful body fat are kept: a scale weighs those it cannot analyse, too.
    """
    packets = [_packet(data) for on, data in frame.parts if on == MEASUREMENT]
    weights = [Frame.of(on, data) for on, data in frame.parts if on == weight_scale.MEASUREMENT]
    if not packets or len(packets) + len(weights) != len(frame.parts) or len(weights) > 1:
        raise NotUnderstood("not the parts of one body composition")
    whole = packets[0] if len(packets) == 1 else _joined(packets)
    if len(packets) == 1 and whole.flags & _HALF:
        raise NotUnderstood("half a measurement, without its other half")
    device_time, user_slot = whole.device_time, whole.user_slot
    for weight in weights:
        told = next(iter(weight_scale.decode(weight)))
        if user_slot is not None and told.user_slot not in {None, user_slot}:
            raise NotUnderstood("weight and composition of two users")
        device_time = device_time or told.device_time
        user_slot = told.user_slot if user_slot is None else user_slot
    yield BodyComposition.model_validate(
        {
            "fat_percent": whole.fat,
            "device_time": device_time,
            "user_slot": user_slot,
            "said": whole.said or None,
            "flags": ("measurement_failed",) if whole.fat is None else (),
            **whole.values,
        }
    )


def is_half(data: bytes) -> bool:
    """Whether these bytes are one of the two packets of a measurement."""
    return len(data) > 1 and bool(int.from_bytes(data[:2], "little") & _HALF)


def _packet(data: bytes) -> _Packet:
    reader = Reader(data)
    flags = reader.u16()
    imperial = bool(flags & _IMPERIAL)
    fat = weight_scale.measured(reader, _TENTH)
    device_time = reader.date_time() if flags & _TIME else None
    user_slot = weight_scale.user(reader) if flags & _USER else None
    values: dict[str, Decimal | None] = {}
    said: dict[str, Said | None] = {}
    for field in _FIELDS:
        if not flags & field.flag:
            continue
        if field.step is None:
            values[field.name], said[field.name] = weight_scale.mass(reader, imperial=imperial)
        else:
            values[field.name] = weight_scale.measured(reader, field.step)
    if flags & _HEIGHT:
        values["centimetres"], said["centimetres"] = weight_scale.height(reader, imperial=imperial)
    # A flag reserved today announces fields of a later version; without one nothing may follow.
    if not flags & _RESERVED_FLAGS:
        reader.end()
    told = {name: value for name, value in said.items() if value is not None}
    return _Packet(flags, fat, device_time, user_slot, values, told)


def _joined(packets: list[_Packet]) -> _Packet:
    if len(packets) > _PACKETS or not all(packet.flags & _HALF for packet in packets):
        raise NotUnderstood("packets of several measurements")
    first, second = packets
    if (
        first.fat != second.fat
        or (first.flags ^ second.flags) & _IMPERIAL
        or second.flags & (_TIME | _USER)
        or first.values.keys() & second.values.keys()
    ):
        raise NotUnderstood("two halves of different measurements")
    return first._replace(values=first.values | second.values, said=first.said | second.said)


def encode(measurement: BodyComposition) -> bytes:
    """The bytes an analyser would send in one packet, in kilograms and metres.

    Raises ``ValueError`` for a value that is no whole number of steps.
    """
    fields = [
        (field.flag, weight_scale.encode_steps(value, field.step or weight_scale.FIELD.kilograms))
        for field in _FIELDS
        if (value := getattr(measurement, field.name)) is not None
    ]
    if measurement.centimetres is not None:
        fields.append((_HEIGHT, weight_scale.encode_steps(measurement.centimetres, _TENTH)))
    time, user = measurement.device_time, measurement.user_slot
    flags = (_TIME if time else 0) | (_USER if user is not None else 0)
    flags |= sum(flag for flag, _value in fields)
    return b"".join(
        (
            flags.to_bytes(2, "little"),
            weight_scale.encode_steps(measurement.fat_percent, _TENTH),
            encode_date_time(datetime.fromisoformat(time)) if time else b"",
            bytes([user]) if user is not None else b"",
            *(value for _flag, value in fields),
        )
    )


def decode_feature(data: bytes) -> DeviceFacts:
    """What the analyser can tell (0x2A9B), and how finely it weighs and knows heights."""
    bits = Reader(data).u32()
    return DeviceFacts(
        features=(
            *(name for i, name in enumerate(_FEATURES) if bits >> i & 1),
            *weight_scale.resolutions(bits >> 11 & 0x0F, bits >> 15 & 0x07),
        )
    )


def encode_feature(features: tuple[str, ...], *, mass_code: int = 0, height_code: int = 0) -> bytes:
    """The bytes that say these features. Raises ``ValueError`` for a name that is not one."""
    bits = sum(1 << _FEATURES.index(name) for name in features)
    return (bits | mass_code << 11 | height_code << 15).to_bytes(4, "little")
