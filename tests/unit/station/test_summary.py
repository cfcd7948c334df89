"""The summary of a visit: every value with its source and state, what is missing, and who may see it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from invented import filed, pressure, weight
from record_room import ALICE, RecordRoom, hub_of, nobodys, preparation, record_room

from devicehub.driver import BodyMassIndex, BodyTemperature
from devicehub.reading.derivation import Derivation, Member
from devicehub.reading.derived import derive
from devicehub.reading.typed import typed
from devicehub.station.routes import station_app
from devicehub.station.sessions import COOKIE
from devicehub.station.summary import Summaries
from devicehub.transport.hands import station_now
from devicehub.visit.operators import NOBODY, Operator


class Front:
    """A browser before the station, and the room behind it."""

    def __init__(self, room: RecordRoom, folder: Path) -> None:
        self.room = room
        self.hub = hub_of(room, folder)
        app = station_app(self.hub, more=[Summaries(self.hub, room.journal)])
        self.browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        )

    async def read(self, path: str = "/summary") -> str:
        answer = await self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def sign_in(self, role: str) -> None:
        operator = Operator.model_validate({"id": role, "name": role, "role": role})
        self.hub.sessions.operators.add(operator, "1234")
        self.browser.cookies.set(COOKIE, self.hub.sessions.begin(operator))


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    async with record_room(tmp_path) as room:
        front = Front(room, tmp_path)
        async with front.browser:
            yield front


def plain(html: str) -> str:
    """What a person reads: no tags, one space between words."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def row(html: str, kind: str) -> str:
    """The rows of one kind, as a person reads them."""
    found = re.findall(rf'<tr data-kind="{kind}".*?</tr>', html, re.DOTALL)
    return plain(" ".join(found))


async def test_it_says_whose_visit_it_is_and_who_answers_for_it(front: Front) -> None:
    text = plain(await front.read())
    assert "TEST Alice" in text
    assert "Née le 01/01/1970" in text
    assert "Médecin responsable : Dr TEST" in text
    assert "Aucune valeur pour le moment." in text


async def test_a_value_comes_with_unit_source_device_and_state(front: Front) -> None:
    await front.room.file(weight("67.9"), "filed")
    told = row(await front.read(), "body_weight")
    for part in ("67,9", "kg", "Mesuré", "Tensiomètre", "TEST Maker Cuff 1", "n° A1"):
        assert part in told
    assert "Classé" in told
    assert "67.9" in row(await front.read("/summary?lang=en"), "body_weight")


async def test_what_is_not_filed_and_what_is_doubtful_says_so(front: Front) -> None:
    await front.room.file(weight("48.0"), "to_review")
    told = row(await front.read(), "body_weight")
    assert "À confirmer" in told
    assert "Attend la confirmation" in told
    assert "Poids éloigné du dernier connu" in told
    shaken = pressure(150).model_copy(update={"flags": ("body_movement",)})
    await front.room.file(shaken, "accepted")
    told = row(await front.read(), "blood_pressure")
    assert "Mouvement pendant la mesure" in told
    assert "Enregistré" in told


@pytest.mark.parametrize("name", ["Dr TEST", None])
async def test_what_a_person_confirmed_says_so_and_asks_no_more(
    front: Front, name: str | None
) -> None:
    """Whoever has a name signs with it; where nobody signs in, nobody has one."""
    physician = Operator(id="dr-test", name=name, role="physician") if name else NOBODY
    if name:
        front.hub.sessions.operators.add(physician, "1234")
        front.browser.cookies.set(COOKIE, front.hub.sessions.begin(physician))
    one = await front.room.file(weight("48.0"), "to_review")
    review, reading = front.hub.review, one.reading.id
    await review.accept(reading, 1, by=physician)
    said = f"Confirmé par {name}" if name else "Confirmé au poste"
    told = row(await front.read(), "body_weight")
    assert said in told
    assert "Poids éloigné du dernier connu." in told
    assert "confirmez" not in told
    await review.undo(reading, 1, by=physician)
    told = row(await front.read(), "body_weight")
    assert "Confirmé" not in told
    assert "confirmez que c’est bien ce patient" in told
    await review.reject(reading, 1, by=physician, reason="moved")
    assert "Confirmé" not in plain(await front.read())


async def test_what_the_practices_rule_accepted_is_confirmed_by_nobody(front: Front) -> None:
    await front.room.file(weight("67.9"), "filed")
    assert "Confirmé" not in plain(await front.read())


async def test_a_measurement_of_a_series_says_who_confirmed_it(front: Front) -> None:
    one = await front.room.file(pressure(150), "to_review")
    await front.hub.review.accept(one.reading.id, 1, by=NOBODY)
    series = Derivation(
        rule="blood_pressure_series", members=(Member(reading=one.reading.id, arm="left"),)
    )
    made = derive(pressure(150), series, [one.reading], version="1")
    attribution = one.attribution.model_copy(update={"reading": made.id})
    await front.room.journal.file(
        [one.model_copy(update={"reading": made, "attribution": attribution, "state": "accepted"})]
    )
    told = row(await front.read(), "blood_pressure")
    assert re.search(r"150/.*? bras gauche · compté · Confirmé au poste", told)


