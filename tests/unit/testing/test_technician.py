"""A field capture becomes a fixture, a device to simulate and a failing test, and names nobody's device."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from devicehub.devices import registry
from devicehub.driver import BleDriver, Frame, NotUnderstood, SerialDriver
from devicehub.gatt.profiles import PROFILES
from devicehub.testing.adopt import NotAdopted, adopt
from devicehub.testing.capture import captured
from devicehub.testing.check import check
from devicehub.testing.draft import DRAFTS, Folders, NotDrafted, draft
from devicehub.testing.laws import law_declaration, law_replay, law_simulator
from devicehub.testing.places import main_place
from devicehub.testing.played import PlayedBle, PlayedSerial
from devicehub.testing.replay import replay
from devicehub.testing.scrub import scrub
from devicehub.transport.tape import NO_DRIVER, Capture, CapturedAdvert, Header, Step, dump, load

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
    assert {measurement.kind for measurement in found} == {"device_facts", "blood_pressure"}
    law_replay(registry.find("sig_blood_pressure"), [one])


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


@pytest.mark.parametrize(
    "display", ["128/82", "[]", '{"kind": "pressure"}', '{"systolic_mmhg": 120}']
)
def test_what_was_shown_is_a_measurement(tmp_path: Path, display: str) -> None:
    captures = tmp_path / "captures"
    with pytest.raises(NotAdopted, match="--display is"):
        adopt(
            field_capture(tmp_path),
            driver="sig_blood_pressure",
            device="ACME",
            display=display,
            captures=captures,
        )
    assert not captures.exists()


@pytest.mark.parametrize(
    ("driver", "shown", "kinds"),
    [
        ("sig_blood_pressure", [SHOWN] * 2, ["device_facts", "blood_pressure", "blood_pressure"]),
        ("not_written_yet", [SHOWN], ["blood_pressure"]),
    ],
)
def test_what_was_shown_is_approved_though_it_is_not_read(
    tmp_path: Path, driver: str, shown: list[str], kinds: list[str]
) -> None:
    captures = tmp_path / "captures"
    display = f"[{', '.join(shown)}]"
    adopt(field_capture(tmp_path), driver=driver, device="ACME", display=display, captures=captures)
    (one,) = captured(driver, captures)
    assert [measurement.kind for measurement in one.approved] == kinds


def test_what_was_read_though_it_was_not_shown_is_not_approved(tmp_path: Path) -> None:
    field = field_capture(tmp_path)
    again = Step(t=20.0, by="device", do="message", on="2a35", data=PRESSURE)
    capture = load(field)
    dump(Capture(path=field, header=capture.header, steps=(*capture.steps, again)), field)
    captures = tmp_path / "captures"
    adopt(field, driver="sig_blood_pressure", device="ACME", display=SHOWN, captures=captures)
    with pytest.raises(AssertionError, match="approved"):
        law_replay(registry.find("sig_blood_pressure"), captured("sig_blood_pressure", captures))


def test_a_recording_without_a_driver_says_what_comes_first(tmp_path: Path) -> None:
    field = field_capture(tmp_path)
    with pytest.raises(NotAdopted, match="devicehub drivers new NAME --from"):
        adopt(field, driver=NO_DRIVER, device="ACME", display=None, captures=tmp_path)


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


def test_a_write_that_differs_is_answered_as_the_one_most_like_it() -> None:
    def written(at: float, data: bytes, answer: bytes) -> list[Step]:
        return [
            Step(t=at, by="hub", do="write", on="fff2", data=data),
            Step(t=at + 0.1, by="device", do="message", on="fff1", data=answer),
        ]

    header = Header(
        device="ACME", driver="unknown", origin="synthetic", recorded=NOW, hub="0", firmware=None
    )
    steps = [
        *written(1.0, b"\x01\x00", b"hello"),
        *written(2.0, b"\x03\x04\x69\x55\x01\x02", b"clock set"),
        *written(3.0, b"\x04\x00", b"records"),
    ]
    device = PlayedBle(Capture(path=Path("field.jsonl"), header=header, steps=tuple(steps)))
    for data, answer in [
        (b"\x01\x00", b"hello"),
        (b"\x03\x04\x70\x00\x00\x00", b"clock set"),
        (b"\x04\x00", b"records"),
    ]:
        assert [message.data for message in device.write("fff2", data, NOW)] == [answer]
    assert list(device.write("fff3", b"", NOW)) == []


def test_a_serial_capture_answers_again() -> None:
    captures = Path(__file__).parents[2] / "captures" / "mt_sics"
    capture = next(load(path) for path in sorted(captures.glob("*.jsonl")))
    asked = next(step.data for step in capture.steps if step.by == "hub")
    assert PlayedSerial(capture).receive(asked, NOW).endswith(b"\r\n")
    assert PlayedSerial(capture).receive(b"?", NOW) == b""


def folders(folder: Path) -> Folders:
    made = Folders(
        drivers=folder / "drivers", simulators=folder / "simulators", captures=folder / "captures"
    )
    for package in (made.drivers, made.simulators):
        package.mkdir()
        (package / "__init__.py").write_text('"""A package."""\n', encoding="utf-8")
    return made


def drafted(file: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A drafted file, imported as a package's module."""
    module = ModuleType(f"drafted.{file.stem}")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(file.read_text("utf-8"), str(file), "exec"), module.__dict__)  # noqa: S102 - our own text
    return module


