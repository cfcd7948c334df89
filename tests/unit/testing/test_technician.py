"""A field capture becomes a fixture, a device to simulate and a failing test, and names nobody's device."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devicehub.devices import registry
from devicehub.driver import BleDriver, SerialDriver
from devicehub.testing.adopt import NotAdopted, adopt
from devicehub.testing.capture import captured
from devicehub.testing.check import check
from devicehub.testing.draft import NotDrafted, draft
from devicehub.testing.laws import law_replay
from devicehub.testing.played import PlayedBle, PlayedSerial
from devicehub.testing.replay import replay
from devicehub.testing.scrub import scrub
from devicehub.transport.tape import Capture, CapturedAdvert, Header, Step, dump, load

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
ADDRESS = "C0:FF:EE:12:34:56"
SERIAL = b"SN0042ABCD"
PRESSURE = bytes.fromhex("04 7800 5000 5d00 4800")
SHOWN = '{"kind": "blood_pressure", "systolic_mmhg": 120, "diastolic_mmhg": 80, "mean_mmhg": 93, "pulse_per_minute": 72}'


def field_capture(folder: Path) -> Path:
    path = folder / "field.jsonl"
    header = Header(
        device="not named yet",
        driver="sig_blood_pressure",
        origin="hardware",
        recorded=NOW,
        hub="0.1.0",
        advert=CapturedAdvert(
            name="CUFF_123456 ABCD",
            services=("1810",),
            company_data={0x1234: bytes.fromhex("563412EEFFC0")},
        ),
        characteristics=("2a25", "2a35"),
    )
    steps = (
        Step(t=0.1, by="hub", do="read", on="2a25"),
        Step(t=0.2, by="device", do="value", on="2a25", data=SERIAL),
        Step(t=0.3, by="hub", do="subscribe", on="2a35"),
        Step(t=9.0, by="device", do="message", on="2a35", data=PRESSURE),
    )
    dump(Capture(path=path, header=header, steps=steps), path)
    return path


def test_what_names_the_device_is_taken_out(tmp_path: Path) -> None:
    scrubbed = scrub(load(field_capture(tmp_path)), ADDRESS)
    advert = scrubbed.header.advert
    assert advert is not None
    assert advert.name == "CUFF_000000 0000"
    assert advert.company_data == {0x1234: bytes(6)}
    assert scrubbed.steps[1].data == b"0" * len(SERIAL)
    assert scrubbed.steps[3].data == PRESSURE


def test_a_capture_with_what_was_shown_is_a_fixture(tmp_path: Path) -> None:
    fixture = adopt(
        field_capture(tmp_path),
        driver="sig_blood_pressure",
        device="ACME Cuff 7",
        display=SHOWN,
        captures=tmp_path / "captures",
    )
    assert fixture.name == "acme_cuff_7.jsonl"
    assert SERIAL.hex(" ") not in fixture.read_text("utf-8")
    (one,) = captured("sig_blood_pressure", tmp_path / "captures")
    found = replay(registry.find("sig_blood_pressure"), one.capture)
    assert [m for m in found if m.kind == "blood_pressure"] == list(one.approved)


def test_a_display_that_differs_makes_the_test_fail(tmp_path: Path) -> None:
    adopt(
        field_capture(tmp_path),
        driver="sig_blood_pressure",
        device="ACME",
        display=SHOWN.replace("120", "121"),
        captures=tmp_path / "captures",
    )
    verdicts = dict(check(registry.find("sig_blood_pressure"), tmp_path / "captures"))
    broken = [words for words, fault in verdicts.items() if fault and "121" in fault]
    assert any("approved measurements" in words for words in broken)


def test_until_somebody_says_what_was_shown_the_test_asks_for_it(tmp_path: Path) -> None:
    captures = tmp_path / "captures"
    field = field_capture(tmp_path)
    adopt(field, driver="sig_blood_pressure", device="ACME", display=None, captures=captures)
    (one,) = captured("sig_blood_pressure", captures)
    assert one.asks is not None
    with pytest.raises(AssertionError, match="what the device's display showed"):
        law_replay(registry.find("sig_blood_pressure"), [one])
    with pytest.raises(NotAdopted, match="exists"):
        adopt(field, driver="sig_blood_pressure", device="ACME", display=None, captures=captures)


def test_a_capture_is_a_device_again(tmp_path: Path) -> None:
    device = PlayedBle(load(field_capture(tmp_path)))
    assert device.services == {"1810": {"2a25": {"read"}, "2a35": {"notify"}}}
    assert device.read("2a25", NOW) == SERIAL
    assert [(m.on, m.data) for m in device.measure(NOW)] == [("2a35", PRESSURE)]


def test_a_serial_capture_answers_again() -> None:
    captures = Path(__file__).parents[2] / "captures" / "mt_sics"
    capture = next(load(path) for path in sorted(captures.glob("*.jsonl")))
    asked = next(step.data for step in capture.steps if step.by == "hub")
    assert PlayedSerial(capture).receive(asked, NOW).endswith(b"\r\n")
    assert PlayedSerial(capture).receive(b"?", NOW) == b""


@pytest.mark.parametrize("over", ["ble", "serial"])
def test_a_draft_is_a_module_that_says_what_is_to_be_done(tmp_path: Path, over: str) -> None:
    drivers, captures = tmp_path / "drivers", tmp_path / "captures"
    drivers.mkdir()
    file, *_ = draft("acme_x1", over=over, capture=None, drivers=drivers, captures=captures)
    space: dict[str, object] = {}
    exec(compile(file.read_text("utf-8"), str(file), "exec"), space)  # noqa: S102 - our own text
    driver = space["DRIVER"]
    assert isinstance(driver, BleDriver | SerialDriver)
    assert driver.id == "acme_x1"
    (one,) = captured("acme_x1", captures)
    with pytest.raises(AssertionError, match="what the device's display showed"):
        law_replay(driver, [one])
    with pytest.raises(NotDrafted, match="exists"):
        draft("acme_x1", over=over, capture=None, drivers=drivers, captures=captures)
    with pytest.raises(NotDrafted, match="small letters"):
        draft("Acme-X1", over=over, capture=None, drivers=drivers, captures=captures)


def test_a_draft_from_a_capture_knows_where_the_device_speaks(tmp_path: Path) -> None:
    drivers = tmp_path / "drivers"
    drivers.mkdir()
    file, fixture, expected = draft(
        "acme_cuff",
        over="ble",
        capture=field_capture(tmp_path),
        drivers=drivers,
        captures=tmp_path / "captures",
    )
    text = file.read_text("utf-8")
    assert 'RESULT = "2a35"' in text
    assert 'service="1810"' in text
    assert load(fixture).header.driver == "acme_cuff"
    assert "display showed" in json.loads(expected.read_text("utf-8"))[0]
