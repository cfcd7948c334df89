"""Readings decided on in a real browser: by touch and by key, taken back, moved, from the tray.

``DEVICEHUB_SCREENSHOTS=folder`` keeps what the tests saw.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from browser_station import Station, Watched
from furnished import (
    PRESSURE,
    SETTLE,
    TEMPERATURE,
    WEIGHT,
    furnish,
    furnished,
    stand_still,
)
from looking import keep, violations
from playwright.async_api import Browser, expect
from ports import free_port
from station_room import (
    ALICE,
    BRUNO,
    CUFF,
    SCALE,
    THERMOMETER,
    pressure,
    temperature,
    weight,
)
from vitals_room import dossier_on

from devicehub.app.watches import watch_outbox
from devicehub.delivery.address import Address
from devicehub.delivery.broker import EmbeddedBroker
from devicehub.delivery.mqtt import Incoming, MqttClient
from devicehub.delivery.publisher import Publisher
from devicehub.delivery.wire import READINGS_OF_ALL_SHARDS, ReadingBatch, StationTopics
from devicehub.dossier.store import DossierStore
from devicehub.driver import BodyHeight
from devicehub.journal.records import Filing
from devicehub.station.summary import Summaries
from devicehub.visit.operators import NOBODY
from devicehub.visit.series import SeriesRules, cut_rest

pytestmark = pytest.mark.browser


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
        await expect(page.locator("#outbox")).to_have_text("Tout le reste est classé")

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


async def test_the_undo_is_of_what_was_decided_last_whatever_stands_then(
    watched: Watched, station: Station
) -> None:
    await furnished(station)
    page, tile = watched.page, watched.page.locator(TEMPERATURE)
    several = [
        await station.file(THERMOMETER, temperature(one), "to_review") for one in ("37.2", "35.9")
    ]
    await tile.get_by_role("button", name="Accepter").click()
    await expect(tile.locator(".number")).to_have_text("35,9")
    undo = tile.get_by_role("button", name="Revenir en arrière")
    await expect(undo).to_have_text("Revenir en arrière 37,2\xa0°C · Enregistré")
    await page.set_viewport_size({"width": 1024, "height": 600})
    assert await violations(page) == []
    await keep(page, "undo-beside-another")
    await tile.get_by_role("button", name="Rejeter").click()
    await page.locator("dialog").get_by_role("button", name="Valeur peu crédible").click()
    await expect(tile.locator(".number")).to_have_text("37,2")
    await expect(undo).to_have_text("Revenir en arrière 35,9\xa0°C · Rejeté")
    box = await undo.bounding_box()
    assert box is not None
    assert box["height"] >= 48
    assert await violations(page) == []
    await keep(page, "undo-of-another")
    await undo.click()
    await expect(tile.locator(".number")).to_have_text("35,9")
    assert [await station.state(one) for one in several] == ["accepted", "to_review"]
    assert watched.complaints == []


async def test_what_was_decided_in_the_tray_is_taken_back_there(
    watched: Watched, station: Station
) -> None:
    furnish(station)
    station.desk.undo_for = timedelta(hours=1)
    page, dialog = watched.page, watched.page.locator("dialog")
    nobodys = await station.file(CUFF, pressure("151", "93"))
    await station.visit(BRUNO)
    left = await station.file(SCALE, weight(), "to_review")
    await station.visit(ALICE)
    just, waiting = dialog.locator("#just"), dialog.locator("#left")
    back = just.get_by_role("button", name="Revenir en arrière")
    await expect(page.locator("#banner")).to_contain_text("Alice")
    await expect(page.locator("#tray")).to_contain_text("1 à confirmer d’une visite close")
    await page.locator("#tray").click()
    await waiting.get_by_role("button", name="Accepter").click()
    await expect(just).to_contain_text("Enregistré")
    await expect(just).to_contain_text("71,45")
    await expect(waiting).to_be_hidden()
    assert await station.state(left) == "accepted"
    assert await violations(page) == []
    await keep(page, "decided-in-the-tray")
    await back.click()
    await waiting.get_by_role("button", name="Rejeter").click()
    await dialog.get_by_role("button", name="Autre raison").click()
    await expect(just).to_contain_text("Bruno")
    await expect(just).to_contain_text("Rejeté")
    await back.click()
    await expect(waiting).to_contain_text("Bruno")
    assert await station.state(left) == "to_review"
    await dialog.get_by_role("button", name="Écarter").click()
    await dialog.get_by_role("button", name="C’était un essai").click()
    await expect(just).to_contain_text("Écarté")
    await expect(dialog).not_to_contain_text("151/93")
    assert await station.state(nobodys) == "discarded"
    await just.get_by_role("button", name="Montrer la valeur").click()
    await expect(just).to_contain_text("151/93")
    await keep(page, "discarded-in-the-tray")
    await back.click()
    await expect(dialog.get_by_role("button", name="Attribuer")).to_be_visible()
    assert await station.state(nobodys) == "quarantined"
    assert watched.complaints == []


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


async def begun_anew(watched: Watched, station: Station) -> None:
    """The station with its summaries and its rules as they are now; the page is read anew."""
    await watched.page.goto("about:blank")  # no page is open that would miss the station
    await station.stop()
    station.more.append(Summaries(station.hub, station.journal))
    await station.start()
    await watched.page.goto(station.url)


async def test_a_measurement_of_a_series_is_withdrawn_where_it_is_touched(
    watched: Watched, station: Station
) -> None:
    """The mean has no acts of its own: it follows what it was computed from."""
    station.hub = replace(station.hub, rules=SeriesRules(count=2, interval_seconds=0))
    furnish(station)
    await begun_anew(watched, station)
    page, tile = watched.page, watched.page.locator(PRESSURE)
    dialog = page.locator("dialog")
    visit = await station.visit(ALICE, plan=("blood_pressure",))
    begun = await station.deriver.begin(visit.id, station.hub.rules, arm="left", posture="seated")
    await station.deriver.change(visit.id, begun.id, cut_rest)
    taken = []
    for systolic, diastolic in (("150", "90"), ("140", "86")):
        taken.append(await station.file(CUFF, pressure(systolic, diastolic)))
        await station.deriver.settle(visit.id)
    await station.deriver.settle(visit.id)
    await station.journal.take_due(10, 0)
    await station.journal.mark_published([(one.reading.id, 1) for one in taken])
    await expect(tile.locator(".number")).to_have_text("145/88", timeout=20_000)
    second = tile.locator(".members button").nth(1)
    await expect(second).to_be_enabled()
    await second.click()
    await expect(dialog).to_contain_text("140/86 mmHg")
    assert await violations(page) == []
    await keep(page, "member-acts")
    await expect(dialog.get_by_role("button", name="Déplacer vers une autre")).to_be_visible()
    await dialog.get_by_role("button", name="Retirer du dossier").click()
    await dialog.get_by_text("Mesure interrompue").click()
    await expect(dialog).to_be_hidden()
    await station.deriver.settle(visit.id)
    assert [await station.state(one) for one in taken] == ["published", "withdrawn"]
    await expect(tile).not_to_contain_text("145/88")
    assert watched.complaints == []


async def sent(station: Station, *weights: str) -> list[Filing]:
    """Weights of the open visit, as the broker has them."""
    found = [await station.file(SCALE, weight(one)) for one in weights]
    await station.journal.take_due(10, 0)
    await station.journal.mark_published([(one.reading.id, 1) for one in found])
    return found


async def test_the_older_of_two_weights_is_withdrawn_from_its_row_in_the_summary(
    watched: Watched, station: Station
) -> None:
    furnish(station)
    await begun_anew(watched, station)
    page, dialog = watched.page, watched.page.locator("dialog")
    await station.visit(ALICE)
    old, new = await sent(station, "71.4", "67.9")
    await page.goto(f"{station.url}/summary")
    acts = page.get_by_role("link", name="Plus d’actes : Poids 71,4")
    size = await acts.bounding_box()
    assert size is not None
    assert min(size["width"], size["height"]) >= 48
    assert await violations(page) == []
    await keep(page, "summary-acts")
    await acts.click()
    await dialog.get_by_role("button", name="Retirer du dossier").click()
    await dialog.get_by_text("Appareil en cause").click()
    await expect(page).to_have_url(f"{station.url}/summary")
    await expect(page.locator(".s-left-out")).to_contain_text("71,4")
    assert [await station.state(one) for one in (old, new)] == ["withdrawn", "published"]
    assert watched.complaints == []


async def test_what_was_sent_is_withdrawn_from_the_summary_of_its_visit_when_that_is_over(
    watched: Watched, station: Station
) -> None:
    """The room's page shows the next patient: whose reading it is stands in every question."""
    furnish(station)
    await begun_anew(watched, station)
    page, dialog = watched.page, watched.page.locator("dialog")
    alices = await station.visit(ALICE)
    (one,) = await sent(station, "67.9")
    await station.visit(BRUNO)
    await page.goto(f"{station.url}/summary")
    await expect(page.locator("h1")).to_contain_text("Bruno")
    await page.get_by_role("link", name="Alice").click()
    await expect(page.locator("h1")).to_contain_text("Alice")
    acts = page.get_by_role("link", name="Plus d’actes : Poids")
    await acts.click()
    await expect(page.locator("#banner")).to_contain_text("Bruno")
    await expect(dialog).to_contain_text("TEST Alice · Née le 01/01/1970")
    await expect(dialog).to_contain_text("67,9")
    assert await violations(page) == []
    await keep(page, "acts-of-another-visit")
    await dialog.get_by_role("button", name="Annuler").click()
    await acts.click()
    await dialog.get_by_role("button", name="Retirer du dossier").click()
    await expect(dialog).to_contain_text("TEST Alice · Née le 01/01/1970")
    await dialog.get_by_text("Appareil en cause").click()
    await expect(page).to_have_url(f"{station.url}/summary/{alices.id}")
    await expect(page.locator(".s-left-out")).to_contain_text("67,9")
    assert await station.state(one) == "withdrawn"
    assert watched.complaints == []


