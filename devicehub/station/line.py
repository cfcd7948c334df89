"""The line to the dossier: one state out of everything that tells of it. Pure.

A broker that is up is not a dossier. The line stands where the dossier is at the broker (its state there, its last
will), answers at its own address when it is asked for the worklist, knows the room's visits, and answers for what it is sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from devicehub.station.board import Picture

Line = Literal["unknown", "down", "silent", "owed", "up"]
"""``down``: the broker is not reached. ``silent``: it is, and the dossier does not answer. ``owed``: it answers, and does
not know all of the room's visits."""

UNANSWERED: Final = timedelta(seconds=15)
"""A reading that could be sent for longer than this and has no receipt says that the dossier does not answer."""


def line(picture: Picture, now: datetime) -> Line:
    """How the line to the dossier is."""
    broker = picture.broker
    if broker is None:
        return "unknown"
    if not broker.up:
        return "down"
    if picture.dossier_here is False or picture.worklist_stale is not None:
        return "silent"
    if picture.dossier_trouble is not None:
        return "owed"
    if _unanswered(picture, now):
        return "silent"
    if picture.dossier_here is None and not picture.worklist_asked:
        return "unknown"
    return "up"


def _unanswered(picture: Picture, now: datetime) -> bool:
    """Whether the oldest of what waits could have been answered for a while, and was not."""
    outbox, broker = picture.outbox, picture.broker
    if outbox is None or outbox.oldest is None or broker is None:
        return False
    moments = (picture.oldest_since, broker.since, outbox.undo_until)
    since = max((moment for moment in moments if moment is not None), default=outbox.oldest)
    return now - since > UNANSWERED
