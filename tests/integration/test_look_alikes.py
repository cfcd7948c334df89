"""Two cuffs of one model on a virtual air: the room's is read, its double is a warning, and neither before adoption."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from devicehub import config
from devicehub.app import run_station
from devicehub.devices import registry
from devicehub.journal.adoptions import Adoption
from devicehub.journal.journal import Journal
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.radio import Air, HubPort
from devicehub.transport.hands import station_now
from devicehub.visit.operators import Operator, Operators
from devicehub_simulators import sig_blood_pressure as simulated_cuff
from devicehub_simulators.sig_blood_pressure import SigBloodPressure

PATIENCE = 30.0
MINE, DOUBLE = "C0:00:00:00:00:01", "C0:00:00:00:00:02"


class Open(SigBloodPressure):
    """A cuff that asks for no bond."""

    bonding: Literal["none", "just_works", "passkey"] = "none"


class Room:
    """An air with two cuffs of one model, and a station that lists one by the beginning of its name."""

    client: httpx.AsyncClient
    """Speaks to the station that runs."""

    def __init__(self, folder: Path, port: HubPort, mine: Peripheral, double: Peripheral) -> None:
        self.data = folder / "data"
        self.mine = mine
        self.double = double
        self._file = folder / "devicehub.toml"
        self._file.write_text(
            '[station]\nid = "salle-1"\nsite = "cabinet"\nlisten = "127.0.0.1:0"\nsimulation = true\n'
            f'data = "{self.data.as_posix()}"\n[mqtt]\nport = 1\n[dossier]\nurl = "http://127.0.0.1:1"\n'
            f'[bluetooth]\nradio = "virtual:{port.address}"\naccept = "known"\n'
            '[[device]]\nid = "cuff"\nname = "Tensiomètre"\nname_prefix = "SIM-BP"\n',
            encoding="utf-8",
        )

    async def adopt(self, address: str) -> None:
        """As the page's challenge would have written it down."""
        made = Adoption(device="cuff", address=address.lower(), author="tech", at=station_now())
        async with Journal(self.data / "journal.sqlite") as journal:
            await journal.record_adoption(made)

    def accept(self, which: str) -> None:
        """What the station reads without an adoption."""
        told = self._file.read_text(encoding="utf-8").replace('"known"', f'"{which}"')
        self._file.write_text(told, encoding="utf-8")

    async def post(self, path: str, **said: str) -> Any:
        answer = await self.client.post(path, json=said)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def readings(self) -> int:
        """How many readings the journal holds, once the station has ended."""
        async with Journal(self.data / "journal.sqlite") as journal:
            return len(await journal.latest(100))

    @contextlib.asynccontextmanager
    async def station(self) -> AsyncIterator[Callable[..., Any]]:
        settings = config.load(self._file, environment={}, known_drivers=registry.installed())
        url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(run_station(settings, on_ready=url.set_result))
        try:
            await asyncio.wait((running, url), return_when=asyncio.FIRST_COMPLETED)
            if not url.done():
                running.result()
            async with httpx.AsyncClient(base_url=url.result(), trust_env=False) as client:
                self.client = client

                async def until(
                    holds: Callable[[dict[str, Any]], bool], path: str = "/api/board"
                ) -> dict[str, Any]:
                    board: dict[str, Any] = (await client.get(path)).json()
                    try:
                        async with asyncio.timeout(PATIENCE):
                            while not holds(board):
                                await asyncio.sleep(0.02)
                                board = (await client.get(path)).json()
                    except TimeoutError:
                        pytest.fail(json.dumps(board, ensure_ascii=False, indent=1))
                    return board

                yield until
        finally:
            running.cancel()
            await asyncio.wait((running,))


@pytest.fixture
async def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    monkeypatch.setattr(simulated_cuff, "STEP_SECONDS", 0.005)
    air = Air()
    async with (
        HubPort(air, "tcp-server:127.0.0.1:0") as port,
        Peripheral(Open("TEST-0001", seed=1), air, MINE) as mine,
        Peripheral(Open("TEST-0002", seed=2), air, DOUBLE) as double,
    ):
        yield Room(tmp_path, port, mine, double)


def addresses(board: dict[str, Any]) -> set[str]:
    return {one["address"] for one in board["doubles"]}


async def test_before_adoption_neither_is_read_and_the_page_says_so(room: Room) -> None:
    for cuff in (room.mine, room.double):
        await cuff.measure()
    async with room.station() as until:
        board = await until(lambda board: len(board["doubles"]) == 2)
        assert addresses(board) == {MINE.lower(), DOUBLE.lower()}
        assert all("aucun n’a encore été adopté" in one["text"] for one in board["doubles"])
        assert board["devices"] == []
    assert await room.readings() == 0


async def test_the_adopted_one_is_read_and_its_double_is_a_named_warning(room: Room) -> None:
    await room.adopt(MINE)
    await room.double.measure()
    async with room.station() as until:
        board = await until(lambda board: bool(board["doubles"]))
        assert addresses(board) == {DOUBLE.lower()}
        assert "même modèle que «\xa0Tensiomètre" in board["doubles"][0]["text"]
        await room.mine.measure()
        await until(lambda board: any(device["held"] for device in board["devices"]))
    assert await room.readings() == 1


async def test_a_link_with_the_double_ends_when_another_one_is_adopted(room: Room) -> None:
    """The double spoke first and was taken for the room's. The one that is adopted is asleep again by then."""
    room.accept("listed")
    room.data.mkdir(parents=True)
    Operators.of(room.data).add(Operator(id="tech", name="T", role="technician"), "1234")
    room.mine.out_of_range()
    async with room.station() as until:
        await room.post("/sign-in", operator="tech", pin="1234")
        await room.double.subscribed()
        code = (await room.post("/api/adoption/cuff/begin"))["code"]
        room.mine.in_range()
        await until(lambda told: bool(told["challenge"]["heard"]), "/api/adoption")
        room.mine.out_of_range()
        assert (await room.post("/api/adoption/confirm", code=code))["address"] == MINE.lower()
        await room.double.measure()
        # It is heard again: it is linked no more.
        await until(lambda told: addresses(told) == {DOUBLE.lower()}, "/api/adoption")
    assert await room.readings() == 0
