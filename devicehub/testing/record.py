"""Record a conversation with a real device into a scrubbed capture file."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from devicehub import __version__
from devicehub.driver import (
    BleDriver,
    BleLink,
    Driver,
    Frame,
    LinkLost,
    MakeFramer,
    Measurement,
    NotUnderstood,
    Overhear,
    Refused,
    SerialDriver,
)
from devicehub.driver.framing import Blanked
from devicehub.reading.reading import Origin
from devicehub.testing.scrub import scrub
from devicehub.transport.ble import Radio, Sighting
from devicehub.transport.hands import Arrival, Hands, station_now
from devicehub.transport.serial import open_line, origin_of
from devicehub.transport.tape import (
    NO_DRIVER,
    NOT_NAMED,
    Capture,
    CapturedAdvert,
    DeviceDoes,
    Header,
    HubDoes,
    Tape,
    dump,
    load,
)

UNSCRUBBED = ".unscrubbed"
"""What the file is called while it is being recorded, and after a crash: it still names the device, never a person."""

Heard = Callable[[Frame, list[Measurement] | NotUnderstood | None], None]
"""Called with each frame and what the driver reads in it; ``None`` without a driver."""


class NotRecorded(Exception):
    """Nothing could be recorded. The message says why and what to do."""


def hands(driver: Driver | None, heard: Heard) -> Hands:
    """Hands that only tell. Nothing is journalled: a recording is never a patient's."""

    def tell(frame: Frame, _arrival: Arrival) -> None:
        if driver is None:
            heard(frame, None)
            return
        try:
            heard(frame, list(driver.decode(driver.unseal(frame, secrets))))
        except NotUnderstood as error:
            heard(frame, error)

    async def deliver(frame: Frame, arrival: Arrival) -> None:
        tell(frame, arrival)

    secrets: dict[str, bytes] = {}
    return Hands(deliver=deliver, live=tell, secrets=secrets)


async def find(radio: Radio, address: str, seconds: float) -> Sighting:
    """Wait until the device is heard. Raises `NotRecorded`."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Sighting] = loop.create_future()

    def seen(sighting: Sighting) -> None:
        if sighting.address.lower() == address.lower() and not found.done():
            found.set_result(sighting)

    radio.listen(seen)
    try:
        async with asyncio.timeout(seconds):
            return await found
    except TimeoutError:
        raise NotRecorded(
            f"{address} was not heard within {seconds:.0f} s. Wake the device (start a measurement), bring it "
            "closer, and make sure no telephone is connected to it."
        ) from None


async def record_ble(
    radio: Radio,
    sighting: Sighting,
    driver: BleDriver | None,
    path: Path,
    *,
    seconds: float,
    heard: Heard,
) -> Capture:
    """Talk to the device as ``driver`` does for ``seconds``, or just listen to all it sends, and write it down."""
    advert = CapturedAdvert(
        name=sighting.name or "",
        services=tuple(sorted(sighting.services)),
        company_data=dict(sighting.company_data),
        service_data=dict(sighting.service_data),
    )
    session = eavesdrop if driver is None else driver.session
    told = hands(driver, heard)
    if isinstance(session, Overhear):
        with (
            _taping(path, sighting.address, _header(driver, advert, (), radio.origin)) as tape,
            radio.overhear(sighting, told, recorder=tape) as overheard,
        ):
            await _for(seconds, session(overheard))
    else:
        recorder = _Late()
        async with radio.connect(sighting, told, recorder=recorder) as link:
            offered = tuple(sorted(link.characteristics))
            header = _header(driver, advert, offered, radio.origin)
            with _taping(path, sighting.address, header) as tape:
                recorder.tape = tape
                await _for(seconds, session(link))
    return load(path)


async def record_serial(
    port: str, driver: SerialDriver, path: Path, *, seconds: float, heard: Heard
) -> Capture:
    """Talk over the line as ``driver`` does for ``seconds`` and write it down."""
    with _taping(path, None, _header(driver, None, (), origin_of(port))) as tape:
        is_blanked = isinstance(driver.line.framer(), Blanked)
        recorder = _Blanking(tape, driver.line.framer) if is_blanked else tape
        async with open_line(port, driver.line, hands(driver, heard), tape=recorder) as link:
            await _for(seconds, driver.session(link))
    return load(path)


async def eavesdrop(link: BleLink) -> None:
    """For a device no driver knows: subscribe to everything that can be subscribed to, and listen."""
    subscribed = []
    for on in sorted(link.characteristics):
        with contextlib.suppress(Refused):
            await link.subscribe(on)
            subscribed.append(on)
    async for frame in link.frames(*subscribed, quiet=60.0):
        link.live(frame)


@contextlib.contextmanager
def _taping(path: Path, address: str | None, header: Header) -> Iterator[Tape]:
    """A tape that ends as a scrubbed capture in ``path``, however the recording ends.

    Where all fails before anything was said, no file stays. Raises `NotRecorded`.
    """
    raw = path.with_name(path.name + UNSCRUBBED)
    try:
        tape = Tape(raw, header)
    except OSError as error:
        raise NotRecorded(
            f"{raw} cannot be written ({error.strerror}): choose another file name or folder"
        ) from None
    is_whole = False
    try:
        with tape:
            yield tape
        is_whole = True
    finally:
        try:
            if is_whole or tape.steps:
                dump(scrub(load(raw), address), path)
        finally:
            raw.unlink()


class _Blanking:
    """A recorder of a line into which a person's number is typed: of it only what its framer has blanked is taped.

    A step is then one message; where the framer left the line's end out, it is CR LF.
    """

    def __init__(self, tape: Tape, framer: MakeFramer) -> None:
        self._tape = tape
        self._new_framer = framer
        self._framer = framer()

    def hub(self, do: HubDoes, on: str, data: bytes) -> None:
        self._tape.hub(do, on, data)

    def device(self, do: DeviceDoes, on: str, data: bytes) -> None:
        for message in self._framer.feed(data):
            end = b"" if self._new_framer().feed(message) else b"\r\n"
            self._tape.device(do, on, message + end)


class _Late:
    """A recorder whose tape comes once the characteristics are known: nothing is said before."""

    tape: Tape | None = None

    def hub(self, do: HubDoes, on: str, data: bytes) -> None:
        if self.tape is not None:
            self.tape.hub(do, on, data)

    def device(self, do: DeviceDoes, on: str, data: bytes) -> None:
        if self.tape is not None:
            self.tape.device(do, on, data)


async def _for(seconds: float, session: Awaitable[None]) -> None:
    with contextlib.suppress(TimeoutError, LinkLost):
        async with asyncio.timeout(seconds):
            await session


def _header(
    driver: Driver | None,
    advert: CapturedAdvert | None,
    characteristics: tuple[str, ...],
    origin: Origin,
) -> Header:
    return Header(
        device=NOT_NAMED,
        driver=driver.id if driver is not None else NO_DRIVER,
        origin="hardware" if origin == "device" else "synthetic",
        recorded=station_now(),
        hub=__version__,
        advert=advert,
        characteristics=characteristics,
    )
