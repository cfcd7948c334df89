"""Play a capture with a fault in it: a link cut, a silence, a message lost or doubled.

No clock and no loop, as in `devicehub.testing.replay`, but the device is patient: where the session leaves
the captured conversation, nothing contradicts it and the device falls silent. Time is virtual: it passes
where the session waits. A session that waits for ever is cut off after `PATIENCE_SECONDS` of silence; one
that lets no time pass, or that goes on although its link is lost, hangs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from devicehub.driver import (
    SERIAL,
    Driver,
    Frame,
    Framer,
    LinkLost,
    NotUnderstood,
    Refused,
    SerialDriver,
)
from devicehub.testing.replay import Frames, Handed
from devicehub.transport.tape import Capture, HubDoes, Step

PATIENCE_SECONDS = 90.0
_RESTLESS = 1000
_DEAF = 100

Fault = Literal["cut", "silence", "loss", "double"]


class Hangs(AssertionError):
    """A session that does not end. The message names the capture's place and the fault."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """A capture with a fault at the step ``at``."""

    capture: Capture
    fault: Fault
    at: int

    def __str__(self) -> str:
        """Where, and what."""
        return f"{self.capture.place(self.at)}: {self.fault}"

    @property
    def steps(self) -> tuple[Step, ...]:
        """What is left of the conversation."""
        steps = self.capture.steps
        match self.fault:
            case "cut" | "silence":
                return steps[: self.at]
            case "loss":
                return steps[: self.at] + steps[self.at + 1 :]
            case "double":
                return steps[: self.at + 1] + steps[self.at :]


def faults(driver: Driver, capture: Capture) -> list[Faulty]:
    """Every fault at every step where it can be.

    Only a radio doubles messages, and of them only advertisements are lost alone: the link layer sends
    everything else until it is acknowledged (Core Specification, vol. 6, part B, 4.5.9).
    """
    radio = not isinstance(driver, SerialDriver)
    found: list[Faulty] = []
    for at, step in enumerate(capture.steps):
        found.append(Faulty(capture, "cut", at))
        if step.by == "device":
            found.append(Faulty(capture, "silence", at))
        if radio and step.do == "message":
            found.append(Faulty(capture, "double", at))
            if step.on.startswith("adv"):
                found.append(Faulty(capture, "loss", at))
    return found


def endure(driver: Driver, faulty: Faulty) -> list[Handed]:
    """The frames the session hands over in spite of the fault. Raises `Hangs`, or what the session raises.

    It may return or fail in one of the three known ways; anything else is a bug of the driver.
    """
    link: _FaultySerialLink | _FaultyBleLink
    if isinstance(driver, SerialDriver):
        link = _FaultySerialLink(faulty, driver.line.framer())
        session = driver.session(link)
    else:
        link = _FaultyBleLink(faulty)
        session = driver.session(link)
    steps = session.__await__()
    try:
        next(steps)
    except (StopIteration, LinkLost, NotUnderstood, Refused):
        return link.handed
    steps.close()
    raise Hangs(f"{faulty}: the session awaited something that is not the link")


