"""The technician's pages in a real browser: readable by everybody, kept current, nothing of a patient.

``DEVICEHUB_SCREENSHOTS=folder`` keeps what the tests saw.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from bleak.backends.device import BLEDevice
from invented import weight
from playwright.async_api import Browser, expect
from record_room import RecordRoom, hub_of, record_room
from sheets_seen import Served, keep, served, violations

from devicehub.delivery.wire import DeviceState
from devicehub.devices import registry
from devicehub.devices.binding import BleBinding
from devicehub.devices.bluetooth import RadioNews
from devicehub.devices.bonds import Bonds
from devicehub.devices.commissioning import Commissioning
from devicehub.devices.evidence import level
from devicehub.devices.intake import Intake, Source
from devicehub.devices.upkeep import Upkeep
from devicehub.driver import DeviceFacts, Frame
from devicehub.journal.metrology import MetrologyEntry
from devicehub.reading.clock import DeviceClock
from devicehub.station.logbook import Logbook
from devicehub.station.lookout import Lookout
from devicehub.station.routes import Group
from devicehub.station.sessions import COOKIE
from devicehub.station.technician import Technician
from devicehub.station.words import Words
from devicehub.station.workshop import Workshop
from devicehub.station.workshop_view import Bound
from devicehub.transport.ble import Sighting
from devicehub.transport.hands import Arrival, station_now
from devicehub.visit.operators import Operator

pytestmark = pytest.mark.browser

PAGES = ("devices", "frames", "bonds", "metrology", "logs", "health")
YESTERDAY = station_now().date() - timedelta(days=1)
DUE = YESTERDAY + timedelta(days=365)
PRESSURE = bytes.fromhex("00 80 00 50 00 00 00")
BOUND = (
    Bound("cuff", "Tensiomètre", "AA:00:00:00:00:01", "sig_blood_pressure"),
    Bound("scale", "Balance", "TEST-SCALE…", "sig_weight_scale"),
    Bound("scale-2", "Balance de secours", "usb:0403:6001:A50285BI", "kern"),
)


class Shop:
    """Everything behind the technician's pages."""

    def __init__(self, room: RecordRoom, folder: Path) -> None:
        self.room = room
        self.hub = hub_of(room, folder)
        self.lookout = Lookout(room.desk)
        self.logbook = Logbook()
        self.bonds = Bonds(folder / "bonds.json")
        self.commissioning = Commissioning(
            room.journal, [BleBinding("scale", "Balance", None, "TEST-SCALE")], known_only=True
        )
        upkeep = Upkeep({"scale": ("verification",), "cuff": ("validation",)})
        self.groups: list[Group] = [
            Technician(
                self.hub,
                room.journal,
                bound=BOUND,
                bonds=self.bonds,
                upkeep=upkeep,
                commissioning=self.commissioning,
                lookout=self.lookout,
                logbook=self.logbook,
            ),
            Workshop(
                room.journal,
                upkeep,
                self.commissioning,
                devices=[(one.id, one.name) for one in BOUND],
            ),
        ]
        self.intake = Intake(
            room.journal,
            room.desk,
            station="room-1",
            secrets=folder / "secrets",
            show_live=lambda _device, _measurements, _at: None,
            show_not_understood=lambda _device, _error: None,
            show_frame=self.lookout.note,
        )

    async def furnish(self) -> None:
        """A day's work."""
        now, journal, board = station_now(), self.room.journal, self.room.board
        await self.room.file(weight("67.9"), "accepted")
        zone = now.utcoffset() or timedelta()
        await journal.remember_device(
            "cuff",
            "C0:00:00:00:00:01",
            facts=DeviceFacts(
                maker="TEST Maker",
                model="Cuff 1",
                serial_number="A1",
                firmware="1.2",
                battery_percent=Decimal(12),
            ),
            clock=DeviceClock(offset_seconds=-(zone.total_seconds() + 75), seen_at=now),
        )
        for device, name, driver, state in (
            ("cuff", "Tensiomètre", "sig_blood_pressure", "connected"),
            ("scale-2", "Balance de secours", "kern", "lost"),
        ):
            told = DeviceState.model_validate(
                {"device": device, "driver": driver, "origin": "simulator"}
                | {
                    "state": state,
                    "since": now,
                    "detail": "read failed" if state == "lost" else None,
                }
            )
            board.device(told, name=name)
        board.notices({})
        await journal.record_metrology(
            MetrologyEntry(
                device="scale",
                act="verification",
                done_on=date(2026, 6, 1),
                by="ACME",
                certificate="C-17",
                due=date(2027, 6, 1),
                author="tech",
                at=now,
            )
        )
        radio = "00:00:00:00:00:99"
        self.bonds.used(radio, "AA:00:00:00:00:01", "Tensiomètre", now)
        self.bonds.used(radio, "AA:00:00:00:00:07", "Oxymètre", now)
        self.bonds.lost(radio, "AA:00:00:00:00:07", "Oxymètre", now)
        board.broker(False, "nothing listens at 127.0.0.1:1883")
        board.radio(RadioNews(1, "hci0", "hearing", now))
        cuff = Source("cuff", registry.find("sig_blood_pressure"), "AA:00:00:00:00:01", "device")
        tape = Source("cuff", cuff.driver, cuff.address, "simulator")
        await self.intake.open(cuff).deliver(Frame.of("2a35", PRESSURE), Arrival(now, now))
        await self.intake.open(tape).deliver(Frame.of("2a35", b"\x00"), Arrival(now, now))
        self.intake.open(tape).live(Frame.of("2a36", PRESSURE), Arrival(now, now))
        log = logging.getLogger("devicehub.devices.supervisor")
        log.setLevel(logging.INFO)
        with self.logbook.kept():
            log.info("device_connected device=cuff")
            log.warning("frame_not_understood device=cuff frame=2")
            log.error("radio_lost adapter=hci0 fault=unplugged")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with record_room(tmp_path) as room:
        yield Shop(room, tmp_path)