async def test_a_summary_that_is_behind_leads_to_no_act(watched: Watched, station: Station) -> None:
    """What it shows was given to another visit meanwhile: the page says so, and stays."""
    furnish(station)
    await begun_anew(watched, station)
    page, dialog = watched.page, watched.page.locator("dialog")
    bruno = await station.visit(BRUNO)
    await station.visit(ALICE)
    (one,) = await sent(station, "67.9")
    reading = one.reading.id
    await station.hub.review.reassign(reading, 1, bruno.id, by=NOBODY, reason="wrong_patient")
    await page.goto(f"{station.url}/#/ask/reading/{reading}/1")
    await page.reload()
    await expect(page.locator("#refused")).to_contain_text("a changé entre-temps")
    await expect(dialog).to_be_hidden()
    await expect(page.locator("#banner")).to_contain_text("Alice")


async def test_what_was_withdrawn_by_mistake_is_given_back_where_its_tile_says(
    watched: Watched, station: Station
) -> None:
    furnish(station)
    page = watched.page
    alices = await station.visit(ALICE, plan=("body_weight", "body_temperature"))
    sent = await station.file(SCALE, weight())
    await station.journal.take_due(10, 0)
    await station.journal.mark_published([(sent.reading.id, 1)])
    watch = asyncio.create_task(watch_outbox(station.journal, station.board))
    try:
        tile, dialog = page.locator(WEIGHT), page.locator("dialog")
        await tile.get_by_role("button", name="Plus d’actes").click()
        await page.get_by_role("button", name="Retirer du dossier").click()
        await dialog.get_by_text("Mauvais patient").click()
        await expect(tile).to_contain_text("Retiré du dossier à ")
        await expect(tile).to_contain_text("rendez-le depuis «\xa0à attribuer\xa0»")
        await expect(page.locator("#tray")).to_contain_text("Rien à attribuer")
        await keep(page, "withdrawn-tile")
        await page.locator("#tray").click()
        await expect(dialog).to_contain_text("Retirés du dossier")
        await expect(dialog).not_to_contain_text("71,45")
        assert await violations(page) == []
        await keep(page, "withdrawn-tray")
        await dialog.get_by_role("button", name="Montrer la valeur").click()
        await expect(dialog).to_contain_text("71,45")
        await dialog.get_by_role("button", name="Rendre à une visite").click()
        await dialog.get_by_text("Alice").click()
        await dialog.get_by_text("Autre raison").click()
        await keep(page, "withdrawn-whose")
        await dialog.get_by_role("button", name="Attribuer", exact=True).click()
        await expect(tile).to_contain_text("71,45")
        await expect(tile).not_to_contain_text("Retiré du dossier")
        back = await station.journal.reading(sent.reading.id)
        assert back is not None
        assert back.attribution.visit == alices.id
        assert watched.complaints == []
    finally:
        watch.cancel()
        await asyncio.wait({watch})


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
    await expect(dialog.locator("#just")).to_contain_text("Écarté")
    assert await station.state(other) == "discarded"
    assert watched.complaints == []


