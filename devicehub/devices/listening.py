"""Which device is behind a port: listen while somebody uses it, and see which driver understands.

Nothing is sent to a device nobody has named: what one device takes for a question may move another. Only the
session of a driver that the technician names asks. A port is heard at one setting at a time; where bytes come
that no driver understands, the next setting is tried, and the device must be used again.

Which port is that of the device in somebody's hand, no byte says. Of several, one that spoke before the device was
used is not; only where all others are ruled out so, the one that is understood ends the listening.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

from devicehub.devices.binding import set_to
from devicehub.driver import (
    SERIAL,
    Frame,
    Line,
    LineSettings,
    LinkLost,
    MakeFramer,
    NotUnderstood,
    Refused,
    SerialDriver,
    Unwitnessed,
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
UNHURRIED_SECONDS = 1e6
"""For the first word at a setting there is no limit: whoever listens gives up, or a person uses the device."""
RETRY_SECONDS = 1.0
BEFORE_SECONDS = 3.0
"""How long several ports are heard before anybody uses the device: longer than a scale is silent that always speaks."""


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
    tried: list[LineSettings] = field(default_factory=list)
    """The settings at which it has spoken, or was asked, in their order."""
    before: bool = False
    """Whether it spoke before the device was used: it is another's."""
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


Tell = Callable[[PortHeard, LineSettings | None], None]
"""Called when a port is understood, and when it is not, with the settings that are tried next."""


async def listen(
    heard: Sequence[PortHeard],
    drivers: Iterable[SerialDriver],
    *,
    seconds: float,
    ask: bool,
    tell: Tell,
    use: Callable[[], None],
) -> None:
    """Listen on all ports for ``seconds``, or until what they say tells which is the device's. It is left in ``heard``.

    With ``ask`` the drivers' sessions run. ``use`` is called when it is time to use the device.
    """
    drivers = list(drivers)
    for one in heard:
        one.by_usb = _by_usb(one.port, drivers)
    work = _ask if ask else _overhear
    tasks = [asyncio.create_task(work(one, drivers, tell)) for one in heard]
    try:
        if len(heard) > 1 and not ask:
            await asyncio.wait(tasks, timeout=BEFORE_SECONDS)
            for one in heard:
                one.before = one.bytes_heard > 0
        use()
        left = [task for task, one in zip(tasks, heard, strict=True) if not one.before]
        await asyncio.wait(
            left if len(left) == 1 else tasks,
            timeout=seconds,
            return_when=asyncio.FIRST_EXCEPTION,
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


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
        judges = [_Judge(one) for one in by_settings[settings]]
        try:
            async with open_line(heard.port.path, line, _DEAF) as link:
                heard.trouble = None
                end = asyncio.get_running_loop().time() + LONGEST_SECONDS
                within = UNHURRIED_SECONDS
                while (frame := await link.frame(within=within)) is not None:
                    if within > SILENT_SECONDS:
                        _note(heard, settings)
                        end = asyncio.get_running_loop().time() + LONGEST_SECONDS
                    within = SILENT_SECONDS
                    heard.bytes_heard += len(frame.data)
                    for judge in judges:
                        judge.hear(frame.data)
                    if asyncio.get_running_loop().time() > end:
                        break
        except LinkLost as lost:
            heard.trouble = str(lost)
        finally:  # when the time is over, too: what has come by then is told for what it is
            _conclude(heard, judges, tell)
        if heard.understood:
            return
        if heard.trouble is not None:
            await asyncio.sleep(RETRY_SECONDS)
            continue
        turn += 1
        tell(heard, likely[turn % len(likely)])


async def _ask(heard: PortHeard, drivers: Sequence[SerialDriver], tell: Tell) -> None:
    """Talk as the named drivers do, at one setting after the other."""
    chances, turn = tries(drivers), 0
    while True:
        one = chances[turn % len(chances)]
        turn += 1
        judge = _Judge(one)
        own = one.driver.line
        line = set_to(replace(own, framer=partial(_Counted, own.framer, heard)), one.settings)
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                open_line(heard.port.path, line, judge.hands) as link,
            ):
                heard.trouble = None
                _note(heard, one.settings)
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
            pass  # it has not said what this driver understands
        except (LinkLost, Refused, NotUnderstood) as lost:
            heard.trouble = str(lost)
        finally:
            _conclude(heard, [judge], tell)
        if heard.understood:
            return
        if heard.trouble is not None:
            await asyncio.sleep(RETRY_SECONDS)
            continue
        tell(heard, chances[turn % len(chances)].settings)


def _note(heard: PortHeard, settings: LineSettings) -> None:
    if settings not in heard.tried:
        heard.tried.append(settings)


def _conclude(heard: PortHeard, judges: Iterable[_Judge], tell: Tell) -> None:
    heard.understood = _ranked(judge.verdict() for judge in judges)
    if heard.understood:
        tell(heard, None)


class _Counted:
    """A framer, and how many bytes of the port came into it: also those that never made a message."""

    def __init__(self, make: MakeFramer, heard: PortHeard) -> None:
        self._framer = make()
        self._heard = heard

    def feed(self, data: bytes) -> list[bytes]:
        self._heard.bytes_heard += len(data)
        return self._framer.feed(data)


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
            found = driver.decode(driver.unseal(Frame.of(SERIAL, message), {}))
            said = {measurement.kind for measurement in found}
        except Unwitnessed:  # its own device's: what it is bound as says the rest
            said = {kind for model in driver.models for kind in model.reads}
        except NotUnderstood:
            said = set()
        self._good += bool(said)
        self._bad += not said
        self._explained += len(message) if said else 0
        self._kinds |= said
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
