"""A driver and its simulator in one process: no clock, no event loop, virtual time.

The link answers at once from the simulator. Time passes where the session waits; then the simulator moves
on, at its own pace. A device that is connected to has measured once before; connected or overheard it is
idle for a while, measures again, and at last is carried away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from devicehub.driver import (
    SERIAL,
    Driver,
    Frame,
    Framer,
    LinkLost,
    Measurement,
    NotUnderstood,
    Overhear,
    Refused,
    SerialDriver,
)
from devicehub.testing.looped_link import LoopedLink, LoopFailed
from devicehub.testing.replay import Frames, Handed
from devicehub.testing.simulate import MakeSimulator, is_ble, make_serial
from devicehub.testing.simulator import (
    Access,
    Advertisement,
    AttributeRefused,
    BleSimulator,
    Message,
    SerialSimulator,
)
from devicehub.transport.tape import Capture, CapturedAdvert, Header


@dataclass(frozen=True, slots=True)
class Looped:
    """What was measured, what the session handed over, and the whole conversation as a capture."""

    truths: tuple[Measurement, ...]
    handed: tuple[Handed, ...]
    capture: Capture


def loop(driver: Driver, make: MakeSimulator, *, seed: int) -> Looped:
    """Let ``driver`` read what a simulated device measures. Raises `LoopFailed`."""
    link: _BleLoop | _SerialLoop
    if isinstance(driver, SerialDriver):
        link = _SerialLoop(make_serial(make)(seed=seed), driver.line.framer())
        session = driver.session(link)
    else:
        assert is_ble(make), f"{driver.id} reads Bluetooth, its simulator speaks on a line"
        link = _BleLoop(make(serial_number=f"TEST-{seed:04}", seed=seed))
        if not isinstance(driver.session, Overhear):
            link.measure_unheard()
        session = driver.session(link)
    steps = session.__await__()
    try:
        next(steps)
    except (StopIteration, LinkLost, NotUnderstood, Refused):
        capture = Capture(
            path=Path(f"{driver.id} and its simulator, seed {seed}"),
            header=link.header(driver),
            steps=tuple(link.steps),
        )
        return Looped(tuple(link.truths), tuple(link.handed), capture)
    steps.close()
    raise LoopFailed(f"{driver.id}: the session awaited something that is not the link")


class _SerialLoop(LoopedLink):
    def __init__(self, simulator: SerialSimulator, framer: Framer) -> None:
        super().__init__(simulator)
        self._simulator = simulator
        self._framer = framer
        self._measure_in_a_while()

    async def write(self, data: bytes) -> None:
        """Send bytes to the simulator, and take what it answers."""
        self._touch()
        self._note("write", SERIAL, data)
        self._heard(self._simulator.receive(data, self.now))

    async def frame(self, *, within: float) -> Frame | None:
        """The next frame."""
        return self._wait({SERIAL}, within)

    def header(self, driver: Driver) -> Header:
        """The capture's first line."""
        return self._header(driver, None, ())

    def _measure(self) -> Iterable[Message]:
        return self._simulator.measure(self.now)

    def _happen(self, message: Message) -> None:
        self._heard(message.data)

    def _heard(self, data: bytes) -> None:
        if data:
            self._note("message", SERIAL, data)
            self._inbox.extend(Frame.of(SERIAL, one, self.model) for one in self._framer.feed(data))


