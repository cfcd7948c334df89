"""One sentence per electrode and cause, in both languages, with the colour a person sees."""

from itertools import product

import pytest

from devicehub.ecg.advice import (
    Language,
    admit_blindness,
    advise,
    advise_chest,
    advise_swap,
    name,
)
from devicehub.ecg.leads import ELECTRODES
from devicehub.ecg.verdict import CAUSES, SWAPS, UNITS

HEART = ("cœur", "cardiaque", "heart", "rythme", "rhythm", "infarct", "arythmie")


def test_each_electrode_and_cause_has_a_sentence_of_its_own_in_both_languages() -> None:
    languages: tuple[Language, Language] = ("fr", "en")
    said = [advise(*one) for one in product(ELECTRODES, CAUSES, languages)]
    assert len(set(said)) == len(ELECTRODES) * len(CAUSES) * 2
    assert all(one.endswith(".") and one.count(". ") == 0 for one in said)


def test_the_colour_is_the_one_on_the_clip() -> None:
    assert name("RA", "fr") == "R (rouge)"
    assert name("V1", "en") == "C1 (white/red)"
    assert name("LL", "en", "aha") == "LL (red)"
    assert name("strap", "fr") == "strap"
    assert "R (rouge)" in advise("RA", "off", "fr")


@pytest.mark.parametrize("swap", SWAPS)
def test_an_exchange_names_both(swap: str) -> None:
    one, other = swap.split("/")
    sentence = advise_swap(swap, "fr")  # type: ignore[arg-type]  # parametrized from the Literal
    assert name(one, "fr") in sentence
    assert name(other, "fr") in sentence


def test_what_cannot_be_seen_is_said_plainly() -> None:
    assert "L (jaune)" in admit_blindness("fr")
    assert "F (vert)" in admit_blindness("fr")
    assert "cannot be seen" in admit_blindness("en")
    assert "hint" in advise_chest("V1/V2", "en")


def test_it_never_speaks_of_the_heart() -> None:
    languages: tuple[Language, Language] = ("fr", "en")
    said = " ".join(advise(*one) for one in product(ELECTRODES, CAUSES, languages)).lower()
    assert not [word for word in HEART if word in said]


def test_each_cause_has_a_unit() -> None:
    assert set(UNITS) == set(CAUSES)
