"""The link between a driver and its simulator in one process, and the time that passes in it.

Time is virtual: it passes where the session waits, and then the simulator goes on, at its own pace. The device
is idle for a while, measures a few times, and at last is carried away.
"""

from __future__ import annotations

import heapq
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

from devicehub.driver import Driver, Frame, LinkLost, Measurement
from devicehub.testing.replay import Handed
from devicehub.testing.simulator import Message, Simulator
from devicehub.transport.tape import CapturedAdvert, DeviceDoes, Header, HubDoes, Step

_START = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
_IDLE_SECONDS = 10.0
"""Before each measurement: a hub must see a device idle to know when it began."""
_MEASUREMENTS = 3
_LINGERS_SECONDS = 35.0
"""After its last measurement, until it is out of range."""
_RESTLESS = 10_000


class LoopFailed(AssertionError):
    """The session did not end, or awaited something that is not its link."""


def secrets_of(simulator: Simulator) -> Mapping[str, bytes]:
    """What a hub must know of a simulated device beforehand: its ``secrets``, or its module's ``SECRETS``."""
    module = sys.modules[type(simulator).__module__]
    found: Mapping[str, bytes] = getattr(simulator, "secrets", getattr(module, "SECRETS", {}))
    return found


def model_of(simulator: Simulator) -> str | None:
    """The model a simulated device must be bound as, where its driver needs one: its ``model``."""
    found: str | None = getattr(simulator, "model", None)
    return found


class LoopedLink:
    """The device's time and what it has yet to do; what reaches the session."""

    def __init__(self, simulator: Simulator) -> None:
        self.now = self._started = _START
        self.handed: list[Handed] = []
        self.truths: list[Measurement] = []
        self.steps: list[Step] = []
        self.model = model_of(simulator)
        self._given_secrets = secrets_of(simulator)
        self._secrets = dict(self._given_secrets)
        self._inbox: deque[Frame] = deque()
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._number = count()
        self._measured = 0
        self._leaves: datetime | None = None
        self._restless = 0

    @property
    def secrets(self) -> Mapping[str, bytes]:
        """The simulated device's."""
        return self._secrets

    def keep(self, name: str, secret: bytes) -> None:
        """Remember a secret."""
        self._secrets[name] = secret

    async def deliver(self, frame: Frame) -> None:
        """Note a finished frame."""
        self.handed.append(Handed(frame, finished=True, at=self.now, secrets=dict(self._secrets)))

    def live(self, frame: Frame) -> None:
        """Note a frame that is only shown."""
        self.handed.append(Handed(frame, finished=False, at=self.now, secrets=dict(self._secrets)))

    async def pause(self, seconds: float) -> None:
        """Let virtual time pass. Raises `LinkLost`."""
        self._touch()
        self._pass(seconds, lambda: None)

    def _touch(self) -> None:
        """Every use of the link: it may be lost, and a session that only asks never ends."""
        self._restless += 1
        if self._restless > _RESTLESS:
            raise LoopFailed("the session asks without letting time pass")
        if self._leaves is not None and self.now >= self._leaves:
            raise LinkLost("the device is out of range")

    def _pass(self, seconds: float, found: Callable[[], Frame | None]) -> Frame | None:
        """Let time pass until something is found, at most ``seconds``."""
        end = self.now + timedelta(seconds=seconds)
        while True:
            frame = found()
            if frame is not None or not self._due or self._due[0][0] > end:
                break
            at, _number, act = heapq.heappop(self._due)
            self.now = max(self.now, at)
            act()
        if frame is None:
            self.now = max(self.now, end)
            if seconds > 0:
                self._restless = 0
        return frame

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        at = self.now + timedelta(seconds=seconds)
        heapq.heappush(self._due, (at, next(self._number), act))

    def _play(self, messages: Iterable[Message], then: Callable[[], None] = lambda: None) -> None:
        """Run through the steps of a behaviour, each in its time."""
        steps: Iterator[Message] = iter(messages)

        def onwards() -> None:
            message = next(steps, None)
            if message is None:
                then()
                return

            def happen() -> None:
                if message.truth is not None:
                    self.truths.append(message.truth)
                self._happen(message)
                onwards()

            self._later(message.after, happen)

        onwards()

    def _measure_in_a_while(self) -> None:
        if self._measured == _MEASUREMENTS:
            self._leaves = self.now + timedelta(seconds=_LINGERS_SECONDS)
            return
        self._measured += 1
        self._later(_IDLE_SECONDS, lambda: self._play(self._measure(), self._measure_in_a_while))

    def _note(self, do: HubDoes | DeviceDoes, on: str, data: bytes = b"") -> None:
        seconds = (self.now - self._started).total_seconds()
        hub = do in {"subscribe", "read", "write", "command"}
        by = "hub" if hub else "device"
        self.steps.append(
            Step.model_validate({"t": seconds, "from": by, "do": do, "on": on, "data": data})
        )

    def _take(self, on: Collection[str]) -> Frame | None:
        for frame in self._inbox:
            if frame.on in on:
                self._inbox.remove(frame)
                return frame
        return None

    def _wait(self, on: Collection[str], seconds: float) -> Frame | None:
        self._touch()
        return self._pass(seconds, lambda: self._take(on))

    def _header(
        self, driver: Driver, advert: CapturedAdvert | None, offers: Iterable[str]
    ) -> Header:
        return Header(
            device="a simulated device",
            driver=driver.id,
            origin="synthetic",
            recorded=self._started,
            hub="0",
            model=self.model,
            advert=advert,
            characteristics=tuple(sorted(offers)),
            secrets=dict(self._given_secrets),
        )

    def _measure(self) -> Iterable[Message]:
        raise NotImplementedError

    def _happen(self, message: Message) -> None:
        raise NotImplementedError
