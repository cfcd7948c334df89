"""Read and write the numbers of medical devices, never past the end of a frame, never through a float.

SFLOAT and FLOAT are the 16- and 32-bit decimal floats of ISO/IEEE 11073-20601 (annex F.7, F.8): a
two's-complement mantissa and a two's-complement exponent of ten. Their reserved values (not a number,
not at this resolution, the infinities, reserved) mean "could not measure" and are read as ``None``.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from devicehub.driver.failures import NotUnderstood

_SFLOAT_RESERVED = frozenset({0x07FE, 0x07FF, 0x0800, 0x0801, 0x0802})
_FLOAT_RESERVED = frozenset({0x007FFFFE, 0x007FFFFF, 0x00800000, 0x00800001, 0x00800002})
_SFLOAT_NAN = 0x07FF
_FLOAT_NAN = 0x007FFFFF
_LARGEST_NUMBER_TEXT = 24
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")


class Reader:
    """A cursor over the bytes of one part of a frame; little-endian unless a name says otherwise.

    Every method raises `NotUnderstood` with the offset when the bytes end too early.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    @property
    def left(self) -> int:
        """How many bytes have not been read yet."""
        return len(self._data) - self.at

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes as they are."""
        if self.left < count:
            raise NotUnderstood(f"{count} bytes wanted, {self.left} left", at=len(self._data))
        self.at += count
        return self._data[self.at - count : self.at]

    def skip(self, count: int) -> None:
        """Pass over ``count`` bytes."""
        self.take(count)

    def rest(self) -> bytes:
        """Everything not read yet."""
        return self.take(self.left)

    def end(self) -> None:
        """Nothing may follow: raises `NotUnderstood` at the first byte too many."""
        if self.left:
            raise NotUnderstood(f"{self.left} bytes too many", at=self.at)

    def unsigned(self, size: int, *, big: bool = False) -> int:
        """An unsigned integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big" if big else "little")

    def signed(self, size: int, *, big: bool = False) -> int:
        """A two's-complement integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big" if big else "little", signed=True)

    def u8(self) -> int:
        """One unsigned byte."""
        return self.unsigned(1)

    def u16(self) -> int:
        """Two bytes, unsigned, little-endian."""
        return self.unsigned(2)

    def u24(self) -> int:
        """Three bytes, unsigned, little-endian."""
        return self.unsigned(3)

    def u32(self) -> int:
        """Four bytes, unsigned, little-endian."""
        return self.unsigned(4)

    def s8(self) -> int:
        """One byte, two's complement."""
        return self.signed(1)

    def s16(self) -> int:
        """Two bytes, two's complement, little-endian."""
        return self.signed(2)

    def sfloat(self) -> Decimal | None:
        """A 16-bit SFLOAT: 12-bit mantissa, 4-bit exponent; ``None`` for its reserved values."""
        raw = self.u16()
        if raw in _SFLOAT_RESERVED:
            return None
        return _decimal(_twos(raw & 0x0FFF, 12), _twos(raw >> 12, 4))

    def float32(self) -> Decimal | None:
        """A 32-bit FLOAT: 24-bit mantissa, 8-bit exponent; ``None`` for its reserved values."""
        raw = self.u32()
        if raw in _FLOAT_RESERVED:
            return None
        return _decimal(_twos(raw & 0x00FFFFFF, 24), _twos(raw >> 24, 8))

    def date_time(self) -> str | None:
        """A seven-byte Date Time (GATT Specification Supplement 3.70), as `date_time` gives it."""
        at = self.at
        year, month, day = self.u16(), self.u8(), self.u8()
        hour, minute, second = self.u8(), self.u8(), self.u8()
        try:
            return date_time(year, month, day, hour, minute, second)
        except ValueError as error:
            raise NotUnderstood(f"not a date and time: {error}", at=at) from None


