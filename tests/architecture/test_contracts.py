"""The contracts of pyproject.toml hold, and each one notices the import it was written against."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("devicehub", "drivers", "simulators")
DRIVER = "drivers/devicehub_drivers/mt_sics.py"
LINT = "from importlinter.cli import lint_imports_command as lint; lint()"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the sources in which an import can be planted."""
    for source in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / source, tmp_path / source, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    roots = (house, house / "drivers", house / "simulators")
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache", "--no-logo", *arguments],
        cwd=house,
        # Before the installed packages, so that the copy is what is looked at.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots)), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )


def test_the_house_as_it_stands_keeps_every_contract(house: Path) -> None:
    result = lint_imports(house)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("contract", "path", "planted", "chain"),
    [
        pytest.param(
            "drivers-pure",
            DRIVER,
            "import asyncio",
            "devicehub_drivers.mt_sics -> asyncio",
            id="a driver runs a loop of its own",
        ),
        pytest.param(
            "drivers-pure",
            "devicehub/driver/frame.py",
            "import time",
            "devicehub.driver.frame -> time",
            id="a driver reaches a clock through the driver language",
        ),
        pytest.param(
            "drivers-language",
            DRIVER,
            "from devicehub import journal",
            "devicehub_drivers.mt_sics -> devicehub.journal",
            id="a driver writes in the journal",
        ),
        pytest.param(
            "drivers-apart",
            DRIVER,
            "from devicehub_drivers import sig_thermometer",
            "devicehub_drivers.mt_sics -> devicehub_drivers.sig_thermometer",
            id="a driver leans on another",
        ),
        pytest.param(
            "no-device-by-name",
            "devicehub/devices/__init__.py",
            "def late():\n    import devicehub_drivers.mt_sics",
            "devicehub.devices -> devicehub_drivers.mt_sics",
            id="devicehub names a driver",
        ),
        pytest.param(
            "simulators-apart",
            "simulators/devicehub_simulators/mt_sics.py",
            "from devicehub_drivers import mt_sics",
            "devicehub_simulators.mt_sics -> devicehub_drivers.mt_sics",
            id="a simulator asks the driver that will read it",
        ),
        pytest.param(
            "layers",
            "devicehub/journal/__init__.py",
            "from devicehub import delivery",
            "devicehub.journal -> devicehub.delivery",
            id="a room imports upwards",
        ),
        pytest.param(
            "layers",
            "devicehub/app/station.py",
            "from devicehub import testing",
            "devicehub.app.station -> devicehub.testing",
            id="the station carries the test kit",
        ),
        pytest.param(
            "config",
            "devicehub/station/__init__.py",
            "from devicehub import config",
            "devicehub.station -> devicehub.config",
            id="a room reads the configuration",
        ),
        pytest.param(
            "serial",
            "devicehub/devices/__init__.py",
            "import serial",
            "devicehub.devices -> serial",
            id="another room opens a serial port",
        ),
        pytest.param(
            "bluetooth",
            "devicehub/devices/__init__.py",
            "from bleak import BleakScanner",
            "devicehub.devices -> bleak",
            id="another room speaks Bluetooth",
        ),
        pytest.param(
            "mqtt",
            "devicehub/dossier/__init__.py",
            "import paho.mqtt.client",
            "devicehub.dossier -> paho",
            id="another room speaks MQTT",
        ),
        pytest.param(
            "numbers",
            "devicehub/app/station.py",
            "def late():\n    from devicehub.ecg import stream",
            "devicehub.ecg.stream -> numpy",
            id="the station computes the ECG check in its own process",
        ),
    ],
)
def test_a_planted_import_is_noticed(
    house: Path, contract: str, path: str, planted: str, chain: str
) -> None:
    target = house / path
    target.write_text(f"{target.read_text('utf-8')}\n{planted}\n", "utf-8")
    result = lint_imports(house, "--contract", contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert chain in " ".join(result.stdout.split())


def test_a_new_room_must_say_where_it_stands(house: Path) -> None:
    (house / "devicehub" / "attic.py").write_text('"""A room of no layer."""\n', "utf-8")
    result = lint_imports(house, "--contract", "layers")
    assert result.returncode == 1
    assert "attic" in result.stdout


@pytest.mark.parametrize("source_root", ["drivers", "simulators"])
def test_a_source_root_is_no_package(source_root: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--quiet", "-"]
    result = subprocess.run(
        command,
        cwd=ROOT,
        input=f"import {source_root}\n",
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    assert "TID251" in result.stdout
