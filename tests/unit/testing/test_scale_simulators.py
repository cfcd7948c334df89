"""The simulated scales: their truth is what their bytes say, and they are silent until somebody has agreed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import Frame
from devicehub.gatt import user_data
from devicehub.testing.simulator import Message
from devicehub.testing.users import Users
from devicehub_drivers import beurer_bf720, renpho_es_wbe28, sig_body_composition, sig_weight_scale
from devicehub_simulators.beurer_bf720 import SECRETS, BeurerBf720
from devicehub_simulators.renpho_es_wbe28 import RenphoEsWbe28
from devicehub_simulators.sig_body_composition import SigBodyComposition
from devicehub_simulators.sig_weight_scale import SigWeightScale

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
CONSENT = user_data.encode_consent(1, int(SECRETS["pin"]))


@given(seed=st.integers(0, 2**32))
def test_the_truth_is_what_the_drivers_read(seed: int) -> None:
    for make, driver in (
        (SigWeightScale, sig_weight_scale.DRIVER),
        (SigBodyComposition, sig_body_composition.DRIVER),
    ):
        (said,) = make("TEST-0001", seed).measure(NOW)
        assert list(driver.decode(Frame.of(said.on, said.data))) == [said.truth]
        assert len(said.data) <= 20  # one packet of the smallest connection
    renpho = RenphoEsWbe28("TEST-0001", seed)
    list(renpho.write(user_data.CONTROL, b"\x02\xaa\x0f\x27", NOW))
    (said,) = renpho.measure(NOW)
    assert list(renpho_es_wbe28.DRIVER.decode(Frame.of(said.on, said.data))) == [said.truth]


@given(seed=st.integers(0, 2**32))
def test_a_beurer_tells_a_weight_then_a_composition_without_time(seed: int) -> None:
    scale = BeurerBf720("TEST-0001", seed)
    assert list(scale.measure(NOW)) == []
    answer, weight, composition = scale.write(user_data.CONTROL, CONSENT, NOW)
    assert answer.data == b"\x20\x02\x01"
    decode = beurer_bf720.DRIVER.decode
    assert list(decode(Frame.of(weight.on, weight.data))) == [weight.truth]
    both = Frame(((composition.on, composition.data), (weight.on, weight.data)))
    assert list(decode(both)) == ([composition.truth] if composition.truth else [])
    assert len(list(scale.measure(NOW))) == 2


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (user_data.encode_consent(1, 1234), "200201"),
        (user_data.encode_consent(1, 1235), "200205"),
        (user_data.encode_consent(2, 1234), "200203"),
        (b"\x01\x05\x00", "20010102"),
        (b"\x04", "20040101"),
        (b"\x03", "200305"),
        (b"\x09", "200902"),
        (b"\x02\x01", "200202"),
    ],
)
def test_a_user_control_point_answers(request_: bytes, answer: str) -> None:
    assert list(Users(pins={1: 1234}).write(request_)) == [
        Message(on=user_data.CONTROL, data=bytes.fromhex(answer))
    ]


def test_users_come_and_go() -> None:
    users = Users(pins={1: 1234}, room=2)
    list(users.write(b"\x01\x07\x00"))
    assert users.pins == {1: 1234, 2: 7}
    (full,) = users.write(b"\x01\x08\x00")
    assert full.data == b"\x20\x01\x04"
    list(users.write(user_data.encode_consent(2, 7)))
    list(users.write(b"\x03"))
    assert users.pins == {1: 1234}
    assert users.agreed is None
