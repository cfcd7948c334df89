"""The board: a value stands only under its own patient, and a slow watcher neither blocks nor grows it."""

from __future__ import annotations

from datetime import timedelta

from station_room import (
    ALICE,
    BRUNO,
    CUFF,
    LISTED,
    SCALE,
    device_state,
    filing,
    now,
    pressure,
    visit,
    weight,
)

from devicehub.driver import BodyWeight, CuffPressure, DeviceFacts
from devicehub.station.board import KEPT_OF_A_KIND, Board
from devicehub.station.picture import ALL, DEVICES, OUTBOX, TRAY, tile_id
from devicehub.station.room_view import device_views
from devicehub.station.watcher import FILINGS_KEPT
from devicehub.station.words import Words


def open_board() -> Board:
    board = Board(simulation=True)
    board.visit(visit(), ALICE)
    board.device(device_state(CUFF, "connected"), name="Tensiomètre")
    return board


def cuff(pressure: int = 90) -> CuffPressure:
    return CuffPressure.model_validate({"pressure_mmhg": pressure})


def test_a_reading_of_the_open_visit_is_in_the_picture() -> None:
    board = open_board()
    filed = filing(CUFF, pressure(), "filed")
    board.filing(filed)
    assert board.picture.filings[filed.reading.id] == filed


def test_what_was_decided_last_is_known_after_a_start_too() -> None:
    """What happens comes in its order; what the journal holds at a start comes in the order of its arrival."""
    first, second = [filing(CUFF, pressure(), "to_review") for _ in range(2)]
    later = now() + timedelta(seconds=9)
    rejected = first.model_copy(update={"state": "rejected", "state_at": later})
    accepted = second.model_copy(update={"state": "accepted"})
    alive, started = open_board(), open_board()
    for one in (first, second, accepted, rejected):
        alive.filing(one)
    for one in (rejected, accepted):
        started.filing(one)
    for board in (alive, started):
        assert board.picture.decided == {"blood_pressure": first.reading.id}
    alive.filing(accepted.model_copy(update={"state": "published", "state_at": later}))
    assert alive.picture.decided == {"blood_pressure": first.reading.id}
    alive.visit(visit("visit-b"), BRUNO)
    assert not alive.picture.decided


def test_another_visits_value_is_not_shown() -> None:
    board = open_board()
    board.filing(filing(CUFF, pressure(), "accepted", visit="visit-z"))
    assert not board.picture.filings


def test_a_reading_that_moves_to_another_visit_leaves() -> None:
    board = open_board()
    here = filing(CUFF, pressure(), "filed")
    board.filing(here)
    moved = here.attribution.model_copy(update={"visit": "visit-z", "revision": 2})
    board.filing(here.model_copy(update={"attribution": moved}))
    assert not board.picture.filings


def test_a_quarantined_value_is_nobodys() -> None:
    board = open_board()
    board.filing(filing(CUFF, pressure(), "quarantined", visit=None, quarantine="before_visit"))
    assert not board.picture.filings


def test_changing_the_patient_takes_every_value_at_once() -> None:
    board = open_board()
    board.filing(filing(CUFF, pressure(), "filed"))
    board.filing(filing(SCALE, weight(), "filed"))
    board.live(CUFF, [cuff()], now())
    board.visit(visit("visit-b"), BRUNO)
    assert not board.picture.filings
    live = board.picture.devices[CUFF].live
    assert live is not None
    assert not live.measurements
    assert board.picture.identity == BRUNO


def test_what_began_before_the_switch_is_known_to_have_begun_before() -> None:
    board, start = open_board(), now()
    board.live(CUFF, [cuff()], start)
    board.visit(visit("visit-b"), BRUNO)
    board.live(CUFF, [cuff(95)], start + timedelta(seconds=2))
    live = board.picture.devices[CUFF].live
    assert live is not None
    assert live.since == start
    board.live(CUFF, [cuff()], start + timedelta(seconds=20))
    live = board.picture.devices[CUFF].live
    assert live is not None
    assert live.since == start + timedelta(seconds=20), "after a pause it is another measurement"


def test_an_empty_scale_ends_what_it_measured() -> None:
    board, start = open_board(), now()
    for second, kilograms in enumerate((70, 70, 0, 62)):
        measured = BodyWeight.model_validate({"kilograms": kilograms, "stable": False})
        board.live(SCALE, [measured], start + timedelta(seconds=second))
    live = board.picture.devices[SCALE].live
    assert live is not None
    assert live.since == start + timedelta(seconds=3)


def test_a_long_visit_keeps_what_waits_and_the_newest() -> None:
    board = open_board()
    waits = filing(CUFF, pressure(), "to_review")
    board.filing(waits)
    for _ in range(KEPT_OF_A_KIND * 3):
        board.filing(filing(CUFF, pressure(), "filed"))
    assert waits.reading.id in board.picture.filings
    assert len(board.picture.filings) == KEPT_OF_A_KIND + 1


async def test_what_waits_in_another_visit_is_counted_through_a_switch() -> None:
    board = open_board()
    with board.watch() as watcher:
        board.undecided({"visit-a": 2, "visit-z": 1})
        assert (await watcher.changes(1.0)).parts == {TRAY, OUTBOX}
        assert board.picture.left_behind == 1
        board.visit(visit("visit-b"), BRUNO)
        assert (await watcher.changes(1.0)).parts >= {TRAY, OUTBOX}
    assert board.picture.left_behind == 3
    board.visit(None, None)
    board.undecided({})
    assert board.picture.left_behind == 0


def test_a_lost_device_shows_nothing_live() -> None:
    board = open_board()
    board.live(CUFF, [cuff()], now())
    assert board.picture.devices[CUFF].live is not None
    board.device(device_state(CUFF, "lost"), name="Tensiomètre")
    assert board.picture.devices[CUFF].live is None


def test_facts_are_the_devices_and_no_live_value() -> None:
    board = open_board()
    board.live(CUFF, [DeviceFacts.model_validate({"battery_percent": 40})], now())
    seen = board.picture.devices[CUFF]
    assert (seen.battery_percent, seen.live) == (40.0, None)


async def test_a_slow_watcher_gets_whole_parts_and_is_told_what_it_missed() -> None:
    board = open_board()
    with board.watch() as watcher:
        for _ in range(FILINGS_KEPT + 10):
            board.filing(filing(CUFF, pressure(), "accepted"))
        changes = await watcher.changes(1.0)
        assert changes.parts == {tile_id("blood_pressure"), DEVICES, ALL}
        assert (len(changes.filings), changes.missed) == (FILINGS_KEPT, 10)
        assert await watcher.changes(0.01) == type(changes)()
    assert board.watched == 0


def test_a_device_known_by_an_old_reading_alone_is_not_in_the_rail() -> None:
    board = Board(simulation=True)
    board.visit(visit(), ALICE)
    board.filing(filing("ble-gone", weight(), "accepted"))
    board.filing(filing(CUFF, pressure(), "accepted"))

    def rail() -> list[str]:
        views = device_views(board.picture, LISTED, Words("fr"), now())
        return [view.name for view in views]

    configured = [one.name for one in LISTED]
    assert rail() == configured
    board.device(device_state("ble-gone", "waiting"), name="Balance 2")
    assert rail() == [*configured, "Balance 2"], "it was heard since the start"
