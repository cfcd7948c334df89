"""Play a capture to a driver: no clock, no event loop, no device.

A replay link answers every question at once with what was captured, so a whole session runs in one step of
its coroutine; where it does not, the driver awaited something that is not its link. Time is the capture's:
``now`` is when the step at hand was recorded. What the hub sends must be what the capture holds, byte for
byte and in its order (only the characteristics of one ``subscribe`` may come in any). Where the capture
ends the link is lost, which ends a session as it does in life.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from devicehub.driver import (
    SERIAL,
    Driver,
    Frame,
    Framer,
    LinkLost,
    Measurement,
    NotUnderstood,
    Refused,
    Secrets,
    SerialDriver,
)
from devicehub.transport.tape import Capture, HubDoes, Step

_ADVERTISED = "adv"
_WRITES = ("write", "command")
_PATIENCE = 100
"""How often a session may find silence in a row before it is clear that it will never go on."""


class ReplayFailed(AssertionError):
    """The driver and the capture do not agree. The message names the capture's file and line."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A frame the session handed over, delivered to be kept or only shown, and when.

    ``secrets`` are the device's, as the session knew them at that moment: what unseals the frame.
    """

    frame: Frame
    finished: bool
    at: datetime
    secrets: Secrets = field(default_factory=dict)


def replay(
    driver: Driver, capture: Capture, *, started: datetime | None = None
) -> list[Measurement]:
    """What ``driver`` reads from ``capture``, shown and delivered, in order. Raises `ReplayFailed`.

    With ``started`` the conversation is moved to another moment; then writes may differ (a clock is set
    to another time, or not at all) but everything received must still be taken.
    """
    found: list[Measurement] = []
    for handed in converse(driver, capture, started=started):
        try:
            found += driver.decode(driver.unseal(handed.frame, handed.secrets))
        except NotUnderstood:  # as in the hub: the frame is kept, there is no reading
            continue
    return found


def converse(driver: Driver, capture: Capture, *, started: datetime | None = None) -> list[Handed]:
    """The frames ``driver``'s session hands over when it plays ``capture``. Raises `ReplayFailed`."""
    link: ReplayBleLink | ReplaySerialLink
    if isinstance(driver, SerialDriver):
        link = ReplaySerialLink(capture, started, driver.line.framer())
        session = driver.session(link)
    else:
        link = ReplayBleLink(capture, started)
        session = driver.session(link)
    steps = session.__await__()
    try:
        next(steps)
    except (StopIteration, LinkLost, NotUnderstood, Refused):
        link.finish()
        return link.handed
    steps.close()
    raise ReplayFailed(f"{link.place}: the session awaited something that is not the link")


class _ReplayLink:
    """Where the capture stands, and what has arrived of it."""

    def __init__(self, capture: Capture, started: datetime | None) -> None:
        self._capture = capture
        self._steps = capture.steps
        self._exact = started is None
        self._started = started or capture.header.recorded
        self._at = 0
        self._silences = 0
        self._inbox: deque[tuple[Frame, int]] = deque()
        self.handed: list[Handed] = []
        self.secrets = dict(capture.header.secrets)

    @property
    def place(self) -> str:
        """Where the capture stands, as ``file:line``."""
        return self._capture.place(min(self._at, len(self._steps) - 1))

    @property
    def now(self) -> datetime:
        """The recorded time of what the hub does next, else of what arrived last."""
        if not self._steps:
            return self._started
        at = self._at if self._hub_is_next() else max(self._at - 1, 0)
        return self._started + timedelta(seconds=self._steps[at].t)

    @property
    def model(self) -> str | None:
        """The model the capture was made with."""
        return self._capture.header.model

    @property
    def _arrived(self) -> datetime:
        """When the step before the next one was recorded: what is handed over came with it at the latest."""
        seconds = self._steps[self._at - 1].t if self._at else 0.0
        return self._started + timedelta(seconds=seconds)

    def keep(self, name: str, secret: bytes) -> None:
        """Remember a secret for as long as the replay lasts."""
        self.secrets[name] = secret

    async def deliver(self, frame: Frame) -> None:
        """Note a finished frame."""
        self._hand(frame, finished=True)

    def live(self, frame: Frame) -> None:
        """Note a frame that is only shown."""
        self._hand(frame, finished=False)

    def _hand(self, frame: Frame, *, finished: bool) -> None:
        self.handed.append(Handed(frame, finished, self._arrived, dict(self.secrets)))

    async def pause(self, seconds: float) -> None:
        """Lost where the capture ends; otherwise nothing happens."""
        if self._is_over():
            raise LinkLost("the capture ends")

    def finish(self) -> None:
        """Nothing may be left. Raises `ReplayFailed`."""
        if self._inbox:
            frame, at = self._inbox[0]
            raise ReplayFailed(f"{self._capture.place(at)}: the session never took {frame.hex()}")
        while not self._exact and self._hub_is_next():
            self._at += 1
        if not self._is_over():
            step = self._steps[self._at]
            raise ReplayFailed(f"{self.place}: the session ended before: {_shown(step)}")

    def _is_over(self) -> bool:
        return self._at == len(self._steps)

    def _hub_is_next(self) -> bool:
        return not self._is_over() and self._steps[self._at].by == "hub"

    def _receive(self, step: Step, at: int) -> None:
        raise NotImplementedError

    def _arrive(self) -> None:
        """Let everything arrive that the device sent before the hub's next step."""
        while not self._is_over() and not self._hub_is_next():
            self._at += 1
            self._receive(self._steps[self._at - 1], self._at - 1)

    def _ask(self, do: HubDoes, on: Collection[str], data: bytes = b"") -> Step | None:
        """Take the hub's next step, which must be this; ``None`` for a write that may differ."""
        self._arrive()
        if self._is_over():
            raise LinkLost("the capture ends")
        step = self._steps[self._at]
        same = step.do == do and step.on in on
        if not self._exact and do in _WRITES:
            self._at += same
            return step if same else None
        if not same or step.data != data:
            did = f"{do} {' or '.join(sorted(on))} {data.hex(' ')}".strip()
            raise ReplayFailed(f"{self.place}: the session did: {did}; captured: {_shown(step)}")
        self._at += 1
        return step

    def _be_refused(self, step: Step | None) -> None:
        if step is None or self._is_over():
            return
        answer = self._steps[self._at]
        if answer.do == "refused" and answer.on == step.on:
            self._at += 1
            raise Refused(f"{answer.on}: ATT error 0x{answer.data.hex()}")

    def _next(self, on: Collection[str]) -> Frame | None:
        """The next message on one of these, ``None`` when the device is silent. Raises `LinkLost`."""
        while True:
            for item in self._inbox:
                if item[0].on in on:
                    self._inbox.remove(item)
                    self._silences = 0
                    return item[0]
            if self._is_over():
                raise LinkLost("the capture ends")
            if self._hub_is_next():
                self._silences += 1
                if self._silences > _PATIENCE:
                    raise ReplayFailed(
                        f"{self.place}: the session only waits; captured: "
                        f"{_shown(self._steps[self._at])}"
                    )
                return None
            self._at += 1
            self._receive(self._steps[self._at - 1], self._at - 1)


