"""Words: both catalogues say the same things, and figures are told as people of either language read them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from station_room import pressure, temperature, weight

from devicehub.delivery.wire import DeviceState
from devicehub.devices.evidence import Level
from devicehub.driver import KINDS, BloodPressure, Glucose, OxygenSaturation
from devicehub.driver.measurement import Flag, TemperatureSite
from devicehub.journal.records import QuarantineReason, State
from devicehub.station import words
from devicehub.station.words import Words, catalogue
from devicehub.transport.failures import RadioFault
from devicehub.transport.scanning import Listening
from devicehub.transport.stack import Purpose

STATION = Path(words.__file__).parent


def test_both_catalogues_have_the_same_keys_and_placeholders() -> None:
    french, english = catalogue("fr"), catalogue("en")
    assert french.keys() == english.keys()
    for key, text in french.items():
        slots = set(re.findall(r"{(\w+)}", text))
        assert slots == set(re.findall(r"{(\w+)}", english[key])), key
        assert english[key].strip(), key


def test_no_french_line_begins_with_a_colon_or_a_question_mark() -> None:
    for key, text in catalogue("fr").items():
        assert not re.search(r" [:;?!%»]|« ", text), key


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (5, "5 s"), (90, "1 min 30 s"), (300, "5 min")]
)
def test_a_rest_is_told_to_the_second(seconds: int, text: str) -> None:
    told = Words("fr").whole_duration(timedelta(seconds=seconds))
    assert " ".join(told.split()) == text


def test_no_word_is_left_over() -> None:
    """Every key stands in the code or a template, whole or as the part before a value's own name."""
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in [*STATION.glob("*.py"), *STATION.glob("templates/*.html")]
    )
    for key in catalogue("fr"):
        name = key.removesuffix(".one").removesuffix(".other")
        family = name.rpartition(".")[0]
        used = f'"{name}"' in text or f"'{name}'" in text
        assert used or re.search(rf"""["']{re.escape(family)}\.["'{{]""", text), key


def test_every_state_reason_flag_and_kind_has_its_word() -> None:
    from typing import get_args

    fields = [field for several in words._FIELDS.values() for field in several]
    units = {field.unit for field in fields}
    for language in words.LANGUAGES:
        said = catalogue(language)
        for family, names in (
            ("state", get_args(State)),
            ("reason", get_args(QuarantineReason)),
            ("flag", get_args(Flag)),
            ("kind", KINDS),
            ("figure", [field.name for field in fields]),
            ("unit", units),
            ("spoken", units),
            ("site", get_args(TemperatureSite)),
            ("evidence", get_args(Level)),
            ("fault", get_args(RadioFault)),
            ("radio", (*get_args(Listening), "lost")),
            ("passkey", ("type_here", *get_args(Purpose))),
            ("device", get_args(DeviceState.model_fields["state"].annotation)),
        ):
            assert [name for name in names if f"{family}.{name}" not in said] == [], language


@pytest.mark.parametrize(
    ("language", "texts", "spoken"),
    [
        ("fr", ["128/76", "71,45", "36,8"], "Tension 128 sur 76 millimètres de mercure"),
        ("en", ["128/76", "71.45", "36.8"], "Blood pressure 128 over 76 millimetres of mercury"),
    ],
)
def test_figures_have_the_languages_decimal_sign(
    language: words.Language, texts: list[str], spoken: str
) -> None:
    say = Words(language)
    figures = [say.figures(m)[0] for m in (pressure(), weight(), temperature())]
    assert [figure.text for figure in figures] == texts
    assert figures[0].spoken == spoken


def test_what_could_not_be_measured_is_said_so() -> None:
    (figure, *_) = Words("fr").figures(BloodPressure(systolic_mmhg=None))
    assert figure.text == "–/–"
    assert "non mesuré" in figure.spoken


def test_a_glucose_is_told_in_every_unit_a_meter_or_a_laboratory_shows() -> None:
    """104 mg/dL is 1.04 g/L, and 104 / 18.0156 = 5.77 mmol/L."""
    glucose = Glucose.model_validate({"milligrams_per_decilitre": "104"})
    told = " ".join(Words("fr").value(glucose).split())
    assert told == "104 mg/dL, soit 1,04 g/L, ou 5,8 mmol/L"
    assert len(Words("fr").figures(Glucose())) == 1


def test_on_one_line_each_value_but_the_first_says_what_it_is() -> None:
    oxygen = OxygenSaturation.model_validate(
        {"percent": 92, "pulse_per_minute": 72, "perfusion_index_percent": "7.4"}
    )
    told = " ".join(Words("fr").value(oxygen).split())
    assert told == "92 %, pouls 72 /min, indice de perfusion 7,4 %"
    assert " ".join(Words("fr").value(pressure()).split()) == "128/76 mmHg, pouls 71 /min"
