"""The AsyncAPI document of the wire, judged by the AsyncAPI project's own parser."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "wire" / "asyncapi.json"
NODE = ROOT / "tests" / "node"

Parse = Callable[[Path], subprocess.CompletedProcess[str]]


@pytest.fixture
def parse(needs: Callable[[str], str]) -> Parse:
    """Run the parser on a document."""
    node = needs("node")
    if not (NODE / "node_modules" / "@asyncapi" / "parser").is_dir():
        message = "the AsyncAPI parser is not installed: run npm ci in tests/node"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)

    def run(document: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [node, NODE / "asyncapi-check.mjs", document],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=50,
            check=False,
        )

    return run


def test_the_document_is_valid(parse: Parse) -> None:
    result = parse(DOCUMENT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "9 channels, 9 operations" in result.stdout


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ('"action": "send"', '"action": "shout"', "operations.sendReading.action"),
        ('"#/channels/reading"', '"#/channels/elsewhere"', "operations.sendReading.channel"),
        ('"retain": false', '"retain": "never"', "bindings.mqtt.retain"),
        ('"#/components/schemas/Item"', '"#/components/schemas/Nothing"', "items.items"),
    ],
)
def test_a_broken_document_is_refused(
    parse: Parse, tmp_path: Path, old: str, new: str, at: str
) -> None:
    text = DOCUMENT.read_text("utf-8")
    assert old in text
    broken = tmp_path / "broken.json"
    broken.write_text(text.replace(old, new, 1), "utf-8")
    json.loads(broken.read_text("utf-8"))
    result = parse(broken)
    assert result.returncode == 1, result.stdout + result.stderr
    assert at in result.stdout
