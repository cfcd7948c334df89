"""The law of the mirror: what a driver reads of its simulator is what the simulator measured."""

from __future__ import annotations

from devicehub.driver import Driver, Measurement, Settles
from devicehub.reading.settle import Settle, Settling
from devicehub.testing.capture import Captured
from devicehub.testing.laws.conversation import law_faults, law_replay
from devicehub.testing.laws.said import decoded, shown
from devicehub.testing.loop import Looped, loop
from devicehub.testing.simulate import MakeSimulator

_SEEDS = (1, 2)


def law_simulator(driver: Driver, make: MakeSimulator | None) -> None:
    """Driver and simulator in one process: the truth is read, the conversation replays, faults invent nothing."""
    if make is None:
        return
    for seed in _SEEDS:
        looped = loop(driver, make, seed=seed)
        found = finished(driver, looped)
        assert looped.truths or looped.handed, f"{driver.id}: nothing measured, nothing shown"
        at = looped.capture.header.recorded
        # A truth may be that nothing could be measured, which is not filed.
        each = Settle(Settles.EACH, Settling(idle_since=at))
        measured = [one.measurement for one in each.finished(looped.truths, at)]
        assert found == measured, (
            f"{looped.capture.path}: read\n{shown(found)}\nmeasured\n{shown(measured)}"
        )
    law_faults(driver, [recorded(driver, looped)])


def law_recording(driver: Driver, make: MakeSimulator | None) -> None:
    """The conversation with the simulator, recorded, replays byte for byte."""
    if make is not None:
        law_replay(driver, [recorded(driver, loop(driver, make, seed=seed)) for seed in _SEEDS])


def recorded(driver: Driver, looped: Looped) -> Captured:
    """The loop's conversation as a capture, with what was read in it."""
    said = [decoded(driver, one.frame, one.secrets) or [] for one in looped.handed]
    return Captured(looped.capture, tuple(measurement for one in said for measurement in one))


def finished(driver: Driver, looped: Looped) -> list[Measurement]:
    """What the hub would file of a loop."""
    settle = Settle(driver.settles, Settling(idle_since=looped.capture.header.recorded))
    found: list[Measurement] = []
    for one in looped.handed:
        said = decoded(driver, one.frame, one.secrets) or []
        if one.finished:
            found += [done.measurement for done in settle.finished(said, one.at)]
        else:
            settle.live(said, one.at)
    return found
