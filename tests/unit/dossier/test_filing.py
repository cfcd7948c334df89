"""The dossier's decision, case by case and as properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.delivery.examples import NOON, READING
from devicehub.delivery.wire import Item
from devicehub.dossier.filing import Arrival, Known, content_hash, judge
from devicehub.driver import CuffPressure
from devicehub.journal.records import Attribution, Receipt

Arrive = Callable[..., Arrival]


def answer(known: Known, arrival: Arrival, *, accepts_simulators: bool = False) -> Receipt:
    receipt = judge(arrival, known, accepts_simulators=accepts_simulators)
    if receipt.result == "filed":
        known.add(arrival)
    return receipt


def test_a_reading_is_filed_once(arrive: Arrive) -> None:
    known = Known(visits={"v-1"})
    assert answer(known, arrive("v-1")).result == "filed"
    assert answer(known, arrive("v-1")).result == "duplicate"


@pytest.mark.parametrize(
    ("visit", "how", "reason", "retryable"),
    [
        pytest.param("v-2", {}, "unknown_visit", True, id="a visit of another dossier"),
        pytest.param(None, {}, "no_visit", False, id="nobody's"),
        pytest.param("v-1", {"claimed": "room-2"}, "wrong_station", False, id="a false sender"),
        pytest.param(
            "v-1", {"changes": {"origin": "simulator"}}, "simulator", False, id="simulated"
        ),
        pytest.param(
            "v-1", {"changes": {"measurement": CuffPressure()}}, "live_only", False, id="live"
        ),
        pytest.param("v-1", {"reading": READING.id}, "schema", False, id="another's attribution"),
    ],
)
def test_a_refusal_says_why(
    arrive: Arrive, visit: str | None, how: dict[str, Any], reason: str, retryable: bool
) -> None:
    receipt = answer(Known(visits={"v-1"}), arrive(visit, **how))
    assert (receipt.result, receipt.reason, receipt.retryable) == ("refused", reason, retryable)


def test_simulated_readings_are_filed_where_that_was_asked_for(arrive: Arrive) -> None:
    arrival = arrive("v-1", changes={"origin": "simulator"})
    assert answer(Known(visits={"v-1"}), arrival, accepts_simulators=True).result == "filed"


def test_other_content_under_a_known_id_is_a_conflict(arrive: Arrive) -> None:
    known = Known(visits={"v-1", "v-2"})
    answer(known, arrive("v-1"))
    other_reading = arrive("v-1", changes={"unattended": True})
    other_reading_later = arrive("v-1", revision=2, changes={"unattended": True})
    other_attribution = arrive("v-2")
    for arrival in (other_reading, other_reading_later, other_attribution):
        receipt = answer(known, arrival)
        assert (receipt.reason, receipt.retryable) == ("conflict", False)


def test_the_first_revision_may_never_come(arrive: Arrive) -> None:
    known = Known(visits={"v-1"})
    assert answer(known, arrive("v-1", 0, revision=2)).result == "filed"
    assert answer(known, arrive("v-1", 1, revision=2, action="reassign")).result == "filed"
    assert answer(known, arrive(None, 2, revision=2, action="withdraw")).result == "filed"


def test_revisions_follow_each_other(arrive: Arrive) -> None:
    known = Known(visits={"v-1", "v-2"})
    assert answer(known, arrive("v-1")).result == "filed"
    assert answer(known, arrive("v-2", revision=2, action="reassign")).result == "filed"
    assert answer(known, arrive(None, revision=3, action="withdraw")).result == "filed"
    assert answer(known, arrive("v-2", revision=2, action="reassign")).result == "duplicate"


@given(
    sent=st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(1, 3), st.sampled_from(["v-1", "v-2"]), st.booleans()
        ),
        max_size=40,
    )
)
def test_whatever_is_sent_each_revision_has_one_content(
    sent: list[tuple[int, int, str, bool]],
) -> None:
    known = Known(visits={"v-1", "v-2"})
    kept: dict[tuple[int, int], tuple[str, str]] = {}
    for number, revision, visit, unattended in sent:
        update = {"id": READING.id.__class__(int=number), "unattended": unattended}
        reading = READING.model_copy(update=update)
        attribution = Attribution(
            reading=reading.id, revision=revision, visit=visit, author="station", at=NOON
        )
        item = Item(reading=reading, attribution=attribution)
        arrival = Arrival("practice", "room-1", "room-1", item)
        content = (arrival.reading_hash, arrival.attribution_hash)
        receipt = answer(known, arrival)
        if receipt.result == "filed":
            assert (number, revision) not in kept
            kept[number, revision] = content
        elif receipt.result == "duplicate":
            assert kept[number, revision] == content
        else:
            assert receipt.reason == "conflict"
    assert len({(number, reading) for (number, _), (reading, _) in kept.items()}) == len(
        {number for number, _ in kept}
    )


def test_a_content_hash_survives_the_wire_and_new_optional_fields() -> None:
    again = READING.__class__.model_validate_json(READING.model_dump_json())
    assert content_hash(again) == content_hash(READING)
    silent = READING.model_copy(update={"author": None})
    assert content_hash(silent) == content_hash(READING)
    assert content_hash(READING.model_copy(update={"unattended": True})) != content_hash(READING)
