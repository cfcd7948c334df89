"""The maxima of the beats' train: the same as scipy's, which is too slow to load."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import signal

from devicehub.ecg.beats import peaks


@given(
    arrays.arrays(np.float64, st.integers(3, 300), elements=st.integers(0, 9)),
    st.integers(0, 9),
    st.integers(1, 40),
)
def test_maxima_plateaus_and_distances_are_those_of_scipy(
    train: np.ndarray, floor: int, apart: int
) -> None:
    # Equal heights may be taken in any order: a little slope makes them differ.
    train = train + np.linspace(0, 0.01, train.size) ** 2
    expected, _ = signal.find_peaks(train, height=floor, distance=apart)
    assert peaks(train, floor, apart).tolist() == expected.tolist()


@pytest.mark.parametrize("train", [np.zeros(50), np.arange(50.0), np.arange(50.0)[::-1]])
def test_a_line_has_no_maximum(train: np.ndarray) -> None:
    assert peaks(train, 0.0, 5).size == 0


def test_the_middle_of_a_plateau_is_its_maximum() -> None:
    assert peaks(np.array([0.0, 1, 3, 3, 3, 1, 0]), 1.0, 1).tolist() == [3]
