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
        models=[f"{model.maker} {model.name}" for model in driver.models],
        reads=sorted(reads),
        not_read=sorted(tells - reads),
        automatic=driver.automatic.source,
    )
