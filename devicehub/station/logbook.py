"""The logbook: the last lines of the log, for the technician's page. They tell no value and no person.

A traceback stays in the log itself: what was at hand when a driver failed may be a value.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

LINES_KEPT = 400


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event. ``level`` is the log's own word."""

    at: datetime
    level: str
    part: str
    """Which part of devicehub says it."""
    text: str


class Logbook(logging.Handler):
    """Keeps the last lines. Any thread may log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[LogLine] = deque(maxlen=LINES_KEPT)

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The last lines, newest first."""
        return tuple(reversed(self._lines.copy()))

    @contextmanager
    def kept(self) -> Iterator[Self]:
        """Listen to everything that is logged, for as long as the context lasts."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield self
        finally:
            root.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take in one event."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            text = f"{text} ({record.exc_info[0].__name__})"
        at = datetime.fromtimestamp(record.created, UTC)
        self._lines.append(LogLine(at, record.levelname, record.name, text))
