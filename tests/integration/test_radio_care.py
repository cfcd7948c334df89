"""Radio care through the whole station: its page's HTTP, its inventory of bonds, its radios on a virtual air.

The station runs as `devicehub run` runs it, with neither broker nor dossier to talk to; only the air is not real.
"""

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sized
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import httpx
import pytest
from bumble.device import Connection
from bumble.pairing import PairingConfig

from devicehub import config
from devicehub.app import run_station
from devicehub.devices import bluetooth, nearby, passkeys, registry
from devicehub.devices.bonds import Bonds
from devicehub.devices.news import Condition
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.radio import Air, HubPort
from devicehub.testing.simulator import Advertisement, BleSimulator
from devicehub.transport import scanning, slots, watchdog
from devicehub.transport.hands import station_now
from devicehub_simulators import sig_blood_pressure as simulated_cuff
from devicehub_simulators.omron_blesmart import OmronBlesmart
from devicehub_simulators.sig_blood_pressure import SigBloodPressure
from tests.integration.test_ble import until

PATIENCE = 30.0
CUFF, SECOND, THIRD = (f"C0:00:00:00:00:0{n}" for n in (1, 2, 3))
FIRST_RADIO, SECOND_RADIO = "F0:00:00:00:00:01", "F0:00:00:00:00:02"


class Said(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


@dataclass
class Ward:
    """The air, the devices in it, and the station's files."""

    folder: Path
    stack: contextlib.AsyncExitStack
    air: Air = field(default_factory=Air)
    ports: list[HubPort] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def bonds(self) -> Bonds:
        return Bonds(self.data / "bonds.json")

    async def port(self, places: int | None = None, strength: int = -50) -> HubPort:
        number = len(self.ports) + 1
        port = HubPort(self.air, "tcp-server:127.0.0.1:0", number, places, strength)
        self.ports.append(await self.stack.enter_async_context(port))
        return port

    async def add(
        self,
        simulator: BleSimulator,
        address: str = CUFF,
        keypad: Callable[[], Awaitable[int]] | None = None,
    ) -> Peripheral:
        body = Peripheral(simulator, self.air, address, on_passkey=self.shown.append, keypad=keypad)
        return await self.stack.enter_async_context(body)

    def configuration(self, *devices: str, more: str = "") -> Path:
        radio = "virtual:" + ",".join(port.address for port in self.ports)
        tables = "".join(
            f'[[device]]\nid = "device-{n}"\nname = "Tensiomètre {n}"\naddress = "{address}"\n'
            for n, address in enumerate(devices, start=1)
        )
        path = self.folder / "devicehub.toml"
        path.write_text(
            f'[station]\nid = "salle-1"\nsite = "cabinet"\nlisten = "127.0.0.1:0"\nsimulation = true\n'
            f'data = "{self.data.as_posix()}"\n[mqtt]\nport = 1\n[dossier]\nurl = "http://127.0.0.1:1"\n'
            f'[bluetooth]\nradio = "{radio}"\n{more}\n{tables}',
            encoding="utf-8",
        )
        return path

    async def command(self, *words: str) -> "Said":
        """A technician's command, beside the simulators' process as in a practice."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devicehub", *words),
            *("--config", str(self.folder / "devicehub.toml")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    @contextlib.asynccontextmanager
    async def station(self, *devices: str, more: str = "") -> AsyncIterator["Page"]:
        path = self.configuration(*devices, more=more)
        settings = config.load(path, environment={}, known_drivers=registry.installed())
        url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(run_station(settings, on_ready=url.set_result))
        try:
            await asyncio.wait((running, url), return_when=asyncio.FIRST_COMPLETED)
            if not url.done():
                running.result()
            async with httpx.AsyncClient(base_url=url.result(), trust_env=False) as client:
                yield Page(client)
        finally:
            running.cancel()
            await asyncio.wait((running,))


class Page:
    """The station's page, as a browser or a program asks for it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def board(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.client.get("/api/board")).json()
        return answer

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The board as soon as it is so."""
        board: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition(board := await self.board()):  # noqa: ASYNC110 - it is asked over HTTP
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(json.dumps(board, ensure_ascii=False, indent=1))
        return board

    async def device(self, condition: Callable[[dict[str, Any]], bool], number: int = 1) -> None:
        await self.until(
            lambda board: any(
                each["device"] == f"device-{number}" and condition(each)
                for each in board["devices"]
            )
        )

    async def radio(self, *conditions: str) -> dict[str, Any]:
        """Wait until the radios are so."""
        return await self.until(
            lambda board: tuple(each["condition"] for each in board["radios"]) == conditions
        )

    async def question(self) -> dict[str, Any]:
        board = await self.until(lambda board: bool(board["passkeys"]))
        question: dict[str, Any] = board["passkeys"][0]
        return question

    async def read(self, number: int = 1) -> None:
        """Wait for a reading of a device: nobody's visit is open, so it is held."""
        await self.device(lambda each: bool(each["readings"] or each["held"]), number)

    async def shows(self, words: str) -> None:
        """Wait until the page shows these words: between two answers a radio may have been tried again."""
        async with asyncio.timeout(PATIENCE):
            while words not in await self.html():  # noqa: ASYNC110 - it is asked over HTTP
                await asyncio.sleep(0.02)

    async def html(self, language: str = "fr") -> str:
        return (await self.client.get(f"/?lang={language}")).text


def has_more_than(things: Sized, count: int) -> bool:
    return len(things) > count


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with contextlib.AsyncExitStack() as stack:
        yield Ward(tmp_path, stack)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_cuff, "STEP_SECONDS", 0.005)
    monkeypatch.setattr(bluetooth, "UNPAIRED_RETRY", 0.05)
    monkeypatch.setattr(bluetooth, "RADIO_RETRY", 0.1)
    monkeypatch.setattr(nearby, "LONGEST_BACKOFF", 0.5)


