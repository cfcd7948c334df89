"""What keeps a device from being read, from the real port or radio to the words in the room: its tile and its row agree."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sockets import Sockets
from station_room import ALICE, visit

from devicehub.delivery.dossier_api import DossierApi
from devicehub.delivery.wire import DeviceState
from devicehub.devices.adoption import Sorted
from devicehub.devices.binding import SerialBinding
from devicehub.devices.bluetooth import RadioNews
from devicehub.devices.bonds import Bonds
from devicehub.devices.intake import Intake
from devicehub.devices.news import DeviceNews
from devicehub.devices.supervisor import Supervisor
from devicehub.journal.journal import Journal
from devicehub.journal.seal import Seal
from devicehub.station import telling
from devicehub.station.board import Board
from devicehub.station.expecting import RESTS, Listed, snapshot
from devicehub.station.room_view import device_views
from devicehub.station.words import Words
from devicehub.transport.hands import station_now
from devicehub.transport.port_trouble import PortLost, not_opened
from devicehub.transport.ports import Ports
from devicehub.transport.radios import make_radios
from devicehub.visit.desk import Desk
from devicehub.visit.plan import absent

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

from devicehub.testing.pty_body import PtyBody
from devicehub_simulators.mt_sics import MtSicsScale

PATIENCE = 25.0
FRENCH = Words("fr")


class Room:
    """A board, and the supervisor that tells it of its wires."""

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        bound: Sequence[SerialBinding],
        sockets: Sockets,
        radio: str = "none",
    ) -> None:
        self.radios: list[RadioNews] = []
        self.board = Board(simulation=True)
        self.board.visit(visit().model_copy(update={"plan": ("body_weight",)}), ALICE)
        self.listed = [Listed(one.id, one.name, on_radio=False, driver="mt_sics") for one in bound]
        desk = Desk(
            journal,
            station="salle-1",
            grace=timedelta(0),
            confirm="none",
            dossier=DossierApi("http://127.0.0.1:9", token=None, tls=None),  # nobody asks it
            seal=Seal(folder / "seal"),
            show=lambda _visit, _identity: None,
        )
        self.supervisor = Supervisor(
            Intake(
                journal,
                desk,
                station="salle-1",
                secrets=folder / "secrets",
                show_live=self.board.live,
                show_not_understood=lambda *_: None,
                show_load=self._load,
            ),
            serial=bound,
            bluetooth=(),
            accept_any=False,
            sort=lambda _seen: Sorted("stranger"),
            put_off=lambda _address: False,
            make_radios=make_radios(radio, folder / "bonds"),
            bonds=Bonds(folder / "bonds.json"),
            show_device=self._show,
            show_radio=self._show_radio,
            ports=Ports(sockets),
        )
        self.said = asyncio.Event()

    def _show(self, news: DeviceNews) -> None:
        state = DeviceState(
            device=news.source.id,
            driver=news.source.driver.id,
            origin=news.source.origin,
            state=news.condition,
            since=news.since,
        )
        self.board.device(state, name=news.name, why=news.why, holder=news.holder)
        self.said.set()

    def _show_radio(self, news: RadioNews) -> None:
        self.radios.append(news)
        self.said.set()

    def _load(self, device: str, rests: bool, at: datetime) -> None:
        self.board.load(device, rests, at)
        self.said.set()

    async def until_loaded(self, *, rests: bool) -> None:
        """Wait until a load rests in vain on the scale, or none."""
        async with asyncio.timeout(PATIENCE):
            while (self.board.picture.devices["balance"].load is not None) != rests:
                self.said.clear()
                await self.said.wait()

    async def until(self, condition: str, device: str) -> None:
        """Wait for a device to be so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                seen = self.board.picture.devices.get(device)
                if seen is not None and seen.state is not None and seen.state.state == condition:
                    return
                self.said.clear()
                await self.said.wait()

    def told(self, device: str) -> tuple[str, str]:
        """The state of the device's row, and the sentence that its row and its tile share."""
        number = [one.id for one in self.listed].index(device)
        row = device_views(self.board.picture, self.listed, FRENCH, station_now())[number]
        room = snapshot(
            self.board.picture,
            self.listed,
            lambda _: frozenset({"body_weight"}),
            plan=["body_weight"],
            now=station_now(),
        )
        assert room is not None
        (one,) = absent(room)
        name = self.listed[number].name
        said = [
            " ".join(telling.cause(FRENCH, why))
            for why in one.causes
            if name in telling.cause(FRENCH, why).what
        ]
        assert list(row.needs) == said
        return row.state, said[0]


@asynccontextmanager
async def room(folder: Path, *bound: SerialBinding, radio: str = "none") -> AsyncIterator[Room]:
    (folder / "usb").mkdir(exist_ok=True)
    async with Journal(folder / "journal.sqlite") as journal:
        room = Room(folder, journal, bound, Sockets(folder / "usb"), radio)
        task = asyncio.create_task(room.supervisor.run())
        try:
            yield room
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def scale(port: str, name: str = "Balance") -> SerialBinding:
    return SerialBinding(name.lower(), name, port, "mt_sics", None)


