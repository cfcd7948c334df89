"""The laws of a conversation: played as it was recorded, at any time, and with every fault in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from devicehub.driver import Driver, Measurement
from devicehub.testing.capture import Captured
from devicehub.testing.faults import endure, faults
from devicehub.testing.laws.said import all_said, is_less, shown, strangers
from devicehub.testing.replay import converse, replay

_MOST_FAULTS = 250
"""Of a longer recording, as many faults are tried as this, evenly over it."""


def law_replay(driver: Driver, captures: Sequence[Captured]) -> None:
    """Each capture, played step by step, gives its approved measurements and no other."""
    declared = {kind for model in driver.models for kind in model.reads}
    for one in captures:
        assert one.asks is None, one.asks
        found = replay(driver, one.capture)
        read, approved = _apart(found, one.approved)
        assert found == list(one.approved), (
            f"{one.capture.path}: read\n{shown(read)}\napproved\n{shown(approved)}"
        )
        undeclared = {measurement.kind for measurement in found} - declared
        assert not undeclared, f"{one.capture.path}: {undeclared} is not in any model's reads"


def _apart(
    found: Sequence[Measurement], approved: Sequence[Measurement]
) -> tuple[Sequence[Measurement], Sequence[Measurement]]:
    """From the first place where they differ to the last."""
    while found and approved and found[0] == approved[0]:
        found, approved = found[1:], approved[1:]
    while found and approved and found[-1] == approved[-1]:
        found, approved = found[:-1], approved[:-1]
    return found, approved


def law_any_time(driver: Driver, captures: Sequence[Captured]) -> None:
    """What is read does not depend on when it is read."""
    for one in captures:
        then = replay(driver, one.capture)
        recorded = one.capture.header.recorded
        for shift in (timedelta(days=-400), timedelta(seconds=1), timedelta(days=9000, hours=7)):
            found = replay(driver, one.capture, started=recorded + shift)
            assert found == then, f"{one.capture.path}: other values {shift} later"


def law_faults(driver: Driver, captures: Sequence[Captured]) -> None:
    """A link cut, a silence, a message lost or doubled, at every step: the session ends and invents nothing.

    What is read then is what is read in full, or less of it; of a doubled message, once more.
    """
    for one in captures:
        whole = all_said(driver, converse(driver, one.capture))
        most = max(map(len, whole), default=0)
        tried = faults(driver, one.capture)
        for faulty in tried[:: len(tried) // _MOST_FAULTS + 1]:
            found = all_said(driver, endure(driver, faulty))
            measured = [measurement for said in found for measurement in said]
            full = [measurement for said in whole for measurement in said]
            beyond = strangers(measured, full)
            if faulty.fault == "double":
                again = [same for same in beyond if any(is_less(same, other) for other in full)]
                assert len(again) <= most, f"{faulty}: told again\n{shown(again)}"
                beyond = [new for new in beyond if new not in again]
            assert not beyond, f"{faulty}: invented\n{shown(beyond)}\nin full\n{shown(full)}"
