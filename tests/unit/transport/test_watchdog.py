"""The watchdog's rule: an idle room is no failure, proof leads up the ladder rung by rung."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.transport import scanning, watchdog
from devicehub.transport.scanning import Listening, Scan
from devicehub.transport.stack import Stack
from devicehub.transport.watchdog import (
    CONTRADICTED_SECONDS,
    LONGEST_SILENCE,
    RESET_AGAIN_SECONDS,
    SILENT_SECONDS,
    STOPPED_SECONDS,
    Hearsay,
    Rung,
    Watchdog,
)


def look(
    dog: Watchdog, now: float, *, scanning: bool = True, contradicted: bool = False
) -> Rung | None:
    return dog.due(now, scanning=scanning, contradicted=contradicted)


def test_a_room_that_never_had_a_device_is_left_alone() -> None:
    assert look(Watchdog(0), 100_000) is None


@given(st.lists(st.floats(0, 3600), max_size=200))
def test_silence_alone_never_leads_beyond_a_restart(waits: list[float]) -> None:
    dog, now = Watchdog(0), 0.0
    dog.heard(0)
    for wait in waits:
        now += wait
        rung = look(dog, now)
        assert rung in (None, "restart_scan")
        if rung:
            dog.restarted(now, worked=True)


def test_a_silent_scan_is_restarted_ever_less_often() -> None:
    dog, now = Watchdog(0), 0.0
    dog.heard(0)
    gaps = []
    for _ in range(7):
        before = now
        while look(dog, now) is None:
            now += 1
        gaps.append(now - before)
        dog.restarted(now, worked=True)
    assert gaps == [SILENT_SECONDS * 2**n for n in range(4)] + [LONGEST_SILENCE] * 3
    dog.heard(now)
    assert look(dog, now + SILENT_SECONDS) == "restart_scan", "patience is short again"


def test_a_scan_that_refuses_to_start_is_proof() -> None:
    dog = Watchdog(0)
    dog.heard(0)
    dog.restarted(100, worked=False)
    assert look(dog, 100) == "reset_adapter"
    dog.was_reset(101, worked=True)
    assert look(dog, 102) is None


def test_a_reset_that_fails_is_told() -> None:
    dog = Watchdog(0)
    dog.restarted(100, worked=False)
    dog.was_reset(101, worked=False)
    assert look(dog, 101) == "give_up"


def test_the_stacks_own_word_leads_up_the_ladder() -> None:
    dog = Watchdog(0)
    dog.heard(0)
    assert look(dog, STOPPED_SECONDS - 1, scanning=False) is None
    assert look(dog, STOPPED_SECONDS, scanning=False) == "restart_scan"
    dog.restarted(30, worked=True)
    assert look(dog, 30, scanning=False) is None
    assert look(dog, 30 + STOPPED_SECONDS, scanning=False) == "reset_adapter"
    dog.was_reset(60, worked=True)
    assert look(dog, 60 + STOPPED_SECONDS, scanning=False) == "restart_scan"
    dog.restarted(90, worked=True)
    assert look(dog, 90 + STOPPED_SECONDS, scanning=False) == "give_up"


def test_an_adapter_that_another_contradicts_is_reset() -> None:
    dog = Watchdog(0)
    dog.heard(0)
    assert look(dog, CONTRADICTED_SECONDS, contradicted=True) == "restart_scan"
    dog.restarted(20, worked=True)
    assert look(dog, 20 + CONTRADICTED_SECONDS, contradicted=True) == "reset_adapter"


def test_the_ladder_begins_anew_when_the_last_reset_is_long_ago() -> None:
    dog = Watchdog(0)
    dog.was_reset(0, worked=True)
    dog.heard(1)
    dog.restarted(RESET_AGAIN_SECONDS + 1, worked=False)
    assert look(dog, RESET_AGAIN_SECONDS + 1) == "reset_adapter"


def test_only_a_device_one_used_to_hear_contradicts() -> None:
    said = Hearsay()
    said.note("hci0", "OURS", 0)
    said.note("hci1", "THEIRS", 30)
    assert not said.contradicts("hci0", 0, 30), "the other may be nearer to it"
    said.note("hci1", "OURS", 30)
    assert said.contradicts("hci0", 0, 30)
    assert not said.contradicts("hci1", 0, 30)
    assert not said.contradicts("hci0", 0, 30 + CONTRADICTED_SECONDS), "it has gone since"
    said.note("hci0", "OURS", 31)
    assert not said.contradicts("hci0", 31, 32)


def test_a_device_heard_long_ago_is_forgotten() -> None:
    said = Hearsay()
    said.note("hci0", "OURS", 0)
    said.note("hci1", "OURS", Hearsay.KEPT_SECONDS + 1)
    assert not said.contradicts("hci0", 0, Hearsay.KEPT_SECONDS + 2)


class _Adapter:
    """An adapter in whose room nothing advertises; it is its own scanner, and counts its starts."""

    name = "hci0"

    def __init__(self) -> None:
        self.starts = 0
        self.restarted = asyncio.Event()

    def scanner(self, _heard: object) -> "_Adapter":
        return self

    async def start(self) -> None:
        self.starts += 1
        if self.starts > 1:
            self.restarted.set()

    async def stop(self) -> None:
        pass

    async def is_scanning(self) -> bool:
        return True


@pytest.mark.parametrize(("linked", "told"), [(True, ["hearing"]), (False, ["hearing", "quiet"])])
async def test_a_room_whose_devices_are_linked_is_not_quiet(
    monkeypatch: pytest.MonkeyPatch,
    linked: bool,
    told: list[Listening],
) -> None:
    monkeypatch.setattr(scanning, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(watchdog, "SILENT_SECONDS", 0.02)
    adapter, changes = _Adapter(), list[Listening]()
    scan = Scan(
        cast("Stack", adapter),
        cast("Any", None),
        asyncio.Lock(),
        Hearsay(),
        linked=lambda: linked,
        on_change=changes.append,
        on_reset=lambda: None,
        on_lost=lambda _why: None,
    )
    await scan.start()
    scan.heard("c0:00:00:00:00:01")
    async with asyncio.timeout(30):
        await adapter.restarted.wait()
    await scan.stop()
    assert changes == told
