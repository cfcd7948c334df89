"""Which device is behind a port: listen while somebody uses it, and see which driver understands.

Nothing is sent to a device nobody has named: what one device takes for a question may move another. Only the
session of a driver that the technician names asks. A port is heard at one setting at a time; where bytes come
that no driver understands, the next setting is tried, and the device must be used again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from devicehub.devices.binding import set_to
from devicehub.driver import (
    SERIAL,
    Frame,
    Line,
    LineSettings,
    LinkLost,
    NotUnderstood,
    Refused,
    SerialDriver,
    unsealed,
)
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.port_identity import Port
from devicehub.transport.serial import open_line

SILENT_SECONDS = 1.0
"""A pause this long ends what a device had to say."""
LONGEST_SECONDS = 4.0
"""Of a device that never pauses, as much is heard at one setting."""
ANSWER_SECONDS = 6.0
"""How long a named driver's session may take to learn something at one setting."""
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Understood:
    """A driver that understood what a port said, and at which settings.

    ``model`` is whose settings these are, where a model has its own; ``differs`` whether the configuration must
    say them.
    """

    driver: SerialDriver
    settings: LineSettings
    model: str | None
    differs: bool
    messages: int
    kinds: tuple[str, ...]

    @property
    def is_sure(self) -> bool:
        """Whether the messages carry a checksum: another device's would not fit it."""
        return self.driver.unseal is not unsealed


@dataclass(slots=True)
class PortHeard:
    """What became of one port. The most convincing driver comes first in ``understood``."""

    port: Port
    identity: str
    bytes_heard: int = 0
    understood: list[Understood] = field(default_factory=list)
    trouble: str | None = None
    by_usb: tuple[str, ...] = ()
    """Drivers whose maker has this USB id: a proposal only, chips are shared."""


@dataclass(frozen=True, slots=True)
class _Try:
    """A driver at one of its settings."""

    driver: SerialDriver
    settings: LineSettings
    model: str | None
    differs: bool


Tell = Callable[[PortHeard, LineSettings], None]
"""Called when a port said what no driver understands, with the settings that are tried next."""


async def listen(
    ports: Sequence[Port],
    plugged: Sequence[Port],
    drivers: Iterable[SerialDriver],
    *,
    seconds: float,
    ask: bool,
    tell: Tell,
) -> list[PortHeard]:
    """Listen on all ``ports`` until one is understood, ``seconds`` at most. With ``ask`` the drivers' sessions run."""
    drivers = list(drivers)
    heard = [
        PortHeard(port, port.identity(plugged), by_usb=_by_usb(port, drivers)) for port in ports
    ]
    work = _ask if ask else _overhear
    tasks = [asyncio.create_task(work(one, drivers, tell)) for one in heard]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()
    return heard


def tries(drivers: Iterable[SerialDriver]) -> list[_Try]:
    """Every driver at every setting it declares, its own first."""
    found: list[_Try] = []
    for driver in drivers:
        own = _settings(driver.line)
        found.append(_Try(driver, own, None, differs=False))
        found += [
            _Try(driver, model.line, model.name, differs=False)
            for model in driver.models
            if model.line is not None
        ]
        found += [_Try(driver, other, None, differs=True) for other in driver.line.also]
    return found


def as_table(heard: PortHeard, one: Understood, taken: Iterable[str]) -> str:
    """The ``[[device]]`` to write in the configuration, whose ids are ``taken``."""
    stem, known = one.driver.id.replace("_", "-")[:28], set(taken)
    names = (stem, *(f"{stem}-{number}" for number in range(2, len(known) + 3)))
    maker = one.driver.models[0].maker
    lines = [
        "[[device]]",
        f'id = "{next(name for name in names if name not in known)}"',
        f'name = "{maker} {one.model or one.driver.models[0].name}"',
        f'driver = "{one.driver.id}"',
        f'port = "{heard.identity}"',
    ]
    if one.model is not None:
        lines.append(f'model = "{one.model}"')
    if one.differs:
        said = ", ".join(
            f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"'
            for key, value in _differences(one.settings, one.driver.line).items()
        )
        lines.append(f"line = {{ {said} }}")
    return "\n".join(lines) + "\n"