class Open(SigBloodPressure):
    """A cuff that asks for no bond."""

    bonding: Literal["none", "just_works", "passkey"] = "none"


class Shows(SigBloodPressure):
    """A cuff that asks for a passkey: shown by it, or where it has a keypad typed on it."""

    bonding: Literal["none", "just_works", "passkey"] = "passkey"


# ------------------------------------------------------------------------------ the passkey


async def test_the_passkey_is_typed_at_the_page_and_the_bond_goes_into_the_inventory(
    ward: Ward, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "devicehub")
    await ward.port()
    cuff = await ward.add(Shows("TEST-0001", seed=1))
    await cuff.measure()
    async with ward.station(CUFF) as page:
        question = await page.question()
        assert (question["device"], question["want"]) == ("Tensiomètre 1", "type_here")
        await until(lambda: bool(ward.shown))
        french, english = await page.html("fr"), await page.html("en")
        assert "Tensiomètre 1 demande à être appairé" in french
        assert "Tapez ici les six chiffres" in french
        assert "Type here the six digits" in english
        assert f"{ward.shown[0]:06}" not in french
        where = f"/api/passkeys/{question['id']}"
        assert (await page.client.post(where, json={"digits": "12"})).status_code == 422
        strange = {"Origin": "http://elsewhere.example"}
        assert (await page.client.post(where, json={}, headers=strange)).status_code == 403
        answer = await page.client.post(where, json={"digits": f"{ward.shown[0]:06}"})
        assert answer.status_code == 204
        await page.read()
        assert (await page.board())["passkeys"] == []
        assert (await page.client.post(where, json={"digits": "123456"})).status_code == 409
        await until(lambda: bool(ward.bonds.all()))
    (bond,) = ward.bonds.all()
    assert (bond.radio, bond.address, bond.device) == (FIRST_RADIO, CUFF, "Tensiomètre 1")
    (told,) = json.loads((await ward.command("bonds", "--json")).out)
    assert (told["address"], told["lost"]) == (CUFF, None)
    assert set(told) == {"radio", "address", "device", "made", "used", "lost"}, "no key"
    assert f"{ward.shown[0]:06}" not in caplog.text


