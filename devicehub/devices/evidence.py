"""How well an installed driver is known to be right: computed from its captures, shipped beside it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from devicehub.devices import registry
from devicehub.driver import Driver

log = logging.getLogger(__name__)

FILE: Final = "evidence.json"
"""Beside the drivers of a package: the level of each by its id. ``devicehub drivers docs`` writes it."""

Level = Literal["drafted", "simulated", "documented", "captured", "proven"]
"""What a driver is known by, each with what those before it have (docs/technician.md, "Captures and frames")."""

_LEVELS: Final = TypeAdapter(dict[str, Level])


def level(driver: Driver) -> Level | None:
    """The level of a driver; ``None`` where its package does not say, or it is not installed."""
    package = registry.package_of(driver)
    return None if package is None else _told_by(package.__name__).get(driver.id)


@cache
def _told_by(package: str) -> Mapping[str, Level]:
    try:
        return _LEVELS.validate_json((files(package) / FILE).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        log.warning("evidence_not_read package=%s", package)
        return {}