async def _overhear(heard: PortHeard, drivers: Sequence[SerialDriver], tell: Tell) -> None:
    """Go from setting to setting until a driver understands."""
    by_settings: dict[LineSettings, list[_Try]] = {}
    for one in tries(drivers):
        by_settings.setdefault(one.settings, []).append(one)
    likely = sorted(
        by_settings,
        key=lambda settings: (
            not any(one.driver.id in heard.by_usb for one in by_settings[settings]),
            -len(by_settings[settings]),
        ),
    )
    turn = 0
    while True:
        settings = likely[turn % len(likely)]
        line = set_to(Line(baud=settings.baud, framer=_Uncut), settings)
        try:
            async with open_line(heard.port.path, line, _DEAF) as link:
                heard.trouble = None
                judges = [_Judge(one) for one in by_settings[settings]]
                end = asyncio.get_running_loop().time() + LONGEST_SECONDS
                within = float("1e6")
                while (frame := await link.frame(within=within)) is not None:
                    if within > SILENT_SECONDS:
                        end = asyncio.get_running_loop().time() + LONGEST_SECONDS
                    within = SILENT_SECONDS
                    heard.bytes_heard += len(frame.data)
                    for judge in judges:
                        judge.hear(frame.data)
                    if asyncio.get_running_loop().time() > end:
                        break
        except LinkLost as lost:
            heard.trouble = str(lost)
            await asyncio.sleep(RETRY_SECONDS)
            continue
        heard.understood = _ranked(judge.verdict() for judge in judges)
        if heard.understood:
            return
        turn += 1
        tell(heard, likely[turn % len(likely)])


async def _ask(heard: PortHeard, drivers: Sequence[SerialDriver], tell: Tell) -> None:
    """Talk as the named drivers do, at one setting after the other."""
    while True:
        for one in tries(drivers):
            judge = _Judge(one)
            try:
                async with (
                    asyncio.timeout(ANSWER_SECONDS),
                    open_line(
                        heard.port.path, set_to(one.driver.line, one.settings), judge.hands
                    ) as link,
                ):
                    heard.trouble = None
                    talk = asyncio.ensure_future(one.driver.session(link))
                    learnt = asyncio.ensure_future(judge.convinced.wait())
                    try:
                        await asyncio.wait((talk, learnt), return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for task in (talk, learnt):
                            task.cancel()
                        await asyncio.wait((talk, learnt))
                    if talk.done() and not talk.cancelled():
                        talk.result()
            except TimeoutError:
                tell(heard, one.settings)
            except (LinkLost, Refused, NotUnderstood) as lost:
                heard.trouble = str(lost)
                await asyncio.sleep(RETRY_SECONDS)
            heard.bytes_heard += judge.bytes_heard
            heard.understood = _ranked([judge.verdict()])
            if heard.understood:
                return


class _Judge:
    """What one driver makes of a port's bytes."""

    def __init__(self, one: _Try) -> None:
        self._one = one
        self._framer = one.driver.line.framer()
        self._good = self._bad = self._explained = 0
        self._kinds: set[str] = set()
        self.bytes_heard = 0
        self.convinced = asyncio.Event()

    @property
    def hands(self) -> Hands:
        """For a session of its own."""

        async def deliver(frame: Frame, _arrival: Arrival) -> None:
            self._take(frame.data)

        return Hands(deliver, lambda frame, _arrival: self._take(frame.data))

    def hear(self, data: bytes) -> None:
        self.bytes_heard += len(data)
        for message in self._framer.feed(data):
            self._read(message)

    def _take(self, message: bytes) -> None:
        self.bytes_heard += len(message)
        self._read(message)

    def _read(self, message: bytes) -> None:
        driver = self._one.driver
        try:
            said = list(driver.decode(driver.unseal(Frame.of(SERIAL, message), {})))
        except NotUnderstood:
            said = []
        self._good += bool(said)
        self._bad += not said
        self._explained += len(message) if said else 0
        self._kinds |= {measurement.kind for measurement in said}
        if said:
            self.convinced.set()

    def verdict(self) -> Understood | None:
        # Where three bytes in four stay unexplained, what looked like a message was chance in another device's.
        if self._good == 0 or self._bad > self._good or self._explained * 4 < self.bytes_heard:
            return None
        one = self._one
        kinds = tuple(sorted(self._kinds))
        return Understood(one.driver, one.settings, one.model, one.differs, self._good, kinds)


class _Uncut:
    """Every piece as it comes."""

    def feed(self, data: bytes) -> list[bytes]:
        return [data] if data else []


async def _nothing(_frame: Frame, _arrival: Arrival) -> None:
    """Nothing is kept."""


_DEAF = Hands(_nothing, lambda _frame, _arrival: None)


def _ranked(verdicts: Iterable[Understood | None]) -> list[Understood]:
    found = [verdict for verdict in verdicts if verdict is not None]
    return sorted(found, key=lambda one: (not one.is_sure, -one.messages, one.driver.id))


def _by_usb(port: Port, drivers: Iterable[SerialDriver]) -> tuple[str, ...]:
    return tuple(
        driver.id for driver in drivers if port.usb is not None and driver.line.usb == port.usb
    )


def _settings(line: LineSettings) -> LineSettings:
    return LineSettings(**{one.name: getattr(line, one.name) for one in fields(LineSettings)})


def _differences(settings: LineSettings, own: LineSettings) -> dict[str, Any]:
    return {
        one.name: getattr(settings, one.name)
        for one in fields(LineSettings)
        if getattr(settings, one.name) != getattr(own, one.name)
    }
