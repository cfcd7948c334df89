"""The proposal in a real browser: who was scanned, what opening would close, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from browser_station import Station, Watched
from looking import violations
from playwright.async_api import expect
from station_room import ALICE as PRESENT
from station_room import CUFF, device_state, filing, pressure, visit

from devicehub.journal.records import Lock
from devicehub.testing.reader_body import ALICE, BRUNO, ins_code
from devicehub.transport.hands import station_now
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.reception import Doors, NotOpened, Proposal, Reception

pytestmark = pytest.mark.browser


class Hub:
    """A station's page with a reception behind it."""

    def __init__(self, folder: Path) -> None:
        self.station = Station(folder)
        self.opened: list[PatientIdentity] = []
        self.silent = False
        board = self.station.board
        self.reception = Reception(
            Doors(
                planned=self._planned,
                open_visit=self._open,
                visit=lambda: board.picture.visit.id if board.picture.visit is not None else None,
                present=lambda: board.picture.identity,
                show=board.reception,
            ),
            simulation=True,
            opens_visit=False,
        )
        self.station.reception = self.reception

    async def scan(self, patient: PatientIdentity) -> None:
        await self.reception.scan(ins_code(patient) + b"\r")

    async def _planned(self, _visit: str) -> PatientIdentity:
        return ALICE

    async def _open(self, proposal: Proposal, closes: str | None, _author: str) -> None:
        if self.silent:
            raise NotOpened("le dossier ne répond pas ; vérifiez qu'il est en marche")
        present = self.station.board.picture.visit
        if (present.id if present else "") != closes:
            raise NotOpened("une autre visite vient d'être ouverte")
        self.opened.append(proposal.identity)
        self.station.board.visit(visit("visit-b"), proposal.identity)


@pytest.fixture
async def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


@pytest.fixture
async def station(hub: Hub) -> AsyncIterator[Station]:
    await hub.station.start()
    yield hub.station
    await hub.station.end()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_and_answer_it(
    watched: Watched, hub: Hub, scheme: Literal["light", "dark"]
) -> None:
    page = watched.page
    await page.emulate_media(color_scheme=scheme)
    hub.station.board.visit(visit(), PRESENT)
    await hub.scan(BRUNO)
    proposal = page.locator("#proposal")
    await expect(proposal).to_contain_text("TEST BRUNO")
    await expect(proposal).to_contain_text("Né le 02/06/1985")
    await expect(proposal).to_contain_text("La visite ouverte de TEST Alice sera close.")
    await expect(page.locator("#said")).to_contain_text("BRUNO")
    assert await violations(watched.page) == []
    for name in ("Ouvrir la visite", "Ignorer"):
        box = await page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["height"] >= 48
    await hub.reception.scan(b"garbage\r")
    await expect(proposal).to_contain_text("ni un code INS ni un code de visite")
    assert await violations(watched.page) == []
    assert watched.complaints == []
    assert hub.opened == []


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
async def test_a_person_opens_the_visit(watched: Watched, hub: Hub, way: str) -> None:
    page = watched.page
    await hub.scan(ALICE)
    button = page.get_by_role("button", name="Ouvrir la visite")
    await expect(button).to_be_enabled()
    await (button.click() if way == "mouse" else page.keyboard.press("Enter"))
    await expect(page.locator("#banner")).to_contain_text("TEST ALICE")
    await expect(page.locator("#proposal")).to_be_hidden()
    assert hub.opened == [ALICE]


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
async def test_a_person_ignores_it(watched: Watched, hub: Hub, way: str) -> None:
    page = watched.page
    await hub.scan(ALICE)
    button = page.get_by_role("button", name="Ignorer")
    await expect(button).to_be_enabled()
    await (button.click() if way == "mouse" else page.keyboard.press("Escape"))
    await expect(page.locator("#proposal")).to_be_hidden()
    assert hub.opened == []


async def test_enter_belongs_to_what_has_the_focus(watched: Watched, hub: Hub) -> None:
    page, board = watched.page, hub.station.board
    board.visit(visit(), PRESENT)
    board.device(device_state(CUFF, "connected"), name="Tensiomètre")
    board.filing(filing(CUFF, pressure("190", "110"), "to_review", plausibility="unusual"))
    await hub.scan(BRUNO)
    await expect(page.locator("#proposal")).to_contain_text("BRUNO")
    reject = page.locator("#tile-blood_pressure button.reject")
    await expect(reject).to_be_enabled()
    await reject.focus()
    async with page.expect_response("**/ask/reject/**"):
        await page.keyboard.press("Enter")
    await expect(page.locator("#proposal")).to_contain_text("BRUNO")
    assert hub.opened == []


async def test_on_a_patients_tile_enter_opens_nobody_elses_visit(
    watched: Watched, hub: Hub
) -> None:
    page, board = watched.page, hub.station.board
    board.visit(visit(), PRESENT)
    board.device(device_state(CUFF, "connected"), name="Tensiomètre")
    board.filing(filing(CUFF, pressure("190", "110"), "to_review", plausibility="unusual"))
    await hub.scan(BRUNO)
    await expect(page.get_by_role("button", name="Ouvrir la visite")).to_be_enabled()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#tile-blood_pressure")).to_be_focused()
    async with page.expect_response("**/ask/reject/**"):  # the keys before it have had their say
        for key in ("Enter", "Escape", "r"):
            await page.keyboard.press(key)
    await expect(page.locator("#proposal")).to_contain_text("BRUNO")
    assert hub.opened == []


async def test_enter_opens_nobodys_visit_where_a_locked_one_asks_too(
    watched: Watched, hub: Hub
) -> None:
    """Whoever means “yes, this is Alice” must not open the visit of whom somebody has just scanned."""
    page, board = watched.page, hub.station.board
    locked = visit().model_copy(update={"locks": (Lock(since=station_now()),)})
    board.visit(locked, PRESENT)
    await hub.scan(BRUNO)
    await expect(page.get_by_role("button", name="Ouvrir la visite")).to_be_enabled()
    await expect(page.locator("#locked-same")).to_be_enabled()
    said: list[str] = []
    page.on("request", lambda one: said.append(one.url) if one.method == "POST" else None)
    await page.keyboard.press("Enter")
    async with page.expect_response("**/ask/visit*"):  # the key before it has had its say
        await page.locator("#locked-other").press("Enter")
    assert [url for url in said if "/api/here" not in url] == []
    assert hub.opened == []
    await page.keyboard.press("Escape")
    await page.locator("#proposal-open").press("Enter")
    await expect(page.locator("#banner")).to_contain_text("BRUNO")
    assert hub.opened == [BRUNO]


async def test_what_cannot_be_opened_now_says_why_and_can_be_tried_again(
    watched: Watched, hub: Hub
) -> None:
    page = watched.page
    hub.silent = True
    await hub.scan(ALICE)
    button = page.get_by_role("button", name="Ouvrir la visite")
    await button.click()
    await expect(page.locator("#proposal")).to_contain_text("TEST ALICE")
    await expect(page.locator("#proposal [role=alert]")).to_contain_text("le dossier ne répond pas")
    hub.silent = False
    await expect(button).to_be_enabled()
    await button.click()
    await expect(page.locator("#banner")).to_contain_text("TEST ALICE")
