"""The numbers of medical devices, against a formula of their own and against published examples."""

import subprocess
import sys
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import (
    NotUnderstood,
    Reader,
    date_time,
    decrypt_ccm,
    encode_date_time,
    encode_float32,
    encode_sfloat,
    encrypt_ccm,
    number,
    uuid16,
)

# ISO/IEEE 11073-20601, F.7 and F.8: not a number, not at this resolution, the infinities, reserved.
SFLOAT_RESERVED = (0x07FF, 0x0800, 0x07FE, 0x0802, 0x0801)
FLOAT_RESERVED = (0x007FFFFF, 0x00800000, 0x007FFFFE, 0x00800002, 0x00800001)


def by_the_book(raw: int, mantissa_bits: int, exponent_bits: int) -> Decimal:
    """Mantissa * 10 ** exponent, each read as text of bits, the first bit weighing minus."""
    bits = f"{raw:0{mantissa_bits + exponent_bits}b}"
    exponent, mantissa = (
        sum(
            int(bit) * 2 ** (len(field) - 1 - place) * (-1 if place == 0 else 1)
            for place, bit in enumerate(field)
        )
        for field in (bits[:exponent_bits], bits[exponent_bits:])
    )
    return Decimal(f"{mantissa}e{exponent}")


@given(st.integers(0, 0xFFFF).filter(lambda raw: raw not in SFLOAT_RESERVED))
def test_sfloat_is_its_formula(raw: int) -> None:
    value = Reader(raw.to_bytes(2, "little")).sfloat()
    assert value == by_the_book(raw, 12, 4)


@given(st.integers(0, 0xFFFFFFFF).filter(lambda raw: raw not in FLOAT_RESERVED))
def test_float_is_its_formula(raw: int) -> None:
    value = Reader(raw.to_bytes(4, "little")).float32()
    assert value == by_the_book(raw, 24, 8)


@pytest.mark.parametrize("raw", SFLOAT_RESERVED)
def test_reserved_sfloats_mean_could_not_measure(raw: int) -> None:
    assert Reader(raw.to_bytes(2, "little")).sfloat() is None
    assert Reader((raw | 0x1000).to_bytes(2, "little")).sfloat() is not None  # at exponent 0 only


@pytest.mark.parametrize("raw", FLOAT_RESERVED)
def test_reserved_floats_mean_could_not_measure(raw: int) -> None:
    assert Reader(raw.to_bytes(4, "little")).float32() is None
    assert Reader((raw | 0x01000000).to_bytes(4, "little")).float32() is not None


def test_published_examples() -> None:
    # Bluetooth SIG, Personal Health Devices Transcoding White Paper: 114 mmHg, 0.00118 kg/l, 36.4 °C
    assert Reader(bytes.fromhex("7200")).sfloat() == Decimal(114)
    assert Reader(bytes.fromhex("76b0")).sfloat() == Decimal("0.00118")
    assert Reader(bytes.fromhex("6c0100ff")).float32() == Decimal("36.4")


sfloats = st.builds(Decimal.scaleb, st.integers(-2045, 2045).map(Decimal), st.integers(-8, 7))
floats = st.builds(
    Decimal.scaleb, st.integers(-(2**23) + 3, 2**23 - 3).map(Decimal), st.integers(-128, 127)
)


@given(sfloats)
def test_sfloat_decodes_what_it_encodes(value: Decimal) -> None:
    assert Reader(encode_sfloat(value)).sfloat() == value


@given(floats)
def test_float_decodes_what_it_encodes(value: Decimal) -> None:
    assert Reader(encode_float32(value)).float32() == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3))
def test_a_number_that_does_not_fit_is_refused_never_rounded(value: Decimal) -> None:
    try:
        encoded = encode_sfloat(value)
    except ValueError:
        return
    assert Reader(encoded).sfloat() == value


def test_nothing_is_encoded_as_not_a_number() -> None:
    assert encode_sfloat(None) == b"\xff\x07"
    assert encode_float32(None) == b"\xff\xff\x7f\x00"
    for value in (Decimal("NaN"), Decimal("Infinity"), Decimal(2047)):
        with pytest.raises(ValueError, match=r"number|bits"):
            encode_sfloat(value)
    assert Reader(encode_sfloat(Decimal("1e9"))).sfloat() == Decimal("1e9")
    assert Reader(encode_sfloat(Decimal("0e-30"))).sfloat() == 0


@given(st.binary(max_size=40), st.lists(st.integers(0, 12), max_size=8))
def test_a_reader_never_passes_the_end(data: bytes, sizes: list[int]) -> None:
    reader = Reader(data)

    def take_all() -> bytes:
        return b"".join(reader.take(size) for size in sizes)

    if sum(sizes) > len(data):
        with pytest.raises(NotUnderstood) as error:
            take_all()
        assert error.value.at == len(data)
        return
    taken = take_all()
    assert reader.left == len(data) - len(taken)
    assert taken + reader.rest() == data
    reader.end()


