"""The line to the dossier: established only where the dossier is there and answers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from station_room import ALICE, now, visit

from devicehub.journal.records import Outbox
from devicehub.station.board import Board
from devicehub.station.line import UNANSWERED, line


class Clock:
    """The station's time, as far as this test is concerned."""

    def __init__(self) -> None:
        self.at = now()

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    """A room whose broker is up, and whose dossier is there and has told its worklist."""
    board = Board(simulation=True, now=clock)
    board.visit(visit(), ALICE)
    board.broker(True, None)
    board.dossier_here(True, None)
    board.worklist((), None)
    board.outbox(Outbox(waiting=0, oldest=None))
    return board


def test_nothing_is_said_before_anything_is_known(clock: Clock) -> None:
    board = Board(simulation=True, now=clock)
    assert line(board.picture, clock.at) == "unknown"
    board.broker(True, None)
    assert line(board.picture, clock.at) == "unknown", "the broker is not the dossier"
    board.worklist((), None)
    assert line(board.picture, clock.at) == "up"


def test_it_is_up_while_the_dossier_is_there_and_answers(board: Board, clock: Clock) -> None:
    clock.at += timedelta(hours=1)
    assert line(board.picture, clock.at) == "up"


def test_a_broker_that_is_down_is_told_first(board: Board, clock: Clock) -> None:
    board.dossier_here(False, "dossier-1 is offline")
    board.broker(False, "refused")
    assert line(board.picture, clock.at) == "down"


def test_a_dossier_that_left_the_broker_is_silent_though_nothing_waits(
    board: Board, clock: Clock
) -> None:
    board.dossier_here(False, "dossier-1 is offline")
    assert line(board.picture, clock.at) == "silent"
    board.dossier_here(True, None)
    assert line(board.picture, clock.at) == "up"


def test_a_dossier_that_does_not_tell_its_worklist_is_silent(board: Board, clock: Clock) -> None:
    board.worklist((), "le dossier ne répond pas · the dossier does not answer")
    assert line(board.picture, clock.at) == "silent"


def test_a_dossier_that_refused_a_visit_has_answered(board: Board, clock: Clock) -> None:
    board.dossier("the dossier knows no such visit")
    assert line(board.picture, clock.at) == "owed"
    board.worklist((), "le dossier ne répond pas · the dossier does not answer")
    assert line(board.picture, clock.at) == "silent"


def test_what_nobody_answers_is_told_within_seconds(board: Board, clock: Clock) -> None:
    board.outbox(Outbox(waiting=1, oldest=clock.at))
    clock.at += UNANSWERED
    assert line(board.picture, clock.at) == "up"
    clock.at += timedelta(seconds=1)
    assert line(board.picture, clock.at) == "silent"
    assert timedelta(seconds=20) >= UNANSWERED


def test_a_backlog_that_moves_is_answered(board: Board, clock: Clock) -> None:
    old = clock.at - timedelta(hours=1)
    for minute in range(5):
        board.outbox(Outbox(waiting=9 - minute, oldest=old + timedelta(minutes=minute)))
        clock.at += timedelta(seconds=10)
        assert line(board.picture, clock.at) == "up"


def test_what_waited_for_the_broker_did_not_wait_for_the_dossier(
    board: Board, clock: Clock
) -> None:
    board.broker(False, "refused")
    board.outbox(Outbox(waiting=2, oldest=clock.at))
    clock.at += timedelta(minutes=12)
    board.broker(True, None)
    assert line(board.picture, clock.at) == "up"
    clock.at += UNANSWERED + timedelta(seconds=1)
    assert line(board.picture, clock.at) == "silent"


def test_what_can_still_be_undone_was_sent_to_nobody(board: Board, clock: Clock) -> None:
    until = clock.at + timedelta(seconds=60)
    board.outbox(Outbox(waiting=1, oldest=clock.at, undo_until=until))
    clock.at = until
    assert line(board.picture, clock.at) == "up"
