"""seca's interface 460: only what a technician has witnessed is a weight, whatever else the line says."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BodyWeight, Frame, Measurement, NotUnderstood, Unwitnessed
from devicehub.reading.settle import Settle, Settling
from devicehub.testing.capture import captured
from devicehub.testing.laws.measuring import readings
from devicehub.testing.replay import converse
from devicehub.visit import policy
from devicehub_drivers.seca_460 import DRIVER, crc
from devicehub_simulators.seca_460 import SecaScale, remainder

ROOT = Path(__file__).parents[3]
CAPTURES, STEPS = ROOT / "tests" / "captures", "step_on_step_off"
START = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
CODES = "kind A0, display 1, state 8000"
MODEL = f"seca RS232, {CODES} = kg 0.1, zero state 8200"
NO_VALUE = [BodyWeight()]
HEXADECIMAL = "0123456789ABCDEF"
STATES = st.text(HEXADECIMAL, min_size=4, max_size=4)
DIGITS = st.integers(0, 99999)


def block(digits: int = 724, state: str = "8000", *, kind: str = "A0", display: str = "1") -> bytes:
    return SecaScale(kind=kind, display=display).block(digits, state)


def read(data: bytes, model: str | None = MODEL) -> list[Measurement]:
    return list(DRIVER.decode(Frame.of("-", data, model)))


def weight(kilograms: str) -> list[Measurement]:
    return [BodyWeight(kilograms=Decimal(kilograms), stable=True)]


def heard(data: bytes, model: str | None = MODEL) -> list[list[Measurement]]:
    """What each message of a line says, ``[]`` where it is refused."""
    said = []
    for message in DRIVER.line.framer().feed(data):
        try:
            said.append(read(message, model))
        except NotUnderstood:
            said.append([])
    return said


@pytest.mark.parametrize(
    ("step", "kilograms"), [("1", "724"), ("0.1", "72.4"), ("0.01", "7.24"), ("0.001", "0.724")]
)
def test_the_digits_are_worth_what_was_witnessed(step: str, kilograms: str) -> None:
    assert read(block(), f"seca 703, ward 2, {CODES} = kg {step}") == weight(kilograms)


@pytest.mark.parametrize(
    "model",
    [
        None,
        "",
        "seca 703",
        CODES,
        f"{CODES} = kg …",
        f"{CODES} = kg ?",
        f"{CODES} = kg 0.05",
        f"{CODES} = kg 0.15",
        f"{CODES} = kg 10",
        f"{CODES} = kg 0,1",
        f"{CODES} = lb 0.1",
        f"{CODES} = kg 0.1, zero state 82",
        f"{CODES} = kg 0.1 or so",
        "display 1, state 8000 = kg 0.1",
        "kind A0, display 1, state 80 = kg 0.1",
        "kind A0, display 11, state 8000 = kg 0.1",
        "kind A4, display 1, state 8000 = kg 0.1",
    ],
)
@given(digits=DIGITS)
def test_without_a_witness_nothing_is_read_and_the_codes_are_said(
    model: str | None, digits: int
) -> None:
    with pytest.raises(Unwitnessed, match=r"^kind A0, display 1, state 8000 ") as refused:
        read(block(digits), model)
    assert f"{digits:05}" not in refused.value.reason


@given(
    digits=DIGITS,
    kind=st.sampled_from(["A0", "A1"]),
    display=st.sampled_from(HEXADECIMAL),
    state=STATES,
)
def test_another_display_never_says_a_value(
    digits: int, kind: str, display: str, state: str
) -> None:
    data = block(digits, state, kind=kind, display=display)
    if (kind, display) == ("A0", "1"):
        assert read(data) in (NO_VALUE, weight(str(Decimal(digits) / 10)))
        return
    with pytest.raises(NotUnderstood, match=f"^kind {kind}, display {display}, state {state} "):
        read(data)


@given(digits=DIGITS, state=STATES.filter(lambda state: state not in {"8000", "8200"}))
def test_in_another_state_there_is_no_value_not_even_zero(digits: int, state: str) -> None:
    assert read(block(digits, state)) == NO_VALUE
    assert read(block(0, state)) == NO_VALUE


def test_the_state_of_the_empty_scale_is_that_of_zero_alone() -> None:
    assert read(block(0, "8200")) == read(block(0, "8000")) == weight("0.0")
    assert read(block(1, "8200")) == read(block(724, "8200")) == NO_VALUE
    without = f"seca, {CODES} = kg 0.1"
    assert read(block(0, "8200"), without) == NO_VALUE
    assert read(block(0), without) == weight("0.0")


@pytest.mark.parametrize("data", [block(), block(0, "8200"), block(140, "9000")])
def test_a_changed_character_is_refused_or_changes_nothing(data: bytes) -> None:
    """All of them, one at a time; of a character changed into a mark, what is left of the block is refused too."""
    whole, refused = read(data), 0
    for at in range(len(data)):
        for byte in set(range(256)) - {data[at]}:
            (*_, said) = [[], *heard(data[:at] + bytes([byte]) + data[at + 1 :])]
            assert said in ([], whole), (at, byte)
            refused += said == []
    assert refused > 17 * 255


def test_without_a_crc_a_changed_character_still_finishes_no_other_weight() -> None:
    scale = SecaScale(has_crc=False)
    empty, stands = scale.block(0, "8200"), scale.block(724, "8000")
    weights = set()
    for at in range(len(stands)):
        for byte in HEXADECIMAL.encode():
            damaged = stands[:at] + bytes([byte]) + stands[at + 1 :]
            line = empty + damaged + stands + stands
            settle = Settle(DRIVER.settles, Settling(idle_since=START))
            finished = [
                one.measurement
                for second, said in enumerate(heard(line))
                for one in settle.finished(said, START + timedelta(seconds=second))
            ]
            assert finished == weight("72.4"), damaged
            weights |= {str(said) for said in heard(damaged) if said}
    assert len(weights) > 40  # there it is: nothing but the second block shows it


@given(
    noise=st.binary(max_size=200)
    | st.text("\x02\x03\r\n0123456789ABCDEFabcdef", max_size=200).map(str.encode)
)
def test_noise_never_says_a_value(noise: bytes) -> None:
    assert [said for said in heard(noise) if said] == []
    # What was before the block, or is behind it, changes nothing in it.
    assert heard(noise + block() + noise.replace(b"\x02", b"")).count(weight("72.4")) == 1


@given(cut=st.integers(0, 17), doubled=st.integers(0, 17))
def test_a_lost_or_doubled_byte_is_refused(cut: int, doubled: int) -> None:
    data = block()
    assert weight("72.4") not in heard(data[:cut] + data[cut + 1 :])
    longer = data[: doubled + 1] + data[doubled:]
    # A second start mark begins the block anew; behind its end, a second end mark is nobody's.
    assert (weight("72.4") in heard(longer)) == (doubled in {0, 17})


def test_the_crc_is_that_of_the_published_generator() -> None:
    # The check value of 0x107 begun with 0, over these nine characters (CRC-8/SMBUS in the catalogue of CRCs).
    assert crc(b"123456789") == remainder(int(b"123456789".hex(), 16)) == 0xF4


def test_another_crc_says_that_its_span_is_not_public() -> None:
    wrong = block().replace(b"92\r", b"93\r")
    with pytest.raises(NotUnderstood, match="does not say what it covers") as refused:
        read(wrong)
    assert refused.value.at == wrong.index(b"93\r")
    assert read(block().replace(b"92\r", b"00\r")) == weight("72.4")


@pytest.mark.parametrize(
    "data",
    [
        b"\x02A40072418000\r\n\x03",
        b"\x02A4007241800000\r\n\x03",
        b"\x02B0007241800000\r\n\x03",
        b"\x02A0FF7241800000\r\n\x03",
        b"\x02A0 07241800000\r\n\x03",
        b"\x02A0007241800000\r\x03",
        b"A0007241800000\r\n\x03",
    ],
)
@pytest.mark.parametrize("model", [None, MODEL])
def test_what_is_no_such_block_is_refused_whoever_witnessed(data: bytes, model: str | None) -> None:
    with pytest.raises(NotUnderstood) as refused:
        read(data, model)
    assert not isinstance(refused.value, Unwitnessed)


def test_only_blocks_without_a_value_are_not_kept() -> None:
    one = next(one for one in captured("seca_460", CAPTURES) if one.capture.path.stem == STEPS)
    kept = "".join("k" if handed.finished else "." for handed in converse(DRIVER, one.capture))
    # Zero, zero, moving, 72.4, 72.4, moving, zero, held, zero held; another display, damaged, kind A4.
    assert kept == "kk.kk.k..kkk"


def test_the_manual_shows_a_model_that_is_read() -> None:
    (model,) = re.findall(r'model = "(seca [^"]+)"', (ROOT / "docs" / "serial.md").read_text())
    assert read(block(), model) == weight("72.4")
    assert read(block(0, "8200"), model) == weight("0.0")


def test_every_reading_waits_for_a_person_once_a_weighing_and_not_once_a_second() -> None:
    found = {
        one.capture.path.stem: list(readings(DRIVER, one)) for one in captured("seca_460", CAPTURES)
    }
    assert {name: len(said) for name, said in found.items()} == {
        STEPS: 1,
        "without_crc": 1,
    }
    for (reading,) in found.values():
        assert reading.unattended
        assert policy.first_state(reading, "v-1", "none") == "to_review"
