"""The INS data matrix: tags in any order, separators, key, authorities; and nothing from what is not whole."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.visit.ins import (
    GS,
    HEADER,
    INS_NIA,
    INS_NIR,
    INS_NIR_DEMO,
    INS_NIR_TEST,
    NotRead,
    has_right_key,
    read_ins,
)
from devicehub.visit.patient import Ins, PatientIdentity
from devicehub.visit.scan import VisitCode, read_scan

MATRICULE = "270019999900123"
LONGEST = {"S1": 15, "S2": 20, "S3": 100, "S4": 100, "S5": 1, "S6": 10, "S7": 5}
ALICE = {
    "S1": MATRICULE,
    "S2": INS_NIR,
    "S3": "ALICE MARIE-ANGE",
    "S4": "TEST D'ESSAI",
    "S5": "F",
    "S6": "01-01-1970",
    "S7": "99999",
}
VISIT = "v-0123456789abcdef0123"


def keyed(number: str) -> str:
    """A number of 13 signs with its key, worked out as the law words it for Corsica: less a million or two."""
    letters = {"2A": 1_000_000, "2B": 2_000_000}
    less = letters.get(number[5:7], 0)
    digits = int(number.replace("A", "0").replace("B", "0"))
    return f"{number}{97 - (digits - less) % 97:02}"


def code(fields: dict[str, str], header: str = HEADER) -> str:
    """The text of a code, its blocks in the order of ``fields``."""
    *_others, last = fields
    return header + "".join(
        tag + value + (GS if len(value) < LONGEST[tag] and tag != last else "")
        for tag, value in fields.items()
    )


def read(fields: dict[str, str]) -> PatientIdentity:
    return read_ins(code(fields), simulation=False)


def refusal(text: str) -> str:
    with pytest.raises(NotRead) as refused:
        read_ins(text, simulation=False)
    return refused.value.reason


def outcome(sent: bytes) -> PatientIdentity | VisitCode | NotRead | None:
    """What a line of a reader gives, refusals included."""
    try:
        return read_scan(sent, simulation=False)
    except NotRead as refused:
        return refused


names = st.from_regex(r"\A[A-Z']([A-Z-]|[ '](?=[A-Z-])){0,98}[A-Z]\Z").filter(
    lambda name: not re.search(r"[ ']{2}", name)
)
numbers = st.one_of(
    st.from_regex(r"\A[1-8][0-9]{12}\Z"), st.from_regex(r"\A[1-8][0-9]{4}2[AB][0-9]{6}\Z")
)
matricules = numbers.map(keyed)
patients = st.fixed_dictionaries(
    {
        "S1": matricules,
        "S2": st.sampled_from([INS_NIR, INS_NIA]),
        "S3": names,
        "S4": names | st.just("A" * 100),
        "S5": st.sampled_from("FM"),
        "S6": st.dates(min_value=date(1800, 1, 1)).map(lambda day: f"{day:%d-%m-%Y}"),
    },
    optional={"S7": st.sampled_from(["99100", "2A004", "75056"])},
)


def test_every_trait_is_taken_as_it_stands() -> None:
    assert read(ALICE) == PatientIdentity(
        family_name="TEST D'ESSAI",
        given_name="ALICE MARIE-ANGE",
        born=date(1970, 1, 1),
        sex="F",
        ins=Ins(matricule=MATRICULE, oid=INS_NIR, birth_place="99999"),
    )


@given(patients, st.randoms(use_true_random=False))
def test_any_order_of_the_tags_reads_alike(fields, chance) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(fields.items())
    chance.shuffle(shuffled)
    assert read(dict(shuffled)) == read(fields)


@pytest.mark.parametrize(
    ("number", "is_right"),
    [
        ("255069999999934", True),
        ("781102A12500908", True),  # Corsica, and a number given while one waits
        ("781102B12500935", True),
        ("781102B12500908", False),
        ("885997512345663", True),
        ("185057512345600", False),
        ("185057512345699", False),
    ],
)
def test_the_key_of_numbers_known_to_be_right_or_wrong(number: str, is_right: bool) -> None:
    assert has_right_key(number) is is_right


@given(matricules, st.integers(0, 14), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ -.é٣"))
def test_any_one_damaged_sign_of_the_matricule_is_noticed(number: str, at: int, sign: str) -> None:
    damaged = number[:at] + sign + number[at + 1 :]
    if damaged == number:
        assert has_right_key(number)
        return
    assert refusal(code({**ALICE, "S1": damaged})) in {"key", "damaged"}


@given(matricules, st.integers(0, 13))
def test_two_neighbours_exchanged_in_the_matricule_are_noticed(number: str, at: int) -> None:
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    in_number = at < 12 or at == 13
    if swapped != number and in_number:
        assert refusal(code({**ALICE, "S1": swapped})) in {"key", "damaged"}


@given(patients, st.sampled_from([b"\r", b"\n", b"\t", b"\r\n"]), st.data())
def test_what_was_cut_short_is_nobody(
    fields: dict[str, str], suffix: bytes, data: st.DataObject
) -> None:
    sent = code(fields).encode() + suffix[:1]
    cut = data.draw(st.integers(0, len(sent) - 1))
    with pytest.raises(NotRead):
        read_scan(sent[:cut], simulation=True)
    if suffix == b"\r\n":
        assert read_scan(sent + b"\n", simulation=False) == read(fields)


@given(patients, st.data())
def test_what_lost_its_beginning_is_nobody(fields: dict[str, str], data: st.DataObject) -> None:
    sent = code(fields).encode() + b"\r"
    assert not isinstance(outcome(sent[data.draw(st.integers(1, len(sent))) :]), PatientIdentity)


@given(st.binary(max_size=600))
def test_noise_is_nobody(noise: bytes) -> None:
    assert not isinstance(outcome(noise), PatientIdentity)


@pytest.mark.parametrize(
    "prefix", [b"", b"]d2", b"]d1", b"]Q1", b"noise ", b"IS01000", HEADER[:-1].encode()]
)
@pytest.mark.parametrize("suffix", [b"\r", b"\n", b"\r\n", b"\t"])
def test_readers_add_things_around_the_code(prefix: bytes, suffix: bytes) -> None:
    sent = prefix + code(ALICE).encode() + suffix
    assert read_scan(sent, simulation=False) == read(ALICE)


def test_half_a_code_before_a_whole_one_changes_nothing() -> None:
    half = code({**ALICE, "S4": "SOMEBODY ELSE"})[:90]
    assert read_scan((half + code(ALICE) + "\r").encode(), simulation=False) == read(ALICE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "unknown_code"),
        ("3400930000000", "unknown_code"),
        (code(ALICE, header="IS02" + "0" * 22), "version"),
        (code(ALICE, header="IS01" + "0" * 21 + "1"), "version"),
        (code({**ALICE, "S2": "1.2.250.1.213.1.4.7"}), "no_ins"),
        (code({**ALICE, "S2": INS_NIR_TEST}), "test_card"),
        (code({**ALICE, "S2": INS_NIR_DEMO}), "test_card"),
        (code({**ALICE, "S1": "270019999900124"}), "key"),
        (code(ALICE).replace(GS, ""), "no_separator"),
        (code({**ALICE, "S6": "31-02-1970"}), "damaged"),
        (code({**ALICE, "S5": "X"}), "damaged"),
        (code({**ALICE, "S3": "Alice"}), "damaged"),
        (code({**ALICE, "S4": ""}), "damaged"),
        (code({**ALICE, "S4": "TEST\u202eIASSE"}), "damaged"),
        (code({**ALICE, "S3": "AL\u200bICE"}), "damaged"),
        (code({**ALICE, "S4": "A" * 100 + "B"}), "damaged"),
        (code(ALICE) + "S5F", "damaged"),
        (code(ALICE) + "S8XX", "damaged"),
        *(
            (code({k: v for k, v in ALICE.items() if k != tag}), "damaged")
            for tag in LONGEST
            if tag != "S7"
        ),
    ],
)
def test_every_fault_has_its_reason(text: str, reason: str) -> None:
    assert refusal(text) == reason


@pytest.mark.parametrize("oid", [INS_NIR_TEST, INS_NIR_DEMO])
def test_a_test_card_is_somebody_in_simulation_only(oid: str) -> None:
    text = code({**ALICE, "S2": oid})
    assert read_ins(text, simulation=True).family_name == "TEST D'ESSAI"
    assert refusal(text) == "test_card"


@pytest.mark.parametrize("oid", [INS_NIR, INS_NIA])
def test_a_patients_card_is_nobody_in_simulation(oid: str) -> None:
    text = code({**ALICE, "S2": oid})
    assert read_ins(text, simulation=False).family_name == "TEST D'ESSAI"
    with pytest.raises(NotRead, match="real_card"):
        read_ins(text, simulation=True)


def test_what_was_too_long_to_keep_is_no_code_of_ours() -> None:
    with pytest.raises(NotRead, match="unknown_code"):
        read_scan(b"", simulation=False)


def test_names_at_their_longest_have_no_separator() -> None:
    fields = {**ALICE, "S3": "A" * 100, "S4": "B" * 100, "S2": INS_NIR_TEST}
    text = code(fields)
    assert GS not in text
    assert read_ins(text, simulation=True).given_name == "A" * 100


@pytest.mark.parametrize("sent", [VISIT, f"]C0{VISIT}", f"]Q1{VISIT}"])
def test_a_visits_own_code(sent: str) -> None:
    assert read_scan(sent.encode() + b"\r", simulation=False) == VisitCode(VISIT)


@pytest.mark.parametrize("sent", [VISIT[:-1], VISIT + "0", VISIT.upper(), "p-0123456789abcdef0123"])
def test_a_damaged_visit_code_is_none(sent: str) -> None:
    with pytest.raises(NotRead, match="unknown_code"):
        read_scan(sent.encode() + b"\r", simulation=False)


@given(patients, st.data())
def test_no_error_holds_what_was_read(fields: dict[str, str], data: st.DataObject) -> None:
    sent = bytearray(code(fields).encode() + b"\r")
    sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    refused = outcome(bytes(sent))
    if isinstance(refused, NotRead):
        assert refused.args == (refused.reason,)
        assert refused.__cause__ is None
        assert refused.__suppress_context__ or isinstance(refused.__context__, NotRead | None)
