"""Bindings: which physical devices belong to this room, by a deliberate act written in the configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from devicehub.devices import matching, registry
from devicehub.devices.intake import Source
from devicehub.driver import Line, LineSettings, SerialDriver
from devicehub.reading.reading import Origin
from devicehub.transport.ble import Sighting
from devicehub.transport.serial import origin_of


class WrongDriver(ValueError):
    """A device is bound to a driver that cannot read it over this transport."""


@dataclass(frozen=True, slots=True)
class BleBinding:
    """A Bluetooth device of the room, by its address or by how its advertised name starts.

    ``driver`` overrides what its advertisement says.
    """

    id: str
    name: str
    address: str | None
    name_prefix: str | None
    driver: str | None = None
    model: str | None = None

    def fits(self, seen: Sighting) -> bool:
        """Whether this is the device that was seen."""
        if self.address is not None:
            return self.address.lower() == seen.address.lower()
        return self.name_prefix is not None and (seen.name or "").startswith(self.name_prefix)


@dataclass(frozen=True, slots=True)
class SerialBinding:
    """A serial device of the room, by the identity of its port.

    ``settings`` are those of `devicehub.driver.LineSettings` that its line has, whatever the driver says.
    """

    id: str
    name: str
    port: str
    driver: str
    model: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def source(self) -> Source:
        """The device behind the port. Raises `WrongDriver` or `registry.UnknownDriver`."""
        return Source(self.id, self._driver(), self.port, origin_of(self.port), self.model)

    def line(self) -> Line:
        """Its line: the driver's, as its model has it, as the configuration has it. Raises as `source`."""
        return replace(line_of(self._driver(), self.model), **self.settings)

    def _driver(self) -> SerialDriver:
        driver = registry.find(self.driver)
        if not isinstance(driver, SerialDriver):
            raise WrongDriver(
                f"{self.id}: {self.driver} reads Bluetooth, {self.port} is a serial line"
            )
        return driver


def line_of(driver: SerialDriver, model: str | None) -> Line:
    """The line of a driver's model, set as that model is."""
    known = next((known.line for known in driver.models if known.name == model), None)
    return driver.line if known is None else set_to(driver.line, known)


def set_to(line: Line, settings: LineSettings) -> Line:
    """The line with other settings."""
    return replace(line, **{one.name: getattr(settings, one.name) for one in fields(LineSettings)})


def recognise(
    seen: Sighting, bindings: Sequence[BleBinding], origin: Origin, *, accept_any: bool
) -> tuple[Source, str] | None:
    """The room's device behind a sighting and its name, or ``None`` for a stranger.

    Raises `matching.Ambiguous` when two drivers claim it, `registry.UnknownDriver` for a wrong binding.
    """
    bound = next((binding for binding in bindings if binding.fits(seen)), None)
    if bound is None and not accept_any:
        return None
    if bound is not None and bound.driver is not None:
        driver = registry.find(bound.driver)
        if isinstance(driver, SerialDriver):
            raise WrongDriver(f"{bound.id}: {bound.driver} reads a serial line, not Bluetooth")
    else:
        found = matching.match(seen, registry.installed().values())
        if found is None:
            return None
        driver = found
    if bound is not None:
        return Source(bound.id, driver, seen.address, origin, bound.model), bound.name
    slug = "ble-" + re.sub(r"[^a-z0-9]", "", seen.address.lower())[-24:]
    return Source(slug, driver, seen.address, origin), seen.name or seen.address
