"""What the installed drivers say of themselves, for people and programs to read."""

from __future__ import annotations

from typing import TypedDict

from devicehub.devices.registry import driver_version
from devicehub.driver import Driver, SerialDriver


class Description(TypedDict):
    """One driver, in plain words and lists."""

    id: str
    version: str
    transport: str
    line: list[str]
    """A serial line's settings: the driver's own, then those its devices can be at as well."""
    models: list[str]
    reads: list[str]
    not_read: list[str]
    automatic: str


def describe(driver: Driver) -> Description:
    """The driver's declaration as it is shown."""
    tells = {kind for model in driver.models for kind in model.tells}
    reads = {kind for model in driver.models for kind in model.reads}
    return Description(
        id=driver.id,
        version=driver_version(driver),
        transport="serial" if isinstance(driver, SerialDriver) else "bluetooth",
        line=line_settings(driver) if isinstance(driver, SerialDriver) else [],
        models=[f"{model.maker} {model.name}" for model in driver.models],
        reads=sorted(reads),
        not_read=sorted(tells - reads),
        automatic=driver.automatic.source,
    )


def line_settings(driver: SerialDriver) -> list[str]:
    """``9600 8N1`` first, then what a model or a menu sets otherwise."""
    models = (f"{model.line} ({model.name})" for model in driver.models if model.line is not None)
    return [str(driver.line), *models, *map(str, driver.line.also)]
