"""The lookout: the last frames of each device, for the technician. Bytes only while they can be nobody's.

The bytes of a scale are a person's weight. So what came while a visit was open, or soon after, is remembered
without its bytes, and so is whatever a device told from its memory; a simulator's bytes are always shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from devicehub.devices.intake import FrameSeen
from devicehub.driver import Frame, Kind
from devicehub.journal.records import JournalledFrame
from devicehub.reading.reading import Origin
from devicehub.transport.hands import station_now
from devicehub.visit.desk import REMEMBERED, Desk

FRAMES_KEPT = 60
"""Of each device."""

AFTERWARDS = timedelta(minutes=10)
"""How long after a visit a frame may still tell of its patient: no device measures longer."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a frame. ``data`` is hexadecimal; ``None`` where it may be somebody's."""

    on: str
    size: int
    data: str | None


@dataclass(frozen=True, slots=True)
class Sight:
    """A frame as the technician sees it."""

    device: str
    at: datetime
    live: bool
    model: str | None
    parts: tuple[Part, ...]
    kinds: tuple[Kind, ...] = ()
    """What was read in it."""
    not_understood: str | None = None
    number: int | None = None
    """Its number in the journal, where it is looked up there."""


class Lookout:
    """Remembers frames. ``desk`` tells whose they may be."""

    def __init__(self, desk: Desk, *, now: Callable[[], datetime] = station_now) -> None:
        self._desk = desk
        self._now = now
        self._seen: dict[str, deque[tuple[Origin, Sight]]] = {}

    def note(self, seen: FrameSeen) -> None:
        """A frame has come in."""
        stored = any(measurement.stored for measurement in seen.measurements)
        masked = seen.source.origin != "simulator" and (stored or self._is_somebodys(seen.at))
        sight = Sight(
            device=seen.source.id,
            at=seen.at,
            live=seen.live,
            model=seen.frame.model,
            parts=_parts(seen.frame, masked=masked),
            kinds=tuple(dict.fromkeys(measurement.kind for measurement in seen.measurements)),
            not_understood=seen.not_understood,
        )
        kept = self._seen.setdefault(seen.source.id, deque(maxlen=FRAMES_KEPT))
        kept.append((seen.source.origin, sight))

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices of which a frame is remembered."""
        return tuple(self._seen)

    def of(self, device: str) -> tuple[Sight, ...]:
        """The last frames of a device, newest first. While a visit is open, none shows its bytes."""
        kept = reversed(self._seen.get(device, deque()))
        return tuple(
            sight if origin == "simulator" or self._desk.visit is None else _masked(sight)
            for origin, sight in kept
        )

    def of_journal(self, frame: JournalledFrame, reason: str) -> Sight:
        """A frame of the journal that was not understood."""
        evidence = frame.evidence
        masked = frame.origin != "simulator" and self._is_somebodys(evidence.last_byte)
        raw = Frame.from_hex([list(part) for part in evidence.parts], evidence.model)
        return Sight(
            device=frame.device,
            at=evidence.last_byte,
            live=False,
            model=evidence.model,
            parts=_parts(raw, masked=masked),
            not_understood=reason,
            number=evidence.number,
        )

    def _is_somebodys(self, at: datetime) -> bool:
        """Whether a frame of this time may tell of a patient; of a time nobody remembers, it may."""
        if self._desk.visit is not None or at < self._now() - REMEMBERED:
            return True
        return any(
            visit.opened_at <= at
            and (visit.closed_at is None or at <= visit.closed_at + AFTERWARDS)
            for visit in self._desk.recent
        )


def _parts(frame: Frame, *, masked: bool) -> tuple[Part, ...]:
    return tuple(Part(on, len(data), None if masked else data.hex(" ")) for on, data in frame.parts)


def _masked(sight: Sight) -> Sight:
    return replace(sight, parts=tuple(replace(part, data=None) for part in sight.parts))
