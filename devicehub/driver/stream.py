"""Streams of small packets: shown a few hundredths of a second at a time, and read as one stretch of samples.

A front end sends hundreds of packets a second. Several go into one frame, a part each, so that the hub does not
decode, publish and draw every one by itself. What was lost between two packets is kept in the middle of a frame,
where the decoder, which knows nothing of the frames before, can see it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

from devicehub.driver.failures import NotUnderstood
from devicehub.driver.frame import Frame
from devicehub.driver.link import SerialLink
from devicehub.driver.session import SerialSession

_MOST = 8
"""A frame grows to so many times its size where every packet follows a loss."""

SILENCE = timedelta(seconds=1)
"""A pause this long ends a stretch."""

Follows = Callable[[bytes, bytes], bool]
"""Whether a packet is the very next one after another."""


def show(
    packets: int,
    *,
    start: Sequence[bytes] = (),
    follows: Follows = lambda _before, _after: True,
    quiet: float = 2.0,
) -> SerialSession:
    """Show what a device streams, ``packets`` at a time, for as long as the line is open.

    ``start`` is what the device must be told, at first and after ``quiet`` seconds of silence. An empty message is a
    disturbance the framer saw. What a silence leaves incomplete is never shown.
    """

    async def session(link: SerialLink) -> None:
        parts: list[tuple[str, bytes]] = []
        heard = link.now
        while True:
            for command in start:
                await link.write(command)
                parts.clear()
            while (frame := await link.frame(within=quiet)) is not None:
                if not start and link.now - heard > SILENCE:
                    parts.clear()
                heard = link.now
                if _is_enough(parts, frame.data, packets, follows):
                    link.live(Frame(tuple(parts), frame.model))
                    parts.clear()
                if parts or frame.data:
                    parts.append((frame.on, frame.data))

    return session


def _is_enough(
    parts: Sequence[tuple[str, bytes]], packet: bytes, packets: int, follows: Follows
) -> bool:
    if len(parts) < packets:
        return False
    before = parts[-1][1]
    unbroken = bool(before and packet) and follows(before, packet)
    return unbroken or len(parts) >= packets * _MOST


class Packet(Protocol):
    """What one packet says of every lead: counts, or values."""

    @property
    def samples(self) -> Sequence[int | None]:
        """One a lead."""
        ...


Read = TypeVar("Read", bound=Packet)


def read_packets(
    frame: Frame,
    size: int,
    read: Callable[[bytes], Read],
    missing: Callable[[Read, Read], int] | None = None,
    *,
    end_marked: bool = True,
) -> list[Read | None]:
    """The packets of a frame, ``None`` for each that is missing or damaged.

    ``read`` raises `NotUnderstood`; ``missing`` tells how many are lost between two where they are counted. Without an
    end mark nothing shows that a packet lacks an octet but what follows it: the one before a disturbance is not trusted. Raises
    `NotUnderstood` where there is no whole packet, and for one damaged in a frame of a single part, at its offset.
    """
    found: list[Read | None] = []
    before: Read | None = None
    for packet in _split(frame, size):
        try:
            now = read(packet)
        except NotUnderstood as error:
            if len(frame.parts) == 1:
                at = None if error.at is None else len(found) * size + error.at
                raise NotUnderstood(error.reason, at) from None
            if found and not end_marked:
                found[-1] = None
            if not found or found[-1] is not None:
                found.append(None)
            continue
        if before is not None and missing is not None:
            if found[-1] is None:
                found.pop()
            found += [None] * missing(before, now)
        found.append(now)
        before = now
    if not any(found):
        raise NotUnderstood("no whole packet", at=0)
    return found


def _split(frame: Frame, size: int) -> list[bytes]:
    if len(frame.parts) > 1:
        return [packet for _on, packet in frame.parts]
    data = frame.data
    return [data[at : at + size] for at in range(0, len(data) or 1, size)]


def newest(packets: Sequence[Read | None]) -> Read:
    """The newest packet that arrived."""
    return next(packet for packet in reversed(packets) if packet is not None)


def counts_of(packets: Sequence[Packet | None], leads: int) -> tuple[tuple[int | None, ...], ...]:
    """The samples as they were sent, by lead."""
    lost: Sequence[int | None] = (None,) * leads
    return tuple(zip(*(lost if one is None else one.samples for one in packets), strict=True))


def microvolts_of(
    counts: Sequence[Sequence[int | None]], one_count: Decimal
) -> tuple[tuple[Decimal | None, ...], ...]:
    """The same in microvolts, to a tenth of a nanovolt, where ``one_count`` is what a count is worth."""
    # A double keeps fifteen digits: a count of 24 bits and a tenth of a nanovolt need twelve at most.
    tenths = float(one_count * 10_000)
    return tuple(
        tuple(
            None if count is None else Decimal(round(count * tenths)).scaleb(-4) for count in lead
        )
        for lead in counts
    )


def stated(model: str | None, pattern: str) -> Decimal | None:
    """The number that ``pattern``'s group finds in the model a device was bound as, where it is there."""
    found = re.search(pattern, model or "", re.IGNORECASE)
    return Decimal(found[1]) if found else None
