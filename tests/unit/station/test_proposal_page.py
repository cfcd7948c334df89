"""The proposal's fragment: everything it can say, in both languages, and never more than is waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from uuid import uuid4

import pytest
from browser_station import Station
from station_room import ALICE, BRUNO, CUFF, filing, pressure, visit

from devicehub.station.board import Board
from devicehub.station.page import Page, Viewer
from devicehub.station.picture import PROPOSAL, Picture
from devicehub.station.words import LANGUAGES, Language, Words, catalogue
from devicehub.transport.port_trouble import line_lost
from devicehub.visit.operators import NOBODY
from devicehub.visit.reception import Notice, Proposal, Waiting

NOTICES = [notice for literal in get_args(Notice) for notice in get_args(literal)]
Said = Callable[..., str]


@pytest.fixture
async def said(tmp_path: Path) -> AsyncIterator[Said]:
    """The proposal's fragment of a picture, in French or in a language."""
    station = Station(tmp_path)
    await station.open()
    page = Page(station.hub)

    def render(picture: Picture, language: Language = "fr") -> str:
        viewer = Viewer(Words(language), NOBODY)
        return page.fragment(PROPOSAL, picture, viewer, datetime.now(UTC))

    yield render
    await station.end()


def waiting(**what: object) -> Picture:
    return replace(Board(simulation=True).picture, waiting=Waiting(**what))  # type: ignore[arg-type]


async def test_nobody_waits_and_nothing_is_shown(said: Said) -> None:
    assert "hidden" in said(waiting())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("notice", NOTICES)
async def test_every_refusal_is_a_sentence_that_says_what_to_do(
    said: Said, notice: str, language: Language
) -> None:
    sentence = catalogue(language)[f"scan.{notice}"]
    assert sentence in said(waiting(notice=notice), language).replace("&#39;", "'")
    assert sentence.endswith(".")
    does = {"fr": "ouvr|relisez|Lisez|présentez|est déjà", "en": "open|read|Read|present"}[language]
    assert any(verb in sentence for verb in does.split("|")), sentence


def test_no_word_is_for_a_refusal_that_does_not_exist() -> None:
    known = {key.removeprefix("scan.") for key in catalogue("fr") if key.startswith("scan.")}
    assert known == set(NOTICES)


async def test_the_open_visit_that_would_be_closed_is_named(said: Said) -> None:
    proposed = waiting(proposal=Proposal(uuid4(), BRUNO))
    assert "sera close" not in said(proposed)
    over_alice = replace(proposed, visit=visit(), identity=ALICE)
    assert "La visite ouverte de TEST Alice sera close." in said(over_alice)
    unnamed = replace(proposed, visit=visit())
    assert "La visite ouverte en ce moment sera close." in said(unnamed)


async def test_what_would_be_left_undecided_is_counted(said: Said) -> None:
    waits, done = filing(CUFF, pressure(), "to_review"), filing(CUFF, pressure(), "accepted")
    proposed = replace(
        waiting(proposal=Proposal(uuid4(), BRUNO)),
        visit=visit(),
        filings={one.reading.id: one for one in (waits, done)},
    )
    assert "1 relevé attend encore une décision" in said(proposed)
    assert "décision" not in said(replace(proposed, filings={}))


async def test_a_lost_reader_is_told_with_its_cause(said: Said) -> None:
    assert "COM3" in said(waiting(reader_lost="COM3 : port introuvable"))
    both = waiting(reader_lost="COM3 : port introuvable", proposal=Proposal(uuid4(), BRUNO))
    assert "Bruno" in said(both)
    noticed = waiting(reader_lost="COM3 : port introuvable", notice="no_separator")
    for one in (both, noticed):
        assert "lecteur d’identité n’est pas joignable" in said(one), "nothing else hides it"
        assert "COM3" in said(one)


async def test_a_lost_reader_is_told_in_one_language(said: Said) -> None:
    lost = str(line_lost("COM3", "port introuvable", "no such port"))
    assert "port introuvable" in said(waiting(reader_lost=lost))
    assert "no such port" not in said(waiting(reader_lost=lost))
    assert "COM3: no such port" in said(waiting(reader_lost=lost), "en")
    assert "introuvable" not in said(waiting(reader_lost=lost), "en")


async def test_a_proposal_follows_what_waits_in_the_open_visit() -> None:
    board = Board(simulation=True)
    board.visit(visit(), ALICE)
    with board.watch() as watcher:
        board.filing(filing(CUFF, pressure(), "to_review"))
        assert PROPOSAL not in (await watcher.changes(1.0)).parts
        board.reception(Waiting(proposal=Proposal(uuid4(), BRUNO)))
        await watcher.changes(1.0)
        board.filing(filing(CUFF, pressure(), "to_review"))
        assert PROPOSAL in (await watcher.changes(1.0)).parts


def test_the_board_tells_the_page_of_it() -> None:
    board = Board(simulation=True)
    with board.watch() as watcher:
        board.reception(Waiting(notice="damaged"))
        board.visit(visit(), ALICE)
        assert PROPOSAL in watcher._parts
    assert board.picture.waiting.notice == "damaged"
