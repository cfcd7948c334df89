"""``devicehub operators``: who works at the station, without the station running."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devicehub.cli import main
from devicehub.cli.common import ENVIRONMENT, FAULT, WELL
from devicehub.visit.operators import Operators


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "devicehub.toml"
    file.write_text('[station]\nid = "room-1"\nsite = "test"\ndata = "data"\n', "utf-8")
    return str(file)


def _add(config: str, monkeypatch: pytest.MonkeyPatch, pin: str, *more: str) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(pin + "\n"))
    name = ["anne", "--name", "TEST Anne", "--role", "assistant"]
    return main(["operators", "add", *name, "--pin-stdin", "--config", config, *more])


def test_added_listed_and_removed(
    config: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _add(config, monkeypatch, "1357") == WELL
    assert Operators.of(tmp_path / "data").by_pin("anne", "1357") is not None
    capsys.readouterr()
    assert main(["operators", "list", "--json", "--config", config]) == WELL
    told = json.loads(capsys.readouterr().out)
    assert told == {"id": "anne", "name": "TEST Anne", "role": "assistant", "signs_in": ["PIN"]}
    assert main(["operators", "remove", "anne", "--config", config]) == WELL
    assert main(["operators", "remove", "anne", "--config", config]) == FAULT
    capsys.readouterr()
    assert main(["operators", "list", "--config", config]) == WELL
    assert "aucun opérateur" in capsys.readouterr().err


def test_what_is_said_survives_a_pipe_of_another_encoding(config: str) -> None:
    """As Windows offers one to a program whose output is redirected."""
    told = subprocess.run(
        [sys.executable, "-m", "devicehub", "operators", "list", "--config", config],
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        check=True,
    )
    assert "aucun opérateur" in told.stderr.decode("utf-8")


def test_a_bad_pin_is_refused_with_words_and_never_repeated(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _add(config, monkeypatch, "12") == FAULT
    assert _add(config, monkeypatch, "secret!") == FAULT
    said = capsys.readouterr().err
    assert "4 à 12 chiffres" in said
    assert "secret!" not in said


def test_a_damaged_file_is_left_alone(
    config: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "data" / "operators.json"
    file.parent.mkdir()
    file.write_text("[{", "utf-8")
    assert _add(config, monkeypatch, "1357") == ENVIRONMENT
    assert file.read_text("utf-8") == "[{"
    assert "operators.json" in capsys.readouterr().err


def test_without_a_station_there_is_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.toml").write_text("", "utf-8")
    asked = ["operators", "list", "--config", str(tmp_path / "empty.toml")]
    assert main(asked) == ENVIRONMENT
    assert "[station]" in capsys.readouterr().err