@pytest.mark.parametrize("how", ["cancel", "time"])
async def test_a_passkey_that_nobody_types_is_asked_again_after_a_pause_or_when_somebody_wants(
    ward: Ward, how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "devicehub")
    monkeypatch.setattr(passkeys, "PAUSE_SECONDS", 3600.0)
    if how == "time":
        monkeypatch.setattr(passkeys, "ANSWER_SECONDS", 0.3)
    await ward.port()
    cuff = await ward.add(Shows("TEST-0001", seed=1))
    calls: list[Connection] = []
    cuff._device.on("connection", calls.append)
    async with ward.station(CUFF) as page:
        for times in (1, 2):
            await until(partial(has_more_than, ward.shown, times - 1))
            if how == "cancel":
                question = await page.question()
                answer = await page.client.post(f"/api/passkeys/{question['id']}/cancel", json={})
                assert answer.status_code == 204
            await page.until(lambda board: not board["passkeys"])
            await page.device(lambda each: each["why"] == "pairing_put_off")
            await page.shows("L’appairage attend")
            assert len(calls) == times, "it is not even connected to meanwhile"
            again = await page.client.post("/api/devices/device-1/pair", json={})
            assert again.status_code == 204
        await until(partial(has_more_than, ward.shown, 2))
    assert ward.bonds.all() == []
    assert set(told(caplog)) <= {"waiting", "connecting"}, "neither lost nor connected"


async def test_a_pause_is_over_by_itself(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "PAUSE_SECONDS", 0.2)
    await ward.port()
    await ward.add(Shows("TEST-0001", seed=1))
    async with ward.station(CUFF) as page:
        question = await page.question()
        await page.client.post(f"/api/passkeys/{question['id']}/cancel", json={})
        await page.until(
            lambda board: any(each["id"] != question["id"] for each in board["passkeys"])
        )


async def test_wrong_digits_are_told_as_that_in_the_row_and_in_the_box_that_comes_back(
    ward: Ward, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "devicehub")
    await ward.port()
    cuff = await ward.add(Shows("TEST-0001", seed=1))
    async with ward.station(CUFF) as page:
        question = await page.question()
        await until(lambda: bool(ward.shown))
        assert "n’ont pas été acceptés" not in await page.html()
        wrong = {"digits": f"{(ward.shown[0] + 1) % 1_000_000:06}"}
        assert (
            await page.client.post(f"/api/passkeys/{question['id']}", json=wrong)
        ).status_code == 204
        await page.device(lambda each: each["why"] == "pairing_refused")
        await page.until(
            lambda board: any(each["id"] != question["id"] for each in board["passkeys"])
        )
        html = await page.html()
        assert "Les chiffres tapés auparavant n’ont pas été acceptés" in html
        assert "n’a pas accepté l’appairage" in html, "its row says so as well"
        assert "Rapprochez-le" not in html
        await until(lambda: len(ward.shown) > 1)
        (asked,) = (await page.board())["passkeys"]
        right = {"digits": f"{ward.shown[1]:06}"}
        await page.client.post(f"/api/passkeys/{asked['id']}", json=right)
        await cuff.measure()
        await page.read()
        assert "n’a pas accepté l’appairage" not in await page.html()
    assert told(caplog).index("connected") > told(caplog).index("lost")


async def test_a_passkey_for_the_devices_keypad_is_shown_at_the_page(ward: Ward) -> None:
    await ward.port()
    typed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    cuff = await ward.add(Shows("TEST-0001", seed=1), keypad=lambda: typed)
    await cuff.measure()
    async with ward.station(CUFF) as page:
        assert (await page.question())["want"] == "type_there"
        html = await page.html()
        assert "Tapez ces six chiffres sur l’appareil" in html
        digits = re.search(r'class="digits">(\d{6})<', html)
        assert digits is not None
        typed.set_result(int(digits[1]))
        await page.read()


