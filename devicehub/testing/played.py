"""A capture is already a simulator: a device that says again what the recorded one said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from devicehub.driver import SERIAL
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message
from devicehub.transport.tape import Capture, Step

ATTRIBUTE_NOT_FOUND = 0x0A


class PlayedBle:
    """A Bluetooth device out of a capture.

    What the recorded device sent after a write follows that write again; what it sent by itself is its
    measurement. Its clock and its values are the recorded ones.
    """

    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, capture: Capture) -> None:
        advert = capture.header.advert
        self._values = {s.on: s.data for s in capture.steps if s.do == "value"}
        self._answers, self._alone = _answers(capture.steps)
        self.memory: list[Message] = []
        self.advertisement = Advertisement(
            name=advert.name if advert else capture.header.device,
            services=advert.services if advert else (),
            company_data=advert.company_data if advert else {},
            service_data=advert.service_data if advert else {},
        )
        service = self.advertisement.services[0] if self.advertisement.services else "1800"
        self.services: Mapping[str, Mapping[str, frozenset[Access]]] = {
            service: {on: self._access(on, capture.steps) for on in _places(capture)}
        }

    @staticmethod
    def _access(on: str, steps: tuple[Step, ...]) -> frozenset[Access]:
        does: set[Access] = set()
        for step in steps:
            if step.on == on:
                if step.do == "read":
                    does.add("read")
                elif step.do == "write":
                    does.add("write")
                elif step.do == "command":
                    does.add("write_command")
                elif step.do in ("subscribe", "message"):
                    does.add("notify")
        return frozenset(does or {"read"})

    def read(self, on: str, now: datetime) -> bytes:
        """What the recorded device answered."""
        del now
        if on not in self._values:
            raise AttributeRefused(ATTRIBUTE_NOT_FOUND)
        return self._values[on]

    def write(self, on: str, data: bytes, now: datetime) -> Iterator[Message]:
        """What the recorded device sent after this write, or after the one that begins most like it.

        A clock is set to another time today: the command and its length are the same.
        """
        del now
        known = [asked for place, asked in self._answers if place == on]
        if known:
            nearest = max(reversed(known), key=lambda asked: _alike(asked, data))
            yield from self._answers[on, nearest]

    def measure(self, now: datetime) -> Iterator[Message]:
        """What the recorded device sent by itself."""
        del now
        yield from self._alone


class PlayedSerial:
    """A serial device out of a capture."""

    def __init__(self, capture: Capture) -> None:
        self._answers, self._alone = _answers(capture.steps)

    def receive(self, data: bytes, now: datetime) -> bytes:
        """What the recorded device answered to these bytes, one answer after the other, then again."""
        del now
        answers = self._answers.get((SERIAL, data), [])
        if not answers:
            return b""
        answers.append(answers.pop(0))
        return answers[-1].data

    def measure(self, now: datetime) -> Iterator[Message]:
        """What the recorded device sent by itself."""
        del now
        yield from self._alone


class _ReplayedBle:
    """Makes the Bluetooth device of a capture, as often as asked."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self.services: object = PlayedBle(capture).services

    def __call__(self, *, serial_number: str, seed: int) -> PlayedBle:
        del serial_number, seed  # A recorded device is always itself.
        return PlayedBle(self._capture)


class _ReplayedSerial:
    """Makes the serial device of a capture, as often as asked."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def __call__(self, *, seed: int) -> PlayedSerial:
        del seed
        return PlayedSerial(self._capture)


def replayed(capture: Capture) -> _ReplayedBle | _ReplayedSerial:
    """How to make the device a capture was made of, in the form of a simulator's ``SIMULATOR``."""
    serial = any(step.on == SERIAL for step in capture.steps)
    return _ReplayedSerial(capture) if serial else _ReplayedBle(capture)


def _places(capture: Capture) -> list[str]:
    offered = capture.header.characteristics or tuple(step.on for step in capture.steps)
    return list(dict.fromkeys(on for on in offered if not on.startswith("adv")))


def _answers(
    steps: tuple[Step, ...],
) -> tuple[dict[tuple[str, bytes], list[Message]], list[Message]]:
    """What followed each write, and what followed none."""
    answers: dict[tuple[str, bytes], list[Message]] = {}
    alone: list[Message] = []
    asked: Step | None = None
    before = 0.0
    for step in steps:
        if step.do in ("write", "command"):
            asked = step
            answers.setdefault((step.on, step.data), [])
        elif step.do == "message":
            message = Message(on=step.on, data=step.data, after=max(0.0, step.t - before))
            if asked is None:
                alone.append(message)
            else:
                answers[asked.on, asked.data].append(message)
        before = step.t
    return answers, alone


def _alike(one: bytes, other: bytes) -> tuple[bool, int]:
    """How alike two writes are: the same, or the same from the beginning for so many bytes."""
    differs = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return one == other, next(differs, min(len(one), len(other)))