async def test_a_decision_that_is_refused_says_why(watched: Watched, station: Station) -> None:
    await furnished(station)
    page, tile = watched.page, watched.page.locator(PRESSURE)
    doubtful = await station.file(CUFF, pressure(), "to_review")
    await expect(tile.locator(".state")).to_have_text("À confirmer")
    station.journal.on_change.remove(station.board.filing)  # the page does not know yet
    await station.journal.change(doubtful.reading.id, 1, "rejected", author="somebody")
    await tile.get_by_role("button", name="Accepter").click()
    await expect(tile.locator("[role=alert]")).to_contain_text("a changé entre-temps")
    await expect(tile.get_by_role("button", name="Accepter")).to_be_enabled()
    assert page is watched.page


async def test_a_question_of_the_summary_that_another_visit_ends_says_so(
    watched: Watched, station: Station
) -> None:
    furnish(station)
    await begun_anew(watched, station)
    page, dialog = watched.page, watched.page.locator("dialog")
    await station.visit(ALICE)
    (one,) = await sent(station, "67.9")
    await page.goto(f"{station.url}/summary")
    await page.get_by_role("link", name="Plus d’actes : Poids").click()
    await dialog.get_by_role("button", name="Retirer du dossier").click()
    await expect(dialog).to_contain_text("Appareil en cause")
    await station.visit(BRUNO)
    await expect(dialog).to_be_hidden()
    await expect(page.locator("#refused")).to_contain_text("n’a pas été enregistré")
    await expect(page).to_have_url(f"{station.url}/")
    assert await station.state(one) == "published"
    assert watched.complaints == []
