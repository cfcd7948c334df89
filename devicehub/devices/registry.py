"""Find drivers. One rule: an entry point names a package, and each module in it holds one ``DRIVER``."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
import traceback
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType, ModuleType

from devicehub.driver import BleDriver, Driver, SerialDriver

GROUP = "devicehub.drivers"


class UnknownDriver(LookupError):
    """No installed driver has this id. The message names the nearest ones."""


class UnusableDrivers(ValueError):
    """What is installed cannot be used. The message says which module, and what to do."""


class DriverClash(UnusableDrivers):
    """Two installed drivers have one id. The message names both modules."""


class BrokenDriver(UnusableDrivers):
    """A module of an installed driver cannot be imported. The message names its line."""


@cache
def installed() -> Mapping[str, Driver]:
    """Every installed driver by id, in id order. Raises `UnusableDrivers`."""
    found: dict[str, tuple[Driver, str]] = {}
    for point in entry_points(group=GROUP):
        for module in _modules(_module(point.value)):
            driver = getattr(module, "DRIVER", None)
            if not isinstance(driver, BleDriver | SerialDriver):
                continue
            if driver.id in found:
                raise DriverClash(f"{driver.id}: {found[driver.id][1]} and {module.__name__}")
            found[driver.id] = (driver, module.__name__)
    return MappingProxyType({name: found[name][0] for name in sorted(found)})


def driver_version(driver: Driver) -> str:
    """The version of the distribution the driver came with: it travels with every reading."""
    home = _home(driver)
    if home is None:
        return "uninstalled"
    point, _package = home
    return point.dist.version if point.dist is not None else "unknown"


def package_of(driver: Driver) -> ModuleType | None:
    """The package an installed driver is a module of."""
    home = _home(driver)
    return None if home is None else home[1]


@cache
def _home(driver: Driver) -> tuple[EntryPoint, ModuleType] | None:
    for point in entry_points(group=GROUP):
        package = _module(point.value)
        if any(getattr(module, "DRIVER", None) is driver for module in _modules(package)):
            return point, package
    return None


def find(driver_id: str) -> Driver:
    """The installed driver of this id. Raises `UnknownDriver`, which suggests the nearest."""
    drivers = installed()
    if driver_id in drivers:
        return drivers[driver_id]
    near = difflib.get_close_matches(driver_id.lower(), drivers, n=1)
    fr, en = (
        (f"vouliez-vous dire {near[0]} ?", f"did you mean {near[0]}?")
        if near
        else (f"il y a {', '.join(drivers)}", "there are those named")
    )
    raise UnknownDriver(
        f"aucun pilote ne s'appelle {driver_id!r} ; {fr} · no driver is called {driver_id!r}; {en}"
    )


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("_"):
            yield _module(f"{package.__name__}.{module.name}")


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        # The last line of the stack that is nobody else's says most.
        file = str(getattr(importlib.util.find_spec(name), "origin", ""))
        lines = [
            at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == file
        ]
        if isinstance(error, SyntaxError):
            lines = [error.lineno]
        where = f"{file}:{lines[-1]}" if lines else file
        raise BrokenDriver(f"{where}: {type(error).__name__}: {error}") from error