async def test_another_program_that_holds_the_port_is_named(tmp_path: Path) -> None:
    async with PtyBody(MtSicsScale(seed=1), lambda *_: None) as body:
        program = (
            f"import serial; port = serial.Serial({body.path!r}, exclusive=True); "
            "print('held', flush=True); input()"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with holder:
            assert holder.stdout is not None
            assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
            async with room(tmp_path, scale(body.path)) as here:
                await here.until("lost", "balance")
                state, said = here.told("balance")
                assert state == "blocked"
                assert "Un autre programme du poste tient le port" in said
                assert "Balance" in said
                assert sys.platform != "linux" or f"pid {holder.pid}" in said
                assert "câble" not in said
                holder.kill()
                await here.until("connected", "balance")


async def test_two_devices_on_one_port_name_each_other(tmp_path: Path) -> None:
    async with PtyBody(MtSicsScale(seed=1), lambda *_: None) as body:
        alias = tmp_path / "again"
        alias.symlink_to(body.path)
        bound = scale(body.path, "Grande"), scale(str(alias), "Petite")
        async with room(tmp_path, *bound) as here:
            async with asyncio.timeout(PATIENCE):
                while len(here.board.picture.devices) < len(bound):
                    here.said.clear()
                    await here.said.wait()
            devices = here.board.picture.devices
            (lost,) = [one.device for one in devices.values() if one.why == "port_shared"]
            state, said = here.told(lost)
            assert state == "blocked"
            assert "Grande" in said
            assert "Petite" in said


async def test_a_terminal_server_that_does_not_answer_is_no_cable(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and it does not listen: every call is refused
        port = f"socket://127.0.0.1:{nobody.getsockname()[1]}"
        async with room(tmp_path, scale(port)) as here:
            await here.until("lost", "balance")
            state, said = here.told("balance")
            assert state == "blocked"
            assert "boîtier réseau" in said


async def test_what_is_no_port_is_the_technicians(tmp_path: Path) -> None:
    async with room(tmp_path, scale(str(tmp_path))) as here:
        await here.until("lost", "balance")
        state, said = here.told("balance")
        assert state == "blocked"
        assert "configuration" in said


async def test_several_adapters_that_could_be_meant(tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    sockets = Sockets(tmp_path / "usb")
    for number in (1, 2):
        sockets.plug(f"/dev/pts/999{number}", "1a86:7523", None, f"1-{number}")
    async with room(tmp_path, scale("usb:1a86:7523")) as here:
        await here.until("lost", "balance")
        state, said = here.told("balance")
        assert state == "blocked"
        assert "Plusieurs adaptateurs" in said


async def test_what_is_not_plugged_in_is_still_said_to_be_so(tmp_path: Path) -> None:
    async with room(tmp_path, scale("usb:0403:6001:A50285BI")) as here:
        await here.until("lost", "balance")
        row = device_views(here.board.picture, here.listed, FRENCH, station_now())[0]
        assert row.state == "unplugged"
        assert "câble" in row.needs[0]


async def test_whoever_stands_on_the_scale_when_it_is_connected_is_told_to_step_off(
    tmp_path: Path,
) -> None:
    scale_side, station_side = os.openpty()
    port = os.ttyname(station_side)
    said = [b"ST,GS,+00072.40kg\r\n"]

    async def speak() -> None:
        while True:
            os.write(scale_side, said[0])
            await asyncio.sleep(0.05)

    bound = SerialBinding("balance", "Balance", port, "and_scale", None)
    async with room(tmp_path, bound) as here:
        await here.until("connected", "balance")
        speaking = asyncio.create_task(speak())
        await here.until_loaded(rests=True)
        load = here.board.picture.devices["balance"].load
        assert load is not None
        later = snapshot(
            here.board.picture,
            here.listed,
            lambda _: frozenset({"body_weight"}),
            plan=["body_weight"],
            now=load.since + RESTS,
        )
        assert later is not None
        (one,) = absent(later)
        assert "Descendez de la balance" in telling.cause(FRENCH, one.causes[0]).act
        said[0] = b"ST,GS,+00000.00kg\r\n"
        await here.until_loaded(rests=False)
        speaking.cancel()
        with suppress(asyncio.CancelledError):
            await speaking
    os.close(scale_side)
    os.close(station_side)


async def test_a_radio_is_lost_since_it_was_lost_however_often_it_is_tried(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        radio = f"virtual:tcp-client:127.0.0.1:{nobody.getsockname()[1]}"
        async with room(tmp_path, radio=radio) as here, asyncio.timeout(PATIENCE):
            while len(here.radios) < 3:
                here.said.clear()
                await here.said.wait()
    assert {news.condition for news in here.radios} == {"lost"}
    assert len({news.since for news in here.radios}) == 1


async def test_another_reason_does_not_begin_a_trouble_anew(tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    sockets = Sockets(tmp_path / "usb")
    async with room(tmp_path, scale("usb:1a86:7523")) as here:
        await here.until("lost", "balance")
        before = here.board.picture.devices["balance"]
        for number in (1, 2):
            sockets.plug(f"/dev/pts/999{number}", "1a86:7523", None, f"1-{number}")
        async with asyncio.timeout(PATIENCE):
            while here.board.picture.devices["balance"].why != "port_unclear":
                here.said.clear()
                await here.said.wait()
        after = here.board.picture.devices["balance"]
    assert before.state is not None
    assert after.state is not None
    assert after.state.since == before.state.since


def test_a_port_without_permission_says_so() -> None:
    denied = not_opened("/dev/ttyUSB0", OSError(errno.EACCES, "Permission denied"))
    assert isinstance(denied, PortLost)
    assert denied.why == "port_denied"
