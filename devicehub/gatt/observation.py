"""Observations of the Abstract Content Model (ISO/IEEE 11073-10206) as Generic Health Sensors pack them.

Layout (Generic Health Sensor Service 1.0, *Live Health Observations*): class u8, length u16, flags u16, then
what the flags announce (type u32, time stamp 9 octets, duration FLOAT, status u16, object u32, patient u8,
supplemental codes, derived from, member of, attributes), then the value by class. All little-endian. Codes
are those of ISO/IEEE 11073-10101 with their partition in the upper half.

The length counts what follows it; one public implementation counts class and length too: whichever adds up
for the whole message holds for every observation in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from devicehub.driver import Flag, NotUnderstood, Reader, encode_float32
from devicehub.gatt.elapsed_time import Stamp

NUMERIC, DISCRETE, STRING, SAMPLES, EVENTS, STATE, COMPOUND, ATTRIBUTES, BUNDLE = (
    *range(1, 9),
    0xFF,
)

_TYPE, _TIME, _DURATION, _STATUS, _OBJECT = 0x001, 0x002, 0x004, 0x008, 0x010
_PATIENT, _SUPPLEMENTAL, _DERIVED, _MEMBER, _ATTRIBUTES = 0x020, 0x040, 0x080, 0x100, 0x200
_HEADER = 3
_NO_VALUE = 0x05
"""Status bits 0 (invalid) and 2 (not available)."""

_STATUS_BITS: Mapping[int, tuple[Flag, ...]] = {
    0: ("measurement_failed",),
    1: ("questionable",),
    2: ("measurement_failed",),
    # From here public sources disagree by one bit about: calibrating, test data, early estimate, entered
    # by hand. Each bit gets what both could mean; none of it is a patient's finished value.
    3: ("questionable",),
    4: ("questionable", "demo_data"),
    5: ("demo_data", "early_estimate"),
    6: ("early_estimate", "demo_data"),
}


class Quantity(NamedTuple):
    """A number and its unit (the lower half of its MDC_DIM code); ``at`` is where the unit stands."""

    value: Decimal | None
    unit: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One observation: its quantities by MDC code, a compound's components or its own type for a numeric."""

    quantities: Mapping[int, Quantity] = field(default_factory=dict)
    stamp: Stamp | None = None
    user: int | None = None
    supplemental: tuple[int, ...] = ()
    flags: tuple[Flag, ...] = ()


def decode(data: bytes, at: int) -> list[Observation]:
    """The observations from ``at`` to the end, a bundle's one by one with what the bundle says for all."""
    reader = Reader(data)
    reader.skip(at + 1)
    length, left = reader.u16(), reader.left
    if length not in (left, left + _HEADER):
        raise NotUnderstood(f"{length} octets announced, {left} follow", at=at + 1)
    return _read(data, at, len(data), 0 if length == left else _HEADER, Observation(), None)


def encode_numeric(value: Decimal | None, unit: int) -> bytes:
    """The value of a numeric observation, without its header."""
    return unit.to_bytes(2, "little") + encode_float32(value)


def encode_compound(components: Mapping[int, tuple[Decimal | None, int]]) -> bytes:
    """The value of a compound of numbers: MDC code → value and unit."""
    data = bytes([len(components)])
    for code, (value, unit) in components.items():
        data += code.to_bytes(4, "little") + bytes([NUMERIC]) + encode_numeric(value, unit)
    return data


def encode(
    kind: int,
    value: bytes,
    *,
    code: int | None = None,
    stamp: bytes = b"",
    user: int | None = None,
    supplemental: tuple[int, ...] = (),
) -> bytes:
    """A whole observation of class ``kind`` around the bytes of its value."""
    flags = (
        (_TYPE if code is not None else 0)
        | (_TIME if stamp else 0)
        | (_PATIENT if user is not None else 0)
        | (_SUPPLEMENTAL if supplemental else 0)
    )
    body = flags.to_bytes(2, "little")
    body += code.to_bytes(4, "little") if code is not None else b""
    body += stamp
    body += bytes([user]) if user is not None else b""
    if supplemental:
        codes = b"".join(code.to_bytes(4, "little") for code in supplemental)
        body += bytes([len(supplemental)]) + codes
    body += value
    return bytes([kind]) + len(body).to_bytes(2, "little") + body


