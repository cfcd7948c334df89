"""Whose visit it is, in a real browser: opened, switched, locked, closed.

``DEVICEHUB_SCREENSHOTS=folder`` keeps what the tests saw.
"""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest
from browser_station import Station, Watched
from furnished import (
    PRESSURE,
    SETTLE,
    WEIGHT,
    furnish,
    furnished,
    stand_still,
)
from looking import keep, violations
from playwright.async_api import Route, expect
from station_room import (
    ALICE,
    BRUNO,
    CUFF,
    SCALE,
    now,
    pressure,
    weight,
)

from devicehub.app.watches import watch_outbox
from devicehub.driver import CuffPressure
from devicehub.visit.dossier import KnownVisit

pytestmark = pytest.mark.browser


async def test_a_planned_visit_opens_with_one_touch(watched: Watched, station: Station) -> None:
    page = watched.page
    planned = KnownVisit(
        visit=f"v-{1:020x}",
        state="planned",
        identity=ALICE,
        planned_at=now(),
        plan=("blood_pressure", "body_weight"),
        responsible="Dr TEST",
    )
    station.desk.worklist = (planned,)
    station.board.worklist(station.desk.worklist, None)
    await expect(page.locator(".planned")).to_contain_text("Tension, Poids")
    await keep(page, "worklist")
    await page.locator(".planned button").click()
    await expect(page.locator("#banner")).to_contain_text("TEST Alice")
    await expect(page.locator("#banner")).to_contain_text("Médecin\N{NO-BREAK SPACE}: Dr TEST")
    tiles = page.locator(".tile h2")
    assert await tiles.all_text_contents() == ["Tension", "Poids"]
    assert watched.complaints == []


async def test_another_patient_is_entered_where_no_reader_is(
    watched: Watched, station: Station
) -> None:
    page = watched.page
    await page.get_by_role("button", name="Autre patient").click()
    await page.get_by_label("Nom de naissance", exact=True).fill("TEST")
    await page.get_by_label("Premier prénom de naissance").fill("Alice")
    await page.get_by_label("Date de naissance").fill("1970-01-01")
    await page.get_by_text("Femme").click()
    assert await violations(page) == []
    await keep(page, "other-patient")
    await page.get_by_role("button", name="Ouvrir la visite").click()
    await expect(page.locator("#banner")).to_contain_text("TEST Alice")
    await expect(page.locator("dialog")).to_be_hidden()
    assert station.desk.visit is not None
    assert station.desk.identity(station.desk.visit.id) == ALICE
    assert watched.complaints == []


async def test_a_form_that_another_page_closes_says_so(watched: Watched, station: Station) -> None:
    page = watched.page
    await page.get_by_role("button", name="Autre patient").click()
    await page.get_by_label("Nom de naissance", exact=True).fill("TEST")
    await station.visit(BRUNO)
    await expect(page.locator("#banner")).to_contain_text("TEST Bruno")
    await expect(page.locator("dialog")).to_be_hidden()
    await expect(page.locator("#refused")).to_contain_text("n’a pas été enregistré")
    assert await violations(page) == []
    await keep(page, "form-closed")
    await page.locator("#banner").get_by_role("button", name="Changer").click()
    await expect(page.locator("dialog")).to_be_visible()
    await expect(page.locator("#refused")).to_be_empty()
    await station.visit(ALICE)  # nothing was written in it
    await expect(page.locator("dialog")).to_be_hidden()
    await expect(page.locator("#refused")).to_be_empty()
    assert watched.complaints == []


async def test_a_form_that_opens_the_visit_itself_is_no_loss(
    watched: Watched, station: Station
) -> None:
    page = watched.page

    async def late(route: Route) -> None:
        answer = await route.fetch()
        await expect(page.locator("#banner")).to_contain_text("TEST Alice")
        await route.fulfill(response=answer)

    await page.route("**/api/visits?*", late, times=1)
    await page.get_by_role("button", name="Autre patient").click()
    await page.get_by_label("Nom de naissance", exact=True).fill("TEST")
    await page.get_by_label("Premier prénom de naissance").fill("Alice")
    await page.get_by_label("Date de naissance").fill("1970-01-01")
    await page.get_by_text("Femme").click()
    async with page.expect_response("**/api/visits?*"):
        await page.get_by_role("button", name="Ouvrir la visite").click()
    await expect(page.locator("dialog")).to_be_hidden()
    await expect(page.locator("#refused")).to_be_empty()
    assert station.desk.visit is not None
    assert station.desk.identity(station.desk.visit.id) == ALICE
    assert watched.complaints == []


