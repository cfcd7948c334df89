"""Runs the tests of this folder inside the virtual machine and reports them here as if they had run here.

Here is the host: a chosen test is not run but waited for. The same file is at work in the guest, where it
writes each report into the folder that both share.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

HERE = Path(__file__).parent
REPORTS = "DEVICEHUB_SYSTEM_REPORTS"
"""Set in the guest alone: the file that its reports go to."""

START_SECONDS = 240.0
"""From the power button to the first report: most of it is Python's imports at a tenth of the speed."""

TEST_SECONDS = 120.0
"""For one test in the guest, which breaks it off itself."""

UNPREPARED = 3
machine_key = pytest.StashKey["Machine"]()
reports_key = pytest.StashKey[TextIO]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """These tests run where ``-m`` asks for them: they take minutes, and packages that few have."""
    ours = [item for item in items if is_ours(item)]
    if REPORTS in os.environ:
        limit = pytest.mark.timeout(TEST_SECONDS)
    elif "system" in config.option.markexpr:
        limit = pytest.mark.timeout(0)
    else:
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]
        return
    for item in ours:
        item.add_marker(pytest.mark.system)
        item.add_marker(limit)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """On the host: take the test's reports from the machine."""
    if REPORTS in os.environ or not is_ours(item):
        return None
    config = item.config
    if machine_key not in config.stash:
        chosen = [other.nodeid for other in item.session.items if is_ours(other)]
        config.stash[machine_key] = Machine(config, chosen)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in config.stash[machine_key].reports(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_configure(config: pytest.Config) -> None:
    """In the guest: open the file."""
    if REPORTS in os.environ:
        config.stash[reports_key] = Path(os.environ[REPORTS]).open("a", encoding="utf-8")  # noqa: SIM115 - until pytest_unconfigure
        config.pluginmanager.register(Writer(config))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Switch the machine off, or close the guest's file."""
    if machine_key in config.stash:
        config.stash[machine_key].end()
    if reports_key in config.stash:
        config.stash[reports_key].close()


class Writer:
    """The guest's side."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        print(json.dumps(data), file=self._config.stash[reports_key], flush=True)


class Machine:
    """The host's side: the running machine and what it has reported."""

    def __init__(self, config: pytest.Config, chosen: list[str]) -> None:
        self._config = config
        self._folder = tempfile.TemporaryDirectory(prefix="devicehub-system-")
        self._results = Path(self._folder.name)
        self._reports = self._results / "reports"
        self._reports.touch()
        self._stream = self._reports.open(encoding="utf-8")
        self._line = ""
        self._due = time.monotonic() + START_SECONDS
        self._said = (self._results / "said").open("w", encoding="utf-8")
        inside = ["env", f"{REPORTS}=/mnt/results/reports"]
        inside += [f"{name}={os.environ.get(name, '')}" for name in ("CI", "PYTEST_ADDOPTS")]
        inside += [
            sys.executable,
            "-m",
            "pytest",
            "-m",
            "system",
            "-p",
            "no:cacheprovider",
            *chosen,
        ]
        self._process = subprocess.Popen(
            [sys.executable, HERE / "machine.py", "run", self._results, *inside],
            cwd=config.rootpath,
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )

    def reports(self, item: pytest.Item) -> Iterator[pytest.TestReport]:
        """The reports of one test: of its preparation, itself and its end."""
        while True:
            report = self._next()
            if report is None:
                yield self._missing(item)
                return
            self._due = time.monotonic() + TEST_SECONDS + 30
            if report.nodeid == item.nodeid:
                yield report
                if report.when == "teardown":
                    return

    def end(self) -> None:
        """Switch it off if it is not off yet."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(15 if self._process.poll() is None and not self._late() else 0)
        self._process.kill()
        self._process.wait()
        self._stream.close()
        self._said.close()
        self._folder.cleanup()

    def _late(self) -> bool:
        return time.monotonic() > self._due

    def _next(self) -> pytest.TestReport | None:
        """The next report; ``None`` when no other comes."""
        while True:
            running = self._process.poll() is None and not self._late()
            self._line += self._stream.readline()
            if self._line.endswith("\n"):
                data, self._line = json.loads(self._line), ""
                report = self._config.hook.pytest_report_from_serializable(
                    config=self._config, data=data
                )
                assert isinstance(report, pytest.TestReport)
                return report
            if not running:
                return None
            time.sleep(0.1)

    def _missing(self, item: pytest.Item) -> pytest.TestReport:
        """What is said of a test that the machine did not report."""
        skipped = self._process.returncode == UNPREPARED and os.environ.get("CI") != "true"
        words = self._why()
        return pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords={},
            outcome="skipped" if skipped else "failed",
            longrepr=(str(item.path), 0, f"Skipped: {words}") if skipped else words,
            when="setup",
        )

    def _why(self) -> str:
        if self._process.returncode == UNPREPARED:
            return (self._results / "said").read_text(encoding="utf-8").strip()
        lines = ["the virtual machine did not report this test"]
        for name in ("said", "console", "output", "bluetoothd.log"):
            path = self._results / name
            if path.exists():
                lines += [f"--- {name}", *path.read_text(errors="replace").splitlines()[-30:]]
        return "\n".join(lines)


def is_ours(item: pytest.Item) -> bool:
    """Whether a test is one of this folder's."""
    return item.path.is_relative_to(HERE)