def test_integers_of_every_width() -> None:
    data = bytes.fromhex("01 0203 040506 0708090a fe fdff 0b0c")
    reader = Reader(data)
    assert (reader.u8(), reader.u16(), reader.u24(), reader.u32()) == (
        0x01,
        0x0302,
        0x060504,
        0x0A090807,
    )
    assert (reader.s8(), reader.s16()) == (-2, -3)
    assert reader.unsigned(2, big=True) == 0x0B0C
    assert Reader(b"\xff\xfe").signed(2, big=True) == -2
    with pytest.raises(NotUnderstood, match="2 bytes too many") as error:
        Reader(bytes(2)).end()
    assert error.value.at == 0
    assert uuid16(0x2A35) == "2a35"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((2026, 11, 22, 8, 30, 15), "2026-11-22T08:30:15"),
        ((2026, 11, 0, 8, 30, 15), "2026-11T08:30:15"),
        ((2026, 0, 0, 8, 30, 15), "2026T08:30:15"),
        ((0, 11, 22, 8, 30, 15), "--11-22T08:30:15"),
        ((0, 2, 29, 0, 0, 0), "--02-29T00:00:00"),
        ((0, 0, 0, 8, 30, 15), None),
    ],
)
def test_partial_dates_keep_what_is_known(
    parts: tuple[int, int, int, int, int, int], said: str | None
) -> None:
    assert date_time(*parts) == said


@pytest.mark.parametrize(
    "parts",
    [
        (2026, 2, 29, 0, 0, 0),
        (2026, 13, 1, 0, 0, 0),
        (2026, 1, 32, 0, 0, 0),
        (1581, 1, 1, 0, 0, 0),
        (2026, 1, 1, 24, 0, 0),
        (2026, 1, 1, 0, 60, 0),
        (0, 0, 0, 0, 0, 60),
    ],
)
def test_a_moment_that_does_not_exist_is_refused(
    parts: tuple[int, int, int, int, int, int],
) -> None:
    with pytest.raises(ValueError, match=r"\d|day|month"):
        date_time(*parts)
    data = parts[0].to_bytes(2, "little") + bytes(parts[1:])
    with pytest.raises(NotUnderstood, match="not a date and time") as error:
        Reader(data).date_time()
    assert error.value.at == 0


FIRST_YEAR = datetime(1582, 1, 1)  # noqa: DTZ001 - a device's date has no zone


@given(st.datetimes(min_value=FIRST_YEAR).map(lambda m: m.replace(microsecond=0)))
def test_a_date_decodes_as_it_was_encoded(moment: datetime) -> None:
    assert Reader(encode_date_time(moment)).date_time() == moment.isoformat()


def test_an_unknown_date_is_seven_zeros() -> None:
    assert encode_date_time(None) == bytes(7)
    assert Reader(bytes(7)).date_time() is None


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=4).filter(lambda d: abs(d) < 10**12)
)
def test_a_written_number_is_exact(value: Decimal) -> None:
    assert number(f"  {value:f} ") == value
    assert str(number(f"{value:+f}")) == f"{value:f}"


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", ".", "+-5", "1,5", "1 5", "1e5", "NaN", "0x10", "１", "1_0", "1" * 25, "--1"],
)
def test_what_no_display_shows_is_no_number(text: str) -> None:
    with pytest.raises(NotUnderstood, match="not a number") as error:
        number(text, at=4)
    assert error.value.at == 4


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_not_understood(text: str) -> None:
    try:
        value = number(text)
    except NotUnderstood:
        return
    assert value.is_finite()


# RFC 3610, section 8, packet vector 1.
CCM_KEY = bytes.fromhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
CCM_NONCE = bytes.fromhex("00000003020100a0a1a2a3a4a5")
CCM_ASSOCIATED, CCM_PLAIN = bytes(range(8)), bytes(range(8, 31))
CCM_SEALED = bytes.fromhex("588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0")


def test_ccm_is_the_one_of_the_rfc() -> None:
    sealed = encrypt_ccm(CCM_KEY, CCM_NONCE, CCM_PLAIN, associated=CCM_ASSOCIATED, tag=8)
    assert sealed == CCM_SEALED
    plain = decrypt_ccm(CCM_KEY, CCM_NONCE, sealed, associated=CCM_ASSOCIATED, tag=8)
    assert plain == CCM_PLAIN


@given(bit=st.integers(0, 8 * len(CCM_SEALED) - 1))
def test_a_flipped_bit_breaks_the_seal(bit: int) -> None:
    damaged = bytearray(CCM_SEALED)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(NotUnderstood, match="not sealed with this key"):
        decrypt_ccm(CCM_KEY, CCM_NONCE, bytes(damaged), associated=CCM_ASSOCIATED, tag=8)


@pytest.mark.parametrize(
    ("key", "nonce", "sealed"),
    [(b"short", CCM_NONCE, CCM_SEALED), (CCM_KEY, b"", CCM_SEALED), (CCM_KEY, CCM_NONCE, b"tag")],
)
def test_a_key_nonce_or_tag_of_another_length_is_not_understood(
    key: bytes, nonce: bytes, sealed: bytes
) -> None:
    with pytest.raises(NotUnderstood):
        decrypt_ccm(key, nonce, sealed, associated=CCM_ASSOCIATED, tag=8)


def test_plain_drivers_do_not_load_the_cipher() -> None:
    program = "import sys, devicehub.driver, devicehub_drivers.xiaomi_s400; "
    program += "sys.exit('cryptography' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
