"""A message on its way to the broker, and one that came from it."""

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Incoming", "Message"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message to publish as it stands: a last will, a birth."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that came from the broker, until `ack` owed to it."""

    topic: str
    payload: bytes
    qos: int
    retained: bool
    _acknowledge: Callable[[], bool] = field(repr=False)

    def ack(self) -> bool:
        """Acknowledge to the broker, from any thread; False when its connection is gone."""
        return self._acknowledge()
