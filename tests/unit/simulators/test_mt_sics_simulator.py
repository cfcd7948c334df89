"""The simulated scale answers as the manual says."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BodyWeight
from devicehub_simulators.mt_sics import SIMULATOR, MtSicsScale

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"SI\r\n", b"S S       0.00 kg\r\n"),
        (b"S\r\n", b"S S       0.00 kg\r\n"),
        (b"Z\r\n", b"Z A\r\n"),
        (b"@\r\n", b'I4 A "0123456789"\r\n'),
        (b"I4\r\n", b'I4 A "0123456789"\r\n'),
        (b"W\r\n", b"ES\r\n"),
        (b"\r\n", b""),
        (b"SI\r\nI4\r\n", b'S S       0.00 kg\r\nI4 A "0123456789"\r\n'),
    ],
)
def test_an_empty_scale_answers(command: bytes, answer: bytes) -> None:
    assert SIMULATOR(seed=1).receive(command, NOW) == answer


def test_a_command_in_pieces_is_answered_once_whole() -> None:
    scale = MtSicsScale()
    assert scale.receive(b"S", NOW) == b""
    assert scale.receive(b"I\r", NOW) == b""
    assert scale.receive(b"\n", NOW) == b"S S       0.00 kg\r\n"


@given(seed=st.integers(0, 10_000))
def test_somebody_moves_stands_and_leaves(seed: int) -> None:
    scale = MtSicsScale(seed)
    shown, truths = [], []
    stays = 0.0
    for step in scale.measure(NOW):
        answer = scale.receive(b"SI\r\n", NOW)
        assert len(answer) == len(b"S S       0.00 kg\r\n")
        shown.append(answer)
        if step.truth is not None:
            truths.append((step.truth, answer))
        if truths and answer == truths[0][1]:
            stays += step.after
        if answer.startswith(b"S D"):
            assert scale.receive(b"S\r\nZ\r\n", NOW) == b"S I\r\nZ I\r\n"
    ((truth, stable),) = truths
    assert stays >= 1.0, "long enough to be asked twice"
    assert isinstance(truth, BodyWeight)
    assert truth.kilograms is not None
    assert 40 <= truth.kilograms <= 140
    assert stable == b"S S " + f"{truth.kilograms:10.2f}".encode() + b" kg\r\n"
    assert shown[0] == shown[-1] == b"S S       0.00 kg\r\n"
    assert any(answer.startswith(b"S D") for answer in shown)


def test_the_seed_decides_who_comes() -> None:
    def weights(seed: int) -> list[Decimal]:
        scale = MtSicsScale(seed)
        truths = [step.truth for _ in range(5) for step in scale.measure(NOW)]
        return [
            truth.kilograms for truth in truths if isinstance(truth, BodyWeight) and truth.kilograms
        ]

    assert weights(1) == weights(1) != weights(2)
