"""What `devicehub dossier show` prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from devicehub.dossier.filing import LIVE_ONLY, Arrival
from devicehub.dossier.show import KINDS, WORDS, show
from devicehub.dossier.store import DossierStore
from devicehub.dossier.visits import UnknownVisit
from devicehub.driver import KINDS as ALL_KINDS
from devicehub.driver import BodyMassIndex, BodyTemperature, BodyWeight
from devicehub.driver.measurement import TemperatureSite
from devicehub.gatt import glucose
from devicehub.visit.derivations import SUPERSEDED
from devicehub.visit.review import Reason

Arrive = Callable[..., Arrival]


@pytest.fixture
def path(store: DossierStore, visit: str, arrive: Arrive, tmp_path: Path) -> Path:
    warm = BodyTemperature(celsius=Decimal("36.6"), site="ear")
    weight = BodyWeight(kilograms=Decimal(70), stable=True)
    arrivals = [
        arrive(visit, 0),
        arrive(visit, 1, changes={"measurement": warm}),
        arrive(visit, 2, changes={"measurement": weight}),
        arrive(
            None, 2, 2, changes={"measurement": weight}, action="withdraw", reason="wrong_patient"
        ),
    ]
    store.file(arrivals, accepts_simulators=False)
    return tmp_path / "dossier.sqlite"


def test_a_person_reads_a_table(path: Path, visit: str) -> None:
    heading, pressure, warm, weight, *words = show(path)
    assert heading.split() == [
        *("reçu", "mesure", "valeurs", "appareil", "pilote", "rév.", "visite", "état")
    ]
    assert "pression artérielle  sys 128 mmHg, dia 82 mmHg, PAM 97 mmHg, pouls 71 /min" in pressure
    assert "cuff-1 (ACME C1)  sig_blood_pressure 1  1     " + visit in pressure
    assert pressure.endswith("classé")
    assert "36,6 °C, site oreille" in warm
    assert "70 kg" in weight
    assert weight.endswith("retiré")
    assert ["attribué" in line for line in words] == [True, False]
    assert "retiré (mauvais patient)" in words[1]


def test_a_program_reads_one_object_a_line(path: Path, visit: str) -> None:
    lines = [json.loads(line) for line in show(path, visit=visit, as_json=True)]
    assert [line["reading"]["measurement"]["kind"] for line in lines] == [
        *("blood_pressure", "body_temperature", "body_weight")
    ]
    assert [line["withdrawn"] for line in lines] == [False, False, True]
    assert [word["action"] for word in lines[2]["revisions"]] == ["assign", "withdraw"]


def test_an_empty_dossier_and_an_unknown_visit_are_said(tmp_path: Path) -> None:
    DossierStore(tmp_path / "empty.sqlite").close()
    assert list(show(tmp_path / "empty.sqlite")) == ["rien n'est classé"]
    with pytest.raises(UnknownVisit):
        list(show(tmp_path / "empty.sqlite", visit="v-0"))


def test_every_kind_that_is_filed_has_a_french_name() -> None:
    assert set(KINDS) == set(ALL_KINDS) - LIVE_ONLY


@pytest.mark.parametrize(
    "said",
    [
        *get_args(TemperatureSite),
        *get_args(Reason),
        SUPERSEDED,
        *glucose._SAMPLES.values(),
        *glucose._LOCATIONS.values(),
        *glucose._MEALS.values(),
    ],
)
def test_every_word_of_a_closed_list_is_french_in_french(said: str) -> None:
    assert said in WORDS


@pytest.mark.parametrize(
    ("source", "shown"), [("derived", "IMC (calculé)"), ("typed", "IMC (saisi à la main)")]
)
def test_what_no_device_measured_says_so(
    store: DossierStore,
    visit: str,
    arrive: Arrive,
    tmp_path: Path,
    source: str,
    shown: str,
) -> None:
    index = BodyMassIndex(kilograms_per_square_metre=Decimal(25))
    changes = {"measurement": index, "source": source}
    store.file([arrive(visit, 0, changes=changes)], accepts_simulators=False)
    assert shown in list(show(tmp_path / "dossier.sqlite"))[1]
