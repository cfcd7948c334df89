"""The board: a value stands only under its own patient, and a slow watcher neither blocks nor grows it."""

from __future__ import annotations

from station_room import (
    ALICE,
    BRUNO,
    CUFF,
    SCALE,
    device_state,
    filing,
    now,
    pressure,
    visit,
    weight,
)

from devicehub.driver import CuffPressure, DeviceFacts
from devicehub.station.board import FILINGS_KEPT, Board, tile_id


def open_board() -> Board:
    board = Board(simulation=True)
    board.visit(visit(), ALICE)
    board.device(device_state(CUFF, "connected"), name="Tensiomètre")
    return board


def test_a_reading_of_the_open_visit_stands_in_its_tile() -> None:
    board = open_board()
    filed = filing(CUFF, pressure(), "filed")
    board.filing(filed)
    assert board.picture.tiles[CUFF].filings["blood_pressure"] == filed


def test_another_visits_value_is_not_shown() -> None:
    board = open_board()
    board.filing(filing(CUFF, pressure(), "accepted", visit="visit-z"))
    assert not board.picture.tiles[CUFF].filings


def test_a_quarantined_value_is_announced_and_not_shown_as_anybodys() -> None:
    board = open_board()
    held = filing(CUFF, pressure(), "quarantined", visit=None, quarantine="before_visit")
    board.filing(held)
    tile = board.picture.tiles[CUFF]
    assert (tile.held, dict(tile.filings)) == (held, {})


def test_changing_the_patient_empties_every_tile_at_once() -> None:
    board = open_board()
    board.filing(filing(CUFF, pressure(), "filed"))
    board.filing(filing(SCALE, weight(), "filed"))
    board.visit(visit("visit-b"), BRUNO)
    assert all(not tile.filings and tile.live is None for tile in board.picture.tiles.values())
    assert board.picture.identity == BRUNO


def test_a_late_older_reading_does_not_replace_a_newer_one() -> None:
    board = open_board()
    newer = filing(CUFF, pressure("130", "80"), "filed")
    older = filing(CUFF, pressure("90", "60"), "filed", received_at=visit().opened_at)
    board.filing(newer)
    board.filing(older)
    assert board.picture.tiles[CUFF].filings["blood_pressure"] == newer


def test_a_lost_device_shows_nothing_live() -> None:
    board = open_board()
    board.live(CUFF, [CuffPressure.model_validate({"pressure_mmhg": "90"})], now())
    assert board.picture.tiles[CUFF].live is not None
    board.device(device_state(CUFF, "lost"), name="Tensiomètre")
    assert board.picture.tiles[CUFF].live is None


def test_facts_are_the_devices_and_no_live_value() -> None:
    board = open_board()
    board.live(CUFF, [DeviceFacts.model_validate({"battery_percent": 40})], now())
    tile = board.picture.tiles[CUFF]
    assert (tile.battery_percent, tile.live) == (40.0, None)


async def test_a_slow_watcher_gets_whole_parts_and_is_told_what_it_missed() -> None:
    board = open_board()
    with board.watch() as watcher:
        for _ in range(FILINGS_KEPT + 10):
            board.filing(filing(CUFF, pressure(), "accepted"))
        changes = await watcher.changes(1.0)
        assert changes.parts == {tile_id(CUFF)}
        assert (len(changes.filings), changes.missed) == (FILINGS_KEPT, 10)
        assert await watcher.changes(0.01) == type(changes)()
    assert board.watched == 0
