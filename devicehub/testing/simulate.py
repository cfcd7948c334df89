"""Run simulated devices in real time: BLE ones on one virtual radio, serial ones on pseudo-terminals."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import importlib
import itertools
import pkgutil
import zlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, TypeGuard, cast

from devicehub.testing.electrodes import faults
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.played import replayed
from devicehub.testing.radio import Air, HubPort
from devicehub.testing.simulator import BleSimulator, Message, SerialSimulator, Simulator, Worn
from devicehub.transport.hands import station_now
from devicehub.transport.tape import load

GROUP = "devicehub.simulators"
ANY_FREE_PORT = "tcp-server:127.0.0.1:0"

READER = "identity_reader"
"""What the barcode reader is called among the simulated devices. It is none: no driver reads it."""
HESITATION = 1.0
"""Seconds between the opening of the reader's port and the first scan."""

CAPTURE, FAULTS = ".jsonl", "+"
"""What the name of a capture ends with, and what parts a device's id from its electrodes' faults."""

Ledger = Callable[[dict[str, object]], None]
"""Hears what happens: ``ready``, ``measured`` (the truth a hub must report) and ``confirmed`` (BLE only);
``passkey`` is what a device shows while it is paired."""


class UnknownSimulator(LookupError):
    """No installed simulator has this id. The message names the nearest one."""


class MakeBleSimulator(Protocol):
    """What a BLE simulator's module calls ``SIMULATOR``."""

    services: object

    def __call__(self, *, serial_number: str, seed: int) -> BleSimulator:
        """One more device of the kind."""
        ...


class MakeSerialSimulator(Protocol):
    """What a serial simulator's module calls ``SIMULATOR``: the line tells no identity."""

    def __call__(self, *, seed: int) -> SerialSimulator:
        """One more device of the kind."""
        ...


MakeSimulator = MakeBleSimulator | MakeSerialSimulator


def installed() -> dict[str, MakeSimulator]:
    """Every installed simulator by the id of its driver, which is the name of its module."""
    found: dict[str, MakeSimulator] = {}
    for point in entry_points(group=GROUP):
        package = importlib.import_module(point.value)
        for listed in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{listed.name}")
            if hasattr(module, "SIMULATOR"):
                found[listed.name] = module.SIMULATOR
    return dict(sorted(found.items()))


async def simulate(
    ids: Sequence[str], *, hci: str | None, every: float, count: int | None, ledger: Ledger
) -> None:
    """Run the devices ``ids`` until each has measured ``count`` times, or until cancelled.

    An id is a driver's (``sig_blood_pressure``); ``sig_blood_pressure#2`` is a second device of the kind, with
    an address and a serial number of its own; the path of a capture (``….jsonl``) is the device it was made of;
    ``ads1298_bridge+LA:off@5-12,V3:emg`` has faults at its electrodes (`devicehub.testing.electrodes`);
    ``identity_reader`` scans the codes of invented patients in turn, once a hub has opened its port. BLE devices begin when a hub subscribes and end when it has
    confirmed everything; their addresses are ``C0:00:00:00:00:01`` and so on, in the order of ``ids``.
    ``hci`` is where a hub plugs in: ``tcp-server:127.0.0.1:9700``, ``unix-server:/path``; a free port where
    it is ``None``. What streams does so without a pause; without a BLE device nobody listens there.
    Raises `UnknownSimulator`, `BadFault`, `devicehub.transport.tape.BadCapture`, and
    `devicehub.testing.radio.BadPort` and `PortTaken`.
    """
    kinds = installed()
    made = {device: _make(kinds, device, every) for device in ids if device != READER}
    rhythm = _Rhythm(every, count)
    air = Air()
    port = HubPort(air, hci or ANY_FREE_PORT)
    has_radio = any(not isinstance(simulator, SerialSimulator) for simulator in made.values())
    plugged = port if has_radio else contextlib.nullcontext()
    async with plugged, asyncio.TaskGroup() as running:
        if READER in ids:
            running.create_task(_run_reader(every, count, _Entry(READER, ledger)))
        for number, (device, simulator) in enumerate(made.items(), start=1):
            entry = _Entry(device, ledger)
            if isinstance(simulator, SerialSimulator):
                running.create_task(_run_serial(simulator, rhythm, entry))
            else:
                address = f"C0:00:00:00:00:{number:02X}"
                peripheral = Peripheral(simulator, air, address, entry.hear, entry.show)
                running.create_task(_run_ble(peripheral, port.address, rhythm, entry))


