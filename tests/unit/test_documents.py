"""The documents are true: links lead somewhere, named tests and settings exist, the example driver works."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest
from documents import ROOT, named_blocks

from devicehub.cli import make_parser
from devicehub.driver import Driver, Frame, NotUnderstood, SerialDriver
from devicehub.testing.laws import law_simulator

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")],
    key=lambda path: path.relative_to(ROOT).as_posix(),
)
EACH = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NAMED_FILE = re.compile(r"`((?:devicehub|drivers|simulators|config|docs|tests)/[\w./-]*[\w/])`")
DEVICEHUB = re.compile(r"(sudo )?(\.venv/bin/)?devicehub ")
OPTIONAL = re.compile(r" \[[^]]*\]")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")


@EACH
def test_links_and_named_files_are_there(document: Path) -> None:
    text = document.read_text("utf-8")
    linked = [document.parent / target for target in LINK.findall(text)]
    given = named_blocks(document)  # files that the document is about to have written
    named = [ROOT / target for target in NAMED_FILE.findall(text) if target not in given]
    assert [str(path) for path in linked + named if not path.exists()] == []


@EACH
def test_named_tests_are_there(document: Path) -> None:
    missing = []
    for file, name in NAMED_TEST.findall(document.read_text("utf-8")):
        path = ROOT / file
        tree = ast.parse(path.read_text("utf-8")) if path.exists() else ast.Module([], [])
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        if name not in {node.name for node in ast.walk(tree) if isinstance(node, kinds)}:
            missing.append(f"{file}::{name}")
    assert missing == []


def commands(document: Path) -> list[list[str]]:
    """The arguments of every `devicehub` command in the code blocks of a document; what is ``[optional]`` left out."""
    blocks = re.findall(r"```\w*\n(.*?)```", document.read_text("utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    words = [
        shlex.split(OPTIONAL.sub("", line), comments=True)
        for line in lines
        if DEVICEHUB.match(line)
    ]
    return [
        line[line.index(next(w for w in line if w.endswith("devicehub"))) + 1 :] for line in words
    ]


@EACH
def test_commands_are_the_command_lines_own(document: Path) -> None:
    for words in commands(document):
        typed = itertools.takewhile(lambda word: word not in {"<", ">", "|"}, words)
        asked = make_parser().parse_args(list(typed))
        assert asked.command


def example(document: str, name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A document's own example as the module it would be."""
    module = ModuleType(f"acme.{name.rpartition('/')[2].removesuffix('.py')}")
    module.__file__ = str(ROOT / document)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(named_blocks(ROOT / document)[name], module.__dict__)  # noqa: S102 - the document's own example
    return module


def example_driver(name: str, monkeypatch: pytest.MonkeyPatch) -> Driver:
    driver: Driver = example("drivers/README.md", name, monkeypatch).__dict__["DRIVER"]
    return driver


def test_the_example_of_a_driver_reads_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = example_driver("acme_devices/acme_rod.py", monkeypatch)
    assert isinstance(driver, SerialDriver)
    (line,) = driver.line.framer().feed(b"H 172.5 cm\r\n")
    (measurement,) = driver.decode(Frame.of("-", line))
    assert str(getattr(measurement, "centimetres", None)) == "172.5"
    with pytest.raises(NotUnderstood):
        list(driver.decode(Frame.of("-", b"noise")))


def test_the_example_of_a_cuff_reads_its_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = example_driver("acme_devices/acme_cuff.py", monkeypatch)
    make = example("simulators/README.md", "acme_simulators/acme_cuff.py", monkeypatch)
    law_simulator(driver, make.__dict__["SIMULATOR"])
    (words,) = [
        w for w in commands(ROOT / "drivers" / "README.md") if w[:2] == ["drivers", "decode"]
    ]
    (measurement,) = driver.decode(Frame.of("2a35", bytes.fromhex(words[-1])))
    assert measurement.mode == "mean_of_three"


def test_a_device_of_a_sig_service_takes_fewer_than_forty_lines() -> None:
    text = named_blocks(ROOT / "drivers" / "README.md")["acme_devices/acme_cuff.py"]
    assert len(text.splitlines()) < 40