@pytest.fixture
async def here(shop: Shop, browser: Browser) -> AsyncIterator[Served]:
    async with served(shop.hub, shop.groups, browser) as here:
        operator = Operator(id="tech", name="TEST Technicien", role="technician")
        shop.hub.sessions.operators.add(operator, "1234")
        await here.page.context.add_cookies(
            [{"name": COOKIE, "value": shop.hub.sessions.begin(operator), "url": here.url}]
        )
        yield here


async def test_the_last_touch_is_always_told(here: Served) -> None:
    page, told = here.page, list[str]()
    await page.clock.install()
    await page.goto(f"{here.url}/technician")
    await page.clock.pause_at(station_now() + timedelta(seconds=30))
    page.on("request", lambda asked: told.append(asked.url) if "/here" in asked.url else None)
    for count in (1, 2):
        async with page.expect_request("**/api/here"):
            await page.keyboard.press("Shift")
            await page.clock.run_for(5000)
        assert len(told) == count
        await page.keyboard.press("Shift")
    async with page.expect_request("**/api/here"):
        await page.clock.run_for(5000)
    assert len(told) == 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1024, 600), (1920, 1080)])
async def test_everybody_can_read_every_page(
    shop: Shop, here: Served, scheme: Literal["light", "dark"], width: int, height: int
) -> None:
    await shop.furnish()
    page = here.page
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": width, "height": height})
    for name in PAGES:
        await page.goto(
            f"{here.url}/technician/{name}" + ("?device=cuff" if name == "frames" else "")
        )
        await keep(page, f"technician-{name}-{scheme}-{width}", whole=True)
        assert await violations(page) == [], name
        wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{name} scrolls sideways"
        assert "Alice" not in await page.content()
    assert here.complaints == []


async def test_every_page_reads_at_twice_the_size(shop: Shop, here: Served) -> None:
    await shop.furnish()
    page = here.page
    await page.set_viewport_size({"width": 512, "height": 300})  # 1024 x 600 at 200 %
    for name in PAGES:
        await page.goto(f"{here.url}/technician/{name}")
        await keep(page, f"technician-{name}-zoom", whole=True)
        wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{name} scrolls sideways"


async def test_a_technician_who_opens_the_station_lands_at_the_devices(
    shop: Shop, here: Served
) -> None:
    await here.page.goto(here.url)
    await expect(here.page.locator('.s-device[data-device="cuff"]')).to_be_visible()
    await expect(here.page.locator(".sheet-places a")).to_have_count(1)


async def test_how_well_a_driver_is_known_stands_with_its_device(shop: Shop, here: Served) -> None:
    page = here.page
    await shop.furnish()
    await page.goto(f"{here.url}/technician?lang=en")
    for device, driver in (("cuff", "sig_blood_pressure"), ("scale-2", "kern")):
        told = page.locator(f'.s-device[data-device="{device}"]')
        known = level(registry.find(driver))
        await expect(told).to_contain_text(Words("en")(f"evidence.{known}"))
        await expect(told).to_contain_text("its only mode")
        await expect(told).to_contain_text(registry.find(driver).automatic.source)


