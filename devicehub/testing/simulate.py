"""Run simulated devices in real time: BLE ones on one virtual radio, serial ones on pseudo-terminals."""

from __future__ import annotations

import asyncio
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

from devicehub.testing.peripheral import Peripheral
from devicehub.testing.played import replayed
from devicehub.testing.radio import Air, HubPort
from devicehub.testing.simulator import BleSimulator, Message, SerialSimulator
from devicehub.transport.hands import station_now
from devicehub.transport.tape import load

GROUP = "devicehub.simulators"
ANY_FREE_PORT = "tcp-server:127.0.0.1:0"

Ledger = Callable[[dict[str, object]], None]
"""Hears what happens: ``ready``, ``measured`` (the truth a hub must report) and ``confirmed`` (BLE only)."""


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
    an address and a serial number of its own; the path of a capture (``….jsonl``) is the device it was made of. BLE devices begin when a hub subscribes and end when it has
    confirmed everything; their addresses are ``C0:00:00:00:00:01`` and so on, in the order of ``ids``.
    ``hci`` is where a hub plugs in: ``tcp-server:127.0.0.1:9700``, ``unix-server:/path``; a free port where
    it is ``None``. Raises `UnknownSimulator`.
    """
    kinds = installed()
    makers = {device: _find(kinds, device) for device in ids}
    rhythm = _Rhythm(every, count)
    air = Air()
    async with HubPort(air, hci or ANY_FREE_PORT) as port, asyncio.TaskGroup() as running:
        for number, (device, make) in enumerate(makers.items(), start=1):
            seed = zlib.crc32(device.encode())
            entry = _Entry(device, ledger)
            if is_ble(make):
                peripheral = Peripheral(
                    make(serial_number=f"{seed:08x}", seed=seed),
                    air,
                    f"C0:00:00:00:00:{number:02X}",
                    entry.hear,
                )
                running.create_task(_run_ble(peripheral, port.address, rhythm, entry))
            else:
                running.create_task(_run_serial(make_serial(make)(seed=seed), rhythm, entry))


class _Entry:
    """What one device writes into the ledger."""

    def __init__(self, device: str, ledger: Ledger) -> None:
        self._device = device
        self._ledger = ledger
        self.confirmed = asyncio.Event()

    def write(self, event: str, **more: object) -> None:
        self._ledger({"event": event, "device": self._device, **more})

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


def is_ble(make: MakeSimulator) -> TypeGuard[MakeBleSimulator]:
    """Whether a simulator has a radio."""
    return hasattr(make, "services")


def make_serial(make: MakeSimulator) -> MakeSerialSimulator:
    """The maker of a simulator that has no radio."""
    # A TypeGuard narrows its own side only.
    return cast("MakeSerialSimulator", make)


def _find(kinds: dict[str, MakeSimulator], device: str) -> MakeSimulator:
    if device.endswith(".jsonl"):
        return replayed(load(Path(device)))
    kind, _, _ = device.partition("#")
    if kind in kinds:
        return kinds[kind]
    near = difflib.get_close_matches(kind, kinds, n=1)
    hint = f"did you mean {near[0]}?" if near else f"installed: {', '.join(kinds)}"
    raise UnknownSimulator(f"no simulator is called {kind!r}; {hint}")
