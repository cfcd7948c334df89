"""The evidence behind a driver is computed from its captures, and so is what is missing."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

from devicehub.devices import registry
from devicehub.devices.evidence import Level
from devicehub.testing.capture import Captured, captured
from devicehub.testing.evidence import Evidence, checklist, evidence

CAPTURES = Path(__file__).parents[2] / "captures"
CUFF = registry.find("sig_blood_pressure")
SCALE = registry.find("mt_sics")


def of(driver_id: str, *names: str) -> list[Captured]:
    found = captured(driver_id, CAPTURES)
    return [one for one in found if not names or one.capture.path.stem in names]


def as_if(one: Captured, steps: slice = slice(None), **header: object) -> Captured:
    changed = one.capture.header.model_copy(update=header)
    update = {"header": changed, "steps": one.capture.steps[steps]}
    return replace(one, capture=one.capture.model_copy(update=update))


def test_invented_bytes_prove_that_it_was_drafted() -> None:
    (one,) = of("sig_blood_pressure", "conversation")
    assert evidence(CUFF, [as_if(one)], simulated=False) is Evidence.DRAFTED
    assert evidence(CUFF, [as_if(one)], simulated=True) is Evidence.SIMULATED
    assert evidence(CUFF, [], simulated=False) is Evidence.DRAFTED


def test_typed_bytes_document_and_recorded_bytes_capture() -> None:
    (one,) = of("sig_blood_pressure", "conversation")
    typed = as_if(one, origin="manual", source="a manual")
    assert evidence(CUFF, [typed], simulated=True) is Evidence.DOCUMENTED
    recorded = as_if(one, origin="hardware", firmware="1")
    assert evidence(CUFF, [typed, recorded], simulated=True) is Evidence.CAPTURED
    silent = replace(recorded, approved=())
    assert evidence(CUFF, [silent], simulated=True) is Evidence.SIMULATED


def test_two_firmwares_a_silence_and_a_cut_prove_it() -> None:
    (one,) = of("sig_blood_pressure", "conversation")
    first = as_if(one, origin="hardware", firmware="1")
    second = as_if(one, origin="hardware", firmware="2")
    cut = as_if(one, slice(-1), origin="hardware", firmware="2")
    assert evidence(CUFF, [first, second], simulated=True) is Evidence.CAPTURED
    assert evidence(CUFF, [first, cut], simulated=True) is Evidence.PROVEN
    same = as_if(one, slice(-1), origin="hardware", firmware="1")
    assert evidence(CUFF, [first, same], simulated=True) is Evidence.CAPTURED


def test_a_serial_line_is_cut_in_the_middle_of_a_message() -> None:
    whole, cut = of("mt_sics", "step_on_step_off", "switched_off_and_on")
    recorded = [
        as_if(whole, origin="hardware", firmware="1"),
        as_if(cut, origin="hardware", firmware="2"),
    ]
    for one in recorded:
        late = one.capture.steps[-1].model_copy(update={"t": one.capture.steps[-1].t + 60})
        longer = one.capture.model_copy(update={"steps": (*one.capture.steps[:-1], late)})
        recorded[recorded.index(one)] = replace(one, capture=longer)
    assert evidence(SCALE, recorded, simulated=True) is Evidence.PROVEN
    assert evidence(SCALE, recorded[:1] * 2, simulated=True) is Evidence.CAPTURED


def test_the_levels_are_in_order_and_have_words() -> None:
    words = ["drafted", "simulated", "documented", "captured", "proven"]
    assert [str(level) for level in sorted(Evidence)] == words
    assert list(get_args(Level)) == words, "the station's page knows the same"


def test_the_checklist_shows_what_was_seen() -> None:
    shown = checklist(CUFF, of("sig_blood_pressure"))
    assert shown.told == shown.read == shown.seen
    assert any(unit.endswith("kPa") for unit in shown.units)
    assert shown.device_time
    assert shown.not_measured
    assert "improper_position" in shown.errors
    assert "irregular_pulse" not in shown.errors
    assert shown.missing == ()


def test_the_checklist_shows_the_blanks() -> None:
    shown = checklist(CUFF, of("sig_blood_pressure", "kilopascals"))
    assert shown.seen == ("blood_pressure", "cuff_pressure")
    assert shown.missing == (
        "device_facts is read, not seen",
        "no measurement with the device's time",
        "no value that could not be measured",
        "no doubtful or failed measurement",
    )
    lazy = replace(CUFF, models=(replace(CUFF.models[0], unread=("cuff_pressure",)),))
    assert "cuff_pressure is told, not read" in checklist(lazy, []).missing