class ReplaySerialLink(_ReplayLink):
    """A serial line with nothing behind it but a capture."""

    def __init__(self, capture: Capture, started: datetime | None, framer: Framer) -> None:
        super().__init__(capture, started)
        self._framer = framer

    async def write(self, data: bytes) -> None:
        """The captured write."""
        self._ask("write", {SERIAL}, data)

    async def frame(self, *, within: float) -> Frame | None:
        """The next frame; ``None`` where the hub spoke next."""
        return self._next({SERIAL})

    def _receive(self, step: Step, at: int) -> None:
        if step.do != "message" or step.on != SERIAL:
            raise ReplayFailed(f"{self._capture.place(at)}: a serial line has messages on '-' only")
        for message in self._framer.feed(step.data):
            self._inbox.append((Frame.of(SERIAL, message, self.model), at))


class ReplayBleLink(_ReplayLink):
    """A Bluetooth connection, or a device only overheard, with nothing behind it but a capture."""

    def __init__(self, capture: Capture, started: datetime | None) -> None:
        super().__init__(capture, started)
        self._subscribed: set[str] = set()

    @property
    def characteristics(self) -> frozenset[str]:
        """What the captured device offers."""
        return frozenset(self._capture.header.characteristics)

    async def subscribe(self, *characteristics: str) -> None:
        """Each must be captured, in any order among themselves."""
        wanted = set(characteristics)
        while wanted:
            step = self._ask("subscribe", wanted)
            self._be_refused(step)
            if step is not None:
                wanted.discard(step.on)
                self._subscribed.add(step.on)

    async def read(self, characteristic: str) -> bytes:
        """The captured value."""
        step = self._ask("read", {characteristic})
        self._be_refused(step)
        while not self._is_over():
            if self._hub_is_next():
                raise ReplayFailed(f"{self.place}: the read of {characteristic} above has no value")
            self._at += 1
            answer = self._steps[self._at - 1]
            if answer.do == "value" and answer.on == characteristic:
                return answer.data
            self._receive(answer, self._at - 1)
        raise LinkLost("the capture ends")

    async def write(self, characteristic: str, data: bytes, *, response: bool = True) -> None:
        """The captured write."""
        step = self._ask("write" if response else "command", {characteristic}, data)
        self._be_refused(step)

    async def expect(self, characteristic: str, *, prefix: bytes = b"", within: float) -> bytes:
        """The next captured message that starts so."""
        while (frame := self._heard({characteristic})) is not None:
            if frame.data.startswith(prefix):
                return frame.data
        raise LinkLost(f"{characteristic}: nothing within {within} s")

    def frames(self, *characteristics: str, quiet: float) -> Frames:
        """The captured messages; ends where the hub spoke next."""
        return Frames(lambda: self._heard(characteristics))

    def _heard(self, on: Collection[str]) -> Frame | None:
        while not self._exact and self._hub_is_next() and self._steps[self._at].do in _WRITES:
            self._at += 1
        return self._next(on)

    def _receive(self, step: Step, at: int) -> None:
        place = self._capture.place(at)
        if step.do != "message":
            raise ReplayFailed(f"{place}: nobody asked for {_shown(step)}")
        if step.on not in self._subscribed and not step.on.startswith(_ADVERTISED):
            raise ReplayFailed(
                f"{place}: a message on {step.on}, which the session left unsubscribed"
            )
        self._inbox.append((Frame.of(step.on, step.data, self.model), at))


class Frames:
    """The messages a session loops over: they are there, or there are no more."""

    def __init__(self, heard: Callable[[], Frame | None]) -> None:
        self._heard = heard

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        frame = self._heard()
        if frame is None:
            raise StopAsyncIteration
        return frame


def _shown(step: Step) -> str:
    return f"{step.do} {step.on} {step.data.hex(' ')}".strip()
