"""The catalogue of drivers says what is."""

from __future__ import annotations

from pathlib import Path

import pytest

from devicehub.cli import main
from devicehub.cli.common import FAULT, WELL
from devicehub.devices import registry
from devicehub.devices.evidence import FILE
from devicehub.testing.catalogue import levels, render

ROOT = Path(__file__).parents[3]


def test_the_committed_catalogue_is_up_to_date() -> None:
    text = (ROOT / "docs" / "drivers.md").read_text("utf-8")
    assert text == render(registry.installed(), ROOT / "tests" / "captures"), (
        "run: devicehub drivers docs"
    )


def test_the_committed_evidence_is_up_to_date() -> None:
    text = (ROOT / "drivers" / "devicehub_drivers" / FILE).read_text("utf-8")
    assert text == levels(registry.installed(), ROOT / "tests" / "captures"), (
        "run: devicehub drivers docs"
    )


def test_another_packages_folder_gets_no_evidence_of_these_drivers(tmp_path: Path) -> None:
    words = ["drivers", "docs", "--drivers", tmp_path, "--captures", ROOT / "tests" / "captures"]
    assert main([str(word) for word in (*words, "--file", tmp_path / "drivers.md")]) == WELL
    assert [path.name for path in tmp_path.iterdir()] == ["drivers.md"]


def test_stale_evidence_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without captures there is less to know: neither file says that."""
    folder = ROOT / "drivers" / "devicehub_drivers"
    words = ["drivers", "docs", "--check", "--drivers", folder, "--captures", tmp_path]
    assert main([str(word) for word in (*words, "--file", ROOT / "docs" / "drivers.md")]) == FAULT
    assert f"{folder / FILE} is not what the drivers and captures say" in capsys.readouterr().err


def test_every_driver_has_a_row_and_a_part() -> None:
    text = render(registry.installed(), ROOT / "tests" / "captures")
    for name in registry.installed():
        assert f"| [{name}](#{name}) |" in text
        assert f"\n## {name}\n" in text
