"""Ready-made sessions for the commonest conversations. A session asks, waits and hands over; it never decodes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from devicehub.driver.frame import Frame
from devicehub.driver.link import AdvertLink, BleLink, SerialLink

BleSession = Callable[[BleLink], Awaitable[None]]
SerialSession = Callable[[SerialLink], Awaitable[None]]
AdvertSession = Callable[[AdvertLink], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Overhear:
    """A session with a device that is never connected to: everything is in what it advertises."""

    session: AdvertSession

    async def __call__(self, link: AdvertLink) -> None:
        """Listen until the device has fallen silent."""
        await self.session(link)


def listen(
    *finished: str,
    live: tuple[str, ...] = (),
    first: BleSession | None = None,
    quiet: float = 30.0,
) -> BleSession:
    """Subscribe and hand over every message until the device has been silent for ``quiet`` seconds.

    ``live`` characteristics carry a measurement still going on (shown, not journalled) and are used where
    the device has them. ``first`` is said before subscribing, e.g. `devicehub.gatt.device_information.greet`.
    """

    async def session(link: BleLink) -> None:
        if first is not None:
            await first(link)
        offered = tuple(on for on in live if on in link.characteristics)
        await link.subscribe(*offered, *finished)
        async for frame in link.frames(*offered, *finished, quiet=quiet):
            if frame.on in live:
                link.live(frame)
            else:
                await link.deliver(frame)

    return session


def overhear(
    *places: str,
    quiet: float = 60.0,
    passing: Callable[[Frame], bool] = lambda _frame: False,
) -> Overhear:
    """Hand over what a device advertises at ``places``, each different message once.

    Devices repeat an advertisement for minutes. ``passing`` tells those that only matter while they are on
    the display (a scale still settling).
    """

    async def session(link: AdvertLink) -> None:
        before: Frame | None = None
        async for frame in link.frames(*places, quiet=quiet):
            if frame == before:
                continue
            before = frame
            if passing(frame):
                link.live(frame)
            else:
                await link.deliver(frame)

    return Overhear(session)


def poll(
    question: bytes,
    *,
    every: float,
    within: float = 1.0,
    passing: Callable[[Frame], bool] = lambda _frame: False,
) -> SerialSession:
    """Ask the same question every ``every`` seconds for as long as the line is open.

    An answer may take ``within`` seconds; silence is a device switched off, and it is asked again.
    ``passing`` tells answers that only matter while they are on the display (a scale still settling).
    """

    async def session(link: SerialLink) -> None:
        while True:
            await link.write(question)
            frame = await link.frame(within=within)
            if frame is not None:
                if passing(frame):
                    link.live(frame)
                else:
                    await link.deliver(frame)
            await link.pause(every)

    return session


def receive(
    *,
    ask: bytes = b"",
    quiet: float = 60.0,
    once: bool = False,
    passing: Callable[[Frame], bool] = lambda _frame: False,
) -> SerialSession:
    """Hand over what a device sends by itself, for as long as the line is open.

    ``quiet`` seconds of silence mean nothing (a printer between two patients), or that it must be asked with
    ``ask``. ``once`` is for devices that repeat a locked result: what does not differ from the message before is only shown, until silence has
    told that the result is gone. ``passing`` tells messages that only matter while they are on the display.
    """

    async def session(link: SerialLink) -> None:
        before: Frame | None = None
        while True:
            frame = await link.frame(within=quiet)
            if frame is None:
                if ask:
                    await link.write(ask)
            elif passing(frame) or (once and frame == before):
                link.live(frame)
            else:
                await link.deliver(frame)
            before = frame

    return session
