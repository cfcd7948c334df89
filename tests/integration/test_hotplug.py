"""Serial devices that are unplugged in the middle of a message and plugged in again elsewhere.

Everything is real but USB itself: pseudo-terminals stand behind the adapters, and a folder of links for the
system's list of them. tests/system does the same with the kernel's own USB and adapter drivers.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from sockets import Sockets

from devicehub.delivery.dossier_api import DossierApi
from devicehub.devices import registry, supervisor
from devicehub.devices.adoption import Sorted
from devicehub.devices.binding import SerialBinding
from devicehub.devices.bonds import Bonds
from devicehub.devices.intake import Conversation, Intake, Source
from devicehub.devices.news import DeviceNews
from devicehub.devices.supervisor import Supervisor
from devicehub.driver import Frame, LinkLost, Measurement, NotUnderstood, SerialDriver, Settles
from devicehub.journal.journal import Journal
from devicehub.journal.seal import Seal
from devicehub.reading.settle import Settle, Settling
from devicehub.testing import simulate
from devicehub.testing.looped_link import model_of
from devicehub.testing.simulate import make_serial
from devicehub.testing.simulator import Message, SerialSimulator
from devicehub.transport.hands import station_now
from devicehub.transport.ports import Ports
from devicehub.visit.desk import Desk

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

from devicehub.testing.pty_body import PtyBody
from devicehub_simulators.mt_sics import MtSicsScale

PATIENCE = 25.0
HASTE = 0.02
SECONDS_OF_ASKED = 8.0
FTDI, NUMBER = "0403:6001", "A50285BI"

SIMULATORS = simulate.installed()
SERIAL = [
    name
    for name in SIMULATORS
    if name in registry.installed() and isinstance(registry.find(name), SerialDriver)
]


class Station:
    """A journal, an intake and a supervisor, and what they told."""

    def __init__(self, journal: Journal, bindings: Sequence[SerialBinding], ports: Ports) -> None:
        desk = Desk(
            journal,
            station="salle-1",
            grace=timedelta(0),
            confirm="none",
            dossier=DossierApi("http://127.0.0.1:9", token=None, tls=None),  # nobody asks it
            seal=Seal(journal.path.parent / "seal"),
            show=lambda _visit, _identity: None,
        )
        intake = Intake(
            journal,
            desk,
            station="salle-1",
            secrets=journal.path.parent / "secrets",
            show_live=self._show_live,
            show_not_understood=self._show_not_understood,
        )
        self.journal = journal
        self.shown: list[Measurement] = []
        self.not_understood: list[NotUnderstood] = []
        self.news: dict[str, DeviceNews] = {}
        self.supervisor = Supervisor(
            intake,
            serial=bindings,
            bluetooth=(),
            accept_any=False,
            sort=lambda _seen: Sorted("stranger"),
            put_off=lambda _address: False,
            make_radios=(),
            bonds=Bonds(journal.path.parent / "bonds.json"),
            show_device=lambda news: self.news.update({news.source.id: news}),
            show_radio=lambda *_: None,
            ports=ports,
        )

    def _show_live(self, _device: str, said: Sequence[Measurement], _at: datetime) -> None:
        self.shown += said

    def _show_not_understood(self, _device: str, error: NotUnderstood) -> None:
        self.not_understood.append(error)

    async def filed(self) -> list[Measurement]:
        return [one.reading.measurement for one in reversed(await self.journal.latest(100))]

    async def is_now(self, condition: str, device: str = "device") -> DeviceNews:
        await until(lambda: device in self.news and self.news[device].condition == condition)
        return self.news[device]


@asynccontextmanager
async def running(
    folder: Path, bindings: Sequence[SerialBinding], sockets: Sockets
) -> AsyncIterator[Station]:
    async with Journal(folder / "journal.sqlite") as journal:
        station = Station(journal, bindings, Ports(sockets))
        task = asyncio.create_task(station.supervisor.run())
        try:
            yield station
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


class Plugged(PtyBody):
    """A device whose adapter can be pulled out while it is speaking."""

    def __init__(self, simulator: SerialSimulator, haste: float) -> None:
        self._hurried = Hurried(simulator, haste)
        super().__init__(self._hurried, self._happened)
        self.truths: list[Measurement] = []
        self.cut = asyncio.Event()
        self.cutting = False

    def _happened(self, message: Message, _at: datetime) -> None:
        if message.truth is not None:
            self.truths.append(message.truth)

    def _send(self, data: bytes) -> None:
        if self.cut.is_set():
            return
        if self.cutting and len(data) > 1:
            super()._send(data[: len(data) // 2])
            self.cut.set()
            self._hurried.haste = 0.0
            return
        super()._send(data)


class Hurried:
    """A simulator that does not make a test wait."""

    def __init__(self, simulator: SerialSimulator, haste: float) -> None:
        self._simulator = simulator
        self.haste = haste

    def receive(self, data: bytes, now: datetime) -> bytes:
        return self._simulator.receive(data, now)

    def measure(self, now: datetime) -> Iterator[Message]:
        for message in self._simulator.measure(now):
            yield replace(message, after=message.after * self.haste)


def simulator_of(name: str) -> SerialSimulator:
    return make_serial(SIMULATORS[name])(seed=1)


def haste_of(name: str, driver: SerialDriver) -> float:
    """One that only answers is asked in real time: its measurement must last for several questions."""
    if driver.settles is Settles.STREAM:
        return 1.0
    steps = list(simulator_of(name).measure(station_now()))
    if any(step.data for step in steps):
        return HASTE
    return min(1.0, SECONDS_OF_ASKED / sum(step.after for step in steps))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a condition of several parts
            await asyncio.sleep(0.01)


async def until_filed(station: Station, wanted: Iterable[Measurement]) -> None:
    async with asyncio.timeout(PATIENCE):
        for one in wanted:
            while one not in await station.filed():  # noqa: ASYNC110 - what is filed is asked
                await asyncio.sleep(0.02)


def whole(truths: Iterable[Measurement]) -> list[Measurement]:
    """The truths a hub files: not that nothing could be measured."""
    at = station_now()
    each = Settle(Settles.EACH, Settling(idle_since=at))
    return [done.measurement for done in each.finished(truths, at)]


def binding(
    driver: str, port: str, name: str = "device", model: str | None = None
) -> SerialBinding:
    return SerialBinding(name, name.title(), port, driver, model)


@pytest.mark.parametrize("name", SERIAL)
async def test_the_next_measurement_is_read_whole_after_a_plug_was_pulled_in_the_middle_of_a_message(
    name: str, tmp_path: Path
) -> None:
    driver = cast("SerialDriver", registry.find(name))
    simulator = simulator_of(name)
    haste = haste_of(name, driver)
    (tmp_path / "usb").mkdir()
    sockets = Sockets(tmp_path / "usb")
    answers = not any(step.data for step in simulator_of(name).measure(station_now()))
    polled = (
        answers
        and driver.settles is Settles.STREAM
        and any("body_weight" in model.reads for model in driver.models)
    )
    bound = [binding(name, f"usb:{FTDI}:{NUMBER}", model=model_of(simulator))]
    async with running(tmp_path, bound, sockets) as station, Plugged(simulator, haste) as after:
        async with Plugged(simulator, haste) as before:
            assert before.path != after.path
            sockets.plug(before.path, FTDI, NUMBER, "1-1.2")
            await station.is_now("connected")
            if polled:
                await until(lambda: bool(station.shown))  # the empty scale
            measuring = asyncio.create_task(before.measure())
            before.cutting = True
            await asyncio.wait_for(before.cut.wait(), PATIENCE)
            await asyncio.wait_for(measuring, PATIENCE)  # the patient goes, nobody hears it
            sockets.unplug(before.path)
        news = await station.is_now("lost")
        assert await station.filed() == []
        station.shown.clear()

        sockets.plug(after.path, FTDI, NUMBER, "2-4")
        news = await station.is_now("connected")
        assert (news.source.address, news.source.origin) == (bound[0].port, "simulator")
        if polled:
            await until(lambda: bool(station.shown))
        async with asyncio.timeout(PATIENCE):
            await after.measure()
            while not (station.shown or whole(after.truths)):
                await after.measure()  # a stream that its session was still setting up
        await until_filed(station, whole(after.truths))
        filed = await station.filed()
    possible = whole([*before.truths, *after.truths])
    assert [one for one in filed if one not in possible] == []
    assert len(filed) <= len(possible)
    assert station.not_understood == []


async def test_two_adapters_of_one_kind_are_told_apart_by_number_wherever_they_are(
    tmp_path: Path,
) -> None:
    (tmp_path / "usb").mkdir()
    sockets = Sockets(tmp_path / "usb")
    bound = [
        binding("mt_sics", f"usb:{FTDI}:ONE", "one"),
        binding("mt_sics", f"usb:{FTDI}:TWO", "two"),
    ]
    async with (
        running(tmp_path, bound, sockets) as station,
        PtyBody(MtSicsScale(seed=1), lambda *_: None) as first,
        PtyBody(MtSicsScale(seed=2), lambda *_: None) as second,
    ):
        sockets.plug(first.path, FTDI, "TWO", "1-1")
        await station.is_now("connected", "two")
        absent = await station.is_now("lost", "one")
        assert "usb:0403:6001:ONE : cet adaptateur n'est pas branché" in (absent.detail or "")
        sockets.plug(second.path, FTDI, "ONE", "1-2")
        await station.is_now("connected", "one")


async def test_two_adapters_without_a_number_are_told_apart_by_their_sockets_and_never_guessed(
    tmp_path: Path,
) -> None:
    (tmp_path / "usb").mkdir()
    sockets = Sockets(tmp_path / "usb")
    async with (
        PtyBody(MtSicsScale(seed=1), lambda *_: None) as first,
        PtyBody(MtSicsScale(seed=2), lambda *_: None) as second,
    ):
        sockets.plug(first.path, "1a86:7523", None, "1-1")
        sockets.plug(second.path, "1a86:7523", None, "1-2")
        bound = [
            binding("mt_sics", "usb:1a86:7523", "any"),
            binding("mt_sics", "usb:1a86:7523@1-2", "second"),
        ]
        async with running(tmp_path, bound, sockets) as station:
            lost = await station.is_now("lost", "any")
            for choice in (f'"usb:1a86:7523@1-1" ({first.path})', f'@1-2" ({second.path})'):
                assert choice in (lost.detail or "")
            news = await station.is_now("connected", "second")
            assert news.source.address == "usb:1a86:7523@1-2"


async def test_a_port_has_one_device(tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    sockets = Sockets(tmp_path / "usb")
    async with PtyBody(MtSicsScale(seed=1), lambda *_: None) as body:
        sockets.plug(body.path, FTDI, NUMBER, "1-1")
        alias = tmp_path / "scale"
        alias.symlink_to(body.path)
        bound = [
            binding("mt_sics", f"usb:{FTDI}:{NUMBER}", "one"),
            binding("mt_sics", str(alias), "two"),
        ]
        async with running(tmp_path, bound, sockets) as station:
            await until(lambda: {news.condition for news in station.news.values()} == both)
            (lost,) = [n for n in station.news.values() if n.condition == "lost"]
            assert "one" in (lost.detail or "")
            assert "two" in (lost.detail or "")


both = {"connected", "lost"}


async def test_a_link_that_is_laid_while_its_port_opens_makes_no_device_of_a_simulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "usb").mkdir()
    alias = tmp_path / "scale"
    origins: list[str] = []
    really_open = Intake.open

    async with PtyBody(MtSicsScale(seed=1), lambda *_: None) as body:

        def plug_in_and_open(
            intake: Intake, source: Source, last_idle: datetime | None = None
        ) -> Conversation:
            origins.append(source.origin)
            if not alias.exists():
                alias.symlink_to(body.path)
            return really_open(intake, source, last_idle)

        monkeypatch.setattr(Intake, "open", plug_in_and_open)
        bound = [binding("mt_sics", str(alias), "device")]
        async with running(tmp_path, bound, Sockets(tmp_path / "usb")) as station:
            news = await station.is_now("connected")
    assert (news.source.origin, origins) == ("simulator", ["device", "simulator"])


async def test_a_driver_that_stumbles_over_a_frame_reads_the_next_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "usb").mkdir()
    driver = cast("SerialDriver", registry.find("and_tm2657"))
    stumbled: list[Frame] = []

    def stumble(frame: Frame) -> Iterable[Measurement]:
        if not stumbled or frame.data == stumbled[0].data:
            stumbled.append(frame)
            raise ZeroDivisionError
        return driver.decode(frame)

    monkeypatch.setattr(registry, "find", lambda _name: replace(driver, decode=stumble))
    monkeypatch.setattr(supervisor, "FAULT_RETRY", 0.2)
    truths: list[Measurement] = []
    body = PtyBody(
        Hurried(simulator_of("and_tm2657"), HASTE),
        lambda step, _at: truths.append(step.truth) if step.truth else None,
    )
    async with (
        body,
        running(tmp_path, [binding("and_tm2657", body.path)], Sockets(tmp_path / "usb")) as station,
    ):
        await station.is_now("connected")
        await body.measure()
        await station.is_now("failed")
        await until(lambda: bool(station.not_understood))
        await station.is_now("connected")
        truths.clear()
        await body.measure()
        await until_filed(station, whole(truths))
    assert len(truths) == 1
    assert len(stumbled) == 2, "as it came, and once more before it was set aside"
    assert "ZeroDivisionError" in str(station.not_understood[0])


async def test_a_port_is_free_again_when_its_user_leaves(tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    sockets = Sockets(tmp_path / "usb")
    sockets.plug("/dev/pts/9999", FTDI, NUMBER, "1-1")
    ports = Ports(sockets)
    async with ports.use(f"usb:{FTDI}:{NUMBER}", "one") as path:
        assert path == "/dev/pts/9999"
        with pytest.raises(LinkLost, match="one"):
            async with ports.use("/dev/pts/9999", "two"):
                pytest.fail("it has two devices")
    async with ports.use("/dev/pts/9999", "two") as path:
        assert path == "/dev/pts/9999"