async def test_a_value_no_sensor_measures_does_not_ask_who_the_patient_is(front: Front) -> None:
    made = filed(weight("900"), at=station_now(), visit=front.room.visit.id, state="invalid")
    reading = made.reading.model_copy(update={"plausibility": "impossible"})
    await front.room.journal.file([made.model_copy(update={"reading": reading})])
    told = plain(await front.read())
    assert "900" in told
    assert "confirmez que c’est bien ce patient" not in told


async def test_a_series_is_its_mean_with_its_members_below(front: Front) -> None:
    await front.room.series([(150, 90), (140, 86), (136, 84)])
    html = await front.read()
    assert html.count('<tr data-kind="blood_pressure"') == 1, "members are not repeated"
    told = row(html, "blood_pressure")
    assert "138/85" in told
    assert "TEST Maker Cuff 1" in told
    assert "Calculé" in told
    assert "Moyenne de 2 mesures, écart type 2,8/1,4 mmHg" in told
    assert re.search(r"150/90 .*? bras gauche, assis · non compté", told)
    assert re.search(r"140/86 .*? bras gauche, assis · compté", told)


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_mode_that_needs_an_operator_stands_with_the_value(
    front: Front, *, accepted: bool
) -> None:
    made = filed(pressure(150), at=station_now(), visit=front.room.visit.id)
    by_ear = made.reading.model_copy(update={"automatic": False})
    await front.room.journal.file(
        [made.model_copy(update={"reading": by_ear, "state": "to_review"})]
    )
    if accepted:
        physician = Operator(id="dr-test", name="Dr TEST", role="physician")
        await front.hub.review.accept(by_ear.id, 1, by=physician)
    for role in ("assistant", "physician"):
        front.sign_in(role)
        told = row(await front.read(), "blood_pressure")
        assert told.count("Mode non entièrement automatique") == 1


async def test_a_body_mass_index_names_what_it_was_made_of(front: Front) -> None:
    room = front.room
    weighed = await room.file(weight("67.9"), "accepted")
    tall = next(one for one in room.desk.earlier(room.visit.id) if one.kind == "body_height")
    derivation = Derivation(
        rule="body_mass_index",
        members=(
            Member(reading=weighed.reading.id),
            Member(reading=tall.reading, from_record=True),
        ),
    )
    index = BodyMassIndex(kilograms_per_square_metre=Decimal("24.1"))
    made = derive(index, derivation, [weighed.reading], version="1")
    attribution = weighed.attribution.model_copy(update={"reading": made.id})
    await room.journal.file(
        [weighed.model_copy(update={"reading": made, "attribution": attribution})]
    )
    told = row(await front.read(), "body_mass_index")
    assert re.search(r"D’après : Poids 67,9 kg, Taille 168 cm \(du dossier, le \d\d/", told)


async def test_a_typed_value_names_its_author(front: Front) -> None:
    room = front.room
    reading = typed(
        BodyTemperature(celsius=Decimal("37.2")),
        author="dr-test",
        at=station_now(),
        origin="simulator",
        version="1",
    )
    like = await room.file(weight("67.9"), "accepted")
    attribution = like.attribution.model_copy(update={"reading": reading.id})
    await room.journal.file(
        [like.model_copy(update={"reading": reading, "attribution": attribution})]
    )
    physician = Operator(id="dr-test", name="Dr TEST", role="physician")
    front.hub.sessions.operators.add(physician, "1234")
    front.browser.cookies.set(COOKIE, front.hub.sessions.begin(physician))
    told = row(await front.read(), "body_temperature")
    assert "par Dr TEST" in told
    assert "by-hand" not in told


async def test_the_preparation_of_an_ecg_tells_how_it_went(front: Front) -> None:
    await front.room.file(preparation(ready=False), "filed")
    told = row(await front.read(), "ecg_preparation")
    for part in ("Pas prêt", "Durée 1 min", "Reprises 2", "À revoir C3 (blanc/vert)"):
        assert part in told


async def test_what_was_rejected_is_left_out_and_kept_in_sight(front: Front) -> None:
    await front.room.file(weight("67.9"), "rejected")
    html = await front.read()
    out = html.index('id="left-out"')
    assert html.index('data-kind="body_weight"') > out
    assert "Rejeté" in plain(html[out:])


async def test_what_was_withdrawn_is_left_out_of_the_visit_it_was_taken_from(
    front: Front,
) -> None:
    one = await front.room.file(weight("67.9"), "filed")
    await front.hub.review.withdraw(
        one.reading.id,
        1,
        by=Operator(id="dr-test", name="Dr TEST", role="physician"),
        reason="duplicate",
    )
    html = await front.read()
    out = plain(html[html.index('id="left-out"') :])
    assert "67,9" in out
    assert "Retiré" in out
    assert "Aucune valeur" in plain(html)
    visit = await front.room.desk.open(ALICE, author="page", closes=front.room.visit.id)
    assert 'id="left-out"' not in await front.read(f"/summary/{visit.id}")
    assert "Retiré" in plain(await front.read(f"/summary/{front.room.visit.id}"))


