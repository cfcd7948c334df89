"""The law of noise on a line: whatever a serial port makes up, nothing of it becomes somebody's measurement.

Noise is chance, and a device heard at another speed than it speaks with, which is what a wrong setting does:
not chance at all, but its marks and digits bent into others. It runs through the driver's framer, its session,
its decoder and the hub's settle rule, as on a real line. A streamed value may be shown; none may be finished.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from devicehub.driver import (
    SERIAL,
    Driver,
    Frame,
    LineSettings,
    LinkLost,
    Measurement,
    NotUnderstood,
    Refused,
    SerialDriver,
)
from devicehub.reading.settle import Settle, Settling
from devicehub.testing.capture import Captured
from devicehub.testing.laws.said import decoded, shown

_BYTES_AN_EXAMPLE = 500
"""Of one long run of chance for each example of the profile: 50 000 bytes, and a million in the nightly one."""
_PIECE = 61
_SPEEDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
_BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)


def law_line_noise(driver: Driver, captures: Sequence[Captured]) -> None:
    """Noise on the line at any speed never finishes a measurement."""
    if not isinstance(driver, SerialDriver):
        return
    said = [
        (
            b"".join(step.data for step in one.capture.steps if step.by == "device")[:2000],
            one.capture.header.model,
        )
        for one in captures
    ] or [(b"\0", None)]
    models = [model for _data, model in said]

    @settings(deadline=None)
    @given(noise=st.binary(max_size=2000), model=st.sampled_from(models))
    def of_chance(noise: bytes, model: str | None) -> None:
        _check(driver, noise, model)

    @settings(deadline=None)
    @given(
        spoken=st.sampled_from(said),
        speed=st.sampled_from([speed for speed in _SPEEDS if speed != driver.line.baud]),
        begin=st.integers(0, 400),
        bits=st.sampled_from((7, 8)),
    )
    def of_another_speed(
        spoken: tuple[bytes, str | None], speed: int, begin: int, bits: int
    ) -> None:
        data, model = spoken
        heard = LineSettings(baud=speed, data_bits=7 if bits == 7 else 8)
        _check(driver, misheard(data[begin:], driver.line, heard), model)

    of_chance()
    of_another_speed()
    length = settings().max_examples * _BYTES_AN_EXAMPLE
    for mask in (0xFF, 0x7F):  # a line of seven bits gives no others
        chance = random.Random(f"{driver.id} {mask}")  # noqa: S311 - repeatable, nothing secret
        _check(driver, bytes(byte & mask for byte in chance.randbytes(length)), models[0])


def misheard(data: bytes, spoken: LineSettings, heard: LineSettings) -> bytes:
    """What a receiver set to ``heard`` makes of bytes sent as ``spoken`` says, without a pause between them.

    A receiver waits for the line to fall, then looks at the middle of each of its own bits; without a stop bit
    in its place the byte is taken all the same, as serial chips do, and the line must rise first.
    """
    levels = [level for byte in data for level in _bits(byte, spoken)]
    step = spoken.baud / heard.baud
    made, at = bytearray(), 0.0
    while int(at) < len(levels):
        if levels[int(at)]:
            at = float(int(at) + 1)
            continue
        byte = 0
        for bit in range(heard.data_bits):
            middle = int(at + (bit + 1.5) * step)
            byte |= (levels[middle] if middle < len(levels) else 1) << bit
        made.append(byte)
        at += (heard.data_bits + 1.5) * step
        while int(at) < len(levels) and not levels[int(at)]:
            at = float(int(at) + 1)
    return bytes(made)


def _bits(byte: int, line: LineSettings) -> Iterator[int]:
    data = [byte >> bit & 1 for bit in range(line.data_bits)]
    yield 0
    yield from data
    if line.parity != "none":
        yield (sum(data) + (line.parity == "odd")) % 2
    yield from [1] * line.stop_bits


def _check(driver: SerialDriver, noise: bytes, model: str | None) -> None:
    link = _NoisyLink(driver, noise, model)
    steps = driver.session(link).__await__()
    try:
        next(steps)
    except (StopIteration, LinkLost, NotUnderstood, Refused):
        found = "\n".join(f"{data.hex(' ')}: {shown([said])}" for data, said in link.finished)
        assert not link.finished, f"{driver.id}: of {len(noise)} bytes of noise was read\n{found}"
        return
    steps.close()
    raise AssertionError(f"{driver.id}: the session awaited something that is not its link")


class _NoisyLink:
    """A line on which noise never ends, until it has all been heard. Its time is that of the bytes."""

    def __init__(self, driver: SerialDriver, noise: bytes, model: str | None) -> None:
        self.finished: list[tuple[bytes, Measurement]] = []
        self.now = _BEGAN
        self.model = model
        self.secrets: Mapping[str, bytes] = {}
        self._driver = driver
        self._noise = noise
        self._at = 0
        self._framer = driver.line.framer()
        self._inbox: deque[bytes] = deque()
        self._settle = Settle(driver.settles, Settling(idle_since=_BEGAN))

    def keep(self, name: str, secret: bytes) -> None:
        """Remember a secret."""
        self.secrets = {**self.secrets, name: secret}

    async def write(self, data: bytes) -> None:
        """Send bytes, which nobody hears."""

    async def frame(self, *, within: float) -> Frame | None:
        """The next thing the framer takes for a message."""
        end = self.now + timedelta(seconds=within)
        while not self._inbox:
            if self.now >= end:
                return None
            self._hear()
        return Frame.of(SERIAL, self._inbox.popleft(), self.model)

    async def pause(self, seconds: float) -> None:
        """Let time pass, in which there is noise."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            if self._inbox and self._at == len(self._noise):
                self.now = end  # nothing is lost that the session has not taken yet
            else:
                self._hear()

    async def deliver(self, frame: Frame) -> None:
        """What would be kept, and what settles of it."""
        said = decoded(self._driver, frame, self.secrets)
        for done in self._settle.finished(said or (), self.now):
            self.finished.append((frame.data, done.measurement))

    def live(self, frame: Frame) -> None:
        """What would be shown."""
        self._settle.live(decoded(self._driver, frame, self.secrets) or (), self.now)

    def _hear(self) -> None:
        piece = self._noise[self._at : self._at + _PIECE]
        if not piece:
            raise LinkLost("all the noise has been heard")
        self._at += len(piece)
        self.now += timedelta(seconds=len(piece) * 10 / self._driver.line.baud)
        self._inbox.extend(self._framer.feed(piece))
