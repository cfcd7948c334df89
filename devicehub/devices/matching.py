"""Which driver takes a Bluetooth device, from what it advertises. The more specific claim wins; order never does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from devicehub.driver import Advert, BleDriver, Driver


class Advertised(Protocol):
    """What matching looks at: `devicehub.transport.ble.Sighting` has it, and so has a capture's header."""

    @property
    def name(self) -> str | None:
        """The advertised name."""
        ...

    @property
    def services(self) -> AbstractSet[str]:
        """The advertised services, as `Frame` names them."""
        ...

    @property
    def company_data(self) -> Mapping[int, bytes]:
        """Manufacturer data by company id."""
        ...

    @property
    def service_data(self) -> Mapping[str, bytes]:
        """Service data by service."""
        ...


class Ambiguous(ValueError):
    """Two drivers claim a device equally well. The message names both: bind the device by hand."""


@dataclass(frozen=True, order=True, slots=True)
class _Claim:
    """How specific a match is: a name says more than a maker, a maker more than a service."""

    name_length: int
    company: bool
    services: int


def alternatives(given: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The names or services of which an advertisement needs one."""
    return (given,) if isinstance(given, str) else given or ()


def _claim(advert: Advert, seen: Advertised) -> _Claim | None:
    if advert.service is not None and seen.services.isdisjoint(alternatives(advert.service)):
        return None
    if advert.service_data is not None and advert.service_data not in seen.service_data:
        return None
    if advert.company is not None and advert.company not in seen.company_data:
        return None
    prefixes = alternatives(advert.name_prefix)
    fitting = [prefix for prefix in prefixes if (seen.name or "").startswith(prefix)]
    if prefixes and not fitting:
        return None
    return _Claim(
        name_length=max(map(len, fitting), default=0),
        company=advert.company is not None,
        services=(advert.service is not None)
        + (advert.service_data is not None)
        + sum(service in seen.services for service in advert.beside),
    )


def match(seen: Advertised, drivers: Iterable[Driver]) -> BleDriver | None:
    """The driver that claims this device, or ``None``. Raises `Ambiguous` on a tie."""
    claims = [
        (claim, driver)
        for driver in drivers
        if isinstance(driver, BleDriver) and (claim := _claim(driver.match, seen)) is not None
    ]
    if not claims:
        return None
    best = max(claim for claim, _ in claims)
    winners = [driver for claim, driver in claims if claim == best]
    if len(winners) > 1:
        names = " and ".join(sorted(driver.id for driver in winners))
        raise Ambiguous(f"{names} claim {seen.name or 'this device'} equally well")
    return winners[0]
