"""What a driver's module reaches: its imports, followed through every module that is not the language's own.

Allowed are `devicehub.driver`, `devicehub.gatt` and the part of the standard library that has neither clock
nor chance nor an outside world. Any other module is read in turn, as a driver author may share code between
drivers of a package; the installed libraries are not. The language's own imports are devicehub's matter.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

LANGUAGE = ("devicehub.driver", "devicehub.gatt")
PURE = frozenset(
    {
        "__future__", "abc", "array", "base64", "binascii", "bisect", "calendar", "collections",
        "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib",
        "heapq", "hmac", "itertools", "json", "math", "numbers", "operator", "re", "statistics",
        "string", "struct", "textwrap", "types", "typing", "unicodedata", "zlib",
    }
)  # fmt: skip
_IMPURE_CALLS = frozenset(
    {"__import__", "breakpoint", "compile", "eval", "exec", "globals", "input", "open", "print"}
)
_CLOCKS = frozenset({"now", "today", "utcnow"})
_CALENDARS = frozenset({"date", "datetime"})


def impurities(module: str) -> list[str]:
    """What is wrong with ``module`` and what it reaches, each as ``file:line: what``."""
    found: list[str] = []
    waiting, seen = [module], {module}
    while waiting:
        name = waiting.pop(0)
        path = _source(name)
        if path is None:
            continue
        tree = ast.parse(path.read_bytes(), str(path))
        for line, what in _impure_calls(tree):
            found.append(f"{path}:{line}: {what}")
        for line, imported in _imports(tree, name, path):
            if _is_pure(imported):
                continue
            if not _is_followed(imported, module):
                found.append(f"{path}:{line}: imports {imported}")
            elif imported not in seen:
                seen.add(imported)
                waiting.append(imported)
    return found


def _is_pure(name: str) -> bool:
    if name.partition(".")[0] in PURE:
        return True
    return any(name == one or name.startswith(f"{one}.") for one in LANGUAGE)


def _is_followed(name: str, driver: str) -> bool:
    """Only a driver's own package is: not another driver, not a library, not the hub."""
    package = driver.partition(".")[0]
    own = name == package or name.startswith(f"{package}.")
    return own and not hasattr(sys.modules.get(name), "DRIVER") and _source(name) is not None


def _source(name: str) -> Path | None:
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None and module is None:
        try:
            spec = importlib.util.find_spec(name)
        except ImportError:
            spec = None
        file = spec.origin if spec is not None else None
    return Path(file) if file is not None and file.endswith(".py") else None


def _imports(tree: ast.AST, name: str, path: Path) -> Iterator[tuple[int, str]]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield node.lineno, alias.name
            case ast.ImportFrom(module=origin, names=names, level=level):
                base = "." * level + (origin or "")
                base = importlib.util.resolve_name(base, package) if level else base
                for alias in names:
                    inner = f"{base}.{alias.name}"
                    yield node.lineno, inner if _source(inner) is not None else base


def _impure_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called)) if called in _IMPURE_CALLS:
                yield node.lineno, f"calls {called}"
            case ast.Attribute(
                attr=attribute, value=ast.Name(id=owner) | ast.Attribute(attr=owner)
            ):
                if attribute in _CLOCKS and owner in _CALENDARS:
                    yield node.lineno, f"reads the clock: {owner}.{attribute}"