def encode_bundle(
    observations: list[bytes], *, stamp: bytes = b"", user: int | None = None
) -> bytes:
    """A bundle of whole observations, with what is the same for all of them."""
    return encode(
        BUNDLE, bytes([len(observations)]) + b"".join(observations), stamp=stamp, user=user
    )


def _read(
    data: bytes, at: int, end: int, counted: int, common: Observation, code: int | None
) -> list[Observation]:
    reader = Reader(data[:end])
    reader.skip(at)
    kind = reader.u8()
    reader.skip(2)
    flags = reader.u16()
    code = reader.u32() if flags & _TYPE else code
    stamp = Stamp(reader) if flags & _TIME else common.stamp
    reader.skip(4 if flags & _DURATION else 0)
    status = reader.u16() if flags & _STATUS else 0
    reader.skip(4 if flags & _OBJECT else 0)
    user = reader.u8() if flags & _PATIENT else common.user
    supplemental = _codes(reader) if flags & _SUPPLEMENTAL else ()
    for flag in (_DERIVED, _MEMBER):
        if flags & flag:
            _codes(reader)
    if flags & _ATTRIBUTES:
        _skip_attributes(reader)
    described = Observation(
        stamp=stamp,
        user=user,
        supplemental=common.supplemental + supplemental,
        flags=common.flags
        + tuple(f for b, fs in _STATUS_BITS.items() if status >> b & 1 for f in fs),
    )
    if kind == BUNDLE:
        return _members(data, reader, counted, described, code)
    quantities = _quantities(reader, kind, code)
    if "measurement_failed" in described.flags:
        quantities = {c: q._replace(value=None) for c, q in quantities.items()}
    return [replace(described, quantities=quantities)]


def _members(
    data: bytes, reader: Reader, counted: int, common: Observation, code: int | None
) -> list[Observation]:
    found: list[Observation] = []
    for _ in range(reader.u8()):
        start = reader.at
        kind = reader.u8()
        if kind == BUNDLE:
            raise NotUnderstood("a bundle inside a bundle", at=start)
        length = reader.u16() - counted
        if length < 0:
            raise NotUnderstood("an observation shorter than its header", at=start + 1)
        reader.skip(length)
        found += _read(data, start, reader.at, counted, common, code)
    reader.end()
    return found


def _quantities(reader: Reader, kind: int, code: int | None) -> dict[int, Quantity]:
    found: dict[int, Quantity] = {}
    if kind == NUMERIC:
        if code is None:
            raise NotUnderstood(
                "a number of nothing: no type, neither here nor in the bundle", at=reader.at
            )
        found[code] = _quantity(reader)
    elif kind == COMPOUND:
        for _ in range(reader.u8()):
            at, component, its_kind = reader.at, reader.u32(), reader.u8()
            if component in found:
                raise NotUnderstood(f"component {component} twice", at=at)
            if its_kind == NUMERIC:
                found[component] = _quantity(reader)
            else:
                _skip_value(reader, its_kind)
    elif kind in (SAMPLES, ATTRIBUTES):
        reader.rest()  # nothing of ours
    else:
        _skip_value(reader, kind)
    reader.end()
    return found


def _quantity(reader: Reader) -> Quantity:
    at = reader.at
    unit = reader.u16()
    return Quantity(reader.float32(), unit, at)


def _skip_value(reader: Reader, kind: int) -> None:
    if kind == DISCRETE:
        reader.skip(4)
    elif kind == STRING:
        reader.skip(reader.u16())
    elif kind == EVENTS:
        reader.skip(4 * reader.u8())
    elif kind == STATE:
        reader.skip(3 * reader.u8())
    else:
        raise NotUnderstood(f"a value of class {kind}", at=reader.at - 1)


def _codes(reader: Reader) -> tuple[int, ...]:
    return tuple(reader.u32() for _ in range(reader.u8()))


def _skip_attributes(reader: Reader) -> None:
    for _ in range(reader.u8()):
        reader.skip(4)
        length = reader.u16()
        reader.skip(1 + length)