async def test_switching_the_patient_takes_every_value_and_every_question_away(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    page, tile = watched.page, watched.page.locator(PRESSURE)
    await station.file(CUFF, pressure(), "to_review", plausibility="unusual")
    await expect(tile.locator(".value")).to_contain_text("128/76")
    await expect(tile.locator(".reject")).to_be_enabled()
    await page.keyboard.press("r")
    await expect(page.locator("dialog")).to_contain_text("128/76")
    station.board.live(CUFF, [CuffPressure.model_validate({"pressure_mmhg": "99"})], now())
    await station.visit(BRUNO)
    await expect(page.locator("#banner")).to_contain_text("TEST Bruno")
    await expect(page.locator("body")).not_to_contain_text("128/76")
    await expect(page.locator("dialog")).to_be_hidden()
    station.board.live(CUFF, [CuffPressure.model_validate({"pressure_mmhg": "87"})], now())
    await expect(tile).to_contain_text("commencée avant que ce patient soit confirmé")
    await expect(tile).not_to_contain_text("87")
    await keep(page, "switched")
    assert watched.complaints == []


async def test_a_question_asked_of_the_patient_before_is_not_shown(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    page = watched.page

    async def switch(route: Route) -> None:
        answer = await route.fetch()
        await station.visit(BRUNO)
        await expect(page.locator("#banner")).to_contain_text("TEST Bruno")
        await route.fulfill(response=answer)

    await page.route("**/ask/visit?*", switch, times=1)
    async with page.expect_request_finished(lambda one: "/ask/visit" in one.url):
        await page.locator("#banner").get_by_role("button", name="Changer").click()
    await page.evaluate("() => fetch('/api/worklist').then((answer) => answer.text())")
    await expect(page.locator("dialog")).to_be_hidden()
    await page.locator("#banner").get_by_role("button", name="Changer").click()
    await expect(page.locator("dialog")).to_contain_text("La visite ouverte de TEST Bruno")
    assert watched.complaints == []


async def test_what_a_switch_leaves_behind_is_told_and_decided_in_the_tray(
    watched: Watched, station: Station
) -> None:
    watch = asyncio.create_task(watch_outbox(station.journal, station.board))
    await furnished(station)
    page, dialog = watched.page, watched.page.locator("dialog")
    left = await station.file(CUFF, pressure("190", "110"), "to_review", plausibility="unusual")
    await expect(page.locator("#outbox")).to_have_text("Tout le reste est classé")
    await page.get_by_role("button", name="Changer").click()
    await expect(dialog).to_contain_text("1 relevé attend encore une décision")
    await keep(page, "switch-warns")
    await page.keyboard.press("Escape")
    await station.visit(BRUNO)
    await expect(page.locator("#tray")).to_have_text("1 à confirmer d’une visite close")
    await expect(page.locator("#outbox")).to_have_text("Tout le reste est classé")
    await expect(page.locator("body")).not_to_contain_text("190/110")
    await page.locator("#tray").click()
    row = dialog.locator("#left li")
    await expect(row).to_contain_text("TEST Alice")
    await expect(row).to_contain_text("190/110")
    assert await violations(page) == []
    await keep(page, "left-behind")
    await row.get_by_role("button", name="Accepter").click()
    await expect(row).to_have_count(0)
    await expect(page.locator("#tray")).to_have_text("Rien à attribuer")
    assert await station.state(left) == "accepted"
    assert watched.complaints == []
    watch.cancel()
    await asyncio.wait({watch})


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_locked_visit_hides_its_values_until_somebody_confirms(
    watched: Watched, station: Station, scheme: Literal["light", "dark"]
) -> None:
    page = watched.page
    await page.emulate_media(color_scheme=scheme)
    await furnished(station)
    await station.file(SCALE, weight())
    await expect(page.locator(WEIGHT)).to_contain_text("71,45")
    await page.get_by_role("button", name="Verrouiller").click()
    await expect(page.locator(".locked")).to_contain_text("Confirmez le patient")
    await expect(page.locator("body")).not_to_contain_text("71,45")
    assert await violations(page) == []
    await keep(page, f"locked-{scheme}")
    await page.get_by_role("button", name="C’est bien ce patient").click()
    await expect(page.locator(WEIGHT)).to_contain_text("71,45")
    assert watched.complaints == []


async def test_closing_says_what_is_left_undone(watched: Watched, station: Station) -> None:
    page = watched.page
    furnish(station)
    await station.visit(ALICE, plan=("blood_pressure", "body_weight"))
    await station.file(CUFF, pressure(), "to_review")
    await page.get_by_role("button", name="Fermer").click()
    dialog = page.locator("dialog")
    await expect(dialog).to_contain_text("1 relevé attend encore une décision")
    await expect(dialog).to_contain_text("N’est pas venu\N{NO-BREAK SPACE}: Poids")
    assert await violations(page) == []
    await page.get_by_role("button", name="Fermer la visite").click()
    await expect(page.locator("#banner")).to_contain_text("Aucun patient")
    assert station.desk.visit is None


async def test_the_keyboard_is_where_it_was_after_a_change_of_patient(
    watched: Watched, station: Station
) -> None:
    page = await stand_still(watched, station)
    await furnished(station)
    change = page.get_by_role("button", name="Changer", exact=True)
    await expect(change).to_be_disabled()
    await page.clock.run_for(SETTLE)
    await change.focus()
    await expect(change).to_be_focused()
    await station.visit(BRUNO)
    await expect(page.locator("#banner")).to_contain_text("Bruno")
    await expect(change).to_be_disabled()
    await page.clock.run_for(SETTLE)
    await expect(change).to_be_focused()


async def test_a_list_that_moves_under_the_finger_opens_nobodys_visit(
    watched: Watched, station: Station
) -> None:
    page = await stand_still(watched, station)
    await furnished(station)
    dialog = page.locator("dialog")
    change = page.get_by_role("button", name="Changer", exact=True)
    await expect(change).to_be_disabled()
    await page.clock.run_for(SETTLE)
    await change.click()
    await expect(dialog).to_contain_text("Aucune visite n’est prévue")
    await page.clock.run_for(SETTLE - 100)
    planned = KnownVisit(visit=f"v-{2:020x}", state="planned", identity=BRUNO, planned_at=now())
    station.board.worklist((planned,), None)
    opens = dialog.locator(".planned button")
    await expect(opens).to_be_disabled()
    await page.clock.run_for(SETTLE - 1)  # the dialog itself has long been still
    await expect(opens).to_be_disabled()
    await page.clock.run_for(1)
    await expect(opens).to_be_enabled()


async def test_a_plan_appears_in_the_open_dialog(watched: Watched, station: Station) -> None:
    await furnished(station)
    page, dialog = watched.page, watched.page.locator("dialog")
    async with page.expect_request("**/api/worklist"):  # the dossier is asked at once
        await page.get_by_role("button", name="Changer", exact=True).click()
    await expect(dialog).to_contain_text("Aucune visite n’est prévue")
    planned = KnownVisit(visit=f"v-{2:020x}", state="planned", identity=BRUNO, planned_at=now())
    station.desk.worklist = (planned,)
    station.board.worklist(station.desk.worklist, None)
    await expect(dialog.locator(".planned")).to_contain_text("TEST Bruno")
    await dialog.locator(".planned button").click()
    await expect(page.locator("#banner")).to_contain_text("TEST Bruno")
    assert watched.complaints == []


OUTSIDE = """name => {
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(text);
    const right = range.getBoundingClientRect().right;
    if (!text.data.toUpperCase().includes(name) || right === 0) continue;
    for (let box = text.parentElement; box !== document.body; box = box.parentElement) {
      const inside = getComputedStyle(box).display === "inline" || !box.getBoundingClientRect().width;
      if (!inside && right > box.getBoundingClientRect().right + 1) found.push(box.outerHTML.slice(0, 200));
    }
  }
  return found;
}"""
"""What a name runs out of."""


async def test_a_long_name_without_a_space_stays_in_its_place(
    watched: Watched, station: Station
) -> None:
    page, dialog, name = watched.page, watched.page.locator("dialog"), "TEST" * 25
    known = [
        KnownVisit(visit=f"v-{number:020x}", state="planned", identity=who, planned_at=now())
        for number, who in enumerate(
            one.model_copy(update={"family_name": name, "given_name": name.lower()})
            for one in (ALICE, BRUNO)
        )
    ]
    furnish(station)
    station.desk.worklist = tuple(known)
    station.board.worklist(station.desk.worklist, None)
    await expect(page.locator(".planned li")).to_have_count(2)
    await keep(page, "long-name-worklist")
    assert await page.evaluate(OUTSIDE, name) == []
    await page.locator(".planned button").first.click()
    await expect(page.locator("#banner")).to_contain_text(name)
    await station.file(CUFF, pressure("190", "110"), "to_review", plausibility="unusual")
    station.board.worklist(station.desk.worklist, None)
    await page.get_by_role("button", name="Changer", exact=True).click()
    await expect(dialog.locator(".planned")).to_contain_text(name)
    await keep(page, "long-name-change")
    assert await page.evaluate(OUTSIDE, name) == []
    await dialog.locator(".planned button").click()
    await expect(page.locator("#banner")).to_contain_text(name)
    await page.locator("#tray").click()
    await expect(dialog.locator("#left li")).to_contain_text(name)
    await keep(page, "long-name-left")
    assert await page.evaluate(OUTSIDE, name) == []
    assert watched.complaints == []
