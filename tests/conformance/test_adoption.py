"""A driver author elsewhere gets the whole suite with one import line and a fixture."""

import shutil
import subprocess
import sys
from pathlib import Path

DRIVER = Path(__file__).parents[2] / "drivers" / "devicehub_drivers" / "mt_sics.py"
CAPTURES = Path(__file__).parents[1] / "captures" / "mt_sics"
TEST = """
import pytest
import mt_sics
from devicehub.testing.conformance import *

@pytest.fixture
def driver():
    return mt_sics.DRIVER
"""


def test_the_suite_runs_in_another_package(tmp_path: Path) -> None:
    shutil.copy(DRIVER, tmp_path)
    shutil.copytree(CAPTURES, tmp_path / "tests" / "captures" / "mt_sics")
    (tmp_path / "tests" / "test_mine.py").write_text(TEST, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n", encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "19 passed" in result.stdout
