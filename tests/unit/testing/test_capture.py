"""Captures and their approved measurements."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from devicehub.driver import BodyTemperature
from devicehub.testing.capture import captured
from devicehub.transport.tape import BadCapture

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sig_thermometer").mkdir()
    for name in ("white_paper.jsonl", "white_paper.measurements.json"):
        shutil.copy(CAPTURES / "sig_thermometer" / name, tmp_path / "sig_thermometer")
    return tmp_path


def test_a_capture_comes_with_what_is_approved_for_it(folder: Path) -> None:
    (one,) = captured("sig_thermometer", folder)
    assert one.capture.header.origin == "manual"
    assert one.approved == (BodyTemperature(celsius=Decimal("36.4")),) * 2
    assert captured("nobody", folder) == []


def test_a_capture_without_approval_is_an_error(folder: Path) -> None:
    approved = folder / "sig_thermometer" / "white_paper.measurements.json"
    approved.write_text('[{"kind": "body_temperature", "fahrenheit": 98}]', encoding="utf-8")
    with pytest.raises(BadCapture, match=r"white_paper.measurements.json: .*(?s:.*)fahrenheit"):
        captured("sig_thermometer", folder)
    approved.unlink()
    with pytest.raises(BadCapture, match="missing; write down what a correct driver reads"):
        captured("sig_thermometer", folder)
