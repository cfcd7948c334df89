"""User Data Service 1.1 (0x181C): the user control point, and the profile a scale computes with.

Layouts: GATT Specification Supplement, *User Control Point*, *Date of Birth*, *Gender*, *Height*,
*Database Change Increment*. A scale for several people tells nothing before one of them has agreed with
the consent code of their slot: `consent` says it. Link secrets, both decimal digits as a person reads
them: ``user`` (the slot, 1 where not given) and ``pin`` (the consent code, 0 to 9999).
"""

from __future__ import annotations

from datetime import date
from typing import Literal, NamedTuple

from devicehub.driver import BleLink, NotUnderstood, Reader, Refused, uuid16

SERVICE = uuid16(0x181C)
BIRTH = uuid16(0x2A85)
SEX = uuid16(0x2A8C)
HEIGHT = uuid16(0x2A8E)
CHANGE = uuid16(0x2A99)
CONTROL = uuid16(0x2A9F)

REGISTER, CONSENT, DELETE, LIST, ANSWER = 0x01, 0x02, 0x03, 0x04, 0x20
SUCCESS, NOT_SUPPORTED, INVALID, FAILED, NOT_AUTHORIZED = 0x01, 0x02, 0x03, 0x04, 0x05
_RESULTS = {
    NOT_SUPPORTED: "it does not know this request",
    INVALID: "it has no such user, or the code is no number from 0 to 9999",
    FAILED: "it could not do it; all its users may be taken",
    NOT_AUTHORIZED: "the code is not the one of this user",
}
_ANSWERS_WITHIN = 10.0
_LARGEST_PIN = 9999
_LARGEST_USER = 254
_SEXES: tuple[Literal["male", "female", "unspecified"], ...] = ("male", "female", "unspecified")


class Answer(NamedTuple):
    """What a device answers on its control point: a new user's slot, or how many users there are."""

    asked: int
    result: int
    parameter: bytes


def encode_consent(user: int, pin: int) -> bytes:
    """Agree, as ``user``, that their data may be read and written on this connection."""
    if not 0 <= pin <= _LARGEST_PIN:
        raise ValueError("a consent code is a number from 0 to 9999")
    return bytes([CONSENT, user]) + pin.to_bytes(2, "little")


def encode_answer(asked: int, result: int, parameter: bytes = b"") -> bytes:
    """The bytes a device answers with."""
    return bytes([ANSWER, asked, result]) + parameter


def decode_answer(data: bytes) -> Answer:
    """What a device indicated on its control point. Raises `NotUnderstood` for anything but an answer."""
    reader = Reader(data)
    if reader.u8() != ANSWER:
        raise NotUnderstood("not an answer of a user control point", at=0)
    return Answer(reader.u8(), reader.u8(), reader.rest())


def encode_birth(birth: date | None) -> bytes:
    """Four bytes; ``None`` is unknown."""
    if birth is None:
        return bytes(4)
    return birth.year.to_bytes(2, "little") + bytes((birth.month, birth.day))


def encode_sex(sex: Literal["male", "female", "unspecified"]) -> bytes:
    """One byte."""
    return bytes([_SEXES.index(sex)])


def encode_height(centimetres: int) -> bytes:
    """Two bytes, in steps of 0.01 m."""
    return centimetres.to_bytes(2, "little")


def encode_change(count: int) -> bytes:
    """How often the profile was changed, counted by whoever changes it; it begins again after 2^32."""
    return (count & 0xFFFFFFFF).to_bytes(4, "little")


def decode_change(data: bytes) -> int:
    """How often the profile was changed."""
    reader = Reader(data)
    count = reader.u32()
    reader.end()
    return count


async def ask(link: BleLink, request: bytes) -> bytes:
    """Put a request to a control point that is subscribed; the answer's parameter.

    Raises `Refused` with the device's reason in words.
    """
    await link.write(CONTROL, request)
    data = await link.expect(CONTROL, prefix=bytes((ANSWER, request[0])), within=_ANSWERS_WITHIN)
    if len(data) < 3:
        raise Refused("la réponse de la balance est coupée / the scale's answer is cut short")
    answer = decode_answer(data)
    if answer.result != SUCCESS:
        reason = _RESULTS.get(answer.result, f"code 0x{answer.result:02x}")
        raise Refused(f"la balance refuse l'utilisateur / the scale refuses the user: {reason}")
    return answer.parameter


async def consent(link: BleLink) -> None:
    """Agree as the user whose PIN is kept, where the device has a control point and a PIN is kept.

    Raises `Refused` where the device does not accept it, or where ``user`` or ``pin`` is no number.
    """
    pin = link.secrets.get("pin")
    if CONTROL not in link.characteristics or pin is None:
        return
    await link.subscribe(CONTROL)
    user = _digits(link.secrets.get("user", b"1"), largest=_LARGEST_USER)
    await ask(link, encode_consent(user, _digits(pin, largest=_LARGEST_PIN)))


def _digits(secret: bytes, *, largest: int) -> int:
    if not secret.isdigit() or int(secret) > largest:
        raise Refused(
            f"utilisateur ou code de la balance : un nombre de 0 à {largest} / "
            f"user or code of the scale: a number from 0 to {largest}"
        )
    return int(secret)
