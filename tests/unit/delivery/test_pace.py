"""The pace of the outbox under any dossier: all is answered in the end, nothing spins, nobody is buried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.delivery import pace as pace_module
from devicehub.delivery.pace import LONGEST_PAUSE, SHORTEST_PAUSE, Pace, key
from devicehub.journal.records import Attribution, Due, Filing, Receipt
from devicehub.reading.reading import Reading

WINDOW = 8
PAGE = 4


def due(number: int) -> Due:
    """An item of the outbox with the little that the pace looks at."""
    reading: dict[str, Any] = {"id": UUID(int=number)}
    attribution: dict[str, Any] = {"revision": 1}
    filing: dict[str, Any] = {
        "reading": Reading.model_construct(**reading),
        "attribution": Attribution.model_construct(**attribution),
    }
    return Due.model_construct(number=number, filing=Filing.model_construct(**filing))


@pytest.fixture(autouse=True, scope="module")
def small_window() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace_module, "WINDOW", WINDOW)
        yield


def final(number: int) -> Receipt:
    return Receipt(id=UUID(int=number), revision=1, result="filed")


def passing(number: int) -> Receipt:
    return Receipt(id=UUID(int=number), revision=1, result="refused", retryable=True)


@given(st.lists(st.lists(st.sampled_from(["silence", "refused"]), max_size=4), max_size=24))
def test_everything_is_answered_in_the_end(troubles: list[list[str]]) -> None:
    outbox = {number: due(number) for number in range(1, len(troubles) + 1)}
    plans = {number: list(plan) for number, plan in enumerate(troubles, start=1)}
    sent: Counter[int] = Counter()
    pace, now, idle = Pace(), 1000.0, 0
    while outbox:
        at_end = False
        if not pace.is_full:
            page = [item for number, item in sorted(outbox.items()) if number > pace.place][:PAGE]
            at_end = not page
            filings = pace.take(page, after=pace.place)
            pace.sent([key(filing) for filing in filings], now)
            assert len(pace.waiting) < WINDOW + PAGE
            for filing in filings:
                number = filing.reading.id.int
                sent[number] += 1
                trouble = plans[number].pop(0) if plans[number] else None
                if trouble is None:
                    pace.answered([final(number)], now)
                    del outbox[number]
                elif trouble == "refused":
                    pace.answered([passing(number)], now)
        if not outbox:
            break
        seconds = pace.rest(at_end=at_end, now=now)
        assert seconds is not None, "items are left, and nothing would ever send them"
        assert 0 <= seconds <= LONGEST_PAUSE
        idle = idle + 1 if seconds == 0 else 0
        assert idle <= 2 * len(troubles) + 4, "it spins"
        now += seconds
    assert sent == {number: len(plan) + 1 for number, plan in enumerate(troubles, start=1)}


def test_nothing_to_wait_for_is_waited_for_without_end() -> None:
    pace = Pace()
    assert pace.rest(at_end=True, now=0.0) is None
    pace.take([due(1)], after=pace.place)
    pace.sent([key(due(1).filing)], 0.0)
    pace.answered([final(1)], 0.0)
    assert pace.rest(at_end=True, now=0.0) is None


def test_pauses_grow_in_silence_and_shrink_with_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    pace, now = Pace(), 0.0
    pauses = []
    for _ in range(8):
        assert [f.reading.id.int for f in pace.take([due(1), due(2)], after=pace.place)] == [1, 2]
        pace.sent([key(due(number).filing) for number in (1, 2)], now)
        pauses.append(pace.rest(at_end=True, now=now))
        now += pauses[-1] or 0
        assert pace.rest(at_end=True, now=now) == 0.0
        assert pace.place == 0
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
    pace.answered([final(1)], now)
    pace.take([due(2)], after=pace.place)
    pace.sent([key(due(2).filing)], now)
    assert pace.rest(at_end=True, now=now) == 2


def test_a_refusal_is_held_back_longer_each_time_until_the_dossier_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    pace, now = Pace(), 0.0
    pauses = []
    for _ in range(3):
        pace.take([due(1)], after=pace.place)
        pace.sent([key(due(1).filing)], now)
        pace.answered([passing(1)], now)
        assert pace.take([due(1)], after=pace.place) == []
        pauses.append(pace.rest(at_end=True, now=now))
        now += pauses[-1] or 0
        pace.rest(at_end=True, now=now)
    assert pauses == [2, 4, 8]
    pace.sent([key(due(1).filing)], now)
    pace.answered([passing(1)], now)
    pace.start_over()
    assert len(pace.take([due(1)], after=pace.place)) == 1


def test_what_was_read_before_the_walk_started_over_is_met_again() -> None:
    pace = Pace()
    pace.sent([key(f) for f in pace.take([due(1), due(2)], after=0)], 0.0)
    place = pace.place
    pace.start_over()
    assert pace.take([due(3)], after=place) == []
    assert len(pace.take([due(1), due(2), due(3)], after=0)) == 3


def test_the_shortest_pause_holds_whatever_chance_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, _high: low)
    pace = Pace()
    pace.take([due(1)], after=pace.place)
    pace.sent([key(due(1).filing)], 0.0)
    assert pace.rest(at_end=True, now=0.0) == SHORTEST_PAUSE
