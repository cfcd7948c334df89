"""Whatever happens in the room, no reading appears under a person who was not being measured.

A random walk of many steps, and a machine that shrinks what goes wrong to its shortest story. Both drive the real
desk; only its journal has no disk here (`tests/integration/test_truth_on_disk.py` has).
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from waiting_room import BUSY, CALM, JUMPS, PAUSES, PEOPLE, Truth, step

STEPS = int(os.environ.get("DEVICEHUB_FENCE_STEPS", "400000"))
EPISODE = 400


@pytest.mark.timeout(0)
def test_a_long_walk() -> None:
    chance = random.Random(5)
    said: dict[str, int] = {}
    for episode in range(STEPS // EPISODE):
        truth = Truth()
        for _ in range(EPISODE):
            step(truth, chance, BUSY if episode % 2 else CALM)
        for word, times in truth.said.items():
            said[word] = said.get(word, 0) + times
    decided = sum(said.values())
    assert decided > STEPS / 30
    assert said["attributed"] > decided / 20, "a fence that lets nothing through proves nothing"
    assert {"visit_locked", "restarted", "clock_changed", "straddles_visits"} <= said.keys()


class Room(RuleBasedStateMachine):
    """The same, for the shortest story of what goes wrong."""

    instrument = st.integers(0, 2)

    def __init__(self) -> None:
        super().__init__()
        self.truth = Truth()

    @rule(seconds=st.sampled_from(PAUSES))
    def pass_by(self, seconds: float) -> None:
        self.truth.pass_by(seconds)

    @rule(number=instrument, live=st.booleans())
    def begin(self, number: int, live: bool) -> None:
        self.truth.begin(self.truth.instruments[number], live=live)

    @rule(number=instrument, remembers=st.booleans(), unread=st.booleans())
    def end(self, number: int, remembers: bool, unread: bool) -> None:
        self.truth.end(self.truth.instruments[number], remembers=remembers, unread=unread)

    @rule(number=instrument)
    def connect(self, number: int) -> None:
        self.truth.connect(self.truth.instruments[number])

    @rule(number=instrument)
    def tell_memory(self, number: int) -> None:
        self.truth.tell_memory(self.truth.instruments[number])

    @rule(person=st.sampled_from(PEOPLE))
    def open(self, person: object) -> None:
        self.truth.open(next(one for one in PEOPLE if one == person))

    @rule(person=st.sampled_from((*PEOPLE, None)))
    def come(self, person: object) -> None:
        self.truth.come(next((one for one in PEOPLE if one == person), None))

    @rule()
    def close(self) -> None:
        self.truth.close()

    @rule()
    def lock(self) -> None:
        self.truth.lock()

    @rule()
    def unlock(self) -> None:
        self.truth.unlock()

    @rule(by=st.sampled_from(JUMPS), back=st.booleans())
    def set_clock(self, by: float, back: bool) -> None:
        self.truth.set_clock(-by if back else by)

    @rule()
    def crash(self) -> None:
        self.truth.crash()

    @rule()
    def start(self) -> None:
        self.truth.start()

    @rule()
    def recover(self) -> None:
        self.truth.recover()


@pytest.mark.timeout(0)
def test_the_shortest_story() -> None:
    run_state_machine_as_test(Room, settings=settings(stateful_step_count=40, deadline=None))


def test_a_frame_read_after_a_restart_is_never_the_next_patients() -> None:
    alice, bruno, _ = PEOPLE
    truth, cuff = Truth(), 0
    truth.open(alice)
    truth.pass_by(100)
    truth.begin(truth.instruments[cuff], live=False)
    truth.pass_by(1)
    truth.end(truth.instruments[cuff], remembers=False, unread=True)
    truth.set_clock(-600)
    truth.start()
    truth.open(bruno)
    truth.recover()
    assert dict(truth.said) == {"restarted": 1}
