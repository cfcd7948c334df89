"""What can go wrong with the journal, in words for the person who must act."""

from __future__ import annotations


class JournalFailed(Exception):
    """The journal cannot be used; the message says why and what to do."""


class JournalBusy(JournalFailed):
    """Another process holds this journal."""


class JournalTooNew(JournalFailed):
    """A newer devicehub has written this journal."""


class JournalFull(JournalFailed):
    """Nothing was written: the disk is full or failing. What was committed before is safe.

    A later write may succeed. Whoever receives this must stop taking readings in, loudly.
    """


class NotAllowed(Exception):
    """A change that the states of a reading, its attributions or the visits do not allow."""