async def test_what_is_planned_and_absent_has_its_cause_and_next_act(front: Front) -> None:
    text = plain(await front.read())
    assert "Prévu et absent" in text
    assert "« Balance » ne s’est pas fait entendre" in text
    assert "Réveillez-le" in text
    await front.room.file(weight("67.9"), "accepted")
    assert "« Balance » ne s’est pas fait entendre" not in plain(await front.read())


async def test_a_closed_visit_tells_what_it_never_got(front: Front) -> None:
    await front.room.file(weight("67.9"), "filed")
    await front.room.desk.close(author="page")
    text = plain(await front.read())
    assert re.search(r"Visite du .* de \d\d:\d\d à \d\d:\d\d", text)
    missing = text[text.index("Prévu et absent") :]
    assert "Température N’a pas été mesuré" in missing
    assert "Poids N’a pas" not in missing


async def test_what_belongs_to_nobody_is_announced_and_not_shown(front: Front) -> None:
    await front.room.journal.file([nobodys(weight("91.2"))])
    text = plain(await front.read())
    assert "1 relevé arrivé pendant la visite n’est attribué à personne" in text
    assert "91,2" not in text


async def test_the_patients_earlier_values_are_drawn_and_told(front: Front) -> None:
    await front.room.file(weight("67.9"), "filed")
    html = await front.read()
    drawn = html[html.index('id="history"') :].replace("\N{NO-BREAK SPACE}", " ")
    assert drawn.count('role="img"') == 4, "weight, pressure, temperature, saturation"
    assert "Poids : 6 valeurs du" in drawn
    assert "67,4 kg" in plain(drawn)
    assert "style=" not in html


async def test_a_locked_visit_is_closed_to_everybody(front: Front) -> None:
    await front.room.file(weight("67.9"), "filed")
    await front.room.desk.lock(author="page", reason="asked")
    for path in ("/summary", f"/summary/{front.room.visit.id}"):
        answer = await front.browser.get(path)
        assert answer.status_code == 403
        assert "Alice" not in answer.text
        assert "67,9" not in answer.text


@pytest.mark.parametrize(
    ("role", "status"), [("assistant", 200), ("physician", 200), ("technician", 403)]
)
async def test_a_technician_sees_no_patient(front: Front, role: str, status: int) -> None:
    front.sign_in(role)
    answer = await front.browser.get("/summary")
    assert answer.status_code == status
    assert ("Alice" in answer.text) is (status == 200)


async def test_an_earlier_visit_of_the_day_is_found_by_its_id_and_no_other(front: Front) -> None:
    first = front.room.visit.id
    await front.room.file(weight("67.9"), "filed")
    bruno = front.room.board.picture.identity
    assert bruno is not None
    bruno = bruno.model_copy(update={"given_name": "Bruno"})
    await front.room.desk.open(bruno, author="page", closes=first)
    here = plain(await front.read())
    assert "TEST Bruno" in here
    assert "67,9" not in here
    assert "TEST Alice" in here, "the way to the other visit"
    await front.room.desk.reconcile()
    front.room.desk._identities.forget_but([])
    restarted = plain(await front.read())
    assert "TEST Alice" in restarted, "after a restart the dossier tells the name again"
    assert "valeurs d’avant" not in restarted, "it was compared when it came"
    there = plain(await front.read(f"/summary/{first}"))
    assert "67,9" in there
    assert (await front.browser.get("/summary/v-unknown")).status_code == 404


async def test_what_may_be_at_the_dossier_leads_to_its_acts_in_the_revision_that_is_shown(
    front: Front,
) -> None:
    """What is computed follows its sources; what waits is decided on its tile, what was rejected is nowhere else."""
    front.sign_in("assistant")
    room = front.room
    mean = await room.series([(149, 91), (141, 88), (137, 86)])
    filed = await room.file(weight("67.9"), "filed")
    waits = await room.file(weight("68.1"), "to_review")
    out = await room.file(weight("9"), "rejected")
    html = await front.read()
    assert mean.reading.derivation is not None
    members = [member.reading for member in mean.reading.derivation.members]
    for reading in (*members, filed.reading.id):
        assert html.count(f'href="/#/ask/reading/{reading}/1"') == 1
    for other in (mean, waits, out):
        assert f"/ask/reading/{other.reading.id}" not in html
    again = await room.desk.open(ALICE, author="page", closes=room.visit.id)
    await front.hub.review.reassign(
        filed.reading.id, 1, again.id, by=NOBODY, reason="wrong_patient"
    )
    assert f'href="/#/ask/reading/{filed.reading.id}/2"' in await front.read()
    assert str(filed.reading.id) not in await front.read(f"/summary/{room.visit.id}")


async def test_the_summary_leads_to_every_visit_that_the_station_remembers(front: Front) -> None:
    for _ in range(14):
        shown = front.room.desk.visit
        await front.room.desk.open(ALICE, author="page", closes=shown.id if shown else None)
    html = await front.read()
    assert f'href="/summary/{front.room.visit.id}"' in html
