"""Messages too long for one notification: the segmentation header of GHS and Blood Pressure Record.

One octet precedes every segment: bit 0 first, bit 1 last, bits 2-7 a counter that rolls over (Generic
Health Sensor Service 1.0, *Live Health Observations*; GATT Specification Supplement, *Blood Pressure
Record*). A whole message is one frame with a part for every segment.
"""

from __future__ import annotations

from collections.abc import Iterator

from devicehub.driver import Frame, NotUnderstood

FIRST, LAST = 0x01, 0x02
_COUNTER_VALUES = 64


class Segments:
    """Puts the segments of one connection together again; messages of different places do not mix."""

    def __init__(self) -> None:
        self._parts: dict[str, list[tuple[str, bytes]]] = {}

    def take(self, segment: Frame) -> Iterator[Frame]:
        """What this segment finishes. A message that breaks off is given too: it is kept as evidence.

        A segment that comes twice in a row is taken once: the next would count on.
        """
        on, header = segment.on, segment.data[:1] or b"\0"
        if self._parts.get(on, [])[-1:] == [(on, segment.data)]:
            return
        if header[0] & FIRST and self._parts.get(on):
            yield Frame(tuple(self._parts.pop(on)), segment.model)
        self._parts.setdefault(on, []).append((on, segment.data))
        if header[0] & LAST:
            yield Frame(tuple(self._parts.pop(on)), segment.model)

    def rest(self) -> Iterator[Frame]:
        """Nothing: a message without its last segment is not finished."""
        yield from ()


def joined(frame: Frame) -> bytes:
    """The message of a frame, after the header of its first segment, which is left in place.

    Offsets are then those of the only part in most frames. Raises `NotUnderstood` where a segment is
    missing, doubled or out of order.
    """
    data = b""
    counter = None
    for number, (_on, segment) in enumerate(frame.parts):
        if not segment:
            raise NotUnderstood("a segment without its header", at=0)
        header = segment[0]
        first, last = number == 0, number == len(frame.parts) - 1
        if bool(header & FIRST) != first or bool(header & LAST) != last:
            raise NotUnderstood(f"segment {number + 1} of {len(frame.parts)} says otherwise", at=0)
        if counter is not None and header >> 2 != (counter + 1) % _COUNTER_VALUES:
            raise NotUnderstood(f"segment {number + 1} does not follow the one before", at=0)
        counter = header >> 2
        data += segment if first else segment[1:]
    return data


def segments(message: bytes, size: int, counter: int = 0) -> list[bytes]:
    """The message in segments of at most ``size`` octets, counted from ``counter``."""
    pieces = [message[at : at + size - 1] for at in range(0, len(message), size - 1)] or [b""]
    return [
        bytes(
            [
                (counter + number) % _COUNTER_VALUES << 2
                | (FIRST if number == 0 else 0)
                | (LAST if number == len(pieces) - 1 else 0)
            ]
        )
        + piece
        for number, piece in enumerate(pieces)
    ]
