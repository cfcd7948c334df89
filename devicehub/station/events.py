"""Server-sent events: the streams that keep a page, or a program, up to date.

The wire format is HTML Living Standard §9.2.5. Starlette's own streaming response carries it: it ends when
the browser leaves, and nothing of it runs on afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from devicehub.journal.records import Filing
from devicehub.station.board import Board
from devicehub.station.page import STRIP, Page, Viewer
from devicehub.station.picture import TILES
from devicehub.station.snapshot import as_json, filing_told
from devicehub.station.words import Words

BEAT: Final = 2.0
"""Seconds: a page that hears nothing for three of these greys its values (`static/station.js`)."""

SHORTEST_GAP: Final = 0.02
"""Seconds between two sets of fragments: a device that says a hundred things a second repaints fifty times."""

RETRY_MILLISECONDS: Final = 1000


class EventStream(StreamingResponse):
    """A stream of server-sent events, closed with its connection."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[str, None]) -> None:
        super().__init__(events, headers={"X-Accel-Buffering": "no"})
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the events end or the browser leaves, then release what they hold."""
        async with aclosing(self._events):
            await super().__call__(scope, receive, send)


def event(name: str, data: str) -> str:
    """One event on the wire; each line of its data has the field's name in front."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n"


async def page_events(
    board: Board,
    page: Page,
    viewer: Viewer,
    *,
    leaving: Callable[[], bool],
    signed_in: Callable[[], bool],
) -> AsyncGenerator[str, None]:
    """The fragments that changed, and a beat. The first set is whole: a page may come from another life.

    A fragment is named after its element. One that would look the same is not sent again. Time changes
    fragments too (how long a reading waits, a live value that is no longer fresh): each beat looks. Once nobody is
    ``signed_in`` the page is told so, and nothing more.
    """
    sent: dict[str, str] = {}
    with board.watch() as watcher:
        yield f"retry: {RETRY_MILLISECONDS}\n" + event("hello", page.mark(board.picture))
        due: frozenset[str] = frozenset({TILES, *STRIP})
        while not (watcher.ended or leaving()):
            if not signed_in():
                yield event("signed-out", "")
                return
            picture, now = board.picture, datetime.now(UTC)
            frame = page.frame(picture, viewer, now)
            is_new_frame = sent.get(TILES) != frame
            out = []
            if is_new_frame:
                sent[TILES] = frame
                out.append(event(TILES, page.fragment(TILES, picture, viewer, now)))
            every = not due or TILES in due
            for part in (*STRIP, *page.tiles(picture)):
                if not every and part not in due:
                    continue
                html = page.fragment(part, picture, viewer, now)
                if sent.get(part) != html:
                    sent[part] = html
                    if part in STRIP or not is_new_frame:
                        out.append(event(part, html))
            yield "".join(out) + event("beat", "")
            await asyncio.sleep(SHORTEST_GAP)
            due = (await watcher.changes(BEAT)).parts


async def filing_events(
    board: Board, words: Words, leaving: Callable[[], bool]
) -> AsyncGenerator[str, None]:
    """Every change of a reading's state as JSON, without identity; first what the board knows.

    A follower too slow for them is told how many it missed.
    """

    def told(filing: Filing) -> dict[str, Any]:
        return filing_told(filing, board.picture, words)

    with board.watch() as watcher:
        known = [*board.picture.filings.values(), *board.picture.tray]
        yield ": filings\n\n" + "".join(_message(told(filing)) for filing in known)
        while not (watcher.ended or leaving()):
            changes = await watcher.changes(BEAT)
            missed = event("missed", as_json({"missed": changes.missed})) if changes.missed else ""
            moved = "".join(_message(told(filing)) for filing in changes.filings)
            yield missed + moved or ": beat\n\n"


def _message(data: dict[str, Any]) -> str:
    return f"data: {as_json(data)}\n\n"