def _twos(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _decimal(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)


def date_time(year: int, month: int, day: int, hour: int, minute: int, second: int) -> str | None:
    """What a device said of a moment, ISO 8601 without zone; 0 means unknown for year, month and day.

    Partial dates keep what is known: ``2026-11T08:30:00`` without a day, ``--11-22T08:30:00`` without
    a year; ``None`` when no part of the date is known. Raises ``ValueError`` for a day that does not exist.
    """
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        raise ValueError(f"{hour:02}:{minute:02}:{second:02}")
    if not (year == 0 or 1582 <= year <= 9999):
        raise ValueError(f"year {year}")
    if not (month or day or year):
        return None
    # A leap year stands in for the unknown: 29 February must stay possible.
    datetime(year or 2000, month or 1, day or 1)  # noqa: DTZ001 - a calendar check, no moment in time
    if year and month and day:
        date = f"{year:04}-{month:02}-{day:02}"
    elif year:
        date = f"{year:04}-{month:02}" if month else f"{year:04}"
    else:
        date = f"--{month:02}-{day:02}"
    return f"{date}T{hour:02}:{minute:02}:{second:02}"


def encode_date_time(moment: datetime | None) -> bytes:
    """The seven bytes of a Date Time; ``None`` gives an unknown date at midnight."""
    if moment is None:
        return bytes(7)
    date = moment.year.to_bytes(2, "little") + bytes((moment.month, moment.day))
    return date + bytes((moment.hour, moment.minute, moment.second))


def encode_sfloat(value: Decimal | None) -> bytes:
    """The SFLOAT nearest to ``value`` that keeps its digits; ``None`` is not-a-number.

    Raises ``ValueError`` where twelve bits of mantissa cannot hold the value exactly.
    """
    if value is None:
        return _SFLOAT_NAN.to_bytes(2, "little")
    mantissa, exponent = _parts(value, mantissa_bits=12, exponent_bits=4)
    return ((exponent & 0xF) << 12 | mantissa & 0xFFF).to_bytes(2, "little")


def encode_float32(value: Decimal | None) -> bytes:
    """The FLOAT nearest to ``value`` that keeps its digits; ``None`` is not-a-number.

    Raises ``ValueError`` where 24 bits of mantissa cannot hold the value exactly.
    """
    if value is None:
        return _FLOAT_NAN.to_bytes(4, "little")
    mantissa, exponent = _parts(value, mantissa_bits=24, exponent_bits=8)
    return ((exponent & 0xFF) << 24 | mantissa & 0xFFFFFF).to_bytes(4, "little")


def _parts(value: Decimal, *, mantissa_bits: int, exponent_bits: int) -> tuple[int, int]:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is not a number")
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    # The five reserved codes lie at the top of the mantissa's range and exist at exponent 0 only.
    largest = (1 << (mantissa_bits - 1)) - 3
    lowest, highest = -(1 << (exponent_bits - 1)), (1 << (exponent_bits - 1)) - 1
    while exponent > highest and abs(mantissa) * 10 <= largest:
        mantissa, exponent = mantissa * 10, exponent - 1
    while (abs(mantissa) > largest or exponent < lowest) and mantissa % 10 == 0:
        if mantissa == 0:
            exponent = 0
            break
        mantissa, exponent = mantissa // 10, exponent + 1
    if abs(mantissa) > largest or not lowest <= exponent <= highest:
        raise ValueError(f"{value} needs more than {mantissa_bits} bits")
    return mantissa, exponent


def number(text: str, at: int | None = None) -> Decimal:
    """The number a device wrote as text (sign, digits, one point). Raises `NotUnderstood` ``at`` otherwise.

    Exponents, infinities, blanks inside and absurd lengths are not what a display shows.
    """
    bare = text.strip()
    if len(bare) > _LARGEST_NUMBER_TEXT or not _NUMBER.fullmatch(bare):
        raise NotUnderstood(f"not a number: {text!r}", at)
    return Decimal(bare)


def printed_value(text: str, at: int | None = None) -> Decimal | None:
    """At most three digits a device printed; ``None`` for blanks, dashes or zeros: it could not measure.

    Raises `NotUnderstood` ``at`` for anything else.
    """
    bare = text.strip(" ")
    if not bare.strip("-"):
        return None
    if len(bare) > 3 or not (bare.isascii() and bare.isdigit()):
        raise NotUnderstood(f"at most three digits expected, not {text!r}", at)
    return Decimal(bare) or None


def printed_time(digits: str, at: int | None = None) -> str | None:
    """The moment in ``yymmddHHMM`` or ``yymmddHHMMSS``, of this century, as `date_time` gives it.

    Raises `NotUnderstood` ``at`` for anything else.
    """
    if len(digits) not in (10, 12) or not (digits.isascii() and digits.isdigit()):
        raise NotUnderstood(f"a date and time expected, not {digits!r}", at)
    year, *rest = (int(digits[pair : pair + 2]) for pair in range(0, len(digits), 2))
    month, day, hour, minute, second = (*rest, 0)[:5]
    try:
        return date_time(2000 + year, month, day, hour, minute, second)
    except ValueError as error:
        raise NotUnderstood(f"not a date and time: {error}", at) from None


def decrypt_ccm(key: bytes, nonce: bytes, sealed: bytes, *, associated: bytes, tag: int) -> bytes:
    """The plain text of ``sealed``, whose last ``tag`` bytes prove it: AES-CCM (RFC 3610).

    Raises `NotUnderstood` where key, nonce, associated data or a single bit of it are not those it was sealed with.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - only sealed devices pay for it
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM  # noqa: PLC0415 - the same

    if len(sealed) < tag:
        raise NotUnderstood(f"{tag} bytes of authentication wanted, {len(sealed)} left")
    try:
        return AESCCM(key, tag_length=tag).decrypt(nonce, sealed, associated)
    except InvalidTag:
        raise NotUnderstood("not sealed with this key, or damaged") from None
    except ValueError as error:  # a key or nonce of a length the cipher does not know
        raise NotUnderstood(str(error)) from None


def encrypt_ccm(key: bytes, nonce: bytes, plain: bytes, *, associated: bytes, tag: int) -> bytes:
    """The inverse of `decrypt_ccm`: the cipher text, then ``tag`` bytes of authentication."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM  # noqa: PLC0415 - as above

    return AESCCM(key, tag_length=tag).encrypt(nonce, plain, associated)


def uuid16(short: int) -> str:
    """The name of a Bluetooth SIG attribute, as frames and links use it: four hexadecimal digits."""
    return f"{short:04x}"
