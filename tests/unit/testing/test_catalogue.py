"""The catalogue of drivers says what is."""

from __future__ import annotations

from pathlib import Path

from devicehub.devices import registry
from devicehub.testing.catalogue import render

ROOT = Path(__file__).parents[3]


def test_the_committed_catalogue_is_up_to_date() -> None:
    text = (ROOT / "docs" / "drivers.md").read_text("utf-8")
    assert text == render(registry.installed(), ROOT / "tests" / "captures"), (
        "run: devicehub drivers docs"
    )


def test_every_driver_has_a_row_and_a_part() -> None:
    text = render(registry.installed(), ROOT / "tests" / "captures")
    for name in registry.installed():
        assert f"| [{name}](#{name}) |" in text
        assert f"\n## {name}\n" in text
