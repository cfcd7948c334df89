"""The ECG panel in a real browser: a light and a reason per electrode, prêt only when firm, nothing old that looks live."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_station import Station, Watched
from furnished import SETTLE, stand_still
from playwright.async_api import Page, expect
from station_room import ALICE, BRUNO, now, visit

from devicehub.devices.preparations import EcgShown
from devicehub.ecg.leads import ELECTRODES, STANDARD
from devicehub.ecg.verdict import Cause, ElectrodeVerdict, LeadVerdict, Verdict
from devicehub.testing.heart import LEADS, Heart, leads_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DERIVED = ("III", "aVR", "aVL", "aVF")
HERTZ, PIECE = 250, 20


def verdict(*, bad: dict[str, tuple[str, Cause, float]] | None = None, **changes: Any) -> Verdict:
    """A firm verdict in which all is good but ``bad``: electrode or lead, state, cause and figure."""
    bad = bad or {}
    leads = {
        name: LeadVerdict.model_validate(
            {
                "state": bad[name][0],
                "probability_bad": 0.97,
                "causes": {bad[name][1]: bad[name][2]},
            }
            if name in bad
            else {"state": "good", "probability_bad": 0.05, "derived": name in DERIVED}
        )
        for name in STANDARD
    }
    electrodes = {
        name: ElectrodeVerdict.model_validate(
            {"state": bad[name][0], "cause": bad[name][1]} if name in bad else {"state": "good"}
        )
        for name in ELECTRODES
    }
    known: dict[str, Any] = {
        "at": 20.0,
        "seconds": 10.0,
        "firm": not bad,
        "ready": not bad,
        "probability_bad": 0.9 if bad else 0.1,
        "leads": leads,
        "electrodes": electrodes,
        "swap_visible": not bad,
    }
    return Verdict(**known | changes)


def shown(phase: str = "running", **changes: Any) -> EcgShown:
    began = now() - timedelta(seconds=47)
    return EcgShown(device="ecg", name="ECG", phase=phase, began=began, **changes)  # type: ignore[arg-type]  # a phase


STATES = {
    "waiting": shown("waiting"),
    "off": shown(verdict=verdict(bad={"V3": ("off", "off", 1.0)}), retries=1),
    "mains": shown(
        verdict=verdict(
            bad={
                "LA": ("poor", "mains", 0.0),
                "I": ("poor", "mains", 0.31),
                "III": ("poor", "mains", 0.29),
            },
            mains_hz=50,
        )
    ),
    "swap": shown(verdict=verdict(swap="RA/LL")),
    "ready": shown(verdict=verdict(), ready_since=now(), retries=1),
    "others": shown("others", verdict=verdict()),
    "frozen": shown(verdict=verdict(), is_frozen=True),
    "anew": shown(is_anew=True),
    "unable": shown("waiting", unable="no_scale"),
}
SAYS = {
    "waiting": "En attente des électrodes",
    "off": "Pas prêt",
    "mains": "Pas prêt",
    "swap": "Électrodes inversées ?",
    "ready": "Prêt",
    "others": "Électrodes déjà posées",
    "frozen": "Signal arrêté",
    "anew": "Contrôle redémarré",
    "unable": "Signal non contrôlé",
}


@contextlib.asynccontextmanager
async def beating(station: Station) -> AsyncIterator[None]:
    """Traces of an invented heart, for as long as the block lasts."""
    heart = Heart(1)

    async def send() -> None:
        at = 0
        while True:
            leads = [leads_of(heart.potentials((at + one) / HERTZ)) for one in range(PIECE)]
            rows = {name: [round(each[name] / 5) for each in leads] for name in LEADS}
            station.ecg.trace("ecg", json.dumps({"at": at, "hertz": HERTZ, "leads": rows}))
            at += PIECE
            await asyncio.sleep(PIECE / HERTZ)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA in the panel."""
    if not AXE.is_file() and os.environ.get("CI") != "true":
        pytest.skip("axe-core is not installed; run npm ci in tests/node")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate(
        "rules => axe.run('#ecg', {runOnly: {type: 'tag', values: rules}})", WCAG
    )
    return [
        f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in found["violations"]
    ]


