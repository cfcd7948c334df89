"""The documents are true: links lead somewhere, named tests and settings exist, the example driver works."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import ModuleType

import pytest

from devicehub.driver import Driver, Frame, NotUnderstood, SerialDriver

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")],
    key=lambda path: path.relative_to(ROOT).as_posix(),
)
EACH = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NAMED_FILE = re.compile(r"`((?:devicehub|drivers|simulators|config|docs|tests)/[\w./-]*[\w/])`")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")


@EACH
def test_links_and_named_files_are_there(document: Path) -> None:
    text = document.read_text("utf-8")
    linked = [document.parent / target for target in LINK.findall(text)]
    named = [ROOT / target for target in NAMED_FILE.findall(text)]
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


def example_driver() -> Driver:
    text = (ROOT / "drivers" / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    module = ModuleType("acme_rod")
    exec(code, module.__dict__)  # noqa: S102 - the document's own example
    driver: Driver = module.__dict__["DRIVER"]
    return driver


def test_the_example_of_a_driver_reads_its_device() -> None:
    driver = example_driver()
    assert isinstance(driver, SerialDriver)
    (line,) = driver.line.framer().feed(b"H 172.5 cm\r\n")
    (measurement,) = driver.decode(Frame.of("-", line))
    assert str(getattr(measurement, "centimetres", None)) == "172.5"
    with pytest.raises(NotUnderstood):
        list(driver.decode(Frame.of("-", b"noise")))