def _make(kinds: dict[str, MakeSimulator], device: str, every: float) -> Simulator:
    """One simulator, with the faults its id asks for. What streams does so until its next turn."""
    make = _find(kinds, device)
    name, _, script = (device, "", "") if device.endswith(CAPTURE) else device.partition(FAULTS)
    seed = zlib.crc32(name.encode())
    simulator: Simulator
    if is_ble(make):
        simulator = make(serial_number=f"{seed:08x}", seed=seed)
    else:
        simulator = make_serial(make)(seed=seed)
    if isinstance(simulator, Worn):
        simulator.stretch_seconds = every
        simulator.patient.faults = faults(script)
    elif script:
        raise UnknownSimulator(f"{device}: only what has electrodes can have faults at them")
    return simulator


class _Entry:
    """What one device writes into the ledger."""

    def __init__(self, device: str, ledger: Ledger) -> None:
        self._device = device
        self._ledger = ledger
        self.confirmed = asyncio.Event()

    def write(self, event: str, **more: object) -> None:
        self._ledger({"event": event, "device": self._device, **more})

    def show(self, passkey: int) -> None:
        """The six digits on the device's display."""
        self.write("passkey", digits=f"{passkey:06}")

    def hear(self, event: str, message: Message, at: datetime | None = None) -> None:
        if message.truth is not None:
            at = at or station_now()
            truth = message.truth.model_dump(mode="json")
            self.write(event, at=at.isoformat(), measurement=truth)
        if event == "confirmed":
            self.confirmed.set()


class _Rhythm:
    """When a device measures: ``every`` so many seconds, from the start of one to the start of the next.

    The first comes after such a pause too: a hub must see a device idle to know when it began.
    """

    def __init__(self, every: float, count: int | None) -> None:
        self._every = every
        self._count = count

    async def keep(self, measure: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._every
        for number in itertools.count(1):
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = loop.time() + self._every
            await measure()
            if number == self._count:
                return


async def _run_ble(peripheral: Peripheral, hci: str, rhythm: _Rhythm, entry: _Entry) -> None:
    async with peripheral:
        entry.write("ready", hci=hci, address=peripheral.address)
        await peripheral.subscribed()
        await rhythm.keep(peripheral.measure)
        while peripheral.simulator.memory:
            entry.confirmed.clear()
            await entry.confirmed.wait()


async def _run_serial(simulator: SerialSimulator, rhythm: _Rhythm, entry: _Entry) -> None:
    # A pseudo-terminal is Unix's; the BLE simulators run everywhere.
    from devicehub.testing.pty_body import PtyBody  # noqa: PLC0415

    async with PtyBody(simulator, lambda step, at: entry.hear("measured", step, at)) as body:
        entry.write("ready", port=body.path)
        await rhythm.keep(body.measure)


async def _run_reader(every: float, count: int | None, entry: _Entry) -> None:
    # As above.
    from devicehub.testing.reader_body import PATIENTS, ReaderBody, ins_code  # noqa: PLC0415

    codes = itertools.islice(itertools.cycle(map(ins_code, PATIENTS)), count)
    async with ReaderBody() as body:
        entry.write("ready", port=body.path)
        await body.opened()
        await asyncio.sleep(HESITATION)
        for code in codes:
            body.scan(code)
            entry.write("scanned")
            await asyncio.sleep(every)


def is_ble(make: MakeSimulator) -> TypeGuard[MakeBleSimulator]:
    """Whether a simulator has a radio."""
    return hasattr(make, "services")


def make_serial(make: MakeSimulator) -> MakeSerialSimulator:
    """The maker of a simulator that has no radio."""
    # A TypeGuard narrows its own side only.
    return cast("MakeSerialSimulator", make)


def _find(kinds: dict[str, MakeSimulator], device: str) -> MakeSimulator:
    if device.endswith(CAPTURE):
        return replayed(load(Path(device)))
    kind, _, _ = device.partition(FAULTS)[0].partition("#")
    if kind in kinds:
        return kinds[kind]
    near = difflib.get_close_matches(kind.lower(), kinds, n=1)
    hint = f"did you mean {near[0]}?" if near else f"installed: {', '.join(kinds)}"
    raise UnknownSimulator(f"no simulator is called {kind!r}; {hint}")
