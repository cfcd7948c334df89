"""The conformance suite: what every driver must pass, in two lines of a test file.

    from devicehub.testing.conformance import *  # the tests

    @pytest.fixture
    def driver(): return my_driver.DRIVER

Captures are looked for in ``tests/captures/<driver id>/`` below pytest's root folder; a package that keeps
them elsewhere defines its own ``captures`` fixture. The simulator is the installed one of the driver's name;
a package that does not install it defines a ``simulator`` fixture. A law's function says what it asks.
"""

from __future__ import annotations

import pytest

from devicehub.devices import registry
from devicehub.driver import Driver
from devicehub.testing import laws, simulate
from devicehub.testing.capture import Captured, captured
from devicehub.testing.simulate import MakeSimulator

__all__ = [
    "captures",
    "simulator",
    "test_a_frame_cut_short_says_less",
    "test_a_frame_read_again_gives_nothing_new",
    "test_a_sealed_frame_with_a_flipped_bit_is_not_understood",
    "test_a_wrong_clock_changes_no_value",
    "test_any_fault_at_any_step_invents_nothing",
    "test_bytes_in_any_pieces_give_the_same_frames",
    "test_captures_give_their_approved_measurements",
    "test_measurements_survive_json",
    "test_noise_is_not_understood",
    "test_noise_on_the_line_finishes_no_measurement",
    "test_readings_are_valid_on_the_wire",
    "test_repeated_measurements_are_told_from_repeated_records",
    "test_the_advertisement_leads_to_this_driver_alone",
    "test_the_declaration_is_sane",
    "test_the_driver_is_pure",
    "test_the_recorded_simulator_replays",
    "test_the_simulator_is_read_as_it_measured",
    "test_the_time_of_day_changes_nothing",
    "test_two_patients_share_nothing",
    "test_units_agree_with_what_was_said",
]

NO_SIMULATOR = "no simulator called {} is installed: nothing to judge"


@pytest.fixture
def captures(driver: Driver, pytestconfig: pytest.Config) -> list[Captured]:
    """The driver's captures with their approved measurements."""
    return captured(driver.id, pytestconfig.rootpath / "tests" / "captures")


@pytest.fixture
def simulator(driver: Driver) -> MakeSimulator | None:
    """The driver's simulator, where one is installed."""
    return simulate.installed().get(driver.id)


def test_the_declaration_is_sane(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_declaration`."""
    laws.law_declaration(driver, captures)


def test_the_driver_is_pure(driver: Driver) -> None:
    """`devicehub.testing.laws.law_purity`."""
    laws.law_purity(driver)


def test_the_advertisement_leads_to_this_driver_alone(
    driver: Driver, captures: list[Captured]
) -> None:
    """`devicehub.testing.laws.law_matching`."""
    laws.law_matching(driver, captures, registry.installed())


def test_captures_give_their_approved_measurements(
    driver: Driver, captures: list[Captured]
) -> None:
    """`devicehub.testing.laws.law_replay`."""
    laws.law_replay(driver, captures)


def test_the_time_of_day_changes_nothing(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_any_time`."""
    laws.law_any_time(driver, captures)


def test_any_fault_at_any_step_invents_nothing(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_faults`."""
    laws.law_faults(driver, captures)


def test_noise_is_not_understood(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_noise`."""
    laws.law_noise(driver, captures)


def test_noise_on_the_line_finishes_no_measurement(
    driver: Driver, captures: list[Captured]
) -> None:
    """`devicehub.testing.laws.law_line_noise`."""
    laws.law_line_noise(driver, captures)


def test_a_frame_cut_short_says_less(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_truncation`."""
    laws.law_truncation(driver, captures)


def test_a_sealed_frame_with_a_flipped_bit_is_not_understood(
    driver: Driver, captures: list[Captured]
) -> None:
    """`devicehub.testing.laws.law_seal`."""
    laws.law_seal(driver, captures)


def test_bytes_in_any_pieces_give_the_same_frames(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_stream`."""
    laws.law_stream(driver, captures)


def test_measurements_survive_json(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_json`."""
    laws.law_json(driver, captures)


def test_units_agree_with_what_was_said(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_units`."""
    laws.law_units(driver, captures)


def test_readings_are_valid_on_the_wire(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_wire`."""
    laws.law_wire(driver, captures)


def test_the_simulator_is_read_as_it_measured(
    driver: Driver, simulator: MakeSimulator | None
) -> None:
    """`devicehub.testing.laws.law_simulator`."""
    if simulator is None:
        pytest.skip(NO_SIMULATOR.format(driver.id))
    laws.law_simulator(driver, simulator)


def test_the_recorded_simulator_replays(driver: Driver, simulator: MakeSimulator | None) -> None:
    """`devicehub.testing.laws.law_recording`."""
    if simulator is None:
        pytest.skip(NO_SIMULATOR.format(driver.id))
    laws.law_recording(driver, simulator)


def test_two_patients_share_nothing(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_two_patients`."""
    laws.law_two_patients(driver, captures)


def test_a_frame_read_again_gives_nothing_new(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_read_again`."""
    laws.law_read_again(driver, captures)


def test_repeated_measurements_are_told_from_repeated_records(
    driver: Driver, captures: list[Captured]
) -> None:
    """`devicehub.testing.laws.law_repeats`."""
    laws.law_repeats(driver, captures)


def test_a_wrong_clock_changes_no_value(driver: Driver, captures: list[Captured]) -> None:
    """`devicehub.testing.laws.law_clocks`."""
    laws.law_clocks(driver, captures)
