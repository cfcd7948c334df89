"""Load the settings from where they are written, and say everything that is wrong with them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from devicehub.config.agreement import disagreements
from devicehub.config.problems import ConfigError, Language, Words, worded
from devicehub.config.source import credentials_folder, read, typed
from devicehub.config.tree import Settings, Table
from devicehub.config.values import data_folder
from devicehub.driver import Driver
from devicehub.toml_lines import KeyPath

SECRETS = (
    ("mqtt", "password"),
    ("broker", "password"),
    ("dossier", "token"),
    ("dossier_service", "token"),
    ("identity_provider", "client_secret"),
)


def load(
    path: Path | None,
    *,
    environment: Mapping[str, str],
    known_drivers: Mapping[str, Driver],
    language: Language = "fr",
) -> Settings:
    """The settings, or `ConfigError` with every problem there is, in the order of the lines.

    ``None`` reads no file: the environment and the defaults alone.
    """
    source = read(path, language)
    source.overlay(environment, lambda key, text: typed(text, _types(_annotation(key))))
    credentials = credentials_folder(environment)
    for table, key in SECRETS:
        source.fill_secret(table, key, credentials)
    _fill_defaults(source.tree, environment)
    settings = None
    try:
        settings = Settings.model_validate(source.tree, context={"folder": source.folder})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            key_path: KeyPath = detail["loc"]
            source.problem(key_path, worded(detail, key_path, _known(key_path)))
    for place, words in disagreements(source.tree, known_drivers):
        source.problem(place, words)
    if settings is None or source.problems:
        raise ConfigError(source.problems, language)
    return settings


def check(
    path: Path | None,
    *,
    environment: Mapping[str, str] = os.environ,
    known_drivers: Mapping[str, Driver],
    language: Language = "fr",
) -> tuple[list[str], int]:
    """What ``devicehub config check`` prints, and its exit code: 0 usable, 1 not."""
    try:
        settings = load(
            path, environment=environment, known_drivers=known_drivers, language=language
        )
    except ConfigError as error:
        return str(error).splitlines(), 1
    count = len(settings.device)
    said = Words(
        f"configuration utilisable, appareils : {count}", f"usable configuration, devices: {count}"
    )
    return [f"{path or 'configuration'}: {said.fr if language == 'fr' else said.en}"], 0


def schema_text() -> str:
    """The JSON Schema of the file, as it is kept in ``config/devicehub.schema.json``."""
    schema = Settings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _fill_defaults(tree: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Give the places of data that follow from the environment we were given."""
    folder = data_folder(environment)
    tree.setdefault("broker", {})
    for table, key, default in (
        ("station", "data", folder),
        ("broker", "data", folder / "broker"),
        ("dossier_service", "store", folder / "dossier.sqlite"),
    ):
        if isinstance(tree.get(table), dict):
            tree[table].setdefault(key, str(default))


def _types(annotation: object) -> set[object]:
    """The types inside an annotation, however deep."""
    inner = get_args(annotation)
    return {annotation} | {kind for part in inner for kind in _types(part)}


def _model(annotation: object) -> type[BaseModel] | None:
    """The table an annotation stands for, optional or in an array."""
    for kind in _types(annotation):
        if isinstance(kind, type) and issubclass(kind, Table):
            return kind
    return None


def _annotation(path: KeyPath) -> object:
    """What may stand at ``path``; ``None`` where nothing may."""
    current: object = Settings
    for part in path:
        if isinstance(part, int):
            continue
        model = _model(current)
        if model is None or part not in model.model_fields:
            return None
        current = model.model_fields[part].annotation
    return current


def _known(path: KeyPath) -> tuple[str, ...]:
    """The keys of the table that ``path`` is in."""
    model = _model(_annotation(path[:-1]))
    return tuple(model.model_fields) if model else ()
