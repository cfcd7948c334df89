"""A driver in a package outside the repository: the wheel of this one, a venv, and the texts of drivers/README.md.

Nothing is downloaded: what the wheel depends on is borrowed from the environment that runs the tests.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from documents import ROOT, named_blocks

from devicehub.testing import conformance

SIMULATOR = '''\
"""An ACME R2, invented."""

import random
from decimal import Decimal

from devicehub.driver import BodyHeight
from devicehub.testing.simulator import Message


class AcmeRod:
    """One rod."""

    def __init__(self, seed):
        self._chance = random.Random(seed)

    def receive(self, data, now):
        """It answers nothing."""
        return b""

    def measure(self, now):
        """Somebody stands under it."""
        height = Decimal(self._chance.randint(1200, 2000)) / 10
        truth = BodyHeight(centimetres=height)
        yield Message(data=f"H {height} cm\\r\\n".encode(), after=2.0, truth=truth)


SIMULATOR = AcmeRod
'''


@dataclass(frozen=True)
class Package:
    """A package of somebody else, and the environment it is installed in."""

    folder: Path
    programs: Path

    def run(self, *words: str, status: int = 0) -> str:
        """What a program of that environment prints. Asserts its exit status."""
        program, *rest = words
        done = subprocess.run(
            [str(self.programs / program), *rest],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """The package of the document, its environment made from a wheel, not yet installed itself."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    paths = sysconfig.get_paths(
        "venv", vars={"base": str(environment), "platbase": str(environment)}
    )
    borrowed = Path(paths["purelib"]) / "borrowed.pth"
    borrowed.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=40)
    (wheel,) = tmp_path.glob("devicehub-*.whl")
    with zipfile.ZipFile(wheel) as contents:
        (metadata,) = (name for name in contents.namelist() if name.endswith("/METADATA"))
        assert "Provides-Extra: testing" in contents.read(metadata).decode()
    folder = tmp_path / "acme"
    for path, text in named_blocks(ROOT / "drivers" / "README.md").items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    for code in ("acme_devices", "acme_simulators"):
        (folder / code).mkdir(exist_ok=True)
        (folder / code / "__init__.py").write_text('"""ACME."""\n', encoding="utf-8")
    made = Package(folder, Path(paths["scripts"]))
    install(made, wheel)
    return made


def install(package: Package, what: Path) -> None:
    """Install a wheel or a folder into the package's environment."""
    python = str(package.programs / "python")
    pip = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--python",
        python,
        "--offline",
        "--no-deps",
    ]
    words = [*pip, "--no-build-isolation", "--no-cache", str(what)]
    subprocess.run(words, check=True, capture_output=True, timeout=40)


def test_the_kit_judges_a_package_of_somebody_else(package: Package) -> None:
    where = package.run("python", "-c", "import devicehub; print(devicehub.__file__)")
    assert str(package.programs.parent) in where, where
    folders = ("--drivers", "acme_devices", "--simulators", "acme_simulators")
    package.run("devicehub", "drivers", "new", "acme_lamp", "--kind", "serial", *folders)
    (package.folder / "acme_simulators" / "acme_rod.py").write_text(SIMULATOR, encoding="utf-8")
    not_yet = package.run("devicehub", "drivers", "check", "acme_rod", *folders[:2], status=2)
    assert (
        "acme_rod.py is there, but in no package that an entry point devicehub.drivers" in not_yet
    )
    install(package, package.folder)

    assert "keeps" in package.run("devicehub", "drivers", "check", "acme_rod")
    said = package.run("devicehub", "drivers", "check", "acme_lamp", status=1)
    assert "decode is not written yet" in said or "what the device's display showed" in said
    tested = package.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    laws = [name for name in conformance.__all__ if name.startswith("test_")]
    assert f"{len(laws)} passed" in tested
    assert "skipped" not in tested
    without = "import sys; sys.modules['hypothesis'] = None; import devicehub.testing.conformance"
    assert "pip install 'devicehub[testing]'" in package.run("python", "-c", without, status=1)
