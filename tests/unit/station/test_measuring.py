"""The series and what is absent, through the station's HTTP on a real journal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from invented import filed, pressure

from devicehub.delivery.dossier_api import DossierApi
from devicehub.devices.passkeys import Passkeys
from devicehub.driver import Kind
from devicehub.journal.journal import Journal
from devicehub.journal.seal import Seal
from devicehub.station.board import Board
from devicehub.station.expecting import Listed
from devicehub.station.hub import Hub
from devicehub.station.rendering import Rendering
from devicehub.station.routes import station_app
from devicehub.station.sessions import Sessions
from devicehub.transport.hands import station_now
from devicehub.visit.by_hand import ByHand
from devicehub.visit.deriver import Deriver
from devicehub.visit.desk import Desk
from devicehub.visit.operators import Operators
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.review import Review
from devicehub.visit.series import SeriesRules

ALICE = PatientIdentity(family_name="TEST", given_name="Alice", born=date(1970, 1, 1), sex="F")


class Station:
    """A station without operators: whoever stands at the page measures. A browser is in front of it."""

    def __init__(self, journal: Journal, dossier: DossierApi, folder: Path) -> None:
        self.journal = journal
        board = Board(simulation=True)
        self.desk = Desk(
            journal,
            station="room-1",
            grace=timedelta(seconds=120),
            confirm="none",
            dossier=dossier,
            seal=Seal(folder / "identity.key"),
            show=board.visit,
        )
        self.deriver = Deriver(journal, version="9", known=self.desk.patient_before)
        hub = Hub(
            board=board,
            desk=self.desk,
            review=Review(journal, self.desk),
            deriver=self.deriver,
            by_hand=ByHand(journal, self.desk, origin="simulator", version="9"),
            sessions=Sessions(Operators.of(folder), idle=timedelta(minutes=5)),
            rendering=Rendering(),
            language="en",
            rules=SeriesRules(rest_seconds=0, interval_seconds=0, count=2),
            listed=[Listed("scale", "Balance", on_radio=True)],
            tells=lambda _driver: frozenset[Kind](),
            passkeys=Passkeys(board.passkeys),
        )
        self.browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(station_app(hub)), base_url="http://127.0.0.1"
        )

    async def get(self, path: str) -> Any:
        answer = await self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **said: Any) -> httpx.Response:
        return await self.browser.post(path, json=said)

    async def say(self, act: str, **said: Any) -> httpx.Response:
        """Of the series that is shown."""
        shown = (await self.get("/api/series"))["series"]
        return await self.post(f"/api/series/{act}", series=shown["id"], **said)


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[Station]:
    async with (
        Journal(tmp_path / "journal.sqlite") as journal,
        DossierApi("http://127.0.0.1:9") as dossier,
    ):
        station = Station(journal, dossier, tmp_path)
        async with station.browser:
            yield station


async def test_a_series_from_the_first_button_to_the_mean(station: Station) -> None:
    refused = await station.post("/api/series", visit="v-none")
    assert (refused.status_code, (await station.get("/api/series"))["series"]) == (409, None)
    visit = (await station.desk.open(ALICE, author="a")).id
    assert (await station.post("/api/series", visit=visit, both_arms=True)).status_code == 409
    assert (await station.post("/api/series", visit=visit, arm="left")).status_code == 204
    shown = (await station.get("/api/series"))["series"]
    assert (shown["act"], shown["number"], shown["count"], shown["arm"]) == (
        "measure",
        1,
        2,
        "left",
    )
    assert shown["text"] == "Measurement 1 of 2: press the button of the cuff."
    assert (await station.say("arm", arm="right")).status_code == 204
    for number, systolic in enumerate((150, 140), start=1):
        at = station_now() + timedelta(minutes=number)
        await station.journal.file([filed(pressure(systolic), visit=visit, at=at)])
    await station.deriver.settle(visit)
    shown = (await station.get("/api/series?lang=fr"))["series"]
    assert (shown["act"], shown["text"]) == ("done", "Série terminée.")
    assert shown["mean"]["values"]["systolic_mmhg"] == 145
    assert shown["mean"]["settled"]
    assert [one["label"] for one in shown["members"]] == ["bras droit, assis"] * 2


async def test_a_step_that_is_none_and_a_page_that_is_anothers_are_refused(
    station: Station,
) -> None:
    visit = (await station.desk.open(ALICE, author="a")).id
    none = await station.post("/api/series/stood_up", series=str(uuid4()))
    assert none.status_code == 409
    await station.post("/api/series", visit=visit)
    assert (await station.say("jump")).status_code == 422
    assert (await station.say("arm")).status_code == 422
    foreign = await station.browser.post(
        "/api/series", json={}, headers={"origin": "https://example.org"}
    )
    assert foreign.status_code == 403


async def test_what_is_said_of_a_series_is_for_the_one_that_was_shown(station: Station) -> None:
    """A second browser whose line stands still shows the patient before, and their series."""
    before = (await station.desk.open(ALICE, author="a")).id
    await station.post("/api/series", visit=before, arm="left")
    shown = (await station.get("/api/series"))["series"]["id"]
    present = (await station.desk.open(ALICE, author="a", closes=before)).id
    stale = await station.post("/api/series", visit=before, arm="left")
    assert (stale.status_code, await station.get("/api/series")) == (409, {"series": None})
    assert "look at the patient" in stale.json()["error"]
    await station.post("/api/series", visit=present, arm="left")
    now = await station.get("/api/series")
    for act in ("rest_over", "stood_up", "end", "arm", "choose_arm"):
        stale = await station.post(f"/api/series/{act}", series=shown, arm="right")
        assert stale.status_code == 409, act
    assert await station.get("/api/series") == now
    assert (await station.say("end")).status_code == 204


async def test_a_label_is_corrected_while_the_visit_is_open_and_its_patient_confirmed(
    station: Station,
) -> None:
    visit = (await station.desk.open(ALICE, author="a")).id
    await station.post("/api/series", visit=visit, arm="left")
    several = [
        filed(pressure(systolic), visit=visit, at=station_now() + timedelta(minutes=number))
        for number, systolic in enumerate((150, 140), start=1)
    ]
    await station.journal.file(several)
    await station.deriver.settle(visit)
    first, second = (f"/api/series/relabel/{one.reading.id}" for one in several)
    right = {"arm": "right", "posture": "seated"}
    assert (await station.post(first, **right)).status_code == 204
    shown = (await station.get("/api/series"))["series"]
    assert [one["label"] for one in shown["members"]] == ["right arm, seated", "left arm, seated"]
    assert (shown["act"], shown["mean"]) == ("measure", None)
    for nothing in ({}, {"arm": "right"}, {"arm": "right", "posture": "asleep"}):
        assert (await station.post(first, **nothing)).status_code == 422
    unknown = f"/api/series/relabel/{uuid4()}"
    assert (await station.post(unknown, **right)).status_code == 409
    await station.desk.lock(author="a", reason="asked")
    assert (await station.post(second, **right)).status_code == 409
    await station.desk.unlock(visit, author="a")
    assert (await station.post(second, **right)).status_code == 204
    assert (await station.get("/api/series"))["series"]["arm"] == "right"
    await station.desk.close(author="a")
    assert (await station.post(second, **right)).status_code == 409


async def test_what_is_absent_is_told_with_its_cause_and_the_next_act(station: Station) -> None:
    assert await station.get("/api/absent") == {"absent": [], "not_filed": None}
    await station.desk.open(ALICE, author="a", plan=["body_weight"])
    told = await station.get("/api/absent?lang=fr")
    ((one,), (cause,)) = told["absent"], told["absent"][0]["causes"]
    assert (one["kind"], cause["code"]) == ("body_weight", "unknown_device")
    assert "jamais entendu, n’est pas connu" in cause["what"]
    assert "Balance" in cause["what"]
    assert "réveillez-le" in cause["act"]