# ------------------------------------------------------------------- how a conversation ends


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Every condition that was told of the device, in turn."""
    said = [record.getMessage().split()[0] for record in caplog.records]
    return [
        word.removeprefix("device_")
        for word in said
        if word in {f"device_{one}" for one in get_args(Condition)}
    ]


@contextlib.asynccontextmanager
async def connected(ward: Ward) -> AsyncIterator[tuple[Peripheral, Page]]:
    """A cuff that asks for no bond, and the page of a station that listens to it."""
    await ward.port()
    cuff = await ward.add(Open("TEST-0001", seed=1))
    async with ward.station(CUFF) as page:
        await page.device(lambda each: each["state"] == "connected")
        yield cuff, page


async def test_a_link_that_was_lost_is_told_as_lost_until_the_device_is_heard_again(
    ward: Ward, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "devicehub")
    async with connected(ward) as (cuff, page):
        cuff.out_of_range(0.1)
        await page.device(lambda each: each["state"] == "lost")
        cuff.in_range()
        await page.device(lambda each: each["state"] == "connected")
    assert "connected lost connecting connected" in " ".join(told(caplog))


async def test_a_device_that_hangs_up_after_telling_its_result_is_waited_for(
    ward: Ward, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "devicehub")
    async with connected(ward) as (cuff, page):
        await cuff.measure()
        await page.read()
        await until(lambda: not cuff.simulator.memory)
        await cuff.drop()
        await until(lambda: told(caplog).count("connected") > 1)
    assert "lost" not in told(caplog)
    assert "connected waiting connecting" in " ".join(told(caplog))


async def test_a_link_that_breaks_in_the_next_measurement_is_lost(
    ward: Ward, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", "devicehub")
    async with connected(ward) as (cuff, page):
        await cuff.measure()
        await page.read()
        await until(lambda: not cuff.simulator.memory)
        monkeypatch.setattr(simulated_cuff, "STEP_SECONDS", 1.0)
        measuring = asyncio.create_task(cuff.measure())
        await page.device(lambda each: bool(each["live"]))
        cuff.out_of_range(0.1)
        await page.device(lambda each: each["state"] == "lost")
        measuring.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await measuring


# ------------------------------------------------------------------------------------ bonds


async def test_a_lost_bond_is_told_never_deleted_and_forgotten_by_a_person_alone(
    ward: Ward,
) -> None:
    await ward.port()
    cuff = await ward.add(SigBloodPressure("TEST-0001", seed=1))
    async with ward.station(CUFF) as page:
        await cuff.measure()
        await page.read()
        await until(lambda: bool(ward.bonds.all()))
        await cuff.drop()
        cuff.forget_bonds()
        await page.device(lambda each: each["why"] == "bond_lost")
        await page.shows("L’appareil a oublié ce poste")
    (bond,) = ward.bonds.all()
    assert bond.lost is not None
    assert "LOST since" in (await ward.command("bonds")).out
    refused = await ward.command("pair", CUFF)
    assert (refused.status, "do not pair it now" in refused.err) == (1, True)
    assert (await ward.command("bonds", "forget", CUFF)).status == 0
    assert ward.bonds.all() == []
    assert (await ward.command("pair", CUFF)).status == 0
    (anew,) = ward.bonds.all()
    assert anew.lost is None
    async with ward.station(CUFF) as page:
        await cuff.measure()
        await page.read()


class Transferring(OmronBlesmart):
    """A monitor that somebody may put into its pairing mode, and that counts the bonds it is asked for."""

    bonding: Literal["none", "just_works", "passkey"] = "just_works"
    pairing = False

    @property
    def advertisement(self) -> Advertisement:
        whole = super().advertisement
        mode = "BLEsmart_" if self.pairing else "BLESmart_"
        return Advertisement(name=whole.name.replace("BLEsmart_", mode), services=whole.services)


async def test_a_device_whose_policy_forbids_it_is_not_paired_outside_its_pairing_mode(
    ward: Ward,
) -> None:
    await ward.port()
    monitor = Transferring("TEST-0001", seed=1)
    body = await ward.add(monitor)
    asked: list[object] = []
    pairing = body._device.pairing_config_factory

    def count(connection: Connection) -> PairingConfig:
        asked.append(connection)
        return pairing(connection)

    body._device.pairing_config_factory = count
    connected: list[Connection] = []
    body._device.on("connection", connected.append)
    bound = f'[[device]]\nid = "device-1"\nname = "Omron"\naddress = "{CUFF}"\ndriver = "omron_blesmart"\n'
    async with ward.station(more=bound) as page:
        await page.device(lambda each: each["why"] == "not_paired")
        assert connected == [], "BlueZ would send a pair request by itself"
        await page.shows("cela peut effacer sa clé")
    refused = await ward.command("pair", CUFF)
    assert (refused.status, "not in its pairing mode" in refused.err) == (1, True)
    assert asked == [], "no pair request was sent"
    monitor.pairing = True
    await body._advertise()
    async with ward.station(more=bound) as page:
        await body.measure()
        await page.read()
    assert len(asked) == 1


# ----------------------------------------------------------------------------------- places


async def test_devices_that_find_no_place_wait_in_turn_and_the_reason_is_shown(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "TURN_SECONDS", 1.0)
    await ward.port(places=1)
    cuffs = [
        await ward.add(Open(f"TEST-000{n}", seed=n), address)
        for n, address in enumerate((CUFF, SECOND, THIRD), start=1)
    ]
    for cuff in cuffs:
        await cuff.measure()
    async with ward.station(CUFF, SECOND, THIRD) as page:
        await page.until(lambda board: any(each["why"] == "no_place" for each in board["devices"]))
        await page.shows("Attend une place")
        for number in (1, 2, 3):
            await page.read(number)


async def test_a_configured_limit_is_kept(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "TURN_SECONDS", 1.0)
    port = await ward.port()
    cuffs = [
        await ward.add(Open(f"TEST-000{n}", seed=n), address)
        for n, address in enumerate((CUFF, SECOND), start=1)
    ]
    most = 0
    async with ward.station(CUFF, SECOND, more="connections = 1") as page:
        for number, cuff in enumerate(cuffs, start=1):
            await cuff.measure()
            await page.read(number)
            caller = port._caller
            most = max(most, len(caller.controller.le_connections) if caller is not None else 0)
    assert most == 1


# ------------------------------------------------------------------------- several adapters


async def test_losing_one_adapter_leaves_the_other_working(ward: Ward) -> None:
    first, _second = await ward.port(), await ward.port()
    cuff = await ward.add(Open("TEST-0001", seed=1))
    async with ward.station(CUFF) as page:
        await page.radio("hearing", "hearing")
        await first.__aexit__()
        await page.radio("lost", "hearing")
        await page.shows("virtual1\N{NO-BREAK SPACE}: Bluetooth perdu")
        await page.shows("Démarrez les simulateurs.")
        await cuff.measure()
        await page.read()


async def test_a_device_is_reached_through_the_adapter_that_holds_its_bond(ward: Ward) -> None:
    """Bonded with the second adapter while the first was deaf, it is never paired with the first."""
    first = await ward.port(strength=-40)
    await ward.port(strength=-90)
    first.break_down("deaf", for_good=True)
    cuff = await ward.add(SigBloodPressure("TEST-0001", seed=1))
    async with ward.station(CUFF) as page:
        await cuff.measure()
        await page.read()
        await until(lambda: bool(ward.bonds.all()))
    first.break_down("deaf", for_good=False)
    keys = ward.data / "bonds" / "virtual-bonds.json"
    assert [radio for radio, known in json.loads(keys.read_text()).items() if known] == [
        SECOND_RADIO
    ]
    callers: list[str] = []
    cuff._device.on("connection", lambda made: callers.append(str(made.peer_address)))
    async with ward.station(CUFF) as page:
        await page.radio("hearing", "hearing")
        for _ in range(3):
            callers_before = len(callers)
            await cuff.measure()
            await until(lambda: not cuff.simulator.memory)
            await cuff.drop()
            await until(partial(has_more_than, callers, callers_before))
    assert set(callers) == {SECOND_RADIO}
    assert [bond.radio for bond in ward.bonds.all()] == [SECOND_RADIO]
    assert [radio for radio, known in json.loads(keys.read_text()).items() if known] == [
        SECOND_RADIO
    ]


async def test_a_device_without_a_bond_is_reached_through_the_adapter_that_hears_it_best(
    ward: Ward,
) -> None:
    await ward.port(strength=-90)
    await ward.port(strength=-40)
    cuff = await ward.add(Open("TEST-0001", seed=1), THIRD)
    callers: list[str] = []
    cuff._device.on("connection", lambda made: callers.append(str(made.peer_address)))
    async with ward.station(THIRD) as page:
        await cuff.measure()
        await page.read()
    assert callers[-1] == SECOND_RADIO


async def test_a_bond_with_an_absent_adapter_is_told(ward: Ward) -> None:
    await ward.port()
    cuff = await ward.add(SigBloodPressure("TEST-0001", seed=1))
    ward.bonds.used("00:11:22:33:44:99", CUFF, "Tensiomètre 1", station_now())
    async with ward.station(CUFF) as page:
        await page.device(lambda each: each["why"] == "bond_elsewhere")
        await page.shows("Appairé avec une autre radio")
        assert not cuff._device.connections


# ------------------------------------------------------------------------------ the watchdog


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(watchdog, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(watchdog, "LONGEST_SILENCE", 1.0)


async def test_an_idle_room_is_quiet_and_no_failure(ward: Ward, impatient: None) -> None:
    await ward.port()
    cuff = await ward.add(Open("TEST-0001", seed=1), SECOND)
    async with ward.station(CUFF) as page:
        await page.radio("hearing")
        cuff.out_of_range()
        board = await page.radio("quiet")
        assert board["radios"][0]["fault"] is None
        assert "aucun appareil entendu" not in await page.html(), "nothing is asked of anybody"
        cuff.in_range()
        await page.radio("hearing")


async def test_an_adapter_that_takes_no_order_to_scan_is_reset_and_goes_on(
    ward: Ward, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    port = await ward.port()
    cuff = await ward.add(Open("TEST-0001", seed=1))
    cuff.out_of_range()
    caplog.set_level("INFO", "devicehub")
    stranger = await ward.add(Open("TEST-0002", seed=2), SECOND)
    async with ward.station(CUFF) as page:
        await page.radio("hearing")
        port.break_down("refuses_to_scan", for_good=False)
        stranger.out_of_range()
        await until(lambda: any("radio_reset " in r.getMessage() for r in caplog.records))
        cuff.in_range()
        await cuff.measure()
        await page.read()
    said = [
        record.getMessage().split()[0]
        for record in caplog.records
        if "radio_" in record.getMessage()
    ]
    assert said.index("radio_scan_restarted") < said.index("radio_reset")
    assert "radio_given_up" not in said


@pytest.mark.parametrize("for_good", [False, True])
async def test_an_adapter_found_stuck_is_reset_at_once_and_told_when_that_does_not_help(
    ward: Ward, for_good: bool
) -> None:
    port = await ward.port()
    port.break_down("refuses_to_scan", for_good=for_good)
    cuff = await ward.add(Open("TEST-0001", seed=1))
    await cuff.measure()
    async with ward.station(CUFF) as page:
        if for_good:
            board = await page.radio("lost")
            assert board["radios"][0]["fault"] == "stuck"
        else:
            await page.read()


async def test_an_adapter_that_another_contradicts_is_reset_and_told_when_that_does_not_help(
    ward: Ward, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "CONTRADICTED_SECONDS", 0.4)
    deaf, _hears = await ward.port(), await ward.port()
    cuff = await ward.add(Open("TEST-0001", seed=1), SECOND)
    async with ward.station(CUFF) as page:
        await page.radio("hearing", "hearing")
        deaf.break_down("deaf", for_good=True)
        board = await page.radio("lost", "hearing")
        assert board["radios"][0]["fault"] == "stuck"
        await page.shows("Débranchez l’adaptateur et rebranchez-le")
        assert not cuff._device.connections