class _FaultyLink:
    def __init__(self, faulty: Faulty) -> None:
        self._faulty = faulty
        self._steps: Sequence[Step] = faulty.steps
        self._at = 0
        self._elapsed = 0.0
        self._silent_for = 0.0
        self._restless = 0
        self._lost = 0
        self._silent = False
        self._inbox: deque[Frame] = deque()
        self.handed: list[Handed] = []
        self._secrets = dict(faulty.capture.header.secrets)

    @property
    def now(self) -> datetime:
        """The recorded time of the last step, and what was waited since."""
        return self._faulty.capture.header.recorded + timedelta(seconds=self._elapsed)

    @property
    def model(self) -> str | None:
        """The model the capture was made with."""
        return self._faulty.capture.header.model

    @property
    def secrets(self) -> Mapping[str, bytes]:
        """The capture's, and what was kept."""
        return self._secrets

    def keep(self, name: str, secret: bytes) -> None:
        """Remember a secret."""
        self._secrets[name] = secret

    async def deliver(self, frame: Frame) -> None:
        """Note a finished frame."""
        self._tick()
        self.handed.append(Handed(frame, finished=True, at=self.now, secrets=dict(self._secrets)))

    def live(self, frame: Frame) -> None:
        """Note a frame that is only shown."""
        self._tick()
        self.handed.append(Handed(frame, finished=False, at=self.now, secrets=dict(self._secrets)))

    async def pause(self, seconds: float) -> None:
        """Let virtual time pass. Raises `LinkLost`."""
        self._ask()
        self._wait(seconds)

    def _tick(self) -> None:
        self._restless += 1
        if self._restless > _RESTLESS:
            raise Hangs(f"{self._faulty}: the session goes on without letting time pass")

    def _ask(self) -> None:
        """The session turns to the link, which may be lost."""
        self._tick()
        if not self._silent and self._at == len(self._steps):
            if self._faulty.fault == "silence":
                self._silent = True
            else:
                self._lose()
        if self._silent_for > PATIENCE_SECONDS:
            self._lose()

    def _lose(self) -> None:
        self._lost += 1
        if self._lost > _DEAF:
            raise Hangs(f"{self._faulty}: the session goes on although the link is lost")
        raise LinkLost("the link is lost")

    def _wait(self, seconds: float) -> None:
        self._elapsed += seconds
        self._silent_for += seconds
        if seconds > 0:
            self._restless = 0

    def _advance(self) -> Step:
        step = self._steps[self._at]
        self._at += 1
        self._elapsed = max(self._elapsed, step.t)
        self._restless, self._silent_for = 0, 0.0
        return step

    def _take(self, do: HubDoes, on: Collection[str], data: bytes = b"") -> Step | None:
        """The captured step, or ``None``: the session has left the conversation, and the device is silent."""
        self._ask()
        while not self._silent and self._at < len(self._steps):
            step = self._steps[self._at]
            if step.by == "device":
                self._receive(self._advance())
                continue
            if step.do == do and step.on in on and step.data == data:
                return self._advance()
            self._silent = True
        if not self._silent:
            self._ask()
        return None

    def _answer(self, step: Step | None) -> Step | None:
        """What the device answered at once. Raises `Refused`."""
        if step is None or self._at == len(self._steps):
            return None
        answer = self._steps[self._at]
        if answer.by == "hub" or answer.on != step.on or answer.do == "message":
            return None
        self._advance()
        if answer.do == "refused":
            raise Refused(f"{answer.on}: ATT error 0x{answer.data.hex()}")
        return answer

    def _next(self, on: Collection[str], within: float) -> Frame | None:
        """The next message on one of these, or ``None`` after ``within`` seconds of silence."""
        while True:
            for frame in self._inbox:
                if frame.on in on:
                    self._inbox.remove(frame)
                    self._tick()
                    return frame
            self._ask()
            if self._silent or self._steps[self._at].by == "hub":
                self._wait(within)
                return None
            self._receive(self._advance())

    def _receive(self, step: Step) -> None:
        raise NotImplementedError


class _FaultySerialLink(_FaultyLink):
    def __init__(self, faulty: Faulty, framer: Framer) -> None:
        super().__init__(faulty)
        self._framer = framer

    async def write(self, data: bytes) -> None:
        """Send bytes, which may go unheard."""
        self._take("write", {SERIAL}, data)

    async def frame(self, *, within: float) -> Frame | None:
        """The next frame, if one comes."""
        return self._next({SERIAL}, within)

    def _receive(self, step: Step) -> None:
        for message in self._framer.feed(step.data):
            self._inbox.append(Frame.of(SERIAL, message, self.model))


class _FaultyBleLink(_FaultyLink):
    def __init__(self, faulty: Faulty) -> None:
        super().__init__(faulty)
        self._subscribed: set[str] = set()

    @property
    def characteristics(self) -> frozenset[str]:
        """What the captured device offers."""
        return frozenset(self._faulty.capture.header.characteristics)

    async def subscribe(self, *characteristics: str) -> None:
        """Ask for notifications, in any order among themselves."""
        wanted = set(characteristics)
        while wanted:
            step = self._take("subscribe", wanted)
            self._answer(step)
            if step is None:
                self._subscribed |= wanted
                return
            wanted.discard(step.on)
            self._subscribed.add(step.on)

    async def read(self, characteristic: str) -> bytes:
        """The captured value. A silent device loses the link: no answer to a request is its end."""
        step = self._take("read", {characteristic})
        while step is not None:
            answer = self._answer(step)
            if answer is not None:
                return answer.data
            if self._at == len(self._steps) or self._steps[self._at].by == "hub":
                break
            self._receive(self._advance())
        self._silent, self._silent_for = True, PATIENCE_SECONDS + 1
        raise LinkLost(f"{characteristic}: no answer")

    async def write(self, characteristic: str, data: bytes, *, response: bool = True) -> None:
        """Write a value, which may change nothing."""
        self._answer(self._take("write" if response else "command", {characteristic}, data))

    async def expect(self, characteristic: str, *, prefix: bytes = b"", within: float) -> bytes:
        """The next message that starts so. Raises `LinkLost`."""
        while (frame := self._next({characteristic}, within)) is not None:
            if frame.data.startswith(prefix):
                return frame.data
        raise LinkLost(f"{characteristic}: nothing within {within} s")

    def frames(self, *characteristics: str, quiet: float) -> Frames:
        """The messages, until ``quiet`` seconds pass without one."""
        return Frames(lambda: self._next(characteristics, quiet))

    def _receive(self, step: Step) -> None:
        if step.do == "message" and (step.on in self._subscribed or step.on.startswith("adv")):
            self._inbox.append(Frame.of(step.on, step.data, self.model))
