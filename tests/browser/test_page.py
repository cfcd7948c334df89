"""The assistant's page in a real browser: every state in words, nothing stale, reachable by everybody.

``DEVICEHUB_SCREENSHOTS=folder`` keeps what the tests saw.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

import pytest
from browser_station import Station, Watched
from looking import keep, overflow, violations
from playwright.async_api import Browser, Page, Route, expect
from processes import free_port
from station_room import (
    ALICE,
    BRUNO,
    CUFF,
    NAMES,
    SCALE,
    TELLS,
    THERMOMETER,
    device_state,
    filing,
    now,
    pressure,
    temperature,
    visit,
    weight,
)
from vitals_room import dossier_on

from devicehub.app.watches import watch_outbox
from devicehub.delivery.address import Address
from devicehub.delivery.broker import EmbeddedBroker
from devicehub.delivery.mqtt import Incoming, MqttClient
from devicehub.delivery.publisher import Publisher
from devicehub.delivery.wire import READINGS_OF_ALL_SHARDS, ReadingBatch, StationTopics
from devicehub.devices.adoption import Sorted
from devicehub.devices.binding import BleBinding
from devicehub.devices.commissioning import Double
from devicehub.devices.upkeep import Notice
from devicehub.dossier.store import DossierStore
from devicehub.driver import BodyHeight, CuffPressure, OxygenSaturation
from devicehub.journal.records import Outbox, State
from devicehub.station.expecting import Listed
from devicehub.station.sessions import COOKIE
from devicehub.visit.dossier import KnownVisit
from devicehub.visit.operators import Operator
from devicehub.visit.series import SeriesRules

pytestmark = pytest.mark.browser

PRESSURE, WEIGHT, TEMPERATURE = (
    "#tile-blood_pressure",
    "#tile-body_weight",
    "#tile-body_temperature",
)
ANNE = Operator(id="anne", name="TEST Anne", role="assistant")
PAUL = Operator(id="paul", name="Dr TEST Paul", role="physician")
RENE = Operator(id="rene", name="Dr TEST René", role="physician")


def furnish(station: Station) -> None:
    """A room with three devices."""
    board = station.board
    for device, name in NAMES.items():
        board.device(device_state(device, "connected", battery=80), name=name)
    board.outbox(Outbox(waiting=0, oldest=None))
    board.broker(True, None)


async def furnished(station: Station) -> None:
    """A room with three devices and an open visit."""
    furnish(station)
    await station.visit(ALICE)


async def sign_in(watched: Watched, station: Station, operator: Operator) -> None:
    """An operator signs in at the page."""
    station.operators.add(operator, "1357")
    await watched.page.goto(station.url)
    await expect(watched.page).to_have_url(f"{station.url}/sign-in")
    await watched.page.get_by_text(operator.name).click()
    await watched.page.get_by_label("Code personnel").fill("1357")
    await watched.page.get_by_role("button", name="Entrer").click()
    await expect(watched.page.locator("#banner")).to_be_visible()


# --------------------------------------------------------------------------- whose visit it is


async def test_an_empty_room_says_what_to_do(watched: Watched) -> None:
    page = watched.page
    await expect(page.locator("#banner")).to_contain_text("Aucun patient")
    await expect(page.locator("#tiles")).to_contain_text("Qui est devant vous")
    await expect(page.locator("html")).to_have_attribute("data-link", "up")
    assert await page.title() == "Salle de mesure – Simulation"
    await expect(page.locator(".simulation")).to_contain_text("aucun vrai patient")
    assert await violations(page) == []
    assert watched.complaints == []


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
    await expect(page.locator("#outbox")).to_have_text("Tout est classé")
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


# --------------------------------------------------------------------------------- the tiles


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("accepted", "Enregistré"),
        ("published", "Envoyé"),
        ("filed", "Classé"),
        ("refused", "Refusé"),
        ("to_review", "À confirmer"),
        ("invalid", "Valeur impossible"),
        ("rejected", "Rejeté"),
        ("withdrawn", "Retiré"),
    ],
)
async def test_each_state_has_its_word(
    watched: Watched, station: Station, state: State, word: str
) -> None:
    furnish(station)
    station.board.visit(visit(), ALICE)
    station.board.filing(filing(CUFF, pressure(), state))
    tile = watched.page.locator(PRESSURE)
    await expect(tile.locator(".state")).to_have_text(word)
    await expect(tile.locator(".value")).to_contain_text("128/76")
    await expect(tile).to_contain_text("Tension 128 sur 76 millimètres de mercure")
    await keep(watched.page, f"state-{state}")
    assert watched.complaints == []


async def test_a_reading_moves_along_under_the_eyes(watched: Watched, station: Station) -> None:
    furnish(station)
    page, board = watched.page, station.board
    board.visit(visit(), ALICE)
    tile = page.locator(WEIGHT)
    await expect(tile.locator(".state")).to_have_text("En attente")
    first = filing(SCALE, weight(), "accepted")
    for state, word in (
        ("accepted", "Enregistré"),
        ("published", "Envoyé"),
        ("filed", "Classé"),
    ):
        board.filing(first.model_copy(update={"state": state}))
        await expect(tile.locator(".state")).to_have_text(word)
        await expect(tile.locator(".value")).to_contain_text("71,45")
    await expect(page.locator("#said")).to_contain_text("Poids")
    assert watched.complaints == []


async def test_a_cuff_shows_its_pressure_while_it_measures(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    live = CuffPressure.model_validate({"pressure_mmhg": "137"})
    station.board.live(CUFF, [live], now())
    tile = watched.page.locator(PRESSURE)
    await expect(tile.locator(".state")).to_have_text("En cours")
    await expect(tile.locator(".value")).to_contain_text("137")
    await keep(watched.page, "measuring")
    await expect(tile.locator(".state")).to_have_text("En attente", timeout=15_000)
    await expect(tile).not_to_contain_text("137")


async def test_what_is_absent_names_the_cause_and_the_next_act(
    watched: Watched, station: Station
) -> None:
    page = watched.page
    furnish(station)
    station.board.device(device_state(CUFF, "waiting"), name="Tensiomètre", why="bond_lost")
    station.board.device(device_state(SCALE, "lost"), name="Balance")
    station.board.notices({THERMOMETER: (Notice("battery_low"),)})
    found = Sorted("look_alike", BleBinding(CUFF, "Tensiomètre", None, "BPM"))
    station.board.doubles((Double(found, "c0:00:00:00:00:09", now()),))
    await station.visit(ALICE, plan=("blood_pressure", "body_weight", "body_temperature"))
    await expect(page.locator(f"{PRESSURE} .state")).to_have_text("Absent")
    await expect(page.locator(PRESSURE)).to_contain_text("Prenez un autre appareil")
    await expect(page.locator(WEIGHT)).to_contain_text("Vérifiez le câble")
    await expect(page.locator(f"{TEMPERATURE} .state")).to_have_text("En attente")
    rail = page.locator("#devices")
    await expect(rail).to_contain_text("À appairer")
    await expect(rail).to_contain_text("Débranché ou éteint")
    await expect(rail).to_contain_text("Pile faible")
    await expect(rail).to_contain_text("Éloignez-le ou éteignez-le")
    assert await violations(page) == []
    await keep(page, "absent")
    await page.set_viewport_size({"width": 1024, "height": 600})
    await expect(rail).to_be_hidden()
    await page.get_by_role("button", name="Appareils").click()
    await expect(rail).to_be_visible()
    await keep(page, "rail-1024")
    assert watched.complaints == []


# ---------------------------------------------------------------------------- what a person says


async def test_one_reading_is_confirmed_by_its_key_rejected_and_taken_back(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    page, tile = watched.page, watched.page.locator(PRESSURE)
    doubtful = await station.file(CUFF, pressure("190", "110"), "to_review", plausibility="unusual")
    await expect(tile).to_contain_text("Valeur inhabituelle")
    for name in ("Accepter", "Rejeter", "Refaire"):
        box = await tile.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["height"] >= 48
    accept = tile.get_by_role("button", name="Accepter")
    await expect(accept).to_be_enabled()
    await page.keyboard.press("a")
    await expect(tile.locator(".state")).to_have_text("Enregistré")
    assert await station.state(doubtful) == "accepted"
    await page.get_by_role("button", name="Revenir en arrière").click()
    await expect(tile.locator(".state")).to_have_text("À confirmer")
    await expect(accept).to_be_enabled()
    await page.keyboard.press("r")
    await expect(page.locator("dialog")).to_contain_text("Rejeter ce relevé")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_be_hidden()
    await page.keyboard.press("t")
    assert await violations(page) == []
    await keep(page, "reasons")
    await expect(page.locator("dialog [data-key='1']")).to_be_enabled()
    await page.keyboard.press("1")
    await expect(tile.locator(".state")).to_have_text("Rejeté")
    history = await station.journal.history(doubtful.reading.id)
    assert (history[-1].state, history[-1].detail) == ("rejected", "moved")
    assert watched.complaints == []


async def test_what_was_accepted_by_mistake_is_taken_back_and_nobody_has_heard_of_it(
    browser: Browser, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(EmbeddedBroker(tmp_path / "broker"))
        at = Address("127.0.0.1", broker.port)
        dossier = await stack.enter_async_context(dossier_on(tmp_path, free_port(), at))
        heard: list[tuple[UUID, int]] = []

        async def hear(message: Incoming) -> None:
            items = ReadingBatch.model_validate_json(message.payload).items
            heard.extend((one.reading.id, one.attribution.revision) for one in items)

        listener = MqttClient(at, subscriptions=(READINGS_OF_ALL_SHARDS,), on_message=hear)
        await stack.enter_async_context(listener)
        await listener.connected.wait()
        station = Station(tmp_path, dossier=dossier)
        await station.start()
        stack.push_async_callback(station.end)
        publisher = Publisher(
            station.journal,
            at,
            StationTopics("practice", "room-1"),
            station="room-1",
            boot=uuid4(),
            version="9",
        )
        work = [
            asyncio.create_task(one)
            for one in (
                publisher.run(),
                station.desk.run(),
                station.deriver.run(),
                watch_outbox(station.journal, station.board),
            )
        ]
        stack.push_async_callback(asyncio.wait, work)
        for task in work:
            stack.callback(task.cancel)
        await furnished(station)
        page = await browser.new_page(locale="fr-FR")
        stack.push_async_callback(page.close)
        await page.goto(station.url)

        station.desk.undo_for = timedelta(hours=1)
        height = await station.file("rod", BodyHeight.model_validate({"centimetres": "170"}))
        weighed = await station.file(SCALE, weight(), "to_review")
        index, tile = page.locator("#tile-body_mass_index"), page.locator(WEIGHT)
        await tile.get_by_role("button", name="Accepter").click()
        await expect(tile.locator(".state")).to_have_text("Enregistré")
        await expect(index.locator(".state")).to_have_text("Enregistré")
        await expect(page.locator("#outbox")).to_have_text(
            "2 relevés acceptés à l’instant, tout est conservé"
        )
        assert await violations(page) == []
        await keep(page, "undo")
        await tile.get_by_role("button", name="Revenir en arrière").click()
        await expect(tile.locator(".state")).to_have_text("À confirmer")
        await expect(page.locator("#outbox")).to_have_text("Tout est classé")

        station.desk.undo_for = timedelta()
        later = await station.file(THERMOMETER, temperature())
        await expect(page.locator(f"{TEMPERATURE} .state")).to_have_text("Classé")
        of_before = [(height.reading.id, 1), (later.reading.id, 1)]
        assert sorted(set(heard)) == sorted(of_before)
        assert sorted(in_the_dossier(tmp_path)) == sorted(of_before)

        await tile.get_by_role("button", name="Accepter").click()
        await expect(tile.locator(".state")).to_have_text("Classé")
        await expect(index.locator(".state")).to_have_text("Classé")
        assert (weighed.reading.id, 1) in heard
        assert len(in_the_dossier(tmp_path)) == 4


async def test_a_double_touch_accepts_and_undoes_nothing(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    page, tile = watched.page, watched.page.locator(PRESSURE)
    filed = await station.file(CUFF, pressure(), "to_review")
    accept = tile.get_by_role("button", name="Accepter")
    await expect(accept).to_be_enabled()
    box = await accept.bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await expect(tile.locator(".state")).to_have_text("Enregistré")
    undo = tile.get_by_role("button", name="Revenir en arrière")
    await expect(undo).to_be_enabled()
    assert await undo.evaluate("button => button.matches(':hover')"), "it has come under the finger"
    await page.mouse.down(click_count=2)
    await page.mouse.up(click_count=2)
    await undo.click()
    await expect(tile.locator(".state")).to_have_text("À confirmer")
    states = [one.state for one in await station.journal.history(filed.reading.id)]
    assert states == ["to_review", "accepted", "to_review"]


async def stand_still(watched: Watched, station: Station) -> Page:
    """The page with its clock stopped: what it does after a while, it does when the test says so."""
    page = watched.page
    await page.clock.install()
    await page.goto(station.url)
    await page.clock.pause_at(now() + timedelta(seconds=30))
    await expect(page.locator("html")).to_have_attribute("data-link", "up")
    return page


SETTLE = 700
"""Milliseconds: ``SETTLE`` of `static/station.js`."""


@pytest.mark.parametrize("way", ["mouse", "key", "enter"])
async def test_a_second_touch_never_decides_what_has_only_just_come(
    watched: Watched, station: Station, way: str
) -> None:
    page = await stand_still(watched, station)
    await furnished(station)
    tile = page.locator(WEIGHT)
    accept = tile.get_by_role("button", name="Accepter")
    first = await station.file(SCALE, weight("83.0"), "to_review")
    await expect(accept).to_be_disabled()
    await page.clock.run_for(SETTLE)
    await expect(accept).to_be_enabled()
    second = await station.file(SCALE, weight("59.4"), "to_review")
    await expect(tile).to_contain_text("encore 1 à confirmer")
    await expect(tile.locator(".value")).to_contain_text("83,0")  # it stays until it is decided
    await expect(accept).to_be_enabled()
    box = await accept.bounding_box()
    assert box is not None

    async def touch() -> None:
        if way == "mouse":
            await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        else:
            await page.keyboard.press("a" if way == "key" else "Enter")

    if way == "enter":
        await accept.focus()
    await touch()
    await expect(tile.locator(".value")).to_contain_text("59,4")
    await expect(accept).to_be_disabled()
    await expect(tile.get_by_role("button", name="Refaire")).to_be_disabled()
    await touch()
    await page.clock.run_for(SETTLE - 1)
    await touch()
    await page.keyboard.press("r")
    await expect(page.locator("dialog")).to_be_hidden()
    assert await station.state(first) == "accepted"
    assert await station.state(second) == "to_review"
    await page.clock.run_for(1)
    await expect(accept).to_be_enabled()
    await page.keyboard.press("a")
    await expect(tile.locator(".state")).to_have_text("Enregistré")
    assert await station.state(second) == "accepted"
    assert watched.complaints == []


async def test_everything_at_once_is_what_stood_there_and_lies_still_when_it_changes(
    watched: Watched, station: Station
) -> None:
    page = await stand_still(watched, station)
    await furnished(station)
    weights = [await station.file(SCALE, weight(kg), "to_review") for kg in ("71.4", "71.5")]
    warm = await station.file(THERMOMETER, temperature(), "to_review")
    every = page.locator("#all-accept")
    await expect(every).to_have_text("Tout accepter (2)")
    await page.clock.run_for(SETTLE)
    await expect(every).to_be_enabled()
    late = await station.file(CUFF, pressure(), "to_review")
    await expect(every).to_have_text("Tout accepter (3)")
    await expect(every).to_be_disabled()
    await page.clock.run_for(SETTLE)
    await every.click()
    await expect(page.locator(f"{WEIGHT} .value")).to_contain_text("71,5")
    await expect(every).to_be_hidden()
    for one in (weights[0], warm, late):
        assert await station.state(one) == "accepted"
    assert await station.state(weights[1]) == "to_review"
    assert watched.complaints == []


async def test_the_focus_stays_at_the_tile_when_its_question_is_answered(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    page, tile = watched.page, watched.page.locator(PRESSURE)
    await station.file(CUFF, pressure(), "to_review")
    await tile.get_by_role("button", name="Rejeter").click()
    await page.locator("dialog").get_by_role("button", name="A bougé").click()
    await expect(tile.locator(".state")).to_have_text("Rejeté")
    await expect(tile).to_be_focused()


async def test_the_focus_does_not_leave_the_tile_it_was_moved_to(
    watched: Watched, station: Station
) -> None:
    page = await stand_still(watched, station)
    await furnished(station)
    await station.file(CUFF, pressure(), "to_review")
    accept = page.locator(PRESSURE).get_by_role("button", name="Accepter")
    await expect(accept).to_be_disabled()
    await page.clock.run_for(SETTLE)
    await accept.focus()
    await page.keyboard.press("Space")
    await expect(page.locator(f"{PRESSURE} .state")).to_have_text("Enregistré")
    await expect(page.locator(PRESSURE)).to_be_focused()
    for _ in range(12):
        if await page.locator(WEIGHT).evaluate("tile => tile === document.activeElement"):
            break
        await page.keyboard.press("ArrowRight")
    await expect(page.locator(WEIGHT)).to_be_focused()
    second = await station.file(CUFF, pressure("131", "80"), "to_review")
    heavy = await station.file(SCALE, weight("83.0"), "to_review")
    await expect(page.locator(f"{WEIGHT} .value")).to_contain_text("83,0")
    await page.clock.run_for(SETTLE)
    await expect(page.locator(WEIGHT)).to_be_focused()
    await page.keyboard.press("a")
    await expect(page.locator(f"{WEIGHT} .state")).to_have_text("Enregistré")
    assert await station.state(heavy) == "accepted"
    assert await station.state(second) == "to_review"


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


def in_the_dossier(folder: Path) -> list[tuple[UUID, int]]:
    """The readings the dossier holds, each with its revision."""
    with DossierStore(folder / "dossier.sqlite", create=False) as store:
        return [(one.reading.id, one.revision) for one in store.filed()]


async def test_letters_act_on_the_tile_with_the_focus_and_can_be_switched_off(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    page = watched.page
    first = await station.file(CUFF, pressure(), "to_review")
    second = await station.file(SCALE, weight(), "to_review")
    for tile in (PRESSURE, WEIGHT):
        await expect(page.locator(f"{tile} .accept")).to_be_enabled()
    await page.keyboard.press("a")
    await page.locator(PRESSURE).focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator(WEIGHT)).to_be_focused()
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="Touches A, R, T").click()
    await page.keyboard.press("Escape")
    await page.locator(WEIGHT).focus()
    await page.keyboard.press("a")
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="Touches A, R, T").click()
    await page.keyboard.press("Escape")
    assert (await station.state(first), await station.state(second)) == ("to_review", "to_review")
    await page.locator(WEIGHT).focus()
    await page.keyboard.press("a")
    await expect(page.locator(f"{WEIGHT} .state")).to_have_text("Enregistré")
    assert await station.state(first) == "to_review"


async def test_everything_is_accepted_at_once_only_where_nothing_is_flagged(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    page = watched.page
    await station.file(SCALE, weight(), "to_review")
    flagged = await station.file(CUFF, pressure("230", "90"), "to_review", plausibility="unusual")
    await expect(page.locator("#all")).to_contain_text("À regarder une par une")
    await page.locator(f"{PRESSURE} .accept").click()
    await expect(page.locator("#all")).to_be_hidden()
    await station.file(THERMOMETER, temperature(), "to_review")
    await page.get_by_role("button", name="Tout accepter (2)").click()
    await expect(page.locator(f"{TEMPERATURE} .state")).to_have_text("Enregistré")
    assert await station.state(flagged) == "accepted"


async def test_what_was_sent_can_be_withdrawn_or_moved(watched: Watched, station: Station) -> None:
    furnish(station)
    page = watched.page
    await station.visit(BRUNO)
    second = await station.visit(ALICE)
    sent = await station.file(SCALE, weight())
    await station.journal.take_due(10, 0)
    await station.journal.mark_published([(sent.reading.id, 1)])
    await page.get_by_role("button", name="Plus d’actes").click()
    dialog = page.locator("dialog")
    await expect(dialog).to_contain_text("Envoyé")
    await keep(page, "reading-menu")
    await page.get_by_role("button", name="Déplacer vers une autre visite").click()
    await dialog.get_by_text("Bruno").click()
    await dialog.get_by_text("Mauvais patient").click()
    assert await violations(page) == []
    await page.get_by_role("button", name="Déplacer", exact=True).click()
    await expect(page.locator("body")).not_to_contain_text("71,45")
    moved = await station.journal.reading(sent.reading.id)
    assert moved is not None
    assert moved.attribution.visit != second.id
    assert watched.complaints == []


async def test_the_tray_shows_names_of_visits_and_hides_values(
    watched: Watched, station: Station
) -> None:
    furnish(station)
    page = watched.page
    nobodys = await station.file(CUFF, pressure("151", "93"))
    other = await station.file(SCALE, weight())
    await station.visit(BRUNO)
    alices = await station.visit(ALICE)
    await expect(page.locator("#tray")).to_contain_text("2 relevés à attribuer")
    await page.locator("#tray").click()
    dialog = page.locator("dialog")
    await expect(dialog).to_contain_text("Aucune visite n’était ouverte")
    await expect(dialog).not_to_contain_text("151/93")
    assert await violations(page) == []
    await keep(page, "tray")
    row = dialog.locator("li").filter(has_text="Tension")
    await row.get_by_role("button", name="Montrer la valeur").click()
    await expect(dialog).to_contain_text("151/93")
    await row.get_by_role("button", name="Attribuer").click()
    await dialog.get_by_text("Alice").click()
    await dialog.get_by_text("Autre raison").click()
    await keep(page, "assign")
    await dialog.get_by_role("button", name="Attribuer", exact=True).click()
    await expect(dialog).to_be_hidden()
    await expect(page.locator(PRESSURE)).to_contain_text("151/93")
    given = await station.journal.reading(nobodys.reading.id)
    assert given is not None
    assert given.attribution.visit == alices.id
    await page.locator("#tray").click()
    await (
        dialog.locator("li").filter(has_text="Poids").get_by_role("button", name="Écarter").click()
    )
    await dialog.get_by_text("C’était un essai").click()
    await expect(dialog).to_be_hidden()
    assert await station.state(other) == "discarded"
    assert watched.complaints == []


# -------------------------------------------------------------------------------- the series


async def test_a_series_counts_down_and_tells_when_to_press(
    watched: Watched, station: Station
) -> None:
    station.hub = replace(station.hub, rules=SeriesRules(count=2, interval_seconds=0))
    await station.stop()
    await station.start()
    await furnished(station)
    page, tile = watched.page, watched.page.locator(PRESSURE)
    await expect(page.locator("html")).to_have_attribute("data-link", "up", timeout=20_000)
    visit = station.desk.visit
    assert visit is not None
    await tile.get_by_role("button", name="Série de tensions").click()
    await expect(page.locator("dialog")).to_contain_text("Sur quel bras est le brassard")
    await page.get_by_role("button", name="Bras gauche").click()
    await station.deriver.settle(visit.id)
    await expect(tile).to_contain_text("Repos")
    await expect(tile.locator(".countdown")).to_contain_text("4:5")
    await tile.get_by_role("button", name="Déjà reposé").click()
    await station.deriver.settle(visit.id)
    await expect(tile).to_contain_text("appuyez sur le bouton du tensiomètre")
    await station.file(CUFF, pressure("150", "90"))
    await station.deriver.settle(visit.id)
    await expect(tile.locator(".members")).to_contain_text("150/90")
    assert await violations(page) == []
    await keep(page, "series")
    await station.file(CUFF, pressure("140", "86"))
    await station.deriver.settle(visit.id)
    await station.deriver.settle(visit.id)
    await expect(tile.locator(".number")).to_have_text("145/88")
    await expect(tile).to_contain_text("moyenne de 2 mesures")
    await keep(page, "series-over")

    first, second = tile.locator(".members button").nth(0), tile.locator(".members button").nth(1)
    for one in (first, second):
        size = await one.bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 48
    await second.click()
    await expect(page.locator("dialog")).to_contain_text("140/86 mmHg")
    await expect(page.locator("dialog [aria-pressed=true]")).to_contain_text("bras gauche, assis")
    assert await violations(page) == []
    await keep(page, "relabel")
    await page.locator("dialog").get_by_role("button", name="bras droit, assis").click()
    await expect(page.locator("dialog")).to_be_hidden()
    await station.deriver.settle(visit.id)
    await expect(second).to_contain_text("bras droit")
    await expect(tile).to_contain_text("Mesure 2 sur 2")
    assert await violations(page) == []
    await expect(first).to_be_enabled()
    await first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog")).to_contain_text("150/90 mmHg")
    await expect(page.locator("dialog [data-key='4']")).to_be_enabled()
    await page.keyboard.press("4")
    await expect(page.locator("dialog")).to_be_hidden()
    await station.deriver.settle(visit.id)
    await station.deriver.settle(visit.id)
    await expect(tile.locator(".number")).to_have_text("145/88")
    await expect(first).to_be_focused()
    assert watched.complaints == []


# ----------------------------------------------------------------------------- who answers for it


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


# ----------------------------------------------------------------------------- who stands there


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


# ------------------------------------------------------------------------- around, and for all


async def test_the_outbox_says_that_nothing_is_lost(watched: Watched, station: Station) -> None:
    await furnished(station)
    page = watched.page
    await expect(page.locator("#outbox")).to_have_text("Tout est classé")
    station.board.outbox(Outbox(waiting=2, oldest=now() - timedelta(minutes=4)))
    station.board.broker(False, "connection refused")
    await expect(page.locator("#outbox")).to_have_text(
        "2 relevés en attente depuis 4 min, tout est conservé"
    )
    await expect(page.locator("#broker")).to_contain_text("Tout est conservé ici")
    await expect(page.locator("#banner")).to_contain_text("pas encore au dossier")
    await keep(page, "broker-down")


async def test_a_decision_that_is_refused_says_why(watched: Watched, station: Station) -> None:
    await furnished(station)
    page, tile = watched.page, watched.page.locator(PRESSURE)
    doubtful = await station.file(CUFF, pressure(), "to_review")
    await expect(tile.locator(".state")).to_have_text("À confirmer")
    station.journal.on_change.remove(station.board.filing)  # the page does not know yet
    await station.journal.change(doubtful.reading.id, "rejected", author="somebody")
    await tile.get_by_role("button", name="Accepter").click()
    await expect(tile.locator("[role=alert]")).to_contain_text("a changé entre-temps")
    await expect(tile.get_by_role("button", name="Accepter")).to_be_enabled()
    assert page is watched.page


async def test_a_station_that_stops_leaves_nothing_that_looks_live(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    await station.file(CUFF, pressure())
    page, tile = watched.page, watched.page.locator(PRESSURE)
    await expect(tile.locator(".value")).to_contain_text("128/76")
    await station.stop()
    await expect(page.locator("html")).to_have_attribute("data-link", "lost")
    await expect(page.locator("#lost")).to_contain_text("Liaison avec le poste perdue depuis")
    await expect(tile.locator(".frozen")).to_contain_text("Figé depuis")
    await expect(tile.get_by_role("button")).to_have_count(0)
    assert await violations(page) == []
    await keep(page, "lost")
    await station.file(CUFF, pressure("118", "72"))
    await station.start()
    await expect(page.locator("html")).to_have_attribute("data-link", "up", timeout=20_000)
    await expect(tile.locator(".value")).to_contain_text("118/72")
    await expect(page.locator("#lost")).to_be_empty()


async def test_english_is_two_touches_away(watched: Watched, station: Station) -> None:
    await furnished(station)
    await station.file(THERMOMETER, temperature())
    page = watched.page
    await expect(page.locator(TEMPERATURE)).to_contain_text("36,8")
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("link", name="English").click()
    await expect(page.locator(f"{TEMPERATURE} .value")).to_contain_text("36.8")
    await expect(page.locator(f"{TEMPERATURE} .state")).to_have_text("Saved")


async def six_tiles(station: Station) -> None:
    """A full room: six kinds, one of them flagged, one live, one absent."""
    furnish(station)
    await station.visit(ALICE)
    station.board.broker(True, None)
    station.board.worklist((), None)
    await station.file(CUFF, pressure("190", "110"), "to_review", plausibility="unusual")
    weighed = await station.file(SCALE, weight())
    station.board.filing(weighed.model_copy(update={"state": "filed"}))
    await station.file(THERMOMETER, temperature())
    oximeter = OxygenSaturation.model_validate({"percent": 97, "pulse_per_minute": 71})
    for device, driver in (("oximeter-1", "an_oximeter"), ("toise-1", "a_toise")):
        state = device_state(device, "connected").model_copy(update={"driver": driver})
        station.board.device(state, name=device)
    station.board.live("oximeter-1", [oximeter], now())
    await station.file("toise-1", BodyHeight.model_validate({"centimetres": "172.5"}))


@pytest.fixture
def station_listed() -> list[Listed]:
    TELLS["an_oximeter"] = frozenset({"oxygen_saturation"})
    TELLS["a_toise"] = frozenset({"body_height", "body_mass_index"})
    return [
        Listed("oximeter-1", "Oxymètre", on_radio=True, driver="an_oximeter"),
        Listed("toise-1", "Toise", on_radio=False, driver="a_toise"),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_use_it(
    watched: Watched,
    station: Station,
    station_listed: list[Listed],
    scheme: Literal["light", "dark"],
) -> None:
    station.listed += station_listed
    await six_tiles(station)
    page = watched.page
    await page.emulate_media(color_scheme=scheme)
    await expect(page.locator(f"{PRESSURE} .state")).to_have_text("À confirmer")
    assert await violations(page) == []
    await keep(page, f"all-{scheme}")
    await page.get_by_role("button", name="Menu").click()
    assert await violations(page) == []
    await keep(page, f"menu-{scheme}")


@pytest.mark.parametrize(("width", "height"), [(1024, 600), (1280, 800), (1920, 1080)])
async def test_six_tiles_fit_the_screen(
    watched: Watched, station: Station, station_listed: list[Listed], width: int, height: int
) -> None:
    station.listed += station_listed
    await six_tiles(station)
    page = watched.page
    await page.set_viewport_size({"width": width, "height": height})
    await expect(page.locator(".tile")).to_have_count(6)
    assert await overflow(page) <= 0
    strips = await page.locator(".strips").bounding_box()
    assert strips is not None
    for tile in await page.locator(".tile").all():
        box = await tile.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= strips["y"], await tile.inner_text()
    await expect(page.locator("#banner")).to_be_in_viewport()
    await keep(page, f"fits-{width}")


async def test_at_200_percent_nothing_needs_sideways_scrolling(
    watched: Watched, station: Station, station_listed: list[Listed]
) -> None:
    station.listed += station_listed
    await six_tiles(station)
    page = watched.page
    # 200 % of a window of 1280×800 is a window of 640×400 CSS pixels (WCAG 2.2, 1.4.4 and 1.4.10).
    await page.set_viewport_size({"width": 640, "height": 400})
    await expect(page.locator(".tile")).to_have_count(6)
    assert await overflow(page) <= 0
    await keep(page, "zoom-200")
    # Whose value it is stays in sight while somebody decides on the last one.
    await page.locator(".tile").last.scroll_into_view_if_needed()
    assert await page.evaluate("scrollY") > 0
    for part in (".name", ".traits :nth-child(2)"):
        await expect(page.locator(f"#banner {part}")).to_be_in_viewport()


async def test_nothing_is_asked_of_another_host_and_nothing_is_inline(
    watched: Watched, station: Station
) -> None:
    page: Page = watched.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await furnished(station)
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-link", "up")
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{station.port}"}
    inline = await page.evaluate(
        "document.querySelectorAll('[style], script:not([src]), style, [onclick]').length"
    )
    assert inline == 0
    assert watched.complaints == [], json.dumps(watched.complaints)