async def keep(page: Page, name: str) -> None:
    folder = os.environ.get("DEVICEHUB_SCREENSHOTS")
    if folder:
        await page.locator("#ecg").scroll_into_view_if_needed()
        await page.screenshot(path=str(Path(folder) / f"ecg-{name}.png"))


def panel(page: Page) -> Any:
    return page.locator("#ecg-panel")


@pytest.mark.parametrize("state", STATES)
async def test_every_state_says_itself_in_words(
    state: str, watched: Watched, station: Station
) -> None:
    page = watched.page
    station.board.visit(visit(), ALICE)
    async with beating(station):
        station.ecg.show("ecg", STATES["ready"])
        await expect(page.locator("#ecg-traces")).to_have_attribute("data-state", "live")
        station.ecg.show("ecg", STATES[state])
        await expect(panel(page).locator("h2 strong")).to_have_text(SAYS[state])
        for scheme, width, height in (("light", 1024, 600), ("dark", 1920, 1080)):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
            await page.set_viewport_size({"width": width, "height": height})
            await asyncio.sleep(0.6 if os.environ.get("DEVICEHUB_SCREENSHOTS") else 0)
            await keep(page, f"{state}-{width}-{scheme}")
            assert await violations(page) == []
            wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not wide, f"scrolls sideways at {width}"
    is_done = SAYS[state] == "Prêt"
    assert (await panel(page).inner_text()).count("Terminer la préparation") == is_done
    assert watched.complaints == []


async def test_a_bad_electrode_has_its_colour_reason_and_advice(
    watched: Watched, station: Station
) -> None:
    page = watched.page
    station.ecg.show("ecg", STATES["off"])
    light = page.locator('[data-electrode="V3"]')
    await expect(light).to_have_attribute("data-state", "off")
    await expect(light).to_contain_text("C3")
    await expect(light).to_contain_text("décollée")
    await expect(page.locator(".ecg-advice")).to_contain_text("C3 (blanc/vert)")
    await expect(page.locator('[data-lead="V3"]')).to_contain_text("perdue")
    station.ecg.show("ecg", STATES["mains"])
    await expect(page.locator(".ecg-advice")).to_contain_text("L (jaune)")
    await expect(page.locator('[data-lead="I"]')).to_contain_text("secteur 0,31 mV")
    station.ecg.show("ecg", STATES["swap"])
    await expect(panel(page)).to_contain_text("R (rouge) et F (vert)")
    await expect(panel(page)).to_contain_text("ne se voit pas dans le signal")
    assert watched.complaints == []


async def test_nothing_old_looks_live(watched: Watched, station: Station) -> None:
    page = watched.page
    station.ecg.show("ecg", STATES["ready"])
    async with beating(station):
        await expect(page.locator("#ecg-traces")).to_have_attribute("data-state", "live")
    await expect(page.locator("#ecg-traces")).to_have_attribute("data-state", "frozen")
    await expect(page.locator("#ecg-frozen")).to_contain_text("Tracé figé à")
    station.ecg.show("ecg", STATES["frozen"])
    for electrode in ("RA", "V6"):
        light = page.locator(f'[data-electrode="{electrode}"]')
        await expect(light).to_have_attribute("data-state", "unknown")
    await station.stop()
    await expect(page.locator("#ecg")).to_have_attribute("data-link", "lost")


async def test_somebody_elses_electrodes_are_not_shown(watched: Watched, station: Station) -> None:
    page = watched.page
    async with beating(station):
        station.ecg.show("ecg", STATES["others"])
        await expect(panel(page)).to_contain_text("Ces électrodes étaient déjà posées")
        await expect(page.locator("[data-electrode]")).to_have_count(0)
        await expect(page.locator("[data-lead]")).to_have_count(0)
        await expect(page.locator("#ecg-traces")).to_have_attribute("data-state", "empty")


