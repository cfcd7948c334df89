"""What is wrong with a configuration, in words for a person: where, what was found, what was expected."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic_core import ErrorDetails, PydanticCustomError

from devicehub.toml_lines import KeyPath

Language = Literal["fr", "en"]

LONGEST_FOUND = 60
"""Characters of a value that are shown."""


class Words(NamedTuple):
    """One sentence in the two languages."""

    fr: str
    en: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right. ``where`` is the file, an environment variable or a secret's file.

    ``key`` counts the elements of arrays from 0: ``device[1].port`` is of the second ``[[device]]``.
    """

    where: str
    line: int | None
    key: str
    words: Words

    def text(self, language: Language) -> str:
        """One line: ``devicehub.toml:11: device[1].addres: unknown key …``."""
        place = self.where if self.line is None else f"{self.where}:{self.line}"
        said = self.words.fr if language == "fr" else self.words.en
        return f"{place}: {self.key}: {said}" if self.key else f"{place}: {said}"


class ConfigError(Exception):
    """The configuration cannot be used; nothing was started. Its text has a line a problem."""

    def __init__(self, problems: Iterable[Problem], language: Language = "fr") -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line is None, problem.line))
        self.language = language
        super().__init__("\n".join(problem.text(language) for problem in self.problems))


def expected(fr: str, en: str) -> PydanticCustomError:
    """What a validator raises: the form that was expected."""
    return PydanticCustomError("expected", "{en}", {"fr": fr, "en": en})


def written(path: KeyPath) -> str:
    """``device[1].port``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def found(path: KeyPath, value: object) -> str:
    """A value as it may be shown: shortened, and never one that may be a secret."""
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
    if "secrets" in path or re.search(
        r"pas|token|secret|store|url|credential", name, re.IGNORECASE
    ):
        return "***"
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list):
        return "[…]"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_FOUND else text[: LONGEST_FOUND - 1] + "…"


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known word that was probably meant."""
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return near[0] if near else None


def did_you_mean(meant: str | None) -> Words:
    """The end of a sentence, empty where there is nothing to propose."""
    if meant is None:
        return Words("", "")
    return Words(f' ; vouliez-vous dire "{meant}" ?', f'; did you mean "{meant}"?')


def unknown(path: KeyPath, value: object, known: Collection[str]) -> Words:
    """A key or table that does not exist. The value's form outranks the name's likeness."""
    name = str(path[-1])
    meant = _by_form(value, known) or nearest(name, known)
    fr, en = did_you_mean(meant)
    if isinstance(value, dict) or (isinstance(value, list) and len(path) == 1):
        return Words(f"table inconnue{fr}", f"unknown table{en}")
    shown = found((*path[:-1], nearest(name, ("password", "token", "store")) or name), value)
    return Words(f"clé inconnue (trouvé {shown}){fr}", f"unknown key (found {shown}){en}")


def worded(error: ErrorDetails, path: KeyPath, known: Collection[str]) -> Words:
    """A finding of the validation; ``known`` are the keys its table may have."""
    if error["type"] == "extra_forbidden":
        return unknown(path, error["input"], known)
    if error["type"] == "missing":
        return Words("clé obligatoire absente", "required key missing")
    shown = found(path, error["input"])
    fr, en = _expected(error)
    meant = Words("", "")
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        choices = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
        meant = did_you_mean(nearest(error["input"], choices))
    return Words(
        f"trouvé {shown}, attendu : {fr}{meant.fr}",
        f"found {shown}, expected {en}{meant.en}",
    )


# The types of error are those of pydantic-core (docs.pydantic.dev, "Validation Errors").
_EXPECTED = {
    "string_type": Words('un texte entre guillemets ("…")', 'a text in quotes ("…")'),
    "path_type": Words('un chemin entre guillemets ("…")', 'a path in quotes ("…")'),
    "string_too_short": Words("un texte qui n'est pas vide", "a text that is not empty"),
    "int_type": Words("un nombre entier", "a whole number"),
    "int_from_float": Words("un nombre entier", "a whole number"),
    "float_type": Words("un nombre", "a number"),
    "bool_type": Words("true ou false", "true or false"),
    "model_type": Words("une table", "a table"),
    "tuple_type": Words("des tables [[…]]", "tables [[…]]"),
}


def _expected(error: ErrorDetails) -> Words:
    context: dict[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "expected":
            return Words(context["fr"], context["en"])
        case "literal_error":
            choices = str(context["expected"]).replace("'", '"')
            return Words(choices.replace(" or ", " ou "), choices)
        case "greater_than_equal":
            return Words(f"au moins {context['ge']}", f"at least {context['ge']}")
        case "less_than_equal":
            return Words(f"au plus {context['le']}", f"at most {context['le']}")
        case kind:
            return _EXPECTED.get(kind, Words(error["msg"], error["msg"]))


def _by_form(value: object, known: Collection[str]) -> str | None:
    if not isinstance(value, str):
        return None
    if re.match(r"/dev/|COM\d+$|(socket|rfc2217)://", value) and "port" in known:
        return "port"
    if re.fullmatch(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", value) and "address" in known:
        return "address"
    return None
