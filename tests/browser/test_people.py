"""Who works at the page, in a real browser: signing in, the assistant's page, what the physician alone may.

``DEVICEHUB_SCREENSHOTS=folder`` keeps what the tests saw.
"""

from __future__ import annotations

import pytest
from browser_station import Station, Watched
from furnished import (
    PRESSURE,
    TEMPERATURE,
    furnish,
    furnished,
    sign_in,
    stand_still,
)
from looking import keep, overflow, violations
from playwright.async_api import expect
from station_room import (
    ALICE,
    ANNE,
    BRUNO,
    CUFF,
    PAUL,
    RENE,
    now,
    pressure,
)

from devicehub.station.sessions import COOKIE
from devicehub.visit.dossier import KnownVisit

pytestmark = pytest.mark.browser


async def test_the_last_touch_is_always_told(watched: Watched, station: Station) -> None:
    page = await stand_still(watched, station)
    told: list[str] = []
    page.on("request", lambda asked: told.append(asked.url) if "/here" in asked.url else None)
    await page.mouse.click(5, 300)
    async with page.expect_request("**/api/here"):
        await page.clock.run_for(1)
    await page.clock.run_for(3000)
    await page.mouse.click(5, 300)
    await page.keyboard.press("Shift")
    await page.clock.run_for(1000)
    assert len(told) == 1
    async with page.expect_request("**/api/here"):
        await page.clock.run_for(1000)
    assert len(told) == 2


async def test_who_answers_for_the_visit_is_one_touch_now_or_later(
    watched: Watched, station: Station
) -> None:
    page, dialog, banner = (
        watched.page,
        watched.page.locator("dialog"),
        watched.page.locator("#banner"),
    )
    for physician in (PAUL, RENE):
        station.operators.add(physician, "2468")
    await sign_in(watched, station, ANNE)
    watched.complaints.clear()  # the page was open before there were operators, and was refused
    furnish(station)
    planned = [
        KnownVisit(visit=f"v-{number:020x}", state="planned", identity=who, planned_at=now())
        for number, who in enumerate((ALICE, BRUNO))
    ]
    station.desk.worklist = tuple(planned)
    station.board.worklist(station.desk.worklist, None)
    await page.locator(".planned button").first.click()
    await expect(dialog).to_contain_text("Qui répond de cette visite")
    await expect(dialog).to_contain_text("TEST Alice")
    assert await violations(page) == []
    await keep(page, "physician")
    await expect(dialog.locator("[data-key='2']")).to_be_enabled()
    await page.keyboard.press("2")
    await expect(banner).to_contain_text("Médecin\N{NO-BREAK SPACE}: Dr TEST René")
    await expect(dialog).to_be_hidden()

    station.board.worklist(station.desk.worklist, None)
    await page.get_by_role("button", name="Changer", exact=True).click()
    await dialog.locator(".planned button").click()
    await expect(banner).to_contain_text("TEST Bruno")
    await expect(dialog).to_contain_text("Qui répond de cette visite")
    await page.get_by_role("button", name="Plus tard").click()
    await expect(dialog).to_be_hidden()
    await station.file(CUFF, pressure())
    await expect(page.locator(PRESSURE)).to_contain_text("128/76")
    asks = page.get_by_role("button", name="Médecin responsable\N{NO-BREAK SPACE}?")
    await expect(asks).to_be_visible()
    assert await violations(page) == []
    await keep(page, "physician-asked")
    await page.set_viewport_size({"width": 512, "height": 300})  # 1024 x 600 at 200 %
    assert await overflow(page) <= 0
    await asks.click()
    await dialog.get_by_role("button", name=PAUL.name).click()
    await expect(banner).to_contain_text("Médecin\N{NO-BREAK SPACE}: Dr TEST Paul")
    change = page.get_by_role("button", name="Changer de médecin responsable")
    await expect(change).to_be_visible()
    assert await overflow(page) <= 0
    assert await violations(page) == []
    await change.click()
    await expect(dialog.locator("[aria-pressed=true]")).to_contain_text(PAUL.name)
    await keep(page, "physician-narrow")
    assert station.desk.visit is not None
    assert station.desk.visit.responsible == PAUL.name
    assert watched.complaints == []