@pytest.mark.parametrize("state", ["others", "waiting", "unable"])
async def test_where_nothing_is_drawn_nothing_stands_beneath_the_bar(
    state: str, watched: Watched, station: Station
) -> None:
    page = watched.page
    async with beating(station):
        station.ecg.show("ecg", STATES["ready"])
        await expect(page.locator("#ecg-traces")).to_have_attribute("data-state", "live")
        station.ecg.show("ecg", STATES[state])
        await expect(page.locator("#ecg-traces")).to_have_attribute("data-state", "empty")
        beneath = await page.evaluate(
            """() => document.getElementById("ecg").getBoundingClientRect().bottom
                - document.querySelector(".ecg-head").getBoundingClientRect().bottom"""
        )
        assert beneath < 1
        station.ecg.show("ecg", STATES["ready"])
        await expect(page.locator("#ecg-lines")).to_be_visible()


async def test_a_lead_at_its_limits_stays_in_its_own_lane(
    watched: Watched, station: Station
) -> None:
    page = watched.page
    station.ecg.show("ecg", STATES["off"])
    await expect(page.locator('[data-lead="V3"]')).to_have_attribute("data-state", "off")
    flat = dict.fromkeys(LEADS, [0] * HERTZ)
    rows = flat | {"V3": [2000, -2000] * (HERTZ // 2)}
    station.ecg.trace("ecg", json.dumps({"at": 0, "hertz": HERTZ, "leads": rows}))
    # How far the pixels in the colour of a lead that is off reach from top to bottom, in millimetres.
    reach = """() => {
        const canvas = document.getElementById("ecg-lines");
        const {width, height} = canvas;
        if (!width || !height) return 0;
        const seen = canvas.getContext("2d").getImageData(0, 0, width, height).data;
        const rows = [];
        for (let at = 0; at < seen.length; at += 4)
            if (seen[at + 3] > 200 && seen[at] > 120 && seen[at] > 3 * seen[at + 1])
                rows.push(Math.floor(at / 4 / width));
        if (!rows.length) return 0;
        const reach = rows.reduce((a, b) => Math.max(a, b)) - rows.reduce((a, b) => Math.min(a, b));
        return reach / devicePixelRatio / (96 / 25.4);
    }"""
    async with asyncio.timeout(20):
        while await page.evaluate(reach) <= 10:
            await page.wait_for_timeout(50)
    # A lane is 13 mm, of which 5.2 lie below the line; the calibration and the name reach 11 above it.
    assert await page.evaluate(reach) < 17


async def test_a_refusal_is_told_and_the_keyboard_reaches_the_button(
    watched: Watched, station: Station
) -> None:
    page = watched.page
    await station.visit(ALICE)
    station.ecg.show("ecg", STATES["ready"])
    button = page.locator("#ecg-finish")
    await expect(button).to_be_enabled()
    await button.focus()
    # A new verdict redraws the panel under the focus, which stays.
    station.ecg.show("ecg", STATES["swap"])
    await expect(page.locator("#ecg-finish")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".ecg-why")).to_contain_text("rien à terminer")


async def test_a_hand_on_its_way_to_one_patients_button_does_not_meet_the_next_ones(
    watched: Watched, station: Station
) -> None:
    page = await stand_still(watched, station)
    await station.visit(ALICE)
    station.ecg.show("ecg", STATES["others"])
    button = page.locator("#ecg-begin")
    await expect(button).to_be_disabled()
    await page.clock.run_for(SETTLE)
    await expect(button).to_be_enabled()
    station.ecg.show("ecg", shown("others", is_frozen=True))
    await expect(panel(page).locator("h2 strong")).to_have_text(SAYS["frozen"])
    await expect(button).to_be_enabled()
    await button.focus()
    opened = await station.visit(BRUNO)
    await expect(button).to_have_attribute("data-ecg-said", f'{{"visit":"{opened.id}"}}')
    await expect(button).to_be_disabled()
    await page.clock.run_for(SETTLE - 1)
    await expect(button).to_be_disabled()
    await page.clock.run_for(1)
    await expect(button).to_be_enabled()
    await expect(button).to_be_focused()
    await button.click()
    await expect(page.locator(".ecg-why")).to_contain_text("rien à terminer")


async def test_a_stream_that_ends_leaves_no_panel(watched: Watched, station: Station) -> None:
    page = watched.page
    station.ecg.show("ecg", STATES["ready"])
    await expect(page.locator("#ecg")).to_be_visible()
    station.ecg.show("ecg", None)
    await expect(page.locator("#ecg")).to_be_hidden()
