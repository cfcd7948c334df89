"""The conformance suite: what every driver must pass, in two lines of a test file.

    from devicehub.testing.conformance import *  # the tests

    @pytest.fixture
    def driver(): return my_driver.DRIVER

Captures are looked for in ``tests/captures/<driver id>/`` below pytest's root folder; a package that keeps
them elsewhere defines its own ``captures`` fixture.
"""

from __future__ import annotations

import pytest

from devicehub.driver import Driver
from devicehub.testing import laws
from devicehub.testing.capture import Captured, captured

__all__ = [
    "captures",
    "test_a_frame_cut_short_says_less",
    "test_a_link_lost_at_any_step_invents_nothing",
    "test_bytes_in_any_pieces_give_the_same_frames",
    "test_captures_give_their_approved_measurements",
    "test_measurements_survive_json",
    "test_noise_is_not_understood",
    "test_the_declaration_is_sane",
    "test_the_time_of_day_changes_nothing",
]


@pytest.fixture
def captures(driver: Driver, pytestconfig: pytest.Config) -> list[Captured]:
    """The driver's captures with their approved measurements."""
    return captured(driver.id, pytestconfig.rootpath / "tests" / "captures")


def test_the_declaration_is_sane(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_declaration`."""
    laws.law_declaration(driver, captures)


def test_captures_give_their_approved_measurements(
    driver: Driver, captures: list[Captured]
) -> None:
    """`devicehub.testing.laws.law_replay`."""
    laws.law_replay(driver, captures)


def test_the_time_of_day_changes_nothing(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_any_time`."""
    laws.law_any_time(driver, captures)


def test_a_link_lost_at_any_step_invents_nothing(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_cut_short`."""
    laws.law_cut_short(driver, captures)


def test_noise_is_not_understood(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_noise`."""
    laws.law_noise(driver, captures)


def test_a_frame_cut_short_says_less(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_truncation`."""
    laws.law_truncation(driver, captures)


def test_bytes_in_any_pieces_give_the_same_frames(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_stream`."""
    laws.law_stream(driver, captures)


def test_measurements_survive_json(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_json`."""
    laws.law_json(driver, captures)
