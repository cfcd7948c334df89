"""The settings: one frozen tree from a TOML file, the environment and files with secrets.

`load` finds every problem at once and says, for each, the file, the line, what was found and what
was expected. ``config/devicehub.example.toml`` shows each setting; ``config/devicehub.schema.json`` is
generated from `devicehub.config.tree`. Relative paths start from the file's own folder.
"""

from devicehub.config.loading import check, load, schema_text
from devicehub.config.problems import ConfigError, Language, Problem
from devicehub.config.tree import Broker, Device, Dossier, DossierService, Mqtt, Settings, Station
from devicehub.config.values import Listen

__all__ = [
    "Broker",
    "ConfigError",
    "Device",
    "Dossier",
    "DossierService",
    "Language",
    "Listen",
    "Mqtt",
    "Problem",
    "Settings",
    "Station",
    "check",
    "load",
    "schema_text",
]