async def test_signing_in_and_the_assistants_page(watched: Watched, station: Station) -> None:
    page = watched.page
    station.operators.add(PAUL, "2468")
    station.operators.add(ANNE, "1357")
    await page.goto(station.url)
    await expect(page.locator("h1")).to_have_text("Qui êtes-vous\N{NO-BREAK SPACE}?")
    assert await violations(page) == []
    await keep(page, "sign-in")
    await sign_in(watched, station, ANNE)
    await expect(page.locator(".signed")).to_have_text("TEST Anne assistant médical")
    await expect(page.locator(".signed")).to_be_in_viewport()
    await furnished(station)
    await station.file(CUFF, pressure(), "to_review", automatic=False)
    tile = page.locator(PRESSURE)
    await expect(tile).to_contain_text("seul le médecin peut accepter")
    await expect(tile.get_by_role("button", name="Accepter")).to_have_count(0)
    await expect(page.get_by_role("button", name="Saisir")).to_have_count(0)
    await keep(page, "held")
    await page.get_by_role("button", name="Menu").click()
    await expect(page.locator("#menu")).to_contain_text("TEST Anne")
    await page.get_by_role("button", name="Quitter").click()
    await expect(page).to_have_url(f"{station.url}/sign-in")


async def test_a_session_that_ends_takes_the_page_along(watched: Watched, station: Station) -> None:
    page = watched.page
    await sign_in(watched, station, ANNE)
    await furnished(station)
    cookies = await page.context.cookies()
    (token,) = [cookie["value"] for cookie in cookies if cookie["name"] == COOKIE]
    station.sessions.end(token)
    await expect(page).to_have_url(f"{station.url}/sign-in", timeout=15_000)


async def test_the_physician_types_a_value_and_delegates(
    watched: Watched, station: Station
) -> None:
    page = watched.page
    await sign_in(watched, station, PAUL)
    await furnished(station)
    await page.locator(TEMPERATURE).get_by_role("button", name="Saisir").click()
    field = page.get_by_label("Température (°C)")
    await field.fill("99")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.locator("dialog")).to_contain_text("Aucun appareil ne peut mesurer")
    for no_number in ("abc", ""):
        await field.fill(no_number)
        await page.get_by_role("button", name="Enregistrer").click()
        await expect(page.locator("dialog")).to_contain_text("Donnez chaque valeur en chiffres")
        await expect(page.locator("dialog")).not_to_contain_text("Aucun appareil")
    await field.fill("41,8")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.locator("dialog")).to_contain_text("Valeur inhabituelle")
    assert await violations(page) == []
    await keep(page, "typing")
    await page.get_by_role("button", name="Oui, c’est bien cette valeur").click()
    await expect(page.locator(TEMPERATURE)).to_contain_text("41,8")
    await expect(page.locator(TEMPERATURE)).to_contain_text("Saisi à la main par Dr TEST Paul")
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="Mesures déléguées").click()
    await page.locator("dialog").get_by_role("button", name="Poids").click()
    await expect(page.locator("dialog")).to_contain_text("seul le médecin accepte")
    assert station.desk.withheld == {"body_weight"}
    assert await violations(page) == []
    await keep(page, "delegation")


async def test_a_double_touch_neither_confirms_an_unusual_value_nor_files_it_twice(
    watched: Watched, station: Station
) -> None:
    page = watched.page
    await sign_in(watched, station, PAUL)
    await furnished(station)
    visit = station.desk.visit
    assert visit is not None
    before = len(await station.journal.of_visit(visit.id))
    await page.locator(TEMPERATURE).get_by_role("button", name="Saisir").click()
    await page.get_by_label("Température (°C)").fill("41,8")
    await page.get_by_role("button", name="Enregistrer").dblclick(delay=20)
    confirm = page.get_by_role("button", name="Oui, c’est bien cette valeur")
    await expect(confirm).to_be_visible()
    assert len(await station.journal.of_visit(visit.id)) == before
    await confirm.dblclick()
    await expect(page.locator(TEMPERATURE)).to_contain_text("41,8")
    assert len(await station.journal.of_visit(visit.id)) == before + 1
