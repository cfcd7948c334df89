"""The systemd units: systemd itself finds nothing wrong with them, and what they start exists."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devicehub.config import load
from devicehub.devices import registry

CONFIG = Path(__file__).parents[2] / "config"
UNITS = sorted(CONFIG.glob("*.service"), key=lambda path: path.name)
EACH = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)


@EACH
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not on this machine, and only it can judge")
    text = unit.read_text("utf-8")
    copy = tmp_path / unit.name
    copy.write_text(text.replace("/opt/devicehub/.venv/bin/devicehub", sys.executable))
    result = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


@EACH
def test_the_command_it_starts_is_one_of_ours(unit: Path) -> None:
    start = re.search(
        r"^ExecStart=\S+/devicehub (\w+) --config \S+$", unit.read_text(), re.MULTILINE
    )
    assert start is not None
    subprocess.run(
        [sys.executable, "-m", "devicehub", start[1], "--help"], check=True, capture_output=True
    )


@EACH
def test_the_environment_it_sets_is_one_we_read(unit: Path) -> None:
    text = re.search(r"^Environment=(.*)$", unit.read_text(), re.MULTILINE)
    assert text is not None
    environment = dict(pair.split("=", 1) for pair in text[1].replace("%S", "/var/lib").split())
    settings = load(
        CONFIG / "devicehub.example.toml",
        environment=environment,
        known_drivers=registry.installed(),
    )
    assert settings.station is not None
    assert settings.dossier_service is not None
    folders = (settings.station.data, settings.dossier_service.store.parent)
    assert Path("/var/lib") / unit.stem in folders
