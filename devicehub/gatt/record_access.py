"""Record Access Control Point (0x2A52): asking a device for the records it has stored.

Op codes, operators and answers: GATT Specification Supplement, *Record Access Control Point*; Glucose
Service 1.0.1, section 3.5. A request is written, the records are notified on a characteristic of their own,
and the answer is indicated when the last one has been sent. Nothing here ever deletes a record.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple, Protocol

from devicehub.driver import BleLink, Frame, LinkLost, NotUnderstood, Reader, Refused, uuid16

CONTROL_POINT = uuid16(0x2A52)

PATIENCE = 30.0
"""Seconds a procedure may be silent: the procedure time-out (Glucose Service 1.0.1, section 3.5.2)."""

_NULL = 0
_SEQUENCE_NUMBER = 1
"""The filter of an operand: records chosen by their sequence number."""


class Op(IntEnum):
    """What is asked or answered."""

    REPORT = 1
    REPORT_NUMBER = 4
    NUMBER = 5
    RESPONSE = 6


class Operator(IntEnum):
    """Of which records."""

    ALL = 1
    FROM = 3
    BETWEEN = 4
    FIRST = 5
    LAST = 6


class Answer(IntEnum):
    """How a procedure ended."""

    SUCCESS = 1
    OP_NOT_SUPPORTED = 2
    OPERATOR_NOT_SUPPORTED = 4
    INVALID_OPERAND = 5
    NO_RECORDS = 6


class Ended(NamedTuple):
    """The end of a procedure: what was asked, and the `Answer` (a number where it is a reserved one)."""

    asked: int
    answer: int


class Count(NamedTuple):
    """How many records the device holds of those asked for."""

    records: int


class Request(NamedTuple):
    """A request as a device reads it; ``numbers`` are the sequence numbers that limit it."""

    op: int
    operator: int
    numbers: tuple[int, ...]


class Join(Protocol):
    """Puts together what belongs together: the messages of one connection in, whole frames out."""

    def take(self, frame: Frame) -> Iterator[Frame]:
        """The frames that this message finishes."""
        ...

    def rest(self) -> Iterator[Frame]:
        """What was waiting for a message that will not come, where it is whole without it."""
        ...


class Whole:
    """For records of one message each: nothing to join."""

    def take(self, frame: Frame) -> Iterator[Frame]:
        """The message as it came."""
        yield frame

    def rest(self) -> Iterator[Frame]:
        """Nothing: no message waits for another."""
        yield from ()


def encode_request(op: Op, operator: Operator, *numbers: int) -> bytes:
    """The bytes of a request: ``numbers`` are one sequence number, or two for `Operator.BETWEEN`."""
    data = bytes([op, operator])
    if numbers:
        data += bytes([_SEQUENCE_NUMBER])
    return data + b"".join(number.to_bytes(2, "little") for number in numbers)


def decode_request(data: bytes) -> Request:
    """What a hub asked: the side of the device."""
    reader = Reader(data)
    op, operator = reader.u8(), reader.u8()
    if not reader.left:
        return Request(op, operator, ())
    at = reader.at
    if reader.u8() != _SEQUENCE_NUMBER:
        raise NotUnderstood("records are chosen by sequence number only", at=at)
    numbers = [reader.u16()]
    if operator == Operator.BETWEEN:
        numbers.append(reader.u16())
    reader.end()
    return Request(op, operator, tuple(numbers))


def encode_ended(asked: int, answer: Answer) -> bytes:
    """The bytes that end a procedure."""
    return bytes([Op.RESPONSE, _NULL, asked, answer])


def encode_count(records: int) -> bytes:
    """The bytes that answer how many records there are."""
    return bytes([Op.NUMBER, _NULL]) + records.to_bytes(2, "little")


def decode(data: bytes) -> Ended | Count:
    """What a device indicates on the control point."""
    reader = Reader(data)
    op = reader.u8()
    at = reader.at
    if reader.u8() != _NULL:
        raise NotUnderstood("an answer has no operator", at=at)
    answer: Ended | Count
    if op == Op.NUMBER:
        answer = Count(reader.u16())
    elif op == Op.RESPONSE:
        answer = Ended(reader.u8(), reader.u8())
    else:
        raise NotUnderstood(f"op code {op} is no answer", at=0)
    reader.end()
    return answer


async def fetch(
    link: BleLink, *records: str, join: Join, operator: Operator = Operator.ALL
) -> None:
    """Hand over every record that ``operator`` chooses, each once it is whole, oldest first.

    Both ``records`` and the control point must be subscribed. Returns when the device says that it has
    sent them all, or that it has none. Raises `Refused` where it says no, `LinkLost` where it falls silent.
    """
    await link.write(CONTROL_POINT, encode_request(Op.REPORT, operator))
    async for message in link.frames(CONTROL_POINT, *records, quiet=PATIENCE):
        if message.on != CONTROL_POINT:
            for frame in join.take(message):
                await link.deliver(frame)
            continue
        ended = decode(message.data)
        if not isinstance(ended, Ended) or ended.asked != Op.REPORT:
            continue
        for frame in join.rest():
            await link.deliver(frame)
        if ended.answer not in (Answer.SUCCESS, Answer.NO_RECORDS):
            raise Refused(
                "L'appareil refuse de transmettre ses mesures enregistrées "
                f"(code {ended.answer}). / The device refuses to send its stored records."
            )
        return
    raise LinkLost(f"no answer on {CONTROL_POINT} within {PATIENCE:.0f} s of the last record")
