"""The laws of the record itself: complete, pure, and told apart from every other driver's."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import permutations
from types import ModuleType

from devicehub.devices import matching
from devicehub.driver import KINDS, BleDriver, Driver, Pairing
from devicehub.testing.capture import Captured
from devicehub.testing.purity import impurities
from devicehub.transport.tape import CapturedAdvert

_ID = re.compile(r"[a-z][a-z0-9_]*")
_UUID = re.compile(r"[0-9a-f]{4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLACE = re.compile(rf"adv|(adv:)?({_UUID.pattern})")
_USB = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")
_LONGEST_MEASUREMENT = 3600.0
_MOST_CLAIMANTS = 5
"""Of more claims on one device, the orders are no longer tried: five make 120."""


def law_declaration(driver: Driver, captures: Sequence[Captured]) -> None:
    """The record is complete, says what the captures show, and is called like its module."""
    module = _module_of(driver)
    assert _ID.fullmatch(driver.id), f"{driver.id!r}: small letters, digits and _ only"
    assert (module.__doc__ or "").strip(), f"{module.__name__}: the docstring names the devices"
    assert captures, f"{driver.id}: no capture in the folder of this name"
    assert driver.models, f"{driver.id}: which models?"
    for model in driver.models:
        assert model.maker.strip(), f"{model}: who makes it?"
        assert model.name.strip(), f"{model}: what is it called?"
        assert model.reads, f"{model.name}: reads nothing"
        assert set(model.unread) <= set(model.tells) <= set(KINDS), f"{model.name}: unread, tells"
        assert 0 < model.longest <= _LONGEST_MEASUREMENT, f"{model.name}: longest={model.longest}"
    assert driver.automatic.source.strip(), f"{driver.id}: automatic without a source"
    if isinstance(driver, BleDriver):
        _check_advert(driver)
        modes = {model.pairing for model in driver.models}
        told = driver.pairing_name is not None
        assert told == (Pairing.IN_PAIRING_MODE in modes), (
            f"{driver.id}: pairing_name={driver.pairing_name}"
        )
    else:
        assert driver.line.baud > 0, f"baud={driver.line.baud}"
        assert driver.line.usb is None or _USB.fullmatch(driver.line.usb), f"usb={driver.line.usb}"
    for one in captures:
        assert one.capture.header.driver == driver.id, f"{one.capture.path}:1: of another driver"


def law_purity(driver: Driver) -> None:
    """Nothing the driver's module reaches, even through others, has a clock, chance or an outside world."""
    found = impurities(_module_of(driver).__name__)
    assert not found, f"{driver.id} is not pure:\n" + "\n".join(f"  {line}" for line in found)


def law_matching(
    driver: Driver, captures: Sequence[Captured], installed: Mapping[str, Driver]
) -> None:
    """What each capture's device advertises leads to this driver among all, in whatever order they stand."""
    if not isinstance(driver, BleDriver):
        return
    others = [other for name, other in installed.items() if name != driver.id]
    adverts = [(one, one.capture.header.advert) for one in captures]
    assert any(advert for _one, advert in adverts), (
        f"{driver.id}: no capture's first line says what its device advertises: "
        '"advert": {"name": "…", "services": ["1810"]}'
    )
    for one, advert in adverts:
        if advert is None:
            continue
        seen, where = _Seen(advert), f"{one.capture.path}:1"
        claimants = [other for other in (*others, driver) if matching.match(seen, [other])]
        assert driver in claimants, f"{where}: {driver.id} does not take what is advertised"
        orders = permutations(claimants) if len(claimants) <= _MOST_CLAIMANTS else [claimants]
        for order in orders:
            try:
                taken = matching.match(seen, order)
            except matching.Ambiguous as tie:
                raise AssertionError(f"{where}: {tie}; say more in match") from None
            assert taken is driver, f"{where}: taken by {taken.id if taken else 'nobody'}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A capture's advertisement, as matching sees a device."""

    advert: CapturedAdvert

    @property
    def name(self) -> str:
        return self.advert.name

    @property
    def services(self) -> AbstractSet[str]:
        return frozenset(self.advert.services)

    @property
    def company_data(self) -> Mapping[int, bytes]:
        return self.advert.company_data

    @property
    def service_data(self) -> Mapping[str, bytes]:
        return self.advert.service_data


def _check_advert(driver: BleDriver) -> None:
    match = driver.match
    given_fields = (match.service, match.name_prefix, match.company, match.service_data)
    assert any(field is not None for field in given_fields), f"{driver.id}: matches every device"
    assert match.name_prefix != "", f"{driver.id}: an empty name matches every device"
    for uuid in (
        *matching.alternatives(match.service),
        *matching.alternatives(match.service_data),
        *match.beside,
    ):
        assert _UUID.fullmatch(uuid), f"{driver.id}: {uuid!r} is no UUID of ours"
    assert _PLACE.fullmatch(driver.main), f"{driver.id}: {driver.main!r} is no place of ours"


def _module_of(driver: Driver) -> ModuleType:
    holders = [one for one in list(sys.modules.values()) if vars(one).get("DRIVER") is driver]
    modules = {module.__name__.rpartition(".")[2]: module for module in holders}
    assert modules, f"{driver.id}: it is no module's DRIVER"
    assert driver.id in modules, f"{driver.id!r} in a module called {', '.join(modules)}"
    return modules[driver.id]
