"""Where each key of a TOML document stands: what ``tomllib`` knows while it reads and does not tell.

The scanner follows TOML 1.0.0 (toml.io/en/v1.0.0) just closely enough to know which key a line belongs
to: headers, arrays of tables, dotted and quoted keys, inline tables, arrays and strings over several lines. It judges
nothing: it is given documents that ``tomllib`` has accepted.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field

KeyPath = tuple[str | int, ...]
"""A place in the document: names of keys, and positions in arrays counted from 0."""

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*""")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]*")


@dataclass(frozen=True, slots=True)
class TomlLines:
    """The line of each key, header and array element of one document, counted from 1."""

    lines: dict[KeyPath, int] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int:
        """The line of ``path``, else of its nearest known parent, else 1."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def toml_lines(text: str) -> TomlLines:
    """Scan a document that ``tomllib`` has accepted."""
    scanner = _Scanner(text)
    scanner.document()
    return TomlLines(scanner.lines)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._written: set[KeyPath] = set()
        self._last: dict[KeyPath, int] = {}
        self._counted = (0, 1)

    def document(self) -> None:
        """Headers and key-value pairs until the end; what is no key is passed over."""
        table: KeyPath = ()
        while self._skip():
            if self.text.startswith("[[", self.at):
                table = self._header(2)
            elif self.text.startswith("[", self.at):
                table = self._header(1)
            elif not self._pair(table):
                self.at += 1

    # ---------------------------------------------------------------------- what is found

    def _header(self, brackets: int) -> KeyPath:
        line = self._line()
        self.at += brackets
        names = self._key()
        self.at += brackets
        path: KeyPath = ()
        for name in names[:-1]:
            path = (*path, name)
            self._note(path, line, written=False)
            if path in self._last:
                path = (*path, self._last[path])
        path = (*path, *names[-1:])
        if brackets == 1:
            self._note(path, line)
            return path
        self._note(path, line)
        self._last[path] = self._last.get(path, -1) + 1
        path = (*path, self._last[path])
        self._note(path, line)
        return path

    def _pair(self, table: KeyPath) -> bool:
        """One ``key = value``; ``False`` where there is none."""
        start, line = self.at, self._line()
        names = self._key()
        if not names or not self.text.startswith("=", self.at):
            self.at = start
            return False
        self.at += 1
        for length in range(1, len(names)):
            self._note((*table, *names[:length]), line, written=False)
        path = (*table, *names)
        self._note(path, line)
        self._value(path)
        return True

    def _value(self, path: KeyPath) -> None:
        self._skip()
        if self.text.startswith("[", self.at):
            self._array(path)
        elif self.text.startswith("{", self.at):
            self._inline_table(path)
        else:
            found = _STRING.match(self.text, self.at) or _PLAIN.match(self.text, self.at)
            self.at = found.end() if found else self.at + 1

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while self._skip() and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            start = self.at
            self._note((*path, index), self._line())
            self._value((*path, index))
            self.at = max(self.at, start + 1)
            index += 1
        self.at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while self._skip() and self.text[self.at] != "}":
            if not self._pair(path):
                self.at += 1
        self.at += 1

    # --------------------------------------------------------------------------- the text

    def _key(self) -> tuple[str, ...]:
        names: list[str] = []
        while part := _KEY_PART.match(self.text, self.at):
            self.at = part.end()
            names.append(_name(part[1]))
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
        return tuple(names)

    def _skip(self) -> bool:
        """Pass space, line ends and comments; whether anything is left."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.at < len(self.text)

    def _line(self) -> int:
        position, line = self._counted
        line += self.text.count("\n", position, self.at)
        self._counted = (self.at, line)
        return line

    def _note(self, path: KeyPath, line: int, *, written: bool = True) -> None:
        """Keep the first line that writes ``path`` itself, before one that only implies it."""
        if path not in self.lines or (written and path not in self._written):
            self.lines[path] = line
        if written:
            self._written.add(path)


def _name(part: str) -> str:
    """A key as it is meant: quoted ones without quotes and escapes."""
    return str(tomllib.loads(f"name = {part}")["name"]) if part[0] in "\"'" else part
