"""User data: vectors written out by hand from the GATT Specification Supplement and the User Data Service."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import NotUnderstood
from devicehub.gatt import user_data
from devicehub.gatt.user_data import Answer


def test_requests() -> None:
    assert user_data.encode_consent(2, 9999) == b"\x02\x02\x0f\x27"
    for pin in (-1, 10_000):
        with pytest.raises(ValueError, match="0 to 9999"):
            user_data.encode_consent(1, pin)


def test_answers() -> None:
    said = bytes.fromhex("20010105")
    assert user_data.decode_answer(said) == Answer(user_data.REGISTER, user_data.SUCCESS, b"\x05")
    assert user_data.encode_answer(user_data.REGISTER, user_data.SUCCESS, b"\x05") == said
    for data in ("", "2002", "020101"):
        with pytest.raises(NotUnderstood):
            user_data.decode_answer(bytes.fromhex(data))


def test_profile() -> None:
    assert user_data.encode_birth(date(1970, 1, 1)) == bytes.fromhex("b2070101")
    assert user_data.encode_birth(None) == bytes(4)
    assert user_data.encode_height(165) == bytes.fromhex("a500")
    assert user_data.encode_sex("male") == b"\x00"
    assert user_data.encode_sex("female") == b"\x01"
    assert user_data.encode_sex("unspecified") == b"\x02"
    assert user_data.encode_change(2**32 + 7) == bytes.fromhex("07000000")


@given(st.integers(0, 0xFFFFFFFF))
def test_a_count_that_is_encoded_is_decoded(count: int) -> None:
    assert user_data.decode_change(user_data.encode_change(count)) == count