async def test_a_technician_leaves_by_one_touch(shop: Shop, here: Served) -> None:
    page = here.page
    await page.goto(f"{here.url}/technician")
    await page.get_by_role("button", name="Quitter").click()
    await page.wait_for_url("**/sign-in")
    answer = await page.goto(f"{here.url}/technician")
    assert answer is not None
    assert "Tensiomètre" not in await page.content()


async def test_an_act_is_written_down_and_shows(shop: Shop, here: Served) -> None:
    page = here.page
    await page.goto(f"{here.url}/technician/metrology")
    await page.locator('select[name="device"]').select_option("scale")
    await page.get_by_label("Fait le").fill(f"{YESTERDAY}")
    await page.get_by_label("Échéance").fill(f"{DUE}")
    await page.get_by_label("Fait par").fill("ACME")
    await page.get_by_role("button", name="Consigner").click()
    await expect(page.locator("table").last).to_contain_text(f"{DUE:%d/%m/%Y}")
    (entry,) = await shop.room.journal.metrology_log()
    assert (entry.device, entry.author, entry.due) == ("scale", "tech", DUE)


async def test_what_is_refused_says_why_and_what_was_written_stays(
    shop: Shop, here: Served
) -> None:
    page = here.page
    await page.goto(f"{here.url}/technician/metrology")
    await page.get_by_label("Fait le").fill("2999-11-20")
    await page.get_by_label("Fait par").fill("ACME")
    await page.get_by_role("button", name="Consigner").click()
    await expect(page.locator("#sheet .s-refused")).not_to_be_empty()
    await expect(page.get_by_label("Fait par")).to_have_value("ACME")
    await page.get_by_label("Fait le").fill(f"{YESTERDAY}")
    await page.get_by_role("button", name="Consigner").click()
    await expect(page.locator("#sheet .s-refused")).to_contain_text(
        "«\N{NO-BREAK SPACE}Échéance\N{NO-BREAK SPACE}»\N{NO-BREAK SPACE}: à remplir"
    )
    await keep(page, "technician-no-due-date")
    assert await shop.room.journal.metrology_log() == []


async def test_a_device_is_adopted_at_the_page(shop: Shop, here: Served) -> None:
    page = here.page
    await page.goto(f"{here.url}/technician")
    await page.get_by_role("button", name="Adopter un appareil").click()
    await expect(page.locator(".s-adoption")).to_contain_text("Faites maintenant une mesure")
    sighting = Sighting(
        address="AA:00:00:00:00:02",
        name="TEST-SCALE 1",
        services=frozenset(),
        company_data={},
        service_data={},
        rssi=None,
        at=station_now(),
        device=BLEDevice("AA:00:00:00:00:02", "TEST-SCALE 1", None),
    )
    shop.commissioning.sort(sighting)
    proposed = page.locator(".s-adoption")
    await expect(proposed).to_contain_text("TEST-SCALE 1", timeout=20_000)
    await expect(proposed).to_contain_text("00:02")
    await page.get_by_role("button", name="C’est le bon appareil").click(timeout=20_000)
    await expect(page.locator('.s-device[data-device="scale"]')).to_contain_text(
        "adopté : aa:00:00:00:00:02"
    )
    assert shop.commissioning.adopted == {"scale": "aa:00:00:00:00:02"}
    await page.get_by_role("button", name="Libérer").click()
    await expect(page.get_by_role("button", name="Adopter un appareil")).to_be_visible()


async def test_frames_appear_by_themselves_without_the_bytes_of_a_patient(
    shop: Shop, here: Served
) -> None:
    page = here.page
    await page.goto(f"{here.url}/technician/frames")
    await page.get_by_label("Appareil").select_option("cuff")
    await page.get_by_role("button", name="Afficher").click()
    await expect(page).to_have_url(f"{here.url}/technician/frames?device=cuff")
    cuff, now = registry.find("sig_blood_pressure"), station_now()
    source = Source("cuff", cuff, "AA:00:00:00:00:01", "device")
    await shop.intake.open(source).deliver(Frame.of("2a35", PRESSURE), Arrival(now, now))
    table = page.locator("table").first
    await expect(table).to_contain_text("Tension artérielle", timeout=20_000)
    await expect(table).to_contain_text("7 octets masqués")
