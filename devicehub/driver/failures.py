"""The three ways a conversation with a device can fail. Anything else is a bug in the driver."""

from __future__ import annotations


class NotUnderstood(Exception):
    """Bytes this driver does not claim to understand: the frame is kept and counted, no reading is made.

    ``at`` is the offset, in bytes from the start of the part being read, where understanding ended;
    ``None`` where no single place is to blame.
    """

    def __init__(self, reason: str, at: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


class Unwitnessed(NotUnderstood):
    """Bytes of this driver's device, of which nothing is read until its `model` states what a technician has seen of it."""


class LinkLost(Exception):
    """The world came between: out of range, unplugged, silent. The supervisor tries again later."""


class Refused(Exception):
    """The device said no (pairing, password, a command). Shown to the operator as it is."""