class _BleLoop(LoopedLink):
    def __init__(self, simulator: BleSimulator) -> None:
        super().__init__(simulator)
        self._simulator = simulator
        self._table: dict[str, frozenset[Access]] = {}
        for characteristics in simulator.services.values():
            self._table |= characteristics
        self._subscribed: set[str] = set()
        self._advertised: Advertisement = simulator.advertisement
        self._first_advertised = self._advertised

    @property
    def characteristics(self) -> frozenset[str]:
        """The simulator's table."""
        return frozenset(self._table)

    async def subscribe(self, *characteristics: str) -> None:
        """The device sends its memory, and begins to measure. Raises `Refused`."""
        for on in characteristics:
            self._touch()
            self._allow(on, "notify", "indicate")
            self._note("subscribe", on)
            if not self._subscribed:
                self._measure_in_a_while()
            self._subscribed.add(on)
        self._send_memory()

    async def read(self, characteristic: str) -> bytes:
        """The simulator's value. Raises `Refused`."""
        self._touch()
        self._allow(characteristic, "read")
        self._note("read", characteristic)
        try:
            value = self._simulator.read(characteristic, self.now)
        except AttributeRefused as refused:
            raise self._refused(characteristic, refused) from None
        self._note("value", characteristic, value)
        return value

    async def write(self, characteristic: str, data: bytes, *, response: bool = True) -> None:
        """The simulator takes it, and may answer. Raises `Refused`."""
        self._touch()
        self._allow(characteristic, "write" if response else "write_command")
        self._note("write" if response else "command", characteristic, data)
        try:
            answers = list(self._simulator.write(characteristic, data, self.now))
        except AttributeRefused as refused:
            raise self._refused(characteristic, refused) from None
        self._play(answers)

    async def expect(self, characteristic: str, *, prefix: bytes = b"", within: float) -> bytes:
        """The next message that starts so. Raises `LinkLost`."""
        end = self.now + timedelta(seconds=within)
        while True:
            left = max((end - self.now).total_seconds(), 0.0)
            frame = self._wait({characteristic}, left)
            if frame is None:
                raise LinkLost(f"{characteristic}: nothing within {within} s")
            if frame.data.startswith(prefix):
                return frame.data

    def frames(self, *characteristics: str, quiet: float) -> Frames:
        """The messages, or the advertisements, until the device falls silent."""
        if not self._subscribed and not self._measured:
            self._measure_in_a_while()
            self._overhear()
        return Frames(lambda: self._wait(characteristics, quiet))

    def measure_unheard(self) -> None:
        """The device measures once before a hub connects."""
        self._measured += 1
        for message in self._simulator.measure(self.now):
            self.now += timedelta(seconds=message.after)
            if message.truth is not None:
                self.truths.append(message.truth)
                if message.on in self._table:
                    self._simulator.memory.append(message)
        self._started = self.now

    def header(self, driver: Driver) -> Header:
        """The capture's first line."""
        advert = CapturedAdvert(
            name=self._first_advertised.name,
            services=self._first_advertised.services,
            company_data=dict(self._first_advertised.company_data),
            service_data=dict(self._first_advertised.service_data),
        )
        return self._header(driver, advert, self._table)

    def _allow(self, on: str, *access: Access) -> None:
        if on not in self._table:
            raise Refused(f"the device has no characteristic {on}")
        if not self._table[on] & set(access):
            raise Refused(f"{on} cannot be used so: {' or '.join(access)}")

    def _refused(self, on: str, refused: AttributeRefused) -> Refused:
        self._note("refused", on, bytes([refused.code]))
        return Refused(f"{on}: {refused}")

    def _measure(self) -> Iterable[Message]:
        return self._simulator.measure(self.now)

    def _happen(self, message: Message) -> None:
        if message.truth is not None and message.on in self._table:
            self._simulator.memory.append(message)
            self._send_memory()
        elif message.data and message.on in self._subscribed:
            self._hear(message.on, message.data)
        self._overhear()

    def _send_memory(self) -> None:
        memory = self._simulator.memory
        while memory and memory[0].on in self._subscribed:
            taken = memory.pop(0)
            self._hear(taken.on, taken.data)

    def _overhear(self) -> None:
        """What is advertised now reaches a hub that only listens."""
        if self._subscribed:
            return
        self._advertised = self._simulator.advertisement
        for company, data in self._advertised.company_data.items():
            self._hear("adv", company.to_bytes(2, "little") + data)
        for service, data in self._advertised.service_data.items():
            self._hear(f"adv:{service}", data)

    def _hear(self, on: str, data: bytes) -> None:
        self._note("message", on, data)
        self._inbox.append(Frame.of(on, data, self.model))
