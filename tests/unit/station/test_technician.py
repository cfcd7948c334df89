"""The technician's pages: everything about devices, nothing about people."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import io
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from html import escape
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from bleak.backends.device import BLEDevice
from invented import weight
from record_room import RecordRoom, hub_of, record_room
from starlette.responses import Response

from devicehub.delivery.wire import DeviceState
from devicehub.devices import registry
from devicehub.devices.binding import BleBinding
from devicehub.devices.bluetooth import RadioNews
from devicehub.devices.bonds import Bonds
from devicehub.devices.commissioning import Commissioning
from devicehub.devices.evidence import FILE, _told_by, level
from devicehub.devices.intake import FrameSeen, Intake, Source
from devicehub.devices.upkeep import Upkeep
from devicehub.driver import BodyWeight, DeviceFacts, Frame
from devicehub.journal.metrology import MetrologyEntry
from devicehub.reading.clock import DeviceClock
from devicehub.reading.reading import Origin
from devicehub.station.logbook import LINES_KEPT, Logbook
from devicehub.station.lookout import AFTERWARDS, FRAMES_KEPT, Lookout
from devicehub.station.routes import station_app
from devicehub.station.sessions import COOKIE
from devicehub.station.technician import Technician
from devicehub.station.words import Words
from devicehub.station.workshop_view import Bound
from devicehub.transport.ble import Sighting
from devicehub.transport.hands import Arrival, station_now
from devicehub.visit.operators import Operator

PAGES = ("devices", "frames", "bonds", "metrology", "logs", "health")
SECRET = bytes.fromhex("04 80 00 5a 00 00 00 46 00")
BOUND = (
    Bound("cuff", "Tensiomètre", "AA:00:00:00:00:01", "sig_blood_pressure"),
    Bound("scale", "Balance", "TEST-SCALE…", "sig_weight_scale"),
)


class Shop:
    """A browser before the technician's pages, and the station behind them."""

    def __init__(self, room: RecordRoom, folder: Path) -> None:
        self.room = room
        self.folder = folder
        self.hub = hub_of(room, folder)
        self.lookout = Lookout(room.desk)
        self.logbook = Logbook()
        self.bonds = Bonds(folder / "bonds.json")
        binding = BleBinding("scale", "Balance", None, "TEST-SCALE")
        self.commissioning = Commissioning(room.journal, [binding], known_only=True)
        technician = Technician(
            self.hub,
            room.journal,
            bound=BOUND,
            bonds=self.bonds,
            upkeep=Upkeep({"scale": ("verification",)}),
            commissioning=self.commissioning,
            lookout=self.lookout,
            logbook=self.logbook,
        )
        app = station_app(self.hub, more=[technician])
        self.browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        )

    async def read(self, path: str) -> str:
        answer = await self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def twin(self, name: str, query: str = "") -> Any:
        answer = await self.browser.get(f"/api/technician/{name}{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sign_in(self, role: Literal["assistant", "physician", "technician"]) -> None:
        operator = Operator(id=role, name=role, role=role)
        self.hub.sessions.operators.add(operator, "1234")
        self.browser.cookies.set(COOKIE, self.hub.sessions.begin(operator))

    def see(
        self,
        data: bytes = SECRET,
        *,
        origin: Origin = "device",
        stored: bool | None = None,
        ago: timedelta = timedelta(),
    ) -> None:
        driver = registry.find("sig_weight_scale")
        source = Source("scale", driver, "AA:00:00:00:00:02", origin)
        told = BodyWeight(kilograms=Decimal("71.4"), stored=stored)
        at = station_now() - ago
        self.lookout.note(
            FrameSeen(source, Frame.of("2a9d", data), at, live=False, measurements=(told,))
        )

    async def bytes_shown(self) -> list[str | None]:
        told = await self.twin("frames", "?device=scale")
        return [part["data"] for sight in told["frames"] for part in sight["parts"]]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with record_room(tmp_path) as room:
        shop = Shop(room, tmp_path)
        async with shop.browser:
            yield shop


async def test_every_page_and_its_twin_are_the_technicians(shop: Shop) -> None:
    paths = ["/technician", "/technician/metrology.csv"]
    paths += [f"/technician/{name}" for name in PAGES]
    paths += [f"/api/technician/{name}" for name in PAGES]
    for path in paths:
        assert (await shop.browser.get(path)).status_code == 200, f"{path} without operators"
    for role, status in (("technician", 200), ("physician", 200), ("assistant", 403)):
        shop.sign_in(role)  # type: ignore[arg-type] # mypy forgets the literals of a tuple in a loop
        for path in paths:
            assert (await shop.browser.get(path)).status_code == status, f"{path} as {role}"


async def test_no_page_names_the_patient_or_a_value(shop: Shop) -> None:
    await shop.room.file(weight("67.9"), "filed")
    shop.see()
    for name in PAGES:
        for text in (await shop.read(f"/technician/{name}"), str(await shop.twin(name))):
            assert "Alice" not in text
            assert "67.9" not in text
            assert "67,9" not in text
            assert SECRET.hex(" ") not in text


async def test_each_look_alike_is_named_by_its_address_and_the_device_is_to_be_adopted(
    shop: Shop,
) -> None:
    for end in ("01", "02"):
        address = f"AA:00:00:00:00:{end}"
        shop.commissioning.sort(
            Sighting(
                address=address,
                name="TEST-SCALE 1",
                services=frozenset(),
                company_data={},
                service_data={},
                rssi=None,
                at=station_now(),
                device=BLEDevice(address, "TEST-SCALE 1", None),
            )
        )
    one, other = (await shop.twin("devices"))["doubles"]
    assert "00:01" in one
    assert "00:02" in other
    page = await shop.read("/technician/devices")
    _cuff, scale = page.split('<li class="s-device"')[1:]
    assert "À adopter" in scale
    assert "Pas encore entendu" not in scale


async def test_a_device_tells_everything_that_is_known_of_it(shop: Shop) -> None:
    now = station_now()
    facts = DeviceFacts(
        maker="TEST Maker",
        model="Cuff 1",
        serial_number="A1",
        firmware="1.2",
        battery_percent=Decimal(41),
    )
    zone = now.utcoffset() or timedelta()
    clock = DeviceClock(offset_seconds=-(zone.total_seconds() + 75), seen_at=now)
    await shop.room.journal.remember_device("cuff", "C0:00:00:00:00:01", facts=facts, clock=clock)
    state = DeviceState(
        device="cuff", driver="sig_blood_pressure", origin="device", state="connected", since=now
    )
    shop.room.board.device(state, name="Tensiomètre")
    cuff, scale = (await shop.twin("devices"))["devices"]
    assert (cuff["state"], cuff["serial_number"], cuff["battery_percent"]) == (
        "connected",
        "A1",
        41,
    )
    assert cuff["clock_off_seconds"] == 75, "its clock is ahead"
    assert cuff["driver_version"]
    assert (scale["state"], scale["last_seen"]) == ("unadopted", None)
    assert [one["standing"] for one in scale["metrology"]["checks"]] == ["missing"]
    html = await shop.read("/technician")
    for part in (
        "TEST Maker Cuff 1",
        "1.2",
        "41\N{NO-BREAK SPACE}%",
        "+75 s",
        "Connecté",
        "sans trace",
    ):
        assert part in html


async def test_a_device_tells_how_well_its_driver_is_known_and_in_which_modes_it_is_automatic(
    shop: Shop,
) -> None:
    s400 = registry.find("xiaomi_s400")
    shop.room.board.device(
        DeviceState(
            device="s400", driver=s400.id, origin="device", state="connected", since=station_now()
        ),
        name="Balance",
    )
    told = {one["id"]: one for one in (await shop.twin("devices"))["devices"]}
    assert told["s400"]["automatic"] == s400.automatic.source
    assert told["s400"]["automatic_modes"] == sorted(
        s400.automatic.modes, key=lambda mode: mode or ""
    )
    assert len(told["s400"]["automatic_modes"]) > 1
    assert told["cuff"]["automatic_modes"] == [None]
    for device, driver in (("cuff", "sig_blood_pressure"), ("s400", s400.id)):
        assert told[device]["evidence"] == level(registry.find(driver))
        assert told[device]["evidence"] is not None
    html = await shop.read("/technician")
    assert Words("fr")(f"evidence.{told['cuff']['evidence']}") in html
    assert "mode unique" in html
    assert escape(s400.automatic.source) in await shop.read("/technician?lang=en")
    assert s400.automatic.source.partition(": ")[0] in html
    assert escape(s400.automatic.source) not in html


def test_what_a_package_says_wrongly_or_not_at_all_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "wards_drivers"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert _told_by("wards_drivers") == {}
    for text in ("{", '{"a": "certain"}'):
        _told_by.cache_clear()
        (package / FILE).write_text(text)
        assert _told_by("wards_drivers") == {}
    _told_by.cache_clear()
    (package / FILE).write_text('{"a": "proven"}')
    assert _told_by("wards_drivers") == {"a": "proven"}
    _told_by.cache_clear()
    stranger = dataclasses.replace(registry.find("sig_blood_pressure"), id="nobodys")
    assert level(stranger) is None


async def test_bytes_are_hidden_while_they_may_be_somebodys(shop: Shop) -> None:
    shop.see()
    assert await shop.bytes_shown() == [None], "a visit is open"
    await shop.room.desk.close(author="page")
    shop.see()
    assert await shop.bytes_shown() == [None, None], (
        "it has just ended, and what was hidden stays so"
    )
    html = await shop.read("/technician/frames?device=scale")
    assert "9 octets masqués" in html
    assert "Poids" in html, "what was read is no value"


async def test_bytes_are_shown_where_no_patient_was(shop: Shop) -> None:
    await shop.room.desk.close(author="page")
    shop.see(ago=timedelta(hours=3))
    assert await shop.bytes_shown() == [SECRET.hex(" ")]
    shop.see(ago=timedelta(hours=3), stored=True)
    assert (await shop.bytes_shown())[0] is None, "a memory is of somebody"
    shop.see(ago=timedelta(days=3))
    assert (await shop.bytes_shown())[0] is None, "nobody remembers whose time that was"
    await shop.room.desk.open(_alice(shop), author="page")
    assert set(await shop.bytes_shown()) == {None}, "a visit is open again"


async def test_a_simulators_bytes_are_always_shown(shop: Shop) -> None:
    shop.see(origin="simulator")
    assert await shop.bytes_shown() == [SECRET.hex(" ")]


async def test_only_the_last_frames_are_remembered(shop: Shop) -> None:
    for number in range(FRAMES_KEPT + 5):
        shop.see(bytes([number]), origin="simulator")
    shown = await shop.bytes_shown()
    assert (len(shown), shown[0]) == (FRAMES_KEPT, f"{FRAMES_KEPT + 4:02x}")


async def test_the_intake_shows_its_frames_and_the_journal_those_nobody_understood(
    shop: Shop,
) -> None:
    intake = Intake(
        shop.room.journal,
        shop.room.desk,
        station="room-1",
        secrets=shop.folder / "secrets",
        show_live=lambda _device, _measurements, _at: None,
        show_not_understood=lambda _device, _error: None,
        show_frame=shop.lookout.note,
    )
    source = Source("cuff", registry.find("sig_blood_pressure"), "AA:00:00:00:00:01", "simulator")
    conversation, at = intake.open(source), station_now()
    pressure = bytes.fromhex("00 80 00 50 00 00 00")
    await conversation.deliver(Frame.of("2a35", pressure), Arrival(at, at))
    await conversation.deliver(Frame.of("2a35", b"\x00"), Arrival(at, at))
    conversation.live(Frame.of("2a36", pressure), Arrival(at, at))
    told = await shop.twin("frames", "?device=cuff")
    live, bad, good = told["frames"]
    assert (live["live"], live["kinds"]) == (True, ["cuff_pressure"])
    assert (good["kinds"], good["not_understood"]) == (["blood_pressure"], None)
    assert bad["not_understood"]
    (unread,) = told["not_understood"]
    assert (unread["device"], unread["parts"][0]["data"]) == ("cuff", "00")
    assert unread["not_understood"] == bad["not_understood"]
    assert unread["number"] == 2


async def test_bonds_come_with_the_rule_for_making_a_new_one(shop: Shop) -> None:
    shop.bonds.used("00:00:00:00:00:99", "AA:00:00:00:00:01", "Tensiomètre", station_now())
    shop.bonds.lost("00:00:00:00:00:99", "AA:00:00:00:00:01", "Tensiomètre", station_now())
    (one,) = (await shop.twin("bonds"))["bonds"]
    assert one["policy"] == "on_demand"
    html = await shop.read("/technician/bonds")
    assert "Dès que l’appareil le demande" in html
    assert "refusé par l’appareil depuis" in html


async def test_the_metrology_log_is_shown_and_exported(shop: Shop) -> None:
    await shop.room.journal.record_metrology(
        MetrologyEntry(
            device="scale",
            act="verification",
            done_on=date(2026, 6, 1),
            by="ACME",
            certificate="=1+1",
            due=date(2027, 6, 1),
            author="tech",
            at=station_now(),
        )
    )
    html = await shop.read("/technician/metrology")
    assert "en vigueur" in html
    assert "01/06/2027" in html
    answer: Response | httpx.Response = await shop.browser.get("/technician/metrology.csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    (row,) = csv.DictReader(io.StringIO((await shop.browser.get("/technician/metrology.csv")).text))
    assert (row["device"], row["due"], row["certificate"]) == ("scale", "2027-06-01", "'=1+1")


async def test_only_who_signed_in_may_write_in_the_metrology_log(shop: Shop) -> None:
    assert "data-form" not in await shop.read("/technician/metrology")
    shop.sign_in("technician")
    assert 'data-form="/api/metrology"' in await shop.read("/technician/metrology")


async def test_the_log_tells_events_without_tracebacks(shop: Shop) -> None:
    log = logging.getLogger("devicehub.test")
    with shop.logbook.kept():
        log.setLevel(logging.INFO)
        log.info("device_connected device=%s", "cuff")
        try:
            Decimal("71.4 kg")
        except InvalidOperation:
            log.exception("device_failed device=cuff")
        await asyncio.to_thread(log.warning, "from another thread")
    log.warning("nobody listens any more")
    lines = (await shop.twin("logs"))["lines"]
    assert [line["text"] for line in lines[:3]] == [
        "from another thread",
        "device_failed device=cuff (InvalidOperation)",
        "device_connected device=cuff",
    ]
    assert "Traceback" not in await shop.read("/technician/logs")


def test_the_log_is_kept_short() -> None:
    logbook = Logbook()
    for number in range(LINES_KEPT + 1):
        logbook.handle(logging.LogRecord("a", logging.INFO, "", 0, str(number), (), None))
    assert (len(logbook.lines), logbook.lines[0].text) == (LINES_KEPT, str(LINES_KEPT))


async def test_health_tells_what_waits_and_what_runs(shop: Shop) -> None:
    await shop.room.file(weight("67.9"), "accepted")
    shop.room.board.broker(False, "aucun serveur")
    news = RadioNews(1, "hci0", "lost", station_now(), "unplugged", "gone")
    shop.room.board.radio(news)
    health = (await shop.twin("health"))["health"]
    assert (health["outbox"], health["broker_up"], health["checked"]) == (1, False, None)
    assert health["memory_bytes"] is None or health["memory_bytes"] > 10_000_000
    assert health["disk_free_bytes"] > 0
    assert health["versions"]["devicehub"]
    html = await shop.read("/technician/health")
    assert "Le serveur de messages ne répond pas" in html
    assert "hci0" in html
    assert "Rebranchez l’adaptateur" in html


async def test_a_damaged_journal_is_found_when_somebody_asks(shop: Shop) -> None:
    assert (await shop.browser.get("/technician/health/check")).status_code == 303
    assert (await shop.twin("health"))["health"]["checked"]["damage"] == []
    assert "le journal était intact" in await shop.read("/technician/health")
    path = shop.folder / "journal.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = database.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'audit'"
        ).fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 64)
    assert (await shop.browser.get("/technician/health/check")).status_code == 303
    assert (await shop.twin("health"))["health"]["checked"]["damage"]
    assert "Sauvegardez le dossier du poste" in await shop.read("/technician/health")


def test_no_device_measures_for_longer_than_a_visit_is_remembered_after_its_end() -> None:
    longest = max(
        model.longest for driver in registry.installed().values() for model in driver.models
    )
    assert timedelta(seconds=longest) <= AFTERWARDS


def _alice(shop: Shop) -> Any:
    identity = shop.room.desk.identity(shop.room.visit.id)
    assert identity is not None
    return identity
