"""What keeps a transport from working at all, in words for the person who must act."""

from __future__ import annotations


class RadioUnavailable(Exception):
    """There is no radio to listen with. ``reason`` says what is missing and the next physical act."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
