"""Words: both catalogues say the same things, and figures are told as people of either language read them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from station_room import pressure, temperature, weight

from devicehub.delivery.wire import DeviceState
from devicehub.devices.news import Why
from devicehub.driver import KINDS, BloodPressure
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

    for language in words.LANGUAGES:
        said = catalogue(language)
        for family, names in (
            ("state", get_args(State)),
            ("reason", get_args(QuarantineReason)),
            ("flag", get_args(Flag)),
            ("kind", KINDS),
            ("figure", words.FIGURES),
            ("unit", words.UNITS),
            ("spoken", words.UNITS),
            ("site", get_args(TemperatureSite)),
            ("why", get_args(Why)),
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
