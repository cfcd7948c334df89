"""Where settings come from: a TOML file, then environment variables over it, then files with secrets.

``DEVICEHUB__MQTT__PORT=8883`` sets ``port`` in ``[mqtt]``; ``DEVICEHUB__DEVICE__0__PORT`` changes the first
``[[device]]`` of the file. A secret is written beside its table's other keys, in a file named
there (``password_file``), or it is a systemd credential (systemd.exec(5), ``$CREDENTIALS_DIRECTORY``).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from devicehub.config.problems import ConfigError, Language, Problem, Words, written
from devicehub.toml_lines import KeyPath, TomlLines, toml_lines

PREFIX = "DEVICEHUB__"

Interpret = Callable[[KeyPath, str], object]
"""What the text of an environment variable stands for at its place in the tree."""


@dataclass(slots=True)
class Source:
    """The tree as it was written, where each of its parts was written, and what is wrong so far."""

    file: Path | None
    tree: dict[str, Any] = field(default_factory=dict)
    lines: TomlLines = field(default_factory=TomlLines)
    places: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """What relative paths in the file start from."""
        return (self.file.parent if self.file else Path()).absolute()

    def problem(self, path: KeyPath, words: Words) -> None:
        """Note what is wrong at ``path``."""
        where = self.places.get(path)
        line = None
        if where is None:
            where = str(self.file or "configuration")
            line = self.lines.line(path) if self.file else None
        self.problems.append(Problem(where, line, written(path), words))

    # ------------------------------------------------------------------------ environment

    def overlay(self, environment: Mapping[str, str], interpret: Interpret) -> None:
        """Let environment variables replace what the file says."""
        for name in sorted(environment):
            if not name.upper().startswith(PREFIX):
                continue
            parts = name[len(PREFIX) :].lower().split("__")
            path: KeyPath = tuple(int(part) if part.isdigit() else part for part in parts)
            self.places[path] = name
            holder = self._holder(path)
            if holder is None:
                fr, en = "aucun réglage ne correspond à ce nom", "no setting has this name"
                self.problem(path, Words(fr, en))
            else:
                holder[path[-1]] = interpret(path, environment[name])

    def _holder(self, path: KeyPath) -> Any:
        """The table (or array) that ``path`` ends in, made where the file has none."""
        node: Any = self.tree
        for depth, part in enumerate(path[:-1], start=1):
            if isinstance(node, dict) and isinstance(part, str):
                if part not in node and any(isinstance(name, int) for name in path[depth:]):
                    return None  # only the file makes arrays
                node = node.setdefault(part, {})
            elif isinstance(node, list) and isinstance(part, int) and part < len(node):
                node = node[part]
            else:
                return None
        return node if isinstance(node, dict) and isinstance(path[-1], str) else None

    # ---------------------------------------------------------------------------- secrets

    def fill_secret(self, table: str, key: str, credentials: Path | None) -> None:
        """Put the secret itself in the tree, from its file or the system's credentials.

        The credential of ``token`` in ``[dossier_service]`` is called ``dossier-service-token``.
        """
        node = self.tree.get(table)
        if not isinstance(node, dict):
            return
        beside = f"{key}_file"
        if key in node and beside in node:
            ours, theirs = (table, key) in self.places, (table, beside) in self.places
            if ours == theirs:
                fr = f'"{key}" et "{beside}" sont donnés tous les deux ; gardez-en un'
                en = f'"{key}" and "{beside}" are both given; keep one'
                self.problem((table, beside), Words(fr, en))
                return
            del node[beside if ours else key]
        if isinstance(node.get(beside), str):
            file = self.folder / Path(node[beside]).expanduser()
        elif credentials is not None and not {key, beside} & node.keys():
            file = credentials / f"{table}-{key}".replace("_", "-")
            if not file.exists():
                return
            self.places[(table, key)] = str(file)
        else:
            return
        self._read_secret(file, node, (table, key))

    def _read_secret(self, file: Path, node: dict[str, Any], path: tuple[str, str]) -> None:
        place = path if path in self.places else (path[0], f"{path[1]}_file")
        try:
            secret = file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "UTF-8"
            fr, en = f"{file} n'a pas pu être lu ({why})", f"{file} could not be read ({why})"
            self.problem(place, Words(fr, en))
            return
        if not secret:
            self.problem(place, Words(f"{file} est vide", f"{file} is empty"))
            return
        node[path[1]] = secret


def read(path: Path | None, language: Language) -> Source:
    """The file as it stands; without one, an empty tree. Raises `ConfigError`."""
    if path is None:
        return Source(None)
    text = _text(path, language)
    try:
        return Source(path, tomllib.loads(text), toml_lines(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax(path, text, str(error))], language) from None


def credentials_folder(environment: Mapping[str, str]) -> Path | None:
    """Where systemd puts a service's credentials, if it does."""
    named = environment.get("CREDENTIALS_DIRECTORY")
    return Path(named) if named else None


def typed(text: str, types: Collection[object]) -> object:
    """An environment variable where these types are allowed: a text, a path, or else TOML."""
    if Path in types:
        return str(Path(text).expanduser().absolute())
    tables = [kind for kind in types if isinstance(kind, type) and issubclass(kind, BaseModel)]
    if not tables and not {int, float, bool} & set(types):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _text(path: Path, language: Language) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        fr = f"le fichier n'a pas pu être lu ({error.strerror})"
        en = f"the file could not be read ({error.strerror})"
        raise ConfigError([Problem(str(path), None, "", Words(fr, en))], language) from None
    try:
        return data.decode("utf-8-sig")  # editors of Windows put a mark in front
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fr = "ce n'est pas de l'UTF-8 ; enregistrez le fichier en UTF-8"
        en = "this is not UTF-8; save the file as UTF-8"
        raise ConfigError([Problem(str(path), line, "", Words(fr, en))], language) from None


_SYNTAX = (
    (
        "Invalid value",
        Words(
            'valeur illisible ; un texte s\'écrit entre guillemets : "…"',
            'unreadable value; a text is written in quotes: "…"',
        ),
    ),
    ("Expected '='", Words('"=" attendu après la clé', '"=" expected after the key')),
    ("Cannot overwrite", Words("clé donnée deux fois", "key given twice")),
    ("Cannot declare", Words("table donnée deux fois", "table given twice")),
    (
        "Unescaped '\\'",
        Words(
            r"« \ » dans un texte ; écrivez ce texte entre apostrophes : 'C:\…'",
            r"a backslash in a text; write this text in single quotes: 'C:\…'",
        ),
    ),
    ("Illegal character", Words("guillemet de fin absent ?", "closing quote missing?")),
)


def _syntax(path: Path, text: str, message: str) -> Problem:
    """What tomllib says: ``Invalid value (at line 2, column 5)`` or ``… (at end of document)``."""
    what, _, at = message.rpartition(" (at ")
    position = re.match(r"line (\d+)", at)
    line = int(position[1]) if position else text.rstrip().count("\n") + 1
    words = next((words for start, words in _SYNTAX if what.startswith(start)), Words(what, what))
    return Problem(str(path), line, "", Words(f"TOML : {words.fr}", f"TOML: {words.en}"))