def is_well_formed(file: Path) -> bool:
    """Whether ruff has nothing to say, with this repository's settings."""
    settings = ["--config", str(Path(__file__).parents[3] / "pyproject.toml")]
    # Its folder is not this repository's simulators, where chance is allowed.
    for verb in (["check", "--extend-ignore", "S311"], ["format", "--check"]):
        subprocess.run(
            [sys.executable, "-m", "ruff", *verb, *settings, "--no-cache", str(file)], check=True
        )
    return True


@pytest.mark.parametrize("kind", DRAFTS)
def test_a_draft_declares_itself_and_says_what_is_to_be_done(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = folders(tmp_path)
    file, simulator, *_ = draft("acme_x1", kind=kind, capture=None, folders=where)
    driver = drafted(file, monkeypatch).__dict__["DRIVER"]
    assert isinstance(driver, BleDriver | SerialDriver)
    assert is_well_formed(file)
    assert is_well_formed(simulator)
    found = captured("acme_x1", where.captures)
    law_declaration(driver, found)
    with pytest.raises(AssertionError, match="what the device's display showed"):
        law_replay(driver, found)
    make = drafted(simulator, monkeypatch).__dict__["SIMULATOR"]
    if kind in PROFILES:
        law_simulator(driver, make)
    else:
        with pytest.raises(NotUnderstood, match="decode is not written yet"):
            list(driver.decode(Frame.of(main_place(driver), b"?")))
        with pytest.raises(NotImplementedError, match="measure is not written yet"):
            law_simulator(driver, make)


def test_a_draft_replaces_nothing_and_says_what_it_needs(tmp_path: Path) -> None:
    where = folders(tmp_path)
    draft("acme_x1", kind="ble", capture=None, folders=where)
    with pytest.raises(NotDrafted, match="exists"):
        draft("acme_x1", kind="ble", capture=None, folders=where)
    with pytest.raises(NotDrafted, match="small letters"):
        draft("Acme-X1", kind="ble", capture=None, folders=where)
    with pytest.raises(NotDrafted, match="there are ble, serial, cuff"):
        draft("acme_x2", kind="usb", capture=None, folders=where)
    elsewhere = replace(where, drivers=tmp_path / "nowhere")
    with pytest.raises(NotDrafted, match="--drivers"):
        draft("acme_x2", kind="ble", capture=None, folders=elsewhere)


def test_a_draft_from_a_capture_knows_where_the_device_speaks(tmp_path: Path) -> None:
    file, simulator, fixture, expected = draft(
        "acme_cuff", kind="ble", capture=field_capture(tmp_path), folders=folders(tmp_path)
    )
    text = file.read_text("utf-8")
    assert "CUFF.session()" in text
    assert 'name_prefix="CUFF_' in text
    assert 'name="CUFF_' in simulator.read_text("utf-8")
    assert load(fixture).header.driver == "acme_cuff"
    assert "display showed" in json.loads(expected.read_text("utf-8"))[0]
